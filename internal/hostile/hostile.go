// Package hostile makes texts that cost a naive scanner much: each repeats what
// starts a rule, or what keeps one running, without ever completing it.
// Detectors are tested and measured on them.
package hostile

import (
	"maps"
	"strings"
)

// Size is the length of each text in bytes, save for the last repetition.
const Size = 100_000

// Texts are all of them, by name.
func Texts() map[string]string {
	all := map[string]string{}
	maps.Copy(all, PersonalData())
	maps.Copy(all, Secrets())
	maps.Copy(all, Injections())
	return all
}

// repeat fills a text with what a family of names stands for.
func repeat(family string, units map[string]string) map[string]string {
	texts := make(map[string]string, len(units))
	for name, unit := range units {
		texts[family+", "+name] = fill(unit)
	}
	return texts
}

func fill(unit string) string { return strings.Repeat(unit, Size/len(unit)) }
