//! Blocks of code in an answer: whether each is closed, and whether the brackets in it match. That is not compiling: code that
//! passes may be wrong in every other way.
//!
//! Never here: running, compiling, or judging code.

/// How code looks, as far as brackets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lexis {
    /// `//`, `/* */`, `"…"`, `'c'`.
    C,
    /// As C, with lifetimes and raw strings.
    Rust,
    /// As C, with strings in backticks.
    Go,
    /// As C, with `'…'` and backticks as strings, and regular expressions.
    Script,
    /// `#`, strings in either quote, and in three of them.
    Python,
    /// `"…"` only.
    Json,
}

fn lexis(language: &str) -> Option<Lexis> {
    Some(match language.to_ascii_lowercase().as_str() {
        "c" | "cpp" | "c++" | "java" | "cs" | "csharp" | "c#" | "kotlin" => Lexis::C,
        "rust" | "rs" => Lexis::Rust,
        "go" | "golang" => Lexis::Go,
        "js" | "javascript" | "ts" | "typescript" | "jsx" | "tsx" => Lexis::Script,
        "py" | "python" | "python3" => Lexis::Python,
        "json" => Lexis::Json,
        _ => return None,
    })
}

/// What is wrong with the blocks of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Blocks {
    /// One begins and does not end.
    pub(super) open: bool,
    /// In one of a language that is known here, brackets do not match.
    pub(super) unbalanced: bool,
}

/// Looks at the fenced blocks of a text.
pub(super) fn blocks(text: &str) -> Blocks {
    let mut found = Blocks::default();
    if !text.contains("```") && !text.contains("~~~") {
        return found;
    }
    let mut begun: Option<(&str, Option<Lexis>, usize)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let bare = line.trim();
        let Some(fence) = fence(bare) else { continue };
        match begun {
            None => begun = Some((fence, lexis(language(&bare[fence.len()..])), at)),
            Some((opening, lexis, from)) => {
                // Only a bare fence at least as long ends a block; anything else stands in it.
                if fence.starts_with(opening) && bare.len() == fence.len() {
                    found.unbalanced |=
                        lexis.is_some_and(|lexis| !balanced(text.get(from..start).unwrap_or(""), lexis));
                    begun = None;
                }
            }
        }
    }
    found.open = begun.is_some();
    found
}

/// The fence with which a line begins.
fn fence(line: &str) -> Option<&str> {
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let long = line.chars().take_while(|c| *c == mark).count();
    // A line of prose may begin with inline code in three backticks.
    let rest = line.get(long..)?;
    (long >= 3 && !rest.contains(mark)).then(|| line.get(..long)).flatten()
}

fn language(rest: &str) -> &str {
    rest.trim().split(|c: char| c.is_whitespace() || matches!(c, '{' | ',' | ':')).next().unwrap_or_default()
}

/// Whether every bracket outside strings and comments has its counterpart.
fn balanced(code: &str, lexis: Lexis) -> bool {
    let bytes = code.as_bytes();
    let mut open = Vec::new();
    let mut at = 0;
    // The last byte that is neither space nor comment: it tells a division from a regular expression.
    let mut before = b'\n';
    while let Some(&byte) = bytes.get(at) {
        let next = skipped(bytes, at, lexis, before);
        if next > at {
            // A string is a value; a comment is nothing.
            if !matches!((byte, bytes.get(at + 1)), (b'/', Some(b'/' | b'*')) | (b'#', _)) {
                before = b'"';
            }
            at = next;
            continue;
        }
        match byte {
            b'(' | b'[' | b'{' => open.push(byte),
            b')' | b']' | b'}' => {
                let wanted = if byte == b')' { b'(' } else { byte - 2 };
                if open.pop() != Some(wanted) {
                    return false;
                }
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = byte;
        }
        at += 1;
    }
    open.is_empty()
}

/// Where the string or comment that begins here ends; `at` where none does.
fn skipped(bytes: &[u8], at: usize, lexis: Lexis, before: u8) -> usize {
    let rest = &bytes[at..];
    let c_like = !matches!(lexis, Lexis::Python | Lexis::Json);
    let (three, quote) = (rest.get(..3), rest[0]);
    match quote {
        b'/' if c_like && rest.starts_with(b"//") => at + line(rest),
        b'/' if c_like && rest.starts_with(b"/*") => at + 2 + until(&rest[2..], b"*/"),
        b'/' if lexis == Lexis::Script && !is_value(before) => at + pattern(rest),
        b'#' if lexis == Lexis::Python => at + line(rest),
        b'"' | b'\'' if lexis == Lexis::Python && three == Some(&[quote; 3]) => at + 3 + until(&rest[3..], &[quote; 3]),
        b'"' if lexis == Lexis::C && rest.starts_with(b"\"\"\"") => at + 3 + until(&rest[3..], b"\"\"\""),
        b'r' if lexis == Lexis::Rust && !is_value(before) => at + raw(rest),
        b'"' => at + quoted(rest),
        b'\'' if matches!(lexis, Lexis::Python | Lexis::Script) => at + quoted(rest),
        b'\'' if c_like => at + character(rest),
        b'`' if matches!(lexis, Lexis::Script | Lexis::Go) => at + 1 + until(&rest[1..], b"`"),
        _ => at,
    }
}

/// Whether a value ends with this byte, so that `/` divides and `r` is no prefix.
fn is_value(before: u8) -> bool {
    before.is_ascii_alphanumeric() || matches!(before, b'_' | b')' | b']' | b'"' | b'}')
}

fn line(rest: &[u8]) -> usize {
    memchr::memchr(b'\n', rest).unwrap_or(rest.len())
}

/// Up to and with `end`, or to the end.
fn until(rest: &[u8], end: &[u8]) -> usize {
    memchr::memmem::find(rest, end).map_or(rest.len(), |at| at + end.len())
}

/// A string on one line, with escapes.
fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' => return at,
            byte if byte == rest[0] => return at + 1,
            _ => {}
        }
        at += 1;
    }
    rest.len()
}

/// A character: `'x'`, `'\n'`, `'\u{1F600}'`; a lifetime or an apostrophe is none.
fn character(rest: &[u8]) -> usize {
    let most = if rest.get(1) == Some(&b'\\') { 12 } else { 6 };
    let from = if rest.get(1) == Some(&b'\\') { 3 } else { 2 };
    let ends = (from..most.min(rest.len())).find(|at| rest[*at] == b'\'');
    // One character of UTF-8 has at most four bytes, so a lifetime before another one is not taken for it.
    match ends {
        Some(end) if from == 3 || std::str::from_utf8(&rest[1..end]).is_ok_and(|c| c.chars().count() == 1) => end + 1,
        _ => 1,
    }
}

/// `r"…"`, `r#"…"#`; anything else that begins with `r` is a name.
fn raw(rest: &[u8]) -> usize {
    let marks = rest[1..].iter().take_while(|b| **b == b'#').count();
    if rest.get(1 + marks) != Some(&b'"') {
        return 0;
    }
    let end: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', marks)).collect();
    2 + marks + until(&rest[2 + marks..], &end)
}

/// A regular expression; a `/` in a class does not end it.
fn pattern(rest: &[u8]) -> usize {
    let (mut at, mut class) = (1, false);
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' => return 0,
            b'[' => class = true,
            b']' => class = false,
            b'/' if !class => return at + 1,
            _ => {}
        }
        at += 1;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(language: &str, code: &str) -> Blocks {
        blocks(&format!("Here it is:\n```{language}\n{code}\n```\nThat is all.\n"))
    }

    #[test]
    fn brackets_in_strings_comments_and_patterns_do_not_count() {
        for (language, code) in [
            ("rust", "fn f<'a>(x: &'a str) -> char { let c = '('; let s = r#\"}\"\"#; // )\n let q = '\\''; c }"),
            ("rust", "let for_ = \"{\\\"\"; /* ( */ let r = 1;"),
            ("python", "def f(x):\n    '''doc ( '''\n    return [\"it's (\", '(', x]  # )"),
            ("js", "const re = /[(/]\\(/; const s = `(${x}`; if (a / b > 1) { f('it\\'s ('); }"),
            ("c", "int main() { char c = '{'; printf(\"(\"); return 0; } /* } */"),
            ("go", "func main() { s := `(`; r := '('; _ = s }"),
            ("java", "String s = \"\"\"\n ( \"\"\"; f(s);"),
            ("json", "{\"a\": [\"}\", 1]}"),
            ("", "any ( thing"),
            ("text", "any ( thing"),
        ] {
            assert_eq!(of(language, code), Blocks::default(), "{language}: {code}");
        }
    }

    #[test]
    fn brackets_that_do_not_match_do() {
        for (language, code) in [
            ("rust", "fn main() { println!(\"x\");"),
            ("python", "print((1, 2)"),
            ("js", "f(a]"),
            ("c++", "int main() { return 0; }}"),
            ("json", "{\"a\": [1}"),
        ] {
            assert_eq!(of(language, code), Blocks { open: false, unbalanced: true }, "{language}: {code}");
        }
    }

    #[test]
    fn a_block_that_does_not_end_is_seen() {
        let open = Blocks { open: true, unbalanced: false };
        assert_eq!(blocks("```rust\nfn main() {"), open);
        assert_eq!(blocks("~~~\ntext\n```\n"), open);
        assert_eq!(blocks("````md\n```rust\nfn f() {}\n```\n"), open);
        for closed in
            ["```\nx\n```", "````md\n```rust\nfn f() {\n```\n````", "Use ```x``` here", "```x``` is inline", "", "`a`"]
        {
            assert_eq!(blocks(closed), Blocks::default(), "{closed}");
        }
    }
}
