package main

import (
	"net/http/httptest"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/playground"
	"github.com/promptmetrics-go/promptmetrics/playground/openai"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

// play starts a server that speaks like OpenAI's. With a key it would be
// openai.New(openai.Options{APIKey: …}) instead.
func play() (model playground.Provider, stop func(), err error) {
	server := httptest.NewServer(providertest.NewOpenAI(func(q providertest.Question) providertest.Answer {
		return providertest.Answer{Text: answer(q.Model, q.LastUser())}
	}))
	p, err := openai.NewCompatible("played", openai.Options{BaseURL: server.URL})
	if err != nil {
		server.Close()
		return nil, nil, err
	}
	return p, func() {
		_ = p.Close() // its connections only
		server.Close()
	}, nil
}

// answer knows three capitals of four; a judge knows them all.
func answer(model, question string) string {
	capitals := map[string]string{"France": "Paris", "Norway": "Oslo", "Kenya": "Nairobi", "Australia": "Sydney"}
	for land, city := range capitals {
		switch {
		case !strings.Contains(question, land):
		case model == "judge" && city == "Sydney":
			return `{"score": 0, "reason": "the capital is Canberra"}`
		case model == "judge":
			return `{"score": 1, "reason": "that is the capital"}`
		case strings.Contains(question, "nothing else"):
			return city
		default:
			return "The capital of " + land + " is " + city + "."
		}
	}
	return "I do not know."
}
