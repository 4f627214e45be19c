package injection

import "github.com/promptmetrics-go/promptmetrics/compliance/detect/internal/automaton"

// language holds the words of one language, in lower case; where a script has
// cases that ASCII does not know, both spellings of the first letter.
//
// An order is a verb, then in one clause a qualifier and an object. A strong
// qualifier points at what the model was told before ("previous"), a weak one
// at all of it ("all"): then the object must be one that models have rather
// than drivers or guests. In languages that put the verb last the clause is
// the one before it.
type language struct {
	order    []string
	strong   []string
	weak     []string
	objects  []string
	narrow   []string // objects that suffice for a weak qualifier
	whole    []string // qualifier and object in one: "everything above"
	reveal   []string
	owned    []string // "your", for what is revealed
	secrets  []string // what is revealed, by itself telling
	verbLast bool
	negation []string
	mild     []string // verbs with many uses
	// stems says that verbs and objects may go on after the written part.
	stems bool

	words *automaton.Automaton // all words but verbs and negations
	uses  []use
}

func languages() []language {
	return []language{
		{ // English
			order: []string{
				"ignore", "disregard", "forget", "override", "bypass", "discard", "do not follow", "don't follow",
				"stop following", "do not obey", "don't obey", "stop obeying", "pay no attention to", "set aside", "violate",
				"disobey", "abandon", "dismiss", "throw away",
			},
			strong: []string{
				"previous", "prior", "above", "earlier", "preceding", "foregoing", "original", "initial", "your", "so far", "before",
				"you were given", "you have been given", "you've been given", "you were told", "you received", "past", "existing", "former", "up to now", "until now", "pre-existing", "built-in",
			},
			weak: []string{"all", "any", "every", "the system", "the developer", "openai", "anthropic"},
			objects: []string{
				"instruction", "prompt", "guideline", "rule", "direction", "directive", "command", "system message", "restriction",
				"constraint", "safety", "programming", "training", "orders", "policy", "policies", "guardrail", "filters", "safeguard",
				"ethic", "limitation", "persona",
			},
			narrow: []string{"instruction", "prompt", "guardrail", "directives", "system message"},
			mild:   []string{"override", "bypass", "discard", "set aside", "violate", "abandon", "dismiss", "throw away"},
			whole: []string{
				"everything above", "everything before", "everything you were told", "everything i said", "everything you know", "everything prior",
				"everything previous", "everything that came before", "everything you have been told", "everything you've been told", "all of the above",
				"what you were told", "what you have been told", "what you've been told", "what i said before", "what i told you", "anything above",
				"the text above", "the above text", "all that came before", "the above and", "all the above", "all above",
			},
			reveal: []string{
				"reveal", "show me", "print", "repeat", "output", "display", "tell me", "give me", "leak", "disclose", "dump", "recite", "what is",
				"what are", "what's", "what were", "share", "write out", "write down", "copy", "expose", "return", "summarize", "translate", "list", "quote", "echo", "spell out", "provide",
			},
			owned: []string{"your", "you were given", "you have been given", "you've been given", "you received", "you were told", "you got"},
			secrets: []string{
				"system prompt", "system message", "initial prompt", "initial instructions", "hidden instructions", "hidden prompt", "secret instructions", "original instructions",
				"original prompt", "developer message", "system instructions", "internal instructions", "confidential instructions", "preprompt", "pre-prompt",
				"exact instructions", "full instructions", "entire prompt", "full prompt", "previous instructions", "instructions verbatim", "custom instructions",
				"internal rules", "secret prompt", "instructions you were given", "instructions above", "text above", "words above", "everything above", "prompt verbatim",
			},
			negation: []string{
				"not ", "never ", "n't ", "cannot ", "they ", "we ", "i ", "who ", "that ", "which ", "it ", "people ", "users ", "students ",
				"how to ", "when to ", "would ", "could ", "might ", "attackers ", "models ", "without ", "often ", "sometimes ", "usually ", "avoid ", "why ", "he ", "she ", "drivers ",
			},
		},
		{ // German
			order: []string{
				"ignoriere", "ignorier ", "ignorieren sie", "missachte", "vergiss", "vergesse", "vergessen sie", "übergehe", "umgehe", "verwirf", "überschreibe", "befolge nicht", "beachte nicht", "Übergehe", "Überschreibe",
			},
			strong:   []string{"vorherig", "vorig", "bisherig", "früher", "obig", "oben", "vorangegangen", "vorangehend", "ursprünglich", "deine", "dein ", "system", "zuvor", "ihre ", "bestehend", "vorhergehend"},
			weak:     []string{"alle", "jede", "sämtliche", "die", "diese"},
			objects:  []string{"anweisung", "instruktion", "prompt", "regel", "vorgabe", "befehl", "richtlinie", "anleitung", "einschränkung", "kontext", "beschränkung", "vorschrift"},
			narrow:   []string{"anweisung", "instruktion", "prompt"},
			whole:    []string{"alles, was dir", "alles was dir", "alles, was vorher", "alles was vorher", "alles, was zuvor", "alles was zuvor", "alles bisherige", "alles obige", "alles vorherige", "alles davor", "alles, was du", "alles was du"},
			reveal:   []string{"zeige mir", "zeig mir", "verrate", "nenne mir", "gib mir", "gib ", "wiederhole", "drucke", "wie lautet", "wie lauten", "offenbare", "schreibe"},
			owned:    []string{"dein", "ihre", "deine"},
			secrets:  []string{"systemprompt", "system-prompt", "systemanweisung", "system prompt", "ursprünglichen anweisung", "geheimen anweisung", "internen anweisung", "anfangsanweisung", "systemnachricht", "initialen anweisung", "versteckten anweisung"},
			negation: []string{"nicht ", "nie ", "niemals ", "ich ", "er ", "sie ", "wer "},
			stems:    true,
		},
		{ // French
			order:    []string{"ignore", "ignorez", "oublie", "oubliez", "ne tiens pas compte", "ne tenez pas compte", "ne tenez plus compte", "ne suis plus", "contourne", "fais abstraction", "faites abstraction"},
			strong:   []string{"précédent", "antérieur", "ci-dessus", "initial", "tes ", "vos ", "d'origine", "système", "d'avant", "reçues", "préalable", "donné"},
			weak:     []string{"toutes", "tous", "toute", "les ", "ces "},
			objects:  []string{"instruction", "consigne", "prompt", "règle", "directive", "ordre", "commande", "restriction", "contrainte"},
			narrow:   []string{"instruction", "consigne", "prompt"},
			whole:    []string{"tout ce qui précède", "tout ce que tu", "tout ce qu'on t'a dit", "tout ce que vous", "tout ce qui vous a été", "tout ce qui t'a été"},
			reveal:   []string{"révèle", "révélez", "montre-moi", "montrez-moi", "affiche", "affichez", "répète", "répétez", "donne-moi", "donnez-moi", "quelles sont", "quel est", "dis-moi", "Révèle", "imprime"},
			owned:    []string{"tes ", "ton ", "vos ", "votre "},
			secrets:  []string{"prompt système", "prompt système", "message système", "instructions initiales", "instructions cachées", "instructions système", "instructions secrètes", "consignes initiales", "consignes secrètes", "prompt initial", "invite système", "instructions internes"},
			negation: []string{"n'", "ne ", "jamais ", "il ", "elle ", "je ", "on ", "qui ", "pas "},
			stems:    true,
		},
		{ // Spanish
			order:    []string{"ignora", "ignore", "ignorar", "olvida", "olvide", "descarta", "haz caso omiso", "haga caso omiso", "no sigas", "omite", "desobedece", "pasa por alto"},
			strong:   []string{"anterior", "previa", "previo", "arriba", "inicial", "original", "tus ", "sus ", "sistema", "precedente", "recibid", "antes"},
			weak:     []string{"todas", "todos", "toda ", "cualquier", "las ", "los "},
			objects:  []string{"instruccion", "instrucción", "prompt", "regla", "indicacion", "indicación", "directriz", "directrices", "órden", "orden", "restriccion", "norma"},
			narrow:   []string{"instruccion", "instrucción", "prompt"},
			whole:    []string{"todo lo anterior", "todo lo que te", "todo lo que se te", "todo lo dicho", "todo lo que has", "todo lo previo"},
			reveal:   []string{"revela", "revele", "muéstrame", "muestra", "muestre", "imprime", "repite", "repita", "dime", "dame", "cuáles son", "cuál es", "escribe", "enséñame"},
			owned:    []string{"tus ", "tu ", "sus ", "su "},
			secrets:  []string{"prompt del sistema", "prompt de sistema", "mensaje del sistema", "mensaje de sistema", "instrucciones iniciales", "instrucciones ocultas", "instrucciones del sistema", "instrucciones de sistema", "instrucciones secretas", "instrucciones originales", "prompt inicial", "instrucciones internas"},
			negation: []string{"no ", "nunca ", "jamás ", "se ", "que ", "quien "},
			stems:    true,
		},
		{ // Italian
			order:    []string{"ignora", "ignori", "ignorare", "dimentica", "dimentichi", "trascura", "non seguire", "non tenere conto", "scarta", "aggira"},
			strong:   []string{"precedent", "sopra", "iniziali", "iniziale", "originali", "tue ", "tuoi ", "sistema", "ricevut", "anteriori", "date finora"},
			weak:     []string{"tutte", "tutti", "ogni", "le ", "i "},
			objects:  []string{"istruzion", "prompt", "regol", "direttiv", "indicazion", "comand", "ordini", "restrizion", "vincoli"},
			narrow:   []string{"istruzion", "prompt"},
			whole:    []string{"tutto ciò che", "tutto quello che ti", "tutto quanto sopra", "tutto il precedente"},
			reveal:   []string{"rivela", "mostrami", "mostra", "stampa", "ripeti", "dimmi", "dammi", "quali sono", "qual è", "scrivi"},
			owned:    []string{"tue ", "tuo ", "tuoi ", "sue "},
			secrets:  []string{"prompt di sistema", "prompt del sistema", "messaggio di sistema", "istruzioni iniziali", "istruzioni nascoste", "istruzioni di sistema", "istruzioni segrete", "prompt iniziale", "istruzioni originali", "istruzioni interne"},
			negation: []string{"non ", "mai ", "chi ", "che "},
			stems:    true,
		},
		{ // Portuguese
			order:    []string{"ignore", "ignora", "ignorar", "esqueça", "esquece", "esqueca", "desconsidere", "desconsidera", "descarte", "não siga", "desobedeça", "despreze"},
			strong:   []string{"anterior", "anteriores", "acima", "prévia", "inicia", "origina", "suas ", "tuas ", "sistema", "precedente", "recebida"},
			weak:     []string{"todas", "todos", "qualquer", "as ", "os "},
			objects:  []string{"instruç", "instruc", "prompt", "regra", "diretriz", "orientaç", "comando", "ordens", "restriç", "diretiva"},
			narrow:   []string{"instruç", "instruc", "prompt"},
			whole:    []string{"tudo o que", "tudo que foi dito", "tudo acima", "tudo que te", "tudo o que foi"},
			reveal:   []string{"revele", "revela", "mostre", "mostra", "imprima", "repita", "repete", "diga-me", "me diga", "me dê", "quais são", "qual é", "exiba", "escreva"},
			owned:    []string{"suas ", "seu ", "tuas ", "teu "},
			secrets:  []string{"prompt do sistema", "prompt de sistema", "mensagem do sistema", "mensagem de sistema", "instruções iniciais", "instruções ocultas", "instruções do sistema", "instruções de sistema", "instruções secretas", "prompt inicial", "instruções originais", "instruções internas"},
			negation: []string{"não ", "nunca ", "jamais ", "quem ", "que "},
			stems:    true,
		},
		{ // Dutch
			order:    []string{"negeer", "vergeet", "sla geen acht op", "volg niet", "omzeil", "schenk geen aandacht"},
			strong:   []string{"vorige", "eerdere", "voorgaande", "bovenstaande", "voorafgaande", "oorspronkelijke", "je ", "jouw", "uw ", "systeem", "hierboven"},
			weak:     []string{"alle", "elke", "de ", "deze"},
			objects:  []string{"instructie", "prompt", "regel", "richtlijn", "aanwijzing", "opdracht", "beperking"},
			narrow:   []string{"instructie", "prompt"},
			whole:    []string{"alles wat je", "alles hierboven", "al het voorgaande", "alles wat hiervoor", "al het bovenstaande"},
			reveal:   []string{"onthul", "toon", "laat zien", "laat me", "herhaal", "geef me", "geef mij", "print", "wat is", "wat zijn", "vertel me"},
			owned:    []string{"je ", "jouw", "uw "},
			secrets:  []string{"systeemprompt", "systeem prompt", "systeemprompt", "system prompt", "systeembericht", "oorspronkelijke instructies", "geheime instructies", "verborgen instructies", "interne instructies", "initiële instructies", "systeeminstructies"},
			negation: []string{"niet ", "nooit ", "ik ", "hij ", "wie "},
			stems:    true,
		},
		{ // Danish, Norwegian, Swedish
			order:    []string{"ignorer", "ignorera", "glem", "glöm", "se bort fra", "bortse från", "se bort ifra", "overse", "följ inte", "følg ikke"},
			strong:   []string{"tidligere", "tidigare", "forrige", "foregående", "föregående", "ovenstående", "ovanstående", "ovenfor", "ovan", "dine ", "dina ", "opprinnelige", "oprindelige", "ursprungliga", "system"},
			weak:     []string{"alle", "alla", "samtlige", "samtliga"},
			objects:  []string{"instruks", "instrukt", "anvisning", "regler", "prompt", "retningslinj", "riktlinj", "ordre", "kommando"},
			narrow:   []string{"instruks", "instrukt", "anvisning", "prompt"},
			whole:    []string{"alt ovenfor", "allt ovan", "alt det", "allt som", "alt som"},
			reveal:   []string{"vis mig", "vis meg", "visa mig", "afslør", "avslør", "avslöja", "gentag", "gjenta", "upprepa", "skriv ut", "fortæl mig", "fortell meg", "berätta"},
			owned:    []string{"din ", "dine ", "dina ", "ditt "},
			secrets:  []string{"systemprompt", "system prompt", "systeminstruks", "systeminstrukt", "oprindelige instruk", "opprinnelige instruk", "ursprungliga instruk", "skjulte instruk", "dolda instruk"},
			negation: []string{"ikke ", "aldri ", "aldrig ", "inte ", "jeg ", "jag "},
			stems:    true,
		},
		{ // Polish
			order:    []string{"zignoruj", "ignoruj", "zapomnij", "pomiń", "odrzuć", "nie stosuj"},
			strong:   []string{"poprzedni", "wcześniejsz", "powyższ", "pierwotn", "swoje", "twoje", "systemow", "dotychczasow"},
			weak:     []string{"wszystkie", "wszelkie", "każd"},
			objects:  []string{"instrukcj", "poleceni", "prompt", "zasad", "reguł", "wytyczn", "ogranicze"},
			narrow:   []string{"instrukcj", "prompt", "poleceni"},
			whole:    []string{"wszystko, co", "wszystko co", "wszystko powyżej"},
			reveal:   []string{"ujawnij", "pokaż", "wypisz", "powtórz", "wyświetl", "podaj"},
			owned:    []string{"swoje", "swój", "twoje", "twój"},
			secrets:  []string{"prompt systemowy", "instrukcje systemowe", "ukryte instrukcje", "początkowe instrukcje", "wiadomość systemową"},
			negation: []string{"nie ", "nigdy "},
			stems:    true,
		},
		{ // Russian
			order:    []string{"игнорируй", "Игнорируй", "проигнорируй", "Проигнорируй", "забудь", "Забудь", "не обращай внимания", "Не обращай внимания", "отбрось", "Отбрось", "не следуй", "пренебреги"},
			strong:   []string{"предыдущ", "прежн", "прошл", "вышеуказанн", "выше", "исходн", "изначальн", "свои", "твои", "систем", "ранее", "ваши"},
			weak:     []string{"все", "любые", "всех", "эти"},
			objects:  []string{"инструкци", "указани", "правил", "команд", "промпт", "директив", "ограничени", "установк"},
			narrow:   []string{"инструкци", "промпт", "указани"},
			whole:    []string{"всё, что", "все, что", "всё что", "все что", "всё сказанное", "всё вышесказанное", "все вышесказанное"},
			reveal:   []string{"покажи", "Покажи", "раскрой", "Раскрой", "повтори", "Повтори", "выведи", "Выведи", "напечатай", "Напечатай", "назови", "Назови", "расскажи", "Расскажи", "покажите", "каков", "Каков", "какие", "Какие"},
			owned:    []string{"свои", "свой", "твои", "твой", "ваш"},
			secrets:  []string{"системный промпт", "системные инструкции", "системное сообщение", "скрытые инструкции", "исходные инструкции", "начальные инструкции", "секретные инструкции", "изначальные инструкции", "системного промпта", "системную подсказку", "внутренние инструкции"},
			negation: []string{"не ", "никогда ", "Не ", "Никогда "},
			stems:    true,
		},
		{ // Turkish
			order:    []string{"yok say", "görmezden gel", "unut", "unutun", "dikkate alma", "göz ardı et"},
			strong:   []string{"önceki", "yukarıdaki", "daha önceki", "sistem", "ilk "},
			weak:     []string{"tüm", "bütün", "her "},
			objects:  []string{"talimat", "komut", "kural", "yönerge", "prompt", "istem"},
			narrow:   []string{"talimat", "prompt", "yönerge"},
			verbLast: true,
			stems:    true,
		},
		{ // Chinese
			order:    []string{"忽略", "无视", "無視", "忘记", "忘記", "忘掉", "不要理会", "不要遵循", "不要遵守", "抛弃", "绕过", "覆盖"},
			strong:   []string{"之前", "以前", "先前", "以上", "上述", "上面", "前面", "原来", "原有", "原先", "初始", "你的", "系统", "系統", "此前", "您的"},
			weak:     []string{"所有", "全部", "一切", "任何"},
			objects:  []string{"指令", "指示", "提示", "命令", "规则", "規則", "限制", "设定", "設定", "约束"},
			narrow:   []string{"指令", "指示", "提示词"},
			whole:    []string{"之前的一切", "以上一切", "上面的一切", "之前说的", "以上所有内容"},
			reveal:   []string{"显示", "告诉我", "透露", "泄露", "输出", "重复", "打印", "展示", "公开", "顯示", "告訴我", "是什么", "写出"},
			owned:    []string{"你的", "您的"},
			secrets:  []string{"系统提示", "系統提示", "系统指令", "系统消息", "初始指令", "初始提示", "隐藏指令", "原始指令", "内部指令", "隐藏的指令", "提示词"},
			negation: []string{"不要", "请勿", "不能", "不可", "切勿", "别", "不得", "不会"},
			stems:    true,
		},
		{ // Japanese
			order:    []string{"無視", "忘れ", "従わない", "破棄"},
			strong:   []string{"以前", "前の", "これまで", "上記", "先の", "今まで", "直前", "あなたの", "システム", "元の", "先ほど"},
			weak:     []string{"すべて", "全て", "全部", "あらゆる"},
			objects:  []string{"指示", "命令", "プロンプト", "ルール", "規則", "指令", "制約", "設定", "制限"},
			narrow:   []string{"指示", "命令", "プロンプト", "指令"},
			reveal:   []string{"教えて", "表示して", "見せて", "出力して", "開示", "公開して", "繰り返して", "何ですか"},
			owned:    []string{"あなたの", "君の"},
			secrets:  []string{"システムプロンプト", "システムメッセージ", "初期指示", "隠された指示", "システム指示", "元の指示", "内部指示", "初期プロンプト"},
			verbLast: true,
			stems:    true,
		},
		{ // Korean
			order:    []string{"무시", "잊어", "잊고", "따르지 마"},
			strong:   []string{"이전", "앞선", "위의", "지금까지", "기존", "당신의", "너의", "시스템", "앞의"},
			weak:     []string{"모든", "모두", "전부"},
			objects:  []string{"지시", "명령", "프롬프트", "규칙", "지침", "제한"},
			narrow:   []string{"지시", "프롬프트", "지침", "명령"},
			reveal:   []string{"보여", "알려", "출력", "공개", "반복", "말해"},
			owned:    []string{"당신의", "너의", "네 "},
			secrets:  []string{"시스템 프롬프트", "시스템 메시지", "초기 지시", "숨겨진 지시", "내부 지침", "원래 지시"},
			verbLast: true,
			stems:    true,
		},
		{ // Arabic
			order:   []string{"تجاهل", "انس ", "انسى", "تغاضى عن", "لا تتبع"},
			strong:  []string{"السابقة", "السابق", "أعلاه", "الأصلية", "الأولية", "النظام"},
			weak:    []string{"جميع", "كل ", "كافة"},
			objects: []string{"التعليمات", "تعليمات", "الأوامر", "القواعد", "التوجيهات", "الإرشادات"},
			narrow:  []string{"التعليمات", "تعليمات", "التوجيهات"},
			reveal:  []string{"اكشف", "أظهر", "اعرض", "اطبع", "كرر", "أخبرني"},
			secrets: []string{"موجه النظام", "تعليمات النظام", "رسالة النظام", "التعليمات الأولية", "التعليمات السرية"},
			stems:   true,
		},
		{ // Hindi
			order:    []string{"अनदेखा", "नज़रअंदाज़", "नजरअंदाज", "भूल जाओ", "भूल जाएं", "अनदेखी"},
			strong:   []string{"पिछले", "पिछली", "पहले", "ऊपर", "पूर्व"},
			weak:     []string{"सभी", "सारे", "हर "},
			objects:  []string{"निर्देश", "आदेश", "नियम", "प्रॉम्प्ट"},
			narrow:   []string{"निर्देश", "प्रॉम्प्ट"},
			verbLast: true,
			stems:    true,
		},
	}
}

// use is what a word of a language is for.
type use struct {
	as    int // one of the below
	width int
}

const (
	asStrong = iota
	asWeak
	asObject
	asNarrow
	asWhole
	asOwned
	asSecret
	uses
)

// compile makes the automaton of a language's words.
func (l *language) compile() {
	var texts []string
	for as, words := range [uses][]string{l.strong, l.weak, l.objects, l.narrow, l.whole, l.owned, l.secrets} {
		for _, w := range words {
			texts = append(texts, w)
			l.uses = append(l.uses, use{as, len(w)})
		}
	}
	l.words = automaton.New(texts)
}
