package providertest

import (
	"net/http"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

// Answer is what a played server answers to a chat. The zero value is an empty
// text that stopped by itself.
type Answer struct {
	// Text is the whole text; ToolCalls are what the model asks for.
	Text      string
	ToolCalls []playground.ToolCall
	// Chunks are the pieces that a stream sends. Default: the words of Text.
	Chunks []string
	// TokensIn and TokensOut are the usage; NoUsage leaves it out. Defaults:
	// the words of the question's messages, the words of Text.
	TokensIn, TokensOut int64
	NoUsage             bool
	// FinishReason is "stop", "length", "tool_calls" or "content_filter", put
	// into the provider's words. Default "stop", with calls "tool_calls".
	FinishReason string

	// Status other than 0 and 200 is an error in the provider's format, with
	// Message. Kind is the provider's word for it; default: what the provider
	// says with that status.
	Status        int
	Kind, Message string
	// Header is added to the answer, such as Retry-After.
	Header http.Header

	// Raw is a body to be sent as it is, with ContentType.
	Raw         []byte
	ContentType string

	// Hold is called before each piece of a stream is sent, with its number
	// from 0; before the one past the last too. It may wait.
	Hold func(piece int)
	// CutAfter breaks the connection after so many pieces of a stream; negative:
	// before any, a whole answer in its middle.
	CutAfter int
	// FailAfter sends an error in the provider's format, with Kind and Message,
	// after so many pieces of a stream; negative: before any.
	FailAfter int
	// NoEnd leaves out the mark that ends a stream, such as [DONE].
	NoEnd bool
	// CRLF ends lines with a carriage return and a newline.
	CRLF bool
	// KeepAlive sends what this provider's streams send to stay open before
	// each piece; an empty line where it has nothing.
	KeepAlive bool
}

func (a Answer) chunks() []string {
	if a.Chunks != nil || a.Text == "" {
		return a.Chunks
	}
	return strings.SplitAfter(a.Text, " ")
}

func (a Answer) text() string {
	if a.Text == "" {
		return strings.Join(a.Chunks, "")
	}
	return a.Text
}

func (a Answer) finish() string {
	switch {
	case a.FinishReason != "":
		return a.FinishReason
	case len(a.ToolCalls) > 0:
		return "tool_calls"
	}
	return "stop"
}

// usage counts words where the script does not count.
func (a Answer) usage(q Question) (in, out int64) {
	in, out = a.TokensIn, a.TokensOut
	if in == 0 {
		for _, m := range q.Messages {
			in += int64(len(strings.Fields(m.Content)))
		}
	}
	if out == 0 {
		out = int64(len(strings.Fields(a.text())))
	}
	return in, out
}
