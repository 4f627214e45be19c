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
		summary: "Serve what was pushed to the prompt repository; signed by GitHub, Gitea or Forgejo, or with the token of GitLab",
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
	event, ok := eventOf(x.request.Header, b.Bytes(), a.options.WebhookSecret)
	if !ok {
		return pmerr.New(pmerr.Unauthorized, "Invalid signature")
	}
	if event != "push" && event != "Push Hook" {
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

// eventOf gives the event that a git host tells of, if the host proves that it
// knows the secret. A host that sends a proof is held to it, whatever else it
// sends.
func eventOf(h http.Header, body []byte, secret string) (event string, ok bool) {
	switch {
	case h.Get("X-Hub-Signature-256") != "": // GitHub; Gitea and Forgejo send it too
		given, prefixed := strings.CutPrefix(h.Get("X-Hub-Signature-256"), "sha256=")
		return firstOf(h, "X-GitHub-Event", "X-Gitea-Event", "X-Forgejo-Event"), prefixed && signed(body, given, secret)
	case h.Get("X-Gitea-Signature") != "":
		return h.Get("X-Gitea-Event"), signed(body, h.Get("X-Gitea-Signature"), secret)
	case h.Get("X-Gitlab-Token") != "":
		// GitLab sends the secret itself. Hashing makes both of one length, so
		// that the time tells nothing of the secret's.
		given, want := sha256.Sum256([]byte(h.Get("X-Gitlab-Token"))), sha256.Sum256([]byte(secret))
		return h.Get("X-Gitlab-Event"), hmac.Equal(given[:], want[:])
	}
	return "", false
}

func firstOf(h http.Header, names ...string) string {
	for _, name := range names {
		if value := h.Get(name); value != "" {
			return value
		}
	}
	return ""
}

// signed checks a signature of a body, in hexadecimal, in constant time.
func signed(body []byte, given, secret string) bool {
	sum, err := hex.DecodeString(given)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(sum, mac.Sum(nil))
}
