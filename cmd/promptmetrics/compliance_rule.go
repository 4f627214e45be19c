package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

func (p *program) addRule() *cobra.Command {
	var r compliance.Rule
	cmd := &cobra.Command{
		Use:   "add NAME --pattern PATTERN",
		Short: "Make a detector, and print it",
		Long: "Makes a detector of a regular expression (RE2). A group, if there is one, is the finding, else\n" +
			"the whole match. The samples of --must-match and --must-not-match are tried before it is\n" +
			"saved.",
		Example: "  promptmetrics compliance rule add \"Employee number\" --pattern '\\bEMP-(\\d{6})\\b' \\\n" +
			"    --entity EMPLOYEE --severity high --must-match \"I am EMP-123456\"",
		Args: cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&r.Pattern, "pattern", "", "the regular expression, at most 512 characters")
	flags.StringVar((*string)(&r.Entity), "entity", "", "what is found, such as EMPLOYEE (default CUSTOM)")
	flags.StringVar((*string)(&r.Severity), "severity", "", "info, low, medium, high or critical (default medium)")
	flags.StringVar((*string)(&r.Category), "category", "", "pii, security, injection or custom (default custom)")
	flags.StringArrayVar(&r.Keywords, "keyword", nil, "a word that must stand near the match; may be repeated, one is enough")
	flags.Float64Var(&r.MinEntropy, "min-entropy", 0, "least randomness of the finding, in bits a byte, 0 to 8")
	flags.StringVar((*string)(&r.Validator), "validator", "", "check digits: luhn, mod97, verhoeff or aba")
	flags.StringArrayVar(&r.MustMatch, "must-match", nil, "a text in which it must find something; may be repeated")
	flags.StringArrayVar(&r.MustNotMatch, "must-not-match", nil, "a text in which it must find nothing; may be repeated")
	_ = cmd.MarkFlagRequired("pattern") // the flag exists
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, args []string) error {
		r.Name = args[0]
		made, err := c.Compliance.CreateRule(ctx, r)
		if err != nil {
			return err
		}
		return p.print(made)
	})
	return cmd
}

func (p *program) listRules() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the workspace's own detectors, newest first",
		Example: "  promptmetrics compliance rule list --json",
		Args:    cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			all, err := collect(ctx, limit, c.Compliance.Rules)
			if err != nil {
				return err
			}
			return tabulate(p, all, "rules", "ID NAME ENTITY CATEGORY SEVERITY PATTERN KEYWORDS CREATED", func(r compliance.Rule) []string {
				return []string{
					strconv.FormatInt(r.ID, 10), r.Name, string(r.Entity), string(r.Category), string(r.Severity),
					r.Pattern, strings.Join(r.Keywords, ","), when(r.CreatedAt),
				}
			})
		}),
	}
	limitFlag(cmd, &limit)
	return cmd
}

func (p *program) deleteRule() *cobra.Command {
	return p.deleting("Remove a detector", "rule", "promptmetrics compliance rule delete 3", func(ctx context.Context, c *client.Client, id int64) error {
		return c.Compliance.DeleteRule(ctx, id)
	})
}

func (p *program) addAllowance() *cobra.Command {
	var a compliance.Allowance
	var expires string
	cmd := &cobra.Command{
		Use:   "add VALUE",
		Short: "Let a value pass, and print the entry",
		Long: "Lets a value pass: the whole text of a finding (exact), an RE2 pattern that matches all of it\n" +
			"(regex), the domain of addresses and links (domain), or a hash of the text (hash).",
		Example: "  promptmetrics compliance allow add example.com --kind domain --reason \"our own addresses\"",
		Args:    cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar((*string)(&a.Kind), "kind", string(compliance.AllowExact), "exact, regex, domain or hash")
	flags.StringVar((*string)(&a.Entity), "entity", "", "only findings of this entity, such as EMAIL_ADDRESS")
	flags.StringVar(&a.Reason, "reason", "", "why, for people")
	flags.StringVar(&expires, "expires", "", "when it ends: a day (UTC) or time, such as 2027-01-31 (default never)")
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, args []string) error {
		at, err := dayOf("expires", expires)
		if err != nil {
			return err
		}
		if !at.IsZero() {
			a.ExpiresAt = &at
		}
		a.Value = args[0]
		made, err := c.Compliance.Allow(ctx, a)
		if err != nil {
			return err
		}
		return p.print(made)
	})
	return cmd
}

func (p *program) listAllowances() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the entries of the allow-list, newest first",
		Example: "  promptmetrics compliance allow list --limit 0",
		Args:    cobra.NoArgs,
		RunE: p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
			if err := checkLimit(limit); err != nil {
				return err
			}
			all, err := collect(ctx, limit, c.Compliance.Allowed)
			if err != nil {
				return err
			}
			return tabulate(p, all, "entries", "ID KIND VALUE ENTITY EXPIRES REASON", func(a compliance.Allowance) []string {
				expires := ""
				if a.ExpiresAt != nil {
					expires = when(*a.ExpiresAt)
				}
				return []string{strconv.FormatInt(a.ID, 10), string(a.Kind), a.Value, entityOrAll(a.Entity), expires, a.Reason}
			})
		}),
	}
	limitFlag(cmd, &limit)
	return cmd
}

func entityOrAll(e detect.Entity) string {
	if e == "" {
		return "all"
	}
	return string(e)
}

func (p *program) deleteAllowance() *cobra.Command {
	return p.deleting("Remove an entry of the allow-list", "entry", "promptmetrics compliance allow delete 3", func(ctx context.Context, c *client.Client, id int64) error {
		return c.Compliance.Disallow(ctx, id)
	})
}
