package transfer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"sync"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// Imported says what an import did.
type Imported struct {
	// Created versions are new; Skipped ones were there already, the same.
	Created, Skipped int
	// Labels and Pins were set or moved.
	Labels, Pins int
	// Workspaces tells that the folder holds other workspaces too, which were
	// left alone.
	Workspaces bool
	Failures   []Failure
}

// Import publishes the prompt files below a folder, the versions of a prompt
// from the oldest on, and then sets its labels and its pin. What is there
// already is skipped, so an import may be repeated. An error means that it was
// cut short.
func Import(ctx context.Context, to Registry, dir string, by registry.Signature, p Progress) (done Imported, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return done, plain(err)
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	f, err := readFolder(root)
	if err != nil {
		return done, err
	}
	if len(f.files)+len(f.labels)+len(f.pins)+len(f.failures) == 0 {
		return done, fmt.Errorf("%s holds no prompt files (.json, .yaml, .yml)", dir)
	}
	i := &importing{to: to, folder: f, by: by}
	names := i.names()
	p.begin(len(names))
	failures, err := run(ctx, p, names, i.prompt)
	i.done.Workspaces = f.workspaces
	i.done.Failures = append(f.failures, failures...)
	return i.done, err
}

// importing is one run.
type importing struct {
	to     Registry
	folder *folder
	by     registry.Signature

	mu   sync.Mutex
	done Imported
}

// names are all prompts that files, labels or pins speak of.
func (i *importing) names() []string {
	all := map[string]bool{}
	for name := range i.folder.files {
		all[name] = true
	}
	for name := range i.folder.labels {
		all[name] = true
	}
	for name := range i.folder.pins {
		all[name] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func (i *importing) count(n *int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	*n++
}

func (i *importing) prompt(ctx context.Context, c *crew, name string) {
	for _, s := range i.folder.files[name] {
		if c.over() {
			return
		}
		created, err := i.version(ctx, s)
		switch {
		case errors.Is(err, pmerr.ErrForbidden): // the key may not publish, whatever it is
			c.halt(s.path, err)
		case err != nil:
			c.fail(s.path, cause(err))
		case created:
			i.count(&i.done.Created)
		default:
			i.count(&i.done.Skipped)
		}
	}
	for _, label := range slices.Sorted(maps.Keys(i.folder.labels[name])) {
		if c.over() {
			return
		}
		moved, err := i.label(ctx, name, label, i.folder.labels[name][label])
		if err != nil {
			c.fail(fmt.Sprintf("%s: %s %s", labelsFile, name, label), err)
		} else if moved {
			i.count(&i.done.Labels)
		}
	}
	version := i.folder.pins[name]
	if version == "" || c.over() {
		return
	}
	moved, err := i.pin(ctx, name, version)
	if err != nil {
		c.fail(pinsFile+": "+name, err)
	} else if moved {
		i.count(&i.done.Pins)
	}
}

// version publishes a file, unless the same is there.
func (i *importing) version(ctx context.Context, s source) (created bool, err error) {
	p, err := i.folder.parse(s.path)
	if err != nil {
		return false, err
	}
	if p.Name != s.name || p.Version != s.version {
		return false, errors.New("it changed while it was imported")
	}
	_, refused := i.to.Create(ctx, p, i.by)
	if refused == nil {
		return true, nil
	}
	if !errors.Is(refused, pmerr.ErrBadRequest) {
		return false, refused
	}
	there, err := i.to.Get(ctx, p.Name, registry.Query{Version: p.Version, Raw: true})
	switch {
	case hopeless(err):
		return false, err
	case err != nil:
		return false, refused
	}
	same, err := equal(p, there.Content)
	if err == nil && !same {
		err = fmt.Errorf("%s %s exists with another content, and a version cannot be changed: give the file a new version", p.Name, p.Version)
	}
	return false, err
}

// equal compares prompts as JSON, since the order of members says nothing.
func equal(a, b registry.Prompt) (bool, error) {
	x, err := generic(a)
	if err != nil {
		return false, err
	}
	y, err := generic(b)
	return reflect.DeepEqual(x, y), err
}

func generic(p registry.Prompt) (v any, err error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	err = decoder.Decode(&v)
	return v, err
}

// label points a label, unless it points there already.
func (i *importing) label(ctx context.Context, name, label, version string) (moved bool, err error) {
	there, err := i.to.Label(ctx, name, label)
	switch {
	case err == nil && there.Version == version:
		return false, nil
	case err != nil && !errors.Is(err, pmerr.ErrNotFound):
		return false, err
	}
	if _, err := i.to.SetLabel(ctx, name, label, version); err != nil {
		return false, err
	}
	return true, nil
}

// pin pins a version, unless it is pinned already.
func (i *importing) pin(ctx context.Context, name, version string) (moved bool, err error) {
	found, err := every(ctx, func(ctx context.Context, r page.Request) (page.Of[registry.Summary], error) {
		return i.to.List(ctx, registry.Filter{Query: name}, r)
	})
	if err != nil {
		return false, err
	}
	if slices.ContainsFunc(found, func(s registry.Summary) bool { return s.Name == name && s.ActiveVersion == version }) {
		return false, nil
	}
	if err := i.to.Activate(ctx, name, version); err != nil {
		return false, err
	}
	return true, nil
}
