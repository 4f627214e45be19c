package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// parameters collects a query; what is empty is left out.
type parameters url.Values

func (p parameters) text(name, value string) {
	if value != "" {
		url.Values(p).Set(name, value)
	}
}

func (p parameters) number(name string, value int) {
	if value != 0 {
		p.text(name, strconv.Itoa(value))
	}
}

func (p parameters) time(name string, t timestamp.Time) {
	if !t.IsZero() {
		p.text(name, strconv.FormatInt(t.Unix(), 10))
	}
}

// page adds the page as it was asked for: the server checks it.
func (p parameters) page(r page.Request) {
	p.number("page", r.Page)
	p.number("limit", r.Limit)
	p.text("cursor", r.Cursor)
}

// readPage reads one page of a list.
func readPage[T any](ctx context.Context, l link, path string, q parameters, r page.Request) (page.Of[T], error) {
	q.page(r)
	p, err := read[page.Of[T]](ctx, l, request{method: http.MethodGet, path: path, query: url.Values(q)})
	if err != nil {
		return page.Of[T]{}, err
	}
	if p.Items == nil {
		p.Items = []T{}
	}
	return p, nil
}

// none is the page of a list that cannot have items, such as the versions of
// a prompt without a name: its path would be that of another list.
func none[T any](r page.Request) (page.Of[T], error) {
	r, err := r.Normal()
	if err != nil {
		return page.Of[T]{}, err
	}
	return page.New[T](r, nil, 0, ""), nil
}

// post makes a request with a JSON body.
func post(method, path string, body any) (request, error) {
	data, err := encode(body)
	return request{method: method, path: path, body: data}, err
}
