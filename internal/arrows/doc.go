// Package arrows holds the test that keeps the project's layers apart: what a
// package imports, directly or through others, stays below it and stays light.
//
// The linter checks direct imports file by file; see .golangci.yml. This test
// asks the go command for everything that a package brings into a program.
package arrows
