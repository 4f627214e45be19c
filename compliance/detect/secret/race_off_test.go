//go:build !race

package secret

const slack = 1
