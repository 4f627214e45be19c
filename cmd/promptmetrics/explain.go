package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// explain says in one line what went wrong and, where that is known, what to do.
func (p *program) explain(err error) string {
	text := err.Error()
	e, ok := errors.AsType[*pmerr.Error](err)
	if ok {
		text = strings.TrimPrefix(text, "Validation failed: ")
		// The API speaks of its calls; here they are commands.
		text = strings.Replace(text, "PUT /v1/budget", "promptmetrics budget --set", 1)
		text += aside(e.Details) + p.advice(e)
	}
	return oneLine(text)
}

// aside adds the details that are plain words; lists repeat what the message
// says.
func aside(details map[string]any) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(details)) {
		if name == "code" {
			continue // it says again what the message says
		}
		switch v := details[name].(type) {
		case string, float64, bool:
			words = append(words, fmt.Sprintf("%s %v", name, v))
		}
	}
	if words == nil {
		return ""
	}
	return " (" + strings.Join(words, ", ") + ")"
}

func (p *program) advice(e *pmerr.Error) string {
	switch {
	case e.Code == pmerr.Unauthorized && !p.hasKey:
		return "; set PROMPTMETRICS_API_KEY, or api_key in " + settingsFile
	case e.Code == pmerr.Unauthorized:
		return "; check PROMPTMETRICS_API_KEY, or api_key in " + settingsFile + ", and the workspace"
	case e.Code == pmerr.Validation && len(e.Fields) > 0 && strings.HasPrefix(e.Fields[0], "variables."):
		return "; fill it in with --var name=text"
	case e.Code == pmerr.RateLimited && e.RetryAfter > 0:
		return fmt.Sprintf("; try again in %s", max(e.RetryAfter.Round(time.Second), time.Second))
	case e.Code == pmerr.Internal && e.RequestID != "":
		return "; the server's log has the reason under request " + e.RequestID
	}
	return ""
}

// oneLine makes a text fit for a line of a terminal.
func oneLine(text string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)), " ")
}
