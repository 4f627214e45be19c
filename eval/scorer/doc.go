// Package scorer holds the rule types of evaluations and compiles criteria into
// rubrics. All scorers are pure but the judges, which ask a model or a webhook.
//
// # The types and their configuration
//
// Members that a type does not know are ignored. A text marked (M) is a Mustache
// template over the row: {{input.question}}, {{expected.answer}}, {{output}}.
// Where expected is left out, the row's expectedOutput is taken: its text member
// answer, output or text, else the whole object as JSON.
//
//	exact           expected (M), ignore_case, trim
//	contains        keywords (each M; default the expected text), mode all|any|none, ignore_case; also named keyword
//	starts_with     prefix (M), ignore_case
//	regex           pattern (RE2), flags: i, m, s
//	length          min, max: code points
//	json_schema     schema (2020-12 unless $schema says otherwise), extract
//	json_diff       expected (JSON, or M that renders to it), mode equal|subset, extract
//	numeric         expected (a number, or M), absolute, relative, pick last|first|only
//	levenshtein     expected (M), ignore_case, threshold 0.8
//	bleu            expected (M) or references (each M), ignore_case, threshold 0.5
//	rouge           expected (M), variant 1|2|L, threshold 0.5
//	token_f1        expected (M), threshold 0.5
//	cosine          expected (M), provider, model, threshold 0.8
//	latency         max_ms
//	cost            max_usd
//	tokens          max, of total|in|out
//	compliance      entities (default any)
//	llm_judge       rubric (M), provider, model, temperature 0, max_tokens, threshold 0.5
//	pairwise_judge  rubric (M), provider, model, baseline (M), temperature 0, max_tokens, threshold 0.5
//	webhook         url, threshold 0.5
//	function        name, threshold 0.5
//
// Scores are 1 or 0 but for json_diff, levenshtein, bleu, rouge, token_f1,
// cosine, the judges, webhooks and functions, which have all values between;
// those with a threshold pass at it. With extract, JSON is looked for inside a
// fence or prose. latency, cost and tokens fail for an output that no call was
// measured for, such as a recorded one.
//
// # Judges and hostile outputs
//
// A judge is told that what stands in fences is material, never instructions.
// The output always is in one, with a marker that it cannot forge, also where
// the rubric names {{output}}; so are input and expected text unless the rubric
// names them. What a rubric takes from the row itself, such as
// {{input.question}}, is put in as it is. Two different scores in one answer
// count as none: a judge may have quoted one from the output.
//
// # Bounds
//
// Every scorer takes time linear in its input but levenshtein and rouge L, whose
// work is the product of two lengths over the 64 bits of a word; it is bounded
// by [MaxProduct]. Texts that are taken apart are at most [MaxText] bytes. A
// pattern's work is bounded by [MaxPatternWork], a schema's by [MaxSchemaSteps].
// What goes over a bound is an error of the row that says so.
package scorer
