//! CPFs inside a text, masked.

use std::borrow::Cow;

use super::tax_id::{cpf_check_digits, mask_cpf};

const CPF_DIGITS: usize = 11;

/// Masks what looks like a CPF inside a text: `ddd.ddd.ddd-dd` always, 11 digits that are bare, or apart in another way
/// (`ddd ddd ddd dd`, `ddddddddd-dd`, `ddd.ddd.ddd - dd`), where the check digits are right.
pub fn mask_text(text: &str) -> Cow<'_, str> {
    mask(text, false)
}

/// Whether a text holds what [`mask_text`] masks.
pub fn holds_cpf(text: &str) -> bool {
    matches!(mask_text(text), Cow::Owned(_))
}

/// Like [`mask_text`], but masks every run of 11 digits, right or not.
pub fn mask_every_run(text: &str) -> Cow<'_, str> {
    mask(text, true)
}

fn mask(text: &str, every_run: bool) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    // Most texts have too few digits.
    if bytes.len() < CPF_DIGITS || digits(bytes) < CPF_DIGITS {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        if let Some((end, digits, formatted)) = candidate(bytes, at) {
            let cpf: String = digits.iter().copied().map(char::from).collect();
            let right = || cpf_check_digits(&cpf[..9]).is_some_and(|check| digits.ends_with(&check));
            if formatted || every_run || right() {
                out.push_str(&text[copied..at]);
                out.push_str(&mask_cpf(&cpf));
                copied = end;
                at = end;
                continue;
            }
        }
        at += bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// How many digits there are, counted in bytes so that many are counted at once.
fn digits(bytes: &[u8]) -> usize {
    let some = |some: &[u8]| some.iter().map(|byte| u8::from(byte.is_ascii_digit())).sum::<u8>();
    bytes.chunks(usize::from(u8::MAX)).map(|chunk| usize::from(some(chunk))).sum()
}

/// Eleven digits from `start`, which stands on the first digit of a run: where they end, the digits,
/// and whether they are written as a CPF is.
fn candidate(bytes: &[u8], start: usize) -> Option<(usize, [u8; CPF_DIGITS], bool)> {
    let mut digits = [0; CPF_DIGITS];
    let mut marks = 0;
    let mut at = start;
    for (place, digit) in digits.iter_mut().enumerate() {
        match (place, bytes.get(at..).unwrap_or_default()) {
            (3 | 6, [b'.', ..]) | (9, [b'-' | b'/', b'0'..=b'9', ..]) => {
                marks += 1;
                at += 1;
            }
            (9, [b' ', b'-', b' ', ..]) => at += 3,
            (9, [0xc2, 0xa0, b'-', ..] | [b'-', 0xc2, 0xa0, ..]) => at += 3,
            (9, [b' ', b'-', ..] | [b'-', b' ', ..]) | (3 | 6 | 9, [0xc2, 0xa0, ..]) => at += 2,
            (3 | 6 | 9, [b' ' | b'-' | b'.' | b'/', ..]) => at += 1,
            _ => {}
        }
        *digit = bytes.get(at).copied().filter(u8::is_ascii_digit)?;
        at += 1;
    }
    (!bytes.get(at).is_some_and(u8::is_ascii_digit)).then_some((at, digits, marks == 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_formatted_and_bare_cpfs_in_text() {
        assert_eq!(mask_text("CPF 111.222.333-44, fim"), "CPF ***.222.333-**, fim");
        assert_eq!(mask_text("FULANO 52998224725"), "FULANO ***.982.247-**");
        assert_eq!(mask_text("529982247-25 e 52998224725"), "***.982.247-** e ***.982.247-**");
        assert_eq!(mask_text("ç529.982.247-25ç"), "ç***.982.247-**ç");
        for apart in ["529 982 247 25", "529.982.247.25", "529-982-247-25", "529.982.247 - 25", "529.982.247\u{a0}-25"]
        {
            assert_eq!(mask_text(&format!("({apart})")), "(***.982.247-**)", "{apart}");
        }
    }

    #[test]
    fn leaves_other_numbers_alone() {
        for text in ["", "12345678901", "152998224725", "529982247250", "12.345.678/0001-95", "33000167000101", "2024"]
        {
            assert!(matches!(mask_text(text), Cow::Borrowed(same) if same == text), "{text}");
        }
        assert_eq!(mask_every_run("x12345678901x123456789012"), "x***.456.789-**x123456789012");
    }
}
