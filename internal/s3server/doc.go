// Package s3server runs a real S3 server for tests: versitygw, which keeps
// buckets as folders. It answers on a free port of 127.0.0.1, and is gone when
// the test process ends.
package s3server
