// Package client uses a PromptMetrics server from another program.
//
//	c, err := client.New("https://prompts.example.com", client.Options{APIKey: key})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	greeting, err := c.Registry.Get(ctx, "welcome", registry.Query{
//		Label:     "production",
//		Variables: map[string]any{"name": "Ada"},
//	})
//
// [Registry], [Telemetry], [Keys] and [Audit] implement the interfaces of the
// domain packages, so code that takes a registry.Prompts runs in-process and
// remotely alike, and errors.Is(err, pmerr.ErrNotFound) holds on both sides.
//
// # When the server is slow or away
//
// Calls that failed in passing are repeated with growing, jittered pauses.
// Repeating is safe: records get their id here before the first attempt, and
// logs travel with an idempotency key, so nothing is written twice.
//
// Prompts are cached as files and rendered here. A file older than the TTL is
// still served while one refresh runs behind the call, and it stays when the
// server is down. A program that carries prompts along ([Options.Fallback])
// gets those when it has never reached the server. [registry.Entry] tells by
// its Source which of them was answered.
//
// A [Batcher] takes logs without ever blocking and delivers them in batches.
package client
