package s3store

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/minio/minio-go/v7/pkg/s3utils"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Options configure a [Store].
type Options struct {
	// Endpoint is the server, such as https://s3.example.com or
	// http://localhost:9000; http sends prompts unencrypted. Default: Amazon S3
	// in Region.
	Endpoint string
	// Region of the bucket. Default: us-east-1 with an Endpoint; required
	// without one.
	Region string
	// Bucket must exist. Required.
	Bucket string
	// Prefix goes before all keys, with a slash in between. Default: none.
	Prefix string
	// PathStyle puts the bucket into the path of addresses instead of the host
	// name, as most servers want that are not Amazon's.
	PathStyle bool

	// AccessKey and SecretKey sign the requests. Without both, the keys are
	// those of the role that Amazon gives to the machine, the container or the
	// pod, which the environment of the process may name (AWS_ROLE_ARN,
	// AWS_WEB_IDENTITY_TOKEN_FILE, AWS_CONTAINER_CREDENTIALS_FULL_URI …).
	AccessKey string
	SecretKey string `json:"-"`
	// SessionToken belongs to keys that are temporary.
	SessionToken string `json:"-"`

	// RequestTimeout bounds one request. Default 10 s.
	RequestTimeout time.Duration
	// Timeout bounds a request with all its repetitions. Default 20 s.
	Timeout time.Duration
	// Attempts is how often a request is sent, at most, whose failure may pass.
	// Default 4.
	Attempts int
	// Transport sends the requests. It is not closed. Default: one of the
	// store's own, through the proxy that HTTPS_PROXY and HTTP_PROXY name.
	Transport http.RoundTripper

	// Logger hears of what goes wrong without failing a call. Default: silence.
	Logger *slog.Logger
	// Now gives the time of versions. Default: time.Now.
	Now func() time.Time
}

const (
	defaultRegion = "us-east-1"
	maxPrefix     = 256
)

func (o Options) withDefaults() Options {
	if o.Region == "" {
		o.Region = defaultRegion
	}
	if o.Endpoint == "" {
		o.Endpoint = "https://s3." + o.Region + ".amazonaws.com"
		if strings.HasPrefix(o.Region, "cn-") {
			o.Endpoint += ".cn"
		}
	}
	o.Prefix = strings.Trim(o.Prefix, "/")
	if o.Prefix != "" {
		o.Prefix += "/"
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = 10 * time.Second
	}
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	if o.Attempts == 0 {
		o.Attempts = 4
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Validate names every option that cannot be, each by its name and a colon, as
// pmerr.ErrValidation. No message shows a secret.
func (o Options) Validate() error {
	var faults []string
	check := func(ok bool, fault string) {
		if !ok {
			faults = append(faults, fault)
		}
	}
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		check(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" &&
			u.User == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == "",
			"Endpoint: must be an address such as https://s3.example.com or http://localhost:9000, without path, user and query; the bucket has an option of its own")
	}
	check(o.Region != "" || o.Endpoint != "", "Region: is empty, and Amazon S3 needs it: name the region of the bucket, such as eu-central-1")
	check(strings.Trim(o.Region, lowercase+"0123456789-") == "", "Region: must be a name such as eu-central-1")
	if o.Bucket == "" {
		faults = append(faults, "Bucket: is empty; name the bucket that keeps the prompts")
	} else {
		check(s3utils.CheckValidBucketNameStrict(o.Bucket) == nil,
			"Bucket: must be 3 to 63 lower-case letters, digits, '.' or '-', such as my-prompts")
	}
	check(validPrefix(strings.Trim(o.Prefix, "/")),
		"Prefix: must be at most 256 bytes of folders such as team/prompts, without empty ones, '.', '..', '\\' and control characters")
	check((o.AccessKey == "") == (o.SecretKey == ""),
		"AccessKey and SecretKey: only one is set; set both, or none to use the role of this machine")
	check(o.SessionToken == "" || o.AccessKey != "", "SessionToken: is set without the AccessKey and SecretKey that it belongs to")
	check(printable(o.AccessKey), "AccessKey: has characters that no key has, such as spaces or line ends")
	check(printable(o.SecretKey), "SecretKey: has characters that no key has, such as spaces or line ends")
	check(printable(o.SessionToken), "SessionToken: has characters that no token has, such as spaces or line ends")
	check(o.RequestTimeout >= 0, "RequestTimeout: must not be negative")
	check(o.Timeout >= 0, "Timeout: must not be negative")
	check(o.Attempts >= 0, "Attempts: must not be negative")
	if len(faults) > 0 {
		return pmerr.Invalid(faults...)
	}
	return nil
}

const lowercase = "abcdefghijklmnopqrstuvwxyz"

func validPrefix(prefix string) bool {
	if prefix == "" {
		return true
	}
	if len(prefix) > maxPrefix || !utf8.ValidString(prefix) || strings.ContainsRune(prefix, '\\') || strings.ContainsFunc(prefix, unicode.IsControl) {
		return false
	}
	for part := range strings.SplitSeq(prefix, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// printable accepts what a header carries unchanged.
func printable(secret string) bool {
	return !strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Format prints options without secrets, however they are printed.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options
	for _, secret := range []*string{&o.AccessKey, &o.SecretKey, &o.SessionToken} {
		if *secret != "" {
			*secret = "[redacted]"
		}
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}
