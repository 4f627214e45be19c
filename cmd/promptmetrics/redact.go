package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/promptmetrics-go/promptmetrics/client"
	"github.com/promptmetrics-go/promptmetrics/compliance"
	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

func (p *program) redact() *cobra.Command {
	var r compliance.RedactRequest
	var file, keys string
	var actions []string
	cmd := &cobra.Command{
		Use:   "redact",
		Short: "Print a text without its sensitive data",
		Long: "Prints a text with tokens such as <EMAIL_1> in place of the sensitive data that was found.\n" +
			"Unlike scan it files nothing. The text comes from --text, --file or standard input. --map\n" +
			"writes what each token stands for into a file that only you can read.",
		Example: "  promptmetrics redact --file mail.txt > mail.redacted.txt\n" +
			"  promptmetrics redact --text \"I am ann@example.com\" --action mask",
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&r.Text, "text", "", "the text")
	flags.StringVarP(&file, "file", "f", "", "the file that holds it (default: standard input)")
	flags.StringVar((*string)(&r.Default), "action", "", "replace, mask, hash, remove or keep (default replace)")
	flags.StringArrayVar(&actions, "entity", nil, "another action for an entity, as EMAIL_ADDRESS=keep; may be repeated")
	flags.StringVar(&keys, "map", "", "a file for what the tokens stand for, as JSON")
	cmd.MarkFlagsMutuallyExclusive("text", "file")
	cmd.RunE = p.asking(func(ctx context.Context, c *client.Client, _ []string) error {
		if !flags.Changed("text") {
			if file == "" {
				file = "-"
			}
			data, _, err := p.readInput(ctx, file)
			if err != nil {
				return err
			}
			r.Text = string(data)
		}
		if r.Text == "" {
			return usage("the text is empty: give --text, --file or standard input")
		}
		r.Reversible = keys != ""
		for _, pair := range actions {
			entity, action, both := strings.Cut(pair, "=")
			if !both || entity == "" {
				return usage("--entity must be ENTITY=action, as in EMAIL_ADDRESS=keep")
			}
			if r.Actions == nil {
				r.Actions = map[detect.Entity]compliance.Action{}
			}
			r.Actions[detect.Entity(entity)] = compliance.Action(action)
		}
		redacted, err := c.Compliance.Redact(ctx, r)
		if err != nil {
			return err
		}
		if keys != "" {
			if err := writeKeys(keys, redacted.Map); err != nil {
				return err
			}
			redacted.Map = nil // it is in the file, and should not be in a terminal
		}
		if p.json {
			return p.print(redacted)
		}
		_, err = io.WriteString(p.out, withEnd(redacted.Text))
		return err
	})
	return cmd
}

// withEnd ends the last line of a text.
func withEnd(text string) string {
	if text == "" || text[len(text)-1] != '\n' {
		text += "\n"
	}
	return text
}

// writeKeys keeps the values of tokens in a file that nobody else can read,
// not even for a moment.
func writeKeys(path string, values map[string]string) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".redact-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if removed := os.Remove(temp.Name()); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}()
	encoder := json.NewEncoder(temp)
	encoder.SetEscapeHTML(false) // tokens are all "<" and ">"
	encoder.SetIndent("", "  ")
	if err = errors.Join(encoder.Encode(values), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
