package gitstore

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Remote is the repository of a git host that has the last word. The local one
// is then its mirror: reads never wait for the host, and a change is answered
// when the host has accepted its push.
type Remote struct {
	// URL of the repository: https://host/owner/name.git, or the path of a
	// repository on this machine's disk (file:///path), which needs git
	// installed. A user name and a password within it are taken out and used as
	// Username and Token where those are empty. Required.
	URL string `json:"-"`
	// Branch that is followed. Default: the one that the mirror follows
	// already, else the default branch of the repository, else "main".
	Branch string
	// Username for the host. Default "x-access-token", which GitHub wants and
	// GitLab, Gitea and Forgejo accept.
	Username string
	// Token, or password, that may read and push. Empty: no credentials.
	Token string `json:"-"`
	// AllowCleartext lets the token go over http:// to another machine. It is
	// then readable on the way.
	AllowCleartext bool
	// Timeout bounds how long the host may be silent, and each push. Default
	// 20s.
	Timeout time.Duration
	// Tags makes a tag for each version that is published, in the same push:
	// {name}/{version}, and {workspace}/{name}/{version} outside of the
	// workspace "default". A tag that exists is left as it is.
	Tags bool
	// MaxPack bounds what one fetch may bring, in bytes. Default 512 MiB.
	MaxPack int64
	// Lazy leaves the host alone until something needs it: Open then does not
	// tell whether it can be used.
	Lazy bool
	// Transport makes the HTTP requests, for hosts with certificates of their
	// own. Default: a transport of the store, with the proxy that the
	// environment names.
	Transport http.RoundTripper `json:"-"`
}

const (
	defaultUsername = "x-access-token"
	defaultTimeout  = 20 * time.Second
	defaultMaxPack  = 512 << 20
)

// Format prints a remote without its secrets, however it is printed.
func (r Remote) Format(f fmt.State, verb rune) {
	type plain Remote
	if r.Token != "" {
		r.Token = "[redacted]"
	}
	if r.URL != "" {
		r.URL = PlainURL(r.URL)
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(r))
}

// PlainURL is the URL of a repository without user name, password, query and
// fragment, fit for logs. What cannot be read as a URL gives "[redacted]".
func PlainURL(text string) string {
	if isPath(text) {
		return text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return "[redacted]"
	}
	u.User, u.RawQuery, u.Fragment, u.ForceQuery = nil, "", "", false
	return u.String()
}

// isPath tells a path on this machine's disk.
func isPath(text string) bool { return strings.HasPrefix(text, "/") || strings.HasPrefix(text, "./") }

// withDefaults also takes the credentials out of the URL.
func (r Remote) withDefaults() Remote {
	if u, err := url.Parse(r.URL); err == nil && !isPath(r.URL) && u.User != nil {
		name := u.User.Username()
		password, has := u.User.Password()
		switch {
		case r.Token != "":
		case has:
			r.Token = password
			if r.Username == "" {
				r.Username = name
			}
		default: // https://TOKEN@host, as GitHub writes it
			r.Token = name
		}
		u.User = nil
		r.URL = u.String()
	}
	if r.Username == "" {
		r.Username = defaultUsername
	}
	if r.Timeout == 0 {
		r.Timeout = defaultTimeout
	}
	if r.MaxPack == 0 {
		r.MaxPack = defaultMaxPack
	}
	return r
}

// Validate tells what cannot be, without asking the host: ErrValidation, each
// fault beginning with the name of its field, such as "Remote.URL". No fault
// shows a value: a token may have got into the wrong field.
func (r Remote) Validate() error { return r.withDefaults().validate() }

// validate is for a remote with defaults.
func (r Remote) validate() error {
	var faults []string
	fault := func(text string) { faults = append(faults, text) }
	u, err := url.Parse(r.URL)
	switch {
	case r.URL == "":
		fault("Remote.URL is empty: give the URL of the repository, such as https://github.com/owner/prompts.git")
	case isPath(r.URL):
	case err != nil:
		fault("Remote.URL cannot be read: it must look like https://host/owner/prompts.git")
	case u.Scheme == "file":
		if u.Host != "" || u.Path == "" {
			fault("Remote.URL must name a path of this machine, such as file:///srv/git/prompts.git")
		}
	case u.Scheme != "http" && u.Scheme != "https":
		fault("Remote.URL must start with https://, http:// or file:///; repositories over ssh are reached by https with a token")
	case u.Hostname() == "" || strings.Trim(u.Path, "/") == "":
		fault("Remote.URL must name a host and a repository, such as https://host/owner/prompts.git")
	case u.RawQuery != "" || u.Fragment != "":
		fault("Remote.URL must not have a query or a fragment: give the address that git clone takes")
	case u.Scheme == "http" && r.Token != "" && !r.AllowCleartext && !loopback(u.Hostname()):
		fault("Remote.URL must start with https://: over http:// anybody on the way reads the token; Remote.AllowCleartext allows it")
	}
	if r.Branch != "" && !plainBranch(headsFolder+r.Branch) {
		fault("Remote.Branch must be the name of a branch, such as main, without refs/heads/")
	}
	if strings.ContainsFunc(r.Token, unprintable) || strings.ContainsFunc(r.Username, unprintable) || strings.Contains(r.Username, ":") {
		fault("Remote.Token and Remote.Username must be printable ASCII without spaces, and Username without a colon")
	}
	if r.Timeout < 0 {
		fault("Remote.Timeout is negative: give how long the host may be silent, or 0 for 20s")
	}
	if r.MaxPack < 0 {
		fault("Remote.MaxPack is negative: give how many bytes a fetch may bring, or 0 for 512 MiB")
	}
	if len(faults) > 0 {
		return pmerr.Invalid(faults...)
	}
	return nil
}

func unprintable(c rune) bool { return c <= ' ' || c > '~' }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
