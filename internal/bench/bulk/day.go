package bulk

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// day is a slice of the table and the logs in it.
type day struct {
	start    time.Time // midnight
	from, to time.Time // of the logs
	rows     int64
	shares   []portion
}

// portion is what one workspace has of a day.
type portion struct {
	workspace   string
	first, rows int64 // ids from first on
}

// batchRows is how many logs come in one call, of one moment.
const batchRows = 100

// write makes the slice with its rows, then its indexes, and then makes it part
// of the table: in one transaction, so that the rows need no log of changes and
// no second look.
func (d *day) write(ctx context.Context, tx pgx.Tx, s *sums) error {
	name := "pm_logs_" + d.start.Format("20060102")
	if _, err := tx.Exec(ctx, "CREATE TABLE "+name+" (LIKE pm_logs)"); err != nil {
		return err
	}
	n, err := tx.Conn().PgConn().CopyFrom(ctx, &lines{day: d, sums: s, random: rand.New(rand.NewPCG(uint64(d.start.Unix()), 1))}, //nolint:gosec // figures of a measurement.
		"COPY "+name+" (workspace_id, created_at, id, prompt_name, version_tag, provider, model, tokens_in, tokens_out, latency_ms, "+
			"cost_usd, cost_source, status, error_code, http_status, trace_id, metadata) FROM STDIN WITH (FREEZE)")
	if err != nil {
		return err
	}
	if n.RowsAffected() != d.rows {
		return fmt.Errorf("%d rows were copied instead of %d", n.RowsAffected(), d.rows)
	}
	// In the words of the migration, so that PostgreSQL takes them for the
	// table's own.
	for _, statement := range []string{
		"ALTER TABLE " + name + " ADD PRIMARY KEY (workspace_id, created_at, id)",
		"CREATE INDEX ON " + name + " (workspace_id, prompt_name, created_at, id)",
		"CREATE INDEX ON " + name + " (workspace_id, created_at, id) WHERE status = 'error'",
		"CREATE INDEX ON " + name + " (workspace_id, trace_id, created_at, id) WHERE trace_id IS NOT NULL",
		fmt.Sprintf("ALTER TABLE pm_logs ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)", name, d.start.UnixMicro(), d.start.AddDate(0, 0, 1).UnixMicro()),
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// lines are the rows of a day in the text format of COPY.
type lines struct {
	day    *day
	sums   *sums
	random *rand.Rand

	share, row int64 // the next one
	buffer     []byte
	sent       int
}

// fullBuffer is how much is made ready at once, in bytes.
const fullBuffer = 64 << 10

func (l *lines) Read(p []byte) (int, error) {
	if l.sent == len(l.buffer) {
		l.buffer, l.sent = l.buffer[:0], 0
		for len(l.buffer) < fullBuffer && l.next() {
			continue
		}
		if len(l.buffer) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, l.buffer[l.sent:])
	l.sent += n
	return n, nil
}

// model is a model with its price in US dollars for a million tokens.
type model struct {
	provider, name string
	in, out        float64
	latency        float64 // median, in milliseconds
}

// models in the order of their use.
var models = [...]model{
	{"openai", "gpt-4o-mini", 0.15, 0.6, 650},
	{"openai", "gpt-4o", 2.5, 10, 1100},
	{"anthropic", "claude-sonnet-4-5", 3, 15, 1600},
	{"anthropic", "claude-haiku-4-5", 1, 5, 700},
	{"cohere", "command-r", 0.15, 0.6, 900},
	{"ollama", "llama3.2", 0, 0, 2400},
}

var (
	features = [...]string{"search", "support", "summary", "translate", "classify"}
	regions  = [...]string{"eu-west-1", "us-east-1", "ap-south-1"}
	faults   = [...]struct {
		code   string
		status int64
	}{{"RATE_LIMIT_EXCEEDED", 429}, {"TIMEOUT", 504}, {"UPSTREAM_ERROR", 502}}
)

// skewed picks one of n, the first ones much more often.
func (l *lines) skewed(n int) int {
	u := l.random.Float64()
	return int(u * u * u * float64(n))
}

// next adds a row and tells whether there was one.
func (l *lines) next() bool {
	for l.share < int64(len(l.day.shares)) && l.row == l.day.shares[l.share].rows {
		l.share, l.row = l.share+1, 0
	}
	if l.share == int64(len(l.day.shares)) {
		return false
	}
	of, r := &l.day.shares[l.share], l.random
	m := &models[l.skewed(len(models))]
	c := call{
		workspace: of.workspace, at: l.at(of), id: of.first + l.row,
		prompt: Prompt(l.skewed(Prompts)), version: "1." + strconv.Itoa(3-l.skewed(4)) + ".0", model: m,
		in: 200 + r.Int64N(1800), out: 20 + r.Int64N(600), latency: int64(m.latency * math.Exp(0.45*r.NormFloat64())),
	}
	c.cost = (float64(c.in)*m.in + float64(c.out)*m.out) / 1e6
	if r.IntN(50) == 0 {
		c.fault = 1 + r.IntN(len(faults))
		c.out, c.cost = 0, float64(c.in)*m.in/1e6
	}
	if l.row%batchRows == 0 {
		l.sums.batch(&c)
	}
	l.sums.add(&c)
	l.append(&c)
	l.row++
	return true
}

// at is when a row comes, in stored microseconds: days are busy, nights are
// quiet, and the logs of a call have one time.
func (l *lines) at(of *portion) int64 {
	x := (float64(l.row/batchRows) + 0.5) / (float64((of.rows-1)/batchRows) + 1)
	x -= 0.6 * math.Sin(2*math.Pi*x) / (2 * math.Pi)
	return l.day.from.UnixMicro() + int64(x*float64(l.day.to.Sub(l.day.from).Microseconds()-1))
}

// call is one log.
type call struct {
	workspace        string
	at, id           int64
	prompt, version  string
	model            *model
	in, out, latency int64
	cost             float64
	fault            int // 0 is none
}

// Trace is the trace to which a log belongs: one in four does, four at a time.
func Trace(id int64) (trace string, belongs bool) {
	if id%16 >= 4 {
		return "", false
	}
	return fmt.Sprintf("%032x", id/16), true
}

func (l *lines) append(c *call) {
	b := l.buffer
	tab := func() { b = append(b, '\t') }
	number := func(n int64) {
		b = strconv.AppendInt(b, n, 10)
		tab()
	}
	word := func(s string) {
		b = append(b, s...)
		tab()
	}
	word(c.workspace)
	number(c.at)
	number(c.id)
	word(c.prompt)
	word(c.version)
	word(c.model.provider)
	word(c.model.name)
	number(c.in)
	number(c.out)
	number(c.latency)
	b = strconv.AppendFloat(b, c.cost, 'g', -1, 64)
	tab()
	word("table")
	if c.fault == 0 {
		word("ok\t\\N\t\\N")
	} else {
		word("error")
		word(faults[c.fault-1].code)
		number(faults[c.fault-1].status)
	}
	if trace, belongs := Trace(c.id); belongs {
		word(trace)
	} else {
		word(`\N`)
	}
	r := l.random
	b = append(b, `{"user":"u-`...)
	b = strconv.AppendInt(b, r.Int64N(50_000), 10)
	b = append(b, `","session":"`...)
	b = strconv.AppendUint(b, r.Uint64(), 36)
	b = append(b, `","feature":"`...)
	b = append(b, features[r.IntN(len(features))]...)
	b = append(b, `","region":"`...)
	b = append(b, regions[r.IntN(len(regions))]...)
	b = append(b, `","cached":`...)
	b = strconv.AppendBool(b, r.IntN(5) == 0)
	l.buffer = append(b, "}\n"...)
}
