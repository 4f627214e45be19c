package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// ErrNotInstalled says that this machine has no PostgreSQL server programs.
// Test for it with errors.Is.
var ErrNotInstalled = errors.New("PostgreSQL's server programs are not installed: on Debian or Ubuntu, apt-get install postgresql")

// binFolders are the places where systems keep server programs off the PATH.
// Every "*" stands for a version.
var binFolders = [...]string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
}

// findBin gives the folder of initdb and postgres: the one on the PATH, else
// the newest version of binFolders. It returns ErrNotInstalled if none is there.
func findBin() (string, error) {
	if found, err := exec.LookPath(program("initdb")); err == nil {
		// The link's target, because the programs look for their files, and we
		// for postgres, beside it.
		if found, err = filepath.EvalSymlinks(found); err == nil && holdsServer(filepath.Dir(found)) {
			return filepath.Dir(found), nil
		}
	}
	return newestBin(binFolders[:])
}

// newestBin gives the newest folder with server programs that fits a pattern.
func newestBin(patterns []string) (string, error) {
	for _, pattern := range patterns {
		folders, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("look for PostgreSQL in %s: %w", pattern, err)
		}
		slices.SortFunc(folders, func(a, b string) int {
			return slices.Compare(version(b), version(a))
		})
		for _, folder := range folders {
			if holdsServer(folder) {
				return folder, nil
			}
		}
	}
	return "", ErrNotInstalled
}

// version reads the numbers of a path: 9 and 6 of /usr/lib/postgresql/9.6/bin.
func version(path string) []int {
	var numbers []int
	for _, digits := range strings.FieldsFunc(path, func(r rune) bool { return r < '0' || r > '9' }) {
		n, err := strconv.Atoi(digits)
		if err != nil {
			continue // More digits than an int holds: no version of PostgreSQL.
		}
		numbers = append(numbers, n)
	}
	return numbers
}

// holdsServer reports whether folder has both programs that a server needs.
func holdsServer(folder string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		info, err := os.Stat(filepath.Join(folder, program(name)))
		if err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// program gives the file name of a program on this system.
func program(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}
