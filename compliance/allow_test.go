package compliance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

func TestAllowSet(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	at := func(d time.Duration) *timestamp.Time {
		at := timestamp.Of(now.Add(d))
		return &at
	}
	list := []Allowance{
		{Kind: AllowExact, Value: "Gone", ExpiresAt: at(-time.Second)},
		{Kind: AllowExact, Value: "soon", ExpiresAt: at(time.Second)},
		{Kind: AllowExact, Value: "one", Entity: "A"},
		{Kind: AllowDomain, Value: "example.com"},
		{Kind: AllowRegex, Value: `a|ab`},
		{Kind: AllowRegex, Value: `(?i)test-\d+`, Entity: "A"},
		{Kind: AllowRegex, Value: `old`, ExpiresAt: at(-time.Second)},
	}
	for i := range 900 {
		list = append(list, Allowance{Kind: AllowRegex, Value: fmt.Sprintf(`x%d-[0-9]+`, i)})
	}
	s, err := newAllowSet(list)
	require.NoError(t, err)
	hash := func(string) string { return "" }
	for text, want := range map[string]bool{
		"gone": false, "SOON": true, "one": true, "ab": true, "abc": false, "TEST-1": true, "old": false, "x899-12": true, "x900-12": false,
		"ann@mail.example.com": true, "ann@example.org": false, "ann@notexample.com": false, "https://example.com./x": true,
		strings.Repeat("a", maxAllowMatch+1): false, "": false,
	} {
		require.Equal(t, want, s.allows("A", text, now, hash), text)
	}
	require.False(t, s.allows("B", "one", now, hash))
	require.False(t, s.allows("B", "test-1", now, hash))
	require.False(t, (*allowSet)(nil).allows("A", "one", now, hash))
}

// BenchmarkAllow asks 900 patterns about a value that nearly is one of them.
func BenchmarkAllow(b *testing.B) {
	var list []Allowance
	for i := range 900 {
		list = append(list, Allowance{Kind: AllowRegex, Value: fmt.Sprintf(`x%d-[0-9]+`, i)})
	}
	s, err := newAllowSet(list)
	require.NoError(b, err)
	now, value := time.Now(), "x899-"+strings.Repeat("1", 100)+"!"
	for b.Loop() {
		s.allows("A", value, now, nil)
	}
}
