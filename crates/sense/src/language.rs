//! Which language a text is written in: common words of eighteen languages in Latin script, and eleven other scripts.
//!
//! Own counts and no library: the walk over the text has each word's hash already, so this is one look into a table for each of
//! the first words. Libraries compare trigrams with every language they know, for each request.
//!
//! Never here: the walk itself (`scan`).

use crate::lexicon;
use decide::Language;

/// Words that are looked up: the first ones of a text.
const WORDS_READ: u32 = 40;
/// What one letter that only few languages have counts, in common words.
const LETTER: u8 = 1;

/// Words that stand in almost every text of a language, and what people open with. A word may stand in several.
const COMMON: [(&str, &str); 18] = [
    (
        "en",
        "the of and to is are was what how why who when where which that this these with for from on my your you it be can could would should please hello hi thanks do does not have has write give me i in a an following list by as at make find they their there all any",
    ),
    (
        "de",
        "der die das und ist sind ein eine einen einem einer nicht mit von zu auf für den dem des im ich du wir sie was wie warum wer wann wo welche dass diese dieser diesen bitte hallo danke mir kann wird auch aus nach bei über es guten mein heute",
    ),
    (
        "fr",
        "le la les des un une et est sont dans pour que qui ce cette ces du au aux avec sur pas je tu nous vous il elle en comment pourquoi quel quelle quels où bonjour merci plaît écris mon ma de d'un c'est qu'est-ce l'on salut",
    ),
    (
        "es",
        "el la los las un una y es son en para que de del con por no se lo su al cómo qué cuál cuántos dónde quién este esta estos como mi me por favor hola gracias más pero escribe buenas mañana texto siguiente",
    ),
    (
        "pt",
        "o a os as um uma e é são em para que de do da dos das com por não se no na ao como qual quais onde quem este esta isso meu minha me olá obrigado obrigada você mais mas escreva texto seguinte bom",
    ),
    (
        "it",
        "il lo la gli le un una e è sono in per che di del della dei con non si al come quale quali dove chi questo questa mio mia mi ciao grazie più ma scrivi perché quanto nel alla testo seguente buongiorno",
    ),
    (
        "nl",
        "de het een en is zijn van in op voor met niet dat die dit deze ik je jij wij u wat hoe waarom wie wanneer waar welke kan te naar bij ook maar om mijn alstublieft hallo bedankt schrijf worden wordt goedemorgen",
    ),
    (
        "pl",
        "i w na z do jest są nie to że się jak co dlaczego kto kiedy gdzie który która które dla od po czy mój moja proszę cześć dziękuję napisz ten tego ma oraz przez ile dzień",
    ),
    (
        "cs",
        "a v na z do je jsou není to že se jak co proč kdo kdy kde který která které pro od po můj moje prosím ahoj děkuji napiš ten tato jsem ale nebo by kolik dobrý",
    ),
    (
        "sv",
        "och att det som en ett är på av för med inte den till jag du vi ni han hon vad hur varför vem när var vilken kan från om mitt min hej tack skriv detta denna de sig eller många",
    ),
    (
        "da",
        "og at det som en et er på af for med ikke den til jeg du vi de han hun hvad hvordan hvorfor hvem hvornår hvor hvilken kan fra om mit min hej tak skriv dette denne sig eller mange",
    ),
    (
        "no",
        "og at det som en et er på av for med ikke den til jeg du vi de han hun hva hvordan hvorfor hvem når hvor hvilken kan fra om mitt min hei takk skriv dette denne seg eller mange noe",
    ),
    (
        "fi",
        "ja on ei se että mitä miten miksi kuka milloin missä mikä tämä ovat olen ole minä sinä hän me te kanssa mutta tai kun jos kuin hei kiitos kirjoita minun voi voiko ollut sen kuinka",
    ),
    (
        "tr",
        "ve bir bu da de ne nasıl neden kim nerede hangi için ile mi mı değil var ben sen biz çok daha olan olarak gibi merhaba teşekkürler lütfen yaz kadar şu o benim kaç",
    ),
    (
        "ro",
        "și în de la cu un o este sunt nu că care pe pentru ce cum cine unde când din al ale se să mai dar sau bună mulțumesc scrie acest această meu cât",
    ),
    (
        "hu",
        "a az és egy hogy nem van mi ki hol mikor miért hogyan melyik ez ezt is de vagy mint csak meg kell nekem szia köszönöm kérlek írj volt mennyi",
    ),
    (
        "vi",
        "và là của có không các cho trong một được này với những tôi bạn như thế nào gì tại sao ai khi đâu hãy xin chào cảm ơn viết để người bao nhiêu",
    ),
    (
        "id",
        "dan yang di ke dari ini itu untuk dengan tidak adalah apa bagaimana mengapa siapa kapan mana saya anda kamu akan pada dalam bisa tolong halo terima kasih tulis oleh atau sebuah berapa",
    ),
];

/// Scripts that say the language, or nearly: kana makes Japanese of Chinese characters.
const SCRIPTS: [&str; 11] = ["zh", "ja", "ko", "ru", "uk", "ar", "fa", "he", "el", "hi", "th"];
const HAN: usize = 0;
const KANA: usize = 1;
const HANGUL: usize = 2;
const CYRILLIC: usize = 3;
const UKRAINIAN: usize = 4;
const ARABIC: usize = 5;
const PERSIAN: usize = 6;
const HEBREW: usize = 7;
const GREEK: usize = 8;
const DEVANAGARI: usize = 9;
const THAI: usize = 10;

/// What speaks for each language.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tongues {
    words: u32,
    common: [u8; COMMON.len()],
    scripts: [u16; SCRIPTS.len()],
}

impl Tongues {
    /// One word, by its hash.
    #[inline]
    pub(crate) fn word(&mut self, hash: u64) {
        if self.words >= WORDS_READ {
            return;
        }
        self.words += 1;
        let mut mask = languages(hash);
        while mask != 0 {
            let at = mask.trailing_zeros() as usize;
            self.common[at] = self.common[at].saturating_add(1);
            mask &= mask - 1;
        }
    }

    /// One character beyond ASCII, at the head of `rest`.
    pub(crate) fn character(&mut self, rest: &[u8]) {
        let script = match rest {
            [0xe4..=0xe9, ..] => HAN,
            [0xe3, 0x81..=0x83, ..] => KANA,
            [0xea..=0xed, ..] => HANGUL,
            [0xd1, 0x94 | 0x96 | 0x97, ..] | [0xd0, 0x84 | 0x86 | 0x87, ..] | [0xd2, 0x90 | 0x91, ..] => UKRAINIAN,
            [0xd0 | 0xd1, ..] => CYRILLIC,
            [0xd9, 0xbe, ..] | [0xda, 0x86 | 0x98 | 0xaf, ..] => PERSIAN,
            [0xd8..=0xdb, ..] => ARABIC,
            [0xd7, ..] => HEBREW,
            [0xce | 0xcf, ..] => GREEK,
            [0xe0, 0xa4 | 0xa5, ..] => DEVANAGARI,
            [0xe0, 0xb8 | 0xb9, ..] => THAI,
            [lead @ (0xc2..=0xc6 | 0xc8 | 0xe1), next, ..] => {
                if let Some(at) = letter(*lead, *next) {
                    self.common[at] = self.common[at].saturating_add(LETTER);
                }
                return;
            }
            _ => return,
        };
        self.scripts[script] = self.scripts[script].saturating_add(1);
    }

    /// The language that most speaks for; `None` where nothing does, or two alike.
    pub(crate) fn language(&self) -> Option<Language> {
        let written: u32 = self.scripts.iter().map(|n| u32::from(*n)).sum();
        // What a script writes without spaces is a word to the walk for every two characters, so half of them are no Latin ones.
        if written > 0 && written * 2 > self.words {
            let latin: u32 = self.common.iter().map(|n| u32::from(*n)).max().unwrap_or(0);
            if written > latin * 2 {
                return Language::new(SCRIPTS[self.script()]);
            }
        }
        let most = self.common.iter().max().copied().filter(|n| *n > 0)?;
        let mut best = (0..COMMON.len()).filter(|at| self.common[*at] == most);
        let first = best.next()?;
        best.next().is_none().then(|| Language::new(COMMON[first].0)).flatten()
    }

    fn script(&self) -> usize {
        let s = &self.scripts;
        let cyrillic = s[CYRILLIC] + s[UKRAINIAN];
        let arabic = s[ARABIC] + s[PERSIAN];
        let sums = [s[HAN] + s[KANA], s[HANGUL], cyrillic, arabic, s[HEBREW], s[GREEK], s[DEVANAGARI], s[THAI]];
        let most = sums.iter().copied().max().unwrap_or(0);
        let at = sums.iter().position(|n| *n == most).unwrap_or(0);
        match at {
            0 if s[KANA] * 8 >= s[HAN] && s[KANA] > 0 => KANA,
            0 => HAN,
            1 => HANGUL,
            2 if s[UKRAINIAN] > 0 => UKRAINIAN,
            2 => CYRILLIC,
            3 if s[PERSIAN] > 0 => PERSIAN,
            3 => ARABIC,
            4 => HEBREW,
            5 => GREEK,
            6 => DEVANAGARI,
            _ => THAI,
        }
    }
}

/// The one language that a letter is of, among those above; letters of several say nothing.
const fn letter(lead: u8, next: u8) -> Option<usize> {
    Some(match (lead, next) {
        (0xc3, 0x9f) => 1,                                                   // ß
        (0xc3, 0xb1 | 0x91) | (0xc2, 0xbf | 0xa1) => 3,                      // ñ ¿ ¡
        (0xc3, 0xa3 | 0xb5 | 0x83 | 0x95) => 4,                              // ã õ
        (0xc5, 0x82 | 0x84 | 0x9b | 0xbc | 0xba) | (0xc4, 0x85 | 0x99) => 7, // ł ń ś ż ź ą ę
        (0xc5, 0x99 | 0xaf) | (0xc4, 0x9b | 0x8f) => 8,                      // ř ů ě ď
        (0xc4, 0x9f | 0xb1 | 0xb0) | (0xc5, 0x9f) => 13,                     // ğ ı İ ş
        (0xc8, 0x98..=0x9b) | (0xc4, 0x83) => 14,                            // ș ț ă
        (0xc5, 0x91 | 0xb1) => 15,                                           // ő ű
        (0xc6, 0xa1 | 0xb0) | (0xc4, 0x91) | (0xe1, 0xba | 0xbb) => 16,      // ơ ư đ, and the letters with two marks
        _ => return None,
    })
}

/// Slots of the table; a power of two, more than twice the number of words.
const SLOTS: usize = 2048;

static TABLE: [(u64, u32); SLOTS] = table();

/// The languages that a word is common in, a bit each.
#[inline]
fn languages(hash: u64) -> u32 {
    let mut slot = slot_of(hash);
    loop {
        let (known, mask) = TABLE[slot];
        if known == hash || known == 0 {
            return mask;
        }
        slot = (slot + 1) & (SLOTS - 1);
    }
}

#[inline]
const fn slot_of(hash: u64) -> usize {
    ((hash ^ (hash >> 31)) as usize) & (SLOTS - 1)
}

const fn table() -> [(u64, u32); SLOTS] {
    let mut table = [(0u64, 0u32); SLOTS];
    let (mut list, mut used) = (0, 0);
    while list < COMMON.len() {
        let bytes = COMMON[list].1.as_bytes();
        let (mut at, mut hash) = (0, lexicon::EMPTY);
        while at <= bytes.len() {
            if at == bytes.len() || bytes[at] == b' ' {
                assert!(
                    hash != 0 && hash != lexicon::EMPTY,
                    "no word, or one that hashes to the mark of an empty slot"
                );
                let mut slot = slot_of(hash);
                while table[slot].0 != 0 && table[slot].0 != hash {
                    slot = (slot + 1) & (SLOTS - 1);
                }
                used += (table[slot].0 == 0) as usize;
                table[slot] = (hash, table[slot].1 | 1 << list);
                hash = lexicon::EMPTY;
            } else {
                hash = lexicon::grow(hash, bytes[at]);
            }
            at += 1;
        }
        list += 1;
    }
    assert!(used * 2 < SLOTS, "the words have outgrown their table: double SLOTS");
    table
}

#[cfg(test)]
mod tests {
    fn of(text: &str) -> Option<String> {
        crate::language(text).map(|l| l.to_string())
    }

    #[test]
    fn nothing_and_numbers_have_no_language() {
        for text in ["", "42", "😀😀", "x = 3", "\u{300}"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn a_quoted_word_is_not_the_language() {
        assert_eq!(of("How do I say 你好 in English, and what does it mean?").as_deref(), Some("en"));
        assert_eq!(of("请把 hello world 翻译成中文").as_deref(), Some("zh"));
        assert_eq!(of("Python で関数を書いてください").as_deref(), Some("ja"));
    }

    #[test]
    fn only_the_beginning_is_read() {
        let long = format!("{}{}", "Der Zug ist heute nicht da. ".repeat(80), "the and of is ".repeat(10_000));
        assert_eq!(of(&long).as_deref(), Some("de"));
    }
}
