//! What models do to placeholders, and what they make up.

use crate::*;

/// `[[EMAIL_7Q3K9DXZ]]` and its parts.
fn parts() -> (String, String, String, Arc<Vault>) {
    let (sent, vault) = sent("alice@example.com", &[MAIL]);
    let core = sent.trim_matches(['[', ']']).to_owned();
    let code = core.split_once('_').unwrap().1.to_owned();
    (sent, core, code, vault)
}

#[test]
fn changed_placeholders_are_recognised() {
    let (sent, core, code, vault) = parts();
    let lower = sent.to_lowercase();
    for (said, expected) in [
        (lower.as_str(), "alice@example.com"),
        (&format!("[[Email_{code}]]"), "alice@example.com"),
        (&format!("[[ {core} ]]"), "alice@example.com"),
        (&format!("[[EMAIL _ {code}]]"), "alice@example.com"),
        (&format!("[[EMAIL {code}]]"), "alice@example.com"),
        (&format!("[[EMAIL-{code}]]"), "alice@example.com"),
        (&format!("[[EMAIL\\_{code}]]"), "alice@example.com"),
        (&format!("[[EMAIL\\\\_{code}]]"), "alice@example.com"),
        (&format!("\\[\\[EMAIL\\_{code}\\]\\]"), "alice@example.com"),
        (&format!("[ [{core}] ]"), "alice@example.com"),
        (&format!("[{core}]"), "alice@example.com"),
        (&format!("see {core}."), "see alice@example.com."),
        (&format!("[[{core}]"), "alice@example.com"),
        (&format!("[[{core}, and"), "alice@example.com, and"),
        (&format!("[{core}, x]"), "[alice@example.com, x]"),
        (&format!("[x, {core}]"), "[x, alice@example.com]"),
        (&format!("`{sent}`"), "`alice@example.com`"),
        (&format!("**{sent}**"), "**alice@example.com**"),
        (&format!("{sent}'s and {sent}s"), "alice@example.com's and alice@example.coms"),
        (&format!("[mail](mailto:{sent})"), "[mail](mailto:alice@example.com)"),
        (&format!("[[{sent}]]"), "[[alice@example.com]]"),
        (&format!("{core}s"), "alice@example.coms"),
    ] {
        assert_eq!(back(&vault, said), expected, "{said}");
    }
}

#[test]
fn codes_that_were_mixed_up_are_read_as_meant() {
    // A code with a 0 or 1 in it, of some value.
    let found = (0..500).find_map(|n| {
        let value = format!("user{n}@example.com");
        let (sent, vault) = sent(&value, &[(&value, MAIL.1, MAIL.2)]);
        let code = &sent["[[EMAIL_".len()..sent.len() - 2];
        (code.contains('0') && code.contains('1')).then(|| (value.clone(), code.to_owned(), vault))
    });
    let (value, code, vault) = found.unwrap();
    let mixed = code.replacen('0', "O", 1).replacen('1', "l", 1);
    assert_eq!(back(&vault, &format!("[[EMAIL_{mixed}]]")), value);
}

#[test]
fn what_is_no_placeholder_stays() {
    let (sent, core, code, vault) = parts();
    for said in [
        "an email 12345678 and [email] or [[email]]",
        "EMAIL_ EMAIL_1 [[EMAIL_]] [[EMAIL_7Q3]]",
        &format!("x{core} _{core} 9{core}"),
        &format!("[[CARD_{code}]]"),
        &format!("[[EMAIL__{code}]]"),
        &sent[..sent.len() - 3],
        "\\ [ [[ \\[ \\[\\[",
        "[[REMOVED_GITHUB_PAT]]",
    ] {
        assert_eq!(back(&vault, said), said);
    }
}

#[test]
fn a_code_counts_under_its_own_type_only() {
    let (sent, vault) = sent("alice@example.com 4111 1111 1111 1111", &[MAIL, CARD]);
    let (mail, card) = sent.split_once(' ').unwrap();
    let swapped = mail.replace("EMAIL", "CARD") + " " + &card.replace("CARD", "EMAIL");
    assert_eq!(back(&vault, &swapped), swapped);
    let (_, unknown) = vault.restore_counted(answer(&swapped));
    assert_eq!(unknown, 2);
}

#[test]
fn made_up_and_torn_ones_are_counted_and_left() {
    let (sent, _, _, vault) = parts();
    let said = format!("{sent} [[EMAIL_00000000]] [EMAIL_00000001] [[EMAIL_123]] EMAIL_00000002 [[email address]]");
    let mut restorer = vault.restorer();
    let mut out = Vec::new();
    restorer.chunk(chunk(vec![text(0, &said), Event::Done]), &mut out);
    assert_eq!(joined(&out).choices[0].text.as_deref().unwrap(), said.replace(&sent, "alice@example.com"));
    assert_eq!((restorer.restored(), restorer.unknown(), restorer.unmatched()), (1, 2, 1));
    let (_, unknown) = vault.restore_counted(answer(&said));
    assert_eq!(unknown, 2);
}

#[test]
fn one_that_the_caller_wrote_is_not_counted_as_made_up() {
    let (_, vault) = sent("keep [[EMAIL_00000000]], ask alice@example.com", &[MAIL]);
    let (answer, unknown) = vault.restore_counted(answer("[[EMAIL_00000000]]"));
    assert_eq!((answer.choices[0].text.as_deref().unwrap(), unknown), ("[[EMAIL_00000000]]", 0));
}

#[test]
fn a_caller_cannot_write_the_placeholder_of_his_own_value_by_accident() {
    // The text holds the very placeholder that the value would have: the value gets another one.
    let (first, _) = sent("alice@example.com", &[MAIL]);
    let text = format!("{first} {} alice@example.com", first.to_lowercase());
    let (sent, vault) = sent(&text, &[MAIL]);
    assert_eq!(sent.matches(&first).count(), 1);
    assert_eq!(back(&vault, &sent), text);
}

#[test]
fn secrets_do_not_come_back() {
    let text = format!("key {} of alice@example.com", TOKEN.0);
    let (sent, vault) = sent(&text, &[TOKEN, MAIL]);
    assert!(sent.starts_with("key [[REMOVED_GITHUB_PAT]] of [[EMAIL_"), "{sent}");
    assert_eq!(back(&vault, &sent), "key [[REMOVED_GITHUB_PAT]] of alice@example.com");
    let (only, vault) = crate::sent(TOKEN.0, &[TOKEN]);
    assert_eq!(only, "[[REMOVED_GITHUB_PAT]]");
    assert!(vault.is_empty());
}

#[test]
fn only_what_is_above_the_class_is_taken_out() {
    let health = ("diabetes", "diagnosis", DataClass::Sensitive);
    let ask = chat("alice@example.com has diabetes");
    let seen = see(&ask, &[MAIL, health]);
    let (masked, vault) = mask(&ask, &seen, DataClass::Personal, &scope("c")).unwrap();
    let sent = text_of(&masked);
    assert!(sent.starts_with("alice@example.com has [[DIAGNOSIS_"), "{sent}");
    assert_eq!(back(&vault, &sent), "alice@example.com has diabetes");
    let (same, vault) = mask(&ask, &seen, DataClass::Sensitive, &scope("c")).unwrap();
    assert!(same.redacted && vault.is_empty());
    assert_eq!(text_of(&same), "alice@example.com has diabetes");
}
