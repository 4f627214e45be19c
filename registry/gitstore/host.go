package gitstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

const (
	headsFolder = "refs/heads/"
	// maxAdvertised bounds the list of refs that a host may send, in bytes.
	maxAdvertised = 32 << 20
	// maxReport bounds its answer to a push.
	maxReport = 1 << 20
	// maxFetch bounds a whole fetch, however lively it is.
	maxFetch = 10 * time.Minute
)

// host is a repository on a git host: the exchanges of git's protocol, each
// bounded in time and size. They must not happen side by side.
type host struct {
	remote   Remote
	endpoint *transport.Endpoint
	client   transport.Transport
	auth     transport.AuthMethod
	wire     *wire
	gate     *gate
	now      func() time.Time
	// pushes are the capabilities of git-receive-pack, once known.
	pushes *capability.List
}

func newHost(r Remote, now func() time.Time) (*host, error) {
	address, repository := r.URL, pathOfDisk(r.URL)
	if repository != "" {
		address = "http://localhost/repository"
	}
	endpoint, err := transport.NewEndpoint(address)
	if err != nil {
		return nil, err
	}
	h := &host{remote: r, endpoint: endpoint, gate: &gate{now: now}, now: now, wire: newWire(r, now)}
	if repository != "" {
		h.wire.base = disk{repository}
	}
	if r.Token != "" {
		h.auth = &githttp.BasicAuth{Username: r.Username, Password: r.Token}
	}
	h.client = githttp.NewClient(&http.Client{Transport: h.wire, CheckRedirect: h.redirect})
	return h, nil
}

// redirect follows the host's redirects within the host. Another host, or
// another port of it, is somebody else, whom the operator has to name himself;
// and what is encrypted stays so, as the token goes along.
func (h *host) redirect(to *http.Request, via []*http.Request) error {
	from := via[len(via)-1].URL
	same := from.Scheme == to.URL.Scheme && strings.EqualFold(from.Host, to.URL.Host)
	secured := from.Scheme == "http" && to.URL.Scheme == "https" && strings.EqualFold(from.Hostname(), to.URL.Hostname())
	if !same && !secured {
		return &hostFault{
			redirected: true,
			said:       "the repository is at " + saying(PlainURL(to.URL.String()), h.remote.Token) + " now",
		}
	}
	return nil
}

func (h *host) close() { h.wire.close() }

// exchange runs one exchange through the gate. Cancelling it says nothing of
// the host.
func (h *host) exchange(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	if err := h.gate.enter(); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeoutCause(ctx, limit, errSilent)
	defer cancel()
	err := guarded(bounded, do)
	if err != nil {
		if bounded.Err() != nil {
			if err = context.Cause(bounded); ctx.Err() != nil {
				return err
			}
		}
		err = faultOfTransport(err, h.remote.Token)
	}
	h.gate.leave(err)
	return err
}

// guarded turns a panic into a fault: hostile bytes may find one in a parser
// that is not ours.
func guarded(ctx context.Context, do func(context.Context) error) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = &hostFault{said: "the answer cannot be read", cause: fmt.Errorf("panic: %v", broken)}
		}
	}()
	return do(ctx)
}

// refs are the branches of a repository and what its HEAD names.
type refs struct {
	branches map[string]plumbing.Hash // by full name
	head     string
}

// list asks for the refs.
func (h *host) list(ctx context.Context) (found refs, err error) {
	err = h.exchange(ctx, h.remote.Timeout, func(ctx context.Context) error {
		session, err := h.client.NewUploadPackSession(h.endpoint, h.auth)
		if err != nil {
			return err
		}
		defer func() { _ = session.Close() }()
		advertised, err := session.AdvertisedReferencesContext(allow(ctx, maxAdvertised))
		if errors.Is(err, transport.ErrEmptyRemoteRepository) {
			return nil
		}
		if err != nil {
			return err
		}
		found.branches = map[string]plumbing.Hash{}
		for name, hash := range advertised.References {
			if strings.HasPrefix(name, headsFolder) {
				found.branches[name] = hash
			}
		}
		for _, pair := range advertised.Capabilities.Get(capability.SymRef) {
			if from, to, _ := strings.Cut(pair, ":"); from == "HEAD" && plainBranch(to) {
				found.head = to
			}
		}
		return nil
	})
	return found, err
}

// prepare asks what the host can do in a push, which it tells only to who may
// push.
func (h *host) prepare(ctx context.Context) error {
	return h.exchange(ctx, h.remote.Timeout, func(ctx context.Context) error {
		session, err := h.client.NewReceivePackSession(h.endpoint, h.auth)
		if err != nil {
			return err
		}
		defer func() { _ = session.Close() }()
		advertised, err := session.AdvertisedReferencesContext(allow(ctx, maxAdvertised))
		if err != nil {
			return err
		}
		h.pushes = advertised.Capabilities
		return nil
	})
}

// fetch writes the pack that leads from the haves to a commit into a file.
func (h *host) fetch(ctx context.Context, want plumbing.Hash, haves []plumbing.Hash, to *os.File) error {
	return h.exchange(ctx, maxFetch, func(ctx context.Context) error {
		session, err := h.client.NewUploadPackSession(h.endpoint, h.auth)
		if err != nil {
			return err
		}
		defer func() { _ = session.Close() }()
		request := packp.NewUploadPackRequest()
		request.Wants, request.Haves = []plumbing.Hash{want}, haves
		// No thin packs: a pack must be whole without the mirror's objects.
		for _, c := range []capability.Capability{capability.OFSDelta, capability.Sideband64k, capability.NoProgress} {
			if err := request.Capabilities.Set(c); err != nil {
				return err
			}
		}
		answer, err := session.UploadPack(allow(ctx, h.remote.MaxPack+maxAdvertised), request)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Close() }()
		pack := sideband.NewDemuxer(sideband.Sideband64k, answer)
		n, err := io.Copy(to, io.LimitReader(pack, h.remote.MaxPack+1))
		if err == nil && n > h.remote.MaxPack {
			err = &hostFault{said: fmt.Sprintf("the fetch brings more than %d MiB, the limit of Remote.MaxPack", h.remote.MaxPack>>20)}
		}
		return err
	})
}

// refUpdate is one ref of a push.
type refUpdate struct {
	name     string
	from, to plumbing.Hash
}

// refusedError says that the host has understood a push and refused it, wholly.
type refusedError struct{ said string }

func (e *refusedError) Error() string { return "the git host refused the push: " + e.said }

// pushing is what a push is made of.
type pushing struct {
	updates []refUpdate
	// pack is the path of the pack; empty if the host has all objects.
	pack string
	// apart lets each ref move by itself, instead of all or none.
	apart bool
}

// emptyPack is the pack of a push that brings no objects.
const emptyPack = "PACK\x00\x00\x00\x02\x00\x00\x00\x00" +
	"\x02\x9d\x08\x82\x3b\xd8\xa8\xea\xb5\x10\xad\x6a\xc7\x5c\x82\x3c\xfd\x3e\xd3\x1e"

func (p pushing) open() (io.ReadCloser, int64, error) {
	if p.pack == "" {
		return io.NopCloser(strings.NewReader(emptyPack)), int64(len(emptyPack)), nil
	}
	f, err := os.Open(p.pack)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// push sends a pack and moves refs. A refusedError says that nothing has
// changed, or not everything if the refs move apart; after any other error that
// is unknown.
func (h *host) push(ctx context.Context, p pushing) error {
	if h.pushes == nil {
		if err := h.prepare(ctx); err != nil {
			return err
		}
	}
	pack, size, err := p.open()
	if err != nil {
		return err
	}
	defer func() { _ = pack.Close() }()
	limit := h.remote.Timeout + time.Duration(size>>18)*time.Second // 256 KiB/s at least
	var refused error
	err = h.exchange(ctx, limit, func(ctx context.Context) error {
		session, err := h.client.NewReceivePackSession(h.endpoint, h.auth)
		if err != nil {
			return err
		}
		defer func() { _ = session.Close() }()
		var progress bytes.Buffer
		request, err := h.request(p, &progress)
		if err != nil {
			return err
		}
		request.Packfile = pack
		report, err := session.ReceivePack(patient(allow(ctx, maxReport), limit), request)
		if report == nil || report.UnpackStatus == "" {
			if err == nil {
				err = io.ErrUnexpectedEOF // the host hung up without a report
			}
			return err
		}
		refused, err = h.verdict(report, p.updates, progress.String())
		return err
	})
	if err == nil {
		err = refused
	}
	return err
}

func (h *host) request(p pushing, progress *bytes.Buffer) (*packp.ReferenceUpdateRequest, error) {
	request := packp.NewReferenceUpdateRequest()
	want := []capability.Capability{capability.ReportStatus}
	for _, c := range []capability.Capability{capability.Sideband64k, capability.Quiet, capability.Atomic} {
		if h.pushes.Supports(c) && (c != capability.Atomic || len(p.updates) > 1 && !p.apart) {
			want = append(want, c)
		}
	}
	for _, c := range want {
		if err := request.Capabilities.Set(c); err != nil {
			return nil, err
		}
	}
	if err := request.Capabilities.Set(capability.Agent, "promptmetrics"); err != nil {
		return nil, err
	}
	request.Progress = &limited{to: progress, left: maxFault}
	for _, u := range p.updates {
		request.Commands = append(request.Commands, &packp.Command{Name: plumbing.ReferenceName(u.name), Old: u.from, New: u.to})
	}
	return request, nil
}

// atomic tells whether the host moves several refs together or not at all.
func (h *host) atomic() bool { return h.pushes != nil && h.pushes.Supports(capability.Atomic) }

// verdict reads the report of a push.
func (h *host) verdict(report *packp.ReportStatus, updates []refUpdate, progress string) (refused, err error) {
	if report.UnpackStatus != "ok" {
		return &refusedError{h.heard(report.UnpackStatus, progress)}, nil
	}
	done := 0
	for _, status := range report.CommandStatuses {
		if !slices.ContainsFunc(updates, func(u refUpdate) bool { return u.name == string(status.ReferenceName) }) {
			continue
		}
		if status.Status != "ok" {
			return &refusedError{h.heard(status.Status, progress)}, nil
		}
		done++
	}
	if done != len(updates) {
		return nil, io.ErrUnexpectedEOF // a report that is silent on a ref
	}
	return nil, nil
}

// heard joins what the host says about a refusal: its reason, and the first
// line of what a hook of it has printed.
func (h *host) heard(reason, progress string) string {
	text := saying(reason, h.remote.Token)
	for line := range strings.Lines(progress) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "error: ")
		if line = saying(line, h.remote.Token); line != "" {
			return text + " (" + line + ")"
		}
	}
	return text
}
