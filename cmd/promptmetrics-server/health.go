package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// maxHealthAnswer bounds what is read of the server's answer.
const maxHealthAnswer = 64 << 10

func (p *program) health() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the server on HOST and PORT how it is",
		Long: "Asks the server on HOST and PORT for /health/deep, which writes to the database and\n" +
			"to the prompt store and reads back. Exits with 0 if all is well, else with 1 and one\n" +
			"line that says what is wrong.",
		Example: "  HEALTHCHECK CMD [\"promptmetrics-server\", \"health\"]",
		Args:    cobra.NoArgs,
		RunE: p.doing(func(ctx context.Context, _ []string) error {
			if timeout <= 0 {
				return usageError{errors.New("--timeout must be positive, such as 3s")}
			}
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			return p.askHealth(ctx)
		}),
	}
	// The server takes 5 s to find that a store hangs, and then says so.
	cmd.Flags().DurationVar(&timeout, "timeout", 8*time.Second, "how long to wait for an answer")
	return cmd
}

func (p *program) askHealth(ctx context.Context) error {
	e := readEnvironment(p.lookup)
	at := readAddress(e)
	if at.port == 0 && len(e.faults) == 0 {
		e.fault("PORT is 0, so the server chose a port by itself: set PORT to the one that it printed")
	}
	if err := e.err(); err != nil {
		return err
	}
	// Not by the name localhost, which a bare container may not know.
	if ip := net.ParseIP(at.host); ip != nil && ip.IsUnspecified() {
		at.host = "127.0.0.1"
		if ip.To4() == nil {
			at.host = "::1"
		}
	}
	address := url.URL{Scheme: "http", Host: at.String(), Path: "/health/deep"}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return err
	}
	// Plainly to this address: no proxy, no redirects.
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("the server at %s does not answer: %w", at, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxHealthAnswer))
	if err != nil {
		return fmt.Errorf("the server at %s does not answer: %w", at, err)
	}
	return p.reportHealth(at, answer.StatusCode, body)
}

func (p *program) reportHealth(at address, status int, body []byte) error {
	var health struct {
		Status string            `json:"status"`
		Checks map[string]string `json:"checks"`
	}
	if json.Unmarshal(body, &health) != nil || health.Status == "" {
		return fmt.Errorf("the program at %s answers %d, and is no PromptMetrics server", at, status)
	}
	if status == http.StatusOK && health.Status == "ok" {
		p.say("ok")
		return nil
	}
	var ill []string
	for _, check := range slices.Sorted(maps.Keys(health.Checks)) {
		if health.Checks[check] != "ok" {
			ill = append(ill, fmt.Sprintf("%q", check))
		}
	}
	return fmt.Errorf("the server at %s is %q; failing: %s", at, health.Status, strings.Join(ill, ", "))
}
