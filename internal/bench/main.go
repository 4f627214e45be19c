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
	"time"
)

func main() {
	during := flag.Duration("during", 5*time.Second, "how long each figure is measured")
	folder := flag.String("dir", "", "folder for the data; a temporary one if empty")
	profile := flag.String("cpuprofile", "", "file for a CPU profile of the in-process part")
	rows := flag.Int("rows", 1_000_000, "how many logs the lists are measured over")
	serve := flag.Bool("bare", false, "serve fixed answers on HOST and PORT; used by the program itself")
	flag.Parse()
	if *serve {
		fmt.Fprintln(os.Stderr, "bench:", bare(context.Background(), os.Getenv("HOST")+":"+os.Getenv("PORT")))
		os.Exit(1)
	}
	if *profile != "" {
		stop, err := startProfile(*profile)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		defer stop()
	}
	if err := run(context.Background(), *folder, *rows, *during); err != nil {
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

func run(ctx context.Context, folder string, rows int, during time.Duration) error {
	if folder == "" {
		temp, err := os.MkdirTemp("", "promptmetrics-bench-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(temp) }()
		folder = temp
	}
	t := &table{out: os.Stdout}
	fmt.Printf("%s, %d cores, %s/%s\n", runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	if err := inProcess(ctx, t, filepath.Join(folder, "in-process"), during); err != nil {
		return err
	}
	peeking(t)
	return overHTTP(ctx, t, folder, rows, during)
}
