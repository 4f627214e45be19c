package otelexport_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/promptmetrics-go/promptmetrics/internal/collectortest"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
	"github.com/promptmetrics-go/promptmetrics/telemetry/otelexport"
)

// tracesOnly are the options of an exporter of spans.
func tracesOnly(c *collectortest.Collector) otelexport.Options {
	return otelexport.Options{TracesURL: c.Traces(), BatchDelay: time.Millisecond}
}

// answers gives each status once, then accepts.
func answers(c *collectortest.Collector, header http.Header, statuses ...int) {
	var n atomic.Int64
	c.Answer(func(w http.ResponseWriter, r *http.Request) {
		if i := int(n.Add(1)) - 1; i < len(statuses) {
			for name, values := range header {
				w.Header()[name] = values
			}
			w.WriteHeader(statuses[i])
			_, _ = w.Write([]byte("not\nnow"))
			return
		}
		if err := c.Accept(r); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
}

func TestHeadersAndServiceGoWithEveryRequest(t *testing.T) {
	t.Parallel()
	c := export(t, otelexport.Options{
		Headers: map[string]string{"x-key": "k", "Content-Type": "text/plain"}, ServiceName: "prompts", ServiceVersion: "1.2.3",
		Resource: map[string]string{"deployment.environment.name": "test", "service.name": "ignored"},
	}, func(e *otelexport.Exporter) { e.Logged([]telemetry.Recorded{recorded(1, nil)}) })
	require.Len(t, c.Requests(), 2, "spans and metrics")
	for _, r := range c.Requests() {
		require.Equal(t, "k", r.Header.Get("X-Key"))
		require.Equal(t, "promptmetrics-otlp/1.2.3", r.Header.Get("User-Agent"))
	}
	service := collectortest.Attributes(c.ResourceSpans()[0].Resource.Attributes)
	require.Equal(t, "prompts", service["service.name"])
	require.Equal(t, "1.2.3", service["service.version"])
	require.Equal(t, "test", service["deployment.environment.name"])
}

func TestCollectorInTrouble(t *testing.T) {
	t.Parallel()

	for _, status := range []int{429, 502, 503, 504} {
		t.Run(http.StatusText(status)+" is tried again, and told once", func(t *testing.T) {
			t.Parallel()
			c, said := collectortest.New(t), &journal{}
			answers(c, http.Header{"Retry-After": {"1"}}, status, status)
			o := tracesOnly(c)
			o.Logger = said.logger()
			e := exporting(t, c, o)
			e.Logged([]telemetry.Recorded{recorded(1, nil)})
			c.Until(t, "the span", func() bool { return len(c.Spans()) == 1 })
			require.Len(t, c.Requests(), 3)
			finish(t, e)
			require.Equal(t, otelexport.Stats{Exported: 1}, e.Stats())
			require.Equal(t, 1, strings.Count(said.String(), "cannot be exported; it is tried again"), said.String())
			require.Contains(t, said.String(), "not now")
			require.Equal(t, 1, strings.Count(said.String(), "telemetry is exported again"), said.String())
		})
	}

	for _, status := range []int{400, 401, 404, 413, 500, 302} {
		t.Run(http.StatusText(status)+" is final", func(t *testing.T) {
			t.Parallel()
			c, said := collectortest.New(t), &journal{}
			answers(c, http.Header{"Location": {"/v1/traces"}}, status)
			o := tracesOnly(c)
			o.Logger = said.logger()
			e := exporting(t, c, o)
			e.Logged([]telemetry.Recorded{recorded(1, nil)})
			require.Eventually(t, func() bool { return e.Stats().Failed == 1 }, time.Minute, time.Millisecond)
			e.Logged([]telemetry.Recorded{recorded(2, nil)})
			finish(t, e)
			require.Equal(t, otelexport.Stats{Exported: 1, Failed: 1}, e.Stats())
			require.Len(t, c.Requests(), 2)
			require.Contains(t, said.String(), "was not exported and is lost")
			require.Contains(t, said.String(), http.StatusText(status))
			require.Contains(t, said.String(), "not all telemetry was exported", "said at the end")
		})
	}

	t.Run("a Retry-After is waited for", func(t *testing.T) {
		t.Parallel()
		c := collectortest.New(t)
		answers(c, http.Header{"Retry-After": {"3"}}, 503)
		e := exporting(t, c, tracesOnly(c))
		began := time.Now()
		e.Logged([]telemetry.Recorded{recorded(1, nil)})
		c.Until(t, "the span", func() bool { return len(c.Spans()) == 1 })
		require.GreaterOrEqual(t, time.Since(began), 3*time.Second)
	})

	t.Run("one that asks for an hour is not waited for", func(t *testing.T) {
		t.Parallel()
		c := collectortest.New(t)
		answers(c, http.Header{"Retry-After": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}, 503)
		e := exporting(t, c, tracesOnly(c))
		e.Logged([]telemetry.Recorded{recorded(1, nil)})
		require.Eventually(t, func() bool { return e.Stats().Failed == 1 }, time.Minute, time.Millisecond)
	})

	t.Run("an answer that never comes is given up after the timeout, and the next is tried", func(t *testing.T) {
		t.Parallel()
		c, said := collectortest.New(t), &journal{}
		released := make(chan struct{})
		t.Cleanup(func() { close(released) })
		var n atomic.Int64
		c.Answer(func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) == 1 {
				select {
				case <-released:
				case <-r.Context().Done():
				}
				return
			}
			_ = c.Accept(r)
		})
		o := tracesOnly(c)
		o.Logger, o.Timeout = said.logger(), 50*time.Millisecond
		e := exporting(t, c, o)
		e.Logged([]telemetry.Recorded{recorded(1, nil)})
		c.Until(t, "the span", func() bool { return len(c.Spans()) == 1 })
		require.Contains(t, said.String(), "it does not answer within 50ms")
	})

	t.Run("what it took in part is counted and told", func(t *testing.T) {
		t.Parallel()
		c, said := collectortest.New(t), &journal{}
		c.Answer(func(w http.ResponseWriter, r *http.Request) {
			_ = c.Accept(r)
			var partial []byte
			partial = protowire.AppendTag(partial, 2, protowire.BytesType)
			partial = protowire.AppendString(partial, "too\x1bold")
			partial = protowire.AppendTag(partial, 1, protowire.VarintType)
			partial = protowire.AppendVarint(partial, 2)
			answer := protowire.AppendTag(nil, 9, protowire.VarintType)
			answer = protowire.AppendVarint(answer, 1)
			answer = protowire.AppendTag(answer, 1, protowire.BytesType)
			_, _ = w.Write(protowire.AppendBytes(answer, partial))
		})
		o := tracesOnly(c)
		o.Logger = said.logger()
		e := exporting(t, c, o)
		e.Logged([]telemetry.Recorded{recorded(1, nil), recorded(2, nil), recorded(3, nil)})
		finish(t, e)
		require.Equal(t, otelexport.Stats{Exported: 1, Failed: 2}, e.Stats())
		require.Contains(t, said.String(), "took telemetry only in part")
		require.Contains(t, said.String(), "too old")
	})

	t.Run("nobody there is told once a minute, without the key in the address", func(t *testing.T) {
		t.Parallel()
		gone := httptest.NewServer(nil)
		gone.Close()
		said := &journal{}
		var minutes atomic.Int64
		e := exporting(t, nil, otelexport.Options{
			TracesURL: gone.URL + "/v1/traces?key=hunter2", Headers: map[string]string{"k": "hunter2"}, Logger: said.logger(), BatchDelay: time.Millisecond,
			Now: func() time.Time { return moment.Add(time.Duration(minutes.Load()) * time.Minute) },
		})
		e.Logged([]telemetry.Recorded{recorded(1, nil)})
		told := func() int { return strings.Count(said.String(), "level=WARN") }
		require.Eventually(t, func() bool { return told() == 1 }, time.Minute, time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		minutes.Add(1)
		require.NoError(t, e.Close(ctx))
		require.Equal(t, otelexport.Stats{Failed: 1}, e.Stats())
		require.Equal(t, 3, told(), "one a minute, and one at the end: %s", said.String())
		require.Contains(t, said.String(), "connection refused")
		require.NotContains(t, said.String(), "hunter2")
	})
}

func TestNobodyWaitsForACollectorThatHangs(t *testing.T) {
	t.Parallel()
	c, said := collectortest.New(t), &journal{}
	released := make(chan struct{})
	hang := func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-released:
		case <-r.Context().Done():
		}
	}
	c.Answer(hang)
	const queue = 100
	e := exporting(t, c, otelexport.Options{TracesURL: c.Traces(), MetricsURL: c.Metrics(), QueueSize: queue, BatchDelay: time.Millisecond, Logger: said.logger()})

	// A second's worth of a busy server, as fast as it goes.
	const logs = 1000
	for i := range int64(logs) {
		e.Logged([]telemetry.Recorded{recorded(i, nil)})
	}
	require.Eventually(t, func() bool { return e.Stats().Dropped == logs-queue }, time.Minute, time.Millisecond, "%+v", e.Stats())

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.NoError(t, e.Close(ctx), "everything had been made into spans")
	require.Equal(t, otelexport.Stats{Failed: queue, Dropped: logs - queue}, e.Stats(), "nothing is forgotten")
	require.Contains(t, said.String(), "spans_dropped=900")
	close(released)

	e.Logged([]telemetry.Recorded{recorded(1, nil)})
	require.EqualValues(t, logs-queue+1, e.Stats().Dropped, "what comes after Close")
}

func TestCloseSendsWhatIsLeft(t *testing.T) {
	t.Parallel()
	c := collectortest.New(t)
	e := exporting(t, c, otelexport.Options{BatchDelay: time.Hour, MetricInterval: time.Hour, TracesURL: c.Traces(), MetricsURL: c.Metrics()})
	var callers sync.WaitGroup
	for i := range int64(20) {
		callers.Go(func() {
			for j := range int64(50) {
				e.Logged([]telemetry.Recorded{recorded(i*50+j, nil)})
			}
		})
	}
	callers.Wait()
	finish(t, e)
	require.Len(t, c.Spans(), 1000)
	require.Equal(t, otelexport.Stats{Exported: 1000}, e.Stats())
	_, points := c.Histogram("gen_ai.client.operation.duration")
	require.Len(t, points, 1)
	require.EqualValues(t, 1000, points[0].Count)
	ids := map[string]bool{}
	for _, s := range c.Spans() {
		ids[collectortest.ID(s.SpanId)] = true
	}
	require.Len(t, ids, 1000)
}

func TestRequestsStaySmall(t *testing.T) {
	t.Parallel()
	var largest atomic.Int64
	c := collectortest.New(t)
	c.Answer(func(w http.ResponseWriter, r *http.Request) {
		before := len(c.Spans())
		if err := c.Accept(r); err != nil {
			w.WriteHeader(400)
		}
		largest.Store(max(largest.Load(), int64(len(c.Spans())-before)))
	})
	e := exporting(t, c, otelexport.Options{TracesURL: c.Traces(), BatchDelay: time.Hour})
	for i := range int64(300) {
		e.Logged([]telemetry.Recorded{recorded(i, func(r *telemetry.Recorded) {
			r.Log.Metadata = metadata(t, `{"text":"`+strings.Repeat("x", 40<<10)+`"}`)
		})})
	}
	finish(t, e)
	require.Len(t, c.Spans(), 300, "%+v", e.Stats())
	require.LessOrEqual(t, largest.Load(), int64(4<<20/(40<<10)))
}

func TestTheQueueIsBoundedInBytesToo(t *testing.T) {
	t.Parallel()
	c := collectortest.New(t)
	c.Answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	o := tracesOnly(c)
	o.CaptureContent, o.Timeout = true, time.Hour
	e := exporting(t, c, o)
	long := strings.Repeat("x", 200<<10)
	for i := range int64(1000) { // 200 MB
		e.Logged([]telemetry.Recorded{recorded(i, func(r *telemetry.Recorded) {
			r.Exchange = &telemetry.Exchange{Input: []telemetry.Turn{{Role: "user", Content: long}}}
		})})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := e.Close(ctx)
	if err != nil {
		require.EqualError(t, err, "telemetry was still to be exported when the time was over")
	}
	s := e.Stats()
	require.Less(t, s.Failed, uint64(64<<20/(200<<10)+1))
	require.Positive(t, s.Dropped)
}

// away is a transport that fails without a network.
type away struct{}

func (away) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("away") }

func TestAClientOfTheProgramsOwnIsUsed(t *testing.T) {
	t.Parallel()
	said := &journal{}
	e := exporting(t, nil, otelexport.Options{
		TracesURL: "http://collector.example/v1/traces", HTTPClient: &http.Client{Transport: away{}}, Logger: said.logger(), BatchDelay: time.Millisecond,
	})
	e.Logged([]telemetry.Recorded{recorded(1, nil)})
	require.Eventually(t, func() bool { return strings.Contains(said.String(), "it cannot be reached: away") }, time.Minute, time.Millisecond)
}
