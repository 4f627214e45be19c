// Package mustache renders prompt templates: Mustache without HTML escaping,
// partials, inheritance or lambdas, over plain JSON data.
//
// A text is parsed once and rendered many times:
//
//	t, err := mustache.Parse("Hello {{user.name}}!", mustache.Limits{})
//	out, err = t.Append(out[:0], data, mustache.Limits{})
//
// # What a template may hold
//
// Variables {{x}}, {{{x}}} and {{&x}} (all three the same), dotted names
// {{a.b}}, the implicit iterator {{.}}, sections {{#x}}…{{/x}}, inverted
// sections {{^x}}…{{/x}}, comments {{! }} and changes of the delimiters
// {{=<% %>=}}. A line that holds nothing but one of the last four kinds of tag
// leaves no line behind. Everything else is a [SyntaxError].
//
// # How names are found
//
// The first part of a dotted name is looked for from the innermost section
// outwards and the first object that has the key wins, even if it holds null
// there. The other parts are taken from that value alone. What is not found
// renders as nothing.
//
// # Hostile templates and hostile data
//
// Either may come from a stranger. A value is written out and never parsed, so
// no data becomes a tag. Only the plain types that [Normalize] makes are read,
// so no method or function of a value can run. Nesting, output, work and the
// depth of data are bounded by [Limits] and by the constants beside it.
package mustache
