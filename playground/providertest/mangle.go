package providertest

import (
	"net/http"
	"strings"
	"time"
)

// mangled changes what a handler writes.
type mangled struct {
	http.ResponseWriter
	write func(p []byte) error
}

func (m mangled) Write(p []byte) (int, error) { return len(p), m.write(p) }

func (m mangled) Unwrap() http.ResponseWriter { return m.ResponseWriter }

func mangle(h http.Handler, write func(w http.ResponseWriter, p []byte) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(mangled{w, func(p []byte) error {
			if err := r.Context().Err(); err != nil {
				return err
			}
			return write(w, p)
		}}, r)
	})
}

// drip sends every byte by itself.
func drip(h http.Handler) http.Handler { return trickle(h, 0) }

// trickle sends every byte by itself, with pauses.
func trickle(h http.Handler, pause time.Duration) http.Handler {
	return mangle(h, func(w http.ResponseWriter, p []byte) error {
		for i := range p {
			if _, err := w.Write(p[i : i+1]); err != nil {
				return err
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				return err
			}
			time.Sleep(pause)
		}
		return nil
	})
}

// replace sends other bytes.
func replace(h http.Handler, r *strings.Replacer) http.Handler {
	return mangle(h, func(w http.ResponseWriter, p []byte) error {
		_, err := w.Write([]byte(r.Replace(string(p))))
		return err
	})
}
