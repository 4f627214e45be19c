package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	settingsFile  = "promptmetrics.yaml"
	defaultServer = "http://localhost:3000"
	// maxSettings is the largest file that is read, in bytes.
	maxSettings = 64 << 10
)

// settings say which server is meant and who asks. What is empty is not set.
type settings struct{ server, apiKey, workspace string }

// or fills what is not set from other settings.
func (s settings) or(other settings) settings {
	first := func(a, b string) string {
		if a = strings.TrimSpace(a); a != "" {
			return a
		}
		return strings.TrimSpace(b)
	}
	return settings{first(s.server, other.server), first(s.apiKey, other.apiKey), first(s.workspace, other.workspace)}
}

// settings asks flags, environment and file, in this order. Only the working
// folder is searched: a file further up may be of somebody else, and would be
// told the API key.
func (p *program) settings() (settings, error) {
	file, err := readSettings(settingsFile)
	if err != nil {
		return settings{}, err
	}
	variable := func(name string) string {
		value, _ := p.lookup(name)
		return value
	}
	environment := settings{variable("PROMPTMETRICS_URL"), variable("PROMPTMETRICS_API_KEY"), variable("PROMPTMETRICS_WORKSPACE")}
	return p.flags.or(environment).or(file).or(settings{server: defaultServer}), nil
}

// readSettings reads the file, if there is one.
func readSettings(path string) (settings, error) {
	f, err := os.Open(path) //nolint:gosec // a fixed name in the working folder.
	if errors.Is(err, fs.ErrNotExist) {
		return settings{}, nil
	}
	if err != nil {
		return settings{}, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxSettings+1))
	if err != nil {
		return settings{}, err
	}
	if len(data) > maxSettings {
		return settings{}, fmt.Errorf("%s is larger than 64 KiB: it holds server, api_key and workspace, and nothing else", path)
	}
	return parseSettings(path, data)
}

var lineNumber = regexp.MustCompile(`line (\d+)`)

// parseSettings reads YAML. Of a fault only its line is told: the rest of the
// parser's text may quote the API key.
func parseSettings(path string, data []byte) (settings, error) {
	var v struct {
		Server    string `yaml:"server"`
		APIKey    string `yaml:"api_key"`
		Workspace string `yaml:"workspace"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&v); err != nil && !errors.Is(err, io.EOF) { // EOF: nothing but comments
		where := ""
		if line := lineNumber.FindString(err.Error()); line != "" {
			where = " (" + line + ")"
		}
		return settings{}, fmt.Errorf("%s is not understood%s: it may hold server, api_key and workspace, one a line", path, where)
	}
	return settings{v.Server, v.APIKey, v.Workspace}, nil
}
