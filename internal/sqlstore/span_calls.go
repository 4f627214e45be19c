package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/internal/db"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// maxLoggedCalls is how many of the newest logs of a trace are looked at for
// calls around, or below, those that came now.
const maxLoggedCalls = 1000

// maxRounds is how many levels of stored spans are read above calls.
const maxRounds = 8

// clockMargin is how far the clocks of two nodes may be apart, in microseconds:
// a log may seem older than its trace.
const clockMargin = 3_600_000_000

const loggedSQL = `SELECT metadata, coalesce(tokens_in, 0) + coalesce(tokens_out, 0) > 0 OR coalesce(cost_usd, 0) > 0
FROM pm_logs WHERE workspace_id = ? AND trace_id = ? AND created_at >= ? ORDER BY created_at DESC, id DESC LIMIT ?`

// writeLogs logs the calls among the fresh spans that count.
func (w *spanWriter) writeLogs(ctx context.Context) error {
	byTrace := map[string]map[string]telemetry.PlacedSpan{}
	calls := map[string]bool{} // traces with calls
	for i := range w.fresh {
		s := &w.fresh[i]
		trace := byTrace[s.row.TraceID]
		if trace == nil {
			trace = map[string]telemetry.PlacedSpan{}
			byTrace[s.row.TraceID] = trace
		}
		calls[s.row.TraceID] = calls[s.row.TraceID] || s.log != nil
		trace[s.row.SpanID] = telemetry.PlacedSpan{
			ParentID: valueOf(s.row.ParentID), Role: s.role, Tokens: s.tokens, Candidate: s.log != nil,
		}
	}
	counted := map[spanKey]bool{}
	for trace, spans := range byTrace {
		if !calls[trace] {
			continue
		}
		if w.traces[trace].existed {
			if err := w.addStored(ctx, trace, spans); err != nil {
				return err
			}
		}
		for span := range telemetry.CountedCalls(spans) {
			counted[spanKey{trace, span}] = true
		}
	}
	return w.deliverLogs(ctx, counted)
}

// deliverLogs writes the logs of counted calls as the logs of other callers are
// written, but that the audit log hears of the request as a whole.
func (w *spanWriter) deliverLogs(ctx context.Context, counted map[spanKey]bool) error {
	byLoad := map[*load[*spanLoad]]*delivery{}
	var all []*delivery
	for i := range w.fresh {
		f := &w.fresh[i]
		if !counted[f.key()] {
			continue
		}
		d := byLoad[f.of]
		if d == nil {
			d = &delivery{id: f.of.id, actor: f.of.actor, how: telemetry.Insertion{Call: &telemetry.Call{}}}
			byLoad[f.of], all = d, append(all, d)
			f.of.thing.heard.logs = d
		}
		d.logs, d.heard = append(d.logs, *f.log), append(d.heard, f.heard...)
		f.of.thing.out.Logs++
	}
	if len(all) == 0 {
		return nil
	}
	return writeLogs(ctx, w.tx, w.ws, all, w.moments)
}

// addStored adds what is stored of a trace: calls that are logged, and the
// spans above them and above those that came.
func (w *spanWriter) addStored(ctx context.Context, trace string, spans map[string]telemetry.PlacedSpan) error {
	if err := w.tx.Each(ctx, loggedSQL, []any{w.ws, trace, w.traces[trace].at - clockMargin, maxLoggedCalls}, func(rows *sql.Rows) error {
		var metadata *string
		var tokens bool
		if err := rows.Scan(&metadata, &tokens); err != nil {
			return err
		}
		var of struct {
			SpanID   string `json:"span_id"`
			ParentID string `json:"parent_id"`
		}
		if metadata != nil && json.Unmarshal([]byte(*metadata), &of) == nil && of.SpanID != "" {
			spans[of.SpanID] = telemetry.PlacedSpan{ParentID: of.ParentID, Role: telemetry.CallSpan, Tokens: tokens, Logged: true}
		}
		return nil
	}); err != nil {
		return err
	}
	asked := map[string]bool{}
	for range maxRounds {
		var missing []spanKey
		for _, s := range spans {
			if _, known := spans[s.ParentID]; s.ParentID == "" || known || asked[s.ParentID] || s.Role == telemetry.BoundarySpan {
				continue
			}
			asked[s.ParentID] = true
			missing = append(missing, spanKey{trace, s.ParentID})
		}
		if len(missing) == 0 {
			return nil
		}
		found, err := w.lookUp(ctx, missing)
		if err != nil {
			return err
		}
		for key, row := range found {
			var does struct {
				Operation string `json:"operation"`
			}
			if row.Metadata != nil {
				_ = json.Unmarshal([]byte(*row.Metadata), &does) // a span without it is a plain one
			}
			spans[key.span] = telemetry.PlacedSpan{ParentID: valueOf(row.ParentID), Role: telemetry.RoleOf(does.Operation)}
		}
	}
	return nil
}

const evaluationOfSQL = `SELECT id, version_tag FROM pm_evaluations
WHERE workspace_id = ? AND name = ? AND prompt_name = ? ORDER BY id DESC LIMIT 1`

// evaluationOf is an evaluation that scores belong to; id is 0 if there is none.
type evaluationOf struct {
	id      int64
	version *string
}

// writeScores records the scores of fresh spans for which there is an
// evaluation; the newest, if several have the name.
func (w *spanWriter) writeScores(ctx context.Context) error {
	if !slices.ContainsFunc(w.fresh, func(f freshSpan) bool { return len(f.scores) > 0 }) {
		return nil
	}
	// While it is held no evaluation goes away.
	if err := recount(ctx, w.tx, w.ws, countResults, 0); err != nil {
		return err
	}
	known := map[[2]string]evaluationOf{}
	sums := map[resultSum]*resultSum{}
	var args []any
	for i := range w.fresh {
		f := &w.fresh[i]
		for j := range f.scores {
			s := &f.scores[j]
			of, err := w.evaluation(ctx, known, s)
			if err != nil {
				return err
			}
			if of.id == 0 {
				continue
			}
			if s.VersionTag == nil {
				s.VersionTag = of.version
			}
			version := valueOf(s.VersionTag)
			// id and created_at are filled below, when their number is known.
			args = append(args, w.ws, of.id, nil, nil, version, s.Score, nil, value(s.metadata), nil)
			add(sums, resultSum{evaluation: of.id, version: version}, s.Score)
			f.of.thing.out.Scores++
		}
	}
	return w.insertScores(ctx, args, sums)
}

func add(sums map[resultSum]*resultSum, key resultSum, score float64) {
	sum := sums[key]
	if sum == nil {
		sum = &resultSum{evaluation: key.evaluation, version: key.version, low: score, high: score}
		sums[key] = sum
	}
	sum.results++
	sum.total += score
	sum.low, sum.high = min(sum.low, score), max(sum.high, score)
}

func (w *spanWriter) evaluation(ctx context.Context, known map[[2]string]evaluationOf, s *scored) (of evaluationOf, err error) {
	key := [2]string{s.Evaluation, s.PromptName}
	if of, found := known[key]; found {
		return of, nil
	}
	err = w.tx.RunRow(ctx, evaluationOfSQL, w.ws, s.Evaluation, s.PromptName).Scan(&of.id, &of.version)
	if db.IsNoRows(err) {
		err = nil
	}
	known[key] = of
	return of, err
}

func (w *spanWriter) insertScores(ctx context.Context, args []any, sums map[resultSum]*resultSum) error {
	n := len(args) / resultWidth
	if n == 0 {
		return nil
	}
	first, at, err := claim(ctx, w.tx, w.ws, countResults, int64(n))
	if err != nil {
		return err
	}
	for i := range n {
		args[i*resultWidth+2], args[i*resultWidth+8] = first+int64(i), at
	}
	if err := insertRows(ctx, w.tx, &resultInserts, resultWidth, args); err != nil {
		return err
	}
	for _, sum := range sums {
		sum.at = at
		if err := addResults(ctx, w.tx, w.ws, *sum); err != nil {
			return err
		}
	}
	return nil
}
