//! What a user may write after `pull`: a name of the catalog, `hf:owner/repo[:file]`, or an address; each may end in
//! `:sha256=<64 digits>`. And what a model is called in the store.
//!
//! Never here: the network, the disk.

use crate::address::Address;
use crate::card::Digest;
use crate::catalog::{CATALOG, Row};
use crate::problem::{Problem, nearest};

/// Longest text that is looked at, bytes.
const TEXT_MAX: usize = 2_048;
/// Longest name of a model, of an owner, of a part of a path, bytes.
const NAME_MAX: usize = 128;
/// Parts of a split model, at most.
const PARTS_MAX: u32 = 1_024;

/// What is to be pulled.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    /// A row of the catalog.
    Catalog(&'static Row),
    /// A file of a repository on the hub.
    HuggingFace {
        /// Who published it.
        owner: String,
        /// The repository.
        repo: String,
        /// Which file.
        pick: Pick,
        /// What it must hash to.
        digest: Option<Digest>,
    },
    /// Any address.
    Url {
        /// As it was written.
        url: String,
        /// What it must hash to.
        digest: Option<Digest>,
    },
}

/// Which file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pick {
    /// Q4_K_M, or the nearest to it that is there.
    Usual,
    /// The file of this quantisation.
    Quantisation(String),
    /// This file.
    File(String),
}

impl Wanted {
    /// Where a file lies whose address was typed; `None` for what the hub has.
    pub fn origin(&self) -> Option<backend::Origin> {
        match self {
            Wanted::Url { url, .. } => Address::parse(url).ok().map(|at| at.origin),
            Wanted::Catalog(_) | Wanted::HuggingFace { .. } => None,
        }
    }

    /// Reads what a user wrote.
    ///
    /// # Errors
    /// What is wrong with it, and the forms there are.
    pub fn parse(text: &str) -> Result<Wanted, Problem> {
        let text = text.trim();
        if text.is_empty() || text.len() > TEXT_MAX || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            let why = format!("a name is 1 to {TEXT_MAX} bytes long and has no blanks in it");
            return Err(Problem::new("there is no such model", why, FORMS));
        }
        let (text, digest) = split_digest(text)?;
        if let Some(rest) = text.strip_prefix("hf:") {
            return hugging_face(rest, digest);
        }
        if text.contains("://") {
            Address::parse(text).map_err(|why| Problem::new(format!("{text} cannot be asked"), why, FORMS))?;
            return Ok(Wanted::Url { url: text.to_owned(), digest });
        }
        let wanted = simple(text);
        match CATALOG.iter().find(|row| simple(row.name) == wanted) {
            Some(row) if digest.is_none() => Ok(Wanted::Catalog(row)),
            Some(row) => Err(Problem::new(
                format!("{} takes no digest of yours", row.name),
                "a name of the catalog stands for one file",
                format!("write hf:{}:{}:sha256=…", row.repo, row.file),
            )),
            None => Err(unknown(text)),
        }
    }
}

/// `Qwen2.5:0.5b` and `qwen2.5-0.5b` are the same name.
pub(crate) fn simple(name: &str) -> String {
    name.to_lowercase().replace([':', '_'], "-")
}

const FORMS: &str = "write a name of the catalog (`dewpoint models --catalog` lists them), hf:owner/repo, hf:owner/repo:file.gguf, \
                     or the https address of a .gguf file";

fn unknown(text: &str) -> Problem {
    let what = format!("the catalog has no model {text}");
    // `owner/repo` without its prefix is the commonest slip.
    if let Some((owner, rest)) = text.split_once('/')
        && !owner.is_empty()
        && !rest.is_empty()
    {
        return Problem::new(
            what,
            "names of the catalog have no `/`",
            format!("for a repository of Hugging Face write hf:{text}"),
        );
    }
    match nearest(text, CATALOG.iter().map(|row| row.name)) {
        Some(near) => Problem::new(
            what,
            format!("the nearest name is {near}"),
            format!("write `dewpoint pull {near}`, or {}", &FORMS[6..]),
        ),
        None => Problem::new(what, "no name in it is near to this one", FORMS),
    }
}

fn split_digest(text: &str) -> Result<(&str, Option<Digest>), Problem> {
    let Some((front, hex)) = text.rsplit_once(":sha256=") else { return Ok((text, None)) };
    match Digest::parse(hex) {
        Some(digest) => Ok((front, Some(digest))),
        None => {
            let why = format!("a SHA-256 has 64 hexadecimal digits, and this has {} characters", hex.chars().count());
            Err(Problem::new(format!("`sha256={hex}` is no digest"), why, "copy it whole, or leave `:sha256=…` out"))
        }
    }
}

fn hugging_face(rest: &str, digest: Option<Digest>) -> Result<Wanted, Problem> {
    let bad = |why: &str| Err(Problem::new(format!("hf:{rest} names no repository"), why, FORMS));
    let (place, pick) = rest.split_once(':').map_or((rest, None), |(place, pick)| (place, Some(pick)));
    let Some((owner, repo)) = place.split_once('/') else { return bad("it has no `/` between owner and repository") };
    if !plain(owner) || !plain(repo) {
        return bad("owner and repository are letters, digits, `.`, `_` and `-`, and do not begin with a point");
    }
    let pick = match pick {
        None => Pick::Usual,
        Some(file) if file.to_ascii_lowercase().ends_with(".gguf") => {
            if !file.split('/').all(plain) {
                return bad("a path is names with `/` between, and no name begins with a point");
            }
            Pick::File(file.to_owned())
        }
        Some(tag) if plain(tag) => Pick::Quantisation(tag.to_owned()),
        Some(_) => {
            return bad("after the second `:` stands a file that ends in .gguf, or a quantisation such as Q4_K_M");
        }
    };
    Ok(Wanted::HuggingFace { owner: owner.to_owned(), repo: repo.to_owned(), pick, digest })
}

/// A name that is safe in an address and in a path.
pub(crate) fn plain(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    (1..=NAME_MAX).contains(&text.len()) && !text.starts_with('.') && text.chars().all(allowed)
}

/// A name of our own for the store.
///
/// # Errors
/// It could lead out of the store, or be read as something else.
pub(crate) fn check_own(name: &str) -> Result<(), Problem> {
    if plain(name) && !name.starts_with('-') && name.len() <= NAME_MAX - 32 {
        return Ok(());
    }
    let why = format!(
        "a name is 1 to {} letters, digits, `.`, `_`, `-` and `+`, and begins with none of the marks",
        NAME_MAX - 32
    );
    Err(Problem::new(format!("a model cannot be called {name}"), why, "choose another --name"))
}

/// What the model in a file is called in the store: the file's name in small letters, without folder, part and ending.
pub(crate) fn of_file(file: &str) -> String {
    let last = file.rsplit('/').next().unwrap_or(file);
    let stem = shard(last).map_or_else(|| strip_gguf(last), |s| s.stem);
    let clean = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+') { c.to_ascii_lowercase() } else { '-' }
    };
    let name: String = stem.chars().map(clean).take(NAME_MAX - 32).collect();
    let name = name.trim_start_matches(['.', '-', '_', '+']);
    if name.is_empty() { "model".to_owned() } else { name.to_owned() }
}

/// Without `.gguf`.
pub(crate) fn strip_gguf(file: &str) -> &str {
    match file.len().checked_sub(5).filter(|cut| file.is_char_boundary(*cut)) {
        Some(cut) if file[cut..].eq_ignore_ascii_case(".gguf") => &file[..cut],
        _ => file,
    }
}

/// One part of a split model: `stem-00001-of-00003.gguf`, the form of llama.cpp's `gguf-split`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard<'a> {
    /// With its folder, where it has one.
    pub(crate) stem: &'a str,
    /// From 1.
    pub(crate) number: u32,
    pub(crate) count: u32,
}

/// Reads the name of a part; `None` for a whole model, or numbers that make no sense.
pub(crate) fn shard(file: &str) -> Option<Shard<'_>> {
    let stem = strip_gguf(file);
    let (rest, count) = stem.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let read =
        |text: &str| text.parse::<u32>().ok().filter(|_| text.len() == 5 && text.bytes().all(|b| b.is_ascii_digit()));
    let (number, count) = (read(number)?, read(count)?);
    (1..=PARTS_MAX).contains(&count).then_some(())?;
    ((1..=count).contains(&number) && !stem.is_empty()).then_some(Shard { stem, number, count })
}

/// `stem-00002-of-00003.gguf`.
pub(crate) fn shard_file(stem: &str, number: u32, count: u32) -> String {
    format!("{stem}-{number:05}-of-{count:05}.gguf")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn hf(text: &str) -> (String, Pick, bool) {
        match Wanted::parse(text).unwrap() {
            Wanted::HuggingFace { owner, repo, pick, digest } => (format!("{owner}/{repo}"), pick, digest.is_some()),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn every_form_is_read() {
        let row = &CATALOG[0];
        assert_eq!(Wanted::parse(row.name).unwrap(), Wanted::Catalog(row));
        assert_eq!(Wanted::parse(&row.name.to_uppercase()).unwrap(), Wanted::Catalog(row));
        assert_eq!(hf("hf:a/b"), ("a/b".into(), Pick::Usual, false));
        assert_eq!(hf("hf:a/b:Q8_0"), ("a/b".into(), Pick::Quantisation("Q8_0".into()), false));
        assert_eq!(hf("hf:a/b:x/y-Q4.gguf"), ("a/b".into(), Pick::File("x/y-Q4.gguf".into()), false));
        assert_eq!(hf(&format!("hf:a/b:f.gguf:sha256={HEX}")), ("a/b".into(), Pick::File("f.gguf".into()), true));
        assert_eq!(hf(&format!("hf:a/b:sha256={HEX}")), ("a/b".into(), Pick::Usual, true));
        let url = format!("https://h.example:8443/m.gguf:sha256={HEX}");
        let Wanted::Url { url, digest } = Wanted::parse(&url).unwrap() else { unreachable!() };
        assert_eq!((url.as_str(), digest.is_some()), ("https://h.example:8443/m.gguf", true));
    }

    #[test]
    fn nothing_leads_out_of_repository_or_store() {
        for bad in [
            "",
            "  ",
            "a b",
            "a\nb",
            "hf:",
            "hf:a",
            "hf:/b",
            "hf:a/",
            "hf:../x",
            "hf:a/..",
            "hf:a/b/c",
            "hf:a/b:../x.gguf",
            "hf:a/b:x/../../y.gguf",
            "hf:a/b:/etc/x.gguf",
            "hf:a/b:.x.gguf",
            "hf:a/b:x//y.gguf",
            "hf:a/b:",
            "hf:a/b:x y",
            "hf:a?b/c",
            "hf:a/b#c",
            "../x",
            "ftp://h/x",
            "https://u:p@h/x.gguf",
            "file:///etc/passwd",
            "hf:a/b:sha256=12",
            "http://169.254.169.254/x.gguf",
        ] {
            assert!(Wanted::parse(bad).is_err(), "{bad} was taken");
        }
        assert!(Wanted::parse(&format!("hf:a/{}", "b".repeat(NAME_MAX))).is_ok());
        assert!(Wanted::parse(&format!("hf:a/{}", "b".repeat(NAME_MAX + 1))).is_err());
        assert!(check_own("a.b-c_1").is_ok());
        for bad in ["", ".", "..", "../a", "a/b", "a\\b", ".a", "-a", "a b", "é", &"a".repeat(NAME_MAX - 31)] {
            assert!(check_own(bad).is_err(), "{bad} was taken");
        }
    }

    #[test]
    fn slips_get_the_nearest_name() {
        let slip = format!("{}x", CATALOG[0].name);
        assert!(Wanted::parse(&slip).unwrap_err().help.contains(CATALOG[0].name));
        assert!(Wanted::parse("bartowski/Foo-GGUF").unwrap_err().help.contains("hf:bartowski/Foo-GGUF"));
        assert!(Wanted::parse("qqqqqqqqqqqqqqqqqq").unwrap_err().help.contains("--catalog"));
    }

    #[test]
    fn files_become_names() {
        assert_eq!(of_file("Qwen2.5-7B-Instruct-Q4_K_M.gguf"), "qwen2.5-7b-instruct-q4_k_m");
        assert_eq!(of_file("q/Big-00002-of-00003.gguf"), "big");
        assert_eq!(of_file("../../etc/..passwd"), "passwd");
        assert_eq!(of_file("%2e%2e%2fx.GGUF"), "2e-2e-2fx");
        assert_eq!(of_file("..."), "model");
    }

    #[test]
    fn parts_are_read_and_written() {
        let part = shard("q/big-00002-of-00003.gguf").unwrap();
        assert_eq!((part.stem, part.number, part.count), ("q/big", 2, 3));
        assert_eq!(shard_file(part.stem, 2, 3), "q/big-00002-of-00003.gguf");
        assert!(shard("big-00001-of-01024.gguf").is_some());
        for no in [
            "big.gguf",
            "big-1-of-3.gguf",
            "big-00000-of-00003.gguf",
            "big-00004-of-00003.gguf",
            "-00001-of-00001.gguf",
            "big-00001-of-00000.gguf",
            "big-00001-of-01025.gguf",
            "big-+0001-of-00003.gguf",
        ] {
            assert_eq!(shard(no), None, "{no}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_nothing_panics_and_names_are_safe(text in "\\PC{0,60}") {
            let _ = Wanted::parse(&text);
            let _ = Wanted::parse(&format!("hf:{text}"));
            let _ = Wanted::parse(&format!("https://{text}"));
            prop_assert!(check_own(&of_file(&text)).is_ok(), "{}", of_file(&text));
        }
    }
}
