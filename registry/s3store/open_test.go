package s3store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/s3server"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
	"github.com/promptmetrics-go/promptmetrics/registry/s3store"
)

// refused opens a store that cannot be opened and gives the one sentence that
// says why.
func refused(tb testing.TB, o s3store.Options) string {
	tb.Helper()
	_, err := s3store.Open(tb.Context(), o)
	require.Error(tb, err)
	require.NotContains(tb, err.Error(), "hunter2")
	e := pmerr.From(err)
	require.Contains(tb, []pmerr.Code{pmerr.Validation, pmerr.Unavailable}, e.Code)
	if len(e.Fields) > 0 {
		require.Len(tb, e.Fields, 1)
		return e.Fields[0]
	}
	return e.Message
}

func TestOpenSaysWhichOptionIsWrong(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/welcome-page/") {
			_, _ = io.WriteString(w, "<!doctype html><title>Welcome</title>")
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(web.Close)
	for name, c := range map[string]struct {
		change func(o *s3store.Options)
		want   string
	}{
		"bucket":                {func(o *s3store.Options) { o.Bucket = "no-such-bucket" }, `Bucket: "no-such-bucket" does not exist at ` + server.Endpoint() + `; make it, or name another (the server said: 404 NoSuchBucket: The specified bucket does not exist)`},
		"region":                {func(o *s3store.Options) { o.Region = "mars-north-1" }, `Region: the bucket is in "eu-test-1", not in "mars-north-1"; name that region (the server said: 400 AuthorizationHeaderMalformed`},
		"access key":            {func(o *s3store.Options) { o.AccessKey = "nobody" }, "AccessKey: is not known at " + server.Endpoint() + "; set a key that is (the server said: "},
		"secret key":            {func(o *s3store.Options) { o.SecretKey = "hunter2" }, "SecretKey: does not belong to the AccessKey; set the one that does (the server said: 403 SignatureDoesNotMatch"},
		"session token":         {func(o *s3store.Options) { o.SessionToken = "hunter2" }, "SessionToken: is not valid, or not any more; get new temporary keys (the server said: 400 InvalidToken"},
		"nobody listens":        {func(o *s3store.Options) { o.Endpoint = "http://127.0.0.1:1" }, "Endpoint: http://127.0.0.1:1 does not answer as S3 does: dial tcp 127.0.0.1:1: connect: connection refused; check the address and the port"},
		"https to http":         {func(o *s3store.Options) { o.Endpoint = "https://" + server.Address() }, "Endpoint: https://" + server.Address() + " does not answer as S3 does: http: server gave HTTP response to HTTPS client; check the address and the port"},
		"a web server":          {func(o *s3store.Options) { o.Endpoint = web.URL }, "Endpoint: " + web.URL + " does not answer as S3 does: 404; check the address and the port"},
		"a friendly web server": {func(o *s3store.Options) { o.Endpoint, o.Bucket = web.URL, "welcome-page" }, "Endpoint: " + web.URL + " does not answer as S3 does: the answer is no listing of a bucket; check"},
		"host names":            {func(o *s3store.Options) { o.Endpoint, o.PathStyle = "http://s3.invalid", false }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := on(server, server.Bucket(t))
			c.change(&o)
			got := refused(t, o)
			require.True(t, strings.HasPrefix(got, c.want), got)
			require.NotContains(t, got, "\n")
		})
	}
	t.Run("a server that is frozen", func(t *testing.T) {
		t.Parallel()
		frozen := s3server.Start(t)
		o := on(frozen, frozen.Bucket(t))
		var err error
		freeze(t, frozen, func(ctx context.Context) error {
			var s *s3store.Store
			if s, err = s3store.Open(ctx, o); err == nil {
				err = s.Close()
			}
			return err
		})
		require.ErrorIs(t, err, pmerr.ErrUnavailable)
		require.ErrorContains(t, err, "Endpoint: "+o.Endpoint+" does not answer as S3 does: no answer in time")
	})
	t.Run("a call that is over", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s3store.Open(ctx, on(server, server.Bucket(t)))
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestOpenRefusesServersThatLackWhatIsNeeded(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	ignores := func(p *proxy, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			w.Header().Set("ETag", `"1"`)
			return
		}
		p.reverse.ServeHTTP(w, r)
	}
	refuses := func(p *proxy, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" {
			answers(501, "NotImplemented")(p, w, r)
			return
		}
		p.reverse.ServeHTTP(w, r)
	}
	for name, c := range map[string]struct {
		method, part string
		do           spoiler
		want         string
	}{
		"conditional writes ignored": {"PUT", "", ignores, "ignores conditional writes (If-None-Match)"},
		"conditional writes refused": {"PUT", "", refuses, "lacks what prompts need (write objects on condition"},
		"a wrong clock":              {"GET", "", answers(403, "RequestTimeTooSkewed"), "The clock of this machine and that of"},
		"a full disk":                {"PUT", "", answers(507, "InsufficientCapacity"), "cannot write objects (s3:PutObject) in bucket"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := between(t, server)
			p.spoil(c.method, c.part, -1, c.do)
			require.Contains(t, refused(t, p.on(server.Bucket(t))), c.want)
		})
	}
}

// policy lets a user do what actions say: in the bucket itself, and with its
// objects.
func policy(tb testing.TB, server *s3server.Server, bucket, user string, actions ...string) {
	tb.Helper()
	type statement struct {
		Effect    string
		Principal map[string][]string
		Action    []string
		Resource  []string
	}
	var statements []statement
	for _, action := range actions {
		resource := "arn:aws:s3:::" + bucket + "/*"
		if action == "s3:ListBucket" {
			resource = "arn:aws:s3:::" + bucket
		}
		statements = append(statements, statement{"Allow", map[string][]string{"AWS": {user}}, []string{action}, []string{resource}})
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	require.NoError(tb, err)
	transport := &http.Transport{DisableKeepAlives: true}
	root, err := minio.New(server.Address(), &minio.Options{
		Creds: credentials.NewStaticV4(s3server.AccessKey, s3server.SecretKey, ""), Region: s3server.Region, Transport: transport,
	})
	require.NoError(tb, err)
	require.NoError(tb, root.SetBucketPolicy(tb.Context(), bucket, string(text)))
}

// The four permissions that docs/storage.md names are all, and none is too much.
func TestPermissions(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	needed := []string{"s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"}
	as := func(t *testing.T, actions ...string) s3store.Options {
		t.Helper()
		o := on(server, server.Bucket(t))
		o.AccessKey, o.SecretKey = server.User(t)
		policy(t, server, o.Bucket, o.AccessKey, actions...)
		return o
	}
	t.Run("are enough", func(t *testing.T) {
		t.Parallel()
		s := open(t, as(t, needed...))
		stored := put(t, s, "welcome", "text")
		put(t, s, "welcome", "text")
		d, err := s.Diff(t.Context(), "")
		require.NoError(t, err)
		reads(t, s, stored.Ref, "text")
		_, err = home(s).Remove(t.Context(), []registry.Key{key("welcome")}, by("Ada"))
		require.NoError(t, err)
		_, err = s.Diff(t.Context(), d.Head)
		require.NoError(t, err)
		require.NoError(t, s.Check(t.Context()))
		_, err = home(s).Read(t.Context(), strings.Repeat("0", 64))
		require.ErrorIs(t, err, pmerr.ErrNotFound)
	})
	for i, missing := range needed {
		t.Run("are needed: "+missing, func(t *testing.T) {
			t.Parallel()
			var others []string
			others = append(append(others, needed[:i]...), needed[i+1:]...)
			got := refused(t, as(t, others...))
			require.Contains(t, got, "AccessKey: has no permission to ")
			require.Contains(t, got, "("+missing+")")
			require.Contains(t, got, "the server said: 403 AccessDenied")
		})
	}
}

func TestOptionsNameTheirFaults(t *testing.T) {
	t.Parallel()
	good := s3store.Options{Endpoint: "http://localhost:9000", Bucket: "prompts", AccessKey: "a", SecretKey: "b"}
	require.NoError(t, good.Validate())
	for name, c := range map[string]struct {
		change func(o *s3store.Options)
		want   string
	}{
		"no bucket":            {func(o *s3store.Options) { o.Bucket = "" }, "Bucket: is empty"},
		"a bucket like a path": {func(o *s3store.Options) { o.Bucket = "../x" }, "Bucket: must be"},
		"a bucket in capitals": {func(o *s3store.Options) { o.Bucket = "Prompts" }, "Bucket: must be"},
		"no region on Amazon":  {func(o *s3store.Options) { o.Endpoint = "" }, "Region: is empty"},
		"a region like a host": {func(o *s3store.Options) { o.Region = "x.example.com/" }, "Region: must be"},
		"no scheme":            {func(o *s3store.Options) { o.Endpoint = "localhost:9000" }, "Endpoint: must be"},
		"another scheme":       {func(o *s3store.Options) { o.Endpoint = "ftp://localhost" }, "Endpoint: must be"},
		"a path":               {func(o *s3store.Options) { o.Endpoint = "http://localhost/bucket" }, "Endpoint: must be"},
		"a password":           {func(o *s3store.Options) { o.Endpoint = "http://u:hunter2@localhost" }, "Endpoint: must be"},
		"a prefix that leaves": {func(o *s3store.Options) { o.Prefix = "a/../../b" }, "Prefix: must be"},
		"an empty folder":      {func(o *s3store.Options) { o.Prefix = "a//b" }, "Prefix: must be"},
		"a backslash":          {func(o *s3store.Options) { o.Prefix = `a\b` }, "Prefix: must be"},
		"a line in a prefix":   {func(o *s3store.Options) { o.Prefix = "a\nb" }, "Prefix: must be"},
		"a prefix of no text":  {func(o *s3store.Options) { o.Prefix = "\xff" }, "Prefix: must be"},
		"half of the keys":     {func(o *s3store.Options) { o.SecretKey = "" }, "AccessKey and SecretKey: only one is set"},
		"a lone token":         {func(o *s3store.Options) { o.AccessKey, o.SecretKey, o.SessionToken = "", "", "hunter2" }, "SessionToken: is set without"},
		"a line in a key":      {func(o *s3store.Options) { o.SecretKey = "hunter2\n" }, "SecretKey: has characters"},
		"time below zero":      {func(o *s3store.Options) { o.Timeout = -1 }, "Timeout: must not"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := good
			c.change(&o)
			require.True(t, strings.HasPrefix(refused(t, o), c.want), refused(t, o))
		})
	}
	t.Run("all at once", func(t *testing.T) {
		t.Parallel()
		require.Len(t, pmerr.From(s3store.Options{Prefix: "..", SecretKey: "x"}.Validate()).Fields, 4)
	})
}

func TestOptionsAreShownWithoutSecrets(t *testing.T) {
	t.Parallel()
	o := s3store.Options{Bucket: "shown", AccessKey: "hunter2-access", SecretKey: "hunter2-secret", SessionToken: "hunter2-token"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		require.NotContains(t, fmt.Sprintf(verb, o), "hunter2")
		require.NotContains(t, fmt.Sprintf(verb, []any{o, &o}), "hunter2")
		require.Contains(t, fmt.Sprintf(verb, o), "shown")
	}
	o.Endpoint, o.Prefix = "https://s3.example.com", "/team/"
	require.Equal(t, "s3://shown/team at https://s3.example.com", o.Address())
	require.Equal(t, "s3://shown at https://s3.cn-north-1.amazonaws.com.cn", s3store.Options{Bucket: "shown", Region: "cn-north-1"}.Address())
}

// Amazon gives containers keys at an address that their environment names.
func TestKeysOfTheRole(t *testing.T) {
	server := s3server.Shared(t)
	asked := make(chan string, 16)
	roles := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Authorization")
		if r.URL.Path != "/role" {
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"AccessKeyId": s3server.AccessKey, "SecretAccessKey": s3server.SecretKey, "Token": "",
			"Expiration": time.Now().Add(time.Hour).UTC(),
		})
	}))
	defer roles.Close()
	o := on(server, server.Bucket(t))
	o.AccessKey, o.SecretKey = "", ""
	t.Setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pass")

	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", roles.URL+"/nobody")
	require.Contains(t, refused(t, o), "AccessKey and SecretKey: none are set, and this machine has no role that gives them: ")
	require.Equal(t, "pass", <-asked)

	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", roles.URL+"/role")
	s := open(t, o)
	put(t, s, "welcome", "text")
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := s3server.Shared(t)
	p := between(t, server)
	secure := httptest.NewUnstartedServer(p)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	o := p.on(server.Bucket(t))
	o.Endpoint = secure.URL
	require.Contains(t, refused(t, o), "x509: certificate signed by unknown authority")

	trusting := secure.Client().Transport.(*http.Transport).Clone()
	t.Cleanup(trusting.CloseIdleConnections)
	o.Transport = trusting
	s := open(t, o)
	stored := put(t, s, "welcome", "text")
	reads(t, s, stored.Ref, "text")
	big := bytes.Repeat([]byte("0123456789"), 1<<20)
	stored, err := home(s).Put(t.Context(), key("big"), big, by("Ada"))
	require.NoError(t, err)
	reads(t, s, stored.Ref, string(big))
	_, err = home(s).Put(t.Context(), key("too-big"), append(big, 'x'), by("Ada"))
	require.ErrorIs(t, err, pmerr.ErrTooLarge)
}
