// Package promptmetrics is an embeddable prompt registry and telemetry store
// for programs that build on language models.
//
// [New] opens everything under ./data: a SQLite database and a bare git
// repository. The client's fields are the workspace "default":
//
//	pm, err := promptmetrics.New(promptmetrics.Options{})
//	if err != nil { … }
//	defer pm.Close()
//
//	entry, err := pm.Registry.Get(ctx, "welcome", registry.Query{
//		Variables: map[string]any{"name": "Alice"},
//	})
//	… call the model with entry.Content.Messages …
//	_, err = pm.Telemetry.Log(ctx, telemetry.Log{PromptName: "welcome", VersionTag: entry.Version.Version})
//
// Other workspaces come from [Client.Workspace]; [Workspace.As] names who acts,
// for the audit log. Package httpapi mounts the same over HTTP, and package
// client calls a remote server through the same interfaces.
//
// Errors carry a kind that errors.Is finds, here and through the remote
// client: [ErrNotFound], [ErrValidation] and the others.
package promptmetrics
