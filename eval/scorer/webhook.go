package scorer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of webhooks.
const (
	maxURL            = 2048
	maxWebhookAnswer  = 64 << 10 // bytes
	webhookTimeout    = 30 * time.Second
	maxWebhookBackoff = 10 * time.Minute // what a Retry-After may ask for
)

// hookRequest is what a webhook gets.
type hookRequest struct {
	Input          json.RawMessage `json:"input"`
	ExpectedOutput json.RawMessage `json:"expectedOutput,omitempty"`
	Output         string          `json:"output"`
}

// hookAnswer is what a webhook answers.
type hookAnswer struct {
	Score  *float64 `json:"score"`
	Passed *bool    `json:"passed"`
	Reason string   `json:"reason"`
}

// buildWebhook: an address gets the row and answers the score.
func buildWebhook(c *Compiler, r *rule) judge {
	var config struct {
		passing
		URL string `json:"url"`
	}
	if !r.decode(&config) {
		return nil
	}
	threshold := r.threshold(config.passing, 0.5)
	r.required("url", config.URL, maxURL)
	if c.webhooks == nil {
		r.faults = append(r.faults, r.at+".type webhook is not allowed here: the operator has to name the hosts")
		return nil
	}
	if fault := c.webhooks.fault(config.URL); fault != "" {
		r.fault("url", " %s", fault)
		return nil
	}
	return func(ctx context.Context, k *subject) (outcome, error) {
		answer, err := c.webhooks.call(ctx, config.URL, hookRequest{
			Input: k.Row.Input, ExpectedOutput: k.Row.ExpectedOutput, Output: k.Output,
		})
		if err != nil {
			return outcome{}, err
		}
		o := graded(*answer.Score, threshold, "%s", answer.Reason)
		if answer.Passed != nil {
			o.passed = *answer.Passed
		}
		return o, nil
	}
}

// webhooks calls addresses that the operator allows.
type webhooks struct {
	client  *http.Client
	hosts   map[string]bool // empty: every host
	private bool
}

// newWebhooks gives nil if webhooks are not allowed.
func newWebhooks(o Options) *webhooks {
	if o.HTTPClient == nil && len(o.WebhookHosts) == 0 {
		return nil
	}
	w := &webhooks{private: o.WebhookPrivate, hosts: map[string]bool{}}
	for _, host := range o.WebhookHosts {
		w.hosts[strings.ToLower(strings.TrimSpace(host))] = true
	}
	w.client = guardedClient(o.HTTPClient, o.WebhookPrivate)
	return w
}

// fault says why an address may not be called, or nothing. Names are looked up
// when they are dialled, not here.
func (w *webhooks) fault(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return "must be an http or https URL"
	case u.Scheme != "http" && u.Scheme != "https":
		return "must be an http or https URL"
	case u.User != nil:
		return "must not hold a user name or a password"
	}
	host := strings.ToLower(u.Hostname())
	if len(w.hosts) > 0 && !w.hosts[host] && !w.hosts[strings.ToLower(u.Host)] {
		return "names a host that the operator does not allow: " + quote(u.Host)
	}
	if w.private {
		return ""
	}
	name := strings.TrimSuffix(host, ".")
	if addr, err := netip.ParseAddr(name); (err == nil && !isPublic(addr.Unmap().AsSlice())) || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return "must not name a private or loopback address"
	}
	return ""
}

// call posts a row and reads the answer. What the address says never gets into
// an error: it may be a page of somebody's intranet.
func (w *webhooks) call(ctx context.Context, address string, row hookRequest) (hookAnswer, error) {
	var answer hookAnswer
	body, err := json.Marshal(row)
	if err != nil {
		return answer, pmerr.New(pmerr.BadRequest, "the row is no JSON").Because(err)
	}
	limited, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return answer, pmerr.New(pmerr.BadRequest, "the webhook's url cannot be called").Because(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	response, err := w.client.Do(request)
	if err != nil {
		return answer, w.failed(ctx, err)
	}
	defer response.Body.Close()
	if err := statusError(response); err != nil {
		return answer, err
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxWebhookAnswer+1))
	if err != nil {
		return answer, w.failed(ctx, err)
	}
	if len(text) > maxWebhookAnswer {
		return answer, pmerr.New(pmerr.ProviderError, "the webhook answered more than %d bytes", maxWebhookAnswer)
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Score == nil {
		return answer, pmerr.New(pmerr.ProviderError, `the webhook must answer JSON such as {"score": 0.8}`).Because(err)
	}
	if math.IsNaN(*answer.Score) || *answer.Score < 0 || *answer.Score > 1 {
		return answer, pmerr.New(pmerr.ProviderError, "the webhook's score must be a number from 0 to 1, not %v", *answer.Score)
	}
	return answer, nil
}

// failed is the error for a call without an answer.
func (w *webhooks) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var refused *refusedError
	var timeout net.Error
	switch {
	case errors.As(err, &refused):
		return pmerr.New(pmerr.BadRequest, "the webhook's host has a private or loopback address, which is not allowed").Because(err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return pmerr.New(pmerr.Timeout, "the webhook did not answer within %v", webhookTimeout).Because(err)
	}
	return pmerr.New(pmerr.ProviderError, "the webhook cannot be reached").Because(err)
}

// statusError is the error for an answer that is no 200 to 299.
func statusError(response *http.Response) error {
	status := response.StatusCode
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusTooManyRequests:
		e := pmerr.New(pmerr.ProviderRateLimited, "the webhook answered with status 429")
		if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds >= 0 {
			e.RetryAfter = min(time.Duration(min(seconds, 86400))*time.Second, maxWebhookBackoff)
		}
		return e
	case status >= 300 && status < 400:
		return pmerr.New(pmerr.ProviderError, "the webhook answered with status %d: redirects are not followed", status)
	}
	return pmerr.New(pmerr.ProviderError, "the webhook answered with status %d", status)
}
