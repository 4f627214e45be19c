// Package testserver runs real servers for tests, such as Redis: found on the
// machine, started on a free port of 127.0.0.1, halted and resumed at will, and
// gone when the test process ends, however it ends.
package testserver
