package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

func (p *program) getPolicy() *cobra.Command {
	return &cobra.Command{
		Use:     "get",
		Short:   "Show the policy of the workspace",
		Long:    "Shows the policy; with --json as policy set --file takes it.",
		Example: "  promptmetrics compliance policy get --json > policy.json",
		Args:    cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			now, err := c.Compliance.Policy(ctx)
			if err != nil {
				return err
			}
			return p.showPolicy(now)
		}),
	}
}

func (p *program) setPolicy() *cobra.Command {
	var file string
	var wanted compliance.Policy
	var include, exclude []string
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Change the policy of the workspace",
		Long: "Changes what the flags name and leaves the rest as it is. --file replaces the policy as a\n" +
			"whole, by a JSON file such as policy get --json writes; what it does not name is the default.\n" +
			"The API key needs the scope admin.",
		Example: "  promptmetrics compliance policy set --on-prompt-create block --on-log-ingest warn",
		Args:    cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVarP(&file, "file", "f", "", "a JSON file with the whole policy, - for standard input")
	flags.StringVar((*string)(&wanted.OnPromptCreate), "on-prompt-create", "", "when a prompt is published: off, warn or block")
	flags.StringVar((*string)(&wanted.OnLogIngest), "on-log-ingest", "", "about the metadata of logs: off, warn or block")
	flags.StringVar((*string)(&wanted.OnPlayground), "on-playground", "", "before a model is called: off, warn or block")
	flags.StringVar((*string)(&wanted.MinSeverity), "min-severity", "", "about which guards act: info, low, medium, high or critical")
	flags.Float64Var(&wanted.MinConfidence, "min-confidence", 0, "the least confidence that counts, 0 to 1")
	flags.StringSliceVar(&include, "include", nil, "the only entities that count, with commas; empty for all")
	flags.StringSliceVar(&exclude, "exclude", nil, "entities that do not count, with commas; empty for none")
	flags.BoolVar(&wanted.KeepRaw, "keep-raw", false, "file findings with their text instead of masked")
	call := p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
		next, err := compliance.Policy{}, error(nil)
		if file != "" {
			next, err = p.readPolicy(ctx, file)
		} else if next, err = c.Compliance.Policy(ctx); err == nil {
			wanted.Include, wanted.Exclude = entities(include), entities(exclude)
			change(&next, wanted, flags)
		}
		if err != nil {
			return err
		}
		if next, err = c.Compliance.SetPolicy(ctx, next); err != nil {
			return err
		}
		return p.showPolicy(next)
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		changes := 0
		flags.Visit(func(f *pflag.Flag) {
			if cmd.LocalNonPersistentFlags().Lookup(f.Name) != nil && f.Name != "file" {
				changes++
			}
		})
		switch {
		case file != "" && changes > 0:
			return usage("--file replaces the whole policy: give it alone")
		case file == "" && changes == 0:
			return usage("say what to change, for example --on-prompt-create block, or give --file")
		}
		return call(cmd, args)
	}
	return cmd
}

// change takes over what the flags name.
func change(to *compliance.Policy, wanted compliance.Policy, flags *pflag.FlagSet) {
	for name, set := range map[string]func(){
		"on-prompt-create": func() { to.OnPromptCreate = wanted.OnPromptCreate },
		"on-log-ingest":    func() { to.OnLogIngest = wanted.OnLogIngest },
		"on-playground":    func() { to.OnPlayground = wanted.OnPlayground },
		"min-severity":     func() { to.MinSeverity = wanted.MinSeverity },
		"min-confidence":   func() { to.MinConfidence = wanted.MinConfidence },
		"include":          func() { to.Include = wanted.Include },
		"exclude":          func() { to.Exclude = wanted.Exclude },
		"keep-raw":         func() { to.KeepRaw = wanted.KeepRaw },
	} {
		if flags.Changed(name) {
			set()
		}
	}
}

func entities(names []string) []detect.Entity {
	list := []detect.Entity{}
	for _, name := range names {
		if name = strings.TrimSpace(name); name != "" {
			list = append(list, detect.Entity(name))
		}
	}
	return list
}

// readPolicy reads a file; a member that is none is a mistake, not nothing.
func (p *program) readPolicy(ctx context.Context, file string) (policy compliance.Policy, err error) {
	data, _, err := p.readInput(ctx, file)
	if err != nil {
		return policy, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&policy); err != nil {
		return policy, fmt.Errorf("%s is no policy: %w", file, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return policy, fmt.Errorf("%s is no policy: more follows after the object", file)
	}
	return policy, nil
}

func (p *program) showPolicy(policy compliance.Policy) error {
	if p.json {
		return p.print(policy)
	}
	list := func(all []detect.Entity, none string) string {
		if len(all) == 0 {
			return none
		}
		names := make([]string, len(all))
		for i, e := range all {
			names[i] = oneLine(string(e))
		}
		return strings.Join(names, ", ")
	}
	lines := [][2]string{
		{"when a prompt is published", string(policy.OnPromptCreate)},
		{"metadata of logs", string(policy.OnLogIngest)},
		{"before a model is called", string(policy.OnPlayground)},
		{"guards act from severity", string(policy.MinSeverity)},
		{"least confidence", score(policy.MinConfidence)},
		{"entities that count", list(policy.Include, "all")},
		{"entities that do not", list(policy.Exclude, "none")},
	}
	for _, e := range slices.Sorted(maps.Keys(policy.Thresholds)) {
		lines = append(lines, [2]string{"least confidence of " + oneLine(string(e)), score(policy.Thresholds[e])})
	}
	for _, e := range slices.Sorted(maps.Keys(policy.Severities)) {
		lines = append(lines, [2]string{"severity of " + oneLine(string(e)), string(policy.Severities[e])})
	}
	kept := "masked"
	if policy.KeepRaw {
		kept = "with their text"
	}
	lines = append(lines, [2]string{"findings are filed", kept})
	return p.pairs(lines)
}
