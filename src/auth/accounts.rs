//! Users and keys: their rules, how they are made and changed, each with its audit entry.

use std::time::Duration;

use serde_json::json;

use super::key::{self, Minted};
use super::{AuthError, Passwords};
use crate::model::{ApiKey, AuditEntry, Role, User, Violation};
use crate::secret::Secret;
use crate::store::{NewApiKey, NewUser, Store, StoreError};

/// Characters of a password.
const PASSWORD: std::ops::RangeInclusive<usize> = 12..=128;
/// Characters of a username.
const USERNAME: std::ops::RangeInclusive<usize> = 2..=64;
/// Most characters of an address (RFC 5321, with RFC 3696 erratum 1690).
const MAX_EMAIL: usize = 254;
/// Most characters of the name of a key.
const MAX_NAME: usize = 100;
/// Shortest and longest life of a key.
const LIFE: std::ops::RangeInclusive<u64> = 60..=10 * 366 * 86_400;

/// Who changes an account, for the audit log.
#[derive(Debug, Clone, Copy)]
pub struct Actor<'a> {
    /// Id of the principal.
    pub id: &'a str,
    /// From where: an address, or `cli`.
    pub remote: &'a str,
}

/// A key that somebody wants.
#[derive(Debug, Clone)]
pub struct KeyRequest {
    /// What it is for: 1 to 100 characters.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The user that it acts for.
    pub username: Option<String>,
    /// How long it holds: from a minute to ten years; for ever if unset.
    pub expires_in: Option<Duration>,
}

/// A user that somebody wants.
#[derive(Debug, Clone)]
pub struct UserRequest {
    /// 2 to 64 letters of ASCII, digits, `.`, `_` and `-`; the first is a letter or a digit.
    pub username: String,
    /// An address.
    pub email: Option<String>,
    /// What the user may do.
    pub role: Role,
    /// 12 to 128 characters.
    pub password: Secret,
}

/// Makes and changes users and keys. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    store: Store,
    passwords: Passwords,
}

impl Accounts {
    /// The accounts of a store.
    pub const fn new(store: Store, passwords: Passwords) -> Self {
        Self { store, passwords }
    }

    /// The store.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// How passwords are hashed.
    pub const fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// Makes a key; its secret is known to the caller alone, once.
    ///
    /// # Errors
    /// [`AuthError::Invalid`], or the database: [`StoreError::NotFound`] for an unknown user.
    pub async fn create_key(&self, actor: Actor<'_>, request: KeyRequest) -> Result<(ApiKey, Secret), AuthError> {
        let name = request.name.trim().to_owned();
        let username = request.username.map(|username| username.to_lowercase()).filter(|name| !name.is_empty());
        let mut found = Vec::new();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            let rule = format!("must have 1 to {MAX_NAME} characters, none of them a control character");
            found.push(Violation::new("name", rule, &name));
        }
        if let Some(length) = request.expires_in.filter(|length| !LIFE.contains(&length.as_secs())) {
            let rule = format!("must be from {} to {} seconds", LIFE.start(), LIFE.end());
            found.push(Violation::new("expires_in", rule, length.as_secs()));
        }
        if let Some(username) = &username {
            match self.store.user(username).await? {
                None => return Err(StoreError::NotFound { what: "user", id: username.clone() }.into()),
                Some(user) if user.disabled_at.is_some() => {
                    found.push(Violation::new("username", "must be a user that is not disabled", username));
                }
                Some(user) if user.role < request.role => {
                    let rule = format!("must not be more than the role of the user, {}", user.role.as_str());
                    found.push(Violation::new("role", rule, request.role.as_str()));
                }
                Some(_) => {}
            }
        }
        if !found.is_empty() {
            return Err(AuthError::Invalid(found));
        }
        let details = json!({ "name": name, "role": request.role, "username": username });
        loop {
            let Minted { secret, prefix, hash } = key::mint();
            let new = NewApiKey {
                prefix,
                key_hash: hash,
                name: name.clone(),
                role: request.role,
                username: username.clone(),
                expires_in: request.expires_in,
            };
            match self.store.create_api_key(new, entry(actor, "key.created", "", details.clone())).await {
                Ok(key) => return Ok((key, secret)),
                // Once in 2⁴⁸.
                Err(StoreError::Exists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Revokes a key, for ever.
    ///
    /// # Errors
    /// The database: [`StoreError::NotFound`] for an unknown id.
    pub async fn revoke_key(&self, actor: Actor<'_>, id: &str) -> Result<ApiKey, AuthError> {
        Ok(self.store.revoke_api_key(id, entry(actor, "key.revoked", id, json!({}))).await?)
    }

    /// Makes a user.
    ///
    /// # Errors
    /// [`AuthError::Invalid`], or the database: [`StoreError::Exists`] for a name that is taken.
    pub async fn create_user(&self, actor: Actor<'_>, request: UserRequest) -> Result<User, AuthError> {
        let username = request.username.to_lowercase();
        let email = request.email.map(|email| email.trim().to_lowercase()).filter(|email| !email.is_empty());
        let mut found = Vec::new();
        if !is_username(&username) {
            let rule = format!(
                "must have {} to {} ASCII letters, digits, '.', '_' or '-', and begin with a letter or a digit",
                USERNAME.start(),
                USERNAME.end()
            );
            found.push(Violation::new("username", rule, &username));
        }
        if let Some(email) = email.as_ref().filter(|email| !is_email(email)) {
            found.push(Violation::new("email", "must be an address such as ana@example.org", email));
        }
        check_password(&request.password, &[Some(&username), email.as_ref()], &mut found);
        if !found.is_empty() {
            return Err(AuthError::Invalid(found));
        }
        let password_hash = self.passwords.hash(request.password).await?;
        let audit = entry(actor, "user.created", &username, json!({ "role": request.role }));
        let new = NewUser { username, email, password_hash, role: request.role };
        Ok(self.store.create_user(new, audit).await?)
    }

    /// Disables a user, whose tokens and keys are refused then, or enables one again.
    ///
    /// # Errors
    /// The database: [`StoreError::NotFound`] for an unknown username.
    pub async fn set_disabled(&self, actor: Actor<'_>, username: &str, disabled: bool) -> Result<User, AuthError> {
        let username = username.to_lowercase();
        let action = if disabled { "user.disabled" } else { "user.enabled" };
        let audit = entry(actor, action, &username, json!({}));
        Ok(self.store.set_user_disabled(&username, disabled, audit).await?)
    }

    /// Gives a user another password; tokens that were given before are refused then.
    ///
    /// # Errors
    /// [`AuthError::Invalid`], or the database: [`StoreError::NotFound`] for an unknown username.
    pub async fn set_password(&self, actor: Actor<'_>, username: &str, password: Secret) -> Result<User, AuthError> {
        let username = username.to_lowercase();
        let mut found = Vec::new();
        check_password(&password, &[Some(&username)], &mut found);
        if !found.is_empty() {
            return Err(AuthError::Invalid(found));
        }
        let hash = self.passwords.hash(password).await?;
        let audit = entry(actor, "user.password_changed", &username, json!({}));
        Ok(self.store.set_password(&username, hash, audit).await?)
    }
}

fn entry(actor: Actor<'_>, action: &str, resource: &str, details: serde_json::Value) -> AuditEntry {
    AuditEntry {
        actor: actor.id.to_owned(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        remote: actor.remote.to_owned(),
        result: "ok".to_owned(),
        details,
    }
}

fn is_username(name: &str) -> bool {
    USERNAME.contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_email(email: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control() || "@<>,;:\"()[]\\".contains(c))
    };
    let domain = |part: &str| plain(part) && part.split('.').all(|label| !label.is_empty());
    email.chars().count() <= MAX_EMAIL
        && email.split_once('@').is_some_and(|(local, host)| plain(local) && domain(host))
}

fn check_password(password: &Secret, names: &[Option<&String>], found: &mut Vec<Violation>) {
    let text = password.expose();
    let length = text.chars().count();
    if !PASSWORD.contains(&length) {
        let rule = format!("must have {} to {} characters", PASSWORD.start(), PASSWORD.end());
        // The value is never told, its length is.
        found.push(Violation::new("password", rule, format!("{length} characters")));
    } else if names.iter().flatten().any(|name| name.as_str() == text.to_lowercase()) {
        found.push(Violation::new("password", "must not be the name of the user", format!("{length} characters")));
    }
}

/// Violations in one text, for the command line.
pub(super) fn in_words(violations: &[Violation]) -> String {
    let words = |violation: &Violation| format!("{}: {}, got {:?}", violation.field, violation.rule, violation.value);
    violations.iter().map(words).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_have_a_form() {
        for good in ["ana", "a1", "ana.maria_2-x", "0x", &"a".repeat(64)] {
            assert!(is_username(good), "{good}");
        }
        for bad in ["", "a", ".ana", "-ana", "ana maria", "ana@x", "joão", "a\0b", &"a".repeat(65)] {
            assert!(!is_username(bad), "{bad}");
        }
        for good in ["ana@example.org", "ana+x@gov.br", "a@localhost"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "ana",
            "@x",
            "ana@",
            "ana@a@b",
            "ana@.br",
            "ana@x..br",
            "a b@x.br",
            "<a@x.br>",
            "a\0@x",
            &format!("{}@x", "a".repeat(254)),
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn a_password_is_never_quoted() {
        let name = "ana-maria-silva".to_owned();
        for (text, refused) in [
            ("short", true),
            ("Ana-Maria-Silva", true),
            (&"é".repeat(129), true),
            ("testpassword123", false),
            (&"é".repeat(12), false),
        ] {
            let mut found = Vec::new();
            check_password(&Secret::from(text.to_owned()), &[Some(&name)], &mut found);
            assert_eq!(!found.is_empty(), refused, "{text}");
            assert!(!format!("{found:?}").contains(text));
        }
    }
}
