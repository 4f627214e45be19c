package playground

import (
	"cmp"
	"context"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/promptmetrics-go/promptmetrics/internal/mustache"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// Recorder logs calls. *[telemetry.Service] is one.
type Recorder interface {
	RecordCall(ctx context.Context, c telemetry.Call, l telemetry.Log) (telemetry.Log, error)
}

// Budget says whether another call may start.
type Budget interface {
	Check(ctx context.Context) error
}

// Guard looks at what a provider is about to read; an error keeps the call from
// being made.
type Guard interface {
	Check(ctx context.Context, texts []string) error
}

// Auditor enters an action into the audit log.
type Auditor interface {
	Audit(ctx context.Context, action, target string) error
}

// Config is what all workspaces share.
type Config struct {
	// Providers by their names; two of one name are a mistake that New reports.
	Providers []Provider
	// Limits bound what rendering the messages of one request may cost.
	Limits mustache.Limits
	Logger *slog.Logger
	Now    func() time.Time
	// Heard gives what was said to the Recorder, for observers of telemetry.
	Heard bool
}

// Playground holds the providers and what they offer.
type Playground struct {
	providers map[string]Provider
	limits    mustache.Limits
	catalog   *catalog
	now       func() time.Time
	heard     bool
	calls     map[string]*calls // by provider
}

// New makes a playground of providers. A provider without a name, or two of
// one name, are an ErrValidation.
func New(c Config) (*Playground, error) {
	p := &Playground{
		providers: map[string]Provider{}, limits: c.Limits, now: c.Now, heard: c.Heard, calls: map[string]*calls{},
	}
	p.limits.MaxOutput = cmp.Or(p.limits.MaxOutput, mustache.DefaultMaxOutput)
	for _, provider := range c.Providers {
		name := provider.Name()
		if _, twice := p.providers[name]; twice || name == "" || len(name) > maxProvider {
			return nil, pmerr.Invalid("providers must have different names of 1 to 64 characters, not \"" + name + "\" twice")
		}
		p.providers[name] = provider
		p.calls[name] = newCalls()
	}
	p.catalog = newCatalog(c.Providers, c.Logger, c.Now)
	return p, nil
}

// ForgetModels lets the providers be asked anew what they offer, when somebody
// wants to know: another process has found that it changed.
func (p *Playground) ForgetModels() { p.catalog.forget() }

// Scope is what belongs to one workspace and actor.
type Scope struct {
	Recorder Recorder
	Budget   Budget
	Auditor  Auditor
	// Guard may be nil.
	Guard Guard
}

// Workspace binds the playground to a workspace.
func (p *Playground) Workspace(s Scope) *Service { return &Service{playground: p, scope: s} }

// Service is the playground of one workspace.
type Service struct {
	playground *Playground
	scope      Scope
}

var (
	_ Chat      = (*Service)(nil)
	_ Refresher = (*Service)(nil)
)

// settings name what an operator sets to get a provider that is known and not
// there.
var settings = map[string]string{
	"openai":       "OPENAI_API_KEY",
	"anthropic":    "ANTHROPIC_API_KEY",
	"cohere":       "COHERE_API_KEY",
	"ollama":       "OLLAMA_BASE_URL",
	"azure_openai": "AZURE_OPENAI_API_KEY and AZURE_OPENAI_BASE_URL",
}

// Provider finds a provider by its name. ErrBadRequest tells which there are,
// or what to set.
func (p *Playground) Provider(name string) (Provider, error) {
	if provider, ok := p.providers[name]; ok {
		return provider, nil
	}
	if variable, known := settings[name]; known {
		return nil, pmerr.New(pmerr.BadRequest, "The provider %s is not set up: set %s on the server, or give it in Options.Providers", name, variable)
	}
	known := slices.Sorted(maps.Keys(p.providers))
	if len(known) == 0 {
		return nil, pmerr.New(pmerr.BadRequest, "Unknown provider: no provider is set up; set OPENAI_API_KEY or another provider's key on the server, or Options.Providers")
	}
	return nil, pmerr.New(pmerr.BadRequest, "Unknown provider: known are %s", strings.Join(known, ", ")).With("providers", known)
}

// The actions of calls in the audit log.
const (
	actionChat       = "playground_chat"
	actionStream     = "playground_chat_stream"
	actionCompletion = "playground_completion"
)

// ActionRefresh is the action of RefreshModels in the audit log. With its entry
// the other nodes are told.
const ActionRefresh = "playground_models_refresh"

// Models gives what the providers offer; see [Chat].
func (s *Service) Models(ctx context.Context, r page.Request) (page.Of[Model], error) {
	return s.playground.catalog.page(ctx, r)
}

// RefreshModels asks every provider; see [Refresher].
func (s *Service) RefreshModels(ctx context.Context) (Refreshed, error) {
	done := s.playground.catalog.refresh(ctx)
	if err := ctx.Err(); err != nil {
		return Refreshed{}, err
	}
	return done, s.scope.Auditor.Audit(ctx, ActionRefresh, "")
}

// Chat calls a model once; see [Chat].
func (s *Service) Chat(ctx context.Context, q Request) (Answer, error) {
	call, err := prepare(q, s.playground.limits)
	if err != nil {
		return Answer{}, err
	}
	return s.call(ctx, actionChat, q, call)
}

// Complete calls a model with one prompt; see [Chat].
func (s *Service) Complete(ctx context.Context, c Completion) (Answer, error) {
	c.Messages = []Message{{Role: User, Content: c.Prompt}}
	call, err := prepare(c.Request, s.playground.limits)
	if err != nil {
		return Answer{}, ofPrompt(err)
	}
	return s.call(ctx, actionCompletion, c.Request, call)
}

// ofPrompt puts the prompt of a completion in the place of the message that it
// becomes, in what is wrong with it.
func ofPrompt(err error) error {
	e := pmerr.From(err)
	for i, fault := range e.Fields {
		e.Fields[i] = strings.NewReplacer("messages[0].content", "prompt", "messages[0]", "prompt").Replace(fault)
	}
	return err
}

// Ask calls a model with messages as they are, not as templates. It leaves no
// entry in the audit log: the call belongs to something that has one.
func (s *Service) Ask(ctx context.Context, q Request) (Answer, error) {
	if err := q.validate(); err != nil {
		return Answer{}, err
	}
	return s.call(ctx, "", q, q.call(q.Messages))
}

func (s *Service) call(ctx context.Context, action string, q Request, call Call) (Answer, error) {
	c, err := s.begin(ctx, q, call)
	if err != nil {
		return Answer{}, err
	}
	reply, err := c.provider.Call(ctx, c.call)
	if err != nil {
		return Answer{}, c.failed(ctx, err)
	}
	l, err := c.record(ctx, action, reply)
	if err != nil {
		return Answer{}, err
	}
	return Answer{
		ID: cmp.Or(reply.ID, uuid.NewString()), Model: cmp.Or(reply.Model, q.Model), Output: reply.Output, ToolCalls: reply.ToolCalls,
		TokensIn: l.TokensIn, TokensOut: l.TokensOut, LatencyMS: *l.LatencyMS, CostUSD: l.CostUSD, FinishReason: reply.FinishReason,
	}, nil
}

// Stream calls a model once and gives its answer as it comes; see [Chat].
func (s *Service) Stream(ctx context.Context, q Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		call, err := prepare(q, s.playground.limits)
		if err != nil {
			yield(Event{}, err)
			return
		}
		c, err := s.begin(ctx, q, call)
		if err != nil {
			yield(Event{}, err)
			return
		}
		for part, err := range c.provider.Stream(ctx, c.call) {
			if err != nil {
				yield(Event{}, c.failed(ctx, err))
				return
			}
			// What has begun to be answered was acknowledged, however it ends.
			c.acknowledged = actionStream
			c.hear(part)
			if part.Content != "" && !yield(Event{Type: EventToken, Content: part.Content}, nil) ||
				part.ToolCall != nil && !yield(Event{Type: EventToolCall, ToolCall: part.ToolCall}, nil) {
				c.left(ctx)
				return
			}
			if part.Done {
				c.finish(ctx, part, yield)
				return
			}
		}
		yield(Event{}, c.failed(ctx, pmerr.New(pmerr.ProviderError, "The answer of %s ended before it was complete", q.Provider)))
	}
}
