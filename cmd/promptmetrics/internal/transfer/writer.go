package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"sync"
)

// writer puts files into a folder, each in one step, and none outside.
type writer struct {
	root *os.Root

	mu sync.Mutex
	// taken are the paths that were written, by their lower-case form.
	taken map[string]string
}

func newWriter(root *os.Root) *writer { return &writer{root: root, taken: map[string]string{}} }

// write replaces a file, or makes it. It is on disk before it has its name.
func (w *writer) write(name string, data []byte) (err error) {
	dir := path.Dir(name)
	if err := w.root.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // as open as the folder.
		return plain(err)
	}
	if err := w.claim(dir); err != nil {
		return err
	}
	// Hidden, and with an ending that nobody takes for a prompt.
	temp := path.Join(dir, fmt.Sprintf(".%s.%08x.tmp", path.Base(name), rand.Uint32())) //nolint:gosec // a name, no secret.
	f, err := w.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return plain(err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(plain(err), w.remove(temp))
		}
	}()
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := w.root.Rename(temp, name); err != nil {
		return err
	}
	return w.claim(name)
}

// claim makes sure that a path is not another one of this export under another
// name: some disks do not tell upper from lower case.
func (w *writer) claim(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	lower := strings.ToLower(name)
	first, twice := w.taken[lower]
	if !twice {
		w.taken[lower] = name
		return nil
	}
	if first == name {
		return nil
	}
	a, err := w.root.Stat(first)
	if err != nil {
		return plain(err)
	}
	b, err := w.root.Stat(name)
	if err != nil {
		return plain(err)
	}
	if os.SameFile(a, b) {
		return fmt.Errorf("%s and %s cannot lie side by side: this disk does not tell upper from lower case", first, name)
	}
	return nil
}

func (w *writer) remove(name string) error {
	if err := w.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return plain(err)
	}
	return nil
}

// plain says which file and why, without the call that failed.
func plain(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("%s: %w", e.Path, e.Err)
	}
	return err
}
