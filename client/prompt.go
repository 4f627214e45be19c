package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// The pause between a refresh that failed and the next: a server that is down
// is asked now and then, not with every Get.
const (
	refreshPause    = 5 * time.Second
	maxRefreshPause = 5 * time.Minute
)

// Get implements [registry.Prompts]. The file comes from the cache or from the
// server and is rendered here. Entry.Source tells how current it is.
func (r *Registry) Get(ctx context.Context, name string, q registry.Query) (registry.Entry, error) {
	switch {
	case q.Version != "" && q.Label != "":
		return registry.Entry{}, pmerr.New(pmerr.BadRequest, "version and label cannot be given together")
	case name == "":
		return registry.Entry{}, missingPrompt()
	}
	key := selector{subject{r.link.workspace, name}, q.Version, q.Label}
	f, source, err := r.file(ctx, key)
	if err != nil {
		return registry.Entry{}, err
	}
	e := registry.Entry{Version: f.version, Source: source}
	if q.Raw {
		e.Content = f.prompt
		e.Content.Messages = slices.Clone(f.prompt.Messages)
		return e, nil
	}
	if f.fault != nil {
		return registry.Entry{}, f.fault
	}
	e.Content, err = f.template.Render(q.Variables)
	if err != nil {
		return registry.Entry{}, err
	}
	return e, nil
}

// file finds a prompt file: from the cache, else from the server, else from
// the fallback.
func (r *Registry) file(ctx context.Context, key selector) (*file, registry.Source, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", ended(fileRequest(key.name, key.version, key.label, ""), err)
	}
	v := r.cache.lookup(key)
	if v.mine {
		r.fly(ctx, key, v.flight, v.file)
	}
	if v.file != nil {
		return v.file, v.source, nil
	}
	return r.await(ctx, key, v.flight)
}

// await waits for a flight as long as the caller does. When the server is
// silent and the program carries the prompt, that is taken meanwhile.
func (r *Registry) await(ctx context.Context, key selector, f *flight) (*file, registry.Source, error) {
	var impatient <-chan time.Time
	if r.fallback.any() {
		t := time.NewTimer(r.patience)
		defer t.Stop()
		impatient = t.C
	}
	for {
		select {
		case <-f.done:
			if f.err != nil {
				return nil, "", f.err
			}
			if f.file.carried {
				return f.file, registry.Fallback, nil
			}
			return f.file, registry.Fresh, nil
		case <-ctx.Done():
			return nil, "", ended(fileRequest(key.name, key.version, key.label, ""), ctx.Err())
		case <-impatient:
			if carried := r.fallback.find(key); carried != nil {
				r.cache.offer(key, f, carried)
				return carried, registry.Fallback, nil
			}
			impatient = nil
		}
	}
}

// fly fetches a file in the background. base is the file that is cached, or nil.
func (r *Registry) fly(ctx context.Context, key selector, f *flight, base *file) {
	if !r.crew.start(ctx, func(ctx context.Context) { r.fetch(ctx, key, f, base) }) {
		r.cache.fail(key, f, errClosed(), refreshPause)
	}
}

// fetch is a flight: it asks the server and settles what the cache holds.
func (r *Registry) fetch(ctx context.Context, key selector, f *flight, base *file) {
	v, err := r.download(ctx, key, base)
	if err == nil {
		r.cache.land(key, f, v)
		return
	}
	if r.crew.life.Err() != nil {
		r.cache.fail(key, f, errClosed(), refreshPause)
		return
	}
	if verdict(err) {
		if base != nil {
			r.report(ctx, "promptmetrics: the server refuses a cached prompt", key, err)
		}
		r.cache.deny(key, f, err)
		return
	}
	pause := pauseAfter(err, r.cache.ttl)
	if base == nil && outage(err) {
		if carried := r.fallback.find(key); carried != nil {
			r.report(ctx, "promptmetrics: the server cannot be reached, using the fallback", key, err)
			r.cache.lend(key, f, carried, pause)
			return
		}
	}
	if base != nil {
		r.report(ctx, "promptmetrics: a prompt could not be refreshed", key, err)
	}
	r.cache.fail(key, f, err, pause)
}

// pauseAfter says when to refresh again after an error.
func pauseAfter(err error, ttl time.Duration) time.Duration {
	pause := min(refreshPause, max(ttl, 0))
	if e, ok := errors.AsType[*pmerr.Error](err); ok {
		pause = max(pause, min(e.RetryAfter, maxRefreshPause))
	}
	return pause
}

func (r *Registry) report(ctx context.Context, message string, key selector, err error) {
	r.log.LogAttrs(ctx, slog.LevelWarn, message,
		slog.String("workspace", key.workspace), slog.String("prompt", clip(key.name, 200)),
		slog.String("version", clip(key.version, 200)), slog.String("label", clip(key.label, 200)), slog.Any("error", err))
}

// download asks the server for a file. When it still is base, base comes back.
func (r *Registry) download(ctx context.Context, key selector, base *file) (*file, error) {
	etag := ""
	if base != nil { // a carried file has none
		etag = base.etag
	}
	q := fileRequest(key.name, key.version, key.label, etag)
	a, err := r.link.do(ctx, q)
	switch {
	case err != nil:
		return nil, err
	case a.status == http.StatusNotModified:
		return base, nil
	}
	var e registry.Entry
	if err := decode(q, a, &e); err != nil {
		return nil, err
	}
	f := newFile(e.Content, e.Version, r.limits)
	if tag := a.header.Get("ETag"); len(tag) <= 256 {
		f.etag = tag
	}
	return f, nil
}

func newFile(p registry.Prompt, v registry.Version, limits registry.Limits) *file {
	f := &file{prompt: p, version: v}
	f.template, f.fault = registry.Compile(p, limits)
	return f
}

// fileRequest asks for a prompt file as it is.
func fileRequest(name, version, label, etag string) request {
	q := parameters{}
	q.text("render", "false")
	q.text("version", version)
	q.text("label", label)
	return request{method: http.MethodGet, path: promptPath(name), query: url.Values(q), etag: etag}
}
