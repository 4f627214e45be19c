package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// Event is one event of a stream: of server-sent events its data and its type,
// of a stream of JSON lines a line.
type Event struct {
	Type string
	Data []byte
}

// source gives the events of a stream one by one; io.EOF ends it. An event
// without data says only that the provider is alive. The data is valid until
// the next call.
type source interface{ next() (Event, error) }

// lines reads lines and bounds them.
type lines struct {
	r     *bufio.Reader
	left  int64 // bytes that may still come
	line  []byte
	cr    bool // the last line ended with CR: an LF that follows belongs to it
	plain bool // only LF ends a line
}

func newLines(r io.Reader) *lines {
	return &lines{r: bufio.NewReaderSize(r, 16<<10), left: longestBody}
}

// read gives the next line without its end: LF, CR LF or CR. A last line
// without an end counts.
func (l *lines) read() ([]byte, error) {
	l.line = l.line[:0]
	for {
		c, err := l.r.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) && len(l.line) > 0 {
				return l.line, nil
			}
			return nil, err
		}
		if l.left--; l.left < 0 {
			return nil, errLong
		}
		follows := l.cr && c == '\n'
		l.cr = false
		switch {
		case follows:
			continue
		case c == '\n':
			return l.line, nil
		case c == '\r' && !l.plain:
			l.cr = true // not waiting for an LF, which may come with the next event
			return l.line, nil
		}
		if len(l.line) == longestLine {
			return nil, errLong
		}
		l.line = append(l.line, c)
	}
}

// jsonLines is a stream of JSON lines; empty ones keep it open.
type jsonLines struct{ *lines }

func (s jsonLines) next() (Event, error) {
	line, err := s.read()
	return Event{Data: bytes.TrimSpace(line)}, err
}

// sse is a stream of server-sent events as the HTML standard defines them
// (html.spec.whatwg.org/multipage/server-sent-events.html), with two liberties
// that servers need: the last event may lack its empty line, and JSON values on
// lines of their own are events of their own.
type sse struct {
	*lines
	begun  bool
	queue  []Event
	closed bool
}

func (s *sse) next() (Event, error) {
	if len(s.queue) == 0 {
		if s.closed {
			return Event{}, io.EOF
		}
		if err := s.fill(); err != nil || len(s.queue) == 0 {
			return Event{}, err
		}
	}
	e := s.queue[0]
	s.queue = s.queue[1:]
	return e, nil
}

// fill reads up to the end of an event.
func (s *sse) fill() error {
	var kind string
	var data []byte
	var cuts []int // where lines of data end
	for {
		line, err := s.read()
		if errors.Is(err, io.EOF) {
			s.closed = true
			break
		}
		if err != nil {
			return err
		}
		if !s.begun {
			line, s.begun = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")), true
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			kind = string(value)
		case "data":
			if len(cuts) > 0 {
				data = append(data, '\n')
			}
			if data = append(data, value...); len(data) > longestLine {
				return errLong
			}
			cuts = append(cuts, len(data))
		}
	}
	if len(cuts) == 0 {
		return nil
	}
	s.queue = split(kind, data, cuts)
	return nil
}

// split gives the event, or an event a line if each line is a value by itself
// and all together are none.
func split(kind string, data []byte, cuts []int) []Event {
	whole := []Event{{Type: kind, Data: data}}
	if len(cuts) == 1 || json.Valid(data) {
		return whole
	}
	var events []Event
	start := 0
	for _, end := range cuts {
		line := data[start:end]
		start = end + 1
		if len(line) == 0 {
			continue
		}
		if !json.Valid(line) && string(line) != done {
			return whole
		}
		events = append(events, Event{Type: kind, Data: line})
	}
	return events
}

// done ends the streams of OpenAI and those who follow it.
const done = "[DONE]"

// IsDone reports whether an event is the mark that ends a stream.
func (e Event) IsDone() bool { return string(bytes.TrimSpace(e.Data)) == done }
