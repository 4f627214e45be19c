package db_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/internal/dbtest"
)

func TestRebind(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"SELECT 1":                      "SELECT 1",
		"SELECT ?":                      "SELECT $1",
		"?":                             "$1",
		"VALUES (?, ?, ?), (?, ?, ?)":   "VALUES ($1, $2, $3), ($4, $5, $6)",
		"a = ? AND b < ? ORDER BY c":    "a = $1 AND b < $2 ORDER BY c",
		"(?,?,?,?,?,?,?,?,?,?,?)":       "($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)",
		"":                              "",
		"ünï ? →?":                      "ünï $1 →$2",
		"SELECT value FROM t LIMIT ?\n": "SELECT value FROM t LIMIT $1\n",
	} {
		require.Equal(t, want, db.Rebind(db.PostgreSQL, query))
		require.Equal(t, query, db.Rebind(db.SQLite, query))
	}
}

func TestMemberEquals(t *testing.T) {
	t.Parallel()
	dbtest.Every(t, func(t *testing.T, e dbtest.Engine) {
		d := e.Open(t)
		const column = "s.value"
		for name, test := range map[string]struct {
			json, key, value string
			want             bool
		}{
			"a text":                            {`{"a":"x"}`, "a", "x", true},
			"another text":                      {`{"a":"x"}`, "a", "y", false},
			"another key":                       {`{"a":"x"}`, "b", "x", false},
			"an empty text":                     {`{"a":""}`, "a", "", true},
			"an escaped text":                   {`{"a":"\u003cb\u003e \"q\" \\ \n"}`, "a", "<b> \"q\" \\ \n", true},
			"a text beyond ASCII":               {`{"a":"grün 🌱"}`, "a", "grün 🌱", true},
			"a text that looks like a number":   {`{"a":"1"}`, "a", "1", true},
			"an integer":                        {`{"a":12}`, "a", "12", true},
			"a negative integer":                {`{"a":-7}`, "a", "-7", true},
			"zero":                              {`{"a":0}`, "a", "0", true},
			"a fraction":                        {`{"a":0.25}`, "a", "0.25", true},
			"a fraction as it was written":      {`{"a":1.50}`, "a", "1.50", true},
			"a fraction as it was not written":  {`{"a":1.50}`, "a", "1.5", false},
			"an exponent as it was written":     {`{"a":1e3}`, "a", "1e3", true},
			"an integer beyond 64 bits":         {`{"a":123456789012345678901234567890}`, "a", "123456789012345678901234567890", true},
			"true":                              {`{"a":true}`, "a", "true", true},
			"true is not 1":                     {`{"a":true}`, "a", "1", false},
			"false":                             {`{"a":false}`, "a", "false", true},
			"null equals nothing":               {`{"a":null}`, "a", "null", false},
			"null is not empty":                 {`{"a":null}`, "a", "", false},
			"a nested member is none of its":    {`{"a":{"b":"x"}}`, "b", "x", false},
			"a path is a key like any other":    {`{"a":{"b":"x"}}`, "a.b", "x", false},
			"a key with a dot":                  {`{"a.b":"x"}`, "a.b", "x", true},
			"a key with a dot and a number":     {`{"a.b":1.0}`, "a.b", "1.0", true},
			"a key that looks like a path":      {`{"$.a":"x"}`, "$.a", "x", true},
			"a key that is a number":            {`{"1":2.0}`, "1", "2.0", true},
			"a key with quotes":                 {`{"a\"b":2.0}`, `a"b`, "2.0", true},
			"a key with a bracket":              {`{"[0]":2.0}`, "[0]", "2.0", true},
			"an empty key":                      {`{"":"x"}`, "", "x", true},
			"an empty key with a number":        {`{"":2.0}`, "", "2.0", true},
			"a list":                            {`{"a":[1,"x"]}`, "a", `[1,"x"]`, true},
			"an object":                         {`{"a":{"b":1.0}}`, "a", `{"b":1.0}`, true},
			"a value that breaks out of quotes": {`{"a":"x"}`, "a", "' OR '1'='1", false},
			"a key that breaks out of quotes":   {`{"a":"x"}`, "a' OR '1'='1", "x", false},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := d.Workspace(in(t, "w"), home(d).Actor())
				require.NoError(t, w.Update(t.Context(), put(name, test.json)))
				require.NoError(t, w.View(t.Context(), func(ctx context.Context, s *db.Scope) error {
					n, err := s.Select((*setting)(nil)).Where("name = ?", name).
						Where(s.Tx().MemberEquals(column), test.key, test.value).Count(ctx)
					require.Equal(t, test.want, n == 1)
					return err
				}))
			})
		}
	})
}

func TestTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 2, 3, 4, 5, 6, 789_012_999, time.FixedZone("somewhere", 3600))
	require.Equal(t, at.Truncate(time.Microsecond).UTC(), db.Time(db.Micros(at)))
	require.EqualValues(t, 0, db.Micros(time.Unix(0, 0)))
	require.EqualValues(t, -1, db.Micros(time.UnixMicro(-1)))
}
