package access_test

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/access"
)

func BenchmarkAuthenticateHit(b *testing.B) {
	store := newKeyStore()
	ring := newRing(b, store)
	_, secret := store.put(b, access.Key{Scopes: access.Scopes{access.Read}})
	b.Run("one caller", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ring.Authenticate(b.Context(), secret); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all processors", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := ring.Authenticate(b.Context(), secret); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func BenchmarkHash(b *testing.B) {
	secret := newSecret(b)
	b.ReportAllocs()
	for b.Loop() {
		access.Hash(testSalt, secret)
	}
}

func BenchmarkTake(b *testing.B) {
	for name, c := range map[string]struct{ limit, subjects int }{
		"admitted":            {1 << 50, 1},
		"refused":             {1, 1},
		"among 1000 subjects": {1 << 50, 1000},
	} {
		limiter := newLimiter(b, access.LimiterOptions{Max: int64(c.limit), Now: time.Now, SnapshotEvery: time.Second})
		subjects := make([]string, c.subjects)
		for i := range subjects {
			subjects[i] = "key:" + strconv.Itoa(i)
		}
		b.Run(name+"/one caller", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				limiter.Take(b.Context(), subjects[i%len(subjects)])
			}
		})
		b.Run(name+"/all processors", func(b *testing.B) {
			b.ReportAllocs()
			var from atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				for i := int(from.Add(500)); pb.Next(); i++ {
					limiter.Take(b.Context(), subjects[i%len(subjects)])
				}
			})
		})
	}
}

func BenchmarkTakeUnderAFloodOfSubjects(b *testing.B) {
	limiter := newLimiter(b, access.LimiterOptions{Max: 300, Now: time.Now})
	subjects := make([]string, 4*access.MaxSubjects)
	for i := range subjects {
		subjects[i] = "key:" + strconv.Itoa(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		limiter.Take(b.Context(), subjects[i%len(subjects)])
	}
	require.LessOrEqual(b, limiter.Subjects(), access.MaxSubjects)
}
