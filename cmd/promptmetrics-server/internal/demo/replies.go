package demo

import (
	"encoding/json"

	"github.com/promptmetrics-go/promptmetrics/eval"
)

// The names of the dataset and of the evaluation.
const (
	supportQuestions = "support-questions"
	supportQuality   = "support-reply-quality"
)

// The versions that are compared.
const versionA, versionB = "1.0.0", "1.1.0"

// criteria need no model: replies greet, are short, and promise no refund.
const criteria = `{"min_score":0.9,"rules":[
	{"type":"starts_with","name":"greets","config":{"prefix":"Hello {{input.customer}}"}},
	{"type":"length","name":"is short","config":{"max":170}},
	{"type":"keyword","name":"promises no refund","weight":2,"config":{"mode":"none","ignore_case":true,"keywords":["refund you","money back","full refund"]}}
]}`

// reply is a question of a customer, and what two versions answered.
type reply struct{ customer, question, a, b string }

func replies() []reply {
	return []reply{
		{
			"Ada", "Where is my parcel?",
			"Hello Ada, it left us yesterday and should be with you by Friday.",
			"Hello Ada, it left us yesterday and should be with you by Friday.",
		},
		{
			"Ben", "My lamp arrived broken.",
			"Hello Ben, I am so sorry! We will refund you today.",
			"Hello Ben, I am sorry about the lamp. A colleague will look at it and write to you today.",
		},
		{
			"Chloe", "Can I change the address of my order?",
			"Hello Chloe, yes: until it is packed. Tell me the new one, please.",
			"Hello Chloe, yes: until it is packed. Tell me the new one, please.",
		},
		{
			"Deniz", "The tent leaks. I want my money back.",
			"Hello Deniz, of course you get your money back.",
			"Hello Deniz, a leaking tent is no fun. A colleague will look at it and write to you today.",
		},
		{
			"Emil", "Do you ship to Iceland?",
			"We do ship to Iceland.",
			"Hello Emil, we do. It takes six to eight days.",
		},
		{
			"Fatima", "How long can I return the headphones?",
			"Hello Fatima, for thirty days, and you get a full refund whatever the reason is.",
			"Hello Fatima, for thirty days after they arrived, in their box.",
		},
		{
			"Goran", "Is the city bike back in stock?",
			"Hello Goran, thank you so much for your interest in our city bike, which many of our customers love for its quiet gears, its light frame and its colours! It will be back in May, as far as we know today.",
			"Hello Goran, not yet. It will be back in May.",
		},
		{
			"Hana", "I was charged twice.",
			"Hello Hana, we will refund you the second payment at once.",
			"Hello Hana, thank you for telling us. A colleague will check both payments today.",
		},
		{
			"Ivo", "Which size of rain coat do I need at 1.85 m?",
			"Hello Ivo, L fits most people of your height.",
			"Hello Ivo, L fits most people of your height.",
		},
		{
			"Jana", "Can you gift-wrap the tea kettle?",
			"Hello Jana, yes, for two euros: tick the box at the checkout.",
			"Hello Jana, yes, for two euros: tick the box at the checkout.",
		},
		{
			"Kofi", "The socks are too small.",
			"Sure, send them back and we refund you.",
			"Hello Kofi, send them back and tell us the size that you need.",
		},
		{
			"Lena", "Why does your shop want my date of birth?",
			"Hello Lena, it does not have to know: the field may stay empty.",
			"Lena, the field may stay empty.",
		},
	}
}

// rows are the questions with what the version in use answered.
func rows() []eval.Row {
	var all []eval.Row
	for _, r := range replies() {
		output := r.b
		all = append(all, eval.Row{
			Input: raw(map[string]any{"customer": r.customer, "question": r.question}), Output: &output,
		})
	}
	return all
}

// quality are the criteria, which cannot fail to be read.
func quality() (c eval.Criteria) {
	_ = json.Unmarshal([]byte(criteria), &c)
	return c
}
