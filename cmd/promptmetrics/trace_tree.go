package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// uuidOf gives the id of a trace as the server has it: OpenTelemetry writes the
// same bytes without hyphens.
func uuidOf(id string) string {
	if len(id) != 32 || strings.Trim(strings.ToLower(id), "0123456789abcdef") != "" {
		return id
	}
	id = strings.ToLower(id)
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

// tree prints the spans of a trace below each other, with what the calls of
// models among them say.
func (p *program) tree(t telemetry.Trace) error {
	head := [][2]string{{"trace", t.ID}}
	for _, line := range [][2]string{
		{"name", said(t.Metadata, "name")},
		{"prompt", strings.TrimSpace(optional(t.PromptName) + " " + optional(t.VersionTag))},
		{"service", said(t.Metadata, "service_name")},
		{"session", said(t.Metadata, "session_id")},
		{"user", said(t.Metadata, "user_id")},
	} {
		if line[1] != "" {
			head = append(head, line)
		}
	}
	if err := p.pairs(head); err != nil {
		return err
	}
	fmt.Fprintln(p.out)
	known := make(map[string]bool, len(t.Spans))
	for _, s := range t.Spans {
		known[s.ID] = true
	}
	below := map[string][]telemetry.Span{}
	for _, s := range t.Spans {
		parent := ""
		if s.ParentID != nil && known[*s.ParentID] {
			parent = *s.ParentID
		}
		below[parent] = append(below[parent], s)
	}
	w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SPAN\tMS\tSTATUS\tMODEL\tIN\tOUT\tUSD")
	shown := map[string]bool{}
	var show func(parent string, depth int)
	show = func(parent string, depth int) {
		for _, s := range below[parent] {
			if shown[s.ID] {
				continue
			}
			shown[s.ID] = true
			fmt.Fprintln(w, strings.Join(spanLine(s, depth), "\t"))
			show(s.ID, depth+1)
		}
	}
	show("", 0)
	for _, s := range t.Spans { // spans that are each other's parents
		if !shown[s.ID] {
			shown[s.ID] = true
			fmt.Fprintln(w, strings.Join(spanLine(s, 0), "\t"))
			show(s.ID, 1)
		}
	}
	return w.Flush()
}

// maxIndent keeps deep traces on the screen.
const maxIndent = 20

func spanLine(s telemetry.Span, depth int) []string {
	took := ""
	if s.StartTime != nil && s.EndTime != nil {
		took = strconv.FormatInt(*s.EndTime-*s.StartTime, 10)
	}
	status := string(s.Status)
	if fault := said(s.Metadata, "error_type"); fault != "" {
		status += " " + fault
	}
	line := []string{
		s.Name, took, status, said(s.Metadata, "model"),
		said(s.Metadata, "tokens_in"), said(s.Metadata, "tokens_out"), said(s.Metadata, "cost_usd"),
	}
	for i := range line {
		line[i] = cell(line[i])
	}
	line[0] = strings.Repeat("  ", min(depth, maxIndent)) + line[0]
	return line
}

// said is a text or a number of metadata.
func said(m telemetry.Metadata, name string) string {
	var text string
	if raw := m[name]; json.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	return text
}
