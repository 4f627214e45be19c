package httpapi

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/swaggest/swgui/v5/static"
)

var (
	//go:embed docs/index.html
	docsIndex string
	//go:embed docs/page.js
	docsScript []byte
)

// docsPolicy lets the page load nothing but its own files and talk to nobody
// but this server; the browser enforces it. Swagger UI sets styles by itself.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// registerDocs serves a page to read the API's document on, and to try it. All
// its files are in the program.
func (a *api) registerDocs() {
	page := []byte(strings.ReplaceAll(docsIndex, "{{prefix}}", a.options.Prefix))
	open(a, operation{
		id: "getDocs", method: http.MethodGet, path: "/docs", tag: "service", summary: "A page to read this document on",
	}, map[string]*huma.MediaType{"text/html": {}}, func(x *exchange) error {
		x.Header().Set("Content-Security-Policy", docsPolicy)
		x.Header().Set("Referrer-Policy", "no-referrer")
		x.send(http.StatusOK, "text/html; charset=utf-8", page)
		return nil
	})
	a.routes.HandleFunc("GET "+a.options.Prefix+"/docs/{file}", func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange) //nolint:forcetypeassert // the door hands over nothing else.
		x.request = r
		if err := x.docsFile(r.PathValue("file")); err != nil {
			x.fail(err)
		}
	})
}

// docsFile sends a file of the page; most are stored compressed.
func (x *exchange) docsFile(name string) error {
	h := x.Header()
	h.Set("Cache-Control", "public, max-age=86400")
	if name == "page.js" {
		x.send(http.StatusOK, "text/javascript; charset=utf-8", docsScript)
		return nil
	}
	if data, err := static.FS.ReadFile(name); err == nil && path.Ext(name) == ".png" {
		x.send(http.StatusOK, "image/png", data)
		return nil
	}
	data, err := static.FS.ReadFile(name + ".gz")
	if err != nil {
		h.Del("Cache-Control")
		return errNoRoute() //nolint:nilerr // a file that is not there is no failure.
	}
	h.Set("Vary", "Accept-Encoding")
	contentType := docsType(path.Ext(name))
	if strings.Contains(x.request.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		x.send(http.StatusOK, contentType, data)
		return nil
	}
	plain, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("unpack %s: %w", name, err)
	}
	h.Set("Content-Type", contentType)
	x.WriteHeader(http.StatusOK)
	_, _ = io.Copy(x, plain) // the caller went away
	return nil
}

func docsType(extension string) string {
	switch extension {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	}
	return "text/html; charset=utf-8"
}
