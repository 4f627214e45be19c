package pii

import "github.com/promptmetrics-go/promptmetrics/compliance/detect"

// nationalID is a number that a state gives to a person or a company, made of
// digits alone.
type nationalID struct {
	rule  rule
	label label
	// groups are the printed forms; a single length stands for bare digits too.
	groups [][]int
	// gaps are the separators of a form with groups; "" for any even one.
	gaps string
	ok   func(d []byte) bool
	// alone says that the printed form is telling enough without a word.
	alone bool
}

func id(name string, entity detect.Entity) rule {
	return rule{name, entity, detect.Critical, detect.PII}
}

var nationalIDs = []nationalID{
	{id("UK NHS Number Detection", "UK_NHS"), lNHS, [][]int{{10}, {3, 3, 4}}, "", nhs, false},
	{id("German Tax ID Detection", "DE_TAX_ID"), lSteuerID, [][]int{{11}, {2, 3, 3, 3}}, "", steuerID, false},
	{id("French NIR Detection", "FR_NIR"), lNIR, [][]int{{15}, {1, 2, 2, 2, 3, 3, 2}, {13, 2}}, "", nir, true},
	{id("Dutch BSN Detection", "NL_BSN"), lBSN, [][]int{{9}, {8}, {4, 2, 3}, {3, 3, 3}}, "", bsn, false},
	{id("PESEL Detection", "PL_PESEL"), lPESEL, [][]int{{11}}, "", pesel, false},
	{id("CPF Detection", "BR_CPF"), lCPF, [][]int{{11}, {3, 3, 3, 2}}, "..-", cpf, true},
	{id("CNPJ Detection", "BR_CNPJ"), lCNPJ, [][]int{{14}, {2, 3, 3, 4, 2}}, "../-", cnpj, true},
	{id("Aadhaar Detection", "IN_AADHAAR"), lAadhaar, [][]int{{12}, {4, 4, 4}}, "", aadhaar, false},
	{id("Canadian SIN Detection", "CA_SIN"), lSIN, [][]int{{9}, {3, 3, 3}}, "", sin, false},
	{id("Australian TFN Detection", "AU_TFN"), lTFN, [][]int{{9}, {8}, {3, 3, 3}}, "", tfn, false},
	{id("Australian Medicare Detection", "AU_MEDICARE"), lMedicare, [][]int{{10}, {11}, {4, 5, 1}, {4, 5, 1, 1}}, "", medicare, false},
	{id("Swedish Personnummer Detection", "SE_PERSONNUMMER"), lPersonnummer, [][]int{{10}, {12}, {6, 4}, {8, 4}}, "-", personnummer, false},
	{id("Chinese Resident ID Detection", "CN_RESIDENT_ID"), lResident, [][]int{{18}}, "", residentID, true},
	{id("Danish CPR Detection", "DK_CPR"), lCPR, [][]int{{10}, {6, 4}}, "-", cpr, false},
	{id("Norwegian Fodselsnummer Detection", "NO_FODSELSNUMMER"), lFodsel, [][]int{{11}, {6, 5}}, " ", fodselsnummer, false},
	{id("Belgian National Number Detection", "BE_NATIONAL_NUMBER"), lRijks, [][]int{{11}, {2, 2, 2, 3, 2}}, "..-.", rijksregister, true},
	{id("Swiss AHV Detection", "CH_AHV"), lAHV, [][]int{{13}, {3, 4, 4, 2}}, "...", ahv, true},
	{id("Turkish TCKN Detection", "TR_TCKN"), lTCKN, [][]int{{11}}, "", tckn, false},
	{id("Korean RRN Detection", "KR_RRN"), lRRN, [][]int{{13}, {6, 7}}, "-", rrn, false},
	{rule{"Australian ABN Detection", "AU_ABN", detect.Low, detect.PII}, lABN, [][]int{{11}, {2, 3, 3, 3}}, "", abn, false},
	{rule{"Bank Routing Detection", "US_BANK_ROUTING", detect.Medium, detect.PII}, lRouting, [][]int{{9}}, "", routing, false},
	{passportRule, lPassport, [][]int{{9}, {8}}, "", anyDigits, false},
	{licenceRule, lLicence, [][]int{{7}, {8}, {9}, {3, 3, 3}}, "", anyDigits, false},
}

// nationalDigits finds the numbers of the table that consist of digits.
func nationalDigits(c *chain, report func(detect.Finding)) {
	if c.plus {
		return
	}
	var buf [20]byte
	for i := 0; i < len(c.groups); i++ {
		for k := range nationalIDs {
			if n := nationalIDs[k].match(c, i, buf[:0]); n > 0 {
				r := nationalIDs[k].rule
				report(r.at(c.groups[i].start, c.groups[i+n-1].end, r.sureness()))
				i += n - 1
				break
			}
		}
	}
}

// match is the number of groups from i on that make this number, or 0.
func (id *nationalID) match(c *chain, i int, buf []byte) int {
	for _, form := range id.groups {
		n := len(form)
		if !c.shape(i, form...) || !c.free(i, n) || !id.gapsFit(c, i, n) {
			continue
		}
		telling := id.alone && (n > 1 || form[0] == 18)
		l := c.label()
		insured := id.label == lSIN && l.is(lNINO|lSSN) && l.has(lNINO) && l.has(lSSN) // "social insurance"
		if !l.names(id.label) && !insured && !telling {
			continue
		}
		if d := c.text(buf, i, n); !oneDigit(d) && id.ok(d) {
			return n
		}
	}
	return 0
}

func (id *nationalID) gapsFit(c *chain, i, n int) bool {
	if n == 1 {
		return true
	}
	if id.gaps == "" || len(id.gaps) != n-1 {
		sep, even := c.evenly(i, n)
		return even && (sep == ' ' || sep == '-' || sep == '.' || sep == '/')
	}
	for k := 0; k < n-1; k++ {
		if c.gap(i+k) != id.gaps[k:k+1] {
			return false
		}
	}
	return true
}
