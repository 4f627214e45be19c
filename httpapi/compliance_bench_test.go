package httpapi_test

import (
	"strconv"
	"strings"
	"testing"
)

// BenchmarkScan sends prose of 1 kB, with and without something to find.
func BenchmarkScan(b *testing.B) {
	const prose = "The committee met on Tuesday to talk about the budget for the coming year, and most members agreed that the library needs a new roof. "
	clean := strings.Repeat(prose, 8)[:1000]
	for name, text := range map[string]string{"clean": clean, "dirty": clean[:900] + " Write to ann.lee@example.com, or call her card 4111 1111 1111 1111."} {
		s := start(b, quiet)
		body := `{"text":"` + text + `"}`
		post := "POST /v1/compliance/scan HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nX-API-Key: " + s.keys[worker] +
			"\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
		b.Run("ours/"+name, func(b *testing.B) { hammer(b, s.url, post) })
		answer := s.send(b, worker, "POST", "/v1/compliance/scan", body)
		b.Run("bare/"+name, func(b *testing.B) { hammer(b, bare(b, answer.body, true), post) })
	}
}
