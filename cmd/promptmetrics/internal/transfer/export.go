package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// Exported says what an export wrote.
type Exported struct {
	Versions, Labels int
	Failures         []Failure
}

// Export writes every prompt of a registry into a folder, which is made if it
// does not exist. Files that are there are replaced, each in one step; files of
// other prompts stay. Nothing is written outside the folder, whatever a server
// answers. An error means that the export is not complete in a way that
// Failures do not tell.
func Export(ctx context.Context, from Registry, folder string, p Progress) (done Exported, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // prompts are as open as the folder they go to.
		return done, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	prompts, err := every(ctx, func(ctx context.Context, r page.Request) (page.Of[registry.Summary], error) {
		return from.List(ctx, registry.Filter{}, r)
	})
	if err != nil {
		return done, err
	}
	e := &export{from: from, out: newWriter(root), labels: map[string]map[string]string{}, pins: map[string]string{}}
	p.begin(len(prompts))
	done.Failures, err = run(ctx, p, prompts, e.prompt)
	done.Versions, done.Labels = e.versions, e.labelled
	if err != nil {
		return done, err
	}
	return done, e.finish()
}

// export is one run.
type export struct {
	from Registry
	out  *writer

	mu                 sync.Mutex
	labels             map[string]map[string]string
	pins               map[string]string
	versions, labelled int
}

// prompt writes the versions of a prompt and remembers its labels.
func (e *export) prompt(ctx context.Context, c *crew, s registry.Summary) {
	if !registry.ValidName(s.Name) {
		c.fail(fmt.Sprintf("prompt %q", s.Name), errors.New("the name is none that a prompt can have"))
		return
	}
	versions, err := every(ctx, func(ctx context.Context, r page.Request) (page.Of[registry.VersionItem], error) {
		return e.from.Versions(ctx, s.Name, r)
	})
	if err != nil {
		c.fail(s.Name, err)
		return
	}
	for _, v := range versions {
		if c.over() {
			return
		}
		if err := e.version(ctx, s.Name, v); err != nil {
			c.fail(s.Name+" "+v.Version.Version, err)
		}
	}
	labels, err := every(ctx, func(ctx context.Context, r page.Request) (page.Of[registry.Label], error) {
		return e.from.Labels(ctx, s.Name, r)
	})
	if err != nil {
		c.fail("labels of "+s.Name, err)
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range labels {
		if e.labels[s.Name] == nil {
			e.labels[s.Name] = map[string]string{}
		}
		e.labels[s.Name][l.Name] = l.Version
		e.labelled++
	}
}

func (e *export) version(ctx context.Context, name string, v registry.VersionItem) error {
	version := v.Version.Version
	if !registry.ValidVersion(version) {
		return errors.New("the version is none that a prompt can have")
	}
	entry, err := e.from.Get(ctx, name, registry.Query{Version: version, Raw: true})
	if err != nil {
		return err
	}
	if entry.Content.Name != name || entry.Content.Version != version {
		return fmt.Errorf("the server answered %q version %q", entry.Content.Name, entry.Content.Version)
	}
	data, err := registry.FormatFile(entry.Content)
	if err != nil {
		return err
	}
	if err := e.out.write(path.Join(promptsFolder, name, version+".json"), data); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.versions++
	if v.Active {
		e.pins[name] = version
	}
	return nil
}

// finish writes labels and pins, sorted by name.
func (e *export) finish() error {
	data, err := json.MarshalIndent(e.labels, "", "  ")
	if err != nil {
		return err
	}
	if err := e.out.write(labelsFile, append(data, '\n')); err != nil {
		return err
	}
	if len(e.pins) == 0 {
		return e.out.remove(pinsFile)
	}
	var lines []string
	for name, version := range e.pins {
		lines = append(lines, name+" "+version+"\n")
	}
	slices.Sort(lines)
	return e.out.write(pinsFile, []byte(strings.Join(lines, "")))
}
