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

func (p *program) backup() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy everything into one tar file",
		Long: "Copies the database, the prompt repository and the salt of the API keys into one tar\n" +
			"file, each consistent in itself, and the repository never older than the database. The\n" +
			"server may go on working meanwhile. FILE must not exist; it appears whole or not at all,\n" +
			"readable by its owner only.\n\n" +
			"To restore, unpack it into an empty folder and start the server with DATA_DIR set to\n" +
			"that folder; the file RESTORE.txt inside says the same at more length:\n\n" +
			"  mkdir restored && tar -xpf FILE -C restored\n" +
			"  DATA_DIR=restored promptmetrics-server\n\n" +
			"The path of a salt that API_KEY_SALT sets is yours: it is not copied.",
		Args: cobra.ExactArgs(1),
		RunE: p.doing(func(ctx context.Context, args []string) error { return p.writeBackup(ctx, args[0]) }),
	}
}

func (p *program) writeBackup(ctx context.Context, file string) error {
	c, err := readConfig(readEnvironment(p.lookup))
	if err != nil {
		return err
	}
	if c.options.DatabaseURL != "" {
		return errors.New("backup copies SQLite, and DATABASE_URL names a PostgreSQL database: " +
			"run pg_dump first, and copy the prompt repository (PROMPTS_PATH) or the bucket (DRIVER=s3) after it")
	}
	if c.s3 != nil {
		return fmt.Errorf("backup copies a prompt repository, and DRIVER=s3 keeps the prompts in %s, which is their copy: "+
			"turn on versioning there, copy the database with: sqlite3 %s \".backup copy.db\", and keep the salt of the API keys",
			c.s3.Address(), quoted(absolute(c.options.SQLitePath)))
	}
	source := backup.Source{
		Database: c.options.SQLitePath, Repository: c.options.PromptsPath,
		Program: version(), Now: time.Now(),
	}
	if c.options.APIKeySalt == "" {
		source.Salt = filepath.Join(c.options.DataDir, "api_key_salt")
		if _, err := os.Stat(source.Salt); errors.Is(err, os.ErrNotExist) {
			source.Salt = ""
			p.note("There is no salt in %s, so none is in the backup.", c.options.DataDir)
		}
	} else {
		p.note("The salt of the API keys comes from API_KEY_SALT and is not in the backup: keep it, without it keys are worthless.")
	}
	done, err := backup.Write(ctx, file, source)
	if err != nil {
		return err
	}
	p.say("Wrote %s, %d bytes", file, done.Size)
	return nil
}
