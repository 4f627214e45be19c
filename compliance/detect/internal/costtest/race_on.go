//go:build race

package costtest

// slack is by how much the race detector slows a scan.
const slack = 20
