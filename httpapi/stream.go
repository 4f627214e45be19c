package httpapi

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// flushSize is how much of a stream is gathered before it is sent on.
const flushSize = 32 << 10

// logStream writes logs into an answer, in constant memory.
type logStream struct {
	exchange *exchange
	buffer   bytes.Buffer
	json     *json.Encoder
	csv      *csv.Writer // nil for lines of JSON
	row      []string
}

func newLogStream(x *exchange, asCSV bool) *logStream {
	s := &logStream{exchange: x}
	h := x.Header()
	if asCSV {
		h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
		h.Set("Content-Disposition", `attachment; filename="logs.csv"`)
		s.csv = csv.NewWriter(&s.buffer)
		_ = s.csv.Write(logColumns()) // into memory, which takes everything
	} else {
		h.Set("Content-Type", "application/x-ndjson; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="logs.ndjson"`)
		s.json = json.NewEncoder(&s.buffer)
		s.json.SetEscapeHTML(false)
	}
	x.WriteHeader(http.StatusOK)
	return s
}

// write adds a log. It returns false when nobody reads any more.
func (s *logStream) write(l *telemetry.Log) bool {
	if s.csv != nil {
		s.row = appendRow(s.row[:0], l)
		_ = s.csv.Write(s.row)
		s.csv.Flush()
	} else if err := s.json.Encode(l); err != nil {
		s.exchange.fail(err) // cuts the answer off
	}
	return s.buffer.Len() < flushSize || s.flush()
}

// flush sends what was gathered.
func (s *logStream) flush() bool {
	if s.csv != nil {
		s.csv.Flush()
	}
	s.exchange.extendDeadline()
	_, err := s.exchange.Write(s.buffer.Bytes())
	s.buffer.Reset()
	if err == nil {
		err = http.NewResponseController(s.exchange).Flush()
	}
	// A writer that a host has wrapped may gather by itself.
	return err == nil || errors.Is(err, http.ErrNotSupported)
}

// fail ends lines of JSON with the error. CSV has no place for one.
func (s *logStream) fail(err error) {
	if s.csv == nil {
		_ = s.json.Encode(enclose(known(err), s.exchange.id))
	}
	s.flush()
}

// logColumns are the columns of a CSV export.
func logColumns() []string {
	return []string{
		"id", "workspace_id", "created_at", "prompt_name", "version_tag", "provider", "model", "tokens_in", "tokens_out",
		"latency_ms", "cost_usd", "cost_source", "status", "error_code", "http_status", "run_id", "trace_id",
		"ollama_options", "ollama_keep_alive", "ollama_format", "metadata",
	}
}

// appendRow writes a log in the order of logColumns; null is an empty cell.
func appendRow(row []string, l *telemetry.Log) []string {
	metadata := ""
	if l.Metadata != nil {
		// Members are JSON that was stored as such.
		text, _ := json.Marshal(l.Metadata)
		metadata = string(text)
	}
	return append(row,
		strconv.FormatInt(l.ID, 10), l.Workspace, strconv.FormatInt(l.CreatedAt.Unix(), 10), cell(l.PromptName), cell(l.VersionTag),
		optionalCell(l.Provider), optionalCell(l.Model), integerCell(l.TokensIn), integerCell(l.TokensOut),
		integerCell(l.LatencyMS), numberCell(l.CostUSD), optionalCell((*string)(l.CostSource)), cell(string(l.Status)), optionalCell(l.ErrorCode),
		integerCell(l.HTTPStatus), optionalCell(l.RunID), optionalCell(l.TraceID),
		cell(string(l.OllamaOptions)), optionalCell(l.OllamaKeepAlive), cell(string(l.OllamaFormat)), metadata)
}

// cell keeps a spreadsheet from running a text as a formula.
func cell(text string) string {
	if text != "" && strings.IndexByte("=+-@\t\r", text[0]) >= 0 {
		return "'" + text
	}
	return text
}

func optionalCell(text *string) string {
	if text == nil {
		return ""
	}
	return cell(*text)
}

func integerCell[N int | int64](n *N) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(int64(*n), 10)
}

func numberCell(n *float64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatFloat(*n, 'f', -1, 64)
}
