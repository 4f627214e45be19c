package pii

import (
	"encoding/binary"
	"math/bits"
)

// keccakRate is the block of Keccak-256 in bytes.
const keccakRate = 136

// keccak256 is the hash that Ethereum uses: the Keccak submission with 256 bits,
// whose padding differs from the later SHA-3. The message must be shorter than
// one block, as an address is.
func keccak256(message []byte) [32]byte {
	var (
		block [keccakRate]byte
		state [25]uint64
		sum   [32]byte
	)
	n := copy(block[:keccakRate-1], message)
	block[n] = 0x01
	block[keccakRate-1] |= 0x80
	for i := 0; i < keccakRate/8; i++ {
		state[i] = binary.LittleEndian.Uint64(block[i*8:])
	}
	keccakF(&state)
	for i := 0; i < len(sum)/8; i++ {
		binary.LittleEndian.PutUint64(sum[i*8:], state[i])
	}
	return sum
}

// keccakF is the permutation Keccak-f[1600] of FIPS 202, section 3.3.
func keccakF(a *[25]uint64) {
	lfsr := byte(1)
	for round := 0; round < 24; round++ {
		var c [5]uint64
		for x := range c {
			c[x] = a[x] ^ a[x+5] ^ a[x+10] ^ a[x+15] ^ a[x+20]
		}
		for x := range c {
			d := c[(x+4)%5] ^ bits.RotateLeft64(c[(x+1)%5], 1)
			for y := 0; y < 25; y += 5 {
				a[x+y] ^= d
			}
		}
		// Rho and pi: each lane is rotated and moved along one long cycle.
		x, y, lane := 1, 0, a[1]
		for t := 0; t < 24; t++ {
			x, y = y, (2*x+3*y)%5
			a[x+5*y], lane = bits.RotateLeft64(lane, (t+1)*(t+2)/2%64), a[x+5*y]
		}
		for y := 0; y < 25; y += 5 {
			row := [5]uint64{a[y], a[y+1], a[y+2], a[y+3], a[y+4]}
			for x := range row {
				a[y+x] = row[x] ^ ^row[(x+1)%5]&row[(x+2)%5]
			}
		}
		// Iota: the bits of the round constant come from a shift register.
		for j := 0; j < 7; j++ {
			if lfsr&1 == 1 {
				a[0] ^= 1 << (1<<j - 1)
			}
			high := lfsr >> 7
			lfsr = lfsr<<1 ^ high*0x71
		}
	}
}
