package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

const (
	maxHeader  = 2048 // bytes of a token's first part
	maxPayload = 16384
)

// webToken examines "eyJ", which is how the base64 of a JSON object begins:
// RFC 7515 has three parts, RFC 7516 five, and the first names an algorithm.
func (s *search) webToken(start int) {
	if string(s.norm[start:start+3]) != "eyJ" || !s.beginsAt(start) {
		return
	}
	header := s.run(start, maxHeader)
	if header-start < 12 || header >= len(s.norm) || s.norm[header] != '.' {
		return
	}
	payload := s.run(header+1, maxPayload)
	if payload >= len(s.norm) || s.norm[payload] != '.' {
		return
	}
	end := s.run(payload+1, maxPayload)
	encrypted := false
	for range 2 {
		if end < len(s.norm) && s.norm[end] == '.' {
			if next := s.run(end+1, maxPayload); next > end+1 {
				end, encrypted = next, true
			}
		}
	}
	if payload == header+1 && !encrypted || !s.endsAt(end) {
		return
	}
	decoded, ok := decode64(s.norm[start:header])
	var head struct {
		Algorithm string `json:"alg"`
	}
	if !ok || json.Unmarshal(decoded, &head) != nil || head.Algorithm == "" {
		return
	}
	if end == payload+1 && head.Algorithm != "none" {
		return // without its signature a token opens nothing
	}
	c := candidate{rank: rankWebToken, named: true, Finding: detect.Finding{
		Rule: jwtRule, Entity: JWT, Severity: detect.High, Category: detect.Security,
		Start: start, End: end, Confidence: 0.98,
	}}
	if claims, ok := decode64(s.norm[header+1 : payload]); ok && bytes.Contains(claims, []byte(`"iss":"supabase"`)) {
		c.Vendor = "supabase"
	}
	s.add(c)
}

// run is the end of the base64url text at the offset, or of its first bytes.
func (s *search) run(at, most int) int {
	end := at
	for end < len(s.norm) && end-at < most && s.sets.has(s.norm[end], url64) {
		end++
	}
	return end
}

// decode64 decodes either alphabet of base64, padded or not.
func decode64(b []byte) ([]byte, bool) {
	b = bytes.TrimRight(b, "=")
	encoding := base64.RawURLEncoding
	if bytes.ContainsAny(b, "+/") {
		encoding = base64.RawStdEncoding
	}
	out := make([]byte, encoding.DecodedLen(len(b)))
	n, err := encoding.Decode(out, b)
	return out[:n], err == nil
}
