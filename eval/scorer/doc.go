// Package scorer holds the rule types of evaluations. All of them are pure but
// the judges, which ask a model or a web hook.
package scorer
