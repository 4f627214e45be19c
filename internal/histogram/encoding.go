package histogram

import (
	"encoding/binary"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// The encoding is a version byte and then runs of buckets, in rising order.
// Each run is, as unsigned varints: how many empty buckets lie before it, its
// length, and that many counts. Neighbouring buckets thus cost a byte or two
// each, without their numbers.
const (
	version1 = 1

	// A gap costs a run's two bytes of header; up to that many zeros within a
	// run cost no more.
	longestGapWithinRun = 2
)

// Append appends the encoded histogram to dst and returns the longer slice.
// Histograms with the same counts have the same encoding.
func (h *Histogram) Append(dst []byte) []byte {
	dst = append(dst, version1)
	if h.count == 0 {
		return dst
	}
	_, last := h.bounds()
	end := 0 // of the run before
	for bucket := h.first; bucket <= last; bucket++ {
		if h.counts[bucket-h.first] == 0 {
			continue
		}
		length := h.runLength(bucket, last)
		dst = binary.AppendUvarint(dst, uint64(bucket-end))
		dst = binary.AppendUvarint(dst, uint64(length))
		for end = bucket + length; bucket < end; bucket++ {
			dst = binary.AppendUvarint(dst, uint64(h.counts[bucket-h.first]))
		}
	}
	return dst
}

// runLength is the length of the run that starts at a bucket in use and bridges
// short gaps. It ends with a bucket in use, at last or before.
func (h *Histogram) runLength(start, last int) int {
	end := start + 1
	for next := end; next <= last && next-end <= longestGapWithinRun; next++ {
		if h.counts[next-h.first] != 0 {
			end = next + 1
		}
	}
	return end - start
}

// Decode reads what [Histogram.Append] has written. Data that is damaged gives
// an error of the kind pmerr.Internal; no data makes it use more than 32 KiB.
func Decode(data []byte) (*Histogram, error) {
	h := &Histogram{}
	if err := h.MergeEncoded(data); err != nil {
		return nil, err
	}
	return h, nil
}

// MergeEncoded adds an encoded histogram without decoding it into one of its
// own. On an error, which is as that of [Decode], h stays as it is.
func (h *Histogram) MergeEncoded(data []byte) error {
	if len(data) == 0 {
		return damaged("no data")
	}
	if data[0] != version1 {
		return damaged("unknown version")
	}
	runs := data[1:]
	low, high, err := check(runs)
	if err != nil {
		return err
	}
	if low > high {
		return nil
	}
	h.cover(low, high)
	for bucket := 0; len(runs) > 0; {
		gap, length, rest, _ := runHeader(runs)
		bucket += gap
		for runs = rest; length > 0; length-- {
			n, size := binary.Uvarint(runs)
			runs = runs[size:]
			h.counts[bucket-h.first] = saturatingSum(h.counts[bucket-h.first], int64(n))
			h.count = saturatingSum(h.count, int64(n))
			bucket++
		}
	}
	return nil
}

// check reads all runs without keeping anything and tells which buckets they
// span; low is above high when there are none.
func check(runs []byte) (low, high int, err error) {
	low, high = numBuckets, -1
	var total uint64
	for bucket := 0; len(runs) > 0; {
		gap, length, rest, ok := runHeader(runs)
		if !ok || length == 0 {
			return 0, 0, damaged("bad run")
		}
		if gap > numBuckets-bucket || length > numBuckets-bucket-gap {
			return 0, 0, damaged("bucket out of range")
		}
		low, high = min(low, bucket+gap), bucket+gap+length-1
		bucket = high + 1
		for runs = rest; length > 0; length-- {
			n, size := binary.Uvarint(runs)
			if size <= 0 {
				return 0, 0, damaged("bad count")
			}
			const most = 1<<63 - 1
			if n > most-total {
				return 0, 0, damaged("counts too large")
			}
			total += n
			runs = runs[size:]
		}
	}
	return low, high, nil
}

// runHeader reads the gap and the length of a run. Numbers that no bucket can
// have are not ok.
func runHeader(runs []byte) (gap, length int, rest []byte, ok bool) {
	g, size := binary.Uvarint(runs)
	if size <= 0 || g > numBuckets {
		return 0, 0, nil, false
	}
	l, more := binary.Uvarint(runs[size:])
	if more <= 0 || l > numBuckets {
		return 0, 0, nil, false
	}
	return int(g), int(l), runs[size+more:], true
}

func damaged(what string) error {
	return pmerr.New(pmerr.Internal, "latency histogram: damaged data: %s", what)
}
