package redisnode

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Options say where Redis is and how it is used.
type Options struct {
	// URL such as redis://user:password@host:6379/0, or rediss:// for TLS. User,
	// password and the number of the database may be left out. Of a cluster, any
	// one of its servers. Required.
	URL string `json:"-"`
	// TLS is how to trust a server behind rediss://. Default: the certificates
	// of the system.
	TLS *tls.Config `json:"-"`
	// Prefix starts every key and channel: services that share a Redis need one
	// each. 1 to 64 of A-Z a-z 0-9 _ - . and :. Default "promptmetrics:".
	Prefix string
	// Timeout bounds what a request may wait for Redis, which counts as down when
	// it takes longer. From 1 ms; default 100 ms.
	Timeout time.Duration
	// StartTimeout bounds how long Open waits for a Redis that cannot be reached.
	// Default 5 s.
	StartTimeout time.Duration
	// ContentLife is how long a prompt stays in Redis, in steps of a millisecond.
	// Default 24 h.
	ContentLife time.Duration
	// Logger hears of outages. Default: silence.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Prefix == "" {
		o.Prefix = "promptmetrics:"
	}
	if o.Timeout == 0 {
		o.Timeout = 100 * time.Millisecond
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = 5 * time.Second
	}
	if o.ContentLife == 0 {
		o.ContentLife = 24 * time.Hour
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// goodPrefix has nothing that a pattern of SCAN or a hash tag would take for
// its own.
var goodPrefix = regexp.MustCompile(`^[A-Za-z0-9_.:-]{1,64}$`)

func (o Options) validate() error {
	var faults []string
	if o.Prefix != "" && !goodPrefix.MatchString(o.Prefix) {
		faults = append(faults, "Options.Prefix must be 1 to 64 of A-Z, a-z, 0-9, '_', '-', '.' and ':'")
	}
	for name, value := range map[string]time.Duration{
		"Timeout": o.Timeout, "StartTimeout": o.StartTimeout, "ContentLife": o.ContentLife,
	} {
		if value != 0 && value < time.Millisecond {
			faults = append(faults, "Options."+name+" must be at least a millisecond")
		}
	}
	if _, err := ParseURL(o.URL); err != nil {
		faults = append(faults, "Options.URL (REDIS_URL) "+err.Error())
	}
	if faults != nil {
		return pmerr.Invalid(faults...)
	}
	return nil
}

// Address says where a Redis is.
type Address struct{ options *redis.Options }

var (
	errURL    = errors.New("must look like redis://user:password@host:6379/0, or rediss:// for TLS")
	errNumber = errors.New("must end with the number of a database, such as /0, or with nothing")
	errOption = errors.New("has an option behind the question mark that is not understood")
)

// ParseURL reads a Redis URL. The error completes a sentence that begins with
// the name of an option or variable, and never shows what the URL holds.
func ParseURL(text string) (Address, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "redis" && u.Scheme != "rediss") || u.Hostname() == "" || u.Opaque != "" || u.Fragment != "" {
		return Address{}, errURL
	}
	options, err := redis.ParseURL(text)
	switch {
	case err == nil && options.DB < 0:
		return Address{}, errNumber
	case err == nil:
		return Address{options}, nil
	case u.RawQuery != "":
		u.RawQuery = ""
		if _, err := redis.ParseURL(u.String()); err == nil {
			return Address{}, errOption
		}
	}
	return Address{}, errNumber
}

// String is host and port: what may be shown.
func (a Address) String() string {
	host, port, err := net.SplitHostPort(a.options.Addr)
	if err != nil {
		return a.options.Addr
	}
	return net.JoinHostPort(strings.ToValidUTF8(host, "\uFFFD"), port)
}

// Format shows host and port, however it is printed.
func (a Address) Format(f fmt.State, verb rune) {
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), a.String())
}

// client is how to connect. Nothing is tried twice: a unit must not be taken
// twice, and who may wait tries again itself.
func (a Address) client(o Options) *redis.Options {
	c := *a.options
	if o.TLS != nil && c.TLSConfig != nil {
		c.TLSConfig = o.TLS.Clone()
		if c.TLSConfig.ServerName == "" {
			c.TLSConfig.ServerName = a.options.TLSConfig.ServerName
		}
	}
	c.DialTimeout, c.ReadTimeout, c.WriteTimeout, c.PoolTimeout = connectTimeout, o.Timeout, o.Timeout, o.Timeout
	c.ContextTimeoutEnabled = true
	c.MaxRetries, c.DialerRetries = -1, 1
	c.DisableIdentity = true
	c.ReadBufferSize, c.WriteBufferSize, c.PipelinePoolSize = bufferSize, bufferSize, -1
	c.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &c
}

// cluster is the same for a cluster.
func (a Address) cluster(o Options) *redis.ClusterOptions {
	c := a.client(o)
	return &redis.ClusterOptions{
		Addrs: []string{c.Addr}, Username: c.Username, Password: c.Password, TLSConfig: c.TLSConfig, Protocol: c.Protocol,
		DialTimeout: c.DialTimeout, ReadTimeout: c.ReadTimeout, WriteTimeout: c.WriteTimeout,
		PoolTimeout: c.PoolTimeout, PoolSize: c.PoolSize,
		ReadBufferSize: bufferSize, WriteBufferSize: bufferSize, PipelinePoolSize: -1,
		ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true,
		// Following a slot that has moved is no second try: the first was refused.
		MaxRedirects:             3,
		MaintNotificationsConfig: c.MaintNotificationsConfig,
	}
}

// Format prints options without the password, however they are printed.
func (o Options) Format(f fmt.State, verb rune) {
	type plain Options
	if o.URL != "" {
		o.URL = "[redacted]"
	}
	o.TLS = nil
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}
