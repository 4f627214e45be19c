//go:build !race

package injection

const slack = 1
