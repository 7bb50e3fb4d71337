//! Codes, days and texts as the register writes them.

use std::borrow::Cow;

use chrono::NaiveDate;

use super::super::fault::{Fault, Reason};
use super::super::pii::mask_text;
use super::super::portal::Published;

/// Windows-1252 where ISO-8859-1 has control characters, from 0x80 on; what neither has stays as it is.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Whether a text is the root of a CNPJ: eight digits or, from July 2026 on, capitals (IN RFB 2.229/2024).
pub(super) fn is_root(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// Whether a text is a number of so many digits.
pub(super) fn is_code(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text is written as days are, or as none.
pub(super) fn is_day(text: &str) -> bool {
    text.is_empty() || text == "0" || is_code(text, 8)
}

/// A day `AAAAMMDD`; blank and zeros are none.
pub(super) fn day(published: Published<'_>, column: usize) -> Result<Option<NaiveDate>, Fault> {
    let text = published.text(column);
    if text.bytes().all(|byte| byte == b'0') {
        return Ok(None);
    }
    let digits: Option<u32> = text.parse().ok().filter(|_| is_code(text, 8));
    digits.and_then(day_of).map(Some).ok_or(Fault { column, reason: Reason::InvalidDate })
}

/// The day of a number whose digits are `AAAAMMDD`.
pub(super) fn day_of(digits: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt((digits / 10_000) as i32, digits / 100 % 100, digits % 100)
}

/// The root that a row begins with.
pub(super) fn root(published: Published<'_>) -> Result<&str, Fault> {
    let root = published.required(0)?;
    if is_root(root) { Ok(root) } else { Err(Fault { column: 0, reason: Reason::MalformedId }) }
}

/// A text without blanks at its ends or twice inside, read as Windows-1252 where it is, nobody's CPF in it. `None` if blank.
pub(super) fn text(published: &str) -> Option<String> {
    let repaired: Cow<'_, str> = if published.chars().any(|c| matches!(c, '\u{80}'..='\u{9f}')) {
        let repair = |c: char| match u32::from(c).checked_sub(0x80) {
            Some(place) if place < 32 => WINDOWS_1252.get(place as usize).copied().unwrap_or(c),
            _ => c,
        };
        Cow::Owned(published.chars().map(repair).collect())
    } else {
        Cow::Borrowed(published)
    };
    let mut tidy = String::with_capacity(repaired.len());
    for word in repaired.split_whitespace() {
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        tidy.push_str(word);
    }
    if let Cow::Owned(masked) = mask_text(&tidy) {
        tidy = masked;
    }
    (!tidy.is_empty()).then_some(tidy)
}

/// A code as published; `None` if blank or nothing but zeros, or as long as a CPF, which no code is.
pub(super) fn code(published: &str) -> Option<String> {
    text(published).filter(|code| code.bytes().any(|byte| byte != b'0') && !is_code(code, 11))
}
