//! The words that `sense` knows: each word or two-word phrase is one cue, found by a hash table made at compile time.
//!
//! English first; the most common imperatives in German, French, Spanish and Chinese beside it. Chinese entries are
//! pairs of characters, since the script has no spaces.
//!
//! Never here: weights (`task`, `difficulty`, `weights`) or the walk over the text (`scan`).

/// What a word points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Cue {
    /// Politeness and pronouns that may stand before an imperative.
    Filler,
    /// Greeting, thanks, small talk.
    Greet,
    /// Put into classes.
    Classify,
    /// Pull fields out.
    Extract,
    /// Make shorter.
    Summarize,
    /// Translate, rewrite, format.
    Transform,
    /// Question of fact.
    Fact,
    /// Question for an explanation.
    Explain,
    /// A verb of making that says little by itself.
    Make,
    /// A piece of prose.
    Prose,
    /// A very short piece of prose.
    Short,
    /// A very long piece of prose.
    Long,
    /// Code and its tools.
    Code,
    /// Code that is hard to get right.
    HardCode,
    /// Counting and school mathematics.
    Math,
    /// Higher mathematics.
    HardMath,
    /// Proof and derivation.
    Proof,
    /// Planning, comparison, judgement.
    Reason,
    /// Asks for care or visible steps.
    Steps,
    /// A constraint on the answer.
    Limit,
    /// Negation: questions asked the wrong way round.
    Not,
    /// A short answer is enough.
    Brief,
    /// Science.
    Science,
    /// Law.
    Law,
    /// Medicine.
    Medicine,
    /// Business and economics.
    Money,
    /// Repair and change of code that is there.
    Fix,
    /// Points to code that stands in the prompt.
    Snippet,
    /// Code and files that follow a known pattern.
    Boiler,
    /// Points to documents that the answer is to come from.
    Ground,
    /// Something to search with.
    Seek,
    /// Points to a text that stands in the prompt.
    Material,
}

/// Number of cues.
pub(crate) const CUES: usize = Cue::Material as usize + 1;

/// Words of each cue; `_` joins the two words of a phrase. No word may stand twice (checked at compile time).
const WORDS: &[(Cue, &str)] = &[
    (
        Cue::Filler,
        "please can could you would kindly now then i want need help me to us just my we let's lets will be so and \
         there also go ahead bitte kannst du ich möchte mir peux tu je veux moi por favor puedes quiero s'il te vous",
    ),
    (
        Cue::Greet,
        "hello hi hey thanks thank goodbye bye howdy greetings good_morning good_evening good_night how_are ok okay \
         hallo wie_geht wie_geht's danke moin bonjour salut merci hola gracias buenos 你好 谢谢 早上",
    ),
    (
        Cue::Classify,
        "classify categorize categorise classification classifier sentiment label spam toxic positive_or or_negative \
         or_neutral which_category which_intent intent moderate detect hate_speech klassifiziere kategorisiere stimmung \
         classifie classez catégorise clasifica clasificar sentimiento 分类 情感 category categories assign emotion emotions or_opinion fact_or intention kategorie bestimme ordne catégorie",
    ),
    (
        Cue::Extract,
        "extract extraction pull_out pick_out list_all identify_all named_entities entities parse \
         extrahiere extrais extraire extrae extraer 提取 抽取 find_all find_every list_every return_all pull_the mentioned identify_the nenne_alle finde_alle extrayez",
    ),
    (
        Cue::Summarize,
        "summarize summarise summary summaries tldr tl_dr condense shorten recap key_points main_points bullet_points \
         zusammenfassung zusammen fasse résume résumé resume resumen resumir 总结 摘要 概括 gist takeaways key_takeaways main_argument main_idea shorter sum_up executive_summary kürze kürzer condensez",
    ),
    (
        Cue::Transform,
        "translate translation rewrite rephrase reword paraphrase reformat convert proofread grammar spelling typos mistakes turn_this turn_these \
         capitalize uppercase lowercase sort alphabetize make_this into_english into_german into_french into_spanish \
         übersetze übersetzen traduis traduire traduce traducir korrigiere corrige 翻译 改写 put_this put_these put_the change_the change_all correct_my correct_the correct_this format_this format_the to_json to_csv to_yaml to_xml to_markdown into_json markdown_table table_with alphabetical alphabetically passive_voice active_voice friendlier politer more_formal more_formally simpler you_say formuliere höflicher traduisez tense",
    ),
    (
        Cue::Fact,
        "who when where which what_is what's what_are what_was what_were whose define name list capital_of is_it does_it wer \
         wann wo welche was_ist quelle quel qui quand où qué quién cuándo dónde cuál 什么 哪里 多少",
    ),
    (
        Cue::Explain,
        "why explain describe how_do how_does how_to how_can difference_between meaning_of erkläre warum wie_funktioniert wie_kann \
         explique pourquoi explica cómo 解释 为什 如何 怎么 what_does describe_what erkläre_mir expliquer",
    ),
    (
        Cue::Make,
        "write create make generate give draft compose build produce come_up tell suggest brainstorm schreibe schreib \
         erstelle écris écrire rédige escribe escribir 写一 生成",
    ),
    (
        Cue::Prose,
        "poem story email mail letter blog post article paragraph song lyrics speech description bio joke \
         dialogue cover_letter invitation essay announcement ideas names gedicht geschichte poème lettre \
         histoire poema carta cuento 故事 文章 邮件 note ad announcement_that toast titles motivation",
    ),
    (Cue::Short, "haiku limerick slogan tweet tagline headline title caption pun subject_line couplet one_sentence"),
    (Cue::Long, "novel chapter screenplay thesis whitepaper dissertation comprehensive in-depth long-form"),
    (
        Cue::Code,
        "python javascript typescript rust java golang sql regex bash html css react php ruby kotlin swift haskell \
        function code script program api compile unit_test unit_tests tests implement \
         algorithm class_that method  kubernetes query database recursion recursive assertion \
         time_complexity def const import return struct fn endpoint cli app website webpage \
         funktion programm fonction código función programa 代码 函数 程序",
    ),
    (
        Cue::HardCode,
        "concurrent concurrency lock-free deadlock race_condition thread-safe distributed async asynchronous raft paxos \
         consensus kernel interpreter parser type_checker garbage_collector optimize_this \
         dynamic_programming segmentation memory_leak multithreaded red-black b-tree compiler transactional scheduler borrow \
         lifetimes simd cuda verilog allocator",
    ),
    (
        Cue::Math,
        "calculate compute solve equation equations percent percentage how_many how_much sum product average \
         median ratio triangle angle perimeter area volume fraction prime primes divisor divisors probability integer \
         integers square_root multiply divide remainder digits arithmetic geometry algebra berechne löse calcule calcula \
         resuelve résous 计算 求解 方程 prozent factor simplify kreises durchschnitt wie_viel",
    ),
    (
        Cue::HardMath,
        "integral integrate differentiate derivative mathematics polynomial polynomials eigenvalue eigenvalues modulo congruent matrix matrices determinant \
         theorem lemma corollary convergence converges topology topological homomorphism isomorphism manifold hilbert \
         banach fourier laplace stochastic variance martingale bijection permutations combinatorics coefficients \
         logarithm trigonometric hyperbola ellipse parabola irrational transcendental infinitely_many nilpotent abelian \
         subgroup vector_space differential calculus frac sqrt cdot binom mathbb overline equiv pmod circumcircle \
         inscribed arithmetic_sequence geometric_sequence real_numbers positive_integers positive_integer np-hard np-complete",
    ),
    (
        Cue::Proof,
        "prove proof proofs disprove derive derivation show_that formally induction qed beweise beweis démontre démontrer prouve \
         demuestra demostrar 证明 推导",
    ),
    (
        Cue::Reason,
        "compare contrast analyze analyse analysis plan strategy trade-offs tradeoffs trade-off evaluate assess design \
         argue decide recommend recommendation diagnose architecture architect puzzle riddle logic deduce infer schedule \
         critique pros_and which_one should_we estimate if_all next_to left_of right_of review_this review_my review_the roadmap implications root_cause prioritize optimize optimise \
         hypothesis hypotheses itinerary migration vergleiche analysiere compara analiza analiser comparez 比较 分析 规划 advantages disadvantages vorteile nachteile consequences weigh would_happen fastest argument_valid causes prioritise abwägen wäge risks",
    ),
    (
        Cue::Steps,
        "step_by rigorous rigorously carefully thoroughly justify detailed in_detail show_your reasoning schritt paso \
         étape 一步 步骤 详细",
    ),
    (
        Cue::Limit,
        "must exactly at_least at_most without only except each every between should avoid ensure constraint \
         constraints no_more no_fewer include including given subject_to provided assuming assume such_that while",
    ),
    (Cue::Not, "not false incorrect neither nor never least_likely cannot isn't doesn't won't unlike"),
    (
        Cue::Brief,
        "brief briefly one_word yes_or true_or short_answer concise concisely in_short kurz brièvement brevemente 简短",
    ),
    (
        Cue::Science,
        "molecule molecules electron electrons velocity enzyme protein proteins acceleration reaction mol kj temperature \
         pressure voltage current magnetic quantum photon wavelength energy acid atom atoms ion ions equilibrium \
         entropy gene genes species orbit circuit resistance frequency mass newton joules kg hz gas heat neutron",
    ),
    (
        Cue::Law,
        "court plaintiff defendant statute contract jurisdiction liability tort negligence constitutional amendment \
         attorney sued lawsuit appeal felony conviction treaty clause tenant landlord convicted prosecution",
    ),
    (
        Cue::Medicine,
        "patient diagnosis symptom symptoms disease therapy syndrome physician drug dose blood clinical chronic \
         infection tumor cardiac renal artery nerve hormone medication examination",
    ),
    (
        Cue::Money,
        "interest investment bond stock market price prices demand supply inflation firm cost costs revenue profit tax \
         depreciation dividend gdp monopoly elasticity accounting payable shareholders consumers",
    ),
    (
        Cue::Fix,
        "fix repair debug bug refactor stack_trace traceback exception crashes crash repariere behebe corriger_le",
    ),
    (
        Cue::Snippet,
        "this_code this_function this_script this_program this_snippet this_class this_regex this_regular this_algorithm this_method \
         following_code following_function following_script following_program following_snippet following_class following_regex \
         following_query following_command code_below code_do code_does function_do function_does script_do script_does \
         query_do query_does command_do this_print diesen_code dieser_code diese_funktion ce_code cette_fonction este_código \
         esta_función 这段代码",
    ),
    (
        Cue::Boiler,
        "boilerplate scaffold scaffolding skeleton stub stubs starter dockerfile gitignore editorconfig makefile package_json \
         pyproject_toml tsconfig_json docker-compose github_actions gitlab_ci ci_pipeline yaml yml toml config getters setters docstring \
         docstrings type_hints type_annotations license_header crud webpack eslint helm_chart terraform interface_for struct_for \
         dataclass_for argparse template_for grundgerüst squelette esqueleto",
    ),
    (
        Cue::Ground,
        "context passage excerpt excerpts document documents source sources search_results handbook manual provided_text provided_context based_on according_to using_only \
         only_the cite question kontext contexte contexto anhand nur_die auszug frage laut_dem d'après partir_du in_the_text",
    ),
    (
        Cue::Seek,
        "queries search_query search_term search_terms search_string search_engine search_keywords keyword keywords google retrieval retriever \
         standalone web_search vector_search vector_database knowledge_base sub-queries sub-questions subqueries to_search for_search \
         the_query related_terms suchbegriffe suchanfrage suchbegriff mots-clés palabras_clave requête",
    ),
    (
        Cue::Material,
        "this_text following_text text_below this_email this_message following_email following_message this_article this_paragraph \
         following_paragraph this_review this_tweet this_sentence following_sentence each_sentence this_comment this_invoice this_contract \
         this_recipe following_resume this_resume this_report text_as following_headlines from_this dieser_text diesem_text diesen_text ce_texte cette_facture este_texto",
    ),
];

/// Slots of the table; a power of two, more than twice the number of words.
const SLOTS: usize = 4096;
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The hash of the empty word (FNV-1a's offset basis).
pub(crate) const EMPTY: u64 = BASIS;

/// One more byte of a word; ASCII letters count as lower case.
#[inline]
pub(crate) const fn grow(hash: u64, byte: u8) -> u64 {
    (hash ^ byte.to_ascii_lowercase() as u64).wrapping_mul(PRIME)
}

/// The hash of a phrase of two words.
#[inline]
pub(crate) const fn pair(first: u64, second: u64) -> u64 {
    (first.rotate_left(17) ^ second).wrapping_mul(PRIME)
}

#[inline]
const fn slot_of(hash: u64) -> usize {
    ((hash ^ (hash >> 29)) as usize) & (SLOTS - 1)
}

static TABLE: [(u64, u8); SLOTS] = table();

/// The cue of a word or phrase, by its hash.
#[inline]
pub(crate) fn cue(hash: u64) -> Option<u8> {
    let mut slot = slot_of(hash);
    loop {
        let (known, cue) = TABLE[slot];
        if known == hash {
            return Some(cue);
        }
        if known == 0 {
            return None;
        }
        slot = (slot + 1) & (SLOTS - 1);
    }
}

const fn table() -> [(u64, u8); SLOTS] {
    let mut table = [(0u64, 0u8); SLOTS];
    let mut used = 0;
    let mut list = 0;
    while list < WORDS.len() {
        let (cue, words) = WORDS[list];
        let bytes = words.as_bytes();
        let (mut at, mut first, mut hash) = (0, 0u64, BASIS);
        while at <= bytes.len() {
            let end = at == bytes.len() || bytes[at] == b' ';
            if end && hash != BASIS {
                let key = if first == 0 { hash } else { pair(first, hash) };
                insert(&mut table, key, cue as u8);
                used += 1;
                (first, hash) = (0, BASIS);
            } else if !end && bytes[at] == b'_' {
                (first, hash) = (hash, BASIS);
            } else if !end {
                hash = grow(hash, bytes[at]);
            }
            at += 1;
        }
        list += 1;
    }
    assert!(used * 2 < SLOTS, "the lexicon has outgrown its table: double SLOTS");
    table
}

const fn insert(table: &mut [(u64, u8); SLOTS], key: u64, cue: u8) {
    assert!(key != 0, "a word hashes to the mark of an empty slot");
    let mut slot = slot_of(key);
    while table[slot].0 != 0 {
        assert!(table[slot].0 != key, "a word stands twice in the lexicon");
        slot = (slot + 1) & (SLOTS - 1);
    }
    table[slot] = (key, cue);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> Option<u8> {
        cue(text.bytes().fold(EMPTY, grow))
    }

    #[test]
    fn finds_words_in_any_case_and_no_others() {
        assert_eq!(word("Prove"), Some(Cue::Proof as u8));
        assert_eq!(word("证明"), Some(Cue::Proof as u8));
        assert_eq!(word("provenance"), None);
        assert_eq!(word(""), None);
    }

    #[test]
    fn finds_phrases() {
        let hash = |w: &str| w.bytes().fold(EMPTY, grow);
        assert_eq!(cue(pair(hash("step"), hash("by"))), Some(Cue::Steps as u8));
        assert_eq!(cue(pair(hash("by"), hash("step"))), None);
    }
}
