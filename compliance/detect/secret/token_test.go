package secret

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

var shared = sync.OnceValue(New)

func TestEveryFormatIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	vendors := map[string]bool{}
	for i, f := range formats() {
		vendors[f.vendor] = true
		t.Run(f.vendor+" "+strings.ReplaceAll(f.template, "/", "|"), func(t *testing.T) {
			t.Parallel()
			missed := 0
			for seed := range uint64(20) {
				token := invent(t, f.template, uint64(i)*100+seed)
				text := fmt.Sprintf("our %s access: %s\nthanks", nameOf(f), token)
				found := find(t, text)
				if len(found) == 0 {
					missed++ // an unlucky body, without a digit for example
					continue
				}
				require.Len(t, found, 1, text)
				got := found[0]
				require.Equal(t, token, text[got.Start:got.End], text)
				require.Equal(t, f.vendor, got.Vendor, text)
				require.Equal(t, APIKey, got.Entity)
				require.Equal(t, "API Key Detection", got.Rule)
				require.Equal(t, detect.Security, got.Category)
				require.Contains(t, []detect.Severity{detect.High, detect.Medium}, got.Severity, "no rule is graver than clients know it")
			}
			require.LessOrEqual(t, missed, 5)
		})
	}
	for _, v := range compile().vendors {
		if len(v.shapes) > 0 {
			vendors[v.name] = true
		}
	}
	require.GreaterOrEqual(t, len(vendors), 200)
}

// nameOf is a word that names the vendor, if the table has one.
func nameOf(f format) string {
	for _, v := range vendors() {
		if v.name == f.vendor {
			return v.words[0]
		}
	}
	return f.vendor
}
