// Package providertest plays the servers of model providers, and holds the
// suite that every [playground.Provider] has to pass.
//
// [OpenAI], [Anthropic], [Cohere] and [Ollama] are HTTP handlers that speak the
// wire formats of those services, record what they are asked and answer what a
// function says, so that tests and examples need no network and no key:
//
//	played := &providertest.OpenAI{Answer: func(q providertest.Question) providertest.Answer {
//		return providertest.Answer{Text: "Hello " + q.LastUser()}
//	}}
//	server := httptest.NewServer(played)
//	defer server.Close()
//
// [Run] is the suite.
package providertest
