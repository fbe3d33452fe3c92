//! The hub: its address and the token that may go there.
//!
//! Never here: requests.

use crate::address::Address;
use crate::folders::Env;
use crate::problem::Problem;
use backend::{Origin, Secret};

/// Hugging Face, or a mirror of it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    pub(crate) address: Address,
    pub(crate) token: Option<Secret>,
}

impl Endpoint {
    /// `HF_ENDPOINT` (else `https://huggingface.co`) and `HF_TOKEN`, as Hugging Face's own tools read them.
    ///
    /// # Errors
    /// `HF_ENDPOINT` is no address, or a token would go over plain http.
    pub fn from_env(env: Env<'_>) -> Result<Endpoint, Problem> {
        let set = |name: &str| env(name).filter(|v| !v.trim().is_empty());
        let text = set("HF_ENDPOINT").unwrap_or_else(|| "https://huggingface.co".to_owned());
        let address = Address::parse(text.trim_end_matches('/')).map_err(|why| {
            Problem::new(
                format!("HF_ENDPOINT = {text} cannot be asked"),
                why,
                "write https://host, or take the variable away",
            )
        })?;
        let token = set("HF_TOKEN").map(Secret::new);
        if token.is_some() && !address.is_safe() {
            let why = "the token in HF_TOKEN would travel in the clear";
            return Err(Problem::new(
                format!("{address} is not asked"),
                why,
                "use an https address in HF_ENDPOINT, or unset HF_TOKEN",
            ));
        }
        Ok(Endpoint { address, token })
    }

    /// Where the hub is.
    pub fn origin(&self) -> &Origin {
        &self.address.origin
    }

    /// An address below the hub's.
    ///
    /// # Errors
    /// `tail` is no path.
    pub(crate) fn below(&self, tail: &str) -> Result<Address, Problem> {
        let base = self.address.plain_path().trim_end_matches('/');
        Address::parse(&format!("{}{base}{tail}", self.address.origin))
            .map_err(|why| Problem::new(format!("{tail} cannot be asked of the hub"), why, "check the name"))
    }

    /// Where a file of a repository lies.
    pub(crate) fn file(&self, owner: &str, repo: &str, file: &str) -> Result<Address, Problem> {
        self.below(&format!("/{owner}/{repo}/resolve/main/{file}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn endpoint(set: &[(&str, &str)]) -> Result<Endpoint, Problem> {
        Endpoint::from_env(&|name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn the_variables_are_those_of_hugging_face() {
        assert_eq!(
            endpoint(&[]).unwrap().file("o", "r", "f.gguf").unwrap().to_string(),
            "https://huggingface.co/o/r/resolve/main/f.gguf"
        );
        let mirror = endpoint(&[("HF_ENDPOINT", "https://mirror.example/hf/"), ("HF_TOKEN", "hf_x")]).unwrap();
        assert_eq!(
            mirror.file("o", "r", "f.gguf").unwrap().to_string(),
            "https://mirror.example/hf/o/r/resolve/main/f.gguf"
        );
        assert!(mirror.token.is_some());
        assert!(endpoint(&[("HF_ENDPOINT", "mirror")]).is_err());
    }

    #[test]
    fn a_token_never_travels_in_the_clear() {
        assert!(endpoint(&[("HF_ENDPOINT", "http://mirror.example"), ("HF_TOKEN", "hf_x")]).is_err());
        assert!(endpoint(&[("HF_ENDPOINT", "http://mirror.example")]).is_ok());
        assert!(endpoint(&[("HF_ENDPOINT", "http://127.0.0.1:8000"), ("HF_TOKEN", "hf_x")]).is_ok());
    }
}
