package pii

import (
	"bytes"
	"strings"
)

const bech32Charset = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32Prefixes are the human-readable parts, with the "1" that ends them:
// Bitcoin, its test nets, Litecoin, Cardano, Cosmos.
var bech32Prefixes = []string{"bc1", "tb1", "bcrt1", "ltc1", "addr1", "cosmos1"}

// The constants that tell Bech32 (BIP 173) and Bech32m (BIP 350) apart.
const (
	bech32Sum  = 1
	bech32mSum = 0x2BC830A3
)

// bech32Address checks the polymod of an address. Mixed case is not allowed.
func bech32Address(lower, run []byte) bool {
	if !bytes.Equal(lower, run) && !bytes.Equal(bytes.ToUpper(run), run) {
		return false
	}
	for _, p := range bech32Prefixes {
		if !bytes.HasPrefix(lower, []byte(p)) {
			continue
		}
		sum := uint32(1)
		hrp := p[:len(p)-1]
		for i := 0; i < len(hrp); i++ {
			sum = polymod(sum, hrp[i]>>5)
		}
		sum = polymod(sum, 0)
		for i := 0; i < len(hrp); i++ {
			sum = polymod(sum, hrp[i]&31)
		}
		for _, c := range lower[len(p):] {
			d := strings.IndexByte(bech32Charset, c)
			if d < 0 {
				return false
			}
			sum = polymod(sum, byte(d))
		}
		return sum == bech32Sum || sum == bech32mSum
	}
	return false
}

// polymod adds five bits to the check sum of BIP 173.
func polymod(sum uint32, value byte) uint32 {
	top := sum >> 25
	sum = sum&0x1FFFFFF<<5 ^ uint32(value)
	for i, g := range [5]uint32{0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3} {
		if top>>i&1 == 1 {
			sum ^= g
		}
	}
	return sum
}
