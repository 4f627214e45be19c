package s3store

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/internal/layout"
)

// What an object's metadata is called. S3 allows 2 KB of it, names and values
// together; the limits below keep within that.
const (
	metaAuthor  = "author"
	metaMessage = "message"
	metaCreated = "created"
	metaRef     = "sha256"
	metaProof   = "proof"
	metaWrite   = "write"

	maxAuthor  = 400
	maxMessage = 1300
	timeFormat = "2006-01-02T15:04:05.000Z07:00"

	// ownName is the author of changes that name none.
	ownName = "PromptMetrics"
)

// describe makes the metadata of a version's object. write tells this writing
// from every other one.
func describe(path, ref, write string, by registry.Signature, fallback string, at time.Time) map[string]string {
	author := strings.Join(strings.Fields(clean(by.Author, false)), " ")
	if author == "" {
		author = ownName
	}
	message := strings.TrimSpace(clean(by.Message, true))
	if message == "" {
		message = fallback
	}
	return map[string]string{
		metaAuthor:  escape(author, maxAuthor),
		metaMessage: escape(message, maxMessage),
		metaCreated: at.UTC().Format(timeFormat),
		metaRef:     ref,
		metaProof:   proof(path, ref),
		metaWrite:   write,
	}
}

// proof binds metadata to one path and content: tools copy metadata along when
// they copy an object to another name, or keep it when they write new content.
func proof(path, ref string) string {
	sum := sha256.Sum256([]byte(path + "\n" + ref))
	return hex.EncodeToString(sum[:16])
}

// field gives a value of an object's metadata. Servers differ in the case of
// the names.
func (o object) field(name string) string {
	for key, value := range o.metadata {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// origin reads who brought an object. Of what came in another way only the time
// is known.
func (o object) origin(path, ref string) registry.Origin {
	origin := registry.Origin{At: o.modified, Message: "Written to the bucket by other means"}
	if o.field(metaProof) != proof(path, ref) {
		return origin
	}
	if at, err := time.Parse(timeFormat, o.field(metaCreated)); err == nil {
		origin.At = at.UTC()
	}
	origin.Author, origin.Message = unescape(o.field(metaAuthor)), unescape(o.field(metaMessage))
	return origin
}

// clean takes away what is no text, and joins lines that must be one.
func clean(text string, lines bool) string {
	const most = 8 << 10 // more than metadata can hold, so that the work is bounded
	text = strings.ToValidUTF8(layout.Truncate(text, most), "\uFFFD")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case (r == '\n' || r == '\r') && lines:
			return '\n'
		case r == '\t' && lines:
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, text)
}

// escape writes text as a header carries it, at most most bytes long, with an
// ellipsis where it was cut.
func escape(text string, most int) string {
	const ellipsis = "%E2%80%A6"
	var b strings.Builder
	fits := 0 // the length up to which an ellipsis fits as well
	for _, r := range text {
		next := url.PathEscape(string(r))
		if b.Len()+len(next) > most {
			return b.String()[:fits] + ellipsis
		}
		b.WriteString(next)
		if b.Len()+len(ellipsis) <= most {
			fits = b.Len()
		}
	}
	return b.String()
}

// unescape reads what escape wrote, or what somebody else did.
func unescape(value string) string {
	text, err := url.PathUnescape(value)
	if err != nil {
		text = value
	}
	return strings.TrimSpace(clean(text, true))
}
