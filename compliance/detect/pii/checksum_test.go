package pii

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The vectors are those that the Keccak team published for Keccak-256.
func TestKeccak256(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"":        "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
		"abc":     "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
		"testing": "5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02",
		"The quick brown fox jumps over the lazy dog": "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15",
	} {
		sum := keccak256([]byte(message))
		require.Equal(t, want, hex.EncodeToString(sum[:]), message)
	}
}

// The addresses are the examples of EIP-55.
func TestEthereumChecksum(t *testing.T) {
	t.Parallel()
	for _, a := range []string{
		"52908400098527886E0F7030069857D2E4169EE7", "8617E340B3D01FA5F11F306F4090FD50E238070D",
		"de709f2102306220921060314715629080e2fb77", "27b1fdb04752bbc536007a920d24acb045561c26",
		"5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "fB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
		"dbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "D1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
	} {
		require.Positive(t, ethereum([]byte(a)), a)
	}
	require.Zero(t, ethereum([]byte("5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed")))
}

// The addresses are the examples of BIP 173 and BIP 350.
func TestBech32(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4":                                 true,
		"tb1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3q0sl5k7":             true,
		"bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0":             true,
		"bc1pw508d6qejxtdg4y5r3zarvary0c5xw7kw508d6qejxtdg4y5r3zarvary0c5xw7kt5nd6y": true,
		"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5":                                 false,
		"bc1Qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4":                                 false,
		"tc1qw508d6qejxtdg4y5r3zarvary0c5xw7kg3g4ty":                                 false,
	} {
		require.Equal(t, want, bech32Address([]byte(strings.ToLower(address)), []byte(address)), address)
	}
}

func TestBase58(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa": true,
		"3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy": true,
		"mipcBbFg9gMiCh81Kj8tqqdgoZub1ZJRfn": true,
		"rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh": true,
		"TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t": true,
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb": false,
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7Divf0a": false,
	} {
		require.Equal(t, want, base58Address([]byte(address)), address)
	}
}

// TestCheckDigitsCatchOneWrongDigit changes each digit of valid numbers. The
// check must refuse what its published strength promises: nearly every change.
func TestCheckDigitsCatchOneWrongDigit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		number string
		ok     func([]byte) bool
		least  float64
	}{
		"luhn":          {"4539148803436467", luhn, 1},
		"nhs":           {"9434765919", nhs, 1},
		"steuerID":      {"86095742719", steuerID, 1},
		"nir":           {"255081416802538", nir, .99},
		"bsn":           {"111222333", bsn, 1},
		"pesel":         {"44051401359", pesel, 1},
		"cpf":           {"52998224725", cpf, .99},
		"cnpj":          {"11222333000181", cnpj, .99},
		"aadhaar":       {"234123412346", aadhaar, 1},
		"sin":           {"130692544", sin, 1},
		"tfn":           {"123456782", tfn, 1},
		"medicare":      {"2123456701", func(d []byte) bool { return medicare(d) && d[9] == '1' }, 1},
		"residentID":    {"440524188001010014", residentID, 1},
		"fodselsnummer": {"01010750160", fodselsnummer, 1},
		"rijksregister": {"85073003328", rijksregister, .95},
		"ahv":           {"7569217076985", ahv, 1},
		"tckn":          {"10000000146", tckn, 1},
		"abn":           {"51824753556", abn, 1},
		"routing":       {"021000021", routing, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.True(t, tc.ok([]byte(tc.number)))
			changed, refused := 0, 0
			for i := range tc.number {
				for c := byte('0'); c <= '9'; c++ {
					wrong := []byte(tc.number)
					if wrong[i] == c {
						continue
					}
					wrong[i] = c
					changed++
					if !tc.ok(wrong) {
						refused++
					}
				}
			}
			require.GreaterOrEqual(t, float64(refused)/float64(changed), tc.least, "%d of %d", refused, changed)
		})
	}
}

// The examples are those of the IBAN registry.
func TestIBANOfManyCountries(t *testing.T) {
	t.Parallel()
	for _, n := range []string{
		"AD1200012030200359100100", "AE070331234567890123456", "AL47212110090000000235698741",
		"AT611904300234573201", "AZ21NABZ00000000137010001944", "BA391290079401028494", "BE68539007547034",
		"BG80BNBG96611020345678", "BH67BMAG00001299123456", "BR9700360305000010009795493P1",
		"BY13NBRB3600900000002Z00AB00", "CH9300762011623852957", "CR05015202001026284066",
		"CY17002001280000001200527600", "CZ6508000000192000145399", "DE89370400440532013000",
		"DK5000400440116243", "DO28BAGR00000001212453611324", "EE382200221020145685",
		"ES9121000418450200051332", "FI2112345600000785", "FO6264600001631634", "FR1420041010050500013M02606",
		"GB29NWBK60161331926819", "GE29NB0000000101904917", "GI75NWBK000000007099453", "GL8964710001000206",
		"GR1601101250000000012300695", "GT82TRAJ01020000001210029690", "HR1210010051863000160",
		"HU42117730161111101800000000", "IE29AIBK93115212345678", "IL620108000000099999999",
		"IS140159260076545510730339", "IT60X0542811101000000123456", "JO94CBJO0010000000000131000302",
		"KW81CBKU0000000000001234560101", "KZ86125KZT5004100100", "LB62099900000001001901229114",
		"LI21088100002324013AA", "LT121000011101001000", "LU280019400644750000", "LV80BANK0000435195001",
		"MC5811222000010123456789030", "MD24AG000225100013104168", "ME25505000012345678951", "MK07250120000058984",
		"MR1300020001010000123456753", "MT84MALT011000012345MTLCAST001S", "MU17BOMM0101101030300200000MUR",
		"NL91ABNA0417164300", "NO9386011117947", "PK36SCBL0000001123456702", "PL61109010140000071219812874",
		"PS92PALS000000000400123456702", "PT50000201231234567890154", "QA58DOHB00001234567890ABCDEFG",
		"RO49AAAA1B31007593840000", "RS35260005601001611379", "SA0380000000608010167519",
		"SE4550000000058398257466", "SI56263300012039086", "SK3112000000198742637541",
		"SM86U0322509800000000270100", "TL380080012345678910157", "TN5910006035183598478831",
		"TR330006100519786457841326", "XK051212012345678906",
	} {
		require.Equal(t, len(n), account([]byte(n), 0), n)
		require.Zero(t, account([]byte(n[:len(n)-1]), 0), n)
		wrong := []byte(n)
		wrong[3] = '0' + (wrong[3]-'0'+1)%10
		require.Zero(t, account(wrong, 0), n)
	}
}

// TestCardsOfEachIssuer takes the numbers that the schemes and their processors
// print for tests.
func TestCardsOfEachIssuer(t *testing.T) {
	t.Parallel()
	for _, n := range []string{
		"4111111111111111", "4012888888881881", "5555555555554444", "5105105105105100", "2223003122003222",
		"378282246310005", "371449635398431", "30569309025904", "36227206271667", "3530111333300000",
		"6011111111111117", "6011000990139424", "6212345678901232", "2200000000000004",
	} {
		known, shy := issued([]byte(n))
		require.True(t, known && !shy && luhn([]byte(n)), n)
	}
	for _, n := range []string{"1234567812345670", "9999999999999995", "411111111111116", "0000000000000000"} {
		known, _ := issued([]byte(n))
		require.False(t, known, n)
	}
}

func TestNextDigitAgreesWithALoop(t *testing.T) {
	t.Parallel()
	// Every byte at every place of a word, among neighbours that could borrow.
	for c := range 256 {
		for at := range 20 {
			b := []byte(strings.Repeat("/:\xb0\x00", 5))
			b[at] = byte(c)
			want := 0
			for want < len(b) && !isDigit(b[want]) {
				want++
			}
			require.Equal(t, want, nextDigit(b, 0), "%q", b)
		}
	}
}
