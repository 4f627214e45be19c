package secret

import (
	"bytes"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

const maxCredential = 600

// header examines what follows "Bearer " or "Basic ".
func (s *search) header(basic bool, start, after int) {
	if start > 0 && s.sets.has(s.norm[start-1], word) && !s.escaped(start) {
		return
	}
	end := after
	for end < len(s.norm) && end-after <= maxCredential && s.sets.has(s.norm[end], url64|dot|slashPlus|equals|tilde) {
		end++
	}
	for end > after && s.norm[end-1] == '.' {
		end--
	}
	value := s.norm[after:end]
	if len(value) > maxCredential || s.placeholder(value) {
		return
	}
	confidence := 0.9
	if basic {
		if !s.basic(value) {
			return
		}
		confidence = 0.96
	} else if len(value) < 16 || !s.has(value, digit) || !s.has(value, lower|upper) || s.reference(value) || entropy(value) < 3 {
		return
	}
	s.add(candidate{rank: rankHeader, named: true, Finding: detect.Finding{
		Rule: authHeaderRule, Entity: AuthHeader, Severity: detect.High, Category: detect.Security,
		Start: after, End: end, Confidence: confidence,
	}})
}

// authField examines an Authorization field of another scheme than Bearer and
// Basic, or of none: "ApiKey …", "Token …".
func (s *search) authField(start, after int) {
	at := after
	for at < len(s.norm) && at-after < 20 && s.sets.has(s.norm[at], lower|upper|hyphen) {
		at++
	}
	if at == after || at >= len(s.norm) || s.norm[at] != ' ' {
		at = after
	} else {
		at++
	}
	switch string(s.lower[after:at]) {
	case "bearer ", "basic ":
		return
	}
	s.header(false, start, at)
}

// basic says that a value is the base64 of "user:password" (RFC 7617).
func (s *search) basic(v []byte) bool {
	if len(v) < 8 {
		return false
	}
	pair, ok := decode64(v)
	if !ok {
		return false
	}
	for _, c := range pair {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	user, password, found := bytes.Cut(pair, []byte(":"))
	return found && len(user)+len(password) >= 4 && !s.placeholder(pair)
}

func (s *search) has(b []byte, c charset) bool {
	for _, x := range b {
		if s.sets.has(x, c) {
			return true
		}
	}
	return false
}

// commandPassword examines "-p" of the commands that take a password there. The
// clients of MySQL want it without a blank.
func (s *search) commandPassword(start, after int) {
	if after >= len(s.norm) {
		return
	}
	line := s.lower[max(0, start-300):start]
	if i := bytes.LastIndexAny(line, "\n|;&"); i >= 0 {
		line = line[i+1:]
	}
	blank := s.norm[after] == ' '
	fits := false
	for _, c := range [][]byte{[]byte("mysql"), []byte("mariadb")} {
		fits = fits || !blank && bytes.Contains(line, c)
	}
	for _, c := range [][]byte{[]byte("sshpass"), []byte("docker login"), []byte("podman login"), []byte("az login"), []byte("mongosh"), []byte("mongodump"), []byte("oc login")} {
		fits = fits || bytes.Contains(line, c)
	}
	if !fits {
		return
	}
	from, to, quoted := s.value(after)
	if from >= to || !s.password(s.norm[from:to], quoted, false) || !quoted && s.norm[from] == '-' {
		return
	}
	s.add(candidate{rank: rankAssigned, named: true, Finding: detect.Finding{
		Rule: passwordRule, Entity: Password, Severity: detect.High, Category: detect.Security,
		Start: from, End: to, Confidence: 0.85,
	}})
}

// curlUser examines "-u name:password" of a curl command. The finding is the
// password.
func (s *search) curlUser(start, after int) {
	before := s.lower[max(0, start-300):start]
	if i := bytes.LastIndexByte(before, '\n'); i >= 0 && !bytes.HasSuffix(bytes.TrimRight(before[:i], " \r"), []byte("\\")) {
		before = before[i:]
	}
	if !bytes.Contains(before, []byte("curl")) {
		return
	}
	from, to, quoted := s.value(after)
	if from >= to {
		return
	}
	user, password, ok := bytes.Cut(s.norm[from:to], []byte(":"))
	if !ok || len(user) > maxPassword || !s.password(password, quoted, false) {
		return
	}
	s.add(candidate{rank: rankHeader, named: true, Finding: detect.Finding{
		Rule: passwordRule, Entity: Password, Severity: detect.High, Category: detect.Security,
		Start: to - len(password), End: to, Confidence: 0.9,
	}})
}
