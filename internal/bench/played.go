package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// played speaks enough of OpenAI's wire format to be called as a model. It
// answers at once; streamed, a token every pause, each the time in nanoseconds
// at which it was sent.
type played struct {
	server *http.Server
	url    string // up to the version
}

const (
	tokens = 200
	pause  = 5 * time.Millisecond
)

func play(ctx context.Context) (*played, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", answerChat)
	p := &played{server: &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}, url: "http://" + l.Addr().String() + "/v1"}
	go func() { _ = p.server.Serve(l) }() // Close ends it.
	return p, nil
}

func (p *played) stop() error { return p.server.Close() }

const whole = `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant",` +
	`"content":"Paris is the capital of France."},"finish_reason":"stop"}],"usage":{"prompt_tokens":24,"completion_tokens":7,"total_tokens":31}}`

func answerChat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if !bytes.Contains(body, []byte(`"stream":true`)) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, whole)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	for range tokens {
		time.Sleep(pause)
		if _, err := fmt.Fprintf(w, `data: {"id":"chatcmpl-1","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"%d "}}]}`+"\n\n", time.Now().UnixNano()); err != nil {
			return
		}
		_ = flush.Flush()
	}
	_, _ = io.WriteString(w, `data: {"id":"chatcmpl-1","model":"gpt-4o","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`+
		"\n\ndata: [DONE]\n\n")
}

// lag is how old a token is.
func lag(content string) (time.Duration, error) {
	sent, err := strconv.ParseInt(strings.TrimSpace(content), 10, 64)
	return time.Duration(time.Now().UnixNano() - sent), err
}

// lines posts a body and gives the lines of the answer as they come.
func lines(ctx context.Context, url, key, body string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			yield(nil, err)
			return
		}
		r.Header.Set("Content-Type", "application/json")
		if key != "" {
			r.Header.Set("X-API-Key", key)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			yield(nil, err)
			return
		}
		defer func() { _ = answer.Body.Close() }()
		if answer.StatusCode != http.StatusOK {
			text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
			yield(nil, fmt.Errorf("answered %s: %s", answer.Status, text))
			return
		}
		all := bufio.NewScanner(answer.Body)
		for all.Scan() {
			if !yield(all.Bytes(), nil) {
				return
			}
		}
		if err := all.Err(); err != nil {
			yield(nil, err)
		}
	}
}

// direct gives the tokens of a stream of the played provider itself.
func (p *played) direct(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for line, err := range lines(ctx, p.url+"/chat/completions", "", `{"model":"gpt-4o","stream":true}`) {
			data, ok := bytes.CutPrefix(line, []byte("data: {"))
			if err == nil && !ok {
				continue
			}
			var chunk struct {
				Choices []struct{ Delta struct{ Content string } }
			}
			if err == nil {
				err = json.Unmarshal(append([]byte("{"), data...), &chunk)
			}
			if err != nil {
				yield("", err)
				return
			}
			for _, c := range chunk.Choices {
				if c.Delta.Content != "" && !yield(c.Delta.Content, nil) {
					return
				}
			}
		}
	}
}
