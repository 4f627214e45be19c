package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/redisnode"
)

// readRedisURL never shows the value: a password is part of it.
func readRedisURL(e *environment) string {
	text := e.text("REDIS_URL", "")
	if text == "" {
		return ""
	}
	if _, err := redisnode.ParseURL(text); err != nil {
		e.fault("REDIS_URL %v", err)
	}
	return text
}

// openRedis connects to the Redis that the nodes share, if there is one.
func openRedis(ctx context.Context, c *config, log *slog.Logger) error {
	if c.redisURL == "" {
		return nil
	}
	redisnode.Quiet()
	node, err := redisnode.Open(ctx, redisnode.Options{URL: c.redisURL, Logger: log})
	if err != nil {
		// What Redis said is in the message; the cause says it once more.
		return errors.New(named(errors.New(pmerr.From(err).Message)))
	}
	c.redis, c.options.Limits, c.options.Bus = node, node, node
	return nil
}

// closeRedis ends the connection, once nothing uses it any more.
func closeRedis(c config) error {
	if c.redis == nil {
		return nil
	}
	return c.redis.Close()
}

// forgetCached removes the prompts that the nodes have in Redis. A prompt store
// that is compared anew may be another one than they came from.
func forgetCached(ctx context.Context, c config, log *slog.Logger) error {
	if err := openRedis(ctx, &c, log); err != nil || c.redis == nil {
		return err
	}
	err := c.redis.ForgetContent(ctx)
	if err != nil {
		err = errors.New("REDIS_URL: the prompts in Redis could not be removed: " + err.Error())
	}
	return errors.Join(err, c.redis.Close())
}
