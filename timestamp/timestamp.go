// Package timestamp holds the time of the wire format: whole Unix seconds.
package timestamp

import (
	"fmt"
	"strconv"
	"time"
)

// Time is a point in time with a resolution of one second, in UTC. In JSON it
// is an integer, the Unix seconds. All of [time.Time] is there to use.
type Time struct{ time.Time }

// Of cuts t to the second that the wire can carry.
func Of(t time.Time) Time { return Time{time.Unix(t.Unix(), 0).UTC()} }

// MarshalJSON writes the Unix seconds.
func (t Time) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, t.Unix(), 10), nil
}

// UnmarshalJSON reads Unix seconds.
func (t *Time) UnmarshalJSON(data []byte) error {
	seconds, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil {
		return fmt.Errorf("timestamp: %q is not an integer of Unix seconds", data)
	}
	*t = Of(time.Unix(seconds, 0))
	return nil
}
