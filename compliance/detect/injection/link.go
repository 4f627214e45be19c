package injection

import (
	"bytes"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

const (
	maxLink   = 2048
	longValue = 40 // bytes of a parameter that carries data rather than a word
)

// link examines an address that a reader's program fetches or offers: an image
// of Markdown or HTML, or a link. It carries data away if its query has a
// parameter made for that, and its host is none that texts show images from.
func (s *search) link(html bool, start, after int) {
	from, fetched := after, false
	if html {
		tag := s.lower[after:min(len(s.lower), after+maxLink)]
		if i := bytes.IndexByte(tag, '>'); i >= 0 {
			tag = tag[:i]
		}
		src := bytes.Index(tag, []byte("src="))
		if src < 0 {
			return
		}
		from, fetched = after+src+len("src="), true
		if from < len(s.norm) && (s.norm[from] == '"' || s.norm[from] == '\'') {
			from++
		}
	} else {
		open := bytes.LastIndexByte(s.lower[max(0, start-200):start], '[')
		if open < 0 {
			return
		}
		open += max(0, start-200)
		if open > 0 && s.lower[open-1] == '!' {
			fetched = true
			open--
		}
		start = open
	}
	if rest := s.lower[from:]; !bytes.HasPrefix(rest, []byte("http://")) && !bytes.HasPrefix(rest, []byte("https://")) {
		return
	}
	to := from
	for to < len(s.norm) && to-from < maxLink && s.norm[to] > ' ' && !endsAddress(s.norm[to:], html) {
		to++
	}
	host, query := split(s.lower[from:to])
	if len(query) == 0 || knownHost(host) || !carries(query, fetched) {
		return
	}
	end := to
	for end < len(s.norm) && bytes.IndexByte([]byte(")\"'> /"), s.norm[end]) >= 0 && end-to < 4 {
		end++
		if s.norm[end-1] == ')' || s.norm[end-1] == '>' {
			break
		}
	}
	if s.discussed(start, end) {
		return
	}
	s.add(linkRule, detect.Medium, start, end, 0.7)
}

// endsAddress says that an address ends before the rest. The next link or tag
// ends it as well, so that links without an end are not read again and again.
func endsAddress(rest []byte, html bool) bool {
	switch rest[0] {
	case ')', '"', '\'':
		return true
	case '<':
		return html
	case ']':
		return len(rest) > 1 && rest[1] == '('
	}
	return false
}

// split takes host and query out of an address.
func split(address []byte) (host, query []byte) {
	_, rest, _ := bytes.Cut(address, []byte("://"))
	host = rest
	if i := bytes.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}
	_, query, _ = bytes.Cut(rest, []byte("?"))
	query, _, _ = bytes.Cut(query, []byte("#"))
	return host, query
}

// knownHost lists where badges, pictures and videos of documents come from.
func knownHost(host []byte) bool {
	for _, h := range []string{
		"shields.io", "github.com", "githubusercontent.com", "gitlab.com", "wikipedia.org", "wikimedia.org", "googleapis.com", "google.com", "gravatar.com", "unsplash.com",
		"imgur.com", "youtube.com", "ytimg.com", "codecov.io", "travis-ci.org", "travis-ci.com", "circleci.com", "badge.fury.io", "badgen.net", "star-history.com", "vercel.app", "githubassets.com",
		"cloudinary.com", "microsoft.com", "azure.com", "amazonaws.com", "stackoverflow.com", "npmjs.com", "pypi.org", "example.org", "sonarcloud.io", "discord.com", "medium.com",
	} {
		if bytes.HasSuffix(host, []byte(h)) && (len(host) == len(h) || host[len(host)-len(h)-1] == '.') {
			return true
		}
	}
	return false
}

// carries says that a query takes data along: a parameter with a telling name,
// or a place to fill in.
func carries(query []byte, fetched bool) bool {
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte("&"))
		name, value, _ := bytes.Cut(pair, []byte("="))
		if len(value) == 0 {
			continue
		}
		slot := bytes.ContainsAny(value, "{}[]<>$") || bytes.HasPrefix(value, []byte("%7b")) || bytes.HasPrefix(value, []byte("%5b"))
		telling := false
		for _, n := range []string{
			"data", "d", "secret", "secrets", "leak", "exfil", "payload", "conversation", "history", "chat", "messages", "message", "msg", "prompt", "system",
			"system_prompt", "context", "memory", "info", "content", "c", "q", "token", "key", "password", "pwd", "cookie", "summary", "user_data", "stolen", "s", "b64", "base64", "email", "text",
		} {
			if string(name) == n {
				telling = true
			}
		}
		switch {
		case telling && (slot || len(value) >= longValue):
			return true
		case telling && fetched && len(name) > 2 && string(name) != "key" && string(name) != "text" && string(name) != "message" && string(name) != "content":
			return true
		case slot && fetched && !telling && len(value) > 6:
			return true
		}
	}
	return false
}
