// Package docs checks the documents: that their Go code compiles and that their
// links lead somewhere.
package docs
