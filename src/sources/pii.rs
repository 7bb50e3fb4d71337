//! Personal data: a CPF is masked before it is stored, and told apart by a keyed hash.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

pub(crate) use crate::model::{mask_every_run, mask_text};

const KEY_BYTES: usize = 32;
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
        // 366 random bits, condensed.
        let random = (0..3).fold(Sha256::new(), |hash, _| hash.chain_update(uuid::Uuid::new_v4().as_bytes()));
        Self(random.finalize().into())
    }

    /// Reads the key of a data directory (`pii.key`), or makes one that only its owner may read.
    ///
    /// # Errors
    /// If the file can neither be read nor made, or does not hold 32 bytes.
    pub fn load_or_create(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => Self::of_file(path, &bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::create(path)?;
                Self::of_file(path, &fs::read(path)?)
            }
            Err(error) => Err(error),
        }
    }

    fn of_file(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        bytes.try_into().map(Self).map_err(|_| {
            let message = format!("{} holds {} bytes, not {KEY_BYTES}", path.display(), bytes.len());
            io::Error::new(io::ErrorKind::InvalidData, message)
        })
    }

    fn create(path: &Path) -> io::Result<()> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        let temporary = path.with_extension(format!("{}.tmp", uuid::Uuid::new_v4().simple()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        let written = file.write_all(&Self::random().0).and_then(|()| file.sync_all());
        // A link never replaces: of two processes that make a key at once, one wins and both read it.
        let linked = written.and_then(|()| match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        });
        fs::remove_file(&temporary)?;
        linked
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

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
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

    #[test]
    fn key_is_made_once_and_only_for_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data/pii.key");
        let key = PiiKey::load_or_create(&path).unwrap();
        assert_eq!(PiiKey::load_or_create(&path).unwrap(), key);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        fs::write(&path, b"short").unwrap();
        assert!(PiiKey::load_or_create(&path).unwrap_err().to_string().contains("5 bytes"));
    }
}
