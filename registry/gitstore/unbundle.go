package gitstore

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Unbundle makes a bare repository, at a path that must not exist, of a git
// bundle whose HEAD is the given branch. A nil bundle makes an empty
// repository. Everything is checked as git fsck checks it, and synced to disk;
// after an error the folder is to be thrown away. Nothing that the bundle says
// about sizes is believed: memory is some bytes an object, and what deltas need.
func Unbundle(ctx context.Context, from io.Reader, path, head string) (Bundle, error) {
	done := Bundle{Head: head}
	if !plainBranch(head) {
		return done, damaged("HEAD names %q, which is no branch", readable(head))
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return done, misused(path, "exists already", "give a path that does not exist yet")
	}
	if err := createRepository(path); err != nil {
		return done, err
	}
	if err := placeFile(path, "HEAD", "ref: "+head+"\n"); err != nil {
		return done, err
	}
	if from != nil {
		in := bufio.NewReaderSize(from, 64<<10)
		refs, err := readBundleHead(in)
		if err != nil {
			return done, err
		}
		packs := filepath.Join(path, "objects", "pack")
		if done.Objects, err = indexPack(ctx, in, packs); err != nil {
			return done, err
		}
		if err := placeFile(path, "packed-refs", packedRefs(refs)); err != nil {
			return done, err
		}
		done.Refs = len(refs)
		if err := syncDir(packs); err != nil {
			return done, err
		}
	}
	if err := verify(ctx, path); err != nil {
		return done, err
	}
	return done, syncDir(path)
}

// packedRefs is the file that holds refs.
func packedRefs(refs []ref) string {
	var text strings.Builder
	for _, r := range refs {
		text.WriteString(r.hash.String() + " " + r.name + "\n")
	}
	return text.String()
}

// readBundleHead reads everything before the pack. The line about HEAD is left
// out: which branch HEAD is stands elsewhere.
func readBundleHead(in *bufio.Reader) ([]ref, error) {
	first, err := headLine(in)
	if err != nil {
		return nil, err
	}
	if first+"\n" != bundleHeader {
		return nil, damaged("it is no git bundle of version 2")
	}
	var refs []ref
	seen := map[string]bool{}
	for {
		line, err := headLine(in)
		if err != nil {
			return nil, err
		}
		if line == "" {
			break
		}
		if line[0] == '-' {
			return nil, damaged("the bundle is a part that needs other commits")
		}
		text, name, _ := strings.Cut(line, " ")
		h, ok := parseHash(text)
		switch {
		case !ok || name != "HEAD" && !plainRef(name):
			return nil, damaged("the bundle has a ref that git does not allow")
		case seen[name]:
			return nil, damaged("the bundle has the ref %s twice", readable(name))
		case len(refs) == maxRefs:
			return nil, damaged("the bundle has more than %d refs", maxRefs)
		}
		seen[name] = true
		if name != "HEAD" {
			refs = append(refs, ref{name, h})
		}
	}
	if len(refs) == 0 {
		return nil, damaged("the bundle has no refs")
	}
	if name, clash := nested(refs); clash {
		return nil, damaged("the bundle has the ref %s and refs below it", readable(name))
	}
	return refs, nil
}

// headLine reads a line of the head, without its end.
func headLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull), err == nil && len(line) > 2*hashSize+1+maxRefName+1:
		return "", damaged("the bundle has a line that is too long")
	case errors.Is(err, io.EOF):
		return "", damaged("the bundle is cut off")
	case err != nil:
		return "", err
	}
	return string(line[:len(line)-1]), nil
}

// verify checks, as git fsck does, that everything which refs lead to is there
// and well formed. That objects are what their names say was checked when they
// were indexed.
func verify(ctx context.Context, path string) error {
	if err := checkRepository(path); err != nil {
		return err
	}
	strict := &strictLog{}
	o, err := openODB(filepath.Join(path, "objects"), strict.logger())
	if err != nil {
		return err
	}
	defer o.close()
	if strict.said != "" {
		return damaged("%s", strict.said)
	}
	refs, err := readRefs(path, func() {})
	if err != nil {
		return err
	}
	loose, err := (&Store{dir: path}).loose()
	if err != nil {
		return err
	}
	v := newVerifier(ctx, o, loose)
	return v.refs(refs)
}
