package secret

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// block makes a PEM block of a label, whose body is random.
func block(t testing.TB, label string) string {
	t.Helper()
	return "-----BEGIN " + label + "-----\n" + invent(t, "<n64>", 1) + "\n" + invent(t, "<n64>", 2) + "\n-----END " + label + "-----"
}

func newWebToken(t testing.TB, header, claims string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + "." + invent(t, "<n43>", 3)
}

func TestKindsOfSecrets(t *testing.T) {
	t.Parallel()
	random := invent(t, "<n32>", 4)
	for name, tc := range map[string]struct {
		before, secret, after string
		entity                detect.Entity
		severity              detect.Severity
		vendor                string
	}{
		"a private key is found whole":         {"key: ", block(t, "RSA PRIVATE"+" KEY"), "\nbye", PrivateKey, detect.Critical, ""},
		"a private key in JSON":                {`{"private_key":"`, strings.ReplaceAll(block(t, "PRIVATE"+" KEY"), "\n", `\n`), `\n","client_email":"x at demo.iam.gserviceaccount.com"}`, PrivateKey, detect.Critical, "google"},
		"a private key that was cut off":       {"", strings.TrimSuffix(block(t, "PRIVATE"+" KEY"), "\n-----END PRIVATE"+" KEY-----"), "\n\nWhat now?", PrivateKey, detect.Critical, ""},
		"a signed web token":                   {"token=", newWebToken(t, `{"alg":"RS256"}`, `{"sub":"1"}`), "&x=1", JWT, detect.High, ""},
		"a web token that names its issuer":    {"", newWebToken(t, `{"alg":"HS256"}`, `{"iss":"supabase"}`), "", JWT, detect.High, "supabase"},
		"a web token in a header":              {"Authorization: Bearer ", newWebToken(t, `{"alg":"HS256"}`, `{"sub":"2"}`), "", JWT, detect.High, ""},
		"a bearer token":                       {"Authorization: Bearer ", random, "", AuthHeader, detect.High, ""},
		"a bearer token named by its address":  {"-H 'Authorization: Bearer ", random, "' https://api.mistral.ai/v1", AuthHeader, detect.High, "mistral"},
		"basic credentials":                    {"authorization: basic ", base64.StdEncoding.EncodeToString([]byte("bob:Zq7x!pw")), "", AuthHeader, detect.High, ""},
		"a connection string":                  {"use ", "postgres://app:" + random + "@db.internal/app", ".", ConnectionString, detect.Critical, "postgresql"},
		"a connection string of a driver":      {"", "postgresql+asyncpg://app:" + random + "@db/app", "", ConnectionString, detect.Critical, "postgresql"},
		"a connection string without a user":   {"url=", "rediss://:" + random + "@cache:6379", "", ConnectionString, detect.Critical, "redis"},
		"a password with an at sign":           {"", "mysql://app:p@ss" + random + "@db/shop", "", ConnectionString, detect.Critical, "mysql"},
		"pairs of a connection string":         {`"`, "Data Source=db;User Id=sa;Password=" + random + ";", `"`, ConnectionString, detect.Critical, ""},
		"a storage account":                    {"", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + invent(t, "<n86>", 5) + "==", "", ConnectionString, detect.Critical, "azure"},
		"a shared access signature":            {"?sv=2022-11-02&se=2024&sig=", invent(t, "<n43>", 6) + "%3D", "", APIKey, detect.High, "azure"},
		"a password in code":                   {`password = "`, "Tr0ub4dor&3", `"`, Password, detect.High, ""},
		"a password in prose":                  {"my password is ", "blueHorse42", ".", Password, detect.High, ""},
		"a password in JSON in JSON":           {`"{\"password\": \"`, "Zk9!mmPq", `\"}"`, Password, detect.High, ""},
		"a password of a command":              {"mysql --password ", "Zk9mmPq2", " shop", Password, detect.High, ""},
		"a password of curl":                   {"curl -u bob:", "Zk9mmPq2", " https://x.test", Password, detect.High, ""},
		"a typed password":                     {"password: str = '", "Zk9mmPq2", "'", Password, detect.High, ""},
		"a key of a vendor without prefix":     {"DEEPGRAM_API_KEY=", invent(t, "<x40>", 7), "", APIKey, detect.High, "deepgram"},
		"a vendor's key with nothing between":  {"Deepgram key ", invent(t, "<x40>", 8), " please", APIKey, detect.High, "deepgram"},
		"a key of nobody known":                {"api_key: ", random, "", APIKey, detect.High, ""},
		"a key behind a call":                  {`client.setApiKey("`, random, `")`, APIKey, detect.High, ""},
		"a secret of nobody known":             {"SESSION_SECRET=", random, "", GenericSecret, detect.High, ""},
		"a random string":                      {"use this key if you must, or ", invent(t, "<n40>", 9), " otherwise", GenericSecret, detect.Low, ""},
		"a token behind an escape":             {`"first\n`, "ghp_" + invent(t, "<n36>", 10), `\nlast"`, APIKey, detect.High, "github"},
		"a token in an address":                {"https://x.test/?k%3D", "ghp_" + invent(t, "<n36>", 11), "", APIKey, detect.High, "github"},
		"a format that vendors share, named":   {"STABILITY_API_KEY=", "sk-" + invent(t, "<n48>", 12), "", APIKey, detect.High, "stability"},
		"a format that vendors share, unnamed": {"the old ", "sk-" + invent(t, "<n48>", 13), "", APIKey, detect.High, "openai"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := tc.before + tc.secret + tc.after
			found := find(t, text)
			require.Len(t, found, 1, text)
			f := found[0]
			require.Equal(t, tc.secret, text[f.Start:f.End], text)
			require.Equal(t, tc.entity, f.Entity)
			require.Equal(t, tc.severity, f.Severity)
			require.Equal(t, tc.vendor, f.Vendor)
			require.Equal(t, detect.Security, f.Category)
		})
	}
}

func TestWhatIsNoSecretIsLeftAlone(t *testing.T) {
	t.Parallel()
	digest := invent(t, "<x64>", 1)
	for _, text := range []string{
		"sha256:" + digest, "commit " + digest[:40], "id " + invent(t, "<uuid>", 2), "integrity sha512-" + invent(t, "<n86>", 3) + "==",
		"api_key=your-api-key-2024", "api_key=<insert 1 here>", "token=${TOKEN_1}", "token = os.environ['TOKEN_1']", "password=********", "password: changeme1",
		"password: ", "password", "token=", "api_key=\"\"", "secret: {{ secret_1 }}", "password is required", "tokens: 128000", "monkey=" + invent(t, "<n32>", 4),
		"ghp_" + strings.Repeat("x", 36), "ghp_" + invent(t, "<n20>", 5), "xghp_" + invent(t, "<n36>", 6), "ghp_" + invent(t, "<n37>", 7),
		"sk-learn-pipeline-for-text-classification", "class=\"sk-circle12 sk-child\"", "task-sk-" + invent(t, "<n32>", 8),
		"eyJhbGciOiJIUzI1NiJ9", "eyJub3QiOiJ0aGlzIn0." + invent(t, "<n30>", 9) + "." + invent(t, "<n30>", 10),
		strings.ReplaceAll(block(t, "CERTIFICATE"), "PRIVATE", ""), "-----BEGIN PUBLIC KEY-----\n" + invent(t, "<n64>", 11) + "\n-----END PUBLIC KEY-----",
		"-----BEGIN PRIVATE" + " KEY-----\n...\n-----END PRIVATE" + " KEY-----",
		"postgres://localhost/app", "postgres://user:password@db/app", "postgres://postgres:postgres@localhost/app", "https://x.test/a@b:c", "redis://cache:6379",
		"Bearer token authentication", "Bearer $TOKEN", "Basic knowledge12 of Go", "curl -u user:password x.test", "x -u bob:Zk9mmPq2",
		"accesskey of the old castle", "AccountKey=placeholder", "sig=12", "password_hash=$2b$12$" + invent(t, "<n53>", 12),
		"max_tokens=4096", "next_page_token=" + invent(t, "<n32>", 13), "public_key=" + digest,
		"data:image/png;base64," + invent(t, "<n60>", 14), "OidcToken *GoogleCloudIntegrationsV1alphaOidcToken", "Credentials: Oauth2ClientCredentials",
	} {
		require.Empty(t, find(t, text), text)
	}
}

func TestTheSecretBehindAnAccessKeyIsFound(t *testing.T) {
	t.Parallel()
	id, key := "AKIA"+invent(t, "<A16>", 1), invent(t, "<n40>", 2)
	found := find(t, id+" / "+key)
	require.Len(t, found, 2)
	require.Equal(t, "aws", found[0].Vendor)
	require.Equal(t, "aws", found[1].Vendor)
	require.Equal(t, len(id)+3, found[1].Start)
}

func TestChecksumRaisesConfidence(t *testing.T) {
	t.Parallel()
	random := invent(t, "<n30>", 1)
	sure := find(t, "ghp_"+random+Checksum([]byte(random)))
	likely := find(t, "ghp_"+random+"a1B2c3")
	require.Len(t, sure, 1)
	require.Len(t, likely, 1)
	require.Greater(t, sure[0].Confidence, likely[0].Confidence)
	require.Len(t, Checksum(nil), checksumLength)
}

func TestMalformedShapesAreRefused(t *testing.T) {
	t.Parallel()
	for _, template := range []string{"a<n", "a<>", "a<q3>", "a<nx>", "a<n5-2>", "a<n5-x>"} {
		_, err := parseShape(template)
		require.Error(t, err, template)
	}
}
