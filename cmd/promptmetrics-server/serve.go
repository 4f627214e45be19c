package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/httpapi"
	"github.com/promptmetrics-go/promptmetrics/registry/gitstore"
)

// Limits of the HTTP server. There is no limit on writing an answer: an export
// may take as long as it takes.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
	// graceTimeout is how long requests under way may take once the server was
	// asked to stop. What Close needs comes on top, and both fit into 30 s.
	graceTimeout = 18 * time.Second
)

// serve runs the server until the context ends.
func (p *program) serve(ctx context.Context) (err error) {
	c, err := readConfig(readEnvironment(p.lookup))
	if err != nil {
		return err
	}
	listener, err := listen(ctx, c.address)
	if err != nil {
		return err
	}
	log := p.logger(c)
	metrics, err := openMetrics(ctx, c.metrics)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, metrics.close()) }()
	if err := openRedis(ctx, &c, log); err != nil {
		return errors.Join(err, listener.Close())
	}
	defer func() { err = errors.Join(err, closeRedis(c)) }()
	observers, err := p.observers(ctx, c, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	for _, one := range observers {
		c.options.Observers = append(c.options.Observers, one)
	}
	d, err := openData(ctx, c, log)
	if err != nil {
		return errors.Join(err, listener.Close(), finish(ctx, observers))
	}
	metrics.serve(d.Client, log)
	// A signal that comes already now is for answer to take.
	err = p.announce(context.WithoutCancel(ctx), d.Client, c, listener.Addr(), metrics)
	if err == nil {
		err = p.answer(ctx, d.Client, c, listener, metrics.observer())
	}
	err = errors.Join(err, d.Close())
	// What observers could not finish is no fault of the server: they have said
	// what was lost.
	if late := finish(ctx, observers); late != nil {
		log.Warn("stopped without waiting any longer", "error", late)
	}
	return err
}

// answer serves requests until the context ends, and then finishes those that
// are under way.
func (p *program) answer(ctx context.Context, pm *promptmetrics.Client, c config, listener net.Listener, observer httpapi.Observer) error {
	log := p.logger(c)
	server := &http.Server{
		Handler: impatient(httpapi.Handler(pm, httpapi.Options{
			WebhookSecret: c.webhookSecret, TrustProxy: c.trustProxy, Version: version(), Logger: log,
			RequestLog: c.requestLog, Observer: observer,
		}), bodyTimeout),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	// What the start needed, the documents of the API most of all, is garbage
	// now; a server that idles gives it back.
	debug.FreeOSMemory()
	select {
	case err := <-failed:
		return fmt.Errorf("the server cannot accept connections any more: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping: no new connections are accepted, requests under way are finished")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceTimeout)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		log.Warn("requests that would not end were cut off", "after", graceTimeout)
		_ = server.Close() // it closes what Shutdown gave up on; there is nobody left to tell
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// listen opens the port.
func listen(ctx context.Context, at address) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", at.String())
	if err == nil {
		return listener, nil
	}
	return nil, fmt.Errorf("PORT %d on HOST %s cannot be listened on: %w; set PORT or HOST to something else", at.port, at.host, listenReason(err))
}

// listenReason is what the system said, without the call and the address.
func listenReason(err error) error {
	reason := err
	if op, ok := errors.AsType[*net.OpError](err); ok {
		reason = op.Err
	}
	if call, ok := errors.AsType[*os.SyscallError](reason); ok {
		reason = call.Err
	}
	return reason
}

// announce says where the server is, where its data is, and what is missing:
// in one piece, for whoever waits for it.
func (p *program) announce(ctx context.Context, pm *promptmetrics.Client, c config, at net.Addr, metrics *metricsServer) error {
	text := fmt.Sprintf("PromptMetrics listens on %s; %s", c.url(at), c.places()) + metrics.announcement()
	if c.options.APIKeySalt == "" {
		text += fmt.Sprintf("\nThe salt of the API keys is in %s; without it keys are worthless, so keep it with your backups",
			absolute(filepath.Join(c.options.DataDir, "api_key_salt")))
	}
	any, err := pm.HasKeys(ctx)
	if err != nil {
		return err
	}
	if !any {
		with := ""
		if len(c.secrets) > 0 {
			with = ", with the same " + strings.Join(c.secrets, " and ") + " in the environment"
		}
		text += fmt.Sprintf("\nThere is no API key yet. Make one in another terminal%s:\n  %s", with, p.keyCommand(c))
	}
	if c.observing.lines { // which have standard output to themselves
		p.note("%s", text)
	} else {
		p.say("%s", text)
	}
	return nil
}

// url is an address to visit. A wildcard is none, but this machine is there.
func (c config) url(at net.Addr) string {
	host, port, err := net.SplitHostPort(at.String())
	if err != nil {
		return at.String()
	}
	remark := ""
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host, remark = "localhost", " (HOST "+c.host+", every network interface)"
	}
	return "http://" + net.JoinHostPort(host, port) + remark
}

// places says where the data is; parts that lie elsewhere are named.
func (c config) places() string {
	o := c.options
	places := []string{"data in " + absolute(o.DataDir)}
	switch inside := filepath.Join(o.DataDir, "promptmetrics.db"); {
	case o.DatabaseURL != "":
		places = append(places, "database in PostgreSQL")
	case o.SQLitePath != inside:
		places = append(places, "database in "+absolute(o.SQLitePath))
	}
	switch own := o.PromptsPath != filepath.Join(o.DataDir, "prompts.git"); {
	case c.s3 != nil:
		places = append(places, "prompts in "+c.s3.Address())
	case o.GitRemote != nil && own:
		places = append(places, "prompts in "+gitstore.PlainURL(o.GitRemote.URL)+", mirrored in "+absolute(o.PromptsPath))
	case o.GitRemote != nil:
		places = append(places, "prompts in "+gitstore.PlainURL(o.GitRemote.URL))
	case own:
		places = append(places, "prompts in "+absolute(o.PromptsPath))
	}
	if c.redis != nil {
		places = append(places, "limits in Redis at "+c.redis.String())
	}
	return strings.Join(places, ", ")
}

// keyCommand makes a first key when it is pasted into any shell.
func (p *program) keyCommand(c config) string {
	name := p.called
	switch found, err := exec.LookPath(filepath.Base(name)); {
	case err == nil && samePath(found, name):
		name = filepath.Base(name)
	case strings.Contains(name, "go-build"): // go run removes the program when it ends
		name = "go run ./cmd/promptmetrics-server"
	default:
		name = quoted(absolute(name))
	}
	words := append([]string{"cd", quoted(absolute(".")), "&&"}, c.exported...)
	return strings.Join(append(words, name, "create-key --name me --scopes read,write"), " ")
}

func samePath(a, b string) bool {
	if filepath.Base(b) == b { // started through PATH
		return true
	}
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}
