package scorer

import (
	"context"
	"math/bits"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// MaxProduct bounds the comparisons of two sequences whose work is quadratic:
// the product of their lengths, after what they share at both ends was taken
// off. 64 of these are done at a time, so this is some 160 million steps.
const MaxProduct = 10_000_000_000

// codes numbers what two sequences hold, so that a table can be indexed by it.
func codes[T comparable](a, b []T) (left, right []int32, distinct int) {
	seen := make(map[T]int32, min(len(a)+len(b), 1<<16))
	number := func(items []T) []int32 {
		out := make([]int32, len(items))
		for i, item := range items {
			code, ok := seen[item]
			if !ok {
				code = int32(len(seen))
				seen[item] = code
			}
			out[i] = code
		}
		return out
	}
	left, right = number(a), number(b)
	return left, right, len(seen)
}

// trim takes off what two sequences share at their beginning and end.
func trim[T comparable](a, b []T) (left, right []T, shared int) {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
		shared++
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
		shared++
	}
	return a, b, shared
}

func checkProduct(a, b int) error {
	if b > 0 && a > MaxProduct/b {
		return pmerr.New(pmerr.BadRequest, "texts of %d and %d units are too long to compare: their product may be at most %d", a, b, int64(MaxProduct))
	}
	return nil
}

// distance is the Levenshtein distance of two sequences: the least number of
// insertions, deletions and replacements. It is the bit-parallel algorithm of
// Myers (J. ACM 46(3), 1999) with the carries of Hyyrö (2003), one block of 64
// rows after the other over all columns, so that memory is linear.
func distance[T comparable](ctx context.Context, a, b []T) (int, error) {
	a, b, _ = trim(a, b)
	if len(a) == 0 || len(b) == 0 {
		return len(a) + len(b), nil
	}
	if err := checkProduct(len(a), len(b)); err != nil {
		return 0, err
	}
	rows, columns, distinct := codes(a, b)
	match := make([]uint64, distinct)
	// carry is the difference that each column hands down to the next block,
	// two bits of it: one more, or one less. The row above the first grows by
	// one with every column.
	const more, less = 1, 2
	carry := make([]uint8, len(columns))
	for j := range carry {
		carry[j] = more
	}
	for start := 0; start < len(rows); start += 64 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		block := rows[start:min(start+64, len(rows))]
		for i, code := range block {
			match[code] |= 1 << i
		}
		last := uint(len(block) - 1)
		up, down := ^uint64(0), uint64(0) // vertical differences +1 and -1
		// Without branches, which would be taken at random; the masks of the
		// shifts spare the checks of their size.
		for j, code := range columns {
			grows, shrinks := uint64(carry[j]&more), uint64(carry[j]>>1)
			equal := match[code]
			vertical := equal | down
			equal |= shrinks
			horizontal := (((equal & up) + up) ^ up) | equal
			plus := down | ^(horizontal | up)
			minus := up & horizontal
			carry[j] = uint8(plus>>(last&63)&1 | (minus>>(last&63)&1)<<1)
			plus = plus<<1 | grows
			minus = minus<<1 | shrinks
			up = minus | ^(vertical | plus)
			down = plus & vertical
		}
		for _, code := range block {
			match[code] = 0
		}
	}
	d := len(rows)
	for _, c := range carry {
		d += int(c&more) - int(c&less)/less
	}
	return d, nil
}

// commonSubsequence is the length of the longest common subsequence, by the
// bit-parallel algorithm of Hyyrö (2004), block by block as in distance.
func commonSubsequence[T comparable](ctx context.Context, a, b []T) (int, error) {
	a, b, length := trim(a, b)
	if len(a) == 0 || len(b) == 0 {
		return length, nil
	}
	if err := checkProduct(len(a), len(b)); err != nil {
		return 0, err
	}
	rows, columns, distinct := codes(a, b)
	match := make([]uint64, distinct)
	carry := make([]uint8, len(columns))
	for start := 0; start < len(rows); start += 64 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		block := rows[start:min(start+64, len(rows))]
		for i, code := range block {
			match[code] |= 1 << i
		}
		v := ^uint64(0) // a zero is a row where the length grows
		for j, code := range columns {
			u := v & match[code]
			sum, over := bits.Add64(v, u, uint64(carry[j]))
			carry[j] = uint8(over)
			v = sum | (v &^ u)
		}
		for _, code := range block {
			match[code] = 0
		}
		used := ^uint64(0) >> (64 - len(block))
		length += bits.OnesCount64(^v & used)
	}
	return length, nil
}
