package s3store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
)

const (
	checkFolder = ".promptmetrics/check/"
	// checkKey is one object for all nodes, so that checks leave nothing more.
	checkKey  = checkFolder + "health"
	plainText = "text/plain"
	maxCheck  = 1 << 10
)

// Check implements registry.ContentStore: it writes an object, which the server
// compares with its checksums, reads it back, and lists.
func (s *Store) Check(ctx context.Context) error {
	if err := s.open(ctx, "checked"); err != nil {
		return err
	}
	if _, err := s.bucket.put(ctx, checkKey, checkText(), writing{kind: plainText}); err != nil {
		return unavailable("written", err)
	}
	// Another node may have written its own meanwhile, which is as good.
	whole := func(_ object, data []byte) bool {
		text, sum, ok := bytes.Cut(data, []byte{'\n'})
		return ok && string(sum) == sumOf(text)
	}
	if _, _, err := s.bucket.get(ctx, checkKey, maxCheck, whole); err != nil {
		return unavailable("read", err)
	}
	if err := s.listable(ctx); err != nil {
		return unavailable("listed", err)
	}
	return nil
}

// listable asks for one page of prompts.
func (s *Store) listable(ctx context.Context) error {
	return s.bucket.do(ctx, func(ctx context.Context) error {
		_, err := s.bucket.page(ctx, promptsBegin, "")
		return err
	})
}

// checkText is a text that tells by itself whether it is whole, and from others.
func checkText() []byte {
	text := []byte("PromptMetrics checks that it can write here: " + rand.Text())
	return append(append(text, '\n'), sumOf(text)...)
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// same accepts these bytes only.
func same(want []byte) func(object, []byte) bool {
	return func(_ object, data []byte) bool { return bytes.Equal(want, data) }
}
