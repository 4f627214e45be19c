// Package page holds what every list speaks: a request for a page, a page of
// things, and the opaque cursor that makes deep paging cost the same as the
// first page.
package page

import (
	"encoding/base64"
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Limits of a page request.
const (
	DefaultLimit = 50
	MaxLimit     = 100
)

// Request asks for one page. The zero value asks for the first 50 things.
type Request struct {
	// Page counts from 1. It is ignored when Cursor is set.
	Page int
	// Limit is the size of a page, 1 to 100.
	Limit int
	// Cursor is the NextCursor of an earlier page of the same list.
	Cursor string
}

// Normal fills the defaults and checks the bounds. It returns a Validation
// error that names page or limit.
func (r Request) Normal() (Request, error) {
	if r.Page == 0 {
		r.Page = 1
	}
	if r.Limit == 0 {
		r.Limit = DefaultLimit
	}
	var faults []string
	if r.Page < 1 || r.Page > 1<<31-1 {
		faults = append(faults, "page must be an integer of at least 1")
	}
	if r.Limit < 1 || r.Limit > MaxLimit {
		faults = append(faults, "limit must be an integer from 1 to 100")
	}
	if faults != nil {
		return r, pmerr.Invalid(faults...)
	}
	return r, nil
}

// Offset is how many things stand before the page. Call it on a normal request.
func (r Request) Offset() int { return (r.Page - 1) * r.Limit }

// Of is one page of a list.
type Of[T any] struct {
	Items      []T    `json:"items"`
	Total      int64  `json:"total"`
	Page       int    `json:"page"`
	Limit      int    `json:"limit"`
	TotalPages int64  `json:"totalPages"`
	NextCursor string `json:"nextCursor,omitempty"`
	// TotalIsLowerBound says that there are at least Total things: exact
	// counts of rare filters over millions of rows are not worth their time.
	TotalIsLowerBound bool `json:"totalIsLowerBound,omitempty"`
}

// New makes the page that answers a normal request. Items are never null in
// JSON. The cursor is empty on the last page.
func New[T any](r Request, items []T, total int64, next string) Of[T] {
	if items == nil {
		items = []T{}
	}
	return Of[T]{
		Items: items, Total: total, Page: r.Page, Limit: r.Limit,
		TotalPages: (total + int64(r.Limit) - 1) / int64(r.Limit),
		NextCursor: next,
	}
}

// Map turns a page of one type into a page of another.
func Map[A, B any](p Of[A], f func(A) B) Of[B] {
	items := make([]B, len(p.Items))
	for i, a := range p.Items {
		items[i] = f(a)
	}
	return Of[B]{
		Items: items, Total: p.Total, Page: p.Page, Limit: p.Limit,
		TotalPages: p.TotalPages, NextCursor: p.NextCursor, TotalIsLowerBound: p.TotalIsLowerBound,
	}
}

// maxCursor bounds what is decoded: a position is a few numbers or one name.
const maxCursor = 1024

// EncodeCursor makes the opaque form of a position in a list. kind tells lists
// apart, so that a cursor of one list is refused by another.
func EncodeCursor(kind string, position any) string {
	raw, err := json.Marshal(cursor{Kind: kind, At: must(json.Marshal(position))})
	return base64.RawURLEncoding.EncodeToString(must(raw, err))
}

// DecodeCursor reads a cursor back into position. A text that is no cursor of
// this kind is a BadRequest error.
func DecodeCursor(kind, text string, position any) error {
	if len(text) > maxCursor {
		return errCursor(nil)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return errCursor(err)
	}
	var c cursor
	if err := json.Unmarshal(raw, &c); err != nil {
		return errCursor(err)
	}
	if c.Kind != kind {
		return errCursor(nil)
	}
	if err := json.Unmarshal(c.At, position); err != nil {
		return errCursor(err)
	}
	// encoding/json forgives what EncodeCursor never writes: null, rows that
	// are too short or too long, members in another case.
	if EncodeCursor(kind, position) != text {
		return errCursor(nil)
	}
	return nil
}

type cursor struct {
	Kind string          `json:"k"`
	At   json.RawMessage `json:"a"`
}

func errCursor(cause error) error {
	return pmerr.New(pmerr.BadRequest, "cursor is not one that this list gave out").Because(cause)
}

// must is for encoding plain numbers and strings, which cannot fail.
func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
