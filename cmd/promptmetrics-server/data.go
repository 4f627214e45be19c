package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"strings"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// data is the library with what the program opened for it.
type data struct {
	*promptmetrics.Client
	content io.Closer // nil if the library opens its prompt store itself
}

// Close closes the library, then what it stood on.
func (d *data) Close() error {
	err := d.Client.Close()
	if d.content != nil {
		err = errors.Join(err, d.content.Close())
	}
	return err
}

// openData opens the library on the configured data.
func openData(ctx context.Context, c config, log *slog.Logger) (*data, error) {
	c.options.Logger = log
	var err error
	if c.options.Providers, err = c.openProviders(log); err != nil {
		return nil, err
	}
	d := &data{}
	if c.s3 != nil {
		store, err := openS3(ctx, *c.s3, log)
		if err != nil {
			return nil, err
		}
		c.options.Content, d.content = store, store
	}
	if c.redis != nil && c.options.Content != nil {
		c.options.Content = c.redis.Content(c.options.Content)
	}
	if d.Client, err = promptmetrics.New(c.options); err != nil {
		err = errors.New(strings.NewReplacer(c.remoteNames...).Replace(named(err)))
		if d.content != nil {
			err = errors.Join(err, d.content.Close())
		}
		return nil, err
	}
	return d, nil
}

// withData runs a command on the configured data, opened for it alone: nothing
// happens but what the command does, and only failures are logged.
func withData[T any](ctx context.Context, p *program, do func(c config, pm *promptmetrics.Client) (T, error)) (T, error) {
	var none T
	c, err := readConfig(readEnvironment(p.lookup))
	if err != nil {
		return none, err
	}
	c.level = slog.LevelError
	c.options.Idle = true
	d, err := openData(ctx, c, p.logger(c))
	if err != nil {
		return none, err
	}
	result, err := do(c, d.Client)
	return result, errors.Join(err, d.Close())
}

// logger writes to standard error; standard output is for answers.
func (p *program) logger(c config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.level}
	if c.json {
		return slog.New(slog.NewJSONHandler(p.err, options))
	}
	return slog.New(slog.NewTextHandler(p.err, options))
}

// option is how the library calls an option that has a variable.
var option = regexp.MustCompile(`Options\.\w+ \((\w+)\)`)

// named puts the variable before what the library says about an option that it
// knows by another name.
func named(err error) string {
	text := err.Error()
	if e, ok := errors.AsType[*pmerr.Error](err); ok && len(e.Fields) > 0 {
		text = strings.Join(e.Fields, "; ")
	}
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
	text = option.ReplaceAllString(text, "$1")
	for _, subject := range [][2]string{
		{"Path: ", "PROMPTS_PATH: "},
		{"The prompt repository ", "PROMPTS_PATH: the prompt repository "},
		{"PostgreSQL", "DATABASE_URL: PostgreSQL"},
		{"the PostgreSQL connection URL", "DATABASE_URL: the PostgreSQL connection URL"},
		{"the SQLite file", "SQLITE_PATH: the SQLite file"},
		{"the API key salt", "API_KEY_SALT: the API key salt"},
		{"the data folder", "DATA_DIR: the data folder"},
	} {
		if rest, ok := strings.CutPrefix(text, subject[0]); ok {
			return subject[1] + rest
		}
	}
	return text
}
