package pii

import "strings"

// lPossibleNumber marks "number" in several languages. It is no label by
// itself, but "my number is" is one.
const lPossibleNumber label = 1 << 63

// owners are the words that make a phone number of "number".
var owners = set("my your his her our their me mein meine mi mon meu mio")

// adjectives may stand between the owner and the number.
var adjectives = set(`new old current home work office personal private direct own main other us uk american british german french
	italian spanish israeli indian canadian australian local neue alte private nouveau nuevo`)

// words says what a word beside a number calls it. Words are in lower case;
// umlauts and accents also without them.
var words = table(map[label]string{
	lPossibleNumber: "number numbers no nr num nummer numero número numéro",

	lPhone: `phone phones phoneno mobileno telno telephone telephones tel telf telefon telefonnummer telefonnumer telefono teléfono
		telefone telephon téléphone telefoon telefoonnummer telefonnr tlf puhelin puhelinnumero telefonu
		mobile mobil mobiltelefon mobilnummer handy handynummer rufnummer mobiel móvil movil celular cellulare cell
		cellphone cellular portable gsm fax telefax whatsapp viber hotline msisdn sms landline festnetz
		durchwahl komórka komorka mob ph voicemail helpline
		телефон телефона телефону телефоном тел моб мобильный мобильного сотовый whatsapp
		电话 電話 手机 手機 携帯 携帯電話 电话号码 电话是 전화 휴대폰 연락처 هاتف الهاتف جوال טלפון फोन मोबाइल โทรศัพท์ โทร τηλέφωνο τηλ`,
	lPhoneWeak: `call calling called callback rückfragen rueckfragen kontakt contatto contato 문의 문의처 연락 連絡先 連絡 联系 聯絡 問い合わせ 客服 热线
		связь связаться text dial dialled dialed ring reach contact contacted
		llame llama llamar llámame appelez appeler anrufen erreichbar chiamare chiama ligue ligar bel bellen contacto kontakt
		позвоните звоните`,

	lSSN:  "soc socsec ssn ssns social sozialversicherungsnummer ss",
	lITIN: "itin itins",
	lCard: `card cards cardno visa mastercard amex debit creditcard kreditkarte karte tarjeta carte carta cartão cartao kaart
		cc ccn pan cardnumber cardnumbers kreditkartennummer kartennummer kreditkartennr bankkarte girocard discover jcb diners unionpay maestro карта карты картой 信用卡 银行卡 卡号 カード 카드 kort karta`,
	lOther: `order orders ordernumber bestellung bestellnummer pedido commande ordine bestelling
		bestell invoice rechnung rechnungsnummer factura facture fattura tracking shipment parcel sendungsnummer
		isbn issn ean upc gtin barcode sku asin part serial sn n mpn lccn seriennummer model item product artikel artikelnummer
		imei imeisv iccid imsi meid batch lot ticket case reference ref confirmation
		timestamp epoch unix nanoseconds milliseconds ts commit build checksum hash sha md5 crc
		transaction txn receipt po rma incident issue bug doi pmid arxiv patent
		amount total price sum revenue population views bytes meter inventory catalog catalogue
		page pages room flight seat row rows column index size width height code status exit memory line offset chapter
		serie заказ заказа 訂單 订单 注文 policy claim docket oid port pid uid guid uuid vin zip plz`,
	lVersion: `rfc dwarf iso version versions ver v versión versao versão release releases build builds firmware fw driver revision rev
		section sections table tables figure fig equation appendix annex step requirement
		chapter abschnitt kapitel kap ziffer absatz abs punkt chap ch art artikel artículo sección capítulo chapitre article
		sezione capitolo hoofdstuk rozdział раздел глава пункт 章 节 節 clause article paragraph oid oids assembly kernel patch
		upgrade upgraded upgrades update updated updating downgrade downgraded bump bumped bumps sdk api runtime
		ios macos android chrome chromium firefox edge windows appversion fileversion productversion changelog
		版本 версия версии`,

	lBirth: `dob birthdate birthday birth geburtsdatum geburtstag naissance nacimiento nascita nascimento
		geboortedatum födelsedatum fødselsdato urodzenia рождения 出生 出生日期 生年月日 생년월일 doğum syntymäaika`,
	lBorn: `born geboren geb né née nacido nacida nato nata nascido nascida urodzony urodzona родился родилась född født`,
	lPassport: `passport passports reisepass reisepassnummer passeport pasaporte passaporto passaporte paspoort
		paszport pasport паспорт паспорта 护照 護照 パスポート 여권`,
	lDriver:       "driver drivers driving",
	lGift:         "gift loyalty membership library coupon voucher rewards",
	lDL:           "dl",
	lLicenceWord:  "license licence lic licencia",
	lLicence:      `dln dvla führerschein fuhrerschein führerscheinnummer permis rijbewijs patente conducir`,
	lNHS:          "nhs",
	lNINO:         "nino ni insurance",
	lSteuerID:     `steuer steuerid steueridentifikationsnummer idnr steuernummer identifikationsnummer steuerliche tin`,
	lDNI:          "dni nif nie identidad documento cédula cedula",
	lFiscale:      "fiscale codice cf",
	lNIR:          "nir insee sécu secu sécurité securite sociale vitale",
	lBSN:          "bsn burgerservicenummer sofinummer burgerservice",
	lPESEL:        "pesel",
	lCPF:          "cpf",
	lCNPJ:         "cnpj",
	lAadhaar:      "aadhaar aadhar adhaar uidai आधार",
	lPAN:          "pan permanent",
	lSIN:          "sin nas",
	lTFN:          "tfn",
	lMedicare:     "medicare",
	lPersonnummer: `personnummer samordningsnummer personnr pnr personnumret`,
	lResident:     "resident shenfenzheng 身份证 身份证号 身分證 身份證 居民",
	lRouting:      "routing aba rtn",
	lCPR:          "cpr cprnummer personnummer",
	lFodsel:       "fødselsnummer fodselsnummer personnummer fnr",
	lHetu:         "hetu henkilötunnus henkilotunnus sotu",
	lRijks:        "rijksregisternummer rijksregister insz niss registre",
	lAHV:          "ahv avs ahvn sozialversicherungsnummer navs",
	lTCKN:         "tckn tc kimlik",
	lRRN:          "주민등록번호 주민번호 주민등록 rrn",
	lCURP:         "curp",
	lNRIC:         "nric fin",
	lMAC:          "mac hwaddr ether bssid",
	lWallet:       "wallet wallets btc bitcoin eth ethereum crypto usdt erc metamask ltc litecoin doge tron trx",
	lIP:           "ip ips ipv ipaddr ipaddress host",
	lABN:          "abn",
})

func set(list string) map[string]struct{} {
	s := map[string]struct{}{}
	for _, w := range strings.Fields(list) {
		s[w] = struct{}{}
	}
	return s
}

func table(lists map[label]string) map[string]label {
	t := map[string]label{}
	for l, list := range lists {
		for _, w := range strings.Fields(list) {
			t[w] |= l
		}
	}
	return t
}
