package eval_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/eval"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func collect(rows iter.Seq2[eval.Row, error]) (all []eval.Row, err error) {
	for row, err := range rows {
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, nil
}

// each streams rows as a store does.
func each(rows []eval.Row) iter.Seq2[eval.Row, error] {
	return func(yield func(eval.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// meaning is what rows say, however they are spelt.
func meaning(tb testing.TB, rows []eval.Row) (all []string) {
	tb.Helper()
	for _, r := range rows {
		r.ID = 0
		dec := json.NewDecoder(strings.NewReader(marshal(tb, r)))
		dec.UseNumber()
		var v any
		require.NoError(tb, dec.Decode(&v))
		all = append(all, marshal(tb, v))
	}
	return all
}

func marshal(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	require.NoError(tb, err)
	return string(data)
}

func written(tb testing.TB, f eval.Format, rows []eval.Row) string {
	tb.Helper()
	var b bytes.Buffer
	require.NoError(tb, eval.WriteRows(&b, f, each(rows)))
	return b.String()
}

func text(s string) *string { return &s }

func examples() []eval.Row {
	return []eval.Row{
		{ID: 1, Input: []byte(`{"question":"What is 2+2?","n":9007199254740993}`), ExpectedOutput: []byte(`{"answer":"4","exact":true}`)},
		{ID: 2, Input: []byte(`{"question":"Say \"<hi>\",\nplease","tags":["a",1.50]}`), Output: text("=HYPERLINK(\"x\")")},
		{ID: 3, Input: []byte(`{"question":"'-1","tags":null}`), ExpectedOutput: []byte(`{"answer":"@Ü"}`), Output: text("")},
	}
}

func TestFormatsAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	for _, f := range []eval.Format{eval.JSONL, eval.CSV} {
		golden := "testdata/rows." + string(f)
		got := written(t, f, examples())
		if *update {
			require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
		}
		want, err := os.ReadFile(golden)
		require.NoError(t, err)
		require.Equal(t, string(want), got, "run go test -run Golden -update if this is meant")
		back, err := collect(eval.ReadRows(bytes.NewReader(want), f))
		require.NoError(t, err)
		require.Equal(t, meaning(t, examples()), meaning(t, back))
	}
}

func TestRowsWithManyMembersAreWrittenWhole(t *testing.T) {
	t.Parallel()
	wide := map[string]int{}
	for i := range 5000 {
		wide[fmt.Sprint("member ", i)] = i
	}
	rows := []eval.Row{{Input: []byte(marshal(t, wide)), ExpectedOutput: []byte(marshal(t, wide))}, {Input: []byte(`{"a":"b"}`)}}
	file := written(t, eval.CSV, rows)
	require.True(t, strings.HasPrefix(file, "input:json,expected:json\n"), file[:50])
	back, err := collect(eval.ReadRows(strings.NewReader(file), eval.CSV))
	require.NoError(t, err)
	require.Equal(t, meaning(t, rows), meaning(t, back))
}

func TestReadingStops(t *testing.T) {
	t.Parallel()
	t.Run("where the loop is left", func(t *testing.T) {
		t.Parallel()
		for f, file := range map[eval.Format]string{eval.JSONL: "{\"input\":{}}\n", eval.CSV: "a\n1\n"} {
			r := &counted{Reader: strings.NewReader(file + strings.Repeat("x\n", 1<<20))}
			for _, err := range eval.ReadRows(r, f) {
				require.NoError(t, err)
				break
			}
			require.Less(t, r.n, 1<<20, f)
		}
	})
	t.Run("where the file cannot be read", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("the disk is gone")
		for f, file := range map[eval.Format]string{eval.JSONL: "{\"input\":{}}\n", eval.CSV: "a\n1\n"} {
			_, err := collect(eval.ReadRows(io.MultiReader(strings.NewReader(file), iotest.ErrReader(broken)), f))
			require.ErrorIs(t, err, broken, f)
		}
	})
	t.Run("at a line that is longer than a dataset", func(t *testing.T) {
		t.Parallel()
		r := &counted{Reader: endless('x')}
		_, err := collect(eval.ReadRows(r, eval.JSONL))
		require.ErrorIs(t, err, pmerr.ErrBadRequest)
		require.Less(t, r.n, 4*eval.MaxDatasetBytes)
	})
	t.Run("at a record with more cells than columns may be", func(t *testing.T) {
		t.Parallel()
		r := &counted{Reader: endless(',')}
		_, err := collect(eval.ReadRows(r, eval.CSV))
		require.ErrorIs(t, err, pmerr.ErrValidation)
		require.Less(t, r.n, 1<<16)
	})
}

type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func TestRowsThatAreAddedDuringAnExportAreLeftOut(t *testing.T) {
	t.Parallel()
	rows := examples()
	growing := func(yield func(eval.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
		rows = append(rows, eval.Row{Input: []byte(`{"new":1}`)})
	}
	var b bytes.Buffer
	require.NoError(t, eval.WriteRows(&b, eval.CSV, growing))
	require.Equal(t, written(t, eval.CSV, examples()), b.String())
}

func TestSchemaJoins(t *testing.T) {
	t.Parallel()
	a := eval.SchemaOf([]eval.Row{{Input: []byte(`{"x":1,"y":null}`)}, {Input: []byte(`{"x":"1"}`), ExpectedOutput: []byte(`{"z":[]}`)}})
	b := eval.SchemaOf([]eval.Row{{Input: []byte(`{"x":{},"w":true}`)}})
	require.JSONEq(t, `{"input":{"x":["number","string"],"y":["null"]},"expectedOutput":{"z":["array"]}}`, marshal(t, a))
	require.JSONEq(t, `{"input":{"w":["boolean"],"x":["number","object","string"],"y":["null"]},"expectedOutput":{"z":["array"]}}`, marshal(t, a.Join(b)))
	require.JSONEq(t, `{"input":{"x":["number","string"],"y":["null"]},"expectedOutput":{"z":["array"]}}`, marshal(t, a), "joining changes neither")

	var wide []eval.Row
	for i := range 1000 {
		wide = append(wide, eval.Row{Input: fmt.Appendf(nil, `{"member %d":%d}`, i, i)})
	}
	require.Len(t, eval.SchemaOf(wide).Input, 200, "texts used as names do not make it as large as the rows")
}

// FuzzFiles reads anything as both formats. What is read must be storable, and
// must come back the same through both.
func FuzzFiles(f *testing.F) {
	for _, format := range []eval.Format{eval.JSONL, eval.CSV} {
		var b bytes.Buffer
		if err := eval.WriteRows(&b, format, each(examples())); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	for _, seed := range []string{
		"", "\n", "\uFEFFa,b\n1,2\n", "a\n\"\n", "a:json\n1\n", "input:json,expected:json,output:json\n{},{},\"\"\"\"\"\"\n",
		"input. x ,expected.,expected\n'=1,''=2,3\n", "{\"input\":{\"\":\"\\ud800\"},\"expected\":\"\\udc00\"}", "{\"input\":{\"a\":1,\"a\":\"x\"}}",
		"{\"input\":{\"a\\r\\nb\":\"c\\rd\"},\"output\":\"\\r\\n\"}", "{\"input\":{\"x:json\":\"y\",\"expected\":\"\"}}", "a,a\n", "a\r\n1\r\n\r\n2",
		"{\"input\":{\"a\":-0.0e-5}}\n{\"input\":null}\nx",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, from := range []eval.Format{eval.JSONL, eval.CSV} {
			rows, err := collect(eval.ReadRows(bytes.NewReader(data), from))
			if err != nil {
				code := pmerr.From(err).Code
				require.True(t, code == pmerr.Validation || code == pmerr.BadRequest, "%v", err)
				continue
			}
			for _, to := range []eval.Format{eval.JSONL, eval.CSV} {
				file := written(t, to, rows)
				back, err := collect(eval.ReadRows(strings.NewReader(file), to))
				require.NoError(t, err, "%s -> %s: %q", from, to, file)
				require.Equal(t, meaning(t, rows), meaning(t, back), "%s -> %s: %q", from, to, file)
			}
		}
	})
}

func BenchmarkReadRows(b *testing.B) {
	rows := make([]eval.Row, 5000)
	for i := range rows {
		rows[i] = eval.Row{Input: fmt.Appendf(nil, `{"question":"what is %d + %d?","n":%d}`, i, i, i), ExpectedOutput: fmt.Appendf(nil, `{"answer":"%d"}`, 2*i)}
	}
	for _, f := range []eval.Format{eval.JSONL, eval.CSV} {
		file := written(b, f, rows)
		b.Run(string(f), func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			for b.Loop() {
				if _, err := collect(eval.ReadRows(strings.NewReader(file), f)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
