package compliance

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidators(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of   Validator
		good []string
		bad  []string
	}{
		{Luhn, []string{"4111 1111 1111 1111", "79927398713", "0-0"}, []string{"4111 1111 1111 1112", "79927398710", "", "0", "4111x1111"}},
		// ISO 13616 examples of IBANs.
		{Mod97, []string{"GB82 WEST 1234 5698 7654 32", "de89370400440532013000"}, []string{"GB82 WEST 1234 5698 7654 33", "", "GB82", "GB82_1234"}},
		{Verhoeff, []string{"2363", "123451", "84736430954837284567892"}, []string{"2364", "326 3", "", "2", "23x63"}},
		{ABA, []string{"021000021", "011401533"}, []string{"021000022", "000000000", "02100002", "0210000210", "x21000021"}},
	} {
		valid := validatorOf(c.of)
		for _, s := range c.good {
			require.True(t, valid(s), "%s %q", c.of, s)
		}
		for _, s := range c.bad {
			require.False(t, valid(s), "%s %q", c.of, s)
		}
	}
	require.Nil(t, validatorOf("crc"))
}

// TestVerhoeffSeesEveryErrorThatPeopleMake checks the two promises of the
// scheme on one number: any wrong digit and any two digits that were swapped.
func TestVerhoeffSeesEveryErrorThatPeopleMake(t *testing.T) {
	t.Parallel()
	const good = "84736430954837284567892"
	for i := range len(good) {
		for d := byte('0'); d <= '9'; d++ {
			wrong := good[:i] + string(d) + good[i+1:]
			require.Equal(t, wrong == good, verhoeff(wrong), wrong)
		}
		if i > 0 {
			swapped := good[:i-1] + string(good[i]) + string(good[i-1]) + good[i+1:]
			require.Equal(t, swapped == good, verhoeff(swapped), swapped)
		}
	}
}

func TestEntropy(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]float64{"": 0, "aaaa": 0, "ab": 1, "abcd": 2, strings.Repeat("0123456789abcdef", 3): 4} {
		require.InDelta(t, want, entropy(s), 1e-12, s)
	}
}

func TestMask(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"": "", "abc": "***", "1234567": "*******", "12345678": "****5678", "123-45-6789": "*******6789", "äöüäöüßß": "****öüßß",
	} {
		require.Equal(t, want, mask(value), value)
	}
}

func TestDomainOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ann@Example.com": "example.com", "a@b@c.org": "c.org", "https://x.Example.com:8080/a@b": "x.example.com",
		"http://[::1]/": "::1", "plain": "", "https://%zz": "", "": "", "a@": "", "x@" + strings.Repeat("a", 300): "", "mail a://b@c": "",
	} {
		require.Equal(t, want, domainOf(text), text)
	}
}
