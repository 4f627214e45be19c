package main

import (
	"regexp"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// gitHub is where GITHUB_REPO is.
const gitHub = "https://github.com/"

// repositoryOnGitHub is "owner/name".
var repositoryOnGitHub = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$`)

// readGitRemote finds the git host that keeps the prompts; nil if none does.
// names are pairs of what the library calls an option and of its variable. No
// token is ever shown.
func readGitRemote(e *environment) (remote *gitstore.Remote, names []string) {
	driver, _ := e.raw("DRIVER")
	repo, url := e.text("GITHUB_REPO", ""), e.text("GIT_REMOTE_URL", "")
	remote = &gitstore.Remote{
		URL: url, Branch: e.text("GIT_REMOTE_BRANCH", ""), Username: e.text("GIT_REMOTE_USERNAME", ""),
		Token: e.text("GIT_REMOTE_TOKEN", ""), AllowCleartext: e.boolean("GIT_REMOTE_CLEARTEXT"), Tags: e.boolean("GIT_TAGS"),
	}
	branch, token := e.text("GITHUB_BRANCH", ""), e.text("GITHUB_TOKEN", "")
	names = []string{
		"Remote.URL", "GIT_REMOTE_URL", "Remote.Branch", "GIT_REMOTE_BRANCH", "Remote.Token", "GIT_REMOTE_TOKEN",
		"Remote.Username", "GIT_REMOTE_USERNAME", "Remote.AllowCleartext", "GIT_REMOTE_CLEARTEXT=true",
	}
	e.checkPlaces(driver, remote.Tags)
	switch {
	case driver == driverS3:
		return nil, nil
	case repo != "" && url != "":
		e.fault("GITHUB_REPO and GIT_REMOTE_URL exclude each other: set one")
		return nil, nil
	case repo != "" && driver != "github":
		e.fault("GITHUB_REPO needs DRIVER=github: set that, or remove GITHUB_REPO")
		return nil, nil
	case repo == "" && url == "":
		if driver == "github" {
			e.fault("GITHUB_REPO is missing: DRIVER=github needs a repository, owner/name, or GIT_REMOTE_URL for another git host")
		}
		return nil, nil
	case url != "" && remote.Token == "" && strings.Contains(url, "@"):
		names[5] = "The token in GIT_REMOTE_URL"
	case repo != "":
		remote.URL, remote.Branch, remote.Token, remote.Username = gitHub+strings.TrimSuffix(repo, ".git")+".git", branch, token, ""
		names[1], names[3], names[5] = "GITHUB_REPO", "GITHUB_BRANCH", "GITHUB_TOKEN"
		if !repositoryOnGitHub.MatchString(repo) {
			e.fault("GITHUB_REPO must be owner/name, not %s", excerpt(repo))
			return nil, nil
		}
		if token == "" {
			e.fault("GITHUB_TOKEN is missing: DRIVER=github needs a token that may read and write the contents of %s", repo)
			return nil, nil
		}
	}
	if err := remote.Validate(); err != nil {
		naming := strings.NewReplacer(names...)
		for _, fault := range pmerr.From(err).Fields {
			e.fault("%s", naming.Replace(fault))
		}
	}
	return remote, names
}

// readGitBranches finds the branches that workspaces follow.
func readGitBranches(e *environment) map[workspace.ID]string {
	pairs := e.list("GIT_BRANCHES")
	if len(pairs) == 0 {
		return nil
	}
	if driver, _ := e.raw("DRIVER"); driver == driverS3 {
		e.fault("GIT_BRANCHES needs prompts in git, but DRIVER is s3: remove one of them")
		return nil
	}
	branches := map[workspace.ID]string{}
	for _, pair := range pairs {
		name, branch, _ := strings.Cut(pair, "=")
		id, err := workspace.Parse(strings.TrimSpace(name))
		branch = strings.TrimSpace(branch)
		if err != nil || branch == "" {
			e.fault("GIT_BRANCHES must be workspace=branch, and commas between them, such as staging=staging,qa=release, not %s", excerpt(pair))
			return nil
		}
		if _, twice := branches[id]; twice {
			e.fault("GIT_BRANCHES names the workspace %s twice", id)
			return nil
		}
		branches[id] = branch
	}
	return branches
}
