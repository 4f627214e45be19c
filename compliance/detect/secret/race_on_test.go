//go:build race

package secret

// slack is by how much the race detector slows a scan.
const slack = 20
