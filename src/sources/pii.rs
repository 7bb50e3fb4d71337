//! Personal data: a CPF is masked before it is stored, and told apart by a keyed hash.

use std::fmt;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

pub(crate) use crate::model::{mask_every_run, mask_text};
pub(crate) use crate::secret::hex;
use crate::secret::{self, KEY_BYTES};

/// Bytes of a block of SHA-256 (FIPS 180-4).
const BLOCK_BYTES: usize = 64;

/// The secret that CPFs are hashed with: with it, the same person has the same key in every import;
/// without it, nobody can try out the thousand CPFs that share a mask.
#[derive(Clone, PartialEq, Eq)]
pub struct PiiKey([u8; KEY_BYTES]);

impl fmt::Debug for PiiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PiiKey(…)")
    }
}

impl PiiKey {
    /// A key of these bytes.
    pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// A new key that nobody knows.
    pub fn random() -> Self {
        Self(secret::random())
    }

    /// Reads the key of a data directory (`pii.key`), or makes one that only its owner may read.
    ///
    /// # Errors
    /// If the file can neither be read nor made, or does not hold 32 bytes.
    pub fn load_or_create(path: &Path) -> io::Result<Self> {
        secret::load_or_create(path).map(Self)
    }

    /// HMAC-SHA256 (RFC 2104) of a text, in lower-case hex.
    pub fn hash(&self, text: &str) -> String {
        let pad = |with: u8| {
            let mut block = [with; BLOCK_BYTES];
            block.iter_mut().zip(self.0).for_each(|(byte, key)| *byte ^= key);
            block
        };
        let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
        hex(&Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyed_hash_is_hmac_sha256() {
        // RFC 4231, test case 1, its key filled up with zeros as the definition does.
        let mut key = [0; KEY_BYTES];
        key[..20].fill(0x0b);
        let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
        assert_eq!(PiiKey::from_bytes(key).hash("Hi There"), expected);
        assert_eq!(format!("{:?}", PiiKey::from_bytes(key)), "PiiKey(…)");
    }
}
