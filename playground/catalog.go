package playground

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

const (
	// catalogAge is how long a list of models is served before it is asked for
	// anew.
	catalogAge = time.Hour
	// catalogRetry is catalogAge after a provider did not answer.
	catalogRetry = time.Minute
	// catalogTimeout bounds how long one provider may take to list its models.
	catalogTimeout = 10 * time.Second
	// maxCatalog bounds the models of one provider.
	maxCatalog = 5000
)

// Refreshed is what asking the providers gave.
type Refreshed struct {
	// Models is how many models are known now.
	Models int `json:"refreshed"`
	// Errors says which providers did not answer, and why; what they offered
	// before stays.
	Errors map[string]string `json:"errors"`
}

// catalog remembers what the providers offer.
type catalog struct {
	providers []Provider
	log       *slog.Logger
	now       func() time.Time

	// asking holds a token while somebody asks the providers.
	asking chan struct{}
	mu     sync.Mutex
	// until is when the list is asked for anew; zero: it never was.
	until  time.Time
	models map[string][]Model
	// doubts counts the calls of forget.
	doubts uint64
}

func newCatalog(providers []Provider, log *slog.Logger, now func() time.Time) *catalog {
	return &catalog{providers: providers, log: log, now: now, asking: make(chan struct{}, 1), models: map[string][]Model{}}
}

// page gives a page of all models, by provider and id.
func (c *catalog) page(ctx context.Context, r page.Request) (page.Of[Model], error) {
	r, err := r.Normal()
	if err != nil {
		return page.Of[Model]{}, err
	}
	var after [2]string
	if r.Cursor != "" {
		if err := page.DecodeCursor(cursorKind, r.Cursor, &after); err != nil {
			return page.Of[Model]{}, err
		}
	}
	if c.stale() {
		c.ask(ctx, false)
	}
	all := c.all()
	from := min(r.Offset(), len(all))
	if r.Cursor != "" {
		from, _ = slices.BinarySearchFunc(all, after, func(m Model, at [2]string) int {
			if m.compare(Model{Provider: at[0], ID: at[1]}) <= 0 {
				return -1
			}
			return 1
		})
	}
	to := min(from+r.Limit, len(all))
	next := ""
	if from < to && to < len(all) {
		next = page.EncodeCursor(cursorKind, [2]string{all[to-1].Provider, all[to-1].ID})
	}
	return page.New(r, all[from:to], int64(len(all)), next), nil
}

// cursorKind tells the cursors of models from those of other lists.
const cursorKind = "playground-models"

func (m Model) compare(other Model) int {
	return cmp.Or(strings.Compare(m.Provider, other.Provider), strings.Compare(m.ID, other.ID))
}

func (c *catalog) all() []Model {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Model
	for _, models := range c.models {
		all = append(all, models...)
	}
	slices.SortFunc(all, Model.compare)
	return all
}

func (c *catalog) stale() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.until.IsZero() || c.now().After(c.until)
}

// refresh asks every provider anew.
func (c *catalog) refresh(ctx context.Context) Refreshed {
	faults := c.ask(ctx, true)
	return Refreshed{Models: len(c.all()), Errors: faults}
}

// ask asks all providers at once and keeps what they say. One caller asks at a
// time; who waited for it finds the answer, unless it must be new.
func (c *catalog) ask(ctx context.Context, anew bool) map[string]string {
	select {
	case c.asking <- struct{}{}:
		defer func() { <-c.asking }()
	case <-ctx.Done():
		return nil
	}
	if !anew && !c.stale() {
		return nil
	}
	// Others want the answer too: it does not end with this caller.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), catalogTimeout)
	defer cancel()
	c.mu.Lock()
	doubts := c.doubts
	c.mu.Unlock()
	var wait sync.WaitGroup
	var mu sync.Mutex
	faults := map[string]string{}
	for _, provider := range c.providers {
		wait.Go(func() {
			models, err := provider.Models(ctx)
			if err == nil {
				c.keep(provider.Name(), models)
				return
			}
			c.log.WarnContext(ctx, "a provider does not list its models", "provider", provider.Name(), "error", err)
			mu.Lock()
			defer mu.Unlock()
			faults[provider.Name()] = cmp.Or(pmerr.From(err).Message, "no answer")
		})
	}
	wait.Wait()
	good := catalogAge
	if len(faults) > 0 {
		good = catalogRetry
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doubts == doubts {
		c.until = c.now().Add(good)
	}
	return faults
}

// forget lets the list be asked for anew when somebody wants it.
func (c *catalog) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = time.Time{}
	c.doubts++
}

// keep remembers what a provider offers, each model once. One whose name no
// request could hold is left out.
func (c *catalog) keep(provider string, models []Model) {
	seen := map[string]bool{}
	models = slices.DeleteFunc(slices.Clone(models[:min(len(models), maxCatalog)]), func(m Model) bool {
		var f faults
		f.text("id", m.ID, 1, maxModel)
		twice := seen[m.ID]
		seen[m.ID] = true
		return f.list != nil || twice
	})
	for i := range models {
		models[i].Provider = provider
		models[i].Name = cmp.Or(models[i].Name, models[i].ID)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.models[provider] = models
}
