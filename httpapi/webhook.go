package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// syncTimeout bounds what one push may set off.
const syncTimeout = time.Minute

type webhookAnswer struct {
	Message string `json:"message"`
	Event   string `json:"event,omitempty"`
}

func (a *api) registerWebhook() {
	open(a, operation{
		id: "receiveGitHubEvent", method: http.MethodPost, path: "/webhooks/github", tag: "service",
		summary: "Serve what was pushed to the prompt repository; signed by X-Hub-Signature-256",
		faults:  []int{http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusServiceUnavailable},
	}, a.jsonOf(reflect.TypeFor[webhookAnswer]()), a.receiveEvent)
}

func (a *api) receiveEvent(x *exchange) error {
	if a.options.WebhookSecret == "" {
		return pmerr.New(pmerr.Internal, "The webhook has no secret")
	}
	b := a.buffer()
	defer a.release(b)
	if err := x.read(b); err != nil {
		return err
	}
	if !signed(b.Bytes(), x.request.Header.Get("X-Hub-Signature-256"), a.options.WebhookSecret) {
		return pmerr.New(pmerr.Unauthorized, "Invalid signature")
	}
	if event := x.request.Header.Get("X-GitHub-Event"); event != "push" {
		return x.json(http.StatusOK, webhookAnswer{Message: "Event ignored", Event: event})
	}
	// GitHub hangs up after ten seconds; what it announced is still to be
	// fetched to the end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.context()), syncTimeout)
	defer cancel()
	if _, err := a.pm.Sync(ctx); err != nil {
		return err
	}
	return x.json(http.StatusOK, webhookAnswer{Message: "Sync triggered"})
}

// signed checks the signature of a body in constant time.
func signed(body []byte, signature, secret string) bool {
	given, ok := strings.CutPrefix(signature, "sha256=")
	if !ok {
		return false
	}
	sum, err := hex.DecodeString(given)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(sum, mac.Sum(nil))
}
