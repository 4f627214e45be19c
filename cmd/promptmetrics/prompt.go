package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/page"
	"github.com/promptmetrics-go/promptmetrics/registry"
)

// maxPromptFile is more than the largest prompt file that is accepted.
const maxPromptFile = 11 << 20

// signatureFlags adds --author and --message.
func signatureFlags(cmd *cobra.Command, by *registry.Signature) {
	cmd.Flags().StringVar(&by.Author, "author", "", "who makes the change, as \"Name <address>\" (default: the API key's name)")
	cmd.Flags().StringVar(&by.Message, "message", "", "why, for the history")
}

func (p *program) createPrompt() *cobra.Command {
	var file string
	var by registry.Signature
	cmd := &cobra.Command{
		Use:   "create-prompt --file FILE",
		Short: "Publish a version of a prompt",
		Long: "Publishes the version that a JSON or YAML file holds; - reads standard input. A version\n" +
			"cannot be changed afterwards.",
		Example: "  promptmetrics create-prompt --file welcome.json --author \"Ada <ada@example.com>\" --message \"Greet by name\"",
		Args:    cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			prompt, err := p.readPrompt(ctx, file)
			if err != nil {
				return err
			}
			made, err := c.Registry.Create(ctx, prompt, by)
			if err != nil {
				return err
			}
			return p.print(made)
		}),
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "the prompt file, .json, .yaml or .yml")
	_ = cmd.MarkFlagRequired("file") // the flag exists
	signatureFlags(cmd, &by)
	return cmd
}

func (p *program) readPrompt(ctx context.Context, file string) (registry.Prompt, error) {
	data, name, err := p.readInput(ctx, file)
	if err != nil {
		return registry.Prompt{}, err
	}
	prompt, err := registry.ParseFile(name, data)
	if err != nil {
		return prompt, fmt.Errorf("%s: %s", file, strings.TrimPrefix(err.Error(), "Validation failed: "))
	}
	return prompt, nil
}

// readInput reads a file, or standard input, whose format shows in its first
// character.
func (p *program) readInput(ctx context.Context, file string) (data []byte, name string, err error) {
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // the user names it.
		if err != nil {
			return nil, "", err
		}
		defer func() { _ = f.Close() }()
		data, err = io.ReadAll(io.LimitReader(f, maxPromptFile))
		return data, file, err
	}
	data, err = waiting(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(p.in, maxPromptFile)) })
	if err != nil {
		return nil, "", err
	}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return data, "-.json", nil
	}
	return data, "-.yaml", nil
}

func (p *program) listPrompts() *cobra.Command {
	var f registry.Filter
	cmd := &cobra.Command{
		Use:   "list-prompts",
		Short: "List the prompts",
		Args:  cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			all, err := collect(ctx, 0, func(ctx context.Context, r page.Request) (page.Of[registry.Summary], error) {
				return c.Registry.List(ctx, f, r)
			})
			if err != nil {
				return err
			}
			return tabulate(p, all, "prompts", "NAME LATEST PINNED LABELS TAGS UPDATED", func(s registry.Summary) []string {
				return []string{
					s.Name, s.LatestVersion, s.ActiveVersion, strings.Join(s.Labels, ","), strings.Join(s.Tags, ","), when(s.UpdatedAt),
				}
			})
		}),
	}
	cmd.Flags().StringVarP(&f.Query, "query", "q", "", "only names that contain this text")
	cmd.Flags().StringVar(&f.Tag, "tag", "", "only prompts whose latest version has this tag")
	cmd.Flags().StringVar(&f.Label, "label", "", "only prompts that have this label")
	return cmd
}

func (p *program) getPrompt() *cobra.Command {
	var q registry.Query
	var variables *values
	cmd := &cobra.Command{
		Use:   "get-prompt NAME",
		Short: "Fetch a prompt, rendered",
		Long: "Fetches a prompt and fills in the variables. Without --version and --label it is the\n" +
			"pinned version, else the latest.",
		Example: "  promptmetrics get-prompt welcome --label production --var name=Alice\n" +
			"  promptmetrics get-prompt welcome --version '^1.2' --var-json 'orders=[{\"item\":\"lamp\"}]'",
		Args: cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) (err error) {
			if q.Variables, err = variables.variables(); err != nil {
				return err
			}
			if q.Version != "" && q.Label != "" {
				return usage("--version and --label exclude each other")
			}
			q.Version = bare(q.Version)
			entry, err := c.Registry.Get(ctx, args[0], q)
			if err != nil {
				return err
			}
			return p.print(entry)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&q.Version, "version", "", "a version, or a range such as '^1.2'")
	flags.StringVar(&q.Label, "label", "", "the version that a label points at")
	flags.BoolVar(&q.Raw, "raw", false, "the file as it was published, not rendered")
	variables = valueFlags(flags, "var", "value of a variable")
	return cmd
}

func (p *program) listVersions() *cobra.Command {
	return &cobra.Command{
		Use:   "versions NAME",
		Short: "List the versions of a prompt, newest first",
		Args:  cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			all, err := collect(ctx, 0, func(ctx context.Context, r page.Request) (page.Of[registry.VersionItem], error) {
				return c.Registry.Versions(ctx, args[0], r)
			})
			if err != nil {
				return err
			}
			return tabulate(p, all, "versions", "VERSION PINNED LABELS CREATED AUTHOR COMMIT MESSAGE", func(v registry.VersionItem) []string {
				pinned := ""
				if v.Active {
					pinned = "yes"
				}
				return []string{v.Version.Version, pinned, strings.Join(v.Labels, ","), when(v.CreatedAt), v.Author, short(v.Commit), firstLine(v.Message)}
			})
		}),
	}
}

func (p *program) history() *cobra.Command {
	return &cobra.Command{
		Use:   "history NAME",
		Short: "List what was published and deleted under a name, newest first",
		Args:  cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			all, err := collect(ctx, 0, func(ctx context.Context, r page.Request) (page.Of[registry.HistoryItem], error) {
				return c.Registry.History(ctx, args[0], r)
			})
			if err != nil {
				return err
			}
			return tabulate(p, all, "changes", "WHEN ACTION VERSION AUTHOR COMMIT MESSAGE", func(h registry.HistoryItem) []string {
				return []string{when(h.At), h.Action, h.Version, h.Author, short(h.Commit), firstLine(h.Message)}
			})
		}),
	}
}

func (p *program) activate() *cobra.Command {
	var unpin bool
	cmd := &cobra.Command{
		Use:   "activate NAME VERSION",
		Short: "Pin the version that is served when none is asked for",
		Long: "Pins the version that is served when neither a version nor a label is asked for. With\n" +
			"--unpin instead of a version the latest is served again.",
		Args: cobra.RangeArgs(1, 2),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			if unpin != (len(args) == 1) {
				return usage("give either a version or --unpin")
			}
			version := ""
			if !unpin {
				version = bare(args[1])
			}
			if err := c.Registry.Activate(ctx, args[0], version); err != nil {
				return err
			}
			return p.print(struct {
				Name    string  `json:"name"`
				Version *string `json:"version_tag"`
			}{args[0], nilIfEmpty(version)})
		}),
	}
	cmd.Flags().BoolVar(&unpin, "unpin", false, "serve the latest version again")
	return cmd
}

func nilIfEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (p *program) deletePrompt() *cobra.Command {
	var version string
	var yes bool
	var by registry.Signature
	cmd := &cobra.Command{
		Use:   "delete-prompt NAME",
		Short: "Delete a prompt, or one version of it",
		Long:  "Deletes all versions of a prompt, or one of them. The history of the repository keeps them.",
		Args:  cobra.ExactArgs(1),
		RunE: p.asking(func(ctx context.Context, c *client.Client, args []string) error {
			version = bare(version)
			if err := p.confirm(ctx, yes, args[0], version); err != nil {
				return err
			}
			remove := func() error { return c.Registry.Delete(ctx, args[0], by) }
			if version != "" {
				remove = func() error { return c.Registry.DeleteVersion(ctx, args[0], version, by) }
			}
			if err := remove(); err != nil {
				return err
			}
			p.note("Deleted %s.", oneLine(args[0]+" "+version))
			return nil
		}),
	}
	cmd.Flags().StringVar(&version, "version", "", "delete this version only")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	signatureFlags(cmd, &by)
	return cmd
}

// confirm asks before something is deleted.
func (p *program) confirm(ctx context.Context, yes bool, name, version string) error {
	if yes {
		return nil
	}
	if !p.asks {
		return usage("deleting needs a terminal to ask on, or --yes")
	}
	what := version
	if what == "" {
		what = "with all its versions"
	}
	fmt.Fprintf(p.err, "Delete %s %s? [y/N] ", oneLine(name), oneLine(what))
	answer, err := waiting(ctx, func() (string, error) {
		var word string
		_, err := fmt.Fscanln(p.in, &word)
		return strings.ToLower(word), err
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil || answer != "y" && answer != "yes":
		return errors.New("nothing was deleted")
	}
	return nil
}

// waiting reads what a person may never type, until an interrupt. The reading
// then ends with the program, since nothing else can end it.
func waiting[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := read()
		done <- outcome{value, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
