package scorer

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/promptmetrics-go/promptmetrics/pmerr"
)

// Bounds of patterns.
const (
	maxPattern      = 4096 // bytes
	maxInstructions = 5000 // of the compiled pattern; a{1000} takes 1,000

	// MaxPatternWork bounds matching: the bytes of a text times the
	// instructions of the pattern.
	MaxPatternWork = 200_000_000
)

// buildRegex: the pattern matches somewhere in the output.
func buildRegex(_ *Compiler, r *rule) judge {
	var config struct {
		Pattern string `json:"pattern"`
		Flags   string `json:"flags"`
	}
	if !r.decode(&config) {
		return nil
	}
	r.required("pattern", config.Pattern, maxPattern)
	flags := ""
	for _, flag := range config.Flags {
		switch flag {
		case 'i', 'm', 's':
			flags += string(flag)
		case 'g', 'u': // JavaScript's: all matches, Unicode; no difference here
		default:
			r.fault("flags", ": %q is not known: use i, m, s", flag)
		}
	}
	if config.Pattern == "" || len(config.Pattern) > maxPattern {
		return nil
	}
	p, err := compilePattern(config.Pattern, flags)
	if err != nil {
		r.fault("pattern", ": %s", err)
		return nil
	}
	return func(_ context.Context, c *subject) (outcome, error) {
		if p.work(len(c.Output)) > MaxPatternWork {
			return outcome{}, pmerr.New(pmerr.BadRequest, "an output of %d bytes is too long for this pattern", len(c.Output))
		}
		at := p.expression.FindStringIndex(c.Output)
		if at == nil {
			return binary(false, "no match of %s", quote(config.Pattern)), nil
		}
		return binary(true, "matches %s", quote(c.Output[at[0]:at[1]])), nil
	}
}

// pattern is a regular expression with the size of its program.
type pattern struct {
	expression   *regexp.Regexp
	instructions int
}

// work is what matching a text of so many bytes may take.
func (p pattern) work(length int) int { return (length + 1) * p.instructions }

// compilePattern compiles RE2 syntax. Its errors name what RE2 lacks.
func compilePattern(text, flags string) (pattern, error) {
	// Alone, so that an error does not quote the flags.
	if _, err := syntax.Parse(text, syntax.Perl); err != nil {
		return pattern{}, unsupported(text, err)
	}
	whole := text
	if flags != "" {
		whole = "(?" + flags + ")" + text
	}
	parsed, err := syntax.Parse(whole, syntax.Perl)
	if err != nil {
		return pattern{}, unsupported(text, err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return pattern{}, fmt.Errorf("is not a regular expression: %w", err)
	}
	if len(program.Inst) > maxInstructions {
		return pattern{}, fmt.Errorf("compiles to %d instructions, more than %d: use shorter repetitions", len(program.Inst), maxInstructions)
	}
	expression, err := regexp.Compile(whole)
	if err != nil {
		return pattern{}, unsupported(text, err)
	}
	return pattern{expression: expression, instructions: len(program.Inst)}, nil
}

// perlOnly are the forms that other engines know and RE2 does not, because they
// need backtracking.
var perlOnly = []struct{ form, name string }{
	{"(?=", "look-ahead"},
	{"(?!", "negative look-ahead"},
	{"(?<=", "look-behind"},
	{"(?<!", "negative look-behind"},
	{"(?>", "an atomic group"},
	{"(?(", "a condition"},
	{"(?#", "a comment"},
	{"(?R", "recursion"},
	{"(?&", "recursion"},
	{`\k`, "a back-reference"},
	{`\g`, "a back-reference"},
	{`\G`, `\G`},
	{`\K`, `\K`},
	{`\Z`, `\Z`},
	{`\u`, `\u`},
}

// unsupported says what of a pattern RE2 lacks, else what is wrong with it.
func unsupported(text string, err error) error {
	var fault *syntax.Error
	if !errors.As(err, &fault) {
		return fmt.Errorf("is not a regular expression: %w", err)
	}
	for _, p := range perlOnly {
		// The error quotes the pattern from the fault on, or just the form.
		if strings.HasPrefix(fault.Expr, p.form) {
			return fmt.Errorf("%s is not supported (RE2)", p.name)
		}
	}
	if len(fault.Expr) == 2 && fault.Code == syntax.ErrInvalidEscape && fault.Expr[1] >= '1' && fault.Expr[1] <= '9' {
		return fmt.Errorf("the back-reference %s is not supported (RE2)", fault.Expr)
	}
	if fault.Code == syntax.ErrInvalidRepeatOp && strings.HasSuffix(fault.Expr, "+") {
		return fmt.Errorf("the possessive repetition %s is not supported (RE2)", quote(fault.Expr))
	}
	// Look-around inside another construct may be blamed on that one.
	for _, p := range perlOnly[:4] {
		if strings.Contains(text, p.form) && strings.Contains(fault.Expr, p.form) {
			return fmt.Errorf("%s is not supported (RE2)", p.name)
		}
	}
	return fmt.Errorf("%s: %s", fault.Code, quote(fault.Expr))
}
