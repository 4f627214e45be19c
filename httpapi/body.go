package httpapi

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/promptmetrics-go/promptmetrics/internal/decode"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// maxListItems bounds each list of a body where nothing else does: a few bytes
// of JSON can become hundreds in memory.
const maxListItems = 100_000

// maxValues bounds how many values a body holds in all, where they are more
// than texts to be stored.
const maxValues = 1_000_000

// decode reads the body into v, a pointer.
func (x *exchange) decode(v any, op operation) error {
	if !op.bodyOptional {
		if err := checkContentType(x.request.Header); err != nil {
			return err
		}
	}
	b := x.api.buffer()
	defer x.api.release(b)
	if err := x.read(b); err != nil {
		return err
	}
	if op.bodyOptional {
		if b.Len() == 0 {
			return nil
		}
		if err := checkContentType(x.request.Header); err != nil {
			return err
		}
	}
	if !utf8.Valid(b.Bytes()) {
		return pmerr.New(pmerr.BadRequest, "Invalid JSON body")
	}
	switch items, values := measure(b.Bytes()); {
	case op.batch != "" && items > telemetry.MaxBatch:
		return pmerr.Invalid(fmt.Sprintf("%s must have 1 to %d items", op.batch, telemetry.MaxBatch))
	case items > maxListItems && op.tooMany != nil:
		return op.tooMany()
	case items > maxListItems:
		return pmerr.New(pmerr.TooLarge, "A list or object of the body has more than %d items", maxListItems)
	case values > maxValues && op.batch == "" && op.tooMany == nil:
		return pmerr.New(pmerr.TooLarge, "The body has more than %d values", maxValues)
	}
	return decode.JSON(b.Bytes(), v)
}

// grow bounds how much memory is taken on the word of a Content-Length.
const grow = 256 << 10

// read takes the body into a buffer, up to the limit.
func (x *exchange) read(b *buffer) error {
	limit := x.api.options.MaxBodyBytes
	if x.request.ContentLength > limit {
		return errTooLarge(limit)
	}
	b.Grow(int(min(max(x.request.ContentLength, 0), grow)))
	_, err := b.ReadFrom(http.MaxBytesReader(x.ResponseWriter, x.request.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return errTooLarge(limit)
	case err != nil:
		return pmerr.New(pmerr.BadRequest, "The body could not be read to its end").Because(err)
	}
	return nil
}

func errTooLarge(limit int64) error {
	return pmerr.New(pmerr.TooLarge, "The body is larger than %d bytes", limit)
}

// checkContentType lets JSON in UTF-8 through. No content type means that.
func checkContentType(h http.Header) error {
	if coding := h.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return pmerr.New(pmerr.UnsupportedType, "Content-Encoding must be left out")
	}
	text := h.Get("Content-Type")
	if text == "" || text == "application/json" {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(text)
	charset, given := parameters["charset"]
	if err != nil || media != "application/json" || given && !strings.EqualFold(charset, "utf-8") {
		return pmerr.New(pmerr.UnsupportedType, "Content-Type must be application/json in UTF-8")
	}
	return nil
}

// measure counts the items of the largest list or object at the top of a JSON
// document or one below it, and the values in all. What is no JSON gives any
// numbers.
func measure(data []byte) (widest, values int) {
	var items [3]int // by depth; 0 is not used
	depth, text := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			values++
			if depth++; depth < len(items) {
				items[depth] = 1
			}
		case c == '}' || c == ']':
			depth--
		case c == ',':
			values++
			if depth > 0 && depth < len(items) {
				items[depth]++
				widest = max(widest, items[depth])
			}
		}
	}
	return widest, values
}
