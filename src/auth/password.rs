//! Passwords: argon2id (RFC 9106), on threads that may block, a few at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::AuthError;
use crate::secret::Secret;

/// Hashes that are computed at the same time; each takes memory of its own.
const AT_ONCE: usize = 2;
/// Callers that may wait for one.
const WAITING: usize = 64;

/// What a hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for PasswordCost {
    /// 19 MiB and two passes: the least that OWASP's Password Storage Cheat Sheet takes for argon2id.
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2 }
    }
}

/// Hashes and checks passwords. Cheap to clone; every clone shares the bounds.
#[derive(Debug, Clone)]
pub struct Passwords {
    cost: PasswordCost,
    /// A hash of this cost that no password has.
    nobody: Arc<str>,
    running: Arc<Semaphore>,
    room: Arc<Semaphore>,
    checked: Arc<AtomicU64>,
}

impl Passwords {
    /// Hashes of a cost.
    pub fn new(cost: PasswordCost) -> Self {
        let PasswordCost { memory_kib, passes } = cost;
        // Sixteen and thirty-two bytes in base64, the lengths that a hash of a password has.
        let (salt, hash) = ("bm9ib2R5bm9ib2R5bm9ibw", "A".repeat(43));
        Self {
            cost,
            nobody: format!("$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${hash}").into(),
            running: Arc::new(Semaphore::new(AT_ONCE)),
            room: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
            checked: Arc::default(),
        }
    }

    /// The hash of a new password, as a PHC string.
    ///
    /// # Errors
    /// [`AuthError::Busy`] if too many wait already.
    pub async fn hash(&self, password: Secret) -> Result<String, AuthError> {
        let cost = self.cost;
        self.run(move || {
            let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(internal)?;
            let hash: PasswordHash = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password(password.expose().as_bytes())
                .map_err(internal)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether a password is that of a hash. Without a hash, because there is no such user, the
    /// answer is no after the same work.
    ///
    /// # Errors
    /// [`AuthError::Busy`] if too many wait already.
    pub async fn check(&self, password: Secret, hash: Option<String>) -> Result<bool, AuthError> {
        let somebody = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.to_string());
        let checked = Arc::clone(&self.checked);
        self.run(move || {
            let hash = PasswordHash::new(&hash).map_err(internal)?;
            // The cost is that of the hash.
            let same = Argon2::default().verify_password(password.expose().as_bytes(), &hash).is_ok();
            checked.fetch_add(1, Ordering::Relaxed);
            Ok(same && somebody)
        })
        .await
    }

    /// Hashes that were computed to check a password.
    pub fn checked(&self) -> u64 {
        self.checked.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let room = Arc::clone(&self.room).try_acquire_owned().map_err(|_| AuthError::Busy)?;
        let turn = Arc::clone(&self.running).acquire_owned().await.map_err(internal)?;
        // The permits go with the work: a caller that hangs up does not make room for another.
        let done = tokio::task::spawn_blocking(move || {
            let _held = (room, turn);
            work()
        });
        done.await.map_err(internal)?
    }
}

fn internal(error: impl std::fmt::Display) -> AuthError {
    AuthError::Internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cheap() -> Passwords {
        Passwords::new(PasswordCost { memory_kib: 64, passes: 1 })
    }

    fn secret(text: &str) -> Secret {
        text.to_owned().into()
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_salted() {
        let passwords = cheap();
        let hash = passwords.hash(secret("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_ne!(passwords.hash(secret("correct horse")).await.unwrap(), hash);
        assert!(passwords.check(secret("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.check(secret("correct horsf"), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_costs_what_somebody_does() {
        let passwords = cheap();
        let hash = passwords.hash(secret("correct horse")).await.unwrap();
        assert!(!passwords.check(secret("correct horse"), None).await.unwrap());
        assert_eq!(passwords.checked(), 1);
        let nobody = passwords.nobody.to_string();
        let (nobody, somebody) = (PasswordHash::new(&nobody).unwrap(), PasswordHash::new(&hash).unwrap());
        assert_eq!((nobody.algorithm, nobody.version), (somebody.algorithm, somebody.version));
        assert_eq!(nobody.params, somebody.params);
        assert_eq!(nobody.salt.unwrap().len(), somebody.salt.unwrap().len());
        assert_eq!(nobody.hash.unwrap().len(), somebody.hash.unwrap().len());
    }

    #[tokio::test]
    async fn those_who_wait_are_bounded() {
        let passwords = cheap();
        let held = Arc::clone(&passwords.running).acquire_many_owned(2).await.unwrap();
        let waiting: Vec<_> = (0..AT_ONCE + WAITING)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.check(secret("x"), None).await })
            })
            .collect();
        tokio::task::yield_now().await;
        while passwords.room.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(passwords.check(secret("x"), None).await, Err(AuthError::Busy)));
        drop(held);
        for task in waiting {
            assert!(!task.await.unwrap().unwrap());
        }
        assert!(passwords.check(secret("x"), None).await.is_ok());
    }
}
