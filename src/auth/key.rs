//! API keys: `cid_<12 hex digits>_<43 characters>`. The digits tell keys apart and are shown in lists;
//! the rest is 256 random bits, shown once and stored as a hash.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::secret::{self, Secret, hex};

/// How every key begins, so that scanners of leaked secrets find one.
pub(super) const MARK: &str = "cid_";
const PREFIX_BYTES: usize = 6;
/// Characters of the mark and the digits.
const PREFIX_LENGTH: usize = MARK.len() + 2 * PREFIX_BYTES;
/// Characters of 32 bytes in base64 without padding.
const SECRET_LENGTH: usize = 43;

/// A new key, of which only the prefix and the hash are to be stored.
pub(super) struct Minted {
    pub(super) secret: Secret,
    pub(super) prefix: String,
    pub(super) hash: String,
}

pub(super) fn mint() -> Minted {
    let prefix = format!("{MARK}{}", hex(&secret::random()[..PREFIX_BYTES]));
    let key = format!("{prefix}_{}", BASE64_URL_SAFE_NO_PAD.encode(secret::random()));
    Minted { hash: hash(&key), secret: key.into(), prefix }
}

/// The prefix of a text that has the form of a key.
pub(super) fn prefix(key: &str) -> Option<&str> {
    let (prefix, secret) = key.split_at_checked(PREFIX_LENGTH)?;
    let digits = prefix.strip_prefix(MARK)?;
    let secret = secret.strip_prefix('_')?;
    let formed = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && secret.len() == SECRET_LENGTH
        && secret.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    formed.then_some(prefix)
}

fn hash(key: &str) -> String {
    // 256 random bits cannot be guessed: they need no slow hash.
    hex(&Sha256::digest(key))
}

/// Whether this is the key of a stored hash; takes as long whatever the answer is.
pub(super) fn matches(key: &str, stored: &str) -> bool {
    hash(key).as_bytes().ct_eq(stored.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_prefix_and_known_by_its_hash() {
        let (one, other) = (mint(), mint());
        assert_eq!(prefix(one.secret.expose()), Some(one.prefix.as_str()));
        assert!(matches(one.secret.expose(), &one.hash));
        assert!(!matches(other.secret.expose(), &one.hash) && !matches(one.secret.expose(), ""));
        assert_ne!(one.prefix, other.prefix);
        // Another secret behind a known prefix.
        let forged = one.secret.expose().replace(&one.prefix, &other.prefix);
        assert_eq!(prefix(&forged), Some(other.prefix.as_str()));
        assert!(!matches(&forged, &other.hash));
    }

    #[test]
    fn what_has_another_form_is_no_key() {
        let key = mint().secret.expose().to_owned();
        let longer = format!("{key}A");
        let upper = key.replacen(&key[4..6], "AB", 1);
        for text in
            ["", "cid_", "test-api-key", &key[1..], &key[..key.len() - 1], &longer, &upper, "ç".repeat(30).as_str()]
        {
            assert_eq!(prefix(text), None, "{text}");
        }
    }
}
