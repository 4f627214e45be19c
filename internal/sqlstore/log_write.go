package sqlstore

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

const (
	logColumns = `workspace_id, created_at, id, prompt_name, version_tag, provider, model, tokens_in, tokens_out, latency_ms, ` +
		`cost_usd, cost_source, status, error_code, http_status, run_id, trace_id, ollama_options, ollama_keep_alive, ollama_format, metadata`
	auditColumns = `workspace_id, created_at, id, action, prompt_name, version_tag, target_id, api_key_name, ip_address`

	logWidth   = 21
	auditWidth = 9
)

// Rows go in statements of a few fixed sizes, so that their text stays the
// same and they stay prepared.
var chunkSizes = [...]int{64, 16, 4, 1}

var (
	logInserts   = insertTexts("INSERT INTO pm_logs ("+logColumns+") VALUES ", logWidth)
	auditInserts = insertTexts("INSERT INTO pm_audit ("+auditColumns+") VALUES ", auditWidth)
)

func insertTexts(head string, width int) (texts [len(chunkSizes)]string) {
	row := "(?" + strings.Repeat(", ?", width-1) + ")"
	for i, size := range chunkSizes {
		texts[i] = head + row + strings.Repeat(", "+row, size-1)
	}
	return texts
}

// insertRows writes rows whose values stand one after the other in args.
func insertRows(ctx context.Context, tx *db.Tx, texts *[len(chunkSizes)]string, width int, args []any) error {
	for i, size := range chunkSizes {
		for len(args) >= size*width {
			if _, err := tx.Run(ctx, texts[i], args[:size*width]...); err != nil {
				return err
			}
			args = args[size*width:]
		}
	}
	return nil
}

// streamFrom is from how many rows on a stream is faster than statements, where
// there are streams: BenchmarkInsert puts it between 16 and 64 on a server next
// door; one that is farther away makes the two round trips of a stream dearer.
const streamFrom = 80

// stream is the table of rows that come in masses.
type stream struct {
	table   string
	columns []string
}

var (
	logStream   = &stream{"pm_logs", strings.Split(logColumns, ", ")}
	auditStream = &stream{"pm_audit", strings.Split(auditColumns, ", ")}
)

// rowWriter collects rows of one table and writes them in few statements, or
// in one stream.
type rowWriter struct {
	tx    *db.Tx
	texts *[len(chunkSizes)]string
	width int
	// stream is set where the rows go in one; see streamed.
	stream *stream
	args   []any
}

// streamed makes the rows go in one stream if they are many and there is one.
func (w *rowWriter) streamed(s *stream, rows int) *rowWriter {
	if rows >= streamFrom && w.tx.Copies() {
		w.stream = s
		w.args = make([]any, 0, rows*w.width)
	}
	return w
}

func (w *rowWriter) add(ctx context.Context, row []any) error {
	w.args = append(w.args, row...)
	if w.stream == nil && len(w.args) >= chunkSizes[0]*w.width {
		return w.flush(ctx)
	}
	return nil
}

func (w *rowWriter) flush(ctx context.Context) (err error) {
	if w.stream == nil {
		err = insertRows(ctx, w.tx, w.texts, w.width, w.args)
	} else {
		_, err = w.tx.Copy(ctx, w.stream.table, w.stream.columns, slices.Collect(slices.Chunk(w.args, w.width)))
	}
	w.args = w.args[:0]
	return err
}

// logInsert is a log made ready by its caller's goroutine, so that the one
// that writes has little left to do. It shares no memory with the caller, who
// may go away before it is written.
type logInsert struct {
	prompt, version, provider, model string
	failed, timed                    bool
	tokensIn, tokensOut, latencyMS   int64
	cost                             float64
	values                           [logWidth - 3]any // the columns behind id
}

func newLogInsert(l *telemetry.Log) (logInsert, error) {
	metadata, err := jsonText(l.Metadata)
	return logInsert{
		prompt: l.PromptName, version: l.VersionTag, provider: valueOf(l.Provider), model: valueOf(l.Model),
		failed: l.Status == telemetry.Failed, timed: l.LatencyMS != nil,
		tokensIn: valueOf(l.TokensIn), tokensOut: valueOf(l.TokensOut), latencyMS: valueOf(l.LatencyMS), cost: valueOf(l.CostUSD),
		values: [...]any{
			l.PromptName, l.VersionTag, value(l.Provider), value(l.Model),
			value(l.TokensIn), value(l.TokensOut), value(l.LatencyMS), value(l.CostUSD), text(l.CostSource), string(l.Status),
			value(l.ErrorCode), number(l.HTTPStatus), value(l.RunID), value(l.TraceID),
			rawText(l.OllamaOptions), value(l.OllamaKeepAlive), rawText(l.OllamaFormat), metadata,
		},
	}, err
}

// value spares the driver a look through reflection.
func value[T string | int64 | float64](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

func text[T ~string](p *T) any {
	if p == nil {
		return nil
	}
	return string(*p)
}

func number(p *int) any {
	if p == nil {
		return nil
	}
	return int64(*p)
}

func rawText(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	return string(raw)
}

// jsonText is how free data is stored: JSON whose texts PostgreSQL can read.
func jsonText(m telemetry.Metadata) (any, error) {
	if m == nil {
		return nil, nil
	}
	data, err := json.Marshal(m)
	if err == nil && (bytes.Contains(data, []byte(`\ud`)) || bytes.Contains(data, []byte(`\uD`))) {
		data, err = wholeCharacters(data)
	}
	return string(data), err
}

// wholeCharacters replaces halves of characters, which JSON can spell and no
// text can hold, by U+FFFD.
func wholeCharacters(data []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // numbers keep their digits
	var value any
	if err := dec.Decode(&value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}
