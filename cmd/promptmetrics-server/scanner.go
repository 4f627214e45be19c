package main

import (
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/lakera"
	"github.com/promptmetrics-go/promptmetrics/compliance/llmguard"
)

// readCompliance chooses what finds sensitive data; nil is what is built in. No
// key is ever shown.
func readCompliance(e *environment) compliance.Driver {
	url, key, token := e.text("COMPLIANCE_SCANNER_URL", ""), e.text("LAKERA_API_KEY", ""), e.text("COMPLIANCE_SCANNER_TOKEN", "")
	switch e.oneOf("COMPLIANCE_PROVIDER", "builtin", "builtin", "llm-guard", "lakera") {
	case "llm-guard":
		if url == "" {
			e.fault("COMPLIANCE_SCANNER_URL must be set when COMPLIANCE_PROVIDER is llm-guard, such as http://llm-guard:8000")
			return nil
		}
		d, err := llmguard.New(llmguard.Options{BaseURL: url, Token: token})
		if err != nil {
			e.fault("COMPLIANCE_SCANNER_URL must be an address such as http://llm-guard:8000, without user, query and fragment")
			return nil
		}
		return d
	case "lakera":
		if key == "" {
			e.fault("LAKERA_API_KEY must be set when COMPLIANCE_PROVIDER is lakera")
			return nil
		}
		if _, err := lakera.New(lakera.Options{APIKey: key}); err != nil {
			e.fault("LAKERA_API_KEY must be a key of Lakera Guard, printable and without spaces")
			return nil
		}
		d, err := lakera.New(lakera.Options{APIKey: key, BaseURL: url})
		if err != nil {
			e.fault("COMPLIANCE_SCANNER_URL must be an address such as %s, without user, query and fragment; remove it for that one", lakera.DefaultURL)
			return nil
		}
		return d
	}
	return nil
}
