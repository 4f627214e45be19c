package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/timestamp"
)

// print writes JSON for people and for jq.
func (p *program) print(v any) error {
	encoder := json.NewEncoder(p.out)
	encoder.SetEscapeHTML(false) // prompts are full of "<" and "&"
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// list is a list of things, and how many there are on the server.
type list[T any] struct {
	Items []T   `json:"items"`
	Total int64 `json:"total"`
}

// collect pages through a list until it has limit things, or all with 0.
func collect[T any](ctx context.Context, limit int, fetch func(context.Context, page.Request) (page.Of[T], error)) (list[T], error) {
	all := list[T]{Items: []T{}}
	for request := (page.Request{Limit: page.MaxLimit}); ; {
		if limit > 0 {
			request.Limit = min(page.MaxLimit, limit-len(all.Items))
		}
		found, err := fetch(ctx, request)
		if err != nil {
			return all, err
		}
		all.Items = append(all.Items, found.Items...)
		all.Total = found.Total
		if found.NextCursor == "" || len(found.Items) == 0 || (limit > 0 && len(all.Items) >= limit) {
			return all, nil
		}
		request.Cursor = found.NextCursor
	}
}

// tabulate prints a list: as a table, or as JSON if that was asked for. things
// is their name, for when there are none.
func tabulate[T any](p *program, all list[T], things, header string, row func(T) []string) error {
	if p.json {
		return p.print(all)
	}
	if len(all.Items) == 0 {
		p.note("No %s.", things)
		return nil
	}
	w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(strings.Fields(header), "\t"))
	for _, item := range all.Items {
		cells := row(item)
		for i, c := range cells {
			cells[i] = cell(c)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if int64(len(all.Items)) < all.Total {
		p.note("%d of %d; --limit 0 shows all.", len(all.Items), all.Total)
	}
	return nil
}

// maxCell keeps a table readable, in characters.
const maxCell = 60

// cell makes a text fit for a table: one line, not too long, never empty.
func cell(text string) string {
	text = oneLine(text)
	if text == "" {
		return "-"
	}
	if utf8.RuneCountInString(text) > maxCell {
		text = string([]rune(text)[:maxCell-1]) + "…"
	}
	return text
}

// when gives a time in the zone of the reader.
func when(t timestamp.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

func optional[T any](v *T) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(*v)
}

// short is the beginning of a commit, as git shows it.
func short(commit string) string { return commit[:min(len(commit), 10)] }

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// pairs prints names and what they stand for.
func (p *program) pairs(lines [][2]string) error {
	w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
	for _, line := range lines {
		fmt.Fprintln(w, line[0]+"\t"+cell(line[1]))
	}
	return w.Flush()
}
