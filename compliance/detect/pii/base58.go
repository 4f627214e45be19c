package pii

import (
	"crypto/sha256"
	"math/big"
	"strings"
)

const (
	base58Bitcoin = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	base58Ripple  = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
)

// coinPrefixes are the version bytes of the payload by the first character that
// they lead to: Bitcoin and its test net, Litecoin, Dogecoin, Dash, Tron.
var coinPrefixes = map[byte][]byte{
	'1': {0x00}, '3': {0x05, 0x32}, '2': {0xC4}, 'm': {0x6F}, 'n': {0x6F},
	'L': {0x30}, 'M': {0x32}, 'D': {0x1E}, 'X': {0x4C}, 'T': {0x41}, 'r': {0x00},
}

// base58Address checks an address of one version byte, a hash of 20 bytes and
// the first four bytes of its double SHA-256 (Base58Check).
func base58Address(run []byte) bool {
	versions, ok := coinPrefixes[run[0]]
	if !ok {
		return false
	}
	alphabet := base58Bitcoin
	if run[0] == 'r' {
		alphabet = base58Ripple
	}
	n, digit, base := new(big.Int), new(big.Int), big.NewInt(58)
	for _, c := range run {
		d := strings.IndexByte(alphabet, c)
		if d < 0 {
			return false
		}
		n.Add(n.Mul(n, base), digit.SetInt64(int64(d)))
	}
	var raw [25]byte
	if n.BitLen() > len(raw)*8 {
		return false
	}
	n.FillBytes(raw[:])
	sum := sha256.Sum256(raw[:21])
	sum = sha256.Sum256(sum[:])
	if string(sum[:4]) != string(raw[21:]) {
		return false
	}
	for _, v := range versions {
		if raw[0] == v {
			return true
		}
	}
	return false
}
