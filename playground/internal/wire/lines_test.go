package wire

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// events reads all events that say something, as "type=data".
func events(s source) (list []string, err error) {
	for {
		e, err := s.next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		if len(e.Data) > 0 {
			list = append(list, e.Type+"="+string(e.Data))
		}
	}
}

func TestServerSentEvents(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		stream string
		want   []string
	}{
		"an event a paragraph":     {"data: {}\n\ndata: 1\n\n", []string{"={}", "=1"}},
		"types":                    {"event: a\ndata: 1\n\ndata: 2\n\n", []string{"a=1", "=2"}},
		"CR LF":                    {"event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", []string{"a=1", "=2"}},
		"CR":                       {"event: a\rdata: 1\r\rdata: 2\r\r", []string{"a=1", "=2"}},
		"no space after the colon": {"data:1\n\n", []string{"=1"}},
		"only one space is cut":    {"data:  x\n\n", []string{"= x"}},
		"comments, ids and times are passed over":  {": hi\n\nid: 7\nretry: 10\ndata: 1\n\n:\n\n", []string{"=1"}},
		"a mark of byte order":                     {"\xef\xbb\xbfdata: 1\n\n", []string{"=1"}},
		"the last event without its empty line":    {"data: 1\n\ndata: 2", []string{"=1", "=2"}},
		"a value on several lines":                 {"data: {\ndata: \"a\": 1}\n\n", []string{"={\n\"a\": 1}"}},
		"values on lines of their own":             {"data: {\"a\":1}\ndata: {\"b\":2}\ndata: [DONE]\n", []string{`={"a":1}`, `={"b":2}`, "=[DONE]"}},
		"text on several lines stays together":     {"data: one\ndata: 2\n\n", []string{"=one\n2"}},
		"an event without data is none":            {"event: a\n\ndata: 1\n\n", []string{"=1"}},
		"a line without a colon is a name":         {"data\n\ndata: 1\n\n", []string{"=1"}},
		"nothing":                                  {"", nil},
		"only empty lines":                         {"\n\r\n\r\n", nil},
		"an empty line between data of one record": {"data: 1\n\n\n\ndata: 2\n\n", []string{"=1", "=2"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, r := range []io.Reader{strings.NewReader(test.stream), iotest.OneByteReader(strings.NewReader(test.stream))} {
				got, err := events(&sse{lines: newLines(r)})
				require.NoError(t, err)
				require.Equal(t, test.want, got)
			}
		})
	}
	t.Run("an event is given before the next byte comes", func(t *testing.T) {
		t.Parallel()
		for _, end := range []string{"\n\n", "\r\n\r", "\r\r"} {
			r, w := io.Pipe()
			s := &sse{lines: newLines(r)}
			go func() {
				_, _ = io.WriteString(w, "data: 1"+end)
			}()
			e, err := s.next()
			require.NoError(t, err)
			require.Equal(t, "1", string(e.Data))
			require.NoError(t, w.Close())
		}
	})
}

func TestJSONLines(t *testing.T) {
	t.Parallel()
	got, err := events(jsonLines{newLines(strings.NewReader("{\"a\":1}\r\n\n  \n{\"b\":\"\\r\"}\n3"))})
	require.NoError(t, err)
	require.Equal(t, []string{`={"a":1}`, `={"b":"\r"}`, "=3"}, got)
}

func TestLinesAreBounded(t *testing.T) {
	t.Parallel()
	t.Run("a line", func(t *testing.T) {
		t.Parallel()
		_, err := events(&sse{lines: newLines(strings.NewReader("data: " + strings.Repeat("x", longestLine)))})
		require.ErrorIs(t, err, errLong)
		_, err = events(&sse{lines: newLines(strings.NewReader("data: " + strings.Repeat("x", longestLine-6) + "\n"))})
		require.NoError(t, err)
	})
	t.Run("the lines of an event", func(t *testing.T) {
		t.Parallel()
		line := "data: " + strings.Repeat("x", 1<<18) + "\n"
		_, err := events(&sse{lines: newLines(strings.NewReader(strings.Repeat(line, 5)))})
		require.ErrorIs(t, err, errLong)
	})
	t.Run("all lines", func(t *testing.T) {
		t.Parallel()
		got, err := events(jsonLines{newLines(&endless{text: strings.Repeat("1", 1000) + "\n"})})
		require.ErrorIs(t, err, errLong)
		require.Equal(t, longestBody/1001, len(got))
	})
	t.Run("comments too", func(t *testing.T) {
		t.Parallel()
		_, err := events(&sse{lines: newLines(&endless{text: ": still here\n\n"})})
		require.ErrorIs(t, err, errLong)
	})
}

// endless says the same again and again.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[e.at%len(e.text)]
		e.at++
	}
	return len(p), nil
}

func FuzzServerSentEvents(f *testing.F) {
	for _, seed := range []string{"data: 1\n\n", "event: a\r\ndata: {}\r\n\r\n", ":\r\rdata:x", "data\n\n", "data: 1\ndata: [DONE]\n\n", "\xef\xbb\xbfdata: \xff\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		at, err := events(&sse{lines: newLines(strings.NewReader(stream))})
		slow, slowErr := events(&sse{lines: newLines(iotest.OneByteReader(strings.NewReader(stream)))})
		if fmt.Sprint(at, err) != fmt.Sprint(slow, slowErr) {
			t.Fatalf("it matters how bytes arrive: %q %v, %q %v", at, err, slow, slowErr)
		}
		total := 0
		for _, e := range at {
			total += len(e)
			if strings.ContainsRune(e, '\r') {
				t.Fatalf("a line end within %q", e)
			}
		}
		if total > 2*len(stream)+len(at) {
			t.Fatalf("%d bytes from %d", total, len(stream))
		}
	})
}
