package main_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/servertest"
	"github.com/promptmetrics-go/promptmetrics/internal/testserver"
	"github.com/promptmetrics-go/promptmetrics/playground/providertest"
)

// played gives the server's settings for a model that a function plays.
func played(t *testing.T, answer func(providertest.Question) providertest.Answer) (model *providertest.OpenAI, env []string) {
	t.Helper()
	model = providertest.NewOpenAI(answer)
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	return model, []string{"OPENAI_API_KEY=sk-of-a-test", "OPENAI_BASE_URL=" + server.URL + "/v1"}
}

// echo answers with what it was asked.
func echo(q providertest.Question) providertest.Answer {
	return providertest.Answer{Text: "You said: " + q.LastUser(), TokensIn: 1000, TokensOut: 500}
}

func TestChat(t *testing.T) {
	t.Parallel()
	model, env := played(t, echo)
	u := newUser(t, env...)
	chat := func(args ...string) []string {
		return append([]string{"chat", "--provider", "openai", "--model", "gpt-4o-mini"}, args...)
	}

	t.Run("the answer is the output, and what it took a line beside it", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{"-m", "Hi"}, {"-m", "Hi", "--stream"}} {
			r := u.run(t, chat(args...)...)
			require.Zero(t, r.Code, r.Err)
			require.Equal(t, "You said: Hi\n", r.Out)
			require.Regexp(t, `^gpt-4o-mini · tokens: 1000 in, 500 out · \d+ ms · \$0\.00045\n$`, r.Err)
		}
	})
	t.Run("the message may come from standard input", func(t *testing.T) {
		t.Parallel()
		call := u.Call
		call.In = "a long\nstory\n"
		r := programs.Run(t, call, "promptmetrics", chat()...)
		require.Equal(t, "You said: a long\nstory\n\n", r.Out)
	})
	t.Run("JSON is the whole answer, and nothing beside it", func(t *testing.T) {
		t.Parallel()
		var a struct {
			Output    string
			TokensIn  int     `json:"tokensIn"`
			CostUSD   float64 `json:"costUsd"`
			LatencyMS *int    `json:"latencyMs"`
		}
		require.NoError(t, json.Unmarshal([]byte(u.must(t, chat("-m", "Hi", "--json")...)), &a))
		require.Equal(t, "You said: Hi", a.Output)
		require.Equal(t, 1000, a.TokensIn)
		require.InDelta(t, 0.00045, a.CostUSD, 1e-12)
		require.NotNil(t, a.LatencyMS)
	})
	t.Run("everything that was said reaches the model", func(t *testing.T) {
		t.Parallel()
		r := u.run(t, chat("-m", "Greet {{who}} {{n}} times", "--system", "Be {{how}}", "--var", "who=Ada", "--var", "how=kind",
			"--var-json", "n=3", "--temperature", "0", "--max-tokens", "7")...)
		require.Zero(t, r.Code, r.Err)
		for _, q := range model.Chats() {
			if q.LastUser() != "Greet Ada 3 times" {
				continue
			}
			require.Equal(t, "Be kind", q.System())
			var body map[string]any
			require.NoError(t, json.Unmarshal(q.Body, &body))
			require.InDelta(t, 0.0, body["temperature"], 0)
			require.Contains(t, string(q.Body), ":7")
			return
		}
		t.Fatal("the model was never asked that")
	})
	t.Run("the call is logged", func(t *testing.T) {
		t.Parallel()
		require.Zero(t, u.run(t, chat("-m", "Hi")...).Code)
		require.Regexp(t, `playground +latest +gpt-4o-mini +ok +1000 +500`, u.must(t, "list-logs", "--prompt-name", "playground"))
	})
	t.Run("faults", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			args []string
			code int
			want string
		}{
			{[]string{"chat", "-m", "x"}, 2, "required flag(s) \"model\", \"provider\" not set"},
			{chat("-m", ""), 2, "the message is empty: give --message, or write it to standard input"},
			{chat("-m", "x", "--json", "--stream"), 2, "--json and --stream exclude each other"},
			{chat("-m", "x", "--var", "y"), 2, "--var must be key=value"},
			{chat("-m", "Hello {{name}}"), 1, "variables.name is required by messages[0]; fill it in with --var name=text"},
			{chat("-m", "x", "--temperature", "3"), 1, "temperature must be from 0 to 2"},
			{[]string{"chat", "--provider", "anthropic", "--model", "m", "-m", "x"}, 1, "set ANTHROPIC_API_KEY on the server"},
			{[]string{"chat", "--provider", "nobody", "--model", "m", "-m", "x", "--stream"}, 1, "Unknown provider: known are openai"},
		} {
			r := u.run(t, c.args...)
			require.Equal(t, c.code, r.Code, c.args)
			require.Contains(t, r.Err, c.want)
			require.Empty(t, r.Out)
			require.Equal(t, c.code, strings.Count(r.Err, "\n"), r.Err)
		}
	})
}

func TestChatWithAModelThatFails(t *testing.T) {
	t.Parallel()
	_, env := played(t, func(q providertest.Question) providertest.Answer {
		switch q.LastUser() {
		case "cut":
			return providertest.Answer{Text: "one two three four", CutAfter: 2}
		case "full":
			return providertest.Answer{Text: "one two", FinishReason: "length"}
		case "control":
			return providertest.Answer{Text: "red \x1b[31malert\a"}
		}
		return providertest.Answer{Status: http.StatusUnauthorized, Message: "wrong key sk-of-a-test"}
	})
	u := newUser(t, env...)
	chat := func(message string, more ...string) servertest.Result {
		return u.run(t, append([]string{"chat", "--provider", "openai", "--model", "gpt-4o", "-m", message}, more...)...)
	}
	t.Run("in the middle: what came is there, the fault on a line of its own", func(t *testing.T) {
		t.Parallel()
		r := chat("cut", "--stream")
		require.Equal(t, 1, r.Code)
		require.Equal(t, "one two \n", r.Out)
		require.Regexp(t, `^promptmetrics: .+\n$`, r.Err)
	})
	t.Run("at once: the key is not told", func(t *testing.T) {
		t.Parallel()
		for _, more := range [][]string{nil, {"--stream"}} {
			r := chat("hello", more...)
			require.Equal(t, 1, r.Code)
			require.Empty(t, r.Out)
			require.NotContains(t, r.Err, "sk-of-a-test")
			require.Contains(t, r.Err, "OPENAI_API_KEY")
		}
	})
	t.Run("an answer that was cut short by its limit says so", func(t *testing.T) {
		t.Parallel()
		require.Contains(t, chat("full").Err, " · ended by length\n")
		require.Contains(t, chat("full", "--stream").Err, " · ended by length\n")
	})
	t.Run("what controls a terminal stays out of one, and goes into a file as it is", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "red \x1b[31malert\a\n", chat("control").Out)
		if _, err := exec.LookPath("script"); err != nil {
			testserver.Missing(t, "script(1)")
		}
		r := programs.Run(t, u.Call, "script", "-qec", "promptmetrics chat --provider openai --model gpt-4o -m control", "/dev/null")
		require.Zero(t, r.Code, r.Out)
		require.Contains(t, r.Out, "red \uFFFD[31malert\uFFFD")
		require.Contains(t, r.Out, "\x1b[2mgpt-4o · ", "our own line is dim")
	})
}

// TestChatOnATerminal reads an answer while it is still being made.
func TestChatOnATerminal(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("script"); err != nil {
		testserver.Missing(t, "script(1)")
	}
	next, gone := make(chan struct{}), make(chan struct{})
	_, env := played(t, func(q providertest.Question) providertest.Answer {
		return providertest.Answer{Chunks: []string{"first ", "second ", "third"}, Hold: func(piece int) {
			switch piece {
			case 1:
				<-next
			case 2:
				<-q.Gone()
				close(gone)
			}
		}}
	})
	u := newUser(t, env...)
	cmd := exec.CommandContext(t.Context(), "script", "-qec", "promptmetrics chat --provider openai --model gpt-4o -m Hi", "/dev/null")
	cmd.Dir, cmd.Env = u.Dir, append([]string{"PATH=" + programs.Folder(t) + ":" + os.Getenv("PATH")}, u.Env...)
	keyboard, err := cmd.StdinPipe()
	require.NoError(t, err)
	screen, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	seen := ""
	await := func(text string) {
		for piece := make([]byte, 100); !strings.Contains(seen, text); {
			n, err := screen.Read(piece)
			require.NoError(t, err, seen)
			seen += string(piece[:n])
		}
	}
	await("first ")
	require.NotContains(t, seen, "second")
	close(next)
	await("second ")
	_, err = keyboard.Write([]byte{3}) // Ctrl-C
	require.NoError(t, err)
	rest, err := io.ReadAll(screen)
	require.NoError(t, err)
	require.Error(t, cmd.Wait())
	require.Equal(t, 130, cmd.ProcessState.ExitCode(), string(rest))
	require.Contains(t, strings.ReplaceAll(seen+string(rest), "\r", ""), "\npromptmetrics: interrupted\n")
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Fatal("the model still answers nobody")
	}
}

func TestModels(t *testing.T) {
	t.Parallel()
	t.Run("are those of the providers", func(t *testing.T) {
		t.Parallel()
		model, env := played(t, echo)
		u := newUser(t, env...)
		admin := userOf(t, u.server, "--scopes", "read,admin")
		require.Regexp(t, `^PROVIDER +MODEL +CONTEXT +NAME\nopenai +gpt-4o +128000 +-\nopenai +gpt-4o-mini +128000 +-\n$`, u.must(t, "models"))
		require.JSONEq(t, `{"items":[],"total":0}`, u.must(t, "models", "--provider", "cohere", "--json"))
		before := len(model.Asked())
		u.must(t, "models")
		require.Len(t, model.Asked(), before, "the server remembers")
		require.Contains(t, admin.must(t, "models", "--refresh"), "gpt-4o-mini")
		require.Greater(t, len(model.Asked()), before)
		r := u.run(t, "models", "--refresh")
		require.Equal(t, 1, r.Code)
		require.Contains(t, r.Err, "scope")
	})
	t.Run("none tells how to get some", func(t *testing.T) {
		t.Parallel()
		r := newUser(t).run(t, "models")
		require.Zero(t, r.Code)
		require.Empty(t, r.Out)
		require.Equal(t, "No models.\nProviders are set up on the server, by OPENAI_API_KEY, ANTHROPIC_API_KEY or OLLAMA_BASE_URL for example.\n", r.Err)
	})
	t.Run("a provider that does not answer is named, and a failure", func(t *testing.T) {
		t.Parallel()
		broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
		t.Cleanup(broken.Close)
		u := userOf(t, programs.Start(t, t.TempDir(), "OPENAI_API_KEY=sk-x", "OPENAI_BASE_URL="+broken.URL), "--scopes", "read,admin")
		r := u.run(t, "models", "--refresh")
		require.Equal(t, 1, r.Code)
		require.Regexp(t, `(?m)^promptmetrics: openai: .+$`, r.Err)
		require.Contains(t, r.Err, "promptmetrics: a provider did not answer; its models are those of its last answer\n")
	})
}

func TestBudget(t *testing.T) {
	t.Parallel()
	_, env := played(t, echo)
	u := newUser(t, append(env, "DEFAULT_WORKSPACE_MONTHLY_BUDGET_USD=20")...)
	admin := userOf(t, u.server, "--scopes", "read,write,admin")
	month := time.Now().UTC().Format("2006-01")

	require.Equal(t, month+": $0 of $20.00 spent, $20.00 left (0 %)\n", u.must(t, "budget"))
	r := u.run(t, "budget", "--set", "5")
	require.Equal(t, 1, r.Code)
	require.Contains(t, r.Err, "scope")
	for _, bad := range []string{"-1", "much", "NaN", "1e13", ""} {
		r := admin.run(t, "budget", "--set", bad)
		require.Equal(t, 2, r.Code, bad)
		require.Contains(t, r.Err, "--set must be a number of US dollars from 0, such as 50, or none\n")
	}
	require.Equal(t, month+": $0 spent, no limit\n", admin.must(t, "budget", "--set", "none"))
	require.JSONEq(t, `{"month":"`+month+`","budget_usd":0.0004,"spent_usd":0,"remaining_usd":0.0004}`, admin.must(t, "budget", "--set", "0.0004", "--json"))
	require.Zero(t, u.run(t, "chat", "--provider", "openai", "--model", "gpt-4o-mini", "-m", "x").Code)
	require.Equal(t, month+": $0.00045 of $0.00040 spent, $0 left (112 %)\n", u.must(t, "budget"))
	r = u.run(t, "chat", "--provider", "openai", "--model", "gpt-4o-mini", "-m", "x")
	require.Equal(t, 1, r.Code)
	require.Equal(t, "promptmetrics: The budget of "+month+" is spent: raise it with promptmetrics budget --set, or wait for the next month "+
		"(budget 0.0004, spend 0.00045)\n", r.Err)
	if _, err := exec.LookPath("script"); err == nil {
		shown := programs.Run(t, u.Call, "script", "-qec", filepath.Join(programs.Folder(t), "promptmetrics")+" budget", "/dev/null")
		require.Contains(t, shown.Out, strings.Repeat("█", 40), "a bar, full and no longer")
	}
}
