package detect_test

import (
	"strings"
	"testing"

	"github.com/promptmetrics-go/promptmetrics/compliance/builtin"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// hostile repeats to 100 kB what makes naive detectors go back and forth.
var hostile = map[string]string{
	"dotted letters":    "a.",
	"at signs":          "@",
	"ones":              "1",
	"sums":              "+1",
	"colons":            ":",
	"brackets":          "(",
	"schemes":           "http://",
	"logins in schemes": "http://a:a@",
	"addresses":         "a@a",
	"real addresses":    "a@b.co ",
	"joined addresses":  "a@b.co/",
	"chained addresses": "a@b.co:",
	"digits, dashes":    "1-",
	"phones":            "415-555-0132 ",
	"joined phones":     "415-555-0132-",
	"called phones":     "phone 4155550132 ",
	"plus numbers":      "+14155550132",
	"cards":             "4111 1111 1111 1111 ",
	"card digits":       "4111111111111111 ",
	"fours":             "4111 ",
	"nines":             "123456789 ",
	"called nines":      "ssn 123456789 ",
	"quads":             "1.1.1.1 ",
	"dotted digits":     "1.",
	"hextets":           "a:",
	"short v6":          "::1 ",
	"pairs":             "aa:bb:cc:dd:ee:ff ",
	"joined pairs":      "aa:",
	"iban":              "DE89370400440532013000 ",
	"iban heads":        "DE89 ",
	"wallets":           "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 ",
	"base58":            "1BvBMSEYstWetqTFn5Au4m4GFg",
	"letters, digits":   "A1",
	"licences":          "licence A1234567 ",
	"placeholders":      "{{a}}",
	"open braces":       "{{",
	"dates":             "born 1980-01-02 ",
	"years":             "March 1985 ",
	"combining marks":   "e\u0301\u0301\u0301",
	"full-width":        "１２３－",
	"zero-width":        "1\u200b",
	"squared words":     "㌖",
	"expansions":        "ﷺ",
	"invalid":           "\xff1",
	"chinese labels":    "电话电话1234567 ",
	"quotes":            "\"'`",
	"spaces":            " ",
}

func fill(unit string, size int) string { return strings.Repeat(unit, size/len(unit)+1)[:size] }

// prose is ordinary text without anything to find.
const prose = `The committee met on Tuesday to discuss the schedule for the coming year. Most of the members
agreed that the old plan no longer fits the way in which people work: teams are smaller, decisions are
faster, and nobody reads a report of eighty pages. After a short break, the chair asked for proposals.
One suggestion was to publish a summary every month; another, to let each team choose its own rhythm.
In the end a compromise was found, and 12 of the 15 members voted for it. The minutes will follow.
`

func builtins() *detect.Scanner {
	return detect.NewScanner(detect.Options{Detectors: builtin.Detectors(builtin.Options{})})
}

func BenchmarkProse(b *testing.B) {
	text := fill(prose, 100_000)
	s := builtins()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s.Scan(text)
	}
}

func BenchmarkHostile(b *testing.B) {
	s := builtins()
	for name, unit := range hostile {
		text := fill(unit, 100_000)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				s.Scan(text)
			}
		})
	}
}
