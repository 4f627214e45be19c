package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
)

// TestTour is the tour of the documentation, by copy and paste.
func TestTour(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.write(t, "welcome.json", welcome)
	u.write(t, "tour.sh", `
set -e
promptmetrics create-prompt --file welcome.json
promptmetrics get-prompt welcome --var name=Alice
promptmetrics log \
--prompt-name welcome \
--version 1.0.0 \
--provider openai \
--model gpt-4o \
--tokens-in 10 \
--tokens-out 20 \
--latency-ms 500 \
--cost-usd 0.001
TRACE=$(promptmetrics create-trace --prompt-name welcome | jq -r '.trace_id')
promptmetrics add-span "$TRACE" --name fetch-prompt --status ok --start-time 1000 --end-time 2000
promptmetrics get-trace "$TRACE"
RUN=$(promptmetrics create-run --workflow headline-agent --input topic=AI | jq -r '.run_id')
promptmetrics update-run "$RUN" --status completed --output headline="AI Breakthrough"
promptmetrics add-label welcome production --version 1.0.0
promptmetrics get-label welcome production
promptmetrics get-prompt welcome --version v1.0.0 --var name=Bob
promptmetrics get-run "$RUN"
`)
	if _, err := exec.LookPath("jq"); err != nil { // then this is as much of it as the tour needs
		u.write(t, "bin/jq", "#!/bin/sh\nsed -n \"s/.*\\\"${2#.}\\\": *\\\"\\([^\\\"]*\\)\\\".*/\\1/p\"\n")
		require.NoError(t, os.Chmod(filepath.Join(u.Dir, "bin", "jq"), 0o700))
		u.Env = append(u.Env, "PATH="+filepath.Join(u.Dir, "bin")+":"+programs.Folder(t)+":"+os.Getenv("PATH"))
	}
	r := programs.Run(t, u.Call, "sh", "tour.sh")
	require.Zero(t, r.Code, r.Err)
	require.Empty(t, r.Err)
	var answers []map[string]any
	for decoder := json.NewDecoder(strings.NewReader(r.Out)); decoder.More(); {
		var answer map[string]any
		require.NoError(t, decoder.Decode(&answer), "everything is JSON")
		answers = append(answers, answer)
	}
	require.Len(t, answers, 10)
	pick := func(n int, names ...string) map[string]any {
		part := map[string]any{}
		for _, name := range names {
			part[name] = answers[n][name]
		}
		return part
	}
	require.Equal(t, map[string]any{"name": "welcome", "version_tag": "1.0.0"}, pick(0, "name", "version_tag"))
	require.Equal(t, []any{
		map[string]any{"role": "system", "content": "You are a helpful assistant."},
		map[string]any{"role": "user", "content": "Hello Alice!"},
	}, answers[1]["content"].(map[string]any)["messages"])
	require.Equal(t, map[string]any{"id": 1.0, "status": "accepted"}, answers[2])
	require.Equal(t, map[string]any{"name": "fetch-prompt", "status": "ok"}, pick(3, "name", "status"))
	require.Equal(t, answers[3]["trace_id"], answers[4]["trace_id"])
	span := answers[4]["spans"].([]any)[0].(map[string]any)
	require.Equal(t, []any{answers[3]["span_id"], 1000.0, 2000.0}, []any{span["span_id"], span["start_time"], span["end_time"]})
	require.Equal(t, "updated", answers[5]["status"])
	require.Equal(t, map[string]any{"prompt_name": "welcome", "name": "production", "version_tag": "1.0.0"}, answers[6])
	require.Equal(t, map[string]any{"prompt_name": "welcome", "name": "production", "version_tag": "1.0.0", "protected": false},
		pick(7, "prompt_name", "name", "version_tag", "protected"))
	require.Contains(t, r.Out, "Hello Bob!")
	require.Equal(t, map[string]any{
		"status": "completed", "input": map[string]any{"topic": "AI"}, "output": map[string]any{"headline": "AI Breakthrough"},
	}, pick(9, "status", "input", "output"))
}

// TestOverview are the commands of the documentation's overview.
func TestOverview(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.write(t, "welcome.json", welcome)
	u.write(t, "my-prompts/farewell.yaml", "name: farewell\nversion: 1.0.0\nmessages:\n  - {role: user, content: Goodbye}\n")
	u.write(t, "overview.sh", `
set -e
promptmetrics init # Create promptmetrics.yaml
promptmetrics create-prompt --file welcome.json
promptmetrics list-prompts
promptmetrics get-prompt welcome --version v1.0.0 --raw
promptmetrics import --dir ./my-prompts/
promptmetrics export --out ./backup/
promptmetrics log --prompt-name welcome --version 1.0.0
promptmetrics create-trace --prompt-name welcome
promptmetrics create-run --workflow headline-agent
promptmetrics add-label welcome production --version 1.0.0
`)
	r := programs.Run(t, u.Call, "sh", "overview.sh")
	require.Zero(t, r.Code, r.Err)
	require.Contains(t, r.Out, "Imported 1 versions, skipped 0 that were there, set 0 labels and 0 pins\n")
	require.Contains(t, r.Out, "Exported 2 versions and 0 labels\n")
	for _, file := range []string{"promptmetrics.yaml", "backup/prompts/welcome/1.0.0.json", "backup/prompts/farewell/1.0.0.json", "backup/labels.json"} {
		require.FileExists(t, filepath.Join(u.Dir, file))
	}
}

func TestPromptCommands(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.write(t, "welcome.json", welcome)
	u.write(t, "next.yaml", `
name: welcome
version: 1.1.0
tags: [greeting]
messages:
  - {role: system, content: "You are a <helpful> assistant & more."}
  - {role: user, content: "Hello {{name}}, you are {{age}}!{{#items}} {{sku}}{{/items}}"}
variables:
  name: {type: string, required: true}
  age: {type: number}
  items: {type: array}
model_config: {temperature: 0.5}
x-owner: {team: growth}
`)
	made := u.must(t, "create-prompt", "--file", "welcome.json", "--author", "Ada <ada@example.com>", "--message", "First\n\nBody")
	require.Contains(t, made, `"commit_sha": "`)
	u.must(t, "create-prompt", "-f", "next.yaml")
	u.must(t, "add-label", "welcome", "production", "--version", "v1.0.0")

	t.Run("get-prompt finds versions, ranges and labels, and renders text and JSON", func(t *testing.T) {
		out := u.must(t, "get-prompt", "welcome", "--version", "^1.1", "--var", "name=A=B", "--var-json", "age=1000000", "--var-json", `items=[{"sku":"x"},{"sku":"y"}]`)
		require.Contains(t, out, `"content": "Hello A=B, you are 1000000! x y"`)
		require.Contains(t, out, `You are a <helpful> assistant & more.`, "nothing is escaped for HTML")
		require.Contains(t, out, `"x-owner": {`)
		require.Contains(t, u.must(t, "get-prompt", "welcome", "--label", "production", "--var", "name=x"), `"version_tag": "1.0.0"`)
		require.Contains(t, u.must(t, "get-prompt", "welcome", "--raw"), "Hello {{name}}, you are {{age}}!")
	})
	t.Run("list-prompts is a table, or JSON", func(t *testing.T) {
		table := strings.Split(u.must(t, "list-prompts"), "\n")
		require.Regexp(t, `^NAME +LATEST +PINNED +LABELS +TAGS +UPDATED$`, table[0])
		require.Regexp(t, `^welcome +1\.1\.0 +- +production +greeting +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$`, table[1])
		var list struct {
			Items []struct{ Name string }
			Total int
		}
		require.NoError(t, json.Unmarshal([]byte(u.must(t, "list-prompts", "--json", "-q", "ELC", "--tag", "greeting", "--label", "production")), &list))
		require.Equal(t, "welcome", list.Items[0].Name)
		require.Equal(t, 1, list.Total)
		require.Equal(t, servertest.Result{Err: "No prompts.\n"}, u.run(t, "list-prompts", "-q", "nothing"))
		require.JSONEq(t, `{"items":[],"total":0}`, u.must(t, "list-prompts", "-q", "nothing", "--json"))
	})
	t.Run("versions and history tell who and why", func(t *testing.T) {
		require.Regexp(t, `1\.0\.0 +- +production +\S+ \S+ +Ada <ada@example\.com> +[0-9a-f]{10} +First\n`, u.must(t, "versions", "welcome"))
		require.Regexp(t, `publish +1\.0\.0 +Ada <ada@example\.com> +[0-9a-f]{10} +First\n`, u.must(t, "history", "welcome"))
	})
	t.Run("diff is for people, or JSON", func(t *testing.T) {
		out := u.must(t, "diff", "welcome", "v1.0.0", "1.1.0")
		require.Contains(t, out, "messages[0] changed (system)\n")
		require.Contains(t, out, "  -You are a helpful assistant.\n  +You are a <helpful> assistant & more.\n")
		require.Contains(t, out, "model_config: - → {\"temperature\":0.5}\n")
		require.Equal(t, "No differences.\n", u.must(t, "diff", "welcome", "1.0.0", "1.0.0"))
		require.True(t, json.Valid([]byte(u.must(t, "diff", "welcome", "1.0.0", "1.1.0", "--json"))))
	})
	t.Run("activate pins and unpins", func(t *testing.T) {
		require.JSONEq(t, `{"name":"welcome","version_tag":"1.0.0"}`, u.must(t, "activate", "welcome", "v1.0.0"))
		require.Contains(t, u.must(t, "get-prompt", "welcome", "--raw"), `"version_tag": "1.0.0"`)
		require.Regexp(t, `1\.0\.0 +yes `, u.must(t, "versions", "welcome"))
		require.JSONEq(t, `{"name":"welcome","version_tag":null}`, u.must(t, "activate", "welcome", "--unpin"))
		require.Contains(t, u.must(t, "get-prompt", "welcome", "--raw"), `"version_tag": "1.1.0"`)
	})
	t.Run("labels are listed and deleted", func(t *testing.T) {
		u.must(t, "add-label", "welcome", "latest-one")
		require.Regexp(t, `latest-one +1\.1\.0 `, u.must(t, "list-labels", "welcome"))
		require.Equal(t, servertest.Result{Err: "Deleted the label latest-one of welcome.\n"}, u.run(t, "delete-label", "welcome", "latest-one"))
		require.Equal(t, servertest.Result{Code: 1, Err: "promptmetrics: Label not found\n"}, u.run(t, "get-label", "welcome", "latest-one"))
	})
	t.Run("delete-prompt asks, and is told with --yes", func(t *testing.T) {
		require.Equal(t, servertest.Result{Code: 2, Err: "promptmetrics: deleting needs a terminal to ask on, or --yes\nSee: promptmetrics delete-prompt --help\n"},
			u.run(t, "delete-prompt", "welcome"))
		require.Equal(t, servertest.Result{Err: "Deleted welcome 1.0.0.\n"}, u.run(t, "delete-prompt", "welcome", "--version", "v1.0.0", "--yes"))
		require.Equal(t, servertest.Result{Err: "Deleted welcome.\n"}, u.run(t, "delete-prompt", "welcome", "--yes", "--message", "Gone"))
		require.Equal(t, servertest.Result{Err: "No prompts.\n"}, u.run(t, "list-prompts"))
	})
}

func TestStandardInput(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.In = welcome
	require.Contains(t, u.must(t, "create-prompt", "--file", "-"), `"name": "welcome"`)
	u.In = "name: y\nversion: 2.0.0\nmessages: [{role: user, content: Hi}]\n"
	require.Contains(t, u.must(t, "create-prompt", "--file", "-"), `"version_tag": "2.0.0"`)
}

func TestTelemetryCommands(t *testing.T) {
	t.Parallel()
	u := newUser(t)

	t.Run("log keeps zero apart from unknown, and data as it is", func(t *testing.T) {
		u.must(t, "log", "--prompt-name", "p", "--version", "v1.2.3", "--tokens-in", "0", "--model", "gpt-4o", "--metadata", "user=a,b=c", "--metadata-json", `score=0.5`, "--http-status", "503")
		var list struct {
			Items []map[string]any
		}
		require.NoError(t, json.Unmarshal([]byte(u.must(t, "list-logs", "--json", "--prompt-name", "p", "--version", "v1.2.3", "--status", "error")), &list))
		require.Len(t, list.Items, 1)
		got := list.Items[0]
		require.Equal(t, []any{"1.2.3", 0.0, nil, nil, "error"}, []any{got["version_tag"], got["tokens_in"], got["tokens_out"], got["latency_ms"], got["status"]})
		require.Equal(t, map[string]any{"user": "a,b=c", "score": 0.5}, got["metadata"])
	})
	t.Run("lists show the newest, and how many there are", func(t *testing.T) {
		for range 3 {
			u.must(t, "log", "--prompt-name", "many", "--version", "1.0.0")
		}
		r := u.run(t, "list-logs", "--prompt-name", "many", "--limit", "2")
		require.Equal(t, 3, strings.Count(r.Out, "\n"))
		require.Equal(t, "2 of 3; --limit 0 shows all.\n", r.Err)
		require.Equal(t, 4, strings.Count(u.must(t, "list-logs", "--prompt-name", "many", "--limit", "0"), "\n"))
	})
	t.Run("traces, spans and runs with all their fields", func(t *testing.T) {
		trace, parent := "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
		require.JSONEq(t, `{"trace_id":"`+trace+`","prompt_name":"p","version_tag":"1.0.0","status":"created"}`,
			u.must(t, "create-trace", "--trace-id", trace, "--prompt-name", "p", "--version", "v1.0.0", "--metadata", "session=7"))
		require.JSONEq(t, `{"trace_id":"`+trace+`","span_id":"`+parent+`","name":"whole","status":"unset"}`,
			u.must(t, "add-span", trace, "--name", "whole", "--span-id", parent))
		u.must(t, "add-span", trace, "--name", "part", "--parent-id", parent, "--status", "running", "--metadata-json", "n=[1]")
		shown := u.must(t, "get-trace", trace)
		require.Contains(t, shown, `"parent_id": "`+parent+`"`)
		require.Contains(t, shown, `"session": "7"`)
		run := "33333333-3333-4333-8333-333333333333"
		require.JSONEq(t, `{"run_id":"`+run+`","workflow_name":"w","status":"running"}`,
			u.must(t, "create-run", "--workflow", "w", "--run-id", run, "--trace-id", trace, "--input-json", `deep={"a":[1,2]}`))
		require.JSONEq(t, `{"run_id":"`+run+`","status":"unchanged"}`, u.must(t, "update-run", run))
		require.JSONEq(t, `{"run_id":"`+run+`","status":"updated"}`, u.must(t, "update-run", run, "--status", "failed", "--metadata", "why=x"))
		require.Contains(t, u.must(t, "get-run", run), `"trace_id": "`+trace+`"`)
		require.Regexp(t, run+` +w +failed `, u.must(t, "list-runs", "--workflow", "w", "--status", "failed"))
		require.Regexp(t, trace+` +\S+ \S+ +p +1\.0\.0\n`, u.must(t, "list-traces", "--prompt-name", "p"))
	})
}

func TestWorkspaces(t *testing.T) {
	t.Parallel()
	s := programs.Start(t, t.TempDir())
	team, master := userOf(t, s, "--workspace", "team-a"), userOf(t, s, "--workspace", "*")
	team.write(t, "welcome.json", welcome)

	team.must(t, "create-prompt", "--file", "welcome.json")
	require.Contains(t, team.must(t, "list-prompts"), "welcome", "a key works in its workspace without being told")
	require.Contains(t, team.must(t, "list-prompts", "--workspace", "team-a"), "welcome")
	r := team.run(t, "list-prompts", "--workspace", "default")
	require.Equal(t, 1, r.Code)
	require.Contains(t, r.Err, "API key does not belong to this workspace")
	require.Equal(t, "No prompts.\n", master.run(t, "list-prompts").Err)
	require.Contains(t, master.must(t, "list-prompts", "--workspace", "team-a"), "welcome")
	master.Env = append(master.Env, "PROMPTMETRICS_WORKSPACE=team-a")
	require.Contains(t, master.must(t, "list-prompts"), "welcome")
	require.Equal(t, "No prompts.\n", master.run(t, "list-prompts", "--workspace", "default").Err, "the flag wins")
}

func TestTablesAreSafeForTerminals(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	u.write(t, "p.json", `{"name":"p","version":"1.0.0","tags":["\u001b[2Jred"],"messages":[{"role":"user","content":"a\u001b]0;x\u0007"}]}`)
	u.write(t, "q.json", `{"name":"p","version":"1.1.0","messages":[{"role":"user","content":"b\tc"}]}`)
	u.must(t, "create-prompt", "--file", "p.json", "--message", "\x1b[31mred")
	u.must(t, "create-prompt", "--file", "q.json")
	for _, args := range [][]string{{"list-prompts"}, {"versions", "p"}, {"history", "p"}, {"diff", "p", "1.0.0", "1.1.0"}, {"get-prompt", "p"}} {
		out := u.must(t, args...)
		require.NotContains(t, out, "\x1b", args)
		require.NotContains(t, out, "\a", args)
	}
	require.Contains(t, u.must(t, "diff", "p", "1.0.0", "1.1.0"), "+b\tc\n")
}

func TestInit(t *testing.T) {
	t.Parallel()
	s := programs.Start(t, t.TempDir())
	key := s.Key(t)
	u := &user{Call: servertest.Call{Dir: t.TempDir()}}

	r := u.run(t, "init", "--server", s.URL, "--api-key", key)
	require.Zero(t, r.Code, r.Err)
	file := filepath.Join(u.Dir, "promptmetrics.yaml")
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.Equal(t, "No prompts.\n", u.run(t, "list-prompts").Err, "the file is enough")

	require.Equal(t, servertest.Result{Code: 1, Err: "promptmetrics: promptmetrics.yaml exists already: edit it, or replace it with --force\n"}, u.run(t, "init"))
	require.Zero(t, u.run(t, "init", "--force").Code)
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "server: http://localhost:3000\n")
	require.NotContains(t, string(text), key)
	left, err := os.ReadDir(u.Dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
}
