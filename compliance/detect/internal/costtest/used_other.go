//go:build !linux

package costtest

import "time"

// used falls back on the clock.
func used() time.Duration { return time.Duration(time.Now().UnixNano()) }
