package query

import (
	"time"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// Listing holds the parameters of every list. It is embedded in the input of
// an operation, and exported because only such embedded structs are filled.
type Listing struct {
	Page   int    `query:"page" minimum:"1" doc:"Counts from 1; ignored when cursor is given. Default 1."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" doc:"Items on a page. Default 50."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"nextCursor of an earlier page, for deep paging at constant cost."`
}

// Request is the page that is asked for.
func (l Listing) Request() page.Request {
	return page.Request{Page: l.Page, Limit: l.Limit, Cursor: l.Cursor}
}

// Period holds the parameters of lists that can be cut to a period of time.
type Period struct {
	From int64 `query:"from" minimum:"0" maximum:"253402300799" doc:"First Unix second."`
	To   int64 `query:"to" minimum:"1" maximum:"253402300799" doc:"First Unix second that is left out."`
}

// Bounds gives the period as filters want it: zero is unbounded.
func (p Period) Bounds() (from, to timestamp.Time) {
	if p.From != 0 {
		from = timestamp.Of(time.Unix(p.From, 0))
	}
	if p.To != 0 {
		to = timestamp.Of(time.Unix(p.To, 0))
	}
	return from, to
}
