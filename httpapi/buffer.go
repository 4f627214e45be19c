package httpapi

import (
	"bytes"
	"encoding/json"
)

// maxPooled is the largest buffer that is kept for the next request.
const maxPooled = 1 << 20

// buffer holds a body or an answer, and encodes JSON into itself: compact and
// without HTML escapes, since prompts are full of "<" and "&".
type buffer struct {
	bytes.Buffer
	encoder *json.Encoder
}

func newBuffer() *buffer {
	b := &buffer{}
	b.encoder = json.NewEncoder(&b.Buffer)
	b.encoder.SetEscapeHTML(false)
	return b
}

func (b *buffer) encode(v any) error {
	if err := b.encoder.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the newline
	return nil
}

func (a *api) buffer() *buffer {
	b := a.buffers.Get().(*buffer) //nolint:forcetypeassert // the pool holds nothing else.
	b.Reset()
	return b
}

// release gives a buffer back; nothing may hold on to its bytes.
func (a *api) release(b *buffer) {
	if b.Cap() <= maxPooled {
		a.buffers.Put(b)
	}
}
