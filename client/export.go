package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// ExportLogs implements [telemetry.Reader]. The logs are read as the loop asks
// for them; leaving the loop closes the connection. What breaks before the
// first log is repeated, what breaks later ends the sequence.
func (t *Telemetry) ExportLogs(ctx context.Context, f telemetry.LogFilter) iter.Seq2[telemetry.Log, error] {
	return func(yield func(telemetry.Log, error) bool) {
		q := logQuery(f)
		q.text("format", "ndjson")
		r := request{method: http.MethodGet, path: "/v1/logs/export", query: url.Values(q)}
		s, err := t.link.stream(ctx, r)
		if err != nil {
			yield(telemetry.Log{}, err)
			return
		}
		defer s.close()
		for {
			l, err := s.nextLog()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// nextLog reads the next log, or io.EOF after the last.
func (s *stream) nextLog() (telemetry.Log, error) {
	if err := s.next(); err != nil {
		return telemetry.Log{}, err
	}
	return s.log()
}

// log decodes the line. A server that fails in the middle can only say so in a
// line, which then is an error and no log.
func (s *stream) log() (telemetry.Log, error) {
	var l telemetry.Log
	if err := json.Unmarshal(s.line, &l); err != nil {
		return telemetry.Log{}, s.foreign("log", err)
	}
	if l.PromptName == "" {
		return telemetry.Log{}, s.failure(s.line)
	}
	absent(&l.OllamaOptions, &l.OllamaFormat)
	return l, nil
}
