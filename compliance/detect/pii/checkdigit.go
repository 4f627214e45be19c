package pii

// weighted is the sum of digits times weights.
func weighted(d []byte, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += int(d[i]-'0') * w
	}
	return sum
}

func value(c byte) int { return int(c - '0') }

// calendar says whether month and day exist. A day of a leap year passes.
func calendar(month, day int) bool {
	if month < 1 || month > 12 || day < 1 {
		return false
	}
	return day <= [...]int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}[month-1]
}

func anyDigits([]byte) bool { return true }

// nhs: modulus 11 with weights 10 to 2, as the NHS Data Dictionary says.
func nhs(d []byte) bool {
	check := 11 - weighted(d, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11
	return check%11 == value(d[9]) && check != 10
}

// steuerID: ISO 7064 MOD 11,10; among the first ten digits one or two repeat.
func steuerID(d []byte) bool {
	var seen [10]int
	product := 10
	for _, c := range d[:10] {
		seen[value(c)]++
		sum := (value(c) + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	absent := 0
	for _, n := range seen {
		if n == 0 {
			absent++
		}
		if n > 3 {
			return false
		}
	}
	return d[0] != '0' && absent >= 1 && absent <= 2 && (11-product)%10 == value(d[10])
}

// nir: sex, year, month, place, order and a key of 97 minus the rest modulo 97.
func nir(d []byte) bool {
	month := number(d[3:5])
	if d[0] < '1' || d[0] > '4' || month < 1 || month > 12 && month < 20 || month > 42 && month < 50 {
		return false
	}
	return 97-number(d[:13])%97 == number(d[13:])
}

// bsn: the "eleven test", the last digit with weight -1.
func bsn(d []byte) bool {
	var nine [9]byte
	copy(nine[:], "000000000")
	copy(nine[9-len(d):], d)
	return number(d) > 0 && weighted(nine[:], 9, 8, 7, 6, 5, 4, 3, 2, -1)%11 == 0
}

// pesel: the month also tells the century; weights 1, 3, 7, 9.
func pesel(d []byte) bool {
	return calendar(number(d[2:4])%20, number(d[4:6])) &&
		(10-weighted(d, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3)%10)%10 == value(d[10])
}

// cpf: two check digits modulo 11.
func cpf(d []byte) bool {
	return mod11(weighted(d, 10, 9, 8, 7, 6, 5, 4, 3, 2)) == value(d[9]) &&
		mod11(weighted(d, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2)) == value(d[10])
}

// cnpj: two check digits modulo 11 over the number of a company.
func cnpj(d []byte) bool {
	return mod11(weighted(d, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) == value(d[12]) &&
		mod11(weighted(d, 6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) == value(d[13])
}

// mod11 is the check digit of the Brazilian numbers.
func mod11(sum int) int {
	if r := sum % 11; r >= 2 {
		return 11 - r
	}
	return 0
}

// The tables of Verhoeff's check digit: the dihedral group of ten elements, and
// the powers of one permutation.
var (
	verhoeffD = [10]string{
		"0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
		"5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
	}
	verhoeffP = [8]string{
		"0123456789", "1576283094", "5803796142", "8916043527",
		"9453126870", "4286573901", "2793806415", "7046913258",
	}
)

// aadhaar: Verhoeff; the first digit is neither 0 nor 1.
func aadhaar(d []byte) bool {
	c := 0
	for i := range d {
		c = value(verhoeffD[c][value(verhoeffP[i%8][value(d[len(d)-1-i])])])
	}
	return d[0] > '1' && c == 0
}

// sin: Luhn; numbers that start with 8 are not given.
func sin(d []byte) bool { return d[0] != '8' && luhn(d) }

// tfn: weighted modulo 11, with eight or nine digits.
func tfn(d []byte) bool {
	if len(d) == 8 {
		return weighted(d, 10, 7, 8, 4, 6, 3, 5, 1)%11 == 0
	}
	return weighted(d, 1, 4, 3, 7, 5, 8, 6, 9, 10)%11 == 0
}

// medicare: starts with 2 to 6, the ninth digit checks eight.
func medicare(d []byte) bool {
	return d[0] >= '2' && d[0] <= '6' && weighted(d, 1, 3, 7, 9, 1, 3, 7, 9)%10 == value(d[8])
}

// personnummer: a date, then Luhn over ten digits. 60 is added to the day of a
// coordination number.
func personnummer(d []byte) bool {
	d = d[len(d)-10:]
	day := number(d[4:6])
	if day > 60 {
		day -= 60
	}
	return calendar(number(d[2:4]), day) && luhn(d)
}

// residentID: GB 11643, region, date, order, ISO 7064 MOD 11-2. A check of ten
// is written X and found among the numbers with letters.
func residentID(d []byte) bool { return residentDate(d) && residentCheck(d) == d[17] }

func residentDate(d []byte) bool {
	year := number(d[6:10])
	return d[0] >= '1' && d[0] <= '8' && year >= 1850 && year <= 2099 && calendar(number(d[10:12]), number(d[12:14]))
}

func residentCheck(d []byte) byte {
	return "10X98765432"[weighted(d, 7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)%11]
}

// cpr: a date; the check digit was given up in 2007.
func cpr(d []byte) bool { return calendar(number(d[2:4]), number(d[:2])) }

// fodselsnummer: a date and two check digits modulo 11.
func fodselsnummer(d []byte) bool {
	day := number(d[:2])
	if day > 40 {
		day -= 40 // a D number
	}
	return calendar(number(d[2:4])%40, day) &&
		weighted(d, 3, 7, 6, 1, 8, 9, 4, 5, 2, 1)%11 == 0 &&
		weighted(d, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
}

// rijksregister: a date; 97 minus the rest modulo 97, with a 2 before the number
// of those born since 2000.
func rijksregister(d []byte) bool {
	month, n, check := number(d[2:4]), number(d[:9]), number(d[9:])
	return month%20 <= 12 && number(d[4:6]) <= 31 && (97-n%97 == check || 97-(2_000_000_000+n)%97 == check)
}

// ahv: 756 for Switzerland, the check digit of EAN-13.
func ahv(d []byte) bool {
	return string(d[:3]) == "756" &&
		(10-weighted(d, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3)%10)%10 == value(d[12])
}

// tckn: the tenth and eleventh digits check those before.
func tckn(d []byte) bool {
	odd, even := weighted(d, 1, 0, 1, 0, 1, 0, 1, 0, 1), weighted(d, 0, 1, 0, 1, 0, 1, 0, 1)
	tenth := ((odd*7-even)%10 + 10) % 10
	return d[0] != '0' && tenth == value(d[9]) && (odd+even+value(d[9]))%10 == value(d[10])
}

// rrn: a date and a digit for sex and century; numbers given since October 2020
// have no check digit.
func rrn(d []byte) bool {
	return calendar(number(d[2:4]), number(d[4:6])) && d[6] >= '0' && d[6] <= '9'
}

// abn: 1 is taken from the first digit, then modulo 89.
func abn(d []byte) bool {
	return (weighted(d, 10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)-10)%89 == 0
}

// routing: the transit number of the American Bankers Association.
func routing(d []byte) bool {
	head := number(d[:2])
	return (head <= 12 || head >= 21 && head <= 32 || head >= 61 && head <= 72 || head == 80) &&
		weighted(d, 3, 7, 1, 3, 7, 1, 3, 7, 1)%10 == 0
}
