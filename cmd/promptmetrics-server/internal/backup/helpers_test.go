package backup_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/internal/backup"
)

// part is an entry of a tar.
type part struct {
	tar.Header
	data []byte
}

// parts reads a tar.
func parts(tb testing.TB, data []byte) (all []part) {
	tb.Helper()
	for r := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := r.Next()
		if err == io.EOF { //nolint:errorlint // Next returns it bare.
			return all
		}
		require.NoError(tb, err)
		text, err := io.ReadAll(r)
		require.NoError(tb, err)
		all = append(all, part{*h, text})
	}
}

// tarOf writes a tar.
func tarOf(tb testing.TB, all []part) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, p := range all {
		h := p.Header
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(p.data))
		}
		h.Format = tar.FormatUnknown
		require.NoError(tb, w.WriteHeader(&h))
		_, err := w.Write(p.data)
		require.NoError(tb, err)
	}
	require.NoError(tb, w.Close())
	return out.Bytes()
}

// former is a backup that the version before this format wrote.
func former(tb testing.TB) []byte {
	tb.Helper()
	f, err := os.Open(filepath.Join("testdata", "former.tar.gz"))
	require.NoError(tb, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(tb, err)
	data, err := io.ReadAll(z)
	require.NoError(tb, err)
	return data
}

// written is a backup of a source.
func written(tb testing.TB, s backup.Source) []byte {
	tb.Helper()
	s.Scratch = tb.TempDir()
	var out bytes.Buffer
	done, err := backup.Stream(tb.Context(), &out, s)
	require.NoError(tb, err)
	require.Equal(tb, int64(out.Len()), done.Size)
	left, err := os.ReadDir(s.Scratch)
	require.NoError(tb, err)
	require.Empty(tb, left)
	return out.Bytes()
}
