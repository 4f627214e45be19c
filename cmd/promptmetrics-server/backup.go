package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/internal/backup"
)

// stream is the name of standard input and output.
const stream = "-"

func (p *program) backup() *cobra.Command {
	var promptsOnly bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy everything into one tar file",
		Long: "Copies the database, the prompt repository (as a git bundle) and the salt of the API\n" +
			"keys into one tar file, each consistent in itself, and the prompts never older than the\n" +
			"database. The server may go on working meanwhile. FILE must not exist; it appears whole\n" +
			"or not at all, readable by its owner only. With - as FILE the backup goes to standard\n" +
			"output.\n\n" +
			"To make a data folder of it again:\n\n" +
			"  promptmetrics-server restore FILE --into FOLDER\n\n" +
			"RESTORE.txt inside says how to do that with tar and git alone. The salt that API_KEY_SALT\n" +
			"sets is yours: it is not copied. Nor are hooks and settings of the prompt repository.",
		Args: cobra.ExactArgs(1),
		RunE: p.doing(func(ctx context.Context, args []string) error { return p.writeBackup(ctx, args[0], promptsOnly) }),
	}
	cmd.Flags().BoolVar(&promptsOnly, "prompts-only", false, "leave the database out, for one that PostgreSQL keeps")
	return cmd
}

func (p *program) writeBackup(ctx context.Context, file string, promptsOnly bool) error {
	e := readEnvironment(p.lookup)
	c, err := readConfig(e)
	if err != nil {
		return err
	}
	if c.options.DatabaseURL != "" && !promptsOnly {
		return errors.New("backup copies SQLite, and DATABASE_URL names a PostgreSQL database: " +
			"run \"pg_dump --format=custom --file=promptmetrics.dump \\\"$DATABASE_URL\\\"\" first, " +
			"and \"promptmetrics-server backup --prompts-only FILE\" after it; " +
			"\"pg_restore --clean --if-exists --dbname=\\\"$DATABASE_URL\\\" promptmetrics.dump\" brings it back")
	}
	source, err := p.sourceOf(e, c, promptsOnly)
	if err != nil {
		return err
	}
	progress, done := p.showProgress()
	source.Progress = progress
	var made backup.Done
	if file == stream {
		if onTerminal(p.out) {
			done()
			return usageError{errors.New("standard output is a terminal: name a file, or send the output into one")}
		}
		made, err = backup.Stream(ctx, p.out, source)
	} else {
		made, err = backup.Write(ctx, file, source)
	}
	done()
	if err != nil {
		return err
	}
	if file == stream {
		p.note("Wrote %d bytes", made.Size)
	} else {
		p.say("Wrote %s, %d bytes", file, made.Size)
	}
	return nil
}

// sourceOf says what is copied, and tells the operator what is not.
func (p *program) sourceOf(e *environment, c config, promptsOnly bool) (backup.Source, error) {
	s := backup.Source{
		Database: c.options.SQLitePath, Repository: c.options.PromptsPath, Scratch: c.options.DataDir,
		Program: version(), Now: time.Now(),
	}
	if promptsOnly {
		s.Database = ""
	}
	if driver, _ := e.raw("DRIVER"); driver == "s3" {
		s.Repository = ""
		p.note("The prompts are in S3 and not in the backup: the bucket's own versioning or replication keeps them.")
		if promptsOnly {
			return s, errors.New("there is nothing to copy: DRIVER=s3 keeps the prompts in a bucket, and --prompts-only leaves the database out")
		}
	}
	if c.options.APIKeySalt != "" {
		p.note("The salt of the API keys comes from API_KEY_SALT and is not in the backup: keep it, without it keys are worthless.")
		return s, nil
	}
	s.Salt = filepath.Join(c.options.DataDir, "api_key_salt")
	switch _, err := os.Stat(s.Salt); {
	case errors.Is(err, os.ErrNotExist):
		s.Salt = ""
		p.note("There is no salt in %s, so none is in the backup.", c.options.DataDir)
	case err != nil:
		return s, fmt.Errorf("the API key salt cannot be copied: %w", err)
	}
	return s, nil
}
