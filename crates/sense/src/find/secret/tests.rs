//! Each rule of the tables is tried with values made by chance from its own alphabets and lengths; what has no table has
//! cases of its own. No value that looks real stands in this file: they are put together here, so that scanners of code
//! hosts stay quiet.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::shape::{Part, Shape};
use super::*;

/// Numbers by chance, the same in each run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn of(&mut self, characters: &[u8]) -> char {
        char::from(characters[self.below(characters.len())])
    }

    /// That many letters and digits.
    fn text(&mut self, count: usize) -> String {
        let alphabet = super::shape::ALNUM.characters();
        (0..count).map(|_| self.of(&alphabet)).collect()
    }
}

/// How a value differs from its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    Shorter,
    Longer,
    Foreign,
}

/// A value of the shape; its longest run has the flaw. Nothing if no value can have that flaw.
fn value(shape: &Shape, chance: &mut Chance, flaw: Flaw) -> Option<String> {
    let most_of = |p: &Part| if let Part::Run(_, least, _) = p { *least } else { 0 };
    let longest = shape.parts.iter().map(most_of).max().unwrap_or(0);
    let flawed = shape.parts.iter().position(|p| most_of(p) == longest).unwrap_or(0);
    if longest == 0 && flaw != Flaw::None {
        return None;
    }
    let mut out = String::new();
    for (i, part) in shape.parts.iter().enumerate() {
        match part {
            Part::Text(texts, _) => out.push_str(std::str::from_utf8(&texts[chance.below(texts.len())]).unwrap()),
            Part::Run(alphabet, least, most) => {
                let (least, most) = (usize::from(*least), usize::from(*most));
                let flaw = if i == flawed { flaw } else { Flaw::None };
                let count = match flaw {
                    Flaw::Shorter => least.checked_sub(1)?,
                    Flaw::Longer if most >= 4096 => return None,
                    Flaw::Longer => most + 1,
                    Flaw::Foreign => least,
                    _ => least + chance.below(most.min(least + 12) - least + 1),
                };
                let characters = alphabet.characters();
                // Padding and dashes at either end of a run would be read as part of what stands around it.
                let mut run: String = (0..count).map(|_| chance.of(&characters)).collect();
                let solid: Vec<u8> = characters.iter().copied().filter(u8::is_ascii_alphanumeric).collect();
                if !solid.is_empty() && !run.is_empty() {
                    run.pop();
                    run.push(chance.of(&solid));
                    run.replace_range(..1, &chance.of(&solid).to_string());
                }
                if flaw == Flaw::Foreign {
                    run.replace_range(count / 2..=count / 2, "\u{7f}");
                }
                out.push_str(&run);
            }
        }
    }
    Some(out)
}

fn secrets() -> Secrets {
    Secrets::new(&FinderOptions::default()).unwrap()
}

fn found(secrets: &Secrets, text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    secrets.find(text, &mut out);
    assert!(out.windows(2).all(|w| w[0].end <= w[1].start), "in order, without overlaps: {out:?}");
    out.iter().map(|f| (f.kind.name.to_string(), text[f.start..f.end].to_owned())).collect()
}

/// The one secret of a text.
fn only(secrets: &Secrets, text: &str) -> (String, String) {
    let all = found(secrets, text);
    assert_eq!(all.len(), 1, "{text}: {all:?}");
    all[0].clone()
}

#[test]
fn tokens_are_found_whole_and_nothing_like_them() {
    let secrets = secrets();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    // What must hold a text in Base64 has a case of its own.
    for token in secrets.rules.tokens.iter().filter(|t| t.kind != "sentry-org-token") {
        let mut good = 0;
        for tries in 0.. {
            assert!(tries < 5000, "{}: no value of its shape is good", token.kind);
            if good == 20 {
                break;
            }
            let value = value(&token.shape, &mut chance, Flaw::None).unwrap();
            // Chance may bring a value without a digit, or one of little entropy.
            let anchor = (0..value.len()).find_map(|at| token.around(value.as_bytes(), at));
            if anchor != Some((0, value.len())) {
                continue;
            }
            good += 1;
            for text in
                [value.clone(), format!("look: {value}, please."), format!("x(\"{value}\")"), format!("密钥{value}。")]
            {
                let (kind, span) = only(&secrets, &text);
                assert_eq!(span, value, "{} in {text}", token.kind);
                let same = kind == token.kind
                    || secrets
                        .rules
                        .tokens
                        .iter()
                        .any(|t| t.kind == kind && t.shape.from(value.as_bytes(), 0) == Some(value.len()));
                assert!(same, "{} is {kind}: {value}", token.kind);
            }
        }
        for flaw in [Flaw::Shorter, Flaw::Longer, Flaw::Foreign] {
            for _ in 0..20 {
                let Some(value) = value(&token.shape, &mut chance, flaw) else { continue };
                let text = format!("look: {value} .");
                let wrong = found(&secrets, &text).into_iter().find(|(kind, _)| kind == token.kind);
                assert_eq!(wrong, None, "{} {flaw:?}: {value}", token.kind);
            }
        }
    }
}

#[test]
fn values_are_found_by_the_name_before_them() {
    let secrets = secrets();
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    for rule in &secrets.rules.contexts {
        for word in &rule.words {
            let name = format!("{}_{}", word.lower, rule.hint.unwrap_or("login_token"));
            let mut good = 0;
            for tries in 0.. {
                assert!(tries < 5000, "{}: no value of its shape is good", rule.kind);
                if good == 10 {
                    break;
                }
                let value = value(&rule.shape, &mut chance, Flaw::None).unwrap();
                if rule.value(&name, value.as_bytes(), 0) != Some(value.len()) {
                    continue;
                }
                good += 1;
                let upper = name.to_ascii_uppercase();
                for text in [
                    format!("{name} = \"{value}\""),
                    format!("export {upper}='{value}'"),
                    format!("{{\"{name}\": \"{value}\", \"x\": 1}}"),
                    format!("{{\\\"{name}\\\": \\\"{value}\\\"}}"),
                    format!("{upper}: {value}\nnext: 1"),
                ] {
                    let (kind, span) = only(&secrets, &text);
                    assert_eq!(span, value, "{} in {text}", rule.kind);
                    let same = kind == rule.kind
                        || secrets
                            .rules
                            .contexts
                            .iter()
                            .any(|c| c.kind == kind && c.shape.from(value.as_bytes(), 0) == Some(value.len()))
                        || secrets.rules.tokens.iter().any(|c| c.kind == kind);
                    assert!(same, "{} is {kind}: {text}", rule.kind);
                }
                assert!(
                    !found(&secrets, &value).iter().any(|(kind, _)| kind == rule.kind)
                        || secrets.rules.tokens.iter().any(|t| t.kind == rule.kind)
                );
            }
            for flaw in [Flaw::Shorter, Flaw::Longer, Flaw::Foreign] {
                for _ in 0..10 {
                    let Some(value) = value(&rule.shape, &mut chance, flaw) else { continue };
                    let wrong = found(&secrets, &format!("{name} = \"{value}\""))
                        .into_iter()
                        .find(|(kind, _)| kind == rule.kind);
                    assert_eq!(wrong, None, "{} {flaw:?}: {name} = {value}", rule.kind);
                }
            }
        }
    }
}

/// Base64 without line ends.
fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// A token of JSON parts.
fn jwt(header: &str, payload: &str, chance: &mut Chance) -> String {
    let part = |text: &str| base64(text).trim_end_matches('=').replace('+', "-").replace('/', "_");
    format!("{}.{}.{}", part(header), part(payload), chance.text(43))
}

fn pat(chance: &mut Chance) -> String {
    format!("{}_{}", "ghp", chance.text(36))
}

fn pem(label: &str, line: &str, chance: &mut Chance) -> String {
    let body: Vec<String> = (0..6).map(|_| chance.text(64)).collect();
    format!("-----BEGIN {label}-----{line}{}{line}-----END {label}-----", body.join(line))
}

#[test]
fn private_keys_in_blocks() {
    let (secrets, mut chance) = (secrets(), Chance(7));
    for label in [
        "RSA PRIVATE KEY",
        "PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "EC PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
        "ENCRYPTED PRIVATE KEY",
    ] {
        for line in ["\n", "\r\n", "\\n", "\\r\\n"] {
            let block = pem(label, line, &mut chance);
            let text = format!("a {block} b");
            assert_eq!(only(&secrets, &text), ("private-key".to_owned(), block.clone()));
            let cut = &block[..block.len() / 2];
            assert_eq!(only(&secrets, cut).1, cut, "a key that is cut off");
            let wrapped = base64(&block);
            assert_eq!(only(&secrets, &format!("key: {wrapped}\n")), ("private-key".to_owned(), wrapped.clone()));
        }
    }
    for other in ["PUBLIC KEY", "CERTIFICATE", "PGP PUBLIC KEY BLOCK", "RSA PUBLIC KEY"] {
        assert_eq!(found(&secrets, &pem(other, "\n", &mut chance)), []);
    }
    let dashes = "-----";
    for empty in ["", "...", "\nanything\n", "<your key here>"] {
        assert_eq!(
            found(&secrets, &format!("{dashes}BEGIN PRIVATE KEY{dashes}{empty}{dashes}END PRIVATE KEY{dashes}")),
            []
        );
    }
    let lines = format!("{}\n{}\n", chance.text(64), chance.text(40));
    assert_eq!(only(&secrets, &format!("Private-Lines: 2\n{lines}")).0, "private-key");
    let (lead, mark) = ("\"type\": \"", "service_account");
    assert_eq!(only(&secrets, &format!("{{{lead}{mark}\"}}")).0, "gcp-service-account");
    assert_eq!(found(&secrets, "use a service_account for this type of work"), []);
}

#[test]
fn json_web_tokens() {
    let (secrets, mut chance) = (secrets(), Chance(8));
    for header in [
        r#"{"alg":"HS256","typ":"JWT"}"#,
        "{\n  \"typ\":\"JWT\",\n  \"alg\":\"RS256\"}",
        r#"{"kid":"a1","alg":"none"}"#,
    ] {
        let token = jwt(header, r#"{"sub":"1234567890","name":"A"}"#, &mut chance);
        for text in
            [format!("Bearer {token}"), format!("?jwt={token}&x=1"), format!("\"{token}\""), format!("It is {token}.")]
        {
            let (kind, span) = only(&secrets, &text);
            assert_eq!((kind.as_str(), span.trim_end_matches('.')), ("jwt", token.as_str()));
        }
        assert_eq!(only(&secrets, &format!("data {} end", base64(&token))).0, "jwt-base64");
    }
    let no_json = format!("eyJ{}.{}.{}", "x".repeat(20), chance.text(20), chance.text(20));
    assert_eq!(found(&secrets, &no_json), []);
}

#[test]
fn passwords_in_urls_and_connection_strings() {
    let (secrets, mut chance) = (secrets(), Chance(9));
    let password = chance.text(12);
    for (text, kind) in [
        (format!("postgres://app:{password}@db.internal:5432/app"), "connection-string"),
        (format!("mongodb+srv://app:{password}@cluster0.mongodb.net/?retryWrites=true"), "connection-string"),
        (format!("redis://:{password}@cache:6379/0"), "connection-string"),
        (format!("amqp://app:{password}@queue"), "connection-string"),
        (format!("git clone https://me:{password}@git.internal/x.git"), "url-credentials"),
        (format!("Server=db;Database=a;User Id=sa;Password={password};Encrypt=true"), "connection-string"),
        (format!("host=db user=app password={password} dbname=app"), "connection-string"),
    ] {
        assert_eq!(only(&secrets, &text), (kind.to_owned(), password.clone()), "{text}");
    }
    let account = format!("{}==", chance.text(86));
    let text = format!(
        "DefaultEndpointsProtocol=https;AccountName=files;AccountKey={account};EndpointSuffix=core.windows.net"
    );
    assert_eq!(only(&secrets, &text), ("connection-string".to_owned(), account));
    for harmless in [
        "https://example.com/a:b@c",
        "mailto:a@b.c",
        "postgres://user:password@localhost/db",
        "postgres://$USER:$PASS@host",
        "http://user:<pass>@h",
        "redis://localhost:6379",
        "https://{user}:{password}@host/",
        "ssh://git@github.com:22/a/b",
        "postgres://postgres:postgres@localhost:5432",
        "see http://a.b/c?x=y:z@w",
    ] {
        assert_eq!(found(&secrets, harmless), [], "{harmless}");
    }
}

#[test]
fn values_that_their_name_calls_secret() {
    let (secrets, mut chance) = (secrets(), Chance(10));
    let value = chance.text(40);
    for before in [
        "api_key = \"",
        "apiKey: '",
        "\"client_secret\": \"",
        "ACCESS_TOKEN=",
        "private-key: ",
        "X-Api-Key: ",
        "authToken => '",
        "my_secret := \"",
        "let token: &str = \"",
        "password: str = '",
        "getenv(\"API_TOKEN\", \"",
        "<secret>",
        "--token ",
        "--api-key=",
        "my api key is ",
        "Authorization: Bearer ",
        "auth=('me', '",
        "\\\"secret_key\\\": \\\"",
        "setToken(\"",
        "//registry.npmjs.org/:_authToken=",
        "password>",
        "creds: ",
        "accesstoken=",
    ] {
        let close = before.chars().last().filter(|c| matches!(c, '"' | '\'')).map(String::from).unwrap_or_default();
        let text = format!("{before}{value}{close}");
        assert_eq!(only(&secrets, &text).1, value, "{text}");
    }
    let (spaced, marked) = ("correct horse", format!("{}!{}", chance.text(5), chance.text(4)));
    assert_eq!(only(&secrets, &format!("my password is {marked}1, thanks")).0, "generic-password");
    assert_eq!(found(&secrets, &format!("password: {spaced}")), []);
    let id = format!("{}-1b7a-4e5c-9f00-{}", "0a1b2c3d", "66554433aabb");
    for name in [
        "token_url",
        "keyId",
        "secretName",
        "credentialsId",
        "max_tokens",
        "public_key",
        "csrf-token",
        "tokenizer",
        "author",
        "keyboard",
        "monkey",
        "cacheKey",
    ] {
        assert_eq!(found(&secrets, &format!("{name} = \"{id}\"")), [], "{name}");
    }
    for harmless in [
        "${API_KEY}",
        "$TOKEN",
        "{{ token }}",
        "<your-token-1>",
        "YOUR_API_KEY_123",
        "xxxxxxxxxxxxxxxx1",
        "os.environ[\"K1\"]",
        "1234567890abcdef",
        "changeme123",
        "process.env.TOKEN_2",
        "my-secret-token-1",
        "2024-05-06T07:08:09Z",
        "v1.2.3-rc.4-2024",
        "/run/secrets/token1",
        "example_token_a1b2c3d4e5",
        "********",
    ] {
        assert_eq!(found(&secrets, &format!("api_token = \"{harmless}\"")), [], "{harmless}");
    }
    assert_eq!(found(&secrets, "The key to success: 5 habits. Pass the token 3 times, auth is done at 10:30."), []);
}

#[test]
fn commands_headers_and_manifests() {
    let (secrets, mut chance) = (secrets(), Chance(11));
    let (password, token) = (chance.text(12), chance.text(32));
    for text in [
        format!("curl -u admin:{password} https://h"),
        format!("$ curl -sS \\\n  --user 'me:{password}' \\\n  https://h"),
        format!("curl -ku \"me\":\"{password}\" h"),
    ] {
        assert_eq!(only(&secrets, &text), ("curl-auth-user".to_owned(), password.clone()), "{text}");
    }
    assert_eq!(
        only(&secrets, &format!("curl -H 'Authorization: Bearer {token}' h")),
        ("curl-auth-header".to_owned(), token.clone())
    );
    assert_eq!(
        only(&secrets, &format!("Authorization: Bearer {token}\r\n")),
        ("authorization-header".to_owned(), token.clone())
    );
    for harmless in [
        "curl -u user:pass h",
        "curl --user \"$U:$P\" h",
        "curl -u me h",
        "the curl -u thing",
        "curling: -u a:b12345678x",
    ] {
        assert_eq!(found(&secrets, harmless), [], "{harmless}");
    }
    let encoded = base64(&password);
    for manifest in [
        format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  field: {encoded}\n"),
        format!("data:\n  field: \"{encoded}\"\nkind: Secret\n"),
    ] {
        assert_eq!(only(&secrets, &manifest), ("kubernetes-secret-yaml".to_owned(), encoded.clone()));
        assert_eq!(found(&secrets, &manifest.replace("Secret", "ConfigMap")), []);
    }
    let other = format!("kind: Secret\n---\ndata:\n  field: {encoded}\n");
    assert_eq!(found(&secrets, &other), [], "another document");
    let add = "<add key=";
    assert_eq!(
        only(&secrets, &format!("{add}\"ClearTextPassword\" value=\"{password}\" />")).0,
        "nuget-config-password"
    );
    assert_eq!(only(&secrets, "  administrator_login_password = \"thisIsDog\"\n").0, "hashicorp-tf-password");
    let pair = format!("{}{} / {}+{}", "AKIA", "QWERTYUIOPASDF23", chance.text(15), chance.text(24));
    let kinds: Vec<String> = found(&secrets, &pair).into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["aws-access-token", "aws-secret-access-key"]);
}

#[test]
fn wrapped_secrets() {
    let (secrets, mut chance) = (secrets(), Chance(12));
    let token = pat(&mut chance);
    let once = base64(&format!("the token is {token}, keep it"));
    let twice = base64(&format!("{once}\n"));
    for (text, span) in [
        (format!("x {once} y"), once.clone()),
        (format!("\"{twice}\""), twice.clone()),
        (format!("https://h/?next=%2Fa%3Ft%3D{token}%26b"), token.clone()),
        (format!("a\\n{token}\\n"), token.clone()),
        (format!("{{\\u0022k\\u0022:\\u0022{token}\\u0022}}"), token.clone()),
    ] {
        assert_eq!(only(&secrets, &text), ("github-pat".to_owned(), span), "{text}");
    }
    let folded: Vec<String> = once.as_bytes().chunks(64).map(|l| String::from_utf8_lossy(l).into_owned()).collect();
    assert_eq!(only(&secrets, &folded.join("\n")).0, "github-pat");
    assert_eq!(found(&secrets, &base64("nothing but a plain sentence in here, really")), []);
}

#[test]
fn tokens_with_a_text_inside() {
    let (secrets, mut chance) = (secrets(), Chance(15));
    let mut token = |text: &str| format!("{}_{}_{}", "sntrys", base64(text).trim_end_matches('='), chance.text(43));
    let good = token(r#"{"iat":1687336543.69,"url":null,"region_url":"http://localhost:8000","org":"a"}"#);
    assert_eq!(only(&secrets, &good), ("sentry-org-token".to_owned(), good.clone()));
    assert_eq!(
        found(&secrets, &token(r#"{"iat":1687336543.69,"url":null,"region":"http://localhost:8000","org":"a"}"#)),
        []
    );
    let bot = format!("https://api.telegram.org/{}{}:AA{}/getMe", "bot", "1234509876", chance.text(33));
    assert_eq!(only(&secrets, &bot).0, "telegram-bot-api-token");
    let pair = format!("{}:{}", "cafe0123", "4567beef");
    for text in [
        format!("BUNDLE_GEMS__CONTRIBSYS__COM={pair}"),
        format!("export BUNDLE_ENTERPRISE__CONTRIBSYS__COM = \"{pair}\";"),
    ] {
        assert_eq!(only(&secrets, &text), ("sidekiq-secret".to_owned(), pair.clone()));
    }
}

#[test]
fn many_secrets_in_one_value_and_in_one_line() {
    let (secrets, mut chance) = (secrets(), Chance(16));
    let tokens: Vec<String> = (0..200).map(|_| pat(&mut chance)).collect();
    assert_eq!(found(&secrets, &tokens.join(",")).len(), 200);
    let long: Vec<String> = (0..40).map(|_| format!("{}{}", "glagent-", chance.text(50))).collect();
    assert_eq!(found(&secrets, &format!("[\"{}\"]", long.join("\",\""))).len(), 40);
    let lines: Vec<String> =
        (0..60).map(|i| format!("APP_TOKEN_{i}={}4{}7{}", chance.text(8), chance.text(8), chance.text(8))).collect();
    assert_eq!(found(&secrets, &lines.join("\\n")).len(), 60);
    assert_eq!(found(&secrets, &lines.join(";")).len(), 60);
    assert!(found(&secrets, &format!("credentials: \"{}\"", lines.join("\\n"))).len() >= 60);
}

#[test]
fn kinds_can_be_off() {
    let mut chance = Chance(13);
    let text = format!("{} and {}{}", pat(&mut chance), "npm_", chance.text(36));
    let off = Secrets::new(&FinderOptions { off: vec!["github-pat".to_owned()], ..FinderOptions::default() }).unwrap();
    assert_eq!(only(&off, &text).0, "npm-access-token");
    assert_eq!(found(&secrets(), &text).len(), 2);
}

#[test]
fn any_text_is_read_and_spans_are_on_characters() {
    let secrets = secrets();
    let pieces = [
        "key=",
        "\"",
        "é",
        "密",
        "eyJ",
        "token: ",
        "://a:",
        "@",
        "%",
        "%4",
        "\\",
        "curl -u ",
        "-----BEGIN PRIVATE KEY-----",
        "=",
        "\u{200b}",
        "kind: Secret\n",
        "data:\n ",
        "a1B2c3D4e5F6g7H8",
    ];
    let mut chance = Chance(14);
    for _ in 0..3000 {
        let text: String = (0..chance.below(24)).map(|_| pieces[chance.below(pieces.len())]).collect();
        found(&secrets, &text);
    }
}

#[test]
fn the_book_names_every_kind() {
    let page = include_str!("../../../../../docs/book/detection-secrets.md");
    for kind in Secrets::kinds() {
        assert!(page.contains(&format!("`{kind}`")), "docs/book/detection-secrets.md does not name {kind}");
    }
}

#[test]
fn a_value_cut_within_a_character_is_told_to_its_end() {
    let secrets = secrets();
    for shift in 0..4 {
        let text = format!("kind: Secret\nstringData:\n  {}f: {}", "a".repeat(shift), "é9".repeat(4096));
        assert_eq!(found(&secrets, &text).len(), 1, "{shift}");
        found(&secrets, &format!("curl -u {}:{}", "a".repeat(shift + 4), "é9".repeat(4096)));
    }
}

/// Work per byte has a bound: at the slowest a megabyte in a second, on a machine with much else to do. Quadratic work would
/// take minutes for these.
#[test]
fn work_is_linear() {
    let secrets = secrets();
    for piece in [
        "a",
        "sk-",
        "=",
        "eyJ",
        "-eyJ",
        "ghp_",
        "\"",
        "key=",
        "key=\"",
        "key",
        "://a:",
        "curl -u ",
        "kind: Secret\n",
        "-----BEGIN PRIVATE KEY-----",
        "%41",
        "-glpat-",
        "T3BlbkFJ",
        "/ops_eyJ",
        "password is ",
        "discord=",
        "AKIA",
        "密码",
        "name: key, value: ",
    ] {
        let text = piece.repeat(400_000 / piece.len());
        let run = |_| {
            let start = std::time::Instant::now();
            secrets.find(&text, &mut Vec::new());
            start.elapsed()
        };
        let best = (0..5).map(run).min().unwrap();
        assert!(best < std::time::Duration::from_millis(400), "{piece:?}: {best:?} for {} bytes", text.len());
    }
}
