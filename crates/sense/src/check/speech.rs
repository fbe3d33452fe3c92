//! Manners of speech by which an answer gives itself away: it refuses, hedges, repeats itself without end, or is in another
//! language than the question. Phrases of the languages that models are mostly asked in; in others nothing is found.
//!
//! Never here: what follows from that, or words of the request in what is given back.

use std::borrow::Cow;

/// Bytes of an answer within which a refusal begins, and in which it is looked for.
const BEGIN: usize = 80;
const HEAD: usize = 320;
/// A refusal is short; a long text that begins like one goes on to answer.
const REFUSAL_MAX: usize = 1_200;
/// Bytes of either text that are read for its language, and of the request for its wishes.
const READ: usize = 4_096;
/// Bytes at the end of an answer that are looked at for repetition, how many of them have to be one, and how often it has to stand
/// there.
const TAIL: usize = 2_048;
const LOOP_BYTES: usize = 240;
const LOOP_TIMES: usize = 6;
const PERIOD_MAX: usize = 160;

/// What a refusal in English begins with, and what follows: "I am unable to attend" is none.
const UNABLE: [&str; 11] = [
    "i can't",
    "i cannot",
    "i can not",
    "i'm unable to",
    "i am unable to",
    "i'm not able to",
    "i am not able to",
    "i won't be able to",
    "i will not be able to",
    "i do not have the ability to",
    "i don't have the ability to",
];
const VERBS: [&str; 22] = [
    "help",
    "assist",
    "provide",
    "answer",
    "comply",
    "fulfill",
    "do that",
    "access",
    "complete",
    "process",
    "generate",
    "create",
    "continue",
    "discuss",
    "engage",
    "respond",
    "share",
    "support",
    "perform",
    "participate",
    "browse",
    "determine",
];
/// Whole beginnings of refusals.
const REFUSALS: [&str; 47] = [
    "i must decline",
    "i have to decline",
    "as an ai language model",
    "i'm sorry, but i can't",
    "i'm sorry, but i cannot",
    "i'm sorry, i can't",
    "sorry, but i can't",
    "i apologize, but i can't",
    "i apologize, but i cannot",
    "dabei kann ich nicht helfen",
    "dabei kann ich dir nicht",
    "dabei kann ich ihnen nicht",
    "das kann ich nicht beantworten",
    "ich kann diese anfrage nicht",
    "ich kann ihnen dabei nicht",
    "ich kann dir dabei nicht",
    "tut mir leid, aber ich kann",
    "tut mir leid, ich kann",
    "als ki-sprachmodell",
    "je ne peux pas vous aider",
    "je ne peux pas t'aider",
    "je ne peux pas répondre",
    "je ne suis pas en mesure de",
    "désolé, mais je ne peux",
    "en tant que modèle de langage",
    "no puedo ayudarte",
    "no puedo ayudar con",
    "lo siento, pero no puedo",
    "como modelo de lenguaje",
    "non posso aiutarti",
    "mi dispiace, ma non posso",
    "não posso ajudar",
    "desculpe, mas não posso",
    "lamento, mas não posso",
    "daar kan ik niet bij helpen",
    "het spijt me, maar ik kan",
    "nie mogę pomóc",
    "przykro mi, ale nie mogę",
    "я не могу помочь",
    "извините, но я не могу",
    "我无法",
    "抱歉，我不能",
    "对不起，我不能",
    "お手伝いできません",
    "お答えできません",
    "도와드릴 수 없",
    "답변할 수 없",
];
/// Hedging beyond English, which [`crate::brain::hedges`] knows.
const HEDGES: [&str; 20] = [
    "bin mir nicht sicher",
    "ich weiß nicht",
    "ich weiß es nicht",
    "je ne sais pas",
    "je ne suis pas sûr",
    "je ne suis pas certain",
    "no estoy seguro",
    "no lo sé",
    "non sono sicuro",
    "non lo so",
    "não tenho certeza",
    "não sei",
    "ik weet het niet",
    "nie jestem pewien",
    "nie wiem",
    "не уверен",
    "我不确定",
    "我不知道",
    "わかりません",
    "잘 모르겠",
];

/// Whether an answer refuses. What stands in the request already (to be translated, say) is none.
pub(super) fn refuses(answer: &str, asked: &str) -> bool {
    let answer = answer.trim();
    if answer.len() > REFUSAL_MAX {
        return false;
    }
    let head = lower(answer, HEAD);
    let begins = |phrase: &str| head.find(phrase).filter(|at| *at <= BEGIN);
    let unable = UNABLE.iter().find(|start| {
        begins(start).is_some_and(|at| {
            let rest = head[at + start.len()..].trim_start();
            VERBS.iter().any(|verb| rest.starts_with(verb))
        })
    });
    let found = unable.or_else(|| REFUSALS.iter().find(|phrase| begins(phrase).is_some()));
    found.is_some_and(|phrase| !lower(asked, READ).contains(phrase))
}

/// Whether an answer hedges, in any language that is known here.
pub(super) fn hedges(answer: &str) -> bool {
    crate::brain::hedges(answer) || {
        let text = lower(answer, READ / 2);
        HEDGES.iter().any(|phrase| text.contains(phrase))
    }
}

/// Whether an answer ends in the same words again and again.
pub(super) fn repeats(answer: &str) -> bool {
    let bytes = answer.trim_end().as_bytes();
    let tail = &bytes[bytes.len().saturating_sub(TAIL)..];
    if tail.len() < LOOP_BYTES {
        return false;
    }
    (1..=PERIOD_MAX).any(|period| {
        let same = tail.iter().rev().zip(tail.iter().rev().skip(period)).take_while(|(a, b)| a == b).count();
        let says = |b: &u8| b.is_ascii_alphanumeric() || !b.is_ascii();
        same + period >= LOOP_BYTES.max(LOOP_TIMES * period) && tail[tail.len() - period..].iter().any(says)
    })
}

/// A language or, where several share one, a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tongue {
    Latin(usize),
    Cyrillic,
    Greek,
    Arabic,
    Hebrew,
    Indic,
    Thai,
    Han,
    Kana,
    Hangul,
}

/// Small words of languages in Latin script that are not words of the others.
const SMALL: [&[&str]; 8] = [
    &["the", "and", "is", "of", "to", "that", "with", "are", "this", "it", "you", "what", "how", "which"],
    &["der", "die", "das", "und", "ist", "nicht", "ein", "eine", "mit", "für", "auf", "wie", "ich", "sie", "wird"],
    &["le", "les", "est", "et", "une", "des", "dans", "pour", "que", "qui", "vous", "sont", "du", "avec"],
    &["el", "los", "las", "es", "y", "una", "por", "con", "para", "del", "cómo", "qué", "como", "más"],
    &["il", "gli", "è", "di", "che", "per", "una", "sono", "con", "della", "nel", "non", "come", "più"],
    &["o", "os", "é", "e", "uma", "para", "com", "não", "você", "são", "dos", "mais", "em", "do"],
    &["het", "een", "en", "van", "niet", "zijn", "met", "voor", "op", "dat", "ik", "hoe", "wordt", "deze"],
    &["jest", "nie", "się", "na", "jak", "że", "czy", "są", "dla", "oraz", "przez", "ale", "od", "po"],
];
/// Who writes one of these wishes for a language perhaps, and what follows is no slip.
const WISHES: [&str; 36] = [
    "translat",
    "übersetz",
    "tradu",
    "vertaal",
    "tłumacz",
    "перев",
    "翻译",
    "翻訳",
    "번역",
    "language",
    "sprache",
    "langue",
    "idioma",
    "lingua",
    "english",
    "englisch",
    "anglais",
    "inglés",
    "inglese",
    "german",
    "deutsch",
    "allemand",
    "french",
    "französisch",
    "français",
    "spanish",
    "spanisch",
    "español",
    "italian",
    "portug",
    "dutch",
    "polish",
    "russian",
    "chinese",
    "japanese",
    "korean",
];

/// Whether an answer is surely in another language than the text it answers, and nothing there wishes for one.
pub(super) fn other_tongue(answer: &str, asked: &str) -> bool {
    let Some(answered) = tongue(answer) else { return false };
    let Some(wanted) = tongue(asked) else { return false };
    answered != wanted && {
        let asked = lower(asked, READ);
        !WISHES.iter().any(|wish| asked.contains(wish))
    }
}

fn tongue(text: &str) -> Option<Tongue> {
    let text = lower(text, READ);
    let (mut latin, mut other, mut kinds) = (0u32, 0u32, [0u32; 9]);
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        match script(c) {
            None if c < '\u{0250}' => latin += 1,
            None => other += 1,
            Some(at) => kinds[at] += 1,
        }
    }
    let letters = latin + other + kinds.iter().sum::<u32>();
    // Kana stand between Chinese characters in Japanese, and nowhere else.
    if kinds[7] * 10 > letters && (kinds[6] + kinds[7]) * 10 > letters * 6 && letters >= 10 {
        return Some(Tongue::Kana);
    }
    const SCRIPTS: [Tongue; 9] = [
        Tongue::Cyrillic,
        Tongue::Greek,
        Tongue::Arabic,
        Tongue::Hebrew,
        Tongue::Indic,
        Tongue::Thai,
        Tongue::Han,
        Tongue::Kana,
        Tongue::Hangul,
    ];
    if let Some(at) = (0..9).find(|at| letters >= 10 && kinds[*at] * 10 > letters * 6) {
        return Some(SCRIPTS[at]);
    }
    if latin * 10 < letters * 9 {
        return None;
    }
    let mut hits = [0u32; SMALL.len()];
    for word in text.split(|c: char| !c.is_alphabetic()).filter(|w| !w.is_empty()).take(400) {
        for (hits, words) in hits.iter_mut().zip(SMALL) {
            *hits += u32::from(words.contains(&word));
        }
    }
    let (best, most) = hits.iter().enumerate().max_by_key(|(_, hits)| **hits)?;
    let second = hits.iter().enumerate().filter(|(at, _)| *at != best).map(|(_, hits)| *hits).max().unwrap_or(0);
    (*most >= 4 && *most >= 2 * second + 2).then_some(Tongue::Latin(best))
}

fn script(c: char) -> Option<usize> {
    Some(match c {
        '\u{0400}'..='\u{052F}' => 0,
        '\u{0370}'..='\u{03FF}' => 1,
        '\u{0600}'..='\u{077F}' => 2,
        '\u{0590}'..='\u{05FF}' => 3,
        '\u{0900}'..='\u{0DFF}' => 4,
        '\u{0E00}'..='\u{0E7F}' => 5,
        '\u{4E00}'..='\u{9FFF}' | '\u{3400}'..='\u{4DBF}' => 6,
        '\u{3040}'..='\u{30FF}' => 7,
        '\u{AC00}'..='\u{D7AF}' | '\u{1100}'..='\u{11FF}' => 8,
        _ => return None,
    })
}

/// The first bytes in lower case, with straight apostrophes.
fn lower(text: &str, most: usize) -> String {
    let head = &text[..text.floor_char_boundary(most)];
    let head = if head.contains('’') { Cow::Owned(head.replace('’', "'")) } else { Cow::Borrowed(head) };
    head.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_known_in_many_languages() {
        for text in [
            "I'm sorry, but I can’t help with that.",
            "I cannot assist with this request.",
            "Sorry! I am unable to provide medical advice.",
            "As an AI language model, I have no opinion.",
            "Es tut mir leid, aber ich kann diese Frage nicht beantworten.",
            "Je suis désolé, mais je ne peux pas répondre à cette question.",
            "Lo siento, pero no puedo hacerlo.",
            "抱歉，我不能回答这个问题。",
            "申し訳ありませんが、そのご質問にはお答えできません。",
            "Извините, но я не могу с этим помочь.",
        ] {
            assert!(refuses(text, "How do I do it?"), "{text}");
        }
    }

    #[test]
    fn what_only_sounds_like_a_refusal_is_none() {
        for text in [
            "I cannot recommend this film enough.",
            "I am unable to attend the meeting on Friday, and I apologise.",
            "You can't help but notice the colours.",
            "Ich kann das gut verstehen.",
            "",
        ] {
            assert!(!refuses(text, "Write a line."), "{text}");
        }
        let late = format!("{} I cannot help with that.", "A good answer. ".repeat(8));
        assert!(!refuses(&late, ""), "it comes after an answer");
        let long = format!("I cannot answer briefly. {}", "There is much to say. ".repeat(60));
        assert!(!refuses(&long, ""), "it goes on to answer");
        assert!(!refuses("I cannot help you.", "Correct this: i cannot help yuo."), "it was in the request");
    }

    #[test]
    fn hedges_in_other_languages() {
        for text in ["Ich bin mir nicht sicher.", "No estoy seguro de eso", "我不确定", "I'm not sure."] {
            assert!(hedges(text), "{text}");
        }
        assert!(!hedges("Paris is the capital of France.") && !hedges("Die Hauptstadt ist Berlin."));
    }

    #[test]
    fn a_loop_is_a_loop_only_when_it_is_long_and_says_something() {
        assert!(repeats(&"I think so. ".repeat(30)));
        assert!(repeats(&format!("A good beginning. {}", "一".repeat(90))));
        assert!(!repeats(&"I think so. ".repeat(5)));
        assert!(!repeats(&"-".repeat(500)), "a line in a table");
        let list: String = (0..100).map(|n| format!("{n}. item number {n}\n")).collect();
        assert!(!repeats(&list));
        let exact = |bytes: usize| repeats(&"ab".repeat(bytes / 2));
        assert!(exact(LOOP_BYTES) && !exact(LOOP_BYTES - 2));
    }

    #[test]
    fn another_language_is_seen_where_it_is_sure() {
        let english = "What is the capital of France, and how many people are living there?";
        let german =
            "Die Hauptstadt von Frankreich ist Paris, und die Stadt hat mit dem Umland eine große Bevölkerung.";
        let answer =
            "The capital of France is Paris, and the city is home to many people; it is the largest of that country.";
        assert!(other_tongue(german, english));
        assert!(!other_tongue(answer, english));
        assert!(!other_tongue(
            german,
            "What is the capital of France? Answer in German, and that is all of it, with no more."
        ));
        assert!(other_tongue("法国的首都是巴黎，人口约两百万。", english));
        assert!(other_tongue(english, "法国的首都是哪里？有多少人住在那里？"));
        assert!(!other_tongue("Paris", english) && !other_tongue("", "") && !other_tongue(answer, "x = 1"));
        assert!(!other_tongue("フランスの首都はパリです。人口は約二百万人です。", "フランスの首都はどこですか。"));
    }
}
