package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

func (p *program) initialize() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write " + settingsFile + " into the working folder",
		Long: "Writes " + settingsFile + " into the working folder, with what --server, --api-key and\n" +
			"--workspace say. Only you can read the file. Keep it out of version control.",
		Args: cobra.NoArgs,
		RunE: p.doing(func(context.Context, []string) error { return p.writeSettings(force) }),
	}
	cmd.Flags().BoolVar(&force, "force", false, "replace a file that exists")
	return cmd
}

func (p *program) writeSettings(force bool) (err error) {
	data, err := formatSettings(p.flags.or(settings{server: defaultServer}))
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(".", "."+settingsFile+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if removed := os.Remove(temp.Name()); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	if force {
		err = os.Rename(temp.Name(), settingsFile)
	} else if err = os.Link(temp.Name(), settingsFile); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already: edit it, or replace it with --force", settingsFile)
	}
	if err != nil {
		return err
	}
	p.note("Wrote %s. Next: put server and api_key into it, and keep it out of version control.", settingsFile)
	return nil
}

// formatSettings writes the file with a word on each setting.
func formatSettings(s settings) ([]byte, error) {
	var b strings.Builder
	for _, entry := range [][3]string{
		{"Address of the PromptMetrics server.", "server", s.server},
		{"API key, from: promptmetrics-server create-key --name NAME", "api_key", s.apiKey},
		{"Workspace to work in; empty for that of the API key.", "workspace", s.workspace},
	} {
		line, err := yaml.Marshal(map[string]string{entry[1]: entry[2]})
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "# %s\n%s", entry[0], line)
	}
	return []byte(b.String()), nil
}
