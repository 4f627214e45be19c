package secret

import (
	"bytes"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

const (
	maxLabel   = 60
	maxBlock   = 32 << 10
	leastBlock = 40 // base64 characters of a block that holds a key
)

// pem examines "-----BEGIN ". The finding is the whole block; of one that was
// cut off, as far as it looks like one.
func (s *search) pem(start, labelled int) {
	b := s.norm
	label := b[labelled:min(len(b), labelled+maxLabel)]
	dashes := bytes.Index(label, []byte("-----"))
	if dashes < 0 || !bytes.HasSuffix(label[:dashes], []byte("PRIVATE KEY")) && !bytes.HasSuffix(label[:dashes], []byte("PRIVATE KEY BLOCK")) {
		return
	}
	body := labelled + dashes + 5
	limit := min(len(b), body+maxBlock)
	end := s.blockEnd(body)
	if end < 0 || end > limit {
		// Cut off: up to what cannot be in a block, or the next paragraph.
		end = limit
		for i, n := body, 0; i < limit; i++ {
			switch {
			case s.sets.has(b[i], alnum|slashPlus|equals):
				n++
				continue
			case bytes.IndexByte([]byte("\r\n\\:-, \t"), b[i]) < 0, bytes.HasPrefix(b[i:], []byte("--")):
			case n < leastBlock || !bytes.HasPrefix(b[i:], []byte("\n\n")):
				continue
			}
			end = i
			break
		}
		end = body + len(bytes.TrimRight(b[body:end], "\r\n\\ \t"))
		if s.count(b[body:end]) < leastBlock {
			return
		}
	} else {
		if s.count(b[body:end]) < leastBlock {
			return
		}
		end += len("-----END ")
		if close := bytes.Index(b[end:min(len(b), end+maxLabel)], []byte("-----")); close >= 0 {
			end += close + 5
		}
	}
	c := candidate{rank: rankBlock, Finding: detect.Finding{
		Rule: privateKeyRule, Entity: PrivateKey, Severity: detect.Critical, Category: detect.Security,
		Start: start, End: end, Confidence: 0.99,
	}}
	// The key file of a service account names itself around the key.
	around := b[max(0, start-600):min(len(b), end+400)]
	if bytes.Contains(around, []byte("gserviceaccount.com")) || bytes.Contains(around, []byte(`"service_account"`)) {
		c.Vendor = "google"
	}
	s.add(c)
}

// blockEnd is the offset of the next "-----END " at or after the offset, or -1.
// It remembers what it found, so that many beginnings without an end cost one
// look at the text.
func (s *search) blockEnd(from int) int {
	if s.lookedFrom >= 0 && from >= s.lookedFrom && (s.nextEnd < 0 || s.nextEnd >= from) {
		return s.nextEnd
	}
	s.lookedFrom, s.nextEnd = from, -1
	if i := bytes.Index(s.norm[from:], []byte("-----END ")); i >= 0 {
		s.nextEnd = from + i
	}
	return s.nextEnd
}

// count counts base64 characters, up to as many as are asked for; none if the
// text leaves its key out ("...") or repeats a character.
func (s *search) count(b []byte) int {
	if bytes.Contains(b[:min(len(b), 400)], []byte("...")) {
		return 0
	}
	var seen [256]bool
	n, kinds := 0, 0
	for _, c := range b[:min(len(b), 400)] {
		if s.sets.has(c, alnum|slashPlus) {
			n++
			if !seen[c] {
				seen[c] = true
				kinds++
			}
		}
	}
	if kinds < 12 {
		return 0
	}
	return n
}
