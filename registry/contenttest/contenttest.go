// Package contenttest holds the behaviour that every [registry.ContentStore]
// must show. An implementation's tests call [Run] with a way to open a fresh,
// empty store.
package contenttest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Trait says what a store cannot do, so that the suite does not ask for it.
type Trait int

const (
	// NoCommits is for stores that know no commits: Stored.Commit, the result
	// of Remove and Origin.Commit are empty.
	NoCommits Trait = iota + 1
	// NoHistory is for stores that cannot compare with an earlier state: every
	// Diff is Full.
	NoHistory
	// NoOrigins is for stores that do not keep who made a change: Explain finds
	// nothing.
	NoOrigins
)

// Run tests the stores that open gives. Each call must give a new, empty store
// that is closed when its test ends.
func Run(t *testing.T, open func(testing.TB) registry.ContentStore, traits ...Trait) {
	cases := []struct {
		name string
		run  func(*testing.T, *suite)
		not  Trait // the case is left out for stores with this trait
	}{
		{"WhatIsPutCanBeRead", putAndRead, 0},
		{"AnyBytesComeBackUnchanged", anyBytes, 0},
		{"TheSameBytesAgainExisted", sameBytes, 0},
		{"OtherBytesConflict", otherBytes, 0},
		{"VersionsMayHavePreReleaseAndBuild", longVersions, 0},
		{"HostileKeysAreRefused", hostileKeys, 0},
		{"HostileSignaturesAreHarmless", hostileSignatures, 0},
		{"UnknownAndHostileRefsAreNotFound", hostileRefs, 0},
		{"RemovedFilesAreGoneButReadable", remove, 0},
		{"RemovingWhatIsNotThereIsNoFault", removeMissing, 0},
		{"ARemovedVersionCanBePutAnew", removeAndPut, 0},
		{"WorkspacesAreIslands", islands, 0},
		{"TheZeroWorkspacePanics", zeroWorkspace, 0},
		{"CancelledCallsDoNothing", cancelled, 0},
		{"ConcurrentPutsAllArrive", concurrentDistinct, 0},
		{"OfConcurrentEqualPutsOneIsNew", concurrentEqual, 0},
		{"OfConcurrentDifferentPutsOneWins", concurrentDifferent, 0},
		{"ConcurrentPutsAndRemovesStayWhole", concurrentMixed, 0},
		{"AnEmptyStoreHasAnEmptyFullDiff", emptyDiff, 0},
		{"AFullDiffListsEveryFile", fullDiff, 0},
		{"AnUnknownStateGivesAFullDiff", unknownState, 0},
		{"ADiffHoldsTheNetChange", incrementalDiff, NoHistory},
		{"ADiffWithTheHeadIsEmpty", unchangedDiff, NoHistory},
		{"EveryFileHasItsOwnOrigin", origins, NoOrigins},
		{"ANewFileHasANewOrigin", newOrigin, NoOrigins},
		{"UnknownFilesAndHeadsHaveNoOrigin", unknownOrigins, 0},
		{"CheckPassesAndChangesNothing", check, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.not != 0 && slices.Contains(traits, c.not) {
				t.Skip("not a trait of this store")
			}
			c.run(t, &suite{ContentStore: open(t), traits: traits})
		})
	}
}

// suite is a store with its traits and some shorthands.
type suite struct {
	registry.ContentStore
	traits []Trait
}

func (s *suite) lacks(trait Trait) bool { return slices.Contains(s.traits, trait) }

// content is the default workspace.
func (s *suite) content() registry.Content { return s.Workspace(workspace.Default()) }

func key(name, version string) registry.Key { return registry.Key{Name: name, Version: version} }

func by(author, message string) registry.Signature {
	return registry.Signature{Author: author, Message: message}
}

// put stores text and fails the test if that is refused.
func put(t testing.TB, c registry.Content, k registry.Key, text string) registry.Stored {
	t.Helper()
	stored, err := c.Put(t.Context(), k, []byte(text), by("Ada", ""))
	require.NoError(t, err)
	return stored
}

// read gives the text of a ref.
func read(t testing.TB, c registry.Content, ref string) string {
	t.Helper()
	data, err := c.Read(t.Context(), ref)
	require.NoError(t, err)
	return string(data)
}

// files lists all files of the store with their refs.
func files(t testing.TB, s registry.ContentStore) map[registry.File]string {
	t.Helper()
	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	require.True(t, d.Full, "a diff with nothing is full")
	return byFile(t, d)
}

// byFile checks the changes of a diff and gives their refs.
func byFile(t testing.TB, d registry.Diff) map[registry.File]string {
	t.Helper()
	found := map[registry.File]string{}
	for _, c := range d.Changes {
		_, twice := found[c.File]
		require.False(t, twice, "%s %s is listed twice", c.Name, c.Version)
		require.Contains(t, []string{"json", "yaml"}, c.Format)
		require.NotEmpty(t, c.Path)
		if d.Full {
			require.NotEmpty(t, c.Ref, "a full diff has no deletions")
		}
		found[c.File] = c.Ref
	}
	return found
}

func file(id workspace.ID, k registry.Key) registry.File {
	return registry.File{Workspace: id, Key: k}
}

func parse(t testing.TB, name string) workspace.ID {
	t.Helper()
	id, err := workspace.Parse(name)
	require.NoError(t, err)
	return id
}

// head is the store's present state.
func head(t testing.TB, s registry.ContentStore) string {
	t.Helper()
	d, err := s.Diff(t.Context(), "")
	require.NoError(t, err)
	return d.Head
}

// gone is a context that has ended.
func gone(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
