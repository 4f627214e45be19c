package providertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"strconv"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

// dialect is the wire format of a provider.
type dialect interface {
	// whole is the body of an answer.
	whole(q Question, a Answer) any
	// opening is what a stream starts with, piece a piece of its text, calls
	// the calls of tools, and closing what it ends with.
	opening(q Question, a Answer) []frame
	piece(q Question, text string) []frame
	calls(q Question, a Answer) []frame
	closing(q Question, a Answer) []frame
	// failure is the body of an error, broken an error within a stream.
	failure(status int, kind, message string) any
	broken(kind, message string) []frame
	// keepAlive is what keeps a stream open.
	keepAlive() string
	contentType() string
}

// frame is an event of a stream: a JSON value or, if it is a text, that text.
type frame struct {
	event string
	data  any
}

// player answers in a dialect.
type player struct {
	dialect
	record *Record
	answer func(Question) Answer
	// ndjson sends a line a frame instead of server-sent events.
	ndjson bool
	// streams says that a question without "stream" is streamed.
	streams bool
}

func (p player) chat(w http.ResponseWriter, r *http.Request) {
	q, err := p.record.add(r, true)
	if err != nil {
		return // the client has gone
	}
	if p.streams && !bytes.Contains(q.Body, []byte(`"stream"`)) {
		q.Stream = true
	}
	var a Answer
	if p.answer != nil {
		a = p.answer(q)
	}
	for name, values := range a.Header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	switch {
	case a.Raw != nil:
		p.raw(w, a)
	case a.Status != 0 && a.Status != http.StatusOK:
		writeJSON(w, a.Status, p.failure(a.Status, a.Kind, a.Message))
	case q.Stream:
		p.stream(w, q, a)
	case a.CutAfter != 0:
		body, _ := json.Marshal(p.whole(q, a))
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:len(body)/2])
		flush(w)
		panic(http.ErrAbortHandler)
	default:
		writeJSON(w, http.StatusOK, p.whole(q, a))
	}
}

func (p player) raw(w http.ResponseWriter, a Answer) {
	if a.ContentType != "" {
		w.Header().Set("Content-Type", a.ContentType)
	}
	if a.Status != 0 {
		w.WriteHeader(a.Status)
	}
	_, _ = w.Write(a.Raw)
}

func (p player) stream(w http.ResponseWriter, q Question, a Answer) {
	w.Header().Set("Content-Type", p.contentType())
	w.WriteHeader(http.StatusOK)
	flush(w)
	chunks := a.chunks()
	if a.CutAfter < 0 {
		panic(http.ErrAbortHandler)
	}
	if a.FailAfter < 0 {
		p.send(w, a, p.broken(a.Kind, a.Message))
		return
	}
	p.send(w, a, p.opening(q, a))
	for i, text := range chunks {
		if a.Hold != nil {
			a.Hold(i)
		}
		if a.KeepAlive {
			p.line(w, a, p.keepAlive())
		}
		p.send(w, a, p.piece(q, text))
		if i+1 == a.CutAfter {
			panic(http.ErrAbortHandler)
		}
		if i+1 == a.FailAfter {
			p.send(w, a, p.broken(a.Kind, a.Message))
			return
		}
	}
	if a.Hold != nil {
		a.Hold(len(chunks))
	}
	p.send(w, a, p.calls(q, a))
	p.send(w, a, p.closing(q, a))
}

func (p player) send(w http.ResponseWriter, a Answer, frames []frame) {
	for _, f := range frames {
		text, isText := f.data.(string)
		if !isText {
			b, err := json.Marshal(f.data)
			if err != nil {
				panic(fmt.Sprintf("providertest: %v", err))
			}
			text = string(b)
		}
		switch {
		case p.ndjson:
			p.line(w, a, text+"\n")
		case f.event != "":
			p.line(w, a, "event: "+f.event+"\ndata: "+text+"\n\n")
		default:
			p.line(w, a, "data: "+text+"\n\n")
		}
	}
}

func (p player) line(w http.ResponseWriter, a Answer, text string) {
	if a.CRLF {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	_, _ = w.Write([]byte(text))
	flush(w)
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// object is a JSON object.
type object = map[string]any

// id makes an id that is the same in every run.
func id(prefix string, q Question) string { return prefix + "-" + strconv.Itoa(q.Number) }

// parse gives the arguments of a call as a value, or as a text if they are no
// JSON.
func parse(arguments string) any {
	var v any
	if json.Unmarshal([]byte(arguments), &v) != nil {
		return arguments
	}
	return v
}

// halves cuts a text into two fragments, as arguments are streamed.
func halves(s string) []string {
	if len(s) < 2 {
		return []string{s}
	}
	return []string{s[:len(s)/2], s[len(s)/2:]}
}

// Vector is the embedding that played servers give a text: 8 numbers made from
// its hash, so that equal texts have equal vectors.
func Vector(text string) []float64 {
	v := make([]float64, 8)
	for i := range v {
		h := fnv.New32a()
		_, _ = h.Write([]byte(strconv.Itoa(i) + text))
		v[i] = float64(h.Sum32()%2000)/1000 - 1
	}
	return v
}

func defaultModels(given []playground.Model, ids ...string) []playground.Model {
	if given != nil {
		return given
	}
	models := make([]playground.Model, 0, len(ids))
	for _, id := range ids {
		models = append(models, playground.Model{ID: id, Name: id, ContextWindow: 128000})
	}
	return models
}
