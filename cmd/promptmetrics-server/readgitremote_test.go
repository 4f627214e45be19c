package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
)

func TestReadGitRemote(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  map[string]string
		want *gitstore.Remote
	}{
		"none":                     {nil, nil},
		"a token of the shell":     {map[string]string{"GITHUB_TOKEN": "t"}, nil},
		"none of the file system":  {map[string]string{"DRIVER": "filesystem"}, nil},
		"GitHub":                   {map[string]string{"DRIVER": "github", "GITHUB_REPO": "acme/prompts", "GITHUB_TOKEN": "t"}, &gitstore.Remote{URL: "https://github.com/acme/prompts.git", Token: "t"}},
		"GitHub, with its ending":  {map[string]string{"DRIVER": "github", "GITHUB_REPO": "acme/my.prompts.git", "GITHUB_TOKEN": "t", "GITHUB_BRANCH": "b"}, &gitstore.Remote{URL: "https://github.com/acme/my.prompts.git", Token: "t", Branch: "b"}},
		"another host":             {map[string]string{"GIT_REMOTE_URL": "https://h/a.git", "GIT_REMOTE_TOKEN": "t", "GIT_REMOTE_BRANCH": "b", "GIT_REMOTE_USERNAME": "u", "GIT_TAGS": "true"}, &gitstore.Remote{URL: "https://h/a.git", Token: "t", Branch: "b", Username: "u", Tags: true}},
		"another host as a driver": {map[string]string{"DRIVER": "github", "GIT_REMOTE_URL": "http://h/a.git", "GIT_REMOTE_TOKEN": "t", "GIT_REMOTE_CLEARTEXT": "1"}, &gitstore.Remote{URL: "http://h/a.git", Token: "t", AllowCleartext: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := environmentOf(c.env)
			remote, _ := readGitRemote(e)
			require.NoError(t, e.err())
			require.Equal(t, c.want, remote)
		})
	}
	t.Run("the interval is that of the remote", func(t *testing.T) {
		t.Parallel()
		c, err := readConfig(environmentOf(map[string]string{"GIT_REMOTE_URL": "https://h/a.git", "GITHUB_SYNC_INTERVAL_MS": "1500"}))
		require.NoError(t, err)
		require.Equal(t, 1500*time.Millisecond, c.options.ReconcileInterval)
		c, err = readConfig(environmentOf(map[string]string{"GITHUB_SYNC_INTERVAL_MS": "1500"}))
		require.NoError(t, err)
		require.Equal(t, time.Minute, c.options.ReconcileInterval)
	})
}
