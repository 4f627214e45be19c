package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// errLong says that more came than is read.
var errLong = errors.New("too long")

// send makes one request. It gives a successful answer, whose body the caller
// closes, or a fault. own is ctx with the limits of the call.
func (w *Client) send(ctx, own context.Context, r Request, body []byte, accept string) (*http.Response, *fault) {
	u, err := url.Parse(w.base.String() + r.Path)
	if err != nil {
		return nil, w.broken(ctx, own, err)
	}
	u.RawQuery = r.Query.Encode()
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(own, r.Method, u.String(), content)
	if err != nil {
		return nil, w.broken(ctx, own, err)
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "promptmetrics-go")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if w.key() != "" {
		w.config.Authorize(req.Header, w.key())
	}
	res, err := w.http.Do(req)
	if err != nil {
		return nil, w.broken(ctx, own, err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	// What comes of an error's body is read; less than all of it is enough.
	said, err := io.ReadAll(io.LimitReader(res.Body, longestError))
	if err != nil && own.Err() != nil {
		return nil, w.broken(ctx, own, err)
	}
	words := ParseWords(said)
	words.Status = res.StatusCode
	return nil, w.refused(r, res, words)
}

// readAtMost reads all, or fails with errLong.
func readAtMost(r io.Reader, n int64) ([]byte, error) {
	var b bytes.Buffer
	if _, err := b.ReadFrom(io.LimitReader(r, n+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > n {
		return nil, errLong
	}
	return b.Bytes(), nil
}

// shortestSecret is the least length of a key that is hidden in answers.
// Shorter ones are the "none" and "test" of servers that want no key, and words
// of ordinary texts.
const shortestSecret = 16

// veil hides the key in what a provider answers. No provider says it, but
// gateways that are being debugged do.
func (w *Client) veil(data []byte) []byte {
	if key := w.key(); len(key) >= shortestSecret && bytes.Contains(data, []byte(key)) {
		return bytes.ReplaceAll(data, []byte(key), []byte(redaction))
	}
	return data
}
