package db

import (
	"strconv"
	"strings"
	"time"
)

// rebind turns "?" placeholders into PostgreSQL's "$1". The texts are our own
// constants and hold no quoted question mark.
func rebind(d Dialect, query string) string {
	if d != PostgreSQL {
		return query
	}
	var b strings.Builder
	n := 0
	for {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		n++
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		query = after
	}
}

// tableTag finds the table in a tag such as `table:pm_logs,alias:l`.
func tableTag(tag string) string {
	for part := range strings.SplitSeq(tag, ",") {
		if name, ok := strings.CutPrefix(part, "table:"); ok {
			return name
		}
	}
	return ""
}

// MemberEquals is the condition that a top-level member of a JSON text column
// has a value; its two placeholders are key and value. Texts are compared as
// they are, anything else by its JSON text. The column must not be called
// value.
func (t *Tx) MemberEquals(column string) string {
	if t.db.dialect == PostgreSQL {
		return "(" + column + "::json ->> ?) = ?" // jsonb would rewrite numbers
	}
	return "EXISTS (SELECT 1 FROM json_each(" + column + ") AS member WHERE member.key = ? AND " +
		"CASE member.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' " +
		"WHEN 'integer' THEN " + column + " -> member.fullkey WHEN 'real' THEN " + column + " -> member.fullkey " +
		"ELSE member.value END = ?)"
}

// Micros is how a time is stored: integer microseconds since 1970, UTC.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// Time reads a stored time.
func Time(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// Clock is the expression for the time of the database, in stored microseconds:
// the one clock that all processes on it share.
func (t *Tx) Clock() string {
	if t.db.dialect == PostgreSQL {
		return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
	}
	return "CAST(unixepoch('now', 'subsec') * 1000000 AS BIGINT)"
}
