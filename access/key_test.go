package access_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

func TestParseScopes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, want, fault string
	}{
		"one":                          {text: "read", want: "read"},
		"are put in order":             {text: "admin,read", want: "read,admin"},
		"may have blanks around":       {text: " read , write ", want: "read,write"},
		"count once":                   {text: "read,read", want: "read"},
		"none is a fault":              {text: " ", fault: "at least one of read, write, admin"},
		"an empty one is a fault":      {text: "read,", fault: `got ""`},
		"unknown is a fault":           {text: "read,root", fault: `got "root"`},
		"case counts":                  {text: "Read", fault: `got "Read"`},
		"too many are a fault":         {text: strings.Repeat("read,", 1000), fault: "at most 16"},
		"a long one is cut":            {text: strings.Repeat("é", 1000), fault: `got "` + strings.Repeat("é", 16) + `…"`},
		"a cut leaves whole runes":     {text: "x" + strings.Repeat("é", 1000), fault: `got "x` + strings.Repeat("é", 15) + `…"`},
		"controls are echoed readable": {text: "\x1b[2J\u202e", fault: `got "\x1b[2J\u202e"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := access.ParseScopes(c.text)
			if c.fault == "" {
				require.NoError(t, err)
				require.Equal(t, c.want, got.String())
				return
			}
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.Len(t, pmerr.From(err).Fields, 1)
			require.Contains(t, pmerr.From(err).Fields[0], c.fault)
		})
	}
}

func TestScopesInJSON(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, want, fault string
	}{
		"a list":                    {text: `["write","read"]`, want: `["read","write"]`},
		"a text with commas":        {text: `"write, read"`, want: `["read","write"]`},
		"null leaves the default":   {text: `null`, want: `null`},
		"an empty list is a fault":  {text: `[]`, fault: "at least one"},
		"an empty text is a fault":  {text: `""`, fault: "at least one"},
		"a number is a fault":       {text: `7`, fault: "list of strings or a string with commas"},
		"a list of numbers too":     {text: `[1]`, fault: "list of strings or a string with commas"},
		"every unknown is named":    {text: `["a","b"]`, fault: `got "b"`},
		"a list of many is a fault": {text: `[` + strings.Repeat(`"read",`, 16) + `"read"]`, fault: "at most 16"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var spec struct{ Scopes access.Scopes }
			err := json.Unmarshal([]byte(`{"Scopes":`+c.text+`}`), &spec)
			if c.fault == "" {
				require.NoError(t, err)
				got, err := json.Marshal(spec.Scopes)
				require.NoError(t, err)
				require.JSONEq(t, c.want, string(got))
				return
			}
			require.ErrorIs(t, err, pmerr.ErrValidation)
			require.ErrorContains(t, err, c.fault)
		})
	}
}

func FuzzParseScopes(f *testing.F) {
	for _, seed := range []string{"read", "read,write", "admin, read", "", ",", "root", "read,,write", "\xff", "read\u2028", strings.Repeat("read,", 20)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkParsed(t, text)
		encoded, err := json.Marshal(text)
		require.NoError(t, err)
		var fromJSON access.Scopes
		err = json.Unmarshal(encoded, &fromJSON)
		want, wantErr := access.ParseScopes(strings.ToValidUTF8(text, "\ufffd"))
		require.Equal(t, wantErr == nil, err == nil)
		require.Equal(t, want, fromJSON)
	})
}

// checkParsed holds whatever was parsed to what a set of scopes is.
func checkParsed(tb testing.TB, text string) {
	tb.Helper()
	set, err := access.ParseScopes(text)
	if err != nil {
		var e *pmerr.Error
		require.True(tb, errors.As(err, &e))
		require.Equal(tb, pmerr.Validation, e.Code)
		require.Nil(tb, set)
		require.NotEmpty(tb, e.Fields)
		require.LessOrEqual(tb, len(e.Error()), 16*256, "what is echoed is bounded")
		return
	}
	require.NotEmpty(tb, set)
	all := []access.Scope{access.Read, access.Write, access.Admin}
	at := -1
	for _, s := range set {
		i := slices.Index(all, s)
		require.Greater(tb, i, at, "known, in order, once")
		require.Contains(tb, text, string(s))
		at = i
	}
	again, err := access.ParseScopes(set.String())
	require.NoError(tb, err)
	require.Equal(tb, set, again)
}

func TestIdentityMay(t *testing.T) {
	t.Parallel()
	a, err := workspace.Parse("a")
	require.NoError(t, err)
	require.True(t, access.Identity{Workspace: "a"}.May(a))
	require.False(t, access.Identity{Workspace: "b"}.May(a))
	require.False(t, access.Identity{}.May(a))
	require.True(t, access.Identity{Workspace: access.Master}.May(a))
	operator := access.Operator()
	require.True(t, operator.May(a))
	require.Zero(t, operator.KeyID)
	require.Equal(t, "read,write,admin", operator.Scopes.String())
}
