//! Secrets: texts that are never shown, and keys that are made at random and kept in a file that only
//! its owner may read.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::str::FromStr;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Bytes of a key: 256 bits.
pub const KEY_BYTES: usize = 32;

/// A text that neither logs nor `Debug` show.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text, for whoever checks or prints it on purpose.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A new key that nobody knows, from the random numbers of the operating system.
pub fn random() -> [u8; KEY_BYTES] {
    // 366 random bits, condensed.
    let random = (0..3).fold(Sha256::new(), |hash, _| hash.chain_update(uuid::Uuid::new_v4().as_bytes()));
    random.finalize().into()
}

/// Reads a key from its file, or makes one that only its owner may read. Of two processes that make
/// it at once both get the same one.
///
/// # Errors
/// If the file can neither be read nor made, or does not hold 32 bytes.
pub fn load_or_create(path: &Path) -> io::Result<[u8; KEY_BYTES]> {
    match fs::read(path) {
        Ok(bytes) => of_file(path, &bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(path)?;
            of_file(path, &fs::read(path)?)
        }
        Err(error) => Err(error),
    }
}

fn of_file(path: &Path, bytes: &[u8]) -> io::Result<[u8; KEY_BYTES]> {
    bytes.try_into().map_err(|_| {
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
    let written = file.write_all(&random()).and_then(|()| file.sync_all());
    // A link never replaces: of two processes that make a key at once, one wins and both read it.
    let linked = written.and_then(|()| match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    fs::remove_file(&temporary)?;
    linked
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' + half - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_made_once_and_only_for_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data/some.key");
        let key = load_or_create(&path).unwrap();
        assert_eq!(load_or_create(&path).unwrap(), key);
        assert_ne!(random(), random());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        fs::write(&path, b"short").unwrap();
        assert!(load_or_create(&path).unwrap_err().to_string().contains("5 bytes"));
    }

    #[test]
    fn a_secret_is_not_shown() {
        let secret: Secret = "hunter2".parse().unwrap();
        assert_eq!((format!("{secret:?}"), secret.expose()), ("Secret(…)".to_owned(), "hunter2"));
    }
}
