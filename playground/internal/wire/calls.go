package wire

import (
	"errors"
	"strconv"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

// mostCalls bounds the calls of tools in one answer.
const mostCalls = 1000

var errManyCalls = errors.New("more than " + strconv.Itoa(mostCalls) + " tool calls")

// Calls puts the calls of tools together whose arguments come in fragments. The
// zero value is ready.
type Calls struct{ list []*call }

type call struct {
	index     int
	id, name  string
	arguments strings.Builder
	text      Text
}

// Fragment is a piece of a call. Only the first one of a call has its id and
// name; some servers repeat them.
type Fragment struct {
	// Index tells the calls of an answer apart; negative: the server did not
	// say.
	Index    int
	ID, Name string
	// Arguments is a piece of JSON text, itself as a JSON string.
	Arguments []byte
}

// Add takes a fragment.
func (c *Calls) Add(f Fragment) error {
	at := c.find(f)
	if at == nil {
		if len(c.list) == mostCalls {
			return errManyCalls
		}
		at = &call{index: f.Index}
		c.list = append(c.list, at)
	}
	if at.id == "" {
		at.id = f.ID
	}
	if at.name == "" {
		at.name = f.Name
	}
	text, err := at.text.Add(f.Arguments)
	at.arguments.WriteString(text)
	return err
}

// find gives the call that a fragment belongs to, nil for a new one. An id of
// its own makes a new one, for there are servers that count every call as 0; so
// does a name where a server gives neither ids nor numbers.
func (c *Calls) find(f Fragment) *call {
	if f.Index < 0 && f.ID == "" && f.Name != "" {
		return nil
	}
	for i := len(c.list) - 1; i >= 0; i-- {
		at := c.list[i]
		if f.Index >= 0 && at.index != f.Index {
			continue
		}
		if f.ID != "" && at.id != "" && f.ID != at.id {
			if f.Index < 0 {
				continue
			}
			return c.byID(f.ID)
		}
		return at
	}
	return nil
}

func (c *Calls) byID(id string) *call {
	for _, at := range c.list {
		if at.id == id {
			return at
		}
	}
	return nil
}

// Any reports whether there are calls.
func (c *Calls) Any() bool { return len(c.list) > 0 }

// Take gives the calls as parts, in the order in which they began, and forgets
// them.
func (c *Calls) Take() []playground.Part {
	var parts []playground.Part
	for i, at := range c.list {
		tool := playground.ToolCall{ID: at.id, Name: at.name, Arguments: at.arguments.String() + at.text.Rest()}
		if tool.ID == "" {
			tool.ID = CallID(i)
		}
		parts = append(parts, playground.Part{ToolCall: &tool})
	}
	c.list = nil
	return parts
}

// CallID names a call, counted from 0, where the server does not.
func CallID(i int) string { return "call_" + strconv.Itoa(i+1) }
