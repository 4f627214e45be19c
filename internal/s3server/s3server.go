package s3server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
)

// What every server of this package has.
const (
	Region    = "eu-test-1"
	AccessKey = "test-access-key"
	SecretKey = "test-secret-key-0123456789"
)

// startLimit bounds what is done with a server outside a test.
const startLimit = time.Minute

// Server is a running S3 server. The embedded one halts, resumes, kills,
// freezes and thaws it; what it has acknowledged stays.
type Server struct {
	*testserver.Server
	program, folder string
}

// Start starts a server that ends with the test. The test is skipped, or in CI
// failed, where versitygw is not installed.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := start(tb.Context(), tb.TempDir())
	if errors.Is(err, errNotInstalled) {
		testserver.Missing(tb, "versitygw")
	}
	require.NoError(tb, err)
	tb.Cleanup(s.Kill)
	return s
}

// shared is the one server of the test process.
var shared struct {
	ready  bool
	once   sync.Once
	server *Server
	folder string
	err    error
}

// Main runs the tests of a package, ends the server that they have shared, if
// any, and gives the status to exit with. It is for TestMain.
func Main(m *testing.M) int {
	shared.ready = true
	defer func() {
		if shared.server != nil {
			shared.server.Kill()
		}
		if shared.folder != "" {
			_ = os.RemoveAll(shared.folder)
		}
	}()
	return m.Run()
}

// Shared gives the server of the test process, which the first caller starts.
// Take a bucket of your own on it, and start one of your own to halt it. The
// package needs Main.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	if !shared.ready {
		tb.Fatal("the package needs func TestMain(m *testing.M) { os.Exit(s3server.Main(m)) }")
	}
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startLimit)
		defer cancel()
		if shared.folder, shared.err = os.MkdirTemp("", "promptmetrics-s3-*"); shared.err == nil {
			shared.server, shared.err = start(ctx, shared.folder)
		}
	})
	if errors.Is(shared.err, errNotInstalled) {
		testserver.Missing(tb, "versitygw")
	}
	require.NoError(tb, shared.err)
	return shared.server
}

// Endpoint is the server's address, such as http://127.0.0.1:20000.
func (s *Server) Endpoint() string { return "http://" + s.Address() }

// Bucket makes an empty bucket, named at random.
func (s *Server) Bucket(tb testing.TB) string {
	tb.Helper()
	name := "bucket-" + strings.ToLower(rand.Text())
	require.NoError(tb, os.Mkdir(s.Folder(name), 0o700))
	return name
}

// Folder is where a bucket's objects lie as files. The server has their
// metadata in extended attributes.
func (s *Server) Folder(bucket string) string { return filepath.Join(s.folder, "buckets", bucket) }

// User makes a user who may do nothing until the policy of a bucket allows it.
func (s *Server) User(tb testing.TB) (access, secret string) {
	tb.Helper()
	access, secret = "user-"+strings.ToLower(rand.Text()), rand.Text()
	cmd := exec.CommandContext(tb.Context(), s.program, "admin", "--endpoint-url", s.Endpoint(), "--region", Region,
		"create-user", "--access", access, "--secret", secret, "--role", "user")
	cmd.Env = append(cmd.Environ(), "ADMIN_ACCESS_KEY_ID="+AccessKey, "ADMIN_SECRET_ACCESS_KEY="+SecretKey)
	said, err := cmd.CombinedOutput()
	require.NoError(tb, err, "%s", said)
	return access, secret
}

func start(ctx context.Context, folder string) (*Server, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	s := &Server{program: program, folder: folder}
	users := filepath.Join(folder, "users")
	if err := errors.Join(os.MkdirAll(s.Folder(""), 0o700), os.MkdirAll(users, 0o700)); err != nil {
		return nil, err
	}
	s.Server, err = testserver.Start(ctx, testserver.Spec{
		Name: "versitygw", Folder: folder, Ready: answers,
		Command: func(port int) *exec.Cmd {
			//nolint:noctx // the server outlives the call that starts it.
			cmd := exec.Command(program, "--port", fmt.Sprintf("127.0.0.1:%d", port), "--region", Region,
				"--iam-dir", users, "--quiet", "--keep-alive", "posix", s.Folder(""))
			cmd.Env = append(cmd.Environ(), "ROOT_ACCESS_KEY="+AccessKey, "ROOT_SECRET_KEY="+SecretKey)
			return cmd
		},
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// answers tells that S3 is spoken at an address; who may do what is not asked.
func answers(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		return err
	}
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.Header.Get("X-Amz-Request-Id") == "" {
		return errors.New("something else listens there")
	}
	return nil
}

var errNotInstalled = errors.New("versitygw is not installed: run scripts/install.sh")

// find gives the program: the one on the PATH, else that of scripts/install.sh,
// which puts it into the folder of the module.
func find() (string, error) {
	const name = "versitygw"
	if found, err := exec.LookPath(name); err == nil {
		return filepath.Abs(found)
	}
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			program := filepath.Join(folder, ".tools", "bin", name)
			if _, err := os.Stat(program); err != nil {
				return "", errNotInstalled
			}
			return program, nil
		}
		above := filepath.Dir(folder)
		if above == folder {
			return "", errNotInstalled
		}
		folder = above
	}
}
