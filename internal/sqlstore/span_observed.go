package sqlstore

import "github.com/promptmetrics-go/promptmetrics/telemetry"

// fromOTLP says how calls among another program's spans are logged: the audit
// log hears of their request as a whole.
var fromOTLP = telemetry.Insertion{Origin: telemetry.FromOTLP, Call: &telemetry.Call{}}

// heardSpan is a span as observers will hear of it, made by its caller's
// goroutine: it shares no memory with the caller, who may go away.
type heardSpan struct {
	span telemetry.Span
	log  []telemetry.Recorded // one, if the span is a call
}

// spanNews is what a commit has written of one workspace.
type spanNews struct {
	opened  []telemetry.Trace
	added   []telemetry.Span
	changed []spanChange
	logs    []*delivery
}

type spanChange struct {
	span  telemetry.Span
	ended bool
}

func (r *recorder) heardSpan(s *telemetry.IngestedSpan, i *spanInsert) *heardSpan {
	if r.observer == nil {
		return nil
	}
	heard := &heardSpan{span: ownSpan(s.Span)}
	heard.span.Metadata = members(i.row.Metadata) // as it will be read back
	if s.Call != nil {
		heard.log = r.heard(fromOTLP, []telemetry.Log{*s.Call}, []logInsert{*i.log})
	}
	return heard
}

func (w *spanWriter) news() *spanNews { return &w.all[0].thing.news }

// opens notes a trace that is opened.
func (w *spanWriter) opens(t *knownTrace) {
	if !w.all[0].thing.observed {
		return
	}
	own := t.trace
	own.PromptName, own.VersionTag, own.Metadata = copied(own.PromptName), copied(own.VersionTag), cloned(own.Metadata)
	own.CreatedAt = wire(t.at)
	w.news().opened = append(w.news().opened, own)
}

// added notes a span that is stored at a time.
func (w *spanWriter) added(f *freshSpan, at int64) {
	if f.heard == nil {
		return
	}
	s := f.heard.span
	s.CreatedAt = wire(at)
	w.news().added = append(w.news().added, s)
}

// changed notes a span that is completed, as it is now.
func (w *spanWriter) changed(f *freshSpan, now spanRow) {
	if f.heard == nil {
		return
	}
	now.CreatedAt = f.stored.CreatedAt
	w.news().changed = append(w.news().changed, spanChange{span: now.span(), ended: !f.stored.span().Ended()})
}

// tellSpans lets an observer hear of what a commit has written: of traces
// before their spans, and of those before the logs of their calls.
func tellSpans(observer telemetry.Observer) func([]*load[*spanLoad]) {
	if observer == nil {
		return nil
	}
	return func(all []*load[*spanLoad]) {
		for _, l := range all {
			news, source := l.thing.news, telemetry.Source{Workspace: l.id.String(), Origin: telemetry.FromOTLP}
			for _, t := range news.opened {
				observer.TraceOpened(source, t)
			}
			if len(news.added) > 0 {
				observer.SpansAdded(source, news.added)
			}
			for _, c := range news.changed {
				observer.SpanChanged(source, c.span, c.ended)
			}
			tell(observer, news.logs)
			l.thing.news = spanNews{}
		}
	}
}
