package githost

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Fault is what a host does wrong. Exactly one of the kinds is set.
type Fault struct {
	// Service that is struck: "git-upload-pack" or "git-receive-pack". Empty:
	// both.
	Service string
	// Posts strikes the exchange itself and not the list of refs before it.
	Posts bool
	// Times is how many requests are struck; 0 is all, until Mend.
	Times int

	// Status answers so, with RetryAfter seconds if that is not 0.
	Status     int
	RetryAfter int
	// Body of that answer.
	Body string
	// Hang accepts the request and never answers.
	Hang bool
	// Cut ends the connection after that many bytes of the answer.
	Cut int
	// Drop does what was asked, and ends the connection without an answer.
	Drop bool
	// Redirect sends the client to another host.
	Redirect string
	// Serve answers in place of git.
	Serve http.HandlerFunc
	// Meanwhile is called before the request is worked on.
	Meanwhile func()
}

// Break switches a fault on. Several strike in the order of their coming.
func (h *Host) Break(f Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, &f)
	if f.Times == 0 {
		f.Times = -1
	}
	h.faults[len(h.faults)-1].Times = f.Times
}

// Mend switches all faults off. Who hangs keeps hanging.
func (h *Host) Mend() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = nil
}

// strike finds the fault of a request. The caller has the lock.
func (h *Host) strike(r *http.Request) *Fault {
	for _, f := range h.faults {
		if f.Times == 0 || f.Service != "" && !strings.Contains(r.URL.RequestURI(), f.Service) || f.Posts && r.Method != http.MethodPost {
			continue
		}
		f.Times--
		copied := *f
		return &copied
	}
	return nil
}

// before tells whether the request was dealt with.
func (f *Fault) before(w http.ResponseWriter, r *http.Request, closed <-chan struct{}) bool {
	switch {
	case f.Meanwhile != nil:
		f.Meanwhile()
		return false
	case f.Hang:
		select {
		case <-r.Context().Done():
		case <-closed:
		}
		return true
	case f.Serve != nil:
		f.Serve(w, r)
		return true
	case f.Redirect != "":
		http.Redirect(w, r, f.Redirect+r.URL.RequestURI(), http.StatusMovedPermanently)
		return true
	case f.Status != 0:
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		w.WriteHeader(f.Status)
		_, _ = fmt.Fprint(w, f.Body)
		return true
	}
	return false
}

// during wraps the answer.
func (f *Fault) during(w http.ResponseWriter) http.ResponseWriter {
	switch {
	case f.Drop:
		return &deaf{header: http.Header{}}
	case f.Cut > 0:
		return &cutter{ResponseWriter: w, left: f.Cut}
	}
	return w
}

func (f *Fault) after() {
	if f.Drop || f.Cut > 0 {
		panic(http.ErrAbortHandler) // net/http ends the connection
	}
}

// deaf swallows an answer.
type deaf struct{ header http.Header }

func (d *deaf) Header() http.Header         { return d.header }
func (d *deaf) Write(p []byte) (int, error) { return len(p), nil }
func (d *deaf) WriteHeader(int)             {}

// cutter passes the beginning of an answer on.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	if _, err := c.ResponseWriter.Write(p[:n]); err != nil {
		return 0, err
	}
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	return len(p), nil
}
