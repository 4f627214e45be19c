package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/joho/godotenv"
)

// dotenv is the file in the working folder that adds to the environment.
const dotenv = ".env"

// maxDotenv is the largest file that is read, in bytes.
const maxDotenv = 64 << 10

// environment is what the variables say, and what is wrong with them. The real
// environment wins over the file.
type environment struct {
	lookup func(name string) (string, bool)
	file   map[string]string
	faults []string
}

func readEnvironment(lookup func(string) (string, bool)) *environment {
	e := &environment{lookup: lookup}
	var err error
	if e.file, err = readDotenv(dotenv); err != nil {
		e.fault("%s in the working folder %v", dotenv, err)
	}
	return e
}

// readDotenv reads the file, if there is one.
func readDotenv(path string) (map[string]string, error) {
	f, err := os.Open(path) //nolint:gosec // a fixed name in the working folder.
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", bare(err))
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxDotenv+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", bare(err))
	case len(data) > maxDotenv:
		return nil, errors.New("is larger than 64 KiB")
	}
	return parseDotenv(data)
}

// parseDotenv does not use the text of the parser's errors: it holds the rest
// of the file, and so everybody's secrets.
func parseDotenv(data []byte) (map[string]string, error) {
	values, err := godotenv.UnmarshalBytes(data)
	if err != nil {
		return nil, fmt.Errorf("is not understood%s: write one NAME=value a line", lineOf(data, err))
	}
	return values, nil
}

// lineOf finds the line that a parser's error is about, from the rest of the
// file that its text quotes.
func lineOf(data []byte, err error) string {
	_, quoted, found := strings.Cut(err.Error(), " near ")
	rest, bad := strconv.Unquote(quoted)
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	if !found || bad != nil || !strings.HasSuffix(text, rest) {
		return ""
	}
	return fmt.Sprintf(" (line %d)", 1+strings.Count(strings.TrimSuffix(text, rest), "\n"))
}

// bare takes the name of the file off an error that will name it anyway.
func bare(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}

func (e *environment) fault(format string, args ...any) {
	e.faults = append(e.faults, fmt.Sprintf(format, args...))
}

// err gives all faults, one a line.
func (e *environment) err() error {
	var all []error
	for _, fault := range e.faults {
		all = append(all, errors.New(fault))
	}
	return errors.Join(all...)
}

// raw gives a variable as it is, and whether it exists.
func (e *environment) raw(name string) (string, bool) {
	if value, ok := e.lookup(name); ok {
		return value, true
	}
	value, ok := e.file[name]
	return value, ok
}

// exported tells that a variable comes from the real environment, so that
// another shell does not have it.
func (e *environment) exported(name string) bool {
	value, ok := e.lookup(name)
	return ok && value != ""
}

// text gives a variable; an empty one counts as unset.
func (e *environment) text(name, otherwise string) string {
	if value, _ := e.raw(name); value != "" {
		return value
	}
	return otherwise
}

// integer gives a whole number within bounds.
func (e *environment) integer(name string, otherwise, low, high int64) int64 {
	text := e.text(name, "")
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || n > high {
		e.fault("%s must be an integer from %d to %d, not %s", name, low, high, excerpt(text))
		return otherwise
	}
	return n
}

// oneOf gives one of some words, without regard to case.
func (e *environment) oneOf(name, otherwise string, words ...string) string {
	text := e.text(name, otherwise)
	word := strings.ToLower(text)
	if !slices.Contains(words, word) {
		e.fault("%s must be %s, not %s", name, listed(words), excerpt(text))
		return otherwise
	}
	return word
}

func (e *environment) boolean(name string) bool {
	return slices.Contains([]string{"true", "1"}, e.oneOf(name, "false", "true", "1", "false", "0"))
}

// listed writes "a, b or c".
func listed(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// excerpt shows a wrong value: short, and nothing that disturbs a terminal.
func excerpt(text string) string {
	const most = 32
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strconv.Quote(text)
}
