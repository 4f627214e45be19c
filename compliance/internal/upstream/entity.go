package upstream

import (
	"strings"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// known gives the kinds of data that foreign scanners and our own detectors both
// find: one name, whoever found it.
func known(name string) (detect.Finding, bool) {
	of := func(rule string, e detect.Entity, s detect.Severity, c detect.Category) (detect.Finding, bool) {
		return detect.Finding{Rule: rule, Entity: e, Severity: s, Category: c}, true
	}
	switch name {
	case "EMAIL", "EMAIL_ADDRESS", "EMAIL_ADDRESS_RE":
		return of("Email Detection", "EMAIL_ADDRESS", detect.High, detect.PII)
	case "PHONE", "PHONE_NUMBER", "PHONE_NUMBER_WITH_EXT":
		return of("Phone Detection", "PHONE_NUMBER", detect.Medium, detect.PII)
	case "SSN", "US_SSN", "US_SSN_RE", "US_SOCIAL_SECURITY_NUMBER":
		return of("SSN Detection", "US_SSN", detect.Critical, detect.PII)
	case "CREDIT_CARD", "CREDIT_CARD_RE":
		return of("Credit Card Detection", "CREDIT_CARD", detect.Critical, detect.PII)
	case "IP", "IP_ADDRESS":
		return of("IP Address Detection", "IP_ADDRESS", detect.Medium, detect.Security)
	case "IBAN", "IBAN_CODE":
		return of("IBAN Detection", "IBAN", detect.High, detect.PII)
	case "CRYPTO", "CRYPTO_WALLET":
		return of("Crypto Wallet Detection", "CRYPTO_WALLET", detect.Medium, detect.PII)
	case "URL", "UNKNOWN_LINKS":
		return of("URL Detection", "URL", detect.Low, detect.Security)
	case "PERSON", "NAME":
		return of("Person Detection", "PERSON", detect.Low, detect.PII)
	case "LOCATION", "ADDRESS", "MAILING_ADDRESS":
		return of("Location Detection", "LOCATION", detect.Low, detect.PII)
	case "PASSWORD":
		return of("Password Detection", "PASSWORD", detect.High, detect.Security)
	case "SECRET":
		return of("API Key Detection", "API_KEY", detect.High, detect.Security)
	}
	return detect.Finding{}, false
}

// Data gives what is told of a kind of data, under the name that we have for
// it, or a name that is made of the scanner's own.
func Data(name string) detect.Finding {
	name = upper(name)
	if f, ok := known(name); ok {
		return f
	}
	return detect.Finding{Rule: Title(name) + " Detection", Entity: detect.Entity(name), Severity: detect.Medium, Category: detect.PII}
}

// Judgement gives what is told of a judgement on a text as a whole.
func Judgement(name string, s detect.Severity, c detect.Category) detect.Finding {
	name = upper(name)
	return detect.Finding{Rule: Title(name) + " Detection", Entity: detect.Entity(name), Severity: s, Category: c}
}

// maxName bounds names that come from outside, in bytes.
const maxName = 64

// upper makes an entity's name: capital letters, digits and underscores. Words
// that are run together, as in PromptInjection, are parted.
func upper(name string) string {
	var b strings.Builder
	small := false
	for i := 0; i < len(name) && b.Len() < maxName-1; i++ {
		c := name[i]
		switch {
		case c >= 'a' && c <= 'z':
			b.WriteByte(c - 'a' + 'A')
			small = true
			continue
		case c >= 'A' && c <= 'Z':
			if small {
				b.WriteByte('_')
			}
			b.WriteByte(c)
		case c >= '0' && c <= '9' && b.Len() > 0:
			b.WriteByte(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
		small = false
	}
	if out := strings.TrimRight(b.String(), "_"); out != "" {
		return out
	}
	return "UNKNOWN"
}

// Title turns PROMPT_INJECTION into "Prompt Injection".
func Title(name string) string {
	words := strings.Split(strings.ToLower(name), "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}
