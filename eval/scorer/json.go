package scorer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Bounds of JSON texts, beyond MaxText.
const (
	maxJSONDepth = 100
	// maxDigits and maxExponent bound numbers where they are computed with:
	// 1e1000000 takes a megabyte.
	maxDigits   = 400
	maxExponent = 400
)

// parseJSON reads one JSON value, numbers as json.Number. Its errors are meant
// for readers of a verdict.
func parseJSON(data []byte) (any, error) {
	if len(data) > MaxText {
		return nil, fmt.Errorf("is longer than %d bytes", MaxText)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, notJSON(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("is not JSON: more text follows the value")
	}
	if tooDeep(v, maxJSONDepth) {
		return nil, fmt.Errorf("is nested deeper than %d", maxJSONDepth)
	}
	return v, nil
}

// notJSON says where a text stops being JSON, without quoting it at length.
func notJSON(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("is not JSON: byte %d: %w", syntax.Offset, err)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("is not JSON: it ends too early")
	}
	return fmt.Errorf("is not JSON: %w", err)
}

func tooDeep(v any, left int) bool {
	if left < 0 {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		for _, item := range v {
			if tooDeep(item, left-1) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if tooDeep(item, left-1) {
				return true
			}
		}
	}
	return false
}

// outputJSON reads the JSON value of an output. With extract it may stand in a
// fence or in prose: the first object or list of the text is taken.
func outputJSON(output string, extract bool) (any, error) {
	v, err := parseJSON([]byte(output))
	if err == nil || !extract || len(output) > MaxText {
		return v, err
	}
	var found any
	scanJSON(output, "{[", func(v any) bool {
		found = v
		return false
	})
	if found == nil {
		return nil, errors.New("holds no JSON object or list")
	}
	return found, nil
}

// Bounds of a search for JSON values, so that text full of open braces takes
// linear time: the places that are tried, and the bytes that are read in vain.
const (
	maxScans   = 100
	maxScanned = 4 * MaxText
)

// scanJSON gives each JSON value of a text that begins with one of the bytes in
// starts, outermost and from left to right, until yield says no.
func scanJSON(text, starts string, yield func(v any) bool) {
	at, vain := 0, 0
	for range maxScans {
		next := strings.IndexAny(text[at:], starts)
		if next < 0 || vain > maxScanned {
			return
		}
		at += next
		dec := json.NewDecoder(strings.NewReader(text[at:]))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			vain += readInVain(err, len(text)-at)
			at++
			continue
		}
		end := at + int(dec.InputOffset())
		if tooDeep(v, maxJSONDepth) {
			vain += end - at
			at++
			continue
		}
		if !yield(v) {
			return
		}
		at = end
	}
}

// readInVain is how much of the rest of a text a failed decoding has read.
func readInVain(err error, rest int) int {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return int(syntax.Offset)
	}
	return rest
}

func compactJSON(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", fmt.Errorf("write JSON: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// canonical is a form that two JSON numbers share if and only if they are the
// same number: digits without zeros at the ends, and a power of ten. It takes
// linear time whatever the exponent.
func canonical(n json.Number) string {
	s, negative := strings.CutPrefix(string(n), "-")
	mantissa, exponent, _ := strings.Cut(strings.ToLower(s), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return "0"
	}
	var power int64
	if exponent != "" {
		var err error
		power, err = strconv.ParseInt(exponent, 10, 64)
		const far = 1 << 60 // beyond it the sum below could overflow
		if err != nil || power > far || power < -far {
			return string(n)
		}
	}
	power += int64(len(digits)-len(trimmed)) - int64(len(fraction))
	if negative {
		trimmed = "-" + trimmed
	}
	return trimmed + "e" + strconv.FormatInt(power, 10)
}

// computable tells whether all numbers of a value are of a size that can be
// computed with.
func computable(v any) bool {
	switch v := v.(type) {
	case json.Number:
		s := string(v)
		if len(s) > maxDigits {
			return false
		}
		e := strings.IndexAny(s, "eE")
		if e < 0 {
			return true
		}
		power, err := strconv.Atoi(s[e+1:])
		return err == nil && power <= maxExponent && power >= -maxExponent
	case map[string]any:
		for _, item := range v {
			if !computable(item) {
				return false
			}
		}
	case []any:
		for _, item := range v {
			if !computable(item) {
				return false
			}
		}
	}
	return true
}
