package otelexport

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// How often a request is sent again that may do better next time, as
// https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes says.
const (
	firstPause = time.Second
	maxPause   = 30 * time.Second
	// retryFor bounds all of it. Spans wait in the queue meanwhile.
	retryFor = time.Minute
	// lastTries and lastPause are for what is left when the exporter is closed.
	lastTries = 3
	lastPause = 200 * time.Millisecond
)

// maxAnswer bounds what is read of a collector's answer, in bytes.
const maxAnswer = 64 << 10

// stop ends the sending in two steps: what begins to close is in a hurry, and
// what is over sends nothing more.
type stop struct {
	closing chan struct{}
	once    sync.Once
	ctx     context.Context //nolint:containedctx // the life of the exporter, not of a call.
	end     context.CancelFunc
}

func newStop() *stop {
	s := &stop{closing: make(chan struct{})}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s
}

func (s *stop) begin() { s.once.Do(func() { close(s.closing) }) }

func (s *stop) begun() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// sender posts messages to one address of a collector.
type sender struct {
	url, what, version string
	headers            map[string]string
	timeout            time.Duration
	http               *http.Client
	stop               *stop
	report             *report
	now                func() time.Time
}

// newClient makes what the senders share, and what closes its connections.
func newClient(given *http.Client) (client *http.Client, idle func()) {
	client, idle = &http.Client{}, func() {}
	if given != nil {
		*client = *given
	} else {
		t := &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: maxAnswer,
		}
		client.Transport, idle = t, t.CloseIdleConnections
	}
	// A header with a key must not go where a redirect says.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client, idle
}

// refused is an answer that is no success.
type refused struct {
	status  int
	message string
	after   time.Duration // what Retry-After asks for; 0 if it does not
}

func (r *refused) Error() string {
	text := fmt.Sprintf("it answers %d %s", r.status, http.StatusText(r.status))
	if r.message != "" {
		text += ": " + r.message
	}
	return text
}

// transient tells whether a fault may be gone next time.
func transient(err error) (after time.Duration, ok bool) {
	answer, answered := errors.AsType[*refused](err)
	if !answered {
		return 0, true // the collector was not reached, or gave up in the middle
	}
	switch answer.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return answer.after, true
	}
	return 0, false
}

// send posts a message until it is taken, and gives how many of its items the
// collector took but did not want, or why it was given up.
func (s *sender) send(ctx context.Context, message []byte) (unwanted int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.stop.ctx, cancel)()
	body, err := compressed(message)
	if err != nil {
		return 0, err
	}
	began, pause, last := s.now(), firstPause, 0
	for {
		unwanted, err = s.try(ctx, body)
		if err == nil {
			return unwanted, nil
		}
		after, again := transient(err)
		wait := max(after, pause/2+rand.N(pause)) //nolint:gosec // it spreads requests, no more.
		pause = min(2*pause, maxPause)
		if s.stop.begun() {
			if last++; last >= lastTries {
				s.stop.end() // nobody is there: what is left need not be tried
				return 0, err
			}
			wait = lastPause
		}
		if !again || ctx.Err() != nil || s.now().Sub(began)+wait > retryFor {
			return 0, err
		}
		s.report.struggling(s.what, withoutQuery(s.url), err)
		if !s.pause(ctx, wait) {
			return 0, err
		}
	}
}

// pause waits, but not when the exporter begins to close.
func (s *sender) pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	closing := s.stop.closing
	if s.stop.begun() {
		closing = nil // it has begun before
	}
	select {
	case <-timer.C:
		return true
	case <-closing:
		return true
	case <-ctx.Done():
		return false
	}
}

// try posts once.
func (s *sender) try(ctx context.Context, body []byte) (unwanted int64, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("it does not answer within %s", s.timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return 0, errors.New("the address cannot be used")
	}
	request.Header.Set("User-Agent", strings.TrimSuffix("promptmetrics-otlp/"+s.version, "/"))
	for name, value := range s.headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	request.Header.Set("Content-Encoding", "gzip")
	answer, err := s.http.Do(request)
	if err != nil {
		return 0, bare(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return 0, bare(ctx, err)
	}
	if answer.StatusCode/100 == 2 {
		return s.partly(text), nil
	}
	return 0, &refused{status: answer.StatusCode, message: messageOf(answer.Header, text), after: retryAfter(answer.Header, s.now())}
}

// bare is a fault of the way to the collector, without the address, which may
// hold a key.
func bare(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return cause
	}
	if of, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("it cannot be reached: %w", of.Err)
	}
	return err
}

// retryAfter is the pause that an answer asks for, in seconds or as a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// partly reads an ExportTraceServiceResponse, or that of metrics, which is of the
// same form: partial_success with how much was rejected, and why.
func (s *sender) partly(answer []byte) (rejected int64) {
	partial, ok := field(answer, 1)
	if !ok {
		return 0
	}
	n, reason := int64(0), ""
	for len(partial) > 0 {
		number, kind, size := protowire.ConsumeTag(partial)
		if size < 0 {
			break
		}
		partial = partial[size:]
		if number == 1 && kind == protowire.VarintType {
			v, _ := protowire.ConsumeVarint(partial)
			n = int64(v) //nolint:gosec // it is checked below.
		}
		if number == 2 && kind == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(partial)
			reason = legible(v)
		}
		if size = protowire.ConsumeFieldValue(number, kind, partial); size < 0 {
			break
		}
		partial = partial[size:]
	}
	if n = max(n, 0); n > 0 || reason != "" {
		s.report.partial(s.what, withoutQuery(s.url), n, reason)
	}
	return n
}

// field finds a field of bytes in a message.
func field(message []byte, wanted protowire.Number) ([]byte, bool) {
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeTag(message)
		if size < 0 {
			return nil, false
		}
		message = message[size:]
		if number == wanted && kind == protowire.BytesType {
			v, n := protowire.ConsumeBytes(message)
			return v, n >= 0
		}
		if size = protowire.ConsumeFieldValue(number, kind, message); size < 0 {
			return nil, false
		}
		message = message[size:]
	}
	return nil, false
}

// messageOf is what a collector says about a fault: a google.rpc.Status, or
// text.
func messageOf(h http.Header, body []byte) string {
	if strings.HasPrefix(h.Get("Content-Type"), "application/x-protobuf") {
		text, _ := field(body, 2)
		return legible(text)
	}
	return legible(body)
}

// legible is a short text of somebody else's, on one line.
func legible(text []byte) string {
	const most = 200
	line := strings.Join(strings.FieldsFunc(strings.ToValidUTF8(string(text), "\uFFFD"), func(r rune) bool { return r <= ' ' || r == 0x7f }), " ")
	if len(line) > most {
		line = line[:most]
		for !utf8.ValidString(line) {
			line = line[:len(line)-1]
		}
		line += "…"
	}
	return line
}

func compressed(message []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(message); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
