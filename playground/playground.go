// Package playground calls language models: once, or streamed token by token,
// through providers that the operator configured. Every call is logged with its
// cost, and without a word of what was asked and answered.
//
// A call renders its templates, passes the workspace's guard and budget, reaches
// the [Provider] once, and is logged with its audit entry before it is answered.
// The packages below this one are providers; providertest plays their servers
// and holds the suite for others.
//
// [Service] does the work of one workspace in-process; the remote client
// implements the same interface over HTTP.
package playground

import (
	"context"
	"iter"

	"github.com/promptmetrics-go/promptmetrics/page"
)

// Chat calls models. Faults of the request are ErrValidation, a missing
// variable among them. An unknown provider, or one without its key, is
// ErrBadRequest and names the variable to set. A spent budget is ErrBadRequest
// with details code BUDGET_EXCEEDED. What providers answer is mapped to
// ErrProviderRateLimited, ErrContentPolicy, ErrInvalidRequest, ErrTimeout and
// ErrProvider.
type Chat interface {
	// Models gives the models that the providers offer, by provider and id.
	Models(ctx context.Context, r page.Request) (page.Of[Model], error)
	// Chat calls a model once and waits for the whole answer.
	Chat(ctx context.Context, q Request) (Answer, error)
	// Complete is Chat with one prompt instead of messages.
	Complete(ctx context.Context, q Completion) (Answer, error)
	// Stream calls a model once and gives its answer as it comes. An error ends
	// the sequence; as the first item it means that nothing was answered.
	// Leaving the loop cancels the call.
	Stream(ctx context.Context, q Request) iter.Seq2[Event, error]
}

// Refresher asks the providers anew which models they offer.
type Refresher interface {
	// RefreshModels tells how many models there are now, and which providers
	// did not answer.
	RefreshModels(ctx context.Context) (Refreshed, error)
}
