package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/cmd/promptmetrics-server/internal/backup"
)

func (p *program) restore() *cobra.Command {
	var into string
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data folder of a backup",
		Long: "Makes a data folder of a file that backup wrote, of this version or a former one. The\n" +
			"folder must be empty, or not exist; then it appears whole, or not at all. Everything is\n" +
			"checked first: the checksums, the database from end to end, every object of the prompt\n" +
			"repository and what its refs lead to. With - as FILE the backup comes from standard input.",
		Example: "  promptmetrics-server restore backup.tar --into /var/lib/promptmetrics\n" +
			"  ssh old-host promptmetrics-server backup - | promptmetrics-server restore - --into data",
		Args: cobra.ExactArgs(1),
		RunE: p.doing(func(ctx context.Context, args []string) error { return p.readBackup(ctx, args[0], into) }),
	}
	cmd.Flags().StringVar(&into, "into", "", "the folder to make (DATA_DIR)")
	return cmd
}

func (p *program) readBackup(ctx context.Context, file, into string) (err error) {
	e := readEnvironment(p.lookup)
	if into == "" {
		into = e.text("DATA_DIR", "data")
	}
	if err := e.err(); err != nil {
		return err
	}
	from := p.in
	if file != stream {
		f, err := os.Open(file) //nolint:gosec // the operator names it.
		if err != nil {
			return fmt.Errorf("the backup %s cannot be read: %w", file, bare(err))
		}
		defer func() { _ = f.Close() }()
		from = f
	} else if onTerminal(from) {
		return usageError{errors.New("standard input is a terminal: name a file, or send a backup into this command")}
	}
	progress, done := p.showProgress()
	made, err := backup.Restore(ctx, from, into, progress)
	done()
	if err != nil {
		return err
	}
	p.say("%s", restored(made))
	p.advise(e, made)
	return nil
}

// restored says what there is now.
func restored(r backup.Restored) string {
	var has []string
	if r.DatabaseSize > 0 {
		has = append(has, fmt.Sprintf("the database (%d bytes, checked)", r.DatabaseSize))
	}
	switch {
	case r.Prompts == nil:
	case r.Prompts.Refs == 0:
		has = append(has, "an empty prompt repository")
	default:
		has = append(has, fmt.Sprintf("the prompt repository (%d objects, checked; %s)", r.Prompts.Objects, r.Prompts.Head))
	}
	if r.Salt {
		has = append(has, "the salt of the API keys")
	}
	return fmt.Sprintf("Restored %s: %s.\nThe backup is of %s, by version %s.",
		r.Folder, strings.Join(has, ", "), time.Unix(r.CreatedAt, 0).UTC().Format(time.RFC3339), excerpt(r.Program))
}

// advise says how to start, and what the operator has to add.
func (p *program) advise(e *environment, r backup.Restored) {
	command := "DATA_DIR=" + quoted(r.Folder) + " promptmetrics-server"
	if !r.Salt {
		p.note("There is no salt in the backup: set API_KEY_SALT to what it was, or the API keys are worthless.")
	}
	if r.DatabaseSize == 0 {
		p.note("There is no database in the backup: bring back PostgreSQL's with pg_restore, and set DATABASE_URL.")
	}
	if r.Prompts == nil {
		p.note("There are no prompts in the backup: they are where the server kept them, such as in S3.")
	}
	for _, name := range []string{"SQLITE_PATH", "PROMPTS_PATH"} {
		if e.text(name, "") != "" {
			p.note("%s is set and leads elsewhere: unset it, or move the restored file there.", name)
		}
	}
	p.say("Start the server on it:\n  %s", command)
}

// showProgress shows on a terminal how far a backup is, until done is called.
// Elsewhere it shows nothing.
func (p *program) showProgress() (progress *backup.Progress, done func()) {
	if !onTerminal(p.err) {
		return nil, func() {}
	}
	progress = &backup.Progress{}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintf(p.err, "\r\x1b[K%s", progressLine(progress.State()))
			case <-stop:
				fmt.Fprint(p.err, "\r\x1b[K")
				return
			}
		}
	}()
	return progress, func() {
		close(stop)
		<-ended
	}
}

const progressEvery = 200 * time.Millisecond

// progressLine is such as "database: 12.3 MB of 200.1 MB".
func progressLine(stage string, done, total int64) string {
	const mb = 1e6
	switch {
	case total > 0:
		return fmt.Sprintf("%s: %.1f of %.1f MB", stage, float64(done)/mb, float64(total)/mb)
	case done > 0:
		return fmt.Sprintf("%s: %.1f MB", stage, float64(done)/mb)
	}
	return stage
}

// onTerminal tells whether a stream leads to a person.
func onTerminal(s any) bool {
	f, ok := s.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
