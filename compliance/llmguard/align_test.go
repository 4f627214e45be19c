package llmguard

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAlign(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, original, sanitized string
		want                      []string
	}{
		{"nothing", "hello", "hello", nil},
		{"all of it", "a@b.co", "[REDACTED_EMAIL_ADDRESS_1]", []string{"a@b.co"}},
		{"in the middle", "x a@b.co y", "x [REDACTED_EMAIL_ADDRESS_1] y", []string{"a@b.co"}},
		{"twice the same", "a@b.co, a@b.co.", "[REDACTED_EMAIL_ADDRESS_1], [REDACTED_EMAIL_ADDRESS_1].", []string{"a@b.co", "a@b.co"}},
		{"a secret", "key=abc!", "key=******!", []string{"abc"}},
		{"stars of its own", "**note** ****** a@b.co", "**note** ****** [REDACTED_EMAIL_ADDRESS_1]", []string{"a@b.co"}},
		{"a placeholder of its own", "[REDACTED_PERSON_1] x", "[REDACTED_PERSON_1] x", nil},
		{"more than one character", "Zoë lives", "[REDACTED_PERSON_1] lives", []string{"Zoë"}},
		{"placeholders that touch", "ab", "[REDACTED_A_1][REDACTED_B_1]", nil},
		{"another beginning", "x a y", "z [REDACTED_A_1] y", nil},
		{"another end", "x a y", "x [REDACTED_A_1] z", nil},
		{"another middle", "x a q b y", "x [REDACTED_A_1] p [REDACTED_A_2] y", nil},
		{"nothing left for the value", "x  y", "x  y[REDACTED_A_1]", nil},
		{"no sanitized text", "hello", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range align(c.original, c.sanitized) {
				got = append(got, c.original[f.Start:f.End])
			}
			require.Equal(t, c.want, got)
		})
	}
	t.Run("too many", func(t *testing.T) {
		t.Parallel()
		require.Nil(t, align(strings.Repeat("a ", 2000), strings.Repeat("[REDACTED_A_1] ", 2000)))
	})
}

func FuzzAlign(f *testing.F) {
	f.Add("x a@b.co y", "x [REDACTED_EMAIL_ADDRESS_1] y")
	f.Add("ab", "******[REDACTED_B_1]")
	f.Add("ü", "[REDACTED_A_1]ü")
	f.Fuzz(func(t *testing.T, original, sanitized string) {
		end := 0
		for _, found := range align(original, sanitized) {
			require.GreaterOrEqual(t, found.Start, end)
			require.Greater(t, found.End, found.Start)
			end = found.End
			require.LessOrEqual(t, end, len(original))
		}
	})
}
