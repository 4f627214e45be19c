// Package promptmetrics is what programs that build on language models need
// beside the model: prompts in git, telemetry, evaluations, A/B tests,
// compliance, a playground and metrics, embedded in one process.
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
// The other fields of [Handles] are as direct: Evals measures versions on
// datasets, ABTests compares and promotes them, Compliance finds sensitive data
// and guards what is published, logged and asked, Playground calls the models of
// [Options.Providers] within the Budget, and Metrics sums it all up.
//
// Other workspaces come from [Client.Workspace]; [Workspace.As] names who acts,
// for the audit log. Package httpapi mounts the same over HTTP, and package
// client calls a remote server through the same interfaces.
//
// Errors carry a kind that errors.Is finds, here and through the remote
// client: [ErrNotFound], [ErrValidation] and the others.
package promptmetrics
