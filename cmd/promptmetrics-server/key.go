package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics"
	"github.com/promptmetrics-go/promptmetrics/access"
	"github.com/promptmetrics-go/promptmetrics/pmerr"
	"github.com/promptmetrics-go/promptmetrics/workspace"
)

// keyRequest is what create-key was asked for.
type keyRequest struct {
	name, scopes, workspace string
	expires                 bool
	days                    int64
}

func (p *program) createKey() *cobra.Command {
	var r keyRequest
	cmd := &cobra.Command{
		Use:   "create-key --name NAME",
		Short: "Make an API key and print it, this once",
		Long: "Makes an API key and prints it alone on standard output. A server that runs on the\n" +
			"same data accepts it at once. Scopes do not imply each other: give a key all that it\n" +
			"needs. A key of the workspace '*' is a master key: it may work in every workspace.",
		Example: "  export PROMPTMETRICS_API_KEY=$(promptmetrics-server create-key --name me)\n" +
			"  promptmetrics-server create-key --name ci --scopes read --workspace team-a --expires-in-days 30",
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	cmd.RunE = p.doing(func(ctx context.Context, _ []string) error {
		r.expires = flags.Changed("expires-in-days")
		return p.makeKey(ctx, r)
	})
	flags.StringVar(&r.name, "name", "", "whose key it is, as the audit log will show it")
	flags.StringVar(&r.scopes, "scopes", "read,write", "some of read, write, admin")
	flags.StringVar(&r.workspace, "workspace", workspace.Default().String(), "the workspace of the key, or '*' for a master key")
	flags.Int64Var(&r.days, "expires-in-days", 0, "when the key stops working (default never)")
	_ = cmd.MarkFlagRequired("name") // the flag exists
	return cmd
}

func (p *program) makeKey(ctx context.Context, r keyRequest) error {
	spec := access.KeySpec{Name: r.name, Workspace: r.workspace}
	var err error
	if spec.Scopes, err = access.ParseScopes(r.scopes); err != nil {
		return misused(err)
	}
	// What is wrong already here makes no data folder.
	if r.workspace != access.Master && !workspace.Valid(r.workspace) {
		return usageError{errors.New("--workspace must be '*', or 1 to 128 letters, digits, '_' or '-'")}
	}
	if r.expires {
		if r.days < 1 {
			return usageError{errors.New("--expires-in-days must be at least 1; leave it out for a key that never expires")}
		}
		spec.ExpiresInDays = &r.days
	}
	key, err := withData(ctx, p, func(_ config, pm *promptmetrics.Client) (access.NewKey, error) {
		return pm.Keys.Create(ctx, spec)
	})
	if err != nil {
		return misused(err)
	}
	p.say("%s", key.Secret)
	expiry := "it never expires"
	if key.ExpiresAt != nil {
		expiry = "it expires on " + key.ExpiresAt.Format("2006-01-02")
	}
	p.note("Made the API key %q for the workspace %s with the scopes %s; %s. It is shown this once.",
		key.Name, key.Workspace, key.Scopes, expiry)
	return nil
}

// misused turns a fault of the input, which came from flags, into wrong usage.
func misused(err error) error {
	if e, ok := errors.AsType[*pmerr.Error](err); ok && e.Code == pmerr.Validation {
		return usageError{errors.New(strings.Join(e.Fields, "; "))}
	}
	return err
}
