package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// server stands for a PromptMetrics server with one prompt.
func server() *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/prompts/welcome", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"content": {"name": "welcome", "version": "1.2.0",
			"messages": [{"role": "user", "content": "Hello {{name}}!"}]},
			"version": {"name": "welcome", "version_tag": "1.2.0", "created_at": 1700000000}}`)
	})
	mux.HandleFunc("POST /v1/logs/batch", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"ids": [1]}`)
	})
	return httptest.NewServer(mux)
}

func Example() {
	s := server()
	defer s.Close()

	c, err := client.New(s.URL, client.Options{APIKey: "pm_0123456789abcdef"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	ctx := context.Background()
	for range 2 { // the second one needs no request
		e, err := c.Registry.Get(ctx, "welcome", registry.Query{
			Version:   "^1",
			Variables: map[string]any{"name": "Ada"},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(e.Version.Version, e.Source, e.Content.Messages[0].Content)
	}
	// Output:
	// 1.2.0 fresh Hello Ada!
	// 1.2.0 fresh Hello Ada!
}

func ExampleBatcher() {
	s := server()
	defer s.Close()
	c, err := client.New(s.URL, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	b, err := client.NewBatcher(c.Telemetry, client.BatcherOptions{
		OnUndelivered: func(logs []telemetry.Log, err error) { fmt.Println(len(logs), "logs lost:", err) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	tokens := int64(42)
	if err := b.Log(telemetry.Log{PromptName: "welcome", VersionTag: "1.2.0", TokensOut: &tokens}); err != nil {
		fmt.Println(err) // the queue is full
	}
	if err := b.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(b.Stats().Delivered, "delivered")
	// Output:
	// 1 delivered
}
