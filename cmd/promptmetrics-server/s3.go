package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/registry/s3store"
)

// driverS3 is the DRIVER that keeps prompts in a bucket.
const driverS3 = "s3"

// readS3 reads where the bucket is, if there is to be one.
func (c *config) readS3(e *environment) {
	if driver, _ := e.raw("DRIVER"); driver != driverS3 {
		return
	}
	o := s3store.Options{
		Endpoint:     e.text("S3_ENDPOINT", ""),
		Region:       e.text("S3_REGION", ""),
		Bucket:       e.text("S3_BUCKET", ""),
		Prefix:       e.text("S3_PREFIX", ""),
		AccessKey:    e.text("S3_ACCESS_KEY", ""),
		SecretKey:    e.text("S3_SECRET_KEY", ""),
		SessionToken: e.text("S3_SESSION_TOKEN", ""),
	}
	// Only Amazon has a host name for every bucket as a matter of course.
	style := fmt.Sprint(o.Endpoint != "")
	o.PathStyle = slices.Contains([]string{"true", "1"}, e.oneOf("S3_PATH_STYLE", style, "true", "1", "false", "0"))
	if err := o.Validate(); err != nil {
		for _, fault := range pmerr.From(err).Fields {
			e.fault("%s", namedS3(fault))
		}
	}
	for _, name := range []string{"DRIVER", "S3_ENDPOINT", "S3_REGION", "S3_BUCKET", "S3_PREFIX", "S3_PATH_STYLE"} {
		if e.exported(name) {
			c.exported = append(c.exported, name+"="+quoted(e.text(name, "")))
		}
	}
	for _, name := range []string{"S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_SESSION_TOKEN"} {
		if e.exported(name) {
			c.secrets = append(c.secrets, name)
		}
	}
	c.s3 = &o
}

// openS3 opens the bucket.
func openS3(ctx context.Context, o s3store.Options, log *slog.Logger) (*s3store.Store, error) {
	o.Logger = log
	store, err := s3store.Open(ctx, o)
	if err == nil {
		return store, nil
	}
	e := pmerr.From(err)
	text := e.Message
	if len(e.Fields) > 0 {
		text = e.Fields[0]
	}
	return nil, errors.New(namedS3(text))
}

var (
	s3Subject = regexp.MustCompile(`^(Endpoint|Region|Bucket|Prefix):`)
	s3Option  = regexp.MustCompile(`\b(AccessKey|SecretKey|SessionToken|PathStyle)\b`)
	s3Names   = map[string]string{
		"Endpoint:": "S3_ENDPOINT:", "Region:": "S3_REGION:", "Bucket:": "S3_BUCKET:", "Prefix:": "S3_PREFIX:",
		"AccessKey": "S3_ACCESS_KEY", "SecretKey": "S3_SECRET_KEY", "SessionToken": "S3_SESSION_TOKEN",
		"PathStyle": "S3_PATH_STYLE=true",
	}
)

// namedS3 calls the options of a sentence by their variables.
func namedS3(text string) string {
	text = s3Subject.ReplaceAllStringFunc(text, func(option string) string { return s3Names[option] })
	return s3Option.ReplaceAllStringFunc(text, func(option string) string { return s3Names[option] })
}
