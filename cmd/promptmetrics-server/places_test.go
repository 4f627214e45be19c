package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlacesThatContradictEachOther(t *testing.T) {
	t.Parallel()
	const bucket = "S3_BUCKET=prompts S3_REGION=eu-central-1 "
	for _, c := range []struct{ name, env, want string }{
		{"a bucket and GitHub", bucket + "DRIVER=s3 GITHUB_REPO=a/b GITHUB_TOKEN=hunter2", "GITHUB_REPO and DRIVER=s3 exclude each other, as prompts are in one place: remove one"},
		{"a bucket and a git host", bucket + "DRIVER=s3 GIT_REMOTE_URL=https://h/a.git", "GIT_REMOTE_URL and DRIVER=s3 exclude each other, as prompts are in one place: remove one"},
		{"a bucket that is not the driver's", bucket, "S3_BUCKET needs DRIVER=s3: set that, or remove S3_BUCKET"},
		{"a git host and the file system", "DRIVER=filesystem GIT_REMOTE_URL=https://h/a.git", "GIT_REMOTE_URL and DRIVER=filesystem exclude each other: set DRIVER=github, or remove GIT_REMOTE_URL"},
		{"GitHub's branch for another host", "GIT_REMOTE_URL=https://h/a.git GITHUB_BRANCH=b", "GITHUB_BRANCH belongs to GITHUB_REPO: with GIT_REMOTE_URL set GIT_REMOTE_BRANCH"},
		{"a token for no host", "GIT_REMOTE_TOKEN=hunter2", "GIT_REMOTE_TOKEN needs GIT_REMOTE_URL: set that, or remove GIT_REMOTE_TOKEN"},
		{"another host's branch for GitHub", "DRIVER=github GITHUB_REPO=a/b GITHUB_TOKEN=hunter2 GIT_REMOTE_BRANCH=b", "GIT_REMOTE_BRANCH needs GIT_REMOTE_URL: set that, or remove GIT_REMOTE_BRANCH"},
		{"tags for no host", "GIT_TAGS=true", "GIT_TAGS=true needs a git host: set GITHUB_REPO or GIT_REMOTE_URL, or remove GIT_TAGS"},
		{"tags that are no boolean", "GIT_TAGS=x", `GIT_TAGS must be true, 1, false or 0, not "x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{}
			for pair := range strings.FieldsSeq(c.env) {
				name, value, _ := strings.Cut(pair, "=")
				env[name] = value
			}
			_, err := readConfig(environmentOf(env))
			require.EqualError(t, err, c.want)
		})
	}
}
