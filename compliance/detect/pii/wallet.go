package pii

import (
	"bytes"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// wallet finds addresses of crypto currencies by their check sums.
type wallet struct{}

const (
	leastWallet = 25
	mostWallet  = 108
)

// Find implements [detect.Detector].
func (wallet) Find(t *detect.Text, report func(detect.Finding)) {
	b := t.Norm
	for i := 0; i+leastWallet <= len(b); {
		// A run of letters and digits long enough covers the byte ahead, so
		// where that is something else the search goes on behind it.
		last := i + leastWallet - 1
		for last >= i && isAlnum(b[last]) {
			last--
		}
		if last >= i {
			i = last + 1
			continue
		}
		end := i + leastWallet
		for end < len(b) && isAlnum(b[end]) {
			end++
		}
		if end-i <= mostWallet && at(b, i-1) != '_' && at(b, end) != '_' && !embedded(b, i, end) {
			if confidence := coin(t, i, end); confidence > 0 {
				report(walletRule.at(i, end, confidence))
			}
		}
		i = end
	}
}

// embedded says whether base64 or a URL goes on around the run.
func embedded(b []byte, start, end int) bool {
	p, n := at(b, start-1), at(b, end)
	return p == '+' || n == '+' || n == '=' || inURL(b, start)
}

func hexAddress(run []byte) bool { return len(run) == 42 && run[0] == '0' && run[1] == 'x' }

// coin is how sure it is that the run is an address; 0 if it is none.
func coin(t *detect.Text, start, end int) float64 {
	run := t.Norm[start:end]
	switch {
	case hexAddress(run):
		return ethereum(run[2:])
	case len(run) <= 35 && base58Address(run):
		return .97
	case bech32Address(t.Lower[start:end], run):
		return .97
	}
	return 0
}

// nobody is how many equal leading digits only special addresses and masks have.
const nobody = 24

// ethereum checks forty hexadecimal digits. Mixed case must be the check sum of
// EIP-55; one case has none.
func ethereum(hex []byte) float64 {
	var lower [40]byte
	upper, low, same := false, false, true
	for i, c := range hex {
		if !isHex(c) {
			return 0
		}
		upper = upper || isUpper(c)
		low = low || c >= 'a'
		same = same && c == hex[0]
		lower[i] = c
		if isLetter(c) {
			lower[i] |= 0x20
		}
	}
	if same || bytes.Count(hex[:nobody], hex[:1]) == nobody {
		return 0
	}
	if !upper || !low {
		return .85
	}
	sum := keccak256(lower[:])
	for i, c := range hex {
		if !isLetter(c) {
			continue
		}
		nibble := sum[i/2] >> 4
		if i%2 == 1 {
			nibble = sum[i/2] & 15
		}
		if isUpper(c) != (nibble >= 8) {
			return 0
		}
	}
	return .98
}
