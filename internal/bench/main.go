// Command bench measures PromptMetrics on this machine and prints the figures
// beside the goals. What is compared is measured in the same run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// bench is a run of this program.
type bench struct {
	*table
	folder string
	during time.Duration
	rows   int
	binary string // of the server, once it is built
}

// part is a group of figures that can be measured alone.
type part struct {
	name    string
	measure func(*bench, context.Context) error
}

// parts in the order in which they run. Each has data of its own.
func parts() []part {
	return []part{
		{"library", (*bench).inProcess},
		{"detectors", (*bench).detectors},
		{"statistics", (*bench).statistics},
		{"server", (*bench).overHTTP},
		{"rows", (*bench).overRows},
		{"playground", (*bench).playground},
		{"evaluations", (*bench).evaluations},
	}
}

func names(all []part) string {
	var list []string
	for _, p := range all {
		list = append(list, p.name)
	}
	return strings.Join(list, ",")
}

func main() {
	b := &bench{table: &table{out: os.Stdout}}
	flag.DurationVar(&b.during, "during", 5*time.Second, "how long each figure is measured")
	flag.StringVar(&b.folder, "dir", "", "folder for the data; a temporary one if empty")
	flag.IntVar(&b.rows, "rows", 1_000_000, "over how many logs lists and metrics are measured; beside them the same over 10,000")
	only := flag.String("only", names(parts()), "the parts to run")
	profile := flag.String("cpuprofile", "", "file for a CPU profile of what runs in this process")
	serve := flag.Bool("bare", false, "serve fixed answers on HOST and PORT; used by the program itself")
	many := &scale{}
	flag.IntVar(&many.rows, "scale", 0, "measure PostgreSQL with so many logs instead, such as 20000000")
	flag.StringVar(&many.url, "database", "", "of -scale: URL of a database without logs; a server is started if empty")
	flag.StringVar(&many.folder, "postgres", "/var/tmp", "of -scale: folder, on a disk and open to other users, for that server's data")
	flag.Parse()
	err := func() error {
		if *serve {
			return bare(context.Background(), os.Getenv("HOST")+":"+os.Getenv("PORT"))
		}
		if *profile != "" {
			stop, err := startProfile(*profile)
			if err != nil {
				return err
			}
			defer stop()
		}
		if many.rows > 0 {
			many.during = b.during
			return many.run(context.Background())
		}
		return b.run(context.Background(), strings.Split(*only, ","))
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func startProfile(path string) (stop func(), err error) {
	file, err := os.Create(path) //nolint:gosec // the caller's own choice.
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close()
	}, nil
}

func (b *bench) run(ctx context.Context, only []string) error {
	for _, name := range only {
		if !slices.ContainsFunc(parts(), func(p part) bool { return p.name == name }) {
			return fmt.Errorf("there is no part %q; there are %s", name, names(parts()))
		}
	}
	if b.folder == "" {
		temp, err := os.MkdirTemp("", "promptmetrics-bench-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(temp) }()
		b.folder = temp
	}
	fmt.Printf("%s, %d cores, %s/%s\n", runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	for _, p := range parts() {
		if !slices.Contains(only, p.name) {
			continue
		}
		b.heading(p.name)
		if err := p.measure(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	b.heading("end")
	return nil
}

// dir is a folder for the data of a part.
func (b *bench) dir(name string) string { return filepath.Join(b.folder, name) }
