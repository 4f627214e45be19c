package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// event is one line of "go test -json"; see "go doc test2json".
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	// ImportPath names what was built, in the events of a build.
	ImportPath string
}

// test names a test of a package; the name is empty for the package itself.
type test struct{ pkg, name string }

// report gathers events, and writes what people want to see as it comes.
type report struct {
	out     io.Writer
	noSkips bool

	output  map[test][]string   // of the tests that have not ended
	builds  map[string][]string // by what is built
	failed  map[string][]string // names of failed tests, by package
	skips   map[string][]string // names of skipped tests, by reason
	broken  []string            // packages that failed without a failed test, and builds
	passes  int
	fails   int
	skipped int
}

func newReport(out io.Writer, noSkips bool) *report {
	return &report{
		out: out, noSkips: noSkips,
		output: map[test][]string{}, builds: map[string][]string{}, failed: map[string][]string{},
		skips: map[string][]string{},
	}
}

// read takes events until the end of the stream.
func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			r.line(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// line takes one line. One that is no event is a message of the go command.
func (r *report) line(line string) {
	var e event
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.Action == "" {
		r.print(line)
		return
	}
	at := test{e.Package, e.Test}
	switch e.Action {
	case "output":
		r.output[at] = append(r.output[at], e.Output)
	case "build-output":
		r.builds[e.ImportPath] = append(r.builds[e.ImportPath], e.Output)
	case "build-fail":
		r.print(r.builds[e.ImportPath]...)
		r.broken = append(r.broken, e.ImportPath+" does not build")
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(at, e.Action)
		} else {
			r.endTest(at, e.Action)
		}
		delete(r.output, at)
	}
}

func (r *report) endTest(at test, action string) {
	switch action {
	case "pass":
		r.passes++
	case "fail":
		r.fails++
		r.failed[at.pkg] = append(r.failed[at.pkg], at.name)
		r.print(r.output[at]...)
	case "skip":
		r.skipped++
		why := reason(r.output[at])
		r.skips[why] = append(r.skips[why], at.pkg+" "+at.name)
	}
}

// endPackage writes the line with which go test closes a package. What else a
// package wrote outside its tests is shown if it failed, and so is the output
// of the tests that its end cut short.
func (r *report) endPackage(at test, action string) {
	if action == "fail" {
		for cut := range r.output {
			if cut.pkg == at.pkg && cut.name != "" {
				r.failed[at.pkg] = append(r.failed[at.pkg], cut.name)
				r.fails++
				r.print(r.output[cut]...)
				delete(r.output, cut)
			}
		}
		if len(r.failed[at.pkg]) == 0 {
			r.broken = append(r.broken, at.pkg+" failed outside its tests")
		}
		r.print(r.output[at]...)
		return
	}
	for _, line := range r.output[at] {
		if strings.HasPrefix(line, "ok ") {
			r.print(line)
		}
	}
}

// finish writes the lists and the numbers, and reports whether all is well.
func (r *report) finish() bool {
	r.list("Skipped", r.skipList())
	var failed []string
	for pkg, names := range r.failed {
		for _, name := range names {
			failed = append(failed, pkg+" "+name)
		}
	}
	slices.Sort(failed)
	r.list("Failed", append(failed, r.broken...))
	ok := r.fails == 0 && len(r.broken) == 0
	if r.passes+r.fails == 0 {
		r.print("No test ran.\n")
		ok = false
	}
	if r.noSkips && r.skipped > 0 {
		r.print("A test was skipped, and this run may skip none.\n")
		ok = false
	}
	r.print(fmt.Sprintf("\n%d passed, %d failed, %d skipped\n", r.passes, max(r.fails, len(r.broken)), r.skipped))
	return ok
}

// skipList tells for each reason which tests were skipped. One reason may hold
// for hundreds of tests, so it names a few, but all where none may be skipped.
func (r *report) skipList() []string {
	const named = 3
	var entries []string
	for _, why := range slices.Sorted(maps.Keys(r.skips)) {
		tests := r.skips[why]
		for i, name := range tests {
			if i == named && !r.noSkips {
				entries = append(entries, fmt.Sprintf("%s: and %d tests more", why, len(tests)-named))
				break
			}
			entries = append(entries, why+": "+name)
		}
	}
	return entries
}

func (r *report) list(title string, entries []string) {
	if len(entries) == 0 {
		return
	}
	r.print("\n", title, ":\n")
	for _, entry := range entries {
		r.print("  ", entry, "\n")
	}
}

// print writes to the terminal. There is nowhere to tell that this failed.
func (r *report) print(texts ...string) {
	for _, text := range texts {
		_, _ = io.WriteString(r.out, text)
	}
}

// reason finds what a test said when it skipped itself: the line after the
// place in the source, or the one line that has both.
func reason(output []string) string {
	said := "no reason given"
	for _, line := range output {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "===") {
			continue
		}
		if place, text, found := strings.Cut(line, ": "); found && strings.Contains(place, ".go:") {
			line = text
		}
		said = line
	}
	return said
}
