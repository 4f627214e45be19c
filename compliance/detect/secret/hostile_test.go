package secret

import (
	"strings"
	"testing"
	"time"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect/internal/costtest"
)

// floods are texts made to cost a scanner much: each repeats what starts a
// rule, or what keeps one running, without ever completing it.
func floods() map[string]string {
	fill := func(unit string) string { return strings.Repeat(unit, 100_000/len(unit)) }
	return map[string]string{
		"prefixes":               fill("sk-"),
		"prefixes apart":         fill("sk- "),
		"project prefixes":       fill("sk-proj-"),
		"prefixes after dots":    fill(".sk-proj-"),
		"prefixes after slashes": fill("/hvb./sl.u."),
		"web token heads":        fill("eyJ.eyJ."),
		"long web token heads":   fill("eyJhbGciOiJIUzI1NiJ9."),
		"one web token":          "eyJ" + fill("hbGciOiJI"),
		"web tokens of heads":    fill(".eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ"),
		"key blocks":             fill("-----BEGIN "),
		"private key blocks":     fill("-----BEGIN RSA PRIVATE KEY-----\n"),
		"assignments":            fill("key=key=key="),
		"colons":                 fill("password:password:"),
		"quoted":                 fill(`token="`),
		"quoted otherwise":       fill(`token='"`),
		"unfinished quotes":      fill(`secret = "aB3`),
		"names":                  fill("api_key_token_secret_"),
		"long values":            fill("token=" + strings.Repeat("a1B2", 40) + " "),
		"schemes":                fill("://"),
		"users":                  fill("postgres://a:"),
		"hosts":                  fill("postgres://a:b@"),
		"at signs":               "postgres://" + fill("a:b@"),
		"storage keys":           fill("AccountKey="),
		"signatures":             fill("sv=20&sig="),
		"bearers":                fill("Bearer "),
		"long bearers":           fill("Bearer a1b2.a1b2.a1b2.a1b2/"),
		"basics":                 fill("Basic dXNlcjpwYXNz"),
		"curls":                  fill("curl -u "),
		"one letter":             fill("A"),
		"macaroons":              fill("/AAAAAAAAAAAAAAAAAAAAAA"),
		"digits":                 fill("1234567890"),
		"hex":                    fill("0a1b2c3d"),
		"hex pieces":             fill("0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d-us"),
		"telegram":               fill("12345678:AA"),
		"atlas":                  fill("abcdefghijklmn.atlasv1."),
		"base64 pieces":          fill("aB3dE6gH9jK2mN5pQ8sT1vW4yZ7 "),
		"base64 storage":         fill("a1B2c3D4+ASt"),
		"names of vendors":       fill("exa openai azure aws key "),
		"vendors' keys":          fill("exa key aws secret "),
		"braces":                 fill("{{"),
		"blanks":                 fill("token   "),
		"not UTF-8":              fill("\xff\xfekey=\xf0"),
	}
}

func TestHostileTextCostsLinearTime(t *testing.T) {
	d := shared()
	for name, text := range floods() {
		t.Run(name, func(t *testing.T) {
			norm := detect.NewText(text)
			costtest.Within(t, 50*time.Millisecond, func() { d.Find(norm, func(detect.Finding) {}) })
		})
	}
}

// FuzzFind has spans checked by find.
func FuzzFind(f *testing.F) {
	for _, text := range floods() {
		f.Add(text[:min(len(text), 200)])
	}
	for _, seed := range formats() {
		f.Add("key " + invent(f, seed.template, 1))
	}
	f.Fuzz(func(t *testing.T, text string) { find(t, text) })
}
