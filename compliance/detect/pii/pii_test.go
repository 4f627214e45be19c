package pii_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect/pii"
)

// found lists what a scan of the text reports, as "ENTITY value".
func found(t testing.TB, text string, o pii.Options) []string {
	t.Helper()
	var all []string
	for _, f := range detect.NewScanner(detect.Options{Detectors: pii.Detectors(o)}).Scan(text).Findings {
		all = append(all, string(f.Entity)+" "+text[f.Start:f.End])
	}
	return all
}

// TestEdges holds the texts in which what stands around a value decides.
func TestEdges(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		// E-mail
		"a.b@x.org.":                     {"EMAIL_ADDRESS a.b@x.org"},
		"...ann@x.org":                   {"EMAIL_ADDRESS ann@x.org"},
		"'ann@x.org'":                    {"EMAIL_ADDRESS ann@x.org"},
		"ann@x.org, bob@x.org":           {"EMAIL_ADDRESS ann@x.org", "EMAIL_ADDRESS bob@x.org"},
		"ann@x.org.Then":                 {"EMAIL_ADDRESS ann@x.org"},
		"ann@x.github.io":                {"EMAIL_ADDRESS ann@x.github.io"},
		"ann@x.com.ck":                   {"EMAIL_ADDRESS ann@x.com.ck"},
		"mail=ann@x.org&x=1":             {"EMAIL_ADDRESS ann@x.org"},
		"ann@x.notatld":                  nil,
		"ann@-x.org":                     nil,
		"ann.@x.org":                     nil,
		"@x.org":                         nil,
		"ann@@x.org":                     nil,
		"@ann@mastodon.social":           nil,
		"git@github.com:o/r.git":         nil,
		"me@host.example.com:~/x":        nil,
		"ssh me@host.example.com":        nil,
		"${USER}@x.org":                  nil,
		"https://unpkg.com/a@b.com/x.js": {"URL https://unpkg.com/a@b.com/x.js"},
		// URL
		"http://x.org,":                         {"URL http://x.org"},
		"(http://x.org/a_(b))":                  {"URL http://x.org/a_(b)"},
		"<http://x.org/a>":                      {"URL http://x.org/a"},
		"http://x.org/{{id}}":                   {"URL http://x.org/"},
		"xhttp://x.org":                         nil,
		"http://{{host}}/a":                     nil,
		"http://x":                              nil,
		"http://x:80":                           {"URL http://x:80"},
		"http://[::1]/a":                        {"URL http://[::1]/a"},
		"http://10.0.0.1/a":                     {"URL http://10.0.0.1/a"},
		"https://ann:h7Kq2@x.org/a":             {"URL_CREDENTIAL https://ann:h7Kq2@x.org/a"},
		"https://ann:{{password}}@x.org/a":      {"URL https://ann:{{password}}@x.org/a"},
		"https://ann@x.org/a":                   {"URL https://ann@x.org/a"},
		`<svg xmlns="http://www.w3.org/2000"/>`: nil,
		// Numbers
		"x4111111111111111":                  nil,
		"41111111111111111":                  nil,
		"0.4111111111111111":                 nil,
		"4111111111111111":                   {"CREDIT_CARD 4111111111111111"},
		"4111 1111 1111 1111 12/27":          {"CREDIT_CARD 4111 1111 1111 1111"},
		"4111-1111 1111 1111":                nil,
		"4111111111111112":                   nil,
		"9999999999999995":                   nil,
		"imei 356938035643809":               nil,
		"order 4111111111111111":             nil,
		"order 17, card 4111111111111111":    {"CREDIT_CARD 4111111111111111"},
		"512-44-9087":                        {"US_SSN 512-44-9087"},
		"512-44 9087":                        nil,
		"512449087":                          nil,
		"ssn 512449087":                      {"US_SSN 512449087"},
		"ssn 912449087":                      nil,
		"ssn 912709087":                      {"US_ITIN 912709087"},
		"1512-44-9087":                       nil,
		"512-44-9087-1":                      nil,
		"+1 415 555 0132":                    {"PHONE_NUMBER +1 415 555 0132"},
		"5+14155550132":                      nil,
		"+999 123 456 789":                   nil,
		"(415) 555-0132":                     {"PHONE_NUMBER (415) 555-0132"},
		"415-555-0132 x12":                   {"PHONE_NUMBER 415-555-0132 x12"},
		"415-555-0132-9":                     nil,
		"4155550132":                         nil,
		"cell 4155550132":                    {"PHONE_NUMBER 4155550132"},
		"callback(4155550132)":               nil,
		"phone 2024-01-15":                   nil,
		"phone 4155550132 bytes":             nil,
		"10.0.0.1":                           {"IP_ADDRESS 10.0.0.1"},
		"10.0.0.1.":                          {"IP_ADDRESS 10.0.0.1"},
		"10.0.0.1.2":                         nil,
		"10.0.0.256":                         nil,
		"v10.0.0.1":                          nil,
		"version is 10.0.0.1":                nil,
		"version 3 runs on 10.0.0.1":         {"IP_ADDRESS 10.0.0.1"},
		"Chrome/10.0.0.1":                    nil,
		"a::b":                               nil,
		"fe80::1%eth0":                       {"IP_ADDRESS fe80::1%eth0"},
		"x[::1]":                             nil,
		"[::1]:80":                           {"IP_ADDRESS ::1"},
		"12:30:45":                           nil,
		"aa:bb:cc:dd:ee:ff":                  {"MAC_ADDRESS aa:bb:cc:dd:ee:ff"},
		"aa:bb:cc:dd:ee:ff:00":               nil,
		"aa:bb:cc:dd:ee:ff:00:11":            nil,
		"aa-bb:cc-dd:ee-ff":                  nil,
		"born 1980-01-02":                    {"DATE_OF_BIRTH 1980-01-02"},
		"born 1980-13-02":                    nil,
		"died 1980-01-02":                    nil,
		"DOB 3rd March 1985":                 {"DATE_OF_BIRTH 3rd March 1985"},
		"date of birth: March 3rd, 1985":     {"DATE_OF_BIRTH March 3rd, 1985"},
		"passport of 2023":                   nil,
		"software license D1234567":          nil,
		"driver's license D1234567":          {"DRIVER_LICENSE D1234567"},
		"DE89 3704 0044 0532 0130 00 thanks": {"IBAN DE89 3704 0044 0532 0130 00"},
		"DE89370400440532013000X":            nil,
		"{{4111111111111111}}":               nil,
		"{{a}}4111111111111111{{b}}":         {"CREDIT_CARD 4111111111111111"},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, want, found(t, text, pii.Options{}))
		})
	}
}

func TestRulesHaveTheNamesOfTheContract(t *testing.T) {
	t.Parallel()
	text := "ann@x.org 512-44-9087 (415) 555-0132 4111111111111111 http://x.org/a 10.0.0.1"
	type name struct {
		rule     string
		severity detect.Severity
		category detect.Category
	}
	var got []name
	for _, f := range detect.NewScanner(detect.Options{Detectors: pii.Detectors(pii.Options{})}).Scan(text).Findings {
		got = append(got, name{f.Rule, f.Severity, f.Category})
	}
	require.Equal(t, []name{
		{"Email Detection", detect.High, detect.PII},
		{"SSN Detection", detect.Critical, detect.PII},
		{"Phone Detection", detect.Medium, detect.PII},
		{"Credit Card Detection", detect.Critical, detect.PII},
		{"URL Detection", detect.Low, detect.Security},
		{"IP Address Detection", detect.Medium, detect.Security},
	}, got)
}

func TestEntitiesMayBeLeftOut(t *testing.T) {
	t.Parallel()
	text := "ann@x.org and 10.0.0.1"
	require.Equal(t, []string{"EMAIL_ADDRESS ann@x.org"}, found(t, text, pii.Options{Without: []detect.Entity{"IP_ADDRESS"}}))
}
