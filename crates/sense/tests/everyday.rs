//! Everyday prompts with the task and the band of difficulty that a reader would give them. Read this table as prose: it
//! is what the priors and steps of `difficulty` and the votes of `task` are set by.
//!
//! Bands: up to 250 a small edge model will do, up to 600 a local model, beyond that the cloud.

use decide::{Need, Task};
use wire::{Ask, Endpoint, Message, Role};

const EDGE: (u16, u16) = (0, 250);
const EASY: (u16, u16) = (150, 300);
const FACT: (u16, u16) = (220, 420);
const SHORT_WRITING: (u16, u16) = (300, 450);
const LOCAL: (u16, u16) = (300, 600);
const FUNCTION: (u16, u16) = (500, 650);
const HARD: (u16, u16) = (601, 1000);
const VERY_HARD: (u16, u16) = (701, 1000);

const PROMPTS: &[(&str, Task, (u16, u16))] = &[
    // Small talk.
    ("Say hello.", Task::Chat, EDGE),
    ("Hello!", Task::Chat, EDGE),
    ("hi, how are you?", Task::Chat, EDGE),
    ("Thanks, that was great.", Task::Chat, EDGE),
    ("Good morning", Task::Chat, EDGE),
    ("Hallo, wie geht's?", Task::Chat, EDGE),
    ("Bonjour !", Task::Chat, EDGE),
    ("你好", Task::Chat, EDGE),
    // Classification and extraction.
    ("Classify the sentiment: I love it", Task::Classify, EDGE),
    ("Is this review positive or negative? \"The food was cold.\"", Task::Classify, EDGE),
    ("Classify this ticket as billing, technical or other: my invoice is wrong.", Task::Classify, EDGE),
    ("Label the following email as spam or not spam: You won a prize!", Task::Classify, EDGE),
    ("Klassifiziere die Stimmung: Das Essen war kalt.", Task::Classify, EDGE),
    ("Clasifica el sentimiento: me encanta este libro", Task::Classify, EDGE),
    ("请对以下评论进行情感分类:这家餐厅很好吃", Task::Classify, EDGE),
    ("Extract the date from: The meeting is on 3 May 2024.", Task::Extract, EDGE),
    ("Extract all names and phone numbers from this text: Ann, 555-0101; Bob, 555-0102", Task::Extract, EDGE),
    ("Please pull out the order number from this message: order 4711 has not arrived.", Task::Extract, EDGE),
    ("Extrais les dates de ce texte : le 3 mai et le 4 juin.", Task::Extract, EDGE),
    // Summaries and transformations.
    ("Summarize this article in two sentences: The city council met on Monday.", Task::Summarize, EASY),
    ("Give me the key points of the following meeting notes.", Task::Summarize, EASY),
    ("Fasse diesen Text zusammen: Der Stadtrat tagte am Montag.", Task::Summarize, EASY),
    ("总结下面的文章:市议会周一开会。", Task::Summarize, EASY),
    ("Translate to German: Where is the station?", Task::Transform, EASY),
    ("Rewrite this sentence more politely: Give me the report now.", Task::Transform, EASY),
    ("Correct the grammar: she go to school yesterday", Task::Transform, EASY),
    ("Traduis en anglais : le chat est sur la table", Task::Transform, EASY),
    ("Convert this list to uppercase: apple, pear", Task::Transform, EASY),
    ("Turn this into a bullet list: apples pears bananas", Task::Transform, EASY),
    ("Proofread this email and fix mistakes: Dear sir, i am writting", Task::Transform, EASY),
    // Questions of fact and explanations.
    ("What is the capital of France?", Task::Answer, FACT),
    ("Who wrote Don Quixote?", Task::Answer, FACT),
    ("When did the Berlin Wall fall?", Task::Answer, FACT),
    ("Was ist die Hauptstadt von Frankreich?", Task::Answer, FACT),
    ("Explain photosynthesis to a ten year old.", Task::Answer, FACT),
    ("Why is the sky blue?", Task::Answer, FACT),
    ("How does a refrigerator work?", Task::Answer, FACT),
    ("What is the difference between TCP and UDP?", Task::Answer, FACT),
    ("What should I cook with chicken and rice?", Task::Answer, FACT),
    ("Name three fruits.", Task::Answer, FACT),
    ("How do I reverse a list in Python?", Task::Answer, FACT),
    ("Explain quantum entanglement in detail with the mathematics.", Task::Answer, (450, 650)),
    // Nothing known: not for the smallest model.
    ("Turn on the lights", Task::Chat, LOCAL),
    ("Remind me to call mom at 5", Task::Chat, LOCAL),
    // Writing.
    ("Write a haiku about autumn.", Task::Write, SHORT_WRITING),
    ("Write a short birthday message... a poem for my friend Ann.", Task::Write, SHORT_WRITING),
    ("Draft an email to my landlord about the broken heating.", Task::Write, SHORT_WRITING),
    ("Suggest a slogan for a bakery.", Task::Write, SHORT_WRITING),
    ("Tell me a joke.", Task::Write, SHORT_WRITING),
    ("Schreibe ein Gedicht über den Herbst.", Task::Write, SHORT_WRITING),
    ("Escribe un cuento sobre un perro.", Task::Write, SHORT_WRITING),
    ("Write the first chapter of a novel about a lighthouse keeper.", Task::Write, (450, 700)),
    ("Write a 2000 word essay on the causes of World War I with citations.", Task::Write, (450, 700)),
    // Arithmetic and word problems.
    ("What is 17 * 23?", Task::Math, (260, 450)),
    ("A shirt costs 20 dollars and is reduced by 15 percent. How much does it cost now?", Task::Math, LOCAL),
    ("Tom has 3 boxes with 12 pencils each and gives away 7 pencils. How many are left?", Task::Math, LOCAL),
    ("Solve the equation 3x + 5 = 20.", Task::Math, (300, 550)),
    // Code.
    ("Write a Python function that reverses a string.", Task::Code, FUNCTION),
    ("Write a SQL query that counts the orders of each customer.", Task::Code, FUNCTION),
    ("Fix the bug in this code:\n```\ndef f(x): retrun x\n```", Task::Code, FUNCTION),
    ("Write unit tests for a function that parses dates.", Task::Code, FUNCTION),
    ("Schreibe eine Funktion in Python, die eine Liste sortiert.", Task::Code, FUNCTION),
    ("Implement a lock-free concurrent queue in Rust and explain the memory ordering.", Task::Code, HARD),
    ("Implement the Raft consensus algorithm in Go with log compaction.", Task::Code, HARD),
    ("Write a compiler for a small language in Rust.", Task::Code, HARD),
    ("Debug this deadlock: two threads lock A then B and B then A.", Task::Code, HARD),
    // Reasoning.
    ("If all bloops are razzies and all razzies are lazzies, are all bloops lazzies?", Task::Reason, HARD),
    ("Create a 7 day itinerary for Japan with a budget of 2000 euros.", Task::Reason, HARD),
    ("Review this contract for risks.", Task::Reason, HARD),
    (
        "Compare PostgreSQL and MongoDB for an event store with 10 million events a day and recommend one.",
        Task::Reason,
        HARD,
    ),
    (
        "Design the architecture of a payment system for 3 regions; discuss trade-offs step by step.",
        Task::Reason,
        VERY_HARD,
    ),
    ("Plan a migration from a monolith to services without downtime. Justify each step.", Task::Reason, VERY_HARD),
    ("Analyze the root cause of this outage and decide what should be done first.", Task::Reason, HARD),
    ("Vergleiche drei Strategien zur Preisgestaltung und begründe deine Empfehlung.", Task::Reason, HARD),
    // Proof and higher mathematics.
    ("Prove that there are infinitely many primes", Task::Math, VERY_HARD),
    ("Show that the square root of 2 is irrational.", Task::Math, VERY_HARD),
    ("Beweise, dass es unendlich viele Primzahlen gibt.", Task::Math, VERY_HARD),
    ("Démontre que la racine de 2 est irrationnelle.", Task::Math, VERY_HARD),
    ("Demuestra que hay infinitos números primos.", Task::Math, VERY_HARD),
    ("证明素数有无穷多个", Task::Math, VERY_HARD),
    ("Derive the Navier-Stokes equations from conservation of momentum.", Task::Math, VERY_HARD),
    ("Explain the proof of Fermat's last theorem.", Task::Math, VERY_HARD),
    ("Prove or disprove: every bounded sequence of real numbers has a convergent subsequence.", Task::Math, VERY_HARD),
    (
        "Let $a,b,c$ be positive real numbers with $a+b+c=3$. Find the minimum of \
         $\\frac{a^2}{b}+\\frac{b^2}{c}+\\frac{c^2}{a}$.",
        Task::Math,
        VERY_HARD,
    ),
    (
        "Find all polynomials $P(x)$ with integer coefficients such that $P(P(x)) = x^4 + 2x^2 + 2$ for all real $x$.",
        Task::Math,
        VERY_HARD,
    ),
];

fn assess(prompt: &str) -> Need {
    let mut ask = Ask::new(Endpoint::Chat);
    ask.messages.push(Message::text(Role::User, prompt));
    sense::assess(&ask)
}

#[test]
fn everyday_prompts_have_the_task_and_the_band_of_a_reader() {
    let mut wrong = Vec::new();
    for (prompt, task, (low, high)) in PROMPTS {
        let need = assess(prompt);
        if need.task != *task || !(*low..=*high).contains(&need.difficulty.0) {
            let (got, by) = (need.task.as_str(), need.difficulty.0);
            wrong.push(format!(
                "{prompt:?}\n  wanted {} {low} to {high}, got {got} {by} {:?}",
                task.as_str(),
                need.signals
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), PROMPTS.len(), wrong.join("\n"));
}

#[test]
fn the_two_examples_of_the_issue_differ_in_tier_and_say_why() {
    let proof = assess("Prove that there are infinitely many primes");
    assert!(proof.difficulty.0 > 600);
    assert_eq!(proof.signals, ["asks for a proof", "higher mathematics"]);
    let sentiment = assess("Classify the sentiment: I love it");
    assert!(sentiment.difficulty.0 <= 250);
    assert_eq!(sentiment.signals, ["asks to classify"]);
    let hello = assess("Say hello.");
    assert!(hello.difficulty.0 <= 250);
    assert_eq!(hello.signals, ["small talk"]);
}
