package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// maxCarriedFile is the largest fallback file that is read, in bytes.
const maxCarriedFile = 10 << 20

// labelsFile holds the labels: {"welcome": {"production": "1.0.0"}}.
const labelsFile = "labels.json"

// carried holds the prompts that the program brings along. The files are read
// once, when the first of them is needed:
//
//	prompts/{name}/{version}.json            of the workspace "default",
//	{any}.json                               files with any name beside them,
//	labels.json                              and their labels
//	workspaces/{workspace}/…                 the same for other workspaces
//
// Files may also end in .yaml or .yml.
type carried struct {
	files  fs.FS
	log    *slog.Logger
	limits registry.Limits

	once    sync.Once
	shelves map[string]*shelf
}

// shelf is what is carried for one workspace.
type shelf struct {
	// prompts by name and version.
	prompts map[string]map[string]*file
	// labels by prompt name and label.
	labels map[string]map[string]string
}

func newCarried(o Options) *carried {
	return &carried{files: o.Fallback, log: o.Logger, limits: o.Limits}
}

// any reports whether the program brings prompts along.
func (c *carried) any() bool { return c.files != nil }

// find chooses a prompt as the server would: by label, exact version or range,
// else the latest. It is nil if none fits.
func (c *carried) find(key selector) *file {
	if !c.any() {
		return nil
	}
	c.once.Do(c.load)
	s := c.shelves[key.workspace]
	if s == nil {
		return nil
	}
	versions := s.prompts[key.name]
	if key.label != "" {
		return versions[s.labels[key.name][key.label]]
	}
	version, ok, err := registry.Pick(slices.Collect(maps.Keys(versions)), key.version)
	if err != nil || !ok {
		return nil
	}
	return versions[version]
}

func (c *carried) load() {
	c.shelves = map[string]*shelf{}
	c.loadShelf(workspace.Default().String(), ".")
	for _, entry := range c.list("workspaces") {
		if entry.IsDir() && workspace.Valid(entry.Name()) {
			c.loadShelf(entry.Name(), path.Join("workspaces", entry.Name()))
		}
	}
}

func (c *carried) loadShelf(id, root string) {
	s := c.shelves[id]
	if s == nil {
		s = &shelf{prompts: map[string]map[string]*file{}}
		c.shelves[id] = s
	}
	folder := path.Join(root, "prompts")
	for _, name := range c.list(folder) {
		if !name.IsDir() {
			continue
		}
		for _, entry := range c.list(path.Join(folder, name.Name())) {
			where := path.Join(folder, name.Name(), entry.Name())
			if entry.IsDir() || !isPromptFile(where) {
				continue
			}
			c.add(s, where, name.Name(), strings.TrimSuffix(entry.Name(), path.Ext(where)))
		}
	}
	for _, entry := range c.list(root) {
		where := path.Join(root, entry.Name())
		switch {
		case entry.IsDir() || !isPromptFile(where):
		case entry.Name() == labelsFile:
			c.loadLabels(s, where)
		default:
			c.add(s, where, "", "")
		}
	}
}

// add puts a file on the shelf. name and version are what its path says; empty
// if its path says nothing. A file that cannot be rendered is refused, so that
// it does not hide a good version.
func (c *carried) add(s *shelf, where, name, version string) {
	v, err := c.read(where)
	switch {
	case err != nil:
	case name != "" && (v.prompt.Name != name || v.prompt.Version != version):
		err = fmt.Errorf("the file holds %q version %q, its path says otherwise", v.prompt.Name, v.prompt.Version)
	case s.prompts[v.prompt.Name][v.prompt.Version] != nil:
		err = fmt.Errorf("another file holds %q version %q already", v.prompt.Name, v.prompt.Version)
	}
	if err != nil {
		c.complain(where, err)
		return
	}
	if s.prompts[v.prompt.Name] == nil {
		s.prompts[v.prompt.Name] = map[string]*file{}
	}
	s.prompts[v.prompt.Name][v.prompt.Version] = v
}

func (c *carried) read(where string) (*file, error) {
	data, err := c.bytes(where)
	if err != nil {
		return nil, err
	}
	p, err := registry.ParseFile(where, data)
	if err != nil {
		return nil, err
	}
	v := newFile(p, registry.Version{Name: p.Name, Version: p.Version}, c.limits)
	v.carried = true
	return v, v.fault
}

func (c *carried) loadLabels(s *shelf, where string) {
	data, err := c.bytes(where)
	if err == nil {
		err = json.Unmarshal(data, &s.labels)
	}
	if err != nil {
		s.labels = nil
		c.complain(where, err)
	}
}

func (c *carried) bytes(where string) ([]byte, error) {
	f, err := c.files.Open(where)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCarriedFile+1))
	if err == nil && len(data) > maxCarriedFile {
		err = errors.New("the file is larger than 10 MiB")
	}
	return data, err
}

// list reads a folder; one that does not exist is empty.
func (c *carried) list(folder string) []fs.DirEntry {
	entries, err := fs.ReadDir(c.files, folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.complain(folder, err)
	}
	return entries
}

func (c *carried) complain(where string, err error) {
	c.log.Warn("promptmetrics: a fallback file is left out", "file", clip(plain(where), 200), "error", err)
}

func isPromptFile(name string) bool {
	return slices.Contains([]string{".json", ".yaml", ".yml"}, path.Ext(name))
}
