package registrytest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// mutation is a call that changes something, and the entry that it leaves.
type mutation struct {
	name string
	do   func(ctx context.Context, r Registry) error
	// action, prompt, version and target of the entry; an empty text is null.
	action, prompt, version, target string
}

func mutations() []mutation {
	none := registry.Signature{}
	return []mutation{
		{"Create", func(ctx context.Context, r Registry) error {
			_, err := r.Create(ctx, prompt("p", "4.0.0", "x"), none)
			return err
		}, "create_prompt", "p", "4.0.0", "p"},
		{"SetLabel", func(ctx context.Context, r Registry) error {
			_, err := r.SetLabel(ctx, "p", "new", "2.0.0")
			return err
		}, "label:create", "p", "2.0.0", "p"},
		{"SetLabel that moves", func(ctx context.Context, r Registry) error {
			_, err := r.SetLabel(ctx, "p", "staging", "")
			return err
		}, "label:create", "p", "4.0.0", "p"},
		{"DeleteLabel", func(ctx context.Context, r Registry) error {
			return r.DeleteLabel(ctx, "p", "staging")
		}, "label:delete", "p", "4.0.0", "p"},
		{"Activate", func(ctx context.Context, r Registry) error {
			return r.Activate(ctx, "p", "2.0.0")
		}, "prompt:pin", "p", "2.0.0", "p"},
		{"Activate that unpins", func(ctx context.Context, r Registry) error {
			return r.Activate(ctx, "p", "")
		}, "prompt:unpin", "p", "", "p"},
		{"DeleteVersion", func(ctx context.Context, r Registry) error {
			return r.DeleteVersion(ctx, "p", "3.0.0", none)
		}, "prompt:delete_version", "p", "3.0.0", "p"},
		{"Delete", func(ctx context.Context, r Registry) error {
			return r.Delete(ctx, "p", none)
		}, "prompt:delete", "p", "", "p"},
	}
}

func auditCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"every change leaves exactly one entry": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0", "3.0.0")
			_, err := e.Mine.SetLabel(t.Context(), "p", "staging", "1.0.0")
			require.NoError(t, err)
			for _, m := range mutations() {
				before := total(t, entriesOf(e.Audit))
				require.NoError(t, m.do(t.Context(), e.Mine), m.name)
				after, err := e.Audit.Entries(t.Context(), access.AuditFilter{}, page.Request{Limit: 1})
				require.NoError(t, err)
				require.Equal(t, before+1, after.Total, m.name)
				got := after.Items[0]
				require.Equal(t, m.action, got.Action, m.name)
				require.Equal(t, nullable(m.prompt), got.PromptName, m.name)
				require.Equal(t, nullable(m.version), got.VersionTag, m.name)
				require.Equal(t, nullable(m.target), got.TargetID, m.name)
				require.Equal(t, nullable(e.Actor), got.APIKeyName, m.name)
			}
		},

		"what is refused and what only reads leaves none": func(t *testing.T, e Env) {
			publish(t, e.Mine, "p", "1.0.0", "2.0.0")
			_, err := e.Mine.SetLabel(t.Context(), "p", "production", "1.0.0")
			require.NoError(t, err)
			require.NoError(t, e.Protect(t.Context(), "production"))
			before := total(t, entriesOf(e.Audit))
			ctx, none := t.Context(), registry.Signature{}
			for name, call := range map[string]func() error{
				"a duplicate":           func() error { _, err := e.Mine.Create(ctx, prompt("p", "1.0.0", "x"), none); return err },
				"a faulty prompt":       func() error { _, err := e.Mine.Create(ctx, prompt("p", "1", "x"), none); return err },
				"an unknown pin":        func() error { return e.Mine.Activate(ctx, "p", "9.0.0") },
				"a pin on nothing":      func() error { return e.Mine.Activate(ctx, "q", "1.0.0") },
				"an unknown version":    func() error { _, err := e.Mine.SetLabel(ctx, "p", "new", "9.0.0"); return err },
				"a label on nothing":    func() error { _, err := e.Mine.SetLabel(ctx, "q", "new", ""); return err },
				"a bad label":           func() error { _, err := e.Mine.SetLabel(ctx, "p", "a b", ""); return err },
				"a protected label":     func() error { _, err := e.Guest.SetLabel(ctx, "p", "production", "2.0.0"); return err },
				"its deletion":          func() error { return e.Guest.DeleteLabel(ctx, "p", "production") },
				"an unknown label":      func() error { return e.Mine.DeleteLabel(ctx, "p", "new") },
				"an unknown prompt":     func() error { return e.Mine.Delete(ctx, "q", none) },
				"an unknown one of it":  func() error { return e.Mine.DeleteVersion(ctx, "p", "9.0.0", none) },
				"what is protected":     func() error { return e.Mine.Delete(ctx, "p", none) },
				"a protected version":   func() error { return e.Mine.DeleteVersion(ctx, "p", "1.0.0", none) },
				"a get of nothing":      func() error { _, err := e.Mine.Get(ctx, "q", registry.Query{}); return err },
				"a list of no such tag": func() error { _, err := e.Mine.List(ctx, registry.Filter{}, page.Request{Limit: 1000}); return err },
			} {
				require.Error(t, call(), name)
				require.Equal(t, before, total(t, entriesOf(e.Audit)), name)
			}
			_, err = e.Mine.Get(ctx, "p", registry.Query{})
			require.NoError(t, err)
			_, err = e.Mine.Diff(ctx, "p", "1.0.0", "2.0.0")
			require.NoError(t, err)
			require.Equal(t, before, total(t, entriesOf(e.Audit)), "reading")
		},
	}
}

func entriesOf(a access.AuditLog) func(context.Context, page.Request) (page.Of[access.AuditEntry], error) {
	return func(ctx context.Context, r page.Request) (page.Of[access.AuditEntry], error) {
		return a.Entries(ctx, access.AuditFilter{}, r)
	}
}

func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
