package access

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/promptmetrics-go/promptmetrics/census"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

const (
	// trust is how long a confirmed key is accepted without asking the store:
	// the promise of how soon a revocation by another process takes effect.
	trust = 5 * time.Second
	// refreshAfter is when a key in use is confirmed again in the background,
	// early enough that callers seldom wait and a short outage goes unseen.
	refreshAfter = trust / 2
	// refreshRetry is how long a failed attempt at that rests.
	refreshRetry = 250 * time.Millisecond
	// refreshQueue bounds the keys that wait to be confirmed; one that finds no
	// place is confirmed by a caller when its trust ends.
	refreshQueue = 256
	// lookupTimeout bounds a read of the store. Being shorter than trust, it
	// also keeps a late answer from being older than that.
	lookupTimeout = 3 * time.Second
	// strangers bounds the reads at a time for keys that are not known here,
	// so that a flood of wrong keys cannot take all connections of the store.
	strangers = 16
)

// KeyringOptions sets up a [Keyring].
type KeyringOptions struct {
	// Salt under which secrets are hashed, see [CheckSalt]. Required.
	Salt []byte `json:"-"`
	// Now is the clock. Required.
	Now func() time.Time
	// Logger for what goes wrong in the background; nil discards it.
	Logger *slog.Logger
	// TouchEvery is the least time between two writes of a key's last use.
	// 0 takes the default of 60 s; a negative value writes every use, still
	// batched by the second.
	TouchEvery time.Duration
}

func (o KeyringOptions) withDefaults() KeyringOptions {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.TouchEvery == 0 {
		o.TouchEvery = time.Minute
	}
	return o
}

func (o KeyringOptions) validate() error {
	if o.Now == nil {
		return pmerr.Invalid("Now must be set to a clock such as time.Now")
	}
	return CheckSalt(string(o.Salt))
}

// Keyring tells who an API key's secret belongs to.
//
// A key that the store confirmed is remembered for 5 s, so that a request costs
// no query; a key in use is confirmed again in the background after half of
// that. Revoking in this process takes effect at once ([Keyring.Forget]), in
// another as soon as it is told ([Keyring.ForgetAll]), and within those 5 s
// without exception: when the store is down longer, keys are refused as
// unavailable rather than trusted blindly. Refusals are never remembered, so a
// key made by another process is accepted at once.
type Keyring struct {
	store  KeyStore
	now    func() time.Time
	hasher *hasher
	// born is the zero of the ring's own clock: differences to it are free of
	// jumps of the wall clock when Now has a monotonic reading.
	born     time.Time
	verified verified
	// doubts counts the calls of ForgetAll.
	doubts atomic.Uint64
	usage  usage
	// strangers holds a token for each read of an unknown key.
	strangers chan struct{}
	// tired are the keys to confirm in the background.
	tired              chan tiredKey
	confirmer, flusher background
	remembered         census.Cache
}

type tiredKey struct {
	hash  [32]byte
	entry *entry
}

// NewKeyring makes a keyring and starts its background work; Close ends it.
// Options that cannot work are an ErrValidation.
func NewKeyring(store KeyStore, o KeyringOptions) (*Keyring, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	k := &Keyring{
		store: store, now: o.Now, hasher: newHasher(o.Salt), born: o.Now(),
		usage:     usage{store: store, log: o.Logger, every: o.TouchEvery},
		strangers: make(chan struct{}, strangers),
		tired:     make(chan tiredKey, refreshQueue),
	}
	k.confirmer = inBackground(k.confirm)
	k.flusher = inBackground(k.usage.run)
	return k, nil
}

// Authenticate tells whose a secret is. No secret, one that no key has, and one
// whose key has expired are ErrUnauthorized. When the store cannot tell it is
// ErrUnavailable, never ErrUnauthorized.
func (k *Keyring) Authenticate(ctx context.Context, secret string) (Identity, error) {
	if secret == "" {
		return Identity{}, pmerr.New(pmerr.Unauthorized, "API key is missing")
	}
	if !wellFormed(secret) {
		return Identity{}, errInvalidKey()
	}
	hash := k.hasher.sum(secret)
	now := k.now()
	e := k.verified.shard(hash).get(hash)
	if e != nil && k.trusted(e, hash, now) {
		k.remembered.Hit()
	} else {
		k.remembered.Miss()
		var err error
		if e, err = k.lookup(ctx, hash, e != nil); err != nil {
			return Identity{}, err
		}
		now = k.now()
	}
	if e.expired(now) {
		return Identity{}, pmerr.New(pmerr.Unauthorized, "API key has expired")
	}
	k.usage.note(e, now)
	return e.who, nil
}

// trusted reports whether an entry is young enough, and has one that gets old
// confirmed ahead of time.
func (k *Keyring) trusted(e *entry, hash [32]byte, now time.Time) bool {
	at := now.Sub(k.born)
	age := at - e.confirmed
	if e.doubts != k.doubts.Load() {
		return false
	}
	if age < 0 || age >= trust { // below 0 the clock was set back: ask.
		return false
	}
	if age < refreshAfter {
		return true
	}
	due := e.refresh.Load()
	if int64(at) >= due && e.refresh.CompareAndSwap(due, never) {
		select {
		case k.tired <- tiredKey{hash, e}:
		default:
			e.refresh.Store(int64(at + refreshRetry))
		}
	}
	return true
}

// confirm asks the store about keys whose trust is running out.
func (k *Keyring) confirm(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case key := <-k.tired:
			// What was found has taken effect when lookup returns. A failure
			// is for the caller to see who finds the key's trust at its end.
			if _, err := k.lookup(ctx, key.hash, true); err != nil {
				key.entry.refresh.Store(int64(k.now().Sub(k.born) + refreshRetry))
			}
		}
	}
}

// lookup asks the store for a key, together with whoever else asks for it.
func (k *Keyring) lookup(ctx context.Context, hash [32]byte, known bool) (*entry, error) {
	s := k.verified.shard(hash)
	// A read boarded in the first round may have begun before this call, and so
	// before the key was made. In later rounds none has.
	var f *flight
	for first := true; ; first = false {
		var mine bool
		if f, mine = s.board(hash, f); mine {
			k.fly(ctx, s, f, hash, known)
		} else if err := f.wait(ctx); err != nil {
			return nil, errCannotCheck(err)
		}
		switch {
		case f.void: // revoked meanwhile: only a new read can tell.
		case f.cause == nil:
			return f.entry, nil
		case !mine && (f.abandoned || f.missing && first):
		case f.missing:
			return nil, errInvalidKey()
		default:
			return nil, errCannotCheck(f.cause)
		}
	}
}

// fly reads the row of a key for all who board.
func (k *Keyring) fly(ctx context.Context, s *shard, f *flight, hash [32]byte, known bool) {
	f.cause = errors.New("the key store panicked") // unless it returns.
	defer s.land(hash, f)
	f.entry, f.cause = k.read(ctx, hash, known)
	f.missing = errors.Is(f.cause, pmerr.ErrNotFound)
	f.abandoned = f.cause != nil && ctx.Err() != nil
}

func (k *Keyring) read(ctx context.Context, hash [32]byte, known bool) (*entry, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	if !known {
		select {
		case k.strangers <- struct{}{}:
			defer func() { <-k.strangers }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	// Taken before the read: a revocation after it may not be in the row.
	began, doubts := k.now().Sub(k.born), k.doubts.Load()
	row, err := k.store.KeyByHash(ctx, hash)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(row.Hash[:], hash[:]) != 1 {
		return nil, errors.New("the key store answered with another key")
	}
	e := &entry{
		who: Identity{
			KeyID: row.ID, Name: row.Name, Workspace: row.Workspace,
			Scopes: slices.Clip(slices.Clone(row.Scopes)),
		},
		expires: never, confirmed: began, doubts: doubts,
	}
	if row.ExpiresAt != nil {
		e.expires = row.ExpiresAt.Unix()
	}
	if row.LastUsedAt != nil {
		e.used.Store(row.LastUsedAt.UnixNano())
	}
	return e, nil
}

// Forget ends the trust in a key at once. Call it after the key was deleted
// from the store: a read that began before cannot bring the key back.
func (k *Keyring) Forget(hash [32]byte) { k.verified.shard(hash).forget(hash) }

// ForgetAll ends the trust in all keys at once, because another process has
// revoked some: each is asked for once more when it is used. A read that began
// before cannot bring a key back.
func (k *Keyring) ForgetAll() {
	k.doubts.Add(1)
	for i := range k.verified.shards {
		k.verified.shards[i].voidAll()
	}
}

// HasKeys reports whether there is any key at all. ErrUnavailable.
func (k *Keyring) HasKeys(ctx context.Context) (bool, error) {
	some, err := k.store.AnyKey(ctx)
	if err != nil {
		return false, errCannotCheck(err)
	}
	return some, nil
}

// Close ends the background work and writes the uses that were collected. It
// fails with ErrUnavailable when ctx ends first or the store is down. Calling
// it again tries again.
func (k *Keyring) Close(ctx context.Context) error {
	err := errors.Join(k.confirmer.end(ctx), k.flusher.end(ctx))
	if err == nil {
		err = k.usage.flush(ctx)
	}
	if err != nil {
		return pmerr.Down(err, "When API keys were last used could not be stored")
	}
	return nil
}

func errInvalidKey() error { return pmerr.New(pmerr.Unauthorized, "API key is invalid") }

func errCannotCheck(cause error) error {
	e := pmerr.Down(cause, "API keys cannot be checked now; try again shortly")
	e.RetryAfter = time.Second
	return e
}

// Format prints options without the salt, however they are printed.
func (o KeyringOptions) Format(f fmt.State, verb rune) {
	type plain KeyringOptions
	o.Salt = nil
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(o))
}
