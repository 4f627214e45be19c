package main

import "github.com/promptmetrics-go/promptmetrics/registry"

func slogan() registry.Prompt {
	return registry.Prompt{
		Name: "slogan", Version: "1.0.0",
		Messages: []registry.Message{{Role: registry.User, Content: "A slogan for {{product}}, please."}},
	}
}

func signature() registry.Signature {
	return registry.Signature{Author: "The shop", Message: "First slogan"}
}
