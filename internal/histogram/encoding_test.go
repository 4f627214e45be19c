package histogram

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// The stored form must not change: these bytes are in people's databases.
func TestEncodingIsStable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		values []int64
		want   string
	}{
		{"nothing", nil, "01"},
		{"one zero", []int64{0}, "01" + "000101"},
		{"a run", []int64{5, 6, 6, 7}, "01" + "0503010201"},
		{"short gaps stay in the run", []int64{5, 7, 10}, "01" + "0506010001000001"},
		{"a longer gap starts another", []int64{5, 9}, "01" + "050101" + "030101"},
		{"buckets of several values", []int64{128, 129, 130, 1000, 1007}, "01" + "8001020201" + "bb010102"},
		{"the largest", []int64{math.MaxInt64}, "01" + "ff1c0101"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := fill(&Histogram{}, tc.values).Append(nil)
			require.Equal(t, tc.want, hex.EncodeToString(got))
			h, err := Decode(got)
			require.NoError(t, err)
			require.EqualValues(t, len(tc.values), h.Count())
			require.Equal(t, got, h.Append(nil))
		})
	}
	require.Equal(t, []byte("x\x01"), (&Histogram{}).Append([]byte("x")), "Append keeps what is there")
}

func TestEncodeDecodeRoundTrip(t *testing.T) {
	t.Parallel()
	r := newRand(5)
	for _, d := range distributions {
		for _, n := range []int{1, 10, 1000, 50_000} {
			h := fill(&Histogram{}, draw(r, n, d.draw))
			got, err := Decode(h.Append(nil))
			require.NoError(t, err, d.name)
			require.Equal(t, h.Count(), got.Count())
			for bucket := range numBuckets {
				require.Equal(t, h.at(bucket), got.at(bucket), "%s: bucket %d", d.name, bucket)
			}
		}
	}
}

func TestMergeEncodedIsMergeOfDecoded(t *testing.T) {
	t.Parallel()
	r := newRand(6)
	sum, want := &Histogram{}, &Histogram{}
	for range 30 {
		day := fill(&Histogram{}, draw(r, 300, distributions[r.IntN(len(distributions))].draw))
		require.NoError(t, sum.MergeEncoded(day.Append(nil)))
		want.Merge(day)
	}
	require.Equal(t, want.Append(nil), sum.Append(nil))
	require.Equal(t, want.Count(), sum.Count())
}

func TestTypicalDayIsSmall(t *testing.T) {
	t.Parallel()
	r := newRand(7)
	for _, tc := range []struct{ logs, limit int }{{100, 300}, {1_000, 500}, {10_000, 700}, {100_000, 1000}, {1_000_000, 1500}} {
		size := len(fill(&Histogram{}, draw(r, tc.logs, distributions[0].draw)).Append(nil))
		t.Logf("%d log-normal latencies: %d bytes", tc.logs, size)
		require.Less(t, size, tc.limit, "%d logs", tc.logs)
	}
}

func TestDecodeRefusesDamage(t *testing.T) {
	t.Parallel()
	run := func(gap, length uint64, counts ...uint64) []byte {
		b := binary.AppendUvarint(nil, gap)
		b = binary.AppendUvarint(b, length)
		for _, n := range counts {
			b = binary.AppendUvarint(b, n)
		}
		return b
	}
	join := func(runs ...[]byte) []byte { return append([]byte{version1}, bytes.Join(runs, nil)...) }
	endless := bytes.Repeat([]byte{0xff}, 11)
	for _, tc := range []struct {
		name string
		data []byte
		want string
	}{
		{"no data", nil, "no data"},
		{"another version", []byte{2}, "unknown version"},
		{"a gap and no more", join([]byte{5}), "bad run"},
		{"a run of no buckets", join(run(0, 0)), "bad run"},
		{"fewer counts than said", join(run(0, 3, 1, 1)), "bad count"},
		{"endless gap", join(endless), "bad run"},
		{"endless length", join([]byte{0}, endless), "bad run"},
		{"endless count", join([]byte{0, 1}, endless), "bad count"},
		{"gap past the last bucket", join(run(numBuckets, 1, 1)), "bucket out of range"},
		{"huge gap", join(run(math.MaxUint64, 1, 1)), "bad run"},
		{"huge length", join(run(0, math.MaxUint64, 1)), "bad run"},
		{"run past the last bucket", join(run(numBuckets-1, 2, 1, 1)), "bucket out of range"},
		{"second run past the last bucket", join(run(numBuckets-2, 1, 1), run(1, 1, 1)), "bucket out of range"},
		{"count past int64", join(run(0, 1, math.MaxInt64+1)), "counts too large"},
		{"sum past int64", join(run(0, 2, math.MaxInt64, 1)), "counts too large"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h, err := Decode(tc.data)
			require.Nil(t, h)
			require.ErrorIs(t, err, pmerr.ErrInternal)
			require.ErrorContains(t, err, tc.want)

			kept := fill(&Histogram{}, []int64{3, 400})
			before := kept.Append(nil)
			require.Error(t, kept.MergeEncoded(tc.data))
			require.Equal(t, before, kept.Append(nil))
		})
	}
	t.Run("the last bucket is in range", func(t *testing.T) {
		t.Parallel()
		_, err := Decode(join(run(numBuckets-1, 1, math.MaxInt64)))
		require.NoError(t, err)
	})
}

func FuzzDecode(f *testing.F) {
	for _, d := range distributions {
		f.Add(fill(&Histogram{}, draw(newRand(8), 100, d.draw)).Append(nil))
	}
	f.Add([]byte{})
	f.Add([]byte{1, 0, 0})
	f.Add([]byte{1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := Decode(data)
		if err != nil {
			require.Nil(t, h)
			require.ErrorIs(t, err, pmerr.ErrInternal)
			return
		}
		require.LessOrEqual(t, len(h.counts), numBuckets)
		require.GreaterOrEqual(t, h.Count(), int64(0))
		for _, q := range []float64{0, 0.5, 0.99, 1} {
			ms, ok := h.Quantile(q)
			require.Equal(t, h.Count() > 0, ok)
			require.True(t, ms >= 0 && ms <= math.MaxInt64)
		}
		encoded := h.Append(nil)
		again, err := Decode(encoded)
		require.NoError(t, err)
		require.Equal(t, encoded, again.Append(nil))
		require.Equal(t, h.Count(), again.Count())
		require.NoError(t, again.Subtract(h))
		require.Zero(t, again.Count())
	})
}
