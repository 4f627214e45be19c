package injection

import (
	"bytes"

	"github.com/promptmetrics-go/promptmetrics/compliance/detect"
)

// frame is the opening of an attempt to give the model another part to play. It
// counts if one of the words that lift the rules follows in the clause; with no
// such words, the opening itself tells.
type frame struct {
	opening string
	lifts   []string
}

func frames() []frame {
	lifts := []string{
		"dan", "do anything now", "unrestricted", "no restrictions", "without restrictions", "without any restrictions", "no rules", "without rules", "without any rules",
		"no limits", "no limitations", "unfiltered", "uncensored", "jailbroken", "jailbreak", "evil", "no ethical", "without ethical", "without any ethical",
		"no filter", "no filters", "no longer bound", "not bound", "free from", "freed from", "developer mode", "god mode", "no guidelines", "without guidelines",
		"amoral", "no moral", "without moral", "never refuse", "cannot refuse", "can't refuse", "ignore all", "no content policy", "without censorship", "root access", "admin mode", "no safety",
		"without safety", "stan", "aim", "opposite mode", "no constraints", "without constraints",
	}
	german := []string{"ohne regeln", "ohne einschränkung", "uneingeschränkt", "ungefiltert", "keine regeln", "dan", "keine einschränkung", "entwicklermodus", "ohne filter"}
	romance := []string{
		"sans restriction", "sans aucune restriction", "sans limite", "sans filtre", "sans règles", "sin restricciones", "sin ninguna restricción", "sin límites", "sin filtros", "sin reglas", "sin censura",
		"senza restrizioni", "senza limiti", "senza filtri", "senza regole", "sem restrições", "sem limites", "sem filtros", "sem regras", "sem censura", "dan",
	}
	var all []frame
	for _, o := range []string{
		"you are now", "you're now", "from now on", "act as", "pretend to be", "pretend you are", "pretend that you are", "roleplay as", "role-play as",
		"simulate", "imagine you are", "behave as", "respond as", "you will act as", "you are going to act as", "you will now", "pretend you have", "assume the role", "take on the role", "you have no", "answer as", "you are no longer",
	} {
		all = append(all, frame{o, lifts})
	}
	for _, o := range []string{"switch to", "enter", "enable", "activate"} {
		// Telephones have a developer mode too.
		all = append(all, frame{o, []string{"dan mode", "jailbreak", "god mode", "unrestricted mode", "uncensored mode", "unfiltered mode", "evil mode", "opposite mode"}})
	}
	for _, o := range []string{"du bist jetzt", "du bist nun", "ab jetzt bist du", "ab sofort bist du", "verhalte dich", "tu so, als", "tue so, als", "agiere als"} {
		all = append(all, frame{o, german})
	}
	for _, o := range []string{"tu es maintenant", "vous êtes maintenant", "agis comme", "ahora eres", "actúa como", "a partir de ahora", "sei ora", "ora sei", "agisci come", "você agora é", "agora você é", "aja como", "fais comme si", "finge que eres"} {
		all = append(all, frame{o, romance})
	}
	for _, o := range []string{"ты теперь", "Ты теперь", "теперь ты", "Теперь ты", "представь, что ты", "Представь, что ты", "веди себя как", "Веди себя как"} {
		all = append(all, frame{o, []string{"без ограничени", "без правил", "без фильтр", "без цензур", "не ограничен"}})
	}
	for _, o := range []string{"你现在是", "从现在开始", "從現在開始", "扮演", "假装你是"} {
		all = append(all, frame{o, []string{"没有限制", "没有任何限制", "不受限制", "無限制", "无限制", "不受任何", "没有道德", "dan"}})
	}
	for _, o := range []string{"あなたは今から", "これからあなたは", "今からあなたは"} {
		all = append(all, frame{o, []string{"制限のない", "制限なし", "無制限", "ルールのない", "検閲"}})
	}
	for _, o := range []string{
		"do anything now", "jailbreak mode", "you have been jailbroken", "you are jailbroken", "developer mode output", "end of system prompt", "end of the system prompt",
		"begin new instructions", "start new instructions", "here are your new instructions", "your new instructions are", "your new system prompt", "new system prompt:",
		"new instructions:", "updated instructions:", "system override:", "[system override]", "admin override:", "important new instruction", "you are free from all",
		"ignore your safety", "disable your safety", "disable your filters", "turn off your filters", "disable all safety", "bypass your safety", "bypass your filters", "neue anweisungen:", "nouvelles instructions :", "nuevas instrucciones:", "nuove istruzioni:", "novas instruções:", "новые инструкции:", "Новые инструкции:", "新的指令：", "新しい指示：",
	} {
		all = append(all, frame{opening: o})
	}
	return all
}

// hijack examines the opening of a frame.
func (s *search) hijack(f *frame, start, end int) {
	if letterBefore(s.lower, start) && s.lower[start] < 0x80 || letterAfter(s.lower, end) && s.lower[end-1] < 0x80 && s.lower[end-1] != ':' {
		return
	}
	if s.lower[end-1] == ':' && len(bytes.TrimSpace(s.before(start))) > 0 {
		return // a heading begins its sentence
	}
	to := end
	if f.lifts != nil {
		clause := s.clause(end)
		to = -1
		for _, w := range f.lifts {
			i := bytes.Index(clause, []byte(w))
			if i < 0 || letterBefore(clause, i) && w[0] < 0x80 || letterAfter(clause, i+len(w)) && len(w) < 6 {
				continue
			}
			// Short names are names only if they were written as such.
			if len(w) <= 4 && (w == "dan" || w == "stan" || w == "aim") && !isUpper(s.norm[end+i:end+i+len(w)]) {
				continue
			}
			if to < 0 || end+i+len(w) < to {
				to = end + i + len(w)
			}
		}
		if to < 0 {
			return
		}
	}
	if s.discussed(start, to) {
		return
	}
	s.add(hijackRule, detect.Medium, start, to, 0.75)
}

func isUpper(b []byte) bool {
	for _, c := range b {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// token is a mark by which chat templates tell who speaks.
type token struct {
	text string
	line bool // only at the beginning of a line
	// upper asks for capital letters: programs have names in brackets.
	upper bool
}

func tokens() []token {
	var all []token
	for _, t := range []string{
		"<|im_start|>", "<|im_end|>", "<|im_sep|>", "<|system|>", "<|user|>", "<|assistant|>", "<|endoftext|>", "<|end|>", "<|eot_id|>", "<|eom_id|>",
		"<|start_header_id|>", "<|end_header_id|>", "<|begin_of_text|>", "<|end_of_text|>", "<|python_tag|>", "<|endofprompt|>", "<|fim_prefix|>",
		"<|start|>", "<|channel|>", "<|message|>", "<|return|>", "<|end_of_turn|>", "<start_of_turn>", "<end_of_turn>", "[inst]", "[/inst]", "<<sys>>", "<</sys>>",
		"[system_prompt]", "[/system_prompt]", "<|prompter|>", "<|end_of_role|>", "<|start_of_role|>", "<|begin▁of▁sentence|>",
	} {
		all = append(all, token{text: t, upper: t[0] == '[' || t[1] == '<'})
	}
	for _, t := range []string{"### system:", "### instruction:", "### instructions:", "### human:", "### assistant:", "### response:", "### user:", "<system>", "[system]", "[system message]", "###system"} {
		all = append(all, token{text: t, line: true})
	}
	return all
}

// template examines a token of a chat template.
func (s *search) template(t *token, start, end int) {
	if t.line && !lineStart(s.norm, start) {
		return
	}
	if t.upper && bytes.Equal(s.norm[start:end], s.lower[start:end]) || s.discussed(start, end) {
		return
	}
	s.add(templateRule, detect.Low, start, end, 0.7)
}

func lineStart(b []byte, at int) bool {
	for at > 0 && (b[at-1] == ' ' || b[at-1] == '\t') {
		at--
	}
	return at == 0 || b[at-1] == '\n'
}
