package hostile

import "strings"

// Secrets are texts against detectors of keys, tokens and passwords.
func Secrets() map[string]string {
	texts := repeat("secrets", map[string]string{
		"prefixes":               "sk-",
		"prefixes apart":         "sk- ",
		"project prefixes":       "sk-proj-",
		"prefixes after dots":    ".sk-proj-",
		"prefixes after slashes": "/hvb./sl.u.",
		"web token heads":        "eyJ.eyJ.",
		"long web token heads":   "eyJhbGciOiJIUzI1NiJ9.",
		"web tokens of heads":    ".eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ",
		"key blocks":             "-----BEGIN ",
		"private key blocks":     "-----BEGIN RSA PRIVATE KEY-----\n",
		"assignments":            "key=key=key=",
		"colons":                 "password:password:",
		"quoted":                 `token="`,
		"quoted otherwise":       `token='"`,
		"unfinished quotes":      `secret = "aB3`,
		"names":                  "api_key_token_secret_",
		"long values":            "token=" + strings.Repeat("a1B2", 40) + " ",
		"schemes":                "://",
		"users":                  "postgres://a:",
		"hosts":                  "postgres://a:b@",
		"storage keys":           "AccountKey=",
		"signatures":             "sv=20&sig=",
		"options":                " -p",
		"passwords of commands":  "mysql -p\"a1 ",
		"unfinished commands":    "docker login -p",
		"words for passwords":    "password to ",
		"dashes after names":     "token – ",
		"lists of base64":        "aB3xK9mQ2pL7vN4cR8tYwZ5d\",\"",
		"words with humps":       "secretKey=ClassNameBuilder",
		"bearers":                "Bearer ",
		"long bearers":           "Bearer a1b2.a1b2.a1b2.a1b2/",
		"basics":                 "Basic dXNlcjpwYXNz",
		"curls":                  "curl -u ",
		"one letter":             "A",
		"macaroons":              "/AAAAAAAAAAAAAAAAAAAAAA",
		"digits":                 "1234567890",
		"hex":                    "0a1b2c3d",
		"hex pieces":             "0a1b2c3d0a1b2c3d0a1b2c3d0a1b2c3d-us",
		"telegram":               "12345678:AA",
		"atlas":                  "abcdefghijklmn.atlasv1.",
		"base64 pieces":          "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7 ",
		"base64 storage":         "a1B2c3D4+ASt",
		"names of vendors":       "exa openai azure aws key ",
		"vendors' keys":          "exa key aws secret ",
		"braces":                 "{{",
		"blanks":                 "token   ",
		"not UTF-8":              "\xff\xfekey=\xf0",
	})
	texts["secrets, one web token"] = "eyJ" + fill("hbGciOiJI")
	texts["secrets, at signs"] = "postgres://" + fill("a:b@")
	return texts
}
