// Package githost is a git host for tests: real git behind HTTP with basic
// auth, as GitHub, GitLab and Gitea are, with faults that a test can switch on;
// and people, who clone, commit and push with real git.
package githost
