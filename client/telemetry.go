package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/promptmetrics-go/promptmetrics/telemetry"
)

// Telemetry records and reads the telemetry of one workspace.
type Telemetry struct {
	link link
	now  func() time.Time
}

var (
	_ telemetry.Recorder = (*Telemetry)(nil)
	_ telemetry.Reader   = (*Telemetry)(nil)
	_ telemetry.Eraser   = (*Telemetry)(nil)
)

// newID makes a random UUID (RFC 9562, version 4).
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by its contract
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[:8], b[:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// fill gives an id of our own to a record that has none, and tells so. A
// repetition then meets the record of the attempt before instead of making a
// second one.
func fill(id *string) (own bool) {
	if *id != "" {
		return false
	}
	*id = newID()
	return true
}

type idempotencyKey struct{}

// withIdempotencyKey makes the logs of several calls one: the server records
// those of the first and answers the others with the same ids.
func withIdempotencyKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, idempotencyKey{}, key)
}

func idempotencyKeyOf(ctx context.Context) string {
	if key, ok := ctx.Value(idempotencyKey{}).(string); ok {
		return key
	}
	return newID()
}

// absent turns the JSON null of an optional member into none, as the records
// have it in-process.
func absent(members ...*json.RawMessage) {
	for _, m := range members {
		if bytes.Equal(*m, []byte("null")) {
			*m = nil
		}
	}
}

// same reports whether two optional values are equal.
func same[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// sameMetadata reports whether two sets of metadata hold the same; none and an
// empty one are the same.
func sameMetadata(a, b telemetry.Metadata) bool {
	return len(a) == 0 && len(b) == 0 || sameJSON(a, b)
}
