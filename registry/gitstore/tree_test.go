package gitstore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/stretchr/testify/require"
)

func hashFor(i int) plumbing.Hash { return hashOf(plumbing.BlobObject, fmt.Append(nil, i)) }

// model is a tree as a map, which splicing is compared with.
type model map[string]edit

func (m model) raw() []byte {
	var all []edit
	for _, e := range m {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b edit) int {
		return strings.Compare(sortName(a), sortName(b))
	})
	var raw []byte
	for _, e := range all {
		mode := modeFile
		if e.folder {
			mode = modeFolder
		}
		raw = fmt.Appendf(raw, "%s %s\x00%s", mode, e.name, e.hash[:])
	}
	return raw
}

// sortName is how git's documentation puts its order: folders end in a slash.
func sortName(e edit) string {
	if e.folder {
		return e.name + "/"
	}
	return e.name
}

func TestSplicedTreesAreAsIfBuiltAnew(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "a-b", "a.b", "a0", "a.json", "b", "-", "_", "prompts", "prompts.md", "prompts-2", "1.0.0.json", "1.0.0-rc.1.json"}
	for i := range 300 {
		names = append(names, fmt.Sprintf("prompt-%d", i*7919%1000))
	}
	m := model{}
	var now *tree
	for round := range 200 {
		edits := map[string]edit{}
		for range 1 + random.IntN(12) {
			name := names[random.IntN(len(names))]
			e, exists := m[name]
			if !exists {
				e = edit{name: name, folder: random.IntN(2) == 0}
			}
			e.hash = hashFor(round)
			if exists && random.IntN(3) == 0 {
				e.hash = plumbing.ZeroHash
			}
			edits[name] = e
		}
		var list []edit
		for name, e := range edits {
			list = append(list, e)
			if e.hash.IsZero() {
				delete(m, name)
			} else {
				m[name] = e
			}
		}
		raw := now.splice(list)
		require.Equal(t, m.raw(), raw, "round %d", round)
		var err error
		now, err = parseTree(raw)
		require.NoError(t, err)
		for name, e := range m {
			found, ok := now.find(name)
			require.True(t, ok, name)
			require.Equal(t, e.hash, found.hash)
			require.Equal(t, e.folder, found.folder())
		}
		_, ok := now.find("prompt")
		require.False(t, ok)
	}
}

func TestPairsMeetByName(t *testing.T) {
	t.Parallel()
	build := func(entries ...edit) *tree {
		m := model{}
		for _, e := range entries {
			m[sortName(e)] = e
		}
		parsed, err := parseTree(m.raw())
		require.NoError(t, err)
		return parsed
	}
	a := build(edit{"both", true, hashFor(1)}, edit{"old", false, hashFor(2)}, edit{"x", false, hashFor(3)})
	b := build(edit{"both", true, hashFor(4)}, edit{"new", false, hashFor(5)}, edit{"x", true, hashFor(6)})
	var got []string
	for x, y := range pairs(a, b) {
		got = append(got, string(x.name)+"|"+string(y.name))
	}
	require.Equal(t, []string{"both|both", "|new", "old|", "x|", "|x"}, got)
	for x, y := range pairs(nil, nil) {
		t.Fatal(x, y)
	}
}

func TestMalformedTreesAreRefused(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("h", hashSize)
	for name, raw := range map[string]string{
		"no mode":      " a\x00" + hash,
		"no name":      "100644 \x00" + hash,
		"no end":       "100644 a",
		"short hash":   "100644 a\x00" + hash[1:],
		"trailing":     "100644 a\x00" + hash + "1",
		"not in order": "100644 b\x00" + hash + "100644 a\x00" + hash,
		"twice":        "100644 a\x00" + hash + "100644 a\x00" + hash,
		"folder early": "40000 a\x00" + hash + "100644 a.b\x00" + hash,
	} {
		_, err := parseTree([]byte(raw))
		require.ErrorIs(t, err, errDamaged, name)
	}
}

func FuzzTree(f *testing.F) {
	f.Add(model{"a": {"a", true, hashFor(1)}, "b": {"b", false, hashFor(2)}}.raw(), "b")
	f.Add([]byte("100644 a"), "")
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		parsed, err := parseTree(raw)
		if err != nil {
			require.ErrorIs(t, err, errDamaged)
			return
		}
		n := 0
		for e := range parsed.entries() {
			n += e.end - e.start
		}
		require.Equal(t, len(raw), n)
		parsed.find(name)
		for a, b := range pairs(parsed, parsed) {
			require.Equal(t, a, b)
		}
		if name == "" || strings.ContainsAny(name, "/\x00") {
			return
		}
		if e, ok := parsed.find(name); !ok || !e.folder() {
			again, err := parseTree(parsed.splice([]edit{{name: name, hash: hashFor(3)}}))
			require.NoError(t, err)
			e, ok := again.find(name)
			require.True(t, ok)
			require.Equal(t, hashFor(3), e.hash)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	l := newLRU[int, string](10_000)
	for i := range 1_000 {
		l.put(i, "x", 800)
		l.get(0)
	}
	require.LessOrEqual(t, l.weight, 10_000)
	require.Len(t, l.items, 10)
	require.Equal(t, 10, l.order.Len())
	_, ok := l.get(0)
	require.True(t, ok, "what is used stays")
	_, ok = l.get(500)
	require.False(t, ok)
	l.put(5_000, "x", 10_000)
	_, ok = l.get(5_000)
	require.False(t, ok, "what is too big is not kept")
}
