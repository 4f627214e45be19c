package s3store

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// Store keeps the prompt files of all workspaces in one bucket. It is safe for
// concurrent use, also by several processes.
type Store struct {
	bucket bucket
	log    *slog.Logger
	now    func() time.Time
	idle   func() // lets go of idle connections
	closed atomic.Bool

	mu sync.Mutex
	// last is the state that was compared last; nil before the first time.
	last *state
	// fresh are the objects that this process has written since, by path.
	fresh map[string]written
}

// written is what is known of an object that this process wrote.
type written struct{ etag, ref string }

var _ registry.ContentStore = (*Store)(nil)

// openTimeout bounds the opening.
const openTimeout = 8 * time.Second

// Open opens a bucket and tries all that the store will do there. What is wrong
// is a validation error that names the option, or pmerr.ErrUnavailable if the
// server cannot be reached or is down; both come within 8 s and say what the
// server said. ctx bounds the opening only; Close ends the store.
func Open(ctx context.Context, options Options) (*Store, error) {
	if err := options.Validate(); err != nil {
		return nil, err
	}
	o := options.withDefaults()
	if err := ctx.Err(); err != nil {
		return nil, o.refusal("open", err)
	}
	s, err := newStore(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := s.try(ctx, o); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newStore(o Options) (*Store, error) {
	s := &Store{log: o.Logger, now: o.Now, idle: func() {}, fresh: map[string]written{}}
	transport := o.Transport
	if transport == nil {
		own := ownTransport()
		transport, s.idle = own, own.CloseIdleConnections
	}
	address, err := url.Parse(o.Endpoint)
	if err != nil {
		return nil, pmerr.Invalid("Endpoint: must be an address such as https://s3.example.com").Because(err)
	}
	lookup := minio.BucketLookupDNS
	if o.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.NewCore(address.Host, &minio.Options{
		Creds: o.credentials(), Secure: address.Scheme == "https", Transport: listingGuard{transport}, Region: o.Region,
		BucketLookup: lookup,
		MaxRetries:   1, // bucket.do repeats, within its own bounds
	})
	if err != nil {
		return nil, pmerr.Invalid("Endpoint: " + o.Endpoint + " is no address of S3: " + plain(err.Error())).Because(err)
	}
	client.SetAppInfo("promptmetrics", "1")
	s.bucket = bucket{
		client: *client, name: o.Bucket, prefix: o.Prefix,
		request: o.RequestTimeout, total: o.Timeout, attempts: o.Attempts,
	}
	return s, nil
}

// credentials are the given keys, or those of the machine's role.
func (o Options) credentials() *credentials.Credentials {
	if o.AccessKey != "" {
		return credentials.NewStaticV4(o.AccessKey, o.SecretKey, o.SessionToken)
	}
	// Its own client: where roles are asked for is no S3, and mostly no proxy's
	// business.
	return credentials.New(role{&credentials.IAM{
		Region: o.Region,
		Client: &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{Proxy: outside, DisableKeepAlives: true}},
	}})
}

// outside sends requests through the proxy, if there is one, but for those to
// addresses of the machine itself.
func outside(r *http.Request) (*url.URL, error) {
	if ip := net.ParseIP(r.URL.Hostname()); ip != nil && (ip.IsLinkLocalUnicast() || ip.IsLoopback() || ip.IsPrivate()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

// role tells failures to get keys from failures to use them.
type role struct{ *credentials.IAM }

// Retrieve implements credentials.Provider.
func (r role) Retrieve() (credentials.Value, error) { return r.RetrieveWithCredContext(nil) }

// RetrieveWithCredContext implements credentials.Provider.
func (r role) RetrieveWithCredContext(c *credentials.CredContext) (credentials.Value, error) {
	value, err := r.IAM.RetrieveWithCredContext(c)
	if err != nil {
		return credentials.Value{}, credentialError{err}
	}
	return value, nil
}

// try does once what the store will do, and learns whether the server keeps a
// conditional write from writing over an object.
func (s *Store) try(ctx context.Context, o Options) error {
	if err := s.listable(ctx); err != nil {
		return o.refusal("list objects (s3:ListBucket)", err)
	}
	key, text := checkFolder+rand.Text(), checkText()
	if _, err := s.bucket.put(ctx, key, text, writing{kind: plainText}); err != nil {
		return o.refusal("write objects (s3:PutObject)", err)
	}
	if _, _, err := s.bucket.get(ctx, key, len(text), same(text)); err != nil {
		return o.refusal("read objects (s3:GetObject)", err)
	}
	_, over := s.bucket.put(ctx, key, text, writing{kind: plainText, fresh: true})
	if err := s.bucket.remove(ctx, key); err != nil {
		return o.refusal("delete objects (s3:DeleteObject)", err)
	}
	switch {
	case over == nil:
		return pmerr.Invalid("Endpoint: " + o.Endpoint + " ignores conditional writes (If-None-Match), so that nodes could write over each other's versions: use a server that has them")
	case !errors.Is(over, errExists):
		return o.refusal("write objects on condition (s3:PutObject with If-None-Match)", over)
	}
	return nil
}

// Close ends the store. Calls that come later fail as unavailable.
func (s *Store) Close() error {
	s.closed.Store(true)
	s.idle()
	return nil
}

// Driver names the kind of store, for the health report.
func (s *Store) Driver() string { return "s3" }

// Address names the bucket for people, such as s3://prompts/team at
// https://s3.example.com.
func (o Options) Address() string {
	o = o.withDefaults()
	return strings.TrimSuffix("s3://"+o.Bucket+"/"+o.Prefix, "/") + " at " + o.Endpoint
}

// Workspace binds the store to a workspace. The zero ID panics.
func (s *Store) Workspace(id workspace.ID) registry.Content {
	_ = id.String()
	return &content{s, id}
}

// open fails once the store is closed or the call is over.
func (s *Store) open(ctx context.Context, verb string) error {
	if s.closed.Load() {
		return pmerr.New(pmerr.Unavailable, "The prompt store is closed")
	}
	if err := ctx.Err(); err != nil {
		return unavailable(verb, err)
	}
	return nil
}
