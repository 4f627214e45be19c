package secret

import (
	"strings"
	"testing"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

const prose = `The committee met on Thursday to discuss the new library building. Several members asked whether the
reading room would stay open during the works, and how long the children's section might be closed. The
architect explained that the foundations are sound, that the roof needs to be replaced before winter, and
that a temporary entrance will be opened on the east side. A token of thanks went to the volunteers, who had
carried some nine thousand books to the store. The key question, as one of them put it, is whether people
will come back; the secret of a good library, she said, is that nobody notices how much work it takes. `

func BenchmarkProse(b *testing.B) {
	text := detect.NewText(strings.Repeat(prose, 170))
	d := shared()
	b.SetBytes(int64(len(text.Norm)))
	b.ReportAllocs()
	for b.Loop() {
		d.Find(text, func(detect.Finding) {})
	}
}
