package transfer

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/registry"
)

// maxFile is more than the largest prompt file that is accepted, in bytes.
const maxFile = 11 << 20

// source is one prompt file of a folder.
type source struct{ path, name, version string }

// folder is what a folder holds for import.
type folder struct {
	root *os.Root
	// files by prompt name, oldest version first.
	files map[string][]source
	// labels and pins by prompt name.
	labels map[string]map[string]string
	pins   map[string]string
	// Workspaces tells that there is a folder "workspaces", as in a prompt
	// repository, that is not of this workspace.
	workspaces bool
	failures   []Failure
}

// readFolder looks at every file. What is wrong with one is a failure.
func readFolder(root *os.Root) (*folder, error) {
	f := &folder{root: root, files: map[string][]source{}}
	taken := map[[2]string]string{}
	err := fs.WalkDir(root.FS(), ".", func(where string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && where == ".":
			return err
		case err != nil:
			f.fail(where, err)
			return nil
		case where != "." && strings.HasPrefix(entry.Name(), "."):
			return skip(entry)
		case entry.IsDir() && where == workspacesFolder:
			f.workspaces = true
			return fs.SkipDir
		case entry.IsDir() || where == labelsFile || !isPromptFile(where):
			return nil
		}
		s, err := f.look(where)
		if err != nil {
			f.fail(where, err)
			return nil
		}
		key := [2]string{s.name, s.version}
		if first := taken[key]; first != "" {
			f.fail(where, fmt.Errorf("%s holds %s %s already", first, s.name, s.version))
			return nil
		}
		taken[key] = where
		f.files[s.name] = append(f.files[s.name], s)
		return nil
	})
	if err != nil {
		return nil, plain(err)
	}
	for _, files := range f.files {
		slices.SortFunc(files, func(a, b source) int { return registry.Compare(a.version, b.version) })
	}
	f.readLabels()
	f.readPins()
	return f, nil
}

func skip(entry fs.DirEntry) error {
	if entry.IsDir() {
		return fs.SkipDir
	}
	return nil
}

func isPromptFile(name string) bool {
	return slices.Contains([]string{".json", ".yaml", ".yml"}, path.Ext(name))
}

func (f *folder) fail(what string, err error) {
	f.failures = append(f.failures, Failure{what, cause(err)})
}

// cause is why, without the path, which stands before it.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// look reads a file for what it holds.
func (f *folder) look(where string) (source, error) {
	p, err := f.parse(where)
	if err != nil {
		return source{}, err
	}
	parts := strings.Split(where, "/")
	if len(parts) == 3 && parts[0] == promptsFolder {
		version := strings.TrimSuffix(parts[2], path.Ext(parts[2]))
		if p.Name != parts[1] || p.Version != version {
			return source{}, fmt.Errorf("it holds %s %s, its path says otherwise", p.Name, p.Version)
		}
	}
	return source{where, p.Name, p.Version}, nil
}

func (f *folder) parse(where string) (registry.Prompt, error) {
	data, err := f.read(where)
	if err != nil {
		return registry.Prompt{}, err
	}
	return registry.ParseFile(where, data)
}

// read reads a file that lies in the folder; a link that leads out of it is
// refused.
func (f *folder) read(where string) ([]byte, error) {
	file, err := f.root.Open(where)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no file")
	}
	return io.ReadAll(io.LimitReader(file, maxFile))
}

func (f *folder) readLabels() {
	data, err := f.read(labelsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil && json.Unmarshal(data, &f.labels) != nil {
		f.labels = nil
		err = errors.New(`it must look like {"welcome": {"production": "1.0.0"}}`)
	}
	if err != nil {
		f.fail(labelsFile, err)
	}
}

func (f *folder) readPins() {
	data, err := f.read(pinsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		f.fail(pinsFile, err)
		return
	}
	f.pins = map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 0:
		case len(words) != 2:
			f.fail(pinsFile, fmt.Errorf("line %d must hold a name and a version", n))
		default:
			f.pins[words[0]] = words[1]
		}
	}
	if err := lines.Err(); err != nil {
		f.fail(pinsFile, err)
	}
}
