//! Addresses, telephones and e-mails so written that equal ones are equal, and none where they say nothing.

use super::super::pii::mask_text;
use super::values::{is_code, text};
use crate::model::fold;

/// Names of mailboxes that people write where they have none.
const NO_MAILBOX: [&str; 26] = [
    "a",
    "aa",
    "aaa",
    "abc",
    "cliente",
    "email",
    "exemplo",
    "nao",
    "naoconsta",
    "naodeclarado",
    "naoha",
    "naoinformado",
    "naopossui",
    "naotem",
    "naotememail",
    "nd",
    "nt",
    "null",
    "sem",
    "semail",
    "sememail",
    "seminformacao",
    "test",
    "teste",
    "x",
    "xxx",
];
/// Domains that people make up.
const NO_DOMAIN: [&str; 8] =
    ["email.com", "email.com.br", "exemplo.com", "naotem.com", "naotem.com.br", "teste.com", "teste.com.br", "xxx.com"];

/// A telephone as `(11) 33334444`: without the zeros in front, and with marks, for eleven digits alone look like a CPF. `None`
/// if it has not the digits of one, if they are all the same, or if they only count up or down.
pub(super) fn phone(area: &str, number: &str) -> Option<String> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let (area, number) = (digits(area), digits(number));
    let (area, number) = (area.trim_start_matches('0'), number.trim_start_matches('0'));
    let bytes = number.as_bytes();
    let steps = |by: i16| bytes.windows(2).all(|two| i16::from(two[1]) - i16::from(two[0]) == by);
    let says_something = (7..=9).contains(&number.len()) && ![0, 1, -1].into_iter().any(steps);
    (area.len() == 2 && !area.ends_with('0') && says_something).then(|| format!("({area}) {number}"))
}

/// An e-mail in small letters; `None` if it is none, or one of those that stand for none.
pub(super) fn email(published: &str) -> Option<String> {
    let address = published.trim().to_lowercase();
    let (mailbox, domain) = address.split_once('@')?;
    let plain: String = fold(mailbox).chars().filter(|c| !c.is_whitespace()).collect();
    let made_up = NO_MAILBOX.contains(&plain.as_str()) || NO_DOMAIN.contains(&domain);
    let is_address = !mailbox.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !domain.contains('@')
        && !address.chars().any(char::is_whitespace);
    (is_address && !made_up).then(|| mask_text(&address).into_owned())
}

/// A full address, folded: street, number, what is added to it, and postal code. `None` if it is not full: no street, a number
/// without a digit other than zero (`S/N`), no postal code.
pub(super) fn address(street: [&str; 2], number: &str, addition: &str, postal_code: &str) -> Option<String> {
    let [kind, name] = street;
    let postal_code = postal_code.trim();
    let has_number = number.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if fold(name).is_empty() || !has_number || !is_code(postal_code, 8) || postal_code.bytes().all(|byte| byte == b'0')
    {
        return None;
    }
    let folded = fold(&format!("{kind} {name} {number} {addition}"));
    text(&format!("{folded}, CEP {postal_code}"))
}
