package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/page"
)

// newest orders a query newest first and reads one page of it. Rows have the
// columns created_at and id, and an index on them.
func newest[T any](ctx context.Context, q *bun.SelectQuery, rows *[]T, r page.Request, kind string, key func(T) [2]int64) (next string, err error) {
	q = q.OrderExpr("created_at DESC, id DESC").Limit(int64(r.Limit + 1))
	if r.Cursor != "" {
		var at [2]int64
		if err := page.DecodeCursor(kind, r.Cursor, &at); err != nil {
			return "", err
		}
		q = q.Where("(created_at, id) < (?, ?)", at[0], at[1])
	} else {
		q = q.Offset(int64(r.Offset()))
	}
	if err := q.Scan(ctx); err != nil {
		return "", err
	}
	*rows, next = cutPage(*rows, r, kind, func(row T) any { return key(row) })
	return next, nil
}

// byID orders a query by the column id, which grows with time, and reads one
// page of it: newest first, or in the order in which things came.
func byID[T any](ctx context.Context, q *bun.SelectQuery, rows *[]T, r page.Request, kind string, newestFirst bool, key func(T) int64) (next string, err error) {
	order, beyond := "id ASC", "id > ?"
	if newestFirst {
		order, beyond = "id DESC", "id < ?"
	}
	q = q.OrderExpr(order).Limit(int64(r.Limit + 1))
	if r.Cursor != "" {
		var at int64
		if err := page.DecodeCursor(kind, r.Cursor, &at); err != nil {
			return "", err
		}
		q = q.Where(beyond, at)
	} else {
		q = q.Offset(int64(r.Offset()))
	}
	if err := q.Scan(ctx); err != nil {
		return "", err
	}
	*rows, next = cutPage(*rows, r, kind, func(row T) any { return key(row) })
	return next, nil
}

// byName orders a query by a text column that is unique in it.
func byName[T any](ctx context.Context, q *bun.SelectQuery, rows *[]T, r page.Request, kind, column string, key func(T) string) (next string, err error) {
	q = q.OrderExpr("? ASC", bun.Ident(column)).Limit(int64(r.Limit + 1))
	if r.Cursor != "" {
		var at string
		if err := page.DecodeCursor(kind, r.Cursor, &at); err != nil {
			return "", err
		}
		q = q.Where("? > ?", bun.Ident(column), at)
	} else {
		q = q.Offset(int64(r.Offset()))
	}
	if err := q.Scan(ctx); err != nil {
		return "", err
	}
	*rows, next = cutPage(*rows, r, kind, func(row T) any { return key(row) })
	return next, nil
}

// maxCount bounds how many rows are counted for the total of a filtered list.
const maxCount = 100_000

// count counts the rows of a query, but not beyond maxCount: then the total is
// a lower bound.
func count(ctx context.Context, s *db.Scope, q *bun.SelectQuery) (total int64, bounded bool, err error) {
	err = s.Tx().NewSelect().ColumnExpr("count(*)").TableExpr("(?) AS found", q.ColumnExpr("1").Limit(maxCount)).Scan(ctx, &total)
	return total, total == maxCount, err
}

// between keeps rows of a span of time, in microseconds; zero is unbounded.
func between(q *bun.SelectQuery, from, to int64) *bun.SelectQuery {
	if from != 0 {
		q = q.Where("created_at >= ?", from)
	}
	if to != 0 {
		q = q.Where("created_at < ?", to)
	}
	return q
}
