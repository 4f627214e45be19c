package histogram

import "math/bits"

// The bucket scheme is the log-linear one of HdrHistogram (Gil Tene,
// https://github.com/HdrHistogram/HdrHistogram): every power of two is cut into
// the same number of buckets of equal width. Finding a bucket takes shifts and
// no logarithm, and integers below twice that number have a bucket each, which
// the purely logarithmic buckets of DDSketch (Masson, Rim, Lee, VLDB 2019,
// https://arxiv.org/abs/1908.10693) cannot offer.
//
// With n buckets a power of two, a bucket of width w starts at n·w or above, so
// its middle is at most (w-1)/2 away from any of its integers, which is less
// than 1/(2n) of them: 1/128 = 0.79 % here.
const (
	subBits    = 6
	subBuckets = 1 << subBits

	// exactBelow is the first value whose bucket holds more than one integer.
	exactBelow = 2 * subBuckets

	// numBuckets covers 0 to the largest int64.
	numBuckets = (63 - subBits + 1) * subBuckets
)

// MaxRelativeError bounds what [Histogram.Quantile] is off, relative to the
// true value. Values below 128 ms are exact.
const MaxRelativeError = 1.0 / (2 * subBuckets)

// bucketOf is the bucket of a value of 0 or more.
func bucketOf(ms int64) int {
	v := uint64(ms)
	if v < exactBelow {
		return int(v)
	}
	shift := bits.Len64(v) - 1 - subBits
	return shift<<subBits + int(v>>shift)
}

// middleOf is the value that stands for a bucket: the mean of its integers.
func middleOf(bucket int) float64 {
	if bucket < exactBelow {
		return float64(bucket)
	}
	shift := bucket>>subBits - 1
	low := uint64(bucket&(subBuckets-1)|subBuckets) << shift
	width := uint64(1) << shift
	return float64(low) + float64(width-1)/2
}
