package client

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// maxLine is the longest line of an export: a log is a request of at most
// 10 MiB, and a little longer when it comes back.
const maxLine = 12 << 20

// stream is an answer that is read line by line.
type stream struct {
	wire     *wire
	request  request
	ctx, own context.Context //nolint:containedctx // of the one call that the stream is.
	cancel   context.CancelFunc
	body     io.ReadCloser
	lines    *bufio.Reader
	// watch cancels the call when the server falls silent.
	watch    *time.Timer
	patience time.Duration
	line     []byte
}

// stream opens an answer to be read line by line.
func (l link) stream(ctx context.Context, r request) (*stream, error) {
	var s *stream
	_, err := l.wire.persist(ctx, r, func() *fault {
		own, cancel := context.WithCancel(ctx)
		watch := time.AfterFunc(l.patience(r), cancel)
		res, f := l.open(ctx, own, r) //nolint:bodyclose // the stream closes it.
		if f != nil {
			watch.Stop()
			cancel()
			return f
		}
		s = &stream{
			wire: l.wire, request: r, ctx: ctx, own: own, cancel: cancel, watch: watch, patience: l.patience(r),
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

// next reads the next line that is not empty, or io.EOF after the last.
func (s *stream) next() error {
	for {
		if err := s.read(); err != nil {
			return err
		}
		if len(s.line) > 0 {
			return nil
		}
	}
}

// foreign is the error for a line that is not what it should be.
func (s *stream) foreign(what string, cause error) error {
	return pmerr.New(pmerr.Unavailable, "a line of the answer to %s is not a %s", s.request.name(), what).Because(errors.Join(errForeign, cause))
}

// failure reads the error that a server sent in the middle of a stream, in the
// envelope of its errors.
func (s *stream) failure(envelope []byte) error {
	e := parseError(http.StatusInternalServerError, http.Header{}, envelope, s.wire.now())
	if s.wire.key() != "" {
		s.wire.redact(e)
	}
	return e
}

// read fetches one line without its end. The last line needs none.
func (s *stream) read() error {
	s.line = s.line[:0]
	s.watch.Reset(s.patience)
	defer s.watch.Stop()
	for {
		piece, err := s.lines.ReadSlice('\n')
		s.line = append(s.line, piece...)
		if len(s.line) > maxLine {
			return pmerr.New(pmerr.Unavailable, "a line of the answer to %s is longer than %d bytes", s.request.name(), maxLine).Because(errForeign)
		}
		switch {
		case err == nil:
			s.line = s.line[:len(s.line)-1]
			return nil
		case errors.Is(err, bufio.ErrBufferFull):
			s.watch.Reset(s.patience)
		case errors.Is(err, io.EOF) && len(s.line) > 0:
			return nil
		case errors.Is(err, io.EOF):
			return io.EOF
		default:
			return s.wire.broken(s.ctx, s.own, s.request, err).err
		}
	}
}
