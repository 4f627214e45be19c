package query

import (
	"fmt"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// LogFilter holds the parameters that narrow a list of logs; embed it.
type LogFilter struct {
	PromptName string `query:"prompt_name" maxLength:"128"`
	VersionTag string `query:"version_tag" maxLength:"64"`
	Provider   string `query:"provider" maxLength:"64"`
	Model      string `query:"model" maxLength:"128"`
	Status     string `query:"status" enum:"ok,error"`
	TraceID    string `query:"trace_id" maxLength:"128"`
	Period
}

// Filter gives the parameters as the domain wants them, with the members of
// the metadata that raw, the query string, names: metadata[key]=value.
func (f LogFilter) Filter(raw string) (telemetry.LogFilter, error) {
	members, err := Brackets(raw, "metadata")
	if err != nil {
		return telemetry.LogFilter{}, err
	}
	from, to := f.Bounds()
	filter := telemetry.LogFilter{
		PromptName: f.PromptName, VersionTag: f.VersionTag, Provider: f.Provider, Model: f.Model,
		Status: telemetry.Status(f.Status), TraceID: f.TraceID, From: from, To: to,
	}
	for key, member := range members {
		value, flat := member.(string)
		if !flat {
			return telemetry.LogFilter{}, pmerr.Invalid(fmt.Sprintf("metadata[%s] must be one text", keys{key}.shown()))
		}
		if filter.Metadata == nil {
			filter.Metadata = map[string]string{}
		}
		filter.Metadata[key] = value
	}
	return filter, nil
}
