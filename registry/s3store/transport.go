package s3store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// ownTransport is what a store uses that is given none.
func ownTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConns:           128,
		MaxIdleConnsPerHost:    128,
		MaxConnsPerHost:        256,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 256 << 10,
		DisableCompression:     true, // bytes come as they are kept
	}
}

// errNoListing is an answer to a listing that is none: the page of a proxy, for
// example, which the client would read as a listing of nothing.
var errNoListing = errors.New("the answer is no listing of a bucket")

// maxListing bounds the answer to a listing of a thousand objects, whose keys
// may have a thousand characters.
const maxListing = 8 << 20

// listingGuard lets answers to listings through only if they are whole. That an
// object is missing in one means that it was deleted, so nothing else may look
// like one.
type listingGuard struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (g listingGuard) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := g.next.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusOK || r.URL.Query().Get("list-type") == "" {
		return answer, err
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxListing+1))
	_ = answer.Body.Close() // it was read to its end, or is given up
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxListing:
		return nil, fmt.Errorf("a listing is larger than %d bytes", maxListing)
	case !isListing(data):
		return nil, errNoListing
	}
	answer.Body = io.NopCloser(bytes.NewReader(data))
	return answer, nil
}

// isListing tells whether an XML document is a listing from its first element
// to its last.
func isListing(data []byte) bool {
	const root = "ListBucketResult"
	data = bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if bytes.HasPrefix(data, []byte("<?xml")) {
		_, rest, _ := bytes.Cut(data, []byte("?>"))
		data = bytes.TrimSpace(rest)
	}
	return bytes.HasPrefix(data, []byte("<"+root)) && bytes.HasSuffix(data, []byte("</"+root+">"))
}
