// Package s3store keeps prompts in a bucket: Amazon's, or that of any server
// that speaks S3 with conditional writes and with listings that lack nothing.
// Open refuses a server that has no conditional writes.
//
// Versions lie where people find them, one object each, below the prefix:
//
//	prompts/{name}/{version}.json
//	workspaces/{workspace}/prompts/{name}/{version}.json
//
// Each is written with "If-None-Match: *", so that of all nodes one writes it,
// once. People may add objects (JSON or YAML) and delete them with any tool; a
// [Store.Diff] finds out. What the store needs for itself is next to them:
//
//	.promptmetrics/content/{2 digits}/{SHA-256}  the bytes that a ref names, for ever
//	.promptmetrics/states/{head}.gz              earlier listings, which a Diff compares with
//	.promptmetrics/check/…                       written and read back by checks
//
// The content of a version is written before its object, so that a ref finds
// its bytes also after somebody has deleted or overwritten the object. Author,
// message and time are metadata of the object.
//
// A Diff lists the prompt folders, a request for each thousand objects, and
// reads only objects that are new: what is known of the others is in the state
// that was compared with. An object is new if its key, size, time or ETag is;
// nothing is read out of the ETag itself.
package s3store
