package providertest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/promptmetrics-go/promptmetrics/playground"
)

// Question is a request as a played server saw it.
type Question struct {
	// Number counts the requests of the server, from 1.
	Number int
	At     time.Time
	Method string
	Path   string
	Query  url.Values
	Header http.Header
	Body   []byte

	// Model, Stream and Messages are read from the body; of a message's content
	// only the text.
	Model    string
	Stream   bool
	Messages []playground.Message

	gone <-chan struct{}
}

// Gone is closed when the client has left.
func (q Question) Gone() <-chan struct{} { return q.gone }

// LastUser is the text of the last message of the user.
func (q Question) LastUser() string {
	for i := len(q.Messages) - 1; i >= 0; i-- {
		if q.Messages[i].Role == playground.User {
			return q.Messages[i].Content
		}
	}
	return ""
}

// System is the text of the system messages, one a line.
func (q Question) System() string {
	var texts []string
	for _, m := range q.Messages {
		if m.Role == playground.System {
			texts = append(texts, m.Content)
		}
	}
	return strings.Join(texts, "\n")
}

// longestQuestion bounds the bodies that played servers read.
const longestQuestion = 64 << 20

// Record is what a played server was asked. The zero value is ready.
type Record struct {
	mutex sync.Mutex
	asked []Question
}

// Asked gives all requests so far, oldest first, those for models and
// embeddings among them.
func (r *Record) Asked() []Question {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]Question(nil), r.asked...)
}

// Chats gives the requests that asked for an answer.
func (r *Record) Chats() []Question {
	var chats []Question
	for _, q := range r.Asked() {
		if q.Messages != nil {
			chats = append(chats, q)
		}
	}
	return chats
}

// add reads a request and keeps it.
func (r *Record) add(req *http.Request, chat bool) (Question, error) {
	body, err := io.ReadAll(io.LimitReader(req.Body, longestQuestion))
	if err != nil {
		return Question{}, err
	}
	q := Question{
		At: time.Now(), Method: req.Method, Path: req.URL.Path, Query: req.URL.Query(),
		Header: req.Header.Clone(), Body: body, gone: req.Context().Done(),
	}
	if chat {
		q.read()
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	q.Number = len(r.asked) + 1
	r.asked = append(r.asked, q)
	return q, nil
}

// read takes from the body what all wire formats share, and Anthropic's system
// prompt.
func (q *Question) read() {
	q.Messages = []playground.Message{}
	var body struct {
		Model    string          `json:"model"`
		Stream   *bool           `json:"stream"`
		System   json.RawMessage `json:"system"`
		Messages []struct {
			Role    playground.Role `json:"role"`
			Content json.RawMessage `json:"content"`
		} `json:"messages"`
	}
	if json.Unmarshal(q.Body, &body) != nil {
		return
	}
	q.Model, q.Stream = body.Model, body.Stream != nil && *body.Stream
	if text := plainText(body.System); text != "" {
		q.Messages = append(q.Messages, playground.Message{Role: playground.System, Content: text})
	}
	for _, m := range body.Messages {
		q.Messages = append(q.Messages, playground.Message{Role: m.Role, Content: plainText(m.Content)})
	}
}

// plainText reads a content that is a text, or a list of blocks with texts.
func plainText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var blocks []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &blocks) != nil {
		return ""
	}
	for _, b := range blocks {
		text += b.Text
	}
	return text
}
