package scorer

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxAnswer is how many bytes of a judge's answer are read.
const maxAnswer = 64 << 10

// findAnswer reads a model's answer: a JSON object, alone, in a fence or in
// prose. read gives what an object says, or no if it is not about the question.
//
// Models quote the text that they judge, and that text may hold an object of
// its own that looks like an answer. So two objects that say different things
// are no answer.
func findAnswer[T comparable](text string, read func(members map[string]any) (T, bool, error)) (answer T, reason string, err error) {
	if len(text) > maxAnswer {
		return answer, "", fmt.Errorf("is longer than %d bytes", maxAnswer)
	}
	found := false
	var fault error
	scanJSON(text, "{", func(v any) bool {
		members, ok := v.(map[string]any)
		if !ok {
			return true
		}
		said, about, wrong := read(members)
		switch {
		case wrong != nil:
			fault = wrong
		case !about:
		case found && said != answer:
			fault = errors.New("holds two JSON objects that say different things")
		default:
			answer, found = said, true
			reason, _ = member(members, "reason").(string)
		}
		return fault == nil
	})
	var none T
	switch {
	case fault != nil:
		return none, "", fault
	case !found:
		return none, "", errors.New("holds no JSON object with the members that were asked for")
	}
	return answer, reason, nil
}

// member finds a member without regard to case.
func member(members map[string]any, name string) any {
	if v, ok := members[name]; ok {
		return v
	}
	for key, v := range members {
		if strings.EqualFold(key, name) {
			return v
		}
	}
	return nil
}

// readScore reads {"score": 0.8}; a text with a number will do.
func readScore(members map[string]any) (score float64, about bool, err error) {
	switch v := member(members, "score").(type) {
	case nil:
		return 0, false, nil
	case json.Number:
		score, err = strconv.ParseFloat(string(v), 64)
	case string:
		score, err = strconv.ParseFloat(strings.TrimSpace(v), 64)
	default:
		return 0, false, errors.New("has a score that is no number")
	}
	if err != nil || math.IsNaN(score) || score < 0 || score > 1 {
		return 0, false, errors.New("has a score that is no number from 0 to 1")
	}
	return score, true, nil
}

// choice is what a judge prefers of two answers.
type choice string

const (
	first  choice = "A"
	second choice = "B"
	tie    choice = "tie"
)

// readChoice reads {"winner": "A"}.
func readChoice(members map[string]any) (c choice, about bool, err error) {
	v := member(members, "winner")
	if v == nil {
		return "", false, nil
	}
	said, _ := v.(string)
	switch strings.ToLower(strings.TrimSpace(said)) {
	case "a":
		return first, true, nil
	case "b":
		return second, true, nil
	case "tie":
		return tie, true, nil
	}
	return "", false, errors.New("has a winner that is neither A, B nor tie")
}
