//! Pages: sizes and opaque tokens.
//!
//! A token holds the position after the last entry of a page (a keyset, so that entries which come or
//! go never shift a page) and a hash of the other arguments, so that it cannot be used with others.

use sha2::{Digest as _, Sha256};

use crate::model::Violation;
use crate::secret::hex;

/// Most entries of a page.
const MAX_PAGE: i32 = 1_000;

/// The size of a page: `default` if zero, at most a thousand.
pub(super) fn size(asked: i32, default: usize, found: &mut Vec<Violation>) -> usize {
    if asked < 0 {
        found.push(Violation::new("page_size", "must not be negative", asked));
    }
    match usize::try_from(asked.min(MAX_PAGE)) {
        Ok(0) | Err(_) => default,
        Ok(size) => size,
    }
}

/// How many entries to read for a page: one more tells whether there is a next one.
pub(super) fn more_than(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX - 1) + 1
}

/// Cuts what was read to the size of a page; the token of the next one, empty on the last page.
pub(super) fn cut<T>(entries: &mut Vec<T>, size: usize, token: impl FnOnce(&T) -> String) -> String {
    if entries.len() <= size {
        return String::new();
    }
    entries.truncate(size);
    entries.last().map(token).unwrap_or_default()
}

/// The arguments that a token belongs to.
#[derive(Debug)]
pub(super) struct Binding(String);

impl Binding {
    /// The hash of a method and its arguments other than size and token.
    pub(super) fn new(method: &str, arguments: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in std::iter::once(&method).chain(arguments) {
            // The length keeps ("ab", "c") apart from ("a", "bc").
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self(hex(&hash.finalize()[..8]))
    }

    /// The token of a position.
    pub(super) fn token(&self, position: &str) -> String {
        hex(format!("{}{position}", self.0).as_bytes())
    }

    /// The position of a token, as `read` understands it; `None` without a token or, with a
    /// violation, if it is malformed or belongs to other arguments.
    pub(super) fn position<T>(
        &self,
        token: &str,
        read: impl FnOnce(&str) -> Option<T>,
        found: &mut Vec<Violation>,
    ) -> Option<T> {
        if token.is_empty() {
            return None;
        }
        let text = unhex(token).and_then(|bytes| String::from_utf8(bytes).ok());
        let position = match text.as_deref().map(|text| text.strip_prefix(self.0.as_str())) {
            Some(Some(position)) => read(position),
            Some(None) | None => None,
        };
        if position.is_none() {
            let rule = "must be the next_page_token of an answer to the same request";
            found.push(Violation::new("page_token", rule, token));
        }
        position
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_with_the_same_arguments_only() {
        let binding = Binding::new("List", &["ab", "c"]);
        let token = binding.token("17|x");
        let read = |text: &str| Some(text.to_owned());
        let mut found = Vec::new();
        assert_eq!(binding.position(&token, read, &mut found).as_deref(), Some("17|x"));
        assert_eq!(binding.position("", read, &mut found), None);
        assert!(found.is_empty());
        let others =
            [Binding::new("List", &["a", "bc"]), Binding::new("Other", &["ab", "c"]), Binding::new("List", &[])];
        for other in &others {
            assert_eq!(other.position(&token, read, &mut found), None);
        }
        for bad in ["z", "zz", "00", "çç", &token[1..], &token[..20], "next"] {
            assert_eq!(binding.position(bad, read, &mut found), None, "{bad}");
        }
        assert_eq!(binding.position::<i64>(&token, |text| text.parse().ok(), &mut found), None);
        assert_eq!(found.len(), others.len() + 8);
        assert!(found.iter().all(|violation| violation.field == "page_token"));
    }

    #[test]
    fn sizes_are_clamped_and_never_negative() {
        let mut found = Vec::new();
        assert_eq!(
            [0, 1, 1_000, 1_001, i32::MAX].map(|asked| size(asked, 50, &mut found)),
            [50, 1, 1_000, 1_000, 1_000]
        );
        assert!(found.is_empty());
        size(-1, 50, &mut found);
        assert_eq!((found[0].field.as_str(), found[0].value.as_str()), ("page_size", "-1"));
    }
}
