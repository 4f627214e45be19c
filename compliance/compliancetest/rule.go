package compliancetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/page/pagetest"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

func rulesOf(c Compliance) pagetest.List[compliance.Rule] {
	return func(ctx context.Context, r page.Request) (page.Of[compliance.Rule], error) { return c.Rules(ctx, r) }
}

func ruleID(r compliance.Rule) string { return strconv.FormatInt(r.ID, 10) }

func ruleCases() map[string]func(*testing.T, Env) {
	return map[string]func(*testing.T, Env){
		"a rule comes back as it was made": func(t *testing.T, e Env) {
			in := compliance.Rule{
				Name: "Grüße <b>", Entity: "X_1", Pattern: `(?i)key="([a-z]+)"`, Keywords: []string{"Key"}, MinEntropy: 1.5,
				Validator: compliance.Luhn, Severity: detect.Low, Category: detect.Security,
				MustMatch: []string{}, MustNotMatch: []string{"no"},
			}
			made := addRule(t, e.Mine, in)
			require.Positive(t, made.ID)
			require.WithinDuration(t, time.Now(), made.CreatedAt.Time, time.Minute)
			in.ID, in.CreatedAt = made.ID, made.CreatedAt
			require.Equal(t, in, made)
			p, err := e.Mine.Rules(t.Context(), page.Request{})
			require.NoError(t, err)
			require.Equal(t, []compliance.Rule{in}, p.Items)
		},

		"what is left out has its default": func(t *testing.T, e Env) {
			made := addRule(t, e.Mine, compliance.Rule{Name: "r", Pattern: "secret plan"})
			require.Equal(t, compliance.Rule{
				ID: made.ID, Name: "r", Entity: "CUSTOM", Pattern: "secret plan", Keywords: []string{}, Severity: detect.Medium,
				Category: detect.Custom, MustMatch: []string{}, MustNotMatch: []string{}, CreatedAt: made.CreatedAt,
			}, made)
			require.Equal(t, []string{"secret plan"}, matches(scan(t, e.Mine, "the secret plan")))
		},

		"every part narrows what is found": func(t *testing.T, e Env) {
			for _, r := range []compliance.Rule{
				{Name: "group", Pattern: `token=(\w+);`},
				{Name: "keywords", Pattern: `\b\d{5}\b`, Keywords: []string{"Badge", "Ausweis"}},
				{Name: "entropy", Pattern: `k_[a-z0-9]{8}`, MinEntropy: 3},
				{Name: "luhn", Pattern: `\b\d{7}\b`, Validator: compliance.Luhn},
				{Name: "mod97", Pattern: `\bXX\d{6}\b`, Validator: compliance.Mod97},
				{Name: "verhoeff", Pattern: `\bV\d{4}\b|\b\d{4}\b`, Validator: compliance.Verhoeff},
				{Name: "aba", Pattern: `\b\d{9}\b`, Validator: compliance.ABA},
			} {
				addRule(t, e.Mine, r)
			}
			for text, want := range map[string][]string{
				"token=abc;":             {"abc"},
				"a badge 12345":          {"12345"},
				"12345 ist mein AUSWEIS": {"12345"},
				"a page 12345":           {},
				"k_aaaaaaaa":             {},
				"k_a9c4e2g7":             {"k_a9c4e2g7"},
				"1234566":                {"1234566"},
				"1234567":                {},
				"XX431234":               {"XX431234"},
				"XX121234":               {},
				"2363":                   {"2363"},
				"2364":                   {},
				"021000021":              {"021000021"},
				"021000022":              {},
				strings.Repeat("x ", 5000) + "badge 12345": {"12345"},
			} {
				require.Equal(t, want, matches(scan(t, e.Mine, text)), "%.40s", text)
			}
		},

		"faults are named, all of them": func(t *testing.T, e Env) {
			ok := func(change func(*compliance.Rule)) compliance.Rule {
				r := badgeRule()
				change(&r)
				return r
			}
			long := func(n int) string { return strings.Repeat("x", n) }
			for name, r := range map[string]compliance.Rule{
				"name":              ok(func(r *compliance.Rule) { r.Name = "" }),
				"name long":         ok(func(r *compliance.Rule) { r.Name = long(129) }),
				"name lines":        ok(func(r *compliance.Rule) { r.Name = "a\nb" }),
				"entity":            ok(func(r *compliance.Rule) { r.Entity = "email" }),
				"pattern":           ok(func(r *compliance.Rule) { r.Pattern = "" }),
				"pattern broken":    ok(func(r *compliance.Rule) { r.Pattern = "(" }),
				"pattern look":      ok(func(r *compliance.Rule) { r.Pattern = "(?=x)" }),
				"pattern empty":     ok(func(r *compliance.Rule) { r.Pattern = "x*" }),
				"pattern begin":     ok(func(r *compliance.Rule) { r.Pattern = "^x" }),
				"pattern end":       ok(func(r *compliance.Rule) { r.Pattern = "x(y|$)" }),
				"pattern large":     ok(func(r *compliance.Rule) { r.Pattern = "(?:[a-z]{1,100}){20}" }),
				"pattern long":      ok(func(r *compliance.Rule) { r.Pattern = long(513) }),
				"keywords":          ok(func(r *compliance.Rule) { r.Keywords = make([]string, 21) }),
				"keywords[1]":       ok(func(r *compliance.Rule) { r.Keywords = []string{"a", ""} }),
				"min_entropy":       ok(func(r *compliance.Rule) { r.MinEntropy = 9 }),
				"validator":         ok(func(r *compliance.Rule) { r.Validator = "sha" }),
				"severity":          ok(func(r *compliance.Rule) { r.Severity = "grave" }),
				"category":          ok(func(r *compliance.Rule) { r.Category = "misc" }),
				"must_match[0]":     ok(func(r *compliance.Rule) { r.MustMatch = []string{"EMP-1"} }),
				"must_not_match[1]": ok(func(r *compliance.Rule) { r.MustNotMatch = []string{"x", "EMP-123456"} }),
				"must_match":        ok(func(r *compliance.Rule) { r.MustMatch = make([]string, 21) }),
			} {
				_, err := e.Mine.CreateRule(t.Context(), r)
				require.ErrorIs(t, err, pmerr.ErrValidation, name)
				field(t, pmerr.From(err).Fields, strings.Fields(name)[0])
			}
			_, err := e.Mine.CreateRule(t.Context(), compliance.Rule{Severity: "grave", Category: "misc"})
			require.Len(t, pmerr.From(err).Fields, 4)
			require.Empty(t, pagetest.Keys(t, rulesOf(e.Mine), ruleID))
		},

		"a name is there once": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			_, err := e.Mine.CreateRule(t.Context(), badgeRule())
			require.ErrorIs(t, err, pmerr.ErrConflict)
		},

		"rules page newest first": func(t *testing.T, e Env) {
			var want []string
			for i := range 4 {
				made := addRule(t, e.Mine, compliance.Rule{Name: fmt.Sprint("r", i), Pattern: "x"})
				want = append([]string{ruleID(made)}, want...)
			}
			pagetest.Check(t, rulesOf(e.Mine), ruleID, want)
		},

		"a deleted rule finds nothing any more": func(t *testing.T, e Env) {
			rule := furnish(t, e.Mine)
			require.NotEmpty(t, scan(t, e.Mine, "EMP-123456").Findings)
			require.NoError(t, e.Mine.DeleteRule(t.Context(), rule.ID))
			require.Empty(t, scan(t, e.Mine, "EMP-123456").Findings)
			for _, id := range []int64{rule.ID, 0, -1, 1 << 62} {
				require.ErrorIs(t, e.Mine.DeleteRule(t.Context(), id), pmerr.ErrNotFound)
			}
			furnish(t, e.Mine)
		},

		"there are so many and no more": func(t *testing.T, e Env) {
			for i := range compliance.MaxRules {
				addRule(t, e.Mine, compliance.Rule{Name: fmt.Sprint("r", i), Pattern: fmt.Sprintf(`\bcode%d\b`, i)})
			}
			_, err := e.Mine.CreateRule(t.Context(), badgeRule())
			require.ErrorIs(t, err, pmerr.ErrValidation)
			field(t, pmerr.From(err).Fields, "rules")
			r := scan(t, e.Mine, "code7 code199 code200 xcode8")
			require.Equal(t, []string{"code7", "code199"}, matches(r))
		},
	}
}

func allowed(tb testing.TB, c Compliance, a compliance.Allowance) compliance.Allowance {
	tb.Helper()
	made, err := c.Allow(tb.Context(), a)
	require.NoError(tb, err)
	return made
}

func allowancesOf(c Compliance) pagetest.List[compliance.Allowance] {
	return func(ctx context.Context, r page.Request) (page.Of[compliance.Allowance], error) {
		return c.Allowed(ctx, r)
	}
}

func allowanceID(a compliance.Allowance) string { return strconv.FormatInt(a.ID, 10) }

func allowCases() map[string]func(*testing.T, Env) {
	future := ptr(timestamp.Of(time.Now().Add(time.Hour)))
	return map[string]func(*testing.T, Env){
		"an entry comes back as it was made": func(t *testing.T, e Env) {
			in := compliance.Allowance{Kind: compliance.AllowExact, Value: "EMP-123456", Entity: badge, Reason: "the example", ExpiresAt: future}
			made := allowed(t, e.Mine, in)
			in.ID, in.CreatedAt = made.ID, made.CreatedAt
			require.Equal(t, in, made)
			p, err := e.Mine.Allowed(t.Context(), page.Request{})
			require.NoError(t, err)
			require.Equal(t, []compliance.Allowance{in}, p.Items)
		},

		"what it names is no finding": func(t *testing.T, e Env) {
			furnish(t, e.Mine)
			addRule(t, e.Mine, compliance.Rule{Name: "mail", Entity: "MAIL_X", Pattern: `\b\w+@[\w.]+\w`})
			addRule(t, e.Mine, compliance.Rule{Name: "link", Entity: "LINK_X", Pattern: `https://\S+`})
			const text = "EMP-123456 EMP-654321 ann@a.example.com bob@example.org https://x.example.com/ann"
			kept := func(without ...string) []string {
				left := []string{}
				for _, s := range strings.Fields(text) {
					if !strings.Contains(" "+strings.Join(without, " ")+" ", " "+s+" ") {
						left = append(left, s)
					}
				}
				return left
			}
			sum := sha256.Sum256([]byte("EMP-123456"))
			plain := hex.EncodeToString(sum[:])
			hashed, err := e.Mine.Redact(t.Context(), compliance.RedactRequest{Text: "EMP-654321", Default: compliance.Hash})
			require.NoError(t, err)
			for name, c := range map[string]struct {
				in      compliance.Allowance
				without []string
			}{
				"exact":             {compliance.Allowance{Kind: compliance.AllowExact, Value: "emp-123456"}, []string{"EMP-123456"}},
				"another entity":    {compliance.Allowance{Kind: compliance.AllowExact, Value: "EMP-123456", Entity: "MAIL_X"}, nil},
				"regex":             {compliance.Allowance{Kind: compliance.AllowRegex, Value: `EMP-\d+`}, []string{"EMP-123456", "EMP-654321"}},
				"regex, whole only": {compliance.Allowance{Kind: compliance.AllowRegex, Value: `EMP-\d`}, nil},
				"domain":            {compliance.Allowance{Kind: compliance.AllowDomain, Value: "Example.com"}, []string{"ann@a.example.com", "https://x.example.com/ann"}},
				"domain below":      {compliance.Allowance{Kind: compliance.AllowDomain, Value: "b.a.example.com"}, nil},
				"keyed hash":        {compliance.Allowance{Kind: compliance.AllowHash, Value: hashed.Text}, []string{"EMP-654321"}},
				"SHA-256":           {compliance.Allowance{Kind: compliance.AllowHash, Value: strings.ToUpper(plain)}, []string{"EMP-123456"}},
			} {
				made := allowed(t, e.Mine, c.in)
				require.Equal(t, kept(c.without...), matches(scan(t, e.Mine, text)), name)
				require.NoError(t, e.Mine.Disallow(t.Context(), made.ID))
				require.Equal(t, kept(), matches(scan(t, e.Mine, text)), name)
			}
		},

		"faults are named": func(t *testing.T, e Env) {
			past := ptr(timestamp.Of(time.Now().Add(-time.Hour)))
			for name, a := range map[string]compliance.Allowance{
				"kind":         {Value: "x"},
				"value":        {Kind: compliance.AllowExact},
				"value long":   {Kind: compliance.AllowExact, Value: strings.Repeat("x", 513)},
				"value regex":  {Kind: compliance.AllowRegex, Value: "("},
				"value large":  {Kind: compliance.AllowRegex, Value: "(?:[a-z]{1,100}){20}"},
				"value domain": {Kind: compliance.AllowDomain, Value: "ann@example.com"},
				"value hash":   {Kind: compliance.AllowHash, Value: "abc"},
				"entity":       {Kind: compliance.AllowExact, Value: "x", Entity: "x"},
				"reason":       {Kind: compliance.AllowExact, Value: "x", Reason: strings.Repeat("x", 257)},
				"expires_at":   {Kind: compliance.AllowExact, Value: "x", ExpiresAt: past},
			} {
				_, err := e.Mine.Allow(t.Context(), a)
				require.ErrorIs(t, err, pmerr.ErrValidation, name)
				field(t, pmerr.From(err).Fields, strings.Fields(name)[0])
			}
		},

		"entries page newest first": func(t *testing.T, e Env) {
			var want []string
			for i := range 4 {
				made := allowed(t, e.Mine, compliance.Allowance{Kind: compliance.AllowExact, Value: fmt.Sprint("v", i)})
				want = append([]string{allowanceID(made)}, want...)
			}
			pagetest.Check(t, allowancesOf(e.Mine), allowanceID, want)
		},

		"an unknown entry is not found": func(t *testing.T, e Env) {
			for _, id := range []int64{-1, 0, 7} {
				require.ErrorIs(t, e.Mine.Disallow(t.Context(), id), pmerr.ErrNotFound)
			}
		},
	}
}
