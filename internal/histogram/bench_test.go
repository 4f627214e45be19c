package histogram

import "testing"

func BenchmarkAdd(b *testing.B) {
	values := draw(newRand(9), 1<<14, distributions[0].draw)
	h := fill(&Histogram{}, values)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h.Add(values[i&(len(values)-1)])
	}
}

// BenchmarkUpdateRow is what ingest does to a stored row: read, count one
// latency, write.
func BenchmarkUpdateRow(b *testing.B) {
	for _, bc := range []struct {
		name string
		logs int
	}{{"10 logs", 10}, {"10000 logs", 10_000}} {
		b.Run(bc.name, func(b *testing.B) {
			values := draw(newRand(10), bc.logs, distributions[0].draw)
			row := fill(&Histogram{}, values).Append(nil)
			out := make([]byte, 0, 2*len(row))
			h := &Histogram{}
			b.ReportAllocs()
			for b.Loop() {
				h.Reset()
				if err := h.MergeEncoded(row); err != nil {
					b.Fatal(err)
				}
				h.Add(1234)
				out = h.Append(out[:0])
			}
			b.ReportMetric(float64(len(out)), "bytes/row")
		})
	}
}

// BenchmarkMonth adds up 30 stored days and asks for three percentiles.
func BenchmarkMonth(b *testing.B) {
	r := newRand(11)
	var days [30][]byte
	for i := range days {
		days[i] = fill(&Histogram{}, draw(r, 10_000, distributions[0].draw)).Append(nil)
	}
	h := &Histogram{}
	b.ReportAllocs()
	for b.Loop() {
		h.Reset()
		for _, day := range days {
			if err := h.MergeEncoded(day); err != nil {
				b.Fatal(err)
			}
		}
		for _, q := range []float64{0.5, 0.95, 0.99} {
			if _, ok := h.Quantile(q); !ok {
				b.Fatal("empty")
			}
		}
	}
}

func BenchmarkQuantile(b *testing.B) {
	h := fill(&Histogram{}, draw(newRand(12), 10_000, distributions[0].draw))
	b.ReportAllocs()
	for b.Loop() {
		h.Quantile(0.99)
	}
}
