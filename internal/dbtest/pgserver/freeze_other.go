//go:build !linux

package pgserver

import "errors"

var errNoFreeze = errors.New("PostgreSQL test server: only Linux can freeze it")

// Freeze is for Linux.
func (s *Server) Freeze() error { return errNoFreeze }

// Thaw is for Linux.
func (s *Server) Thaw() error { return errNoFreeze }
