package pii

import (
	"bytes"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// label is a set of things that a number may be called by the words beside it.
type label uint64

// The labels. The table in words.go says which word gives which.
const (
	lPhone     label = 1 << iota
	lPhoneWeak       // a verb such as "call"
	lSSN
	lITIN
	lCard
	lOther // something else that has a number: an order, an ISBN, an IMEI
	lVersion
	lBirth
	lBorn // a verb: with a date in digits only
	lPassport
	lLicence
	lLicenceWord // together with the next
	lDriver
	lGift // cards that are no payment cards
	lDL   // right before, as in "DL 1234567"
	lNHS
	lNINO
	lSteuerID
	lDNI
	lFiscale
	lNIR
	lBSN
	lPESEL
	lCPF
	lCNPJ
	lAadhaar
	lPAN
	lSIN
	lTFN
	lMedicare
	lPersonnummer
	lResident
	lRouting
	lCPR
	lFodsel
	lHetu
	lRijks
	lAHV
	lTCKN
	lRRN
	lCURP
	lNRIC
	lMAC
	lWallet
	lIP
	lABN
)

// How far from a number its label may stand, in bytes.
const (
	reachBefore = 64
	reachAfter  = 28
)

// reachSign is how far before a number a sign of a telephone may stand, in bytes.
const reachSign = 12

// phoneSigns are the pictures by which letterheads and chats label a number.
var phoneSigns = [][]byte{[]byte("☎"), []byte("✆"), []byte("📞"), []byte("📱"), []byte("☏")}

// labels are the words around a span.
type labels struct {
	near label // of the nearest word that is a label
	gap  int   // from its end to the span, in bytes
	// past says that another number stands between that word and the span.
	past bool
	// behind says that the words stand after the span.
	behind bool
	all    label // of all words within reach
}

func (l labels) is(want label) bool  { return l.near&want != 0 }
func (l labels) has(want label) bool { return l.all&want != 0 }

// names is for numbers with a check digit: the word may stand a little off, as
// in "Medicare card", unless the nearest says something quite different.
func (l labels) names(want label) bool {
	if want == lLicence && (l.is(lLicenceWord) && l.has(lDriver) || l.is(lDriver) && l.has(lLicenceWord) ||
		l.is(lDL) && l.gap <= 3 && !l.behind) {
		return true
	}
	return l.is(want) || l.has(want) && l.is(lCard)
}

// labelsOf reads what the words before a span call it, or, if they say
// nothing, the words after it on the same line. Its cost is bounded.
func labelsOf(t *detect.Text, start, end int) labels {
	var l labels
	from := max(0, start-reachBefore)
	for _, sign := range phoneSigns {
		if bytes.Contains(t.Norm[max(0, start-reachSign):start], sign) {
			l.add(lPhone, 1, false)
		}
	}
	words := wordWalk{norm: t.Norm[from:start], lower: t.Lower[from:start], pos: start - from}
	previous, earlier := label(0), label(0)
	for w := words.back(); w != nil; w = words.back() {
		if len(w) <= 3 && (isDigit(at(words.norm, words.pos-1)) || isDigit(at(words.norm, words.wordEnd)) && words.wordEnd < len(words.norm)) {
			continue // a piece of hexadecimal or of a code
		}
		if words.pos > 0 && len(w) > 1 && escaped(words.norm, words.pos) {
			w = w[1:]
		}
		_, owner := owners[string(w)]
		if owner && (previous|earlier)&lPossibleNumber != 0 {
			// "my number is": a person's number is a phone number.
			l.add(lPhoneWeak, len(words.norm)-words.wordEnd, words.digits)
		}
		earlier = 0
		if _, ok := adjectives[string(w)]; ok {
			earlier = previous
		}
		previous = lookUp(w)
		if joined := words.joined(); joined != nil {
			previous |= lookUp(joined)
		}
		if words.ended && previous == 0 && len(w) > 3 {
			break // the sentence before; "No." and "Tel." end none
		}
		words.ended = false
		if words.digits {
			// A number in between has taken the name of what is counted.
			previous &^= lOther | lVersion
		}
		l.add(previous&^lPossibleNumber, len(words.norm)-words.wordEnd, words.digits)
	}
	if l.near != 0 {
		return l
	}
	to := min(len(t.Norm), end+reachAfter)
	if i := bytes.IndexAny(t.Norm[end:to], "\n\r;"); i >= 0 {
		to = end + i
	}
	after := wordWalk{norm: t.Norm[end:to], lower: t.Lower[end:to]}
	l.behind = true
	for w := after.forth(); w != nil; w = after.forth() {
		found := lookUp(w) &^ lPossibleNumber
		if found&lOther != 0 && numbered(t.Norm, end+after.pos) {
			found &^= lOther // "for order 123": it is the next number that has this name
		}
		l.add(found, after.pos-len(w), false)
	}
	return l
}

// numbered says whether a number follows the word that ends at i.
func numbered(b []byte, i int) bool {
	for n := 0; n < 3 && (at(b, i) == ' ' || at(b, i) == '#' || at(b, i) == ':'); n++ {
		i++
	}
	return isDigit(at(b, i))
}

func (l *labels) add(w label, gap int, past bool) {
	if l.near == 0 && w != 0 {
		l.near, l.gap, l.past = w, gap, past
	}
	l.all |= w
}

// lookUp is the label of a word in lower case. Chinese, Japanese and Korean run
// words together, so there each two to four characters are looked up.
func lookUp(w []byte) label {
	if w[0] < utf8.RuneSelf {
		if found := words[string(w)]; found != 0 || !stemmed(w) {
			return found
		}
		return lPhone
	}
	if found := words[string(w)]; found != 0 {
		return found
	}
	low := bytes.ToLower(w)
	if found := words[string(low)]; found != 0 {
		return found
	}
	if stemmed(low) {
		return lPhone
	}
	if r, _ := utf8.DecodeRune(w); r < 0x0E00 {
		return 0
	}
	var l label
	for i := 0; i < len(w); {
		_, size := utf8.DecodeRune(w[i:])
		end := i + size
		for n := 0; n < 3 && end < len(w); n++ {
			_, more := utf8.DecodeRune(w[end:])
			end += more
			if found := words[string(w[i:end])]; found != 0 {
				l = found // the last one stands nearest
			}
		}
		i += size
	}
	return l
}

// phoneStems begin the words that languages with compounds and endings make of
// "telephone": "Telefonnummern", "puhelinnumeroni", "telefonszám", "телефоном".
var phoneStems = []string{"telefon", "puhelin", "mobilnum", "mobiltel", "handynum", "телефон", "téléphon"}

func stemmed(w []byte) bool {
	if len(w) < 8 || w[0] != 't' && w[0] != 'p' && w[0] != 'm' && w[0] != 'h' && w[0] < utf8.RuneSelf {
		return false
	}
	for _, s := range phoneStems {
		if bytes.HasPrefix(w, []byte(s)) {
			return true
		}
	}
	return false
}

// wordWalk reads words: runs of letters, cut where camelCase joins them.
type wordWalk struct {
	norm, lower []byte
	pos         int
	// ended says that a sentence ended after the word read last, going back.
	ended bool
	// digits says that a number stands after the word read last, going back.
	digits bool
	// runEnd is where the run of letters ends that the word read last is in.
	runEnd, wordEnd int
}

func inWord(c byte) bool { return isLetter(c) || c >= utf8.RuneSelf }

// letterAt says whether the byte at k is of a letter. Beyond ASCII that is all
// but the blocks of punctuation, symbols and emoji: in "SSN—219" and "tel→030"
// the word ends where the sign stands.
func letterAt(b []byte, k int) bool {
	if b[k] < utf8.RuneSelf {
		return isLetter(b[k])
	}
	for back := 0; back < utf8.UTFMax-1 && k > 0 && !utf8.RuneStart(b[k]); back++ {
		k--
	}
	switch second := at(b, k+1); b[k] {
	case 0xC2: // U+0080 to U+00BF
		return false
	case 0xE2: // U+2000 to U+2BFF
		return second >= 0xB0
	case 0xE3: // U+3000 to U+303F
		return second != 0x80
	case 0xF0: // U+1F000 to U+1FFFF
		return second != 0x9F
	}
	return true
}

// back is the word before pos, or nil.
func (w *wordWalk) back() []byte {
	end := w.pos
	for w.pos > 0 && !letterAt(w.norm, w.pos-1) {
		w.pos--
		w.digits = w.digits || isDigit(w.norm[w.pos])
		if c := w.norm[w.pos]; (c == '.' || c == '!' || c == '?') && at(w.norm, w.pos+1) <= ' ' && w.pos+1 < len(w.norm) {
			w.ended = true
		}
	}
	if w.pos < end || w.runEnd == 0 {
		w.runEnd = w.pos
	}
	w.wordEnd = w.pos
	for w.pos > 0 && letterAt(w.norm, w.pos-1) {
		w.pos--
		if w.pos > 0 && w.humpAt(w.pos) {
			break
		}
	}
	return w.word(w.pos, w.wordEnd)
}

// joined is the word read last with those that camelCase joins to its end, as
// "idnr" of "IdNr"; or nil.
func (w *wordWalk) joined() []byte {
	if w.runEnd == w.wordEnd {
		return nil
	}
	return w.word(w.pos, w.runEnd)
}

// forth is the word after pos, or nil.
func (w *wordWalk) forth() []byte {
	for w.pos < len(w.norm) && !letterAt(w.norm, w.pos) {
		w.pos++
	}
	start := w.pos
	for w.pos < len(w.norm) && letterAt(w.norm, w.pos) {
		w.pos++
		if w.pos < len(w.norm) && w.humpAt(w.pos) {
			break
		}
	}
	return w.word(start, w.pos)
}

// humpAt says whether a new word starts at i within camelCase: "phoneNumber",
// but not "iPhone".
func (w *wordWalk) humpAt(i int) bool {
	return isUpper(w.norm[i]) && w.norm[i-1]-'a' < 26 && i >= 2 && inWord(w.norm[i-2])
}

func (w *wordWalk) word(start, end int) []byte {
	if start >= end {
		return nil
	}
	// A cut window may start within a code point.
	for start < end-1 && !utf8.RuneStart(w.lower[start]) {
		start++
	}
	return w.lower[start:end]
}
