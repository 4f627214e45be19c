package playgroundtest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// patience bounds waits for what should come at once.
const patience = 30 * time.Second

func streamCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"200 tokens arrive token by token, from one call": func(t *testing.T, e Env) {
			const tokens = 200
			chunks := make([]string, tokens)
			for i := range chunks {
				chunks[i] = fmt.Sprintf("t%d ", i)
			}
			seen := make(chan int) // the number of tokens that the caller has
			var sent, arrived [tokens]time.Time
			e.play(providertest.Answer{Chunks: chunks, Hold: func(piece int) {
				if piece > 0 && piece < tokens {
					// The next token is sent only once the last one was read.
					select {
					case n := <-seen:
						if n != piece {
							panic(fmt.Sprintf("token %d was asked for after %d", piece, n))
						}
					case <-time.After(patience):
						return // the test fails on what is missing
					}
				}
				if piece < tokens {
					sent[piece] = time.Now()
				}
			}})
			n := 0
			var output strings.Builder
			var last []playground.EventType
			for event, err := range e.Mine.Stream(t.Context(), e.request("count")) {
				require.NoError(t, err)
				if event.Type != playground.EventToken {
					last = append(last, event.Type)
					continue
				}
				arrived[n] = time.Now()
				output.WriteString(event.Content)
				n++
				if n < tokens {
					seen <- n
				}
			}
			require.Equal(t, tokens, n)
			require.Equal(t, strings.Join(chunks, ""), output.String())
			require.Equal(t, []playground.EventType{playground.EventMetrics, playground.EventDone}, last)
			for i := range tokens - 1 {
				require.True(t, arrived[i].Before(sent[i+1]), "token %d arrived before token %d was sent", i, i+1)
			}
			require.Len(t, e.asked(), 1)
			require.Equal(t, []string{"playground_chat_stream"}, e.actions(t))
		},
		"ends with what it cost, which the log has too": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "a b c", TokensIn: 10, TokensOut: 20})
			events, err := collect(t.Context(), e.Mine, e.request("x"))
			require.NoError(t, err)
			metrics, done := events[len(events)-2], events[len(events)-1]
			require.EqualValues(t, 10, *metrics.TokensIn)
			require.EqualValues(t, 20, *metrics.TokensOut)
			require.Equal(t, "stop", done.FinishReason)
			l := onlyLog(t, e.Logs)
			require.Equal(t, *metrics.CostUSD, *l.CostUSD)
			require.Equal(t, metrics.LatencyMS, *l.LatencyMS)
			require.Equal(t, telemetry.OK, l.Status)
		},
		"gives whole tool calls": func(t *testing.T, e Env) {
			call := playground.ToolCall{ID: "c1", Name: "weather", Arguments: `{"city":"Bern"}`}
			e.play(providertest.Answer{Text: "one moment", ToolCalls: []playground.ToolCall{call}})
			events, err := collect(t.Context(), e.Mine, e.request("x"))
			require.NoError(t, err)
			var calls []playground.ToolCall
			for _, event := range events {
				if event.Type == playground.EventToolCall {
					calls = append(calls, *event.ToolCall)
				}
			}
			require.Equal(t, []playground.ToolCall{call}, calls)
			require.Equal(t, "tool_calls", events[len(events)-1].FinishReason)
		},
		"a fault before the first token is an ordinary error": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Status: 401, Message: "no"})
			events, err := collect(t.Context(), e.Mine, e.request("x"))
			require.Empty(t, events)
			require.ErrorIs(t, err, pmerr.ErrProvider)
			require.Equal(t, telemetry.Failed, onlyLog(t, e.Logs).Status)
			require.Empty(t, e.actions(t))
		},
		"a fault in the middle ends it with the error": func(t *testing.T, e Env) {
			e.play(providertest.Answer{Text: "one two three four", CutAfter: 2})
			events, err := collect(t.Context(), e.Mine, e.request("x"))
			require.ErrorIs(t, err, pmerr.ErrProvider)
			require.Len(t, events, 2)
			require.Len(t, e.asked(), 1, "what has begun is not asked again")
			require.Equal(t, telemetry.Failed, onlyLog(t, e.Logs).Status)
			require.Equal(t, []string{"playground_chat_stream"}, e.actions(t), "its caller saw it succeed")
		},
		"who leaves cancels the call": func(t *testing.T, e Env) {
			gone := make(chan struct{})
			e.Stage.Play(e.Scene, func(q providertest.Question) providertest.Answer {
				return providertest.Answer{Chunks: []string{"a ", "b ", "c "}, Hold: func(piece int) {
					if piece != 1 {
						return
					}
					select {
					case <-q.Gone():
						close(gone)
					case <-time.After(patience):
					}
				}}
			})
			for event, err := range e.Mine.Stream(t.Context(), e.request("x")) {
				require.NoError(t, err)
				require.Equal(t, "a ", event.Content)
				break
			}
			select {
			case <-gone:
			case <-time.After(patience):
				t.Fatal("the provider never heard that the caller has left")
			}
			require.Eventually(t, func() bool {
				p, err := e.Logs.Logs(t.Context(), telemetry.LogFilter{}, page.Request{})
				return err == nil && len(p.Items) == 1 && p.Items[0].Status == telemetry.Failed && *p.Items[0].ErrorCode == "CANCELLED"
			}, patience, 10*time.Millisecond, "the call is not logged")
			require.Equal(t, []string{"playground_chat_stream"}, e.actions(t))
		},
		"a deadline ends it": func(t *testing.T, e Env) {
			e.Stage.Play(e.Scene, func(q providertest.Question) providertest.Answer {
				return providertest.Answer{Text: "x", Hold: func(int) { <-q.Gone() }}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := collect(ctx, e.Mine, e.request("x"))
			require.ErrorIs(t, err, context.DeadlineExceeded)
		},
	}
}
