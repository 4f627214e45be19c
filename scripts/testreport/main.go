// Command testreport turns the event stream of "go test -json" into a short
// report: a line for each package, the whole output of each test that failed,
// the reason of each skip, and the number of tests at the end.
//
// It ends with status 1 if a test or a build failed or no test ran. With
// -no-skips a skipped test counts as a failure; CI runs it so.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	noSkips := flag.Bool("no-skips", false, "fail if a test was skipped")
	flag.Parse()
	r := newReport(os.Stdout, *noSkips)
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintf(os.Stderr, "testreport: read the events of go test: %v\n", err)
		os.Exit(1)
	}
	if !r.finish() {
		os.Exit(1)
	}
}
