package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// request makes the bytes of one HTTP/1.1 request.
func request(method, path, key, body string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: bench\r\nX-API-Key: %s\r\n", method, path, key)
	if body != "" {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.WriteString(body)
	return b.Bytes()
}

// load is what a run of requests measured.
type load struct {
	perSecond     float64
	count         int
	min, p50, p99 time.Duration
	cpu           time.Duration // of the measured process for one, if known
}

// drive sends requests over so many connections for a while, one after the
// other on each. Its client does as little as it can, since it shares the
// cores with what it measures. Any answer but the wanted status is an error.
func drive(ctx context.Context, address string, connections int, during time.Duration, status int, next func(n int) []byte) (load, error) {
	ctx, cancel := context.WithTimeout(ctx, during)
	defer cancel()
	var all sync.WaitGroup
	took := make([][]time.Duration, connections)
	faults := make([]error, connections)
	start := time.Now()
	for c := range connections {
		all.Go(func() { took[c], faults[c] = driveOne(ctx, address, c, connections, status, next) })
	}
	all.Wait()
	elapsed := time.Since(start)
	if err := errors.Join(faults...); err != nil {
		return load{}, err
	}
	return summary(slices.Concat(took...), elapsed), nil
}

func summary(took []time.Duration, elapsed time.Duration) load {
	if len(took) == 0 {
		return load{}
	}
	slices.Sort(took)
	return load{
		perSecond: float64(len(took)) / elapsed.Seconds(),
		count:     len(took), min: took[0], p50: took[len(took)/2], p99: took[len(took)*99/100],
	}
}

func driveOne(ctx context.Context, address string, connection, step, status int, next func(n int) []byte) (took []time.Duration, err error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	answers := bufio.NewReaderSize(conn, 64<<10)
	want := []byte("HTTP/1.1 " + strconv.Itoa(status))
	for n := connection; ctx.Err() == nil; n += step {
		start := time.Now()
		if _, err := conn.Write(next(n)); err != nil {
			return nil, err
		}
		if err := answer(answers, want); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}

// answer reads one answer with a Content-Length.
func answer(r *bufio.Reader, want []byte) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	first := string(bytes.TrimSpace(line))
	good := bytes.HasPrefix(line, want)
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	if !good {
		body := make([]byte, min(length, 300))
		_, _ = io.ReadFull(r, body)
		return fmt.Errorf("answered %s: %s", first, body)
	}
	_, err = r.Discard(length)
	return err
}

// callers runs fn from so many goroutines for a while.
func callers(ctx context.Context, n int, during time.Duration, fn func(ctx context.Context, n int) error) (load, error) {
	deadline := time.Now().Add(during)
	var all sync.WaitGroup
	took := make([][]time.Duration, n)
	faults := make([]error, n)
	start, before := time.Now(), spent(os.Getpid())
	for c := range n {
		all.Go(func() {
			for i := c; time.Now().Before(deadline); i += n {
				began := time.Now()
				if faults[c] = fn(ctx, i); faults[c] != nil {
					return
				}
				took[c] = append(took[c], time.Since(began))
			}
		})
	}
	all.Wait()
	l := summary(slices.Concat(took...), time.Since(start))
	return l.costing(spent(os.Getpid()) - before), errors.Join(faults...)
}

// costing says what the processors did meanwhile.
func (l load) costing(cpu time.Duration) load {
	if l.count > 0 {
		l.cpu = cpu / time.Duration(l.count)
	}
	return l
}
