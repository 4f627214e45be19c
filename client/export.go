package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// maxLine is the longest line of an export: a log is a request of at most
// 10 MiB, and a little longer when it comes back.
const maxLine = 12 << 20

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
			l, err := s.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// stream is an answer that is read line by line.
type stream struct {
	wire     *wire
	request  request
	ctx, own context.Context //nolint:containedctx // of the one call that the stream is.
	cancel   context.CancelFunc
	body     io.ReadCloser
	lines    *bufio.Reader
	// watch cancels the call when the server falls silent.
	watch *time.Timer
	line  []byte
}

// stream opens an answer to be read line by line.
func (l link) stream(ctx context.Context, r request) (*stream, error) {
	var s *stream
	_, err := l.wire.persist(ctx, r, func() *fault {
		own, cancel := context.WithCancel(ctx)
		watch := time.AfterFunc(l.wire.timeout, cancel)
		res, f := l.open(ctx, own, r) //nolint:bodyclose // the stream closes it.
		if f != nil {
			watch.Stop()
			cancel()
			return f
		}
		s = &stream{
			wire: l.wire, request: r, ctx: ctx, own: own, cancel: cancel, watch: watch,
			body: res.Body, lines: bufio.NewReaderSize(res.Body, 64<<10),
		}
		return nil
	})
	return s, err
}

func (s *stream) close() {
	s.watch.Stop()
	s.cancel()
	// Closing an answer that is not read to its end has nothing to report.
	_ = s.body.Close()
}

// next reads the next log, or io.EOF after the last.
func (s *stream) next() (telemetry.Log, error) {
	for {
		if err := s.read(); err != nil {
			return telemetry.Log{}, err
		}
		if len(s.line) == 0 {
			continue
		}
		return s.parse()
	}
}

// parse decodes the line. A server that fails in the middle can only say so in
// a line, which then is an error and no log.
func (s *stream) parse() (telemetry.Log, error) {
	var l telemetry.Log
	if err := json.Unmarshal(s.line, &l); err != nil {
		return telemetry.Log{}, pmerr.New(pmerr.Unavailable, "a line of the export is not a log").Because(errors.Join(errForeign, err))
	}
	if l.PromptName == "" {
		e := parseError(http.StatusInternalServerError, http.Header{}, s.line, s.wire.now())
		if s.wire.key() != "" {
			s.wire.redact(e)
		}
		return telemetry.Log{}, e
	}
	absent(&l.OllamaOptions, &l.OllamaFormat)
	return l, nil
}

// read fetches one line without its end. The last line needs none.
func (s *stream) read() error {
	s.line = s.line[:0]
	s.watch.Reset(s.wire.timeout)
	defer s.watch.Stop()
	for {
		piece, err := s.lines.ReadSlice('\n')
		s.line = append(s.line, piece...)
		if len(s.line) > maxLine {
			return pmerr.New(pmerr.Unavailable, "a line of the export is longer than %d bytes", maxLine).Because(errForeign)
		}
		switch {
		case err == nil:
			s.line = s.line[:len(s.line)-1]
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			s.watch.Reset(s.wire.timeout)
		case errors.Is(err, io.EOF) && len(s.line) > 0:
			return nil
		case errors.Is(err, io.EOF):
			return io.EOF
		default:
			return s.wire.broken(s.ctx, s.own, s.request, err).err
		}
	}
}
