//! Who calls: users with passwords and tokens, API keys, what a role may do. Knows neither HTTP nor
//! gRPC: `api` reads the headers and asks here.
//!
//! What is stored of a key or a user is kept in the memory of the process for [`AuthOptions::recheck`],
//! so that a revoked key and a disabled user are refused everywhere that long after.

mod accounts;
mod audit;
mod key;
mod limiter;
mod password;
mod token;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;

pub use accounts::{Accounts, Actor, KeyRequest, UserRequest};
pub use audit::Denial;
pub use password::{PasswordCost, Passwords};

use audit::Denials;
use limiter::Limiter;
use token::Tokens;

use crate::cache::{Cache, CacheError};
use crate::model::{ApiKey, AuditEntry, Role, User, Violation};
use crate::secret::Secret;
use crate::store::{Store, StoreError};

/// Memory for what is stored of keys and users, in bytes.
const CACHE_BYTES: u64 = 4 << 20;
/// For how long nobody looks whether the first credential was made.
const FIRST_CREDENTIAL: Duration = Duration::from_secs(2);
/// How often the use of a key is noted at most.
const NOTED: Duration = Duration::from_secs(60);

/// When credentials are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthMode {
    /// As soon as there is a key or a user.
    #[default]
    Auto,
    /// Always.
    Required,
    /// Never: whoever reaches the server may do everything but manage accounts.
    Off,
}

/// What authentication is set up from.
#[derive(Clone)]
pub struct AuthOptions {
    /// When credentials are asked for.
    pub mode: AuthMode,
    /// What tokens are signed with, at least 32 bytes; the same in all replicas.
    pub signing_key: Vec<u8>,
    /// How long a token holds.
    pub token_ttl: Duration,
    /// For how long what is known of a key or a user is not read again, and how often a stream asks
    /// whether its caller still may.
    pub recheck: Duration,
    /// What the hash of a password costs.
    pub password_cost: PasswordCost,
}

impl AuthOptions {
    /// The defaults: tokens of an hour, twenty seconds, [`PasswordCost::default`].
    pub fn new(mode: AuthMode, signing_key: Vec<u8>) -> Self {
        Self {
            mode,
            signing_key,
            token_ttl: Duration::from_secs(3_600),
            recheck: Duration::from_secs(20),
            password_cost: PasswordCost::default(),
        }
    }
}

impl std::fmt::Debug for AuthOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthOptions")
            .field("mode", &self.mode)
            .field("token_ttl", &self.token_ttl)
            .field("recheck", &self.recheck)
            .finish_non_exhaustive()
    }
}

/// Why a caller is refused, or an account not made.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Credentials are asked for and there are none.
    #[error("credentials are required")]
    Missing,
    /// The credentials are malformed, unknown, revoked or disabled: which of these is not told.
    #[error("the credentials are not valid")]
    Refused,
    /// The token was right and has ended.
    #[error("the token has expired")]
    Expired,
    /// Logins failed too often.
    #[error("too many failed logins")]
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many passwords are being checked.
    #[error("too many logins at once")]
    Busy,
    /// A request breaks rules.
    #[error("{}", accounts::in_words(.0))]
    Invalid(Vec<Violation>),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A defect.
    #[error("{0}")]
    Internal(String),
}

impl From<CacheError<StoreError>> for AuthError {
    fn from(error: CacheError<StoreError>) -> Self {
        match error {
            CacheError::Load(error) => Self::Store(Arc::unwrap_or_clone(error)),
            CacheError::Codec { .. } => Self::Internal(error.to_string()),
        }
    }
}

/// How a caller showed who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// Not at all: credentials are not asked for.
    Local,
    /// Not at all, for a call that needs no credentials.
    Anonymous,
    /// By a token of this user and version.
    Token {
        /// The user.
        username: String,
        /// Version of the user's tokens.
        version: i64,
    },
    /// By a key.
    Key {
        /// Its id.
        id: String,
        /// Its prefix.
        prefix: String,
        /// The user it acts for.
        username: Option<String>,
    },
}

/// Who a call acts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Name in the store and in the audit log: `user:<username>`, `key:<id>`, `local`.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// How that is known.
    pub how: How,
}

impl Principal {
    /// Whoever reaches a server that asks for no credentials.
    pub fn local() -> Self {
        Self { id: "local".to_owned(), name: "local".to_owned(), role: Role::Admin, how: How::Local }
    }

    /// Nobody: owns nothing.
    pub fn anonymous() -> Self {
        Self { id: "anonymous".to_owned(), name: "anonymous".to_owned(), role: Role::Viewer, how: How::Anonymous }
    }

    fn of_user(user: &User, version: i64) -> Self {
        Self {
            id: owner_of(&user.username),
            name: user.username.clone(),
            role: user.role,
            how: How::Token { username: user.username.clone(), version },
        }
    }

    fn of_key(key: &ApiKey, user: Option<&User>) -> Self {
        Self {
            id: user.map_or_else(|| format!("key:{}", key.id), |user| owner_of(&user.username)),
            name: key.name.clone(),
            // A key never may more than its user.
            role: user.map_or(key.role, |user| user.role.min(key.role)),
            how: How::Key { id: key.id.clone(), prefix: key.prefix.clone(), username: key.username.clone() },
        }
    }

    /// Whether this principal may see and stop what an owner started.
    pub fn may_see(&self, owner: &str) -> bool {
        self.role == Role::Admin || self.id == owner
    }
}

/// The name of a user in the store and in the audit log.
fn owner_of(username: &str) -> String {
    format!("user:{username}")
}

/// What a caller presents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Presented<'a> {
    /// Nothing.
    Nothing,
    /// A key or a token; the form tells which.
    Text(&'a str),
    /// Something that is neither.
    Malformed,
}

impl std::fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Text(_) => "Text(…)",
            Self::Malformed => "Malformed",
        })
    }
}

/// Who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginName {
    /// By username.
    Username(String),
    /// By address.
    Email(String),
}

/// A login that succeeded.
#[derive(Debug)]
pub struct Session {
    /// The bearer token.
    pub token: Secret,
    /// How long it holds.
    pub ttl: Duration,
    /// Whose it is.
    pub user: User,
}

#[derive(Clone, Serialize, Deserialize)]
struct KnownKey {
    key: ApiKey,
    hash: String,
}

#[derive(Debug)]
struct Inner {
    accounts: Accounts,
    mode: AuthMode,
    recheck: Duration,
    tokens: Tokens,
    limiter: Limiter,
    denials: Denials,
    known: Cache,
    /// Set once the first credential was seen; never cleared.
    required: AtomicBool,
}

/// Authentication. Cheap to clone; every clone shares everything.
#[derive(Debug, Clone)]
pub struct Auth {
    inner: Arc<Inner>,
}

impl Auth {
    /// Authentication of a server over its store.
    pub fn new(store: Store, options: &AuthOptions) -> Self {
        let accounts = Accounts::new(store.clone(), Passwords::new(options.password_cost));
        Self {
            inner: Arc::new(Inner {
                accounts,
                mode: options.mode,
                recheck: options.recheck,
                tokens: Tokens::new(&options.signing_key, options.token_ttl),
                limiter: Limiter::default(),
                denials: Denials::new(store),
                known: Cache::in_memory(CACHE_BYTES),
                required: AtomicBool::new(options.mode == AuthMode::Required),
            }),
        }
    }

    /// Users and keys, to make and change.
    pub fn accounts(&self) -> &Accounts {
        &self.inner.accounts
    }

    /// How often a stream asks whether its caller still may.
    pub fn recheck(&self) -> Duration {
        self.inner.recheck
    }

    /// Whether credentials are asked for from the start, whether there are any or not.
    pub fn is_always_required(&self) -> bool {
        self.inner.mode == AuthMode::Required
    }

    /// Whether credentials are asked for now. Once they are, they stay so while the process runs.
    ///
    /// # Errors
    /// Those of the database, while it is not known.
    pub async fn required(&self) -> Result<bool, AuthError> {
        let inner = &self.inner;
        if inner.mode == AuthMode::Off {
            return Ok(false);
        }
        if inner.required.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let store = inner.accounts.store();
        let any = inner.known.get_or_set("any", Some(FIRST_CREDENTIAL), store.has_credentials()).await?;
        if any && !inner.required.swap(true, Ordering::Relaxed) {
            tracing::info!("there are credentials now: from here on every call must have some");
        }
        Ok(any)
    }

    /// Who presents this.
    ///
    /// # Errors
    /// [`AuthError::Missing`], [`AuthError::Refused`], [`AuthError::Expired`], or the database.
    pub async fn authenticate(&self, presented: Presented<'_>) -> Result<Principal, AuthError> {
        if !self.required().await? {
            return Ok(Principal::local());
        }
        match presented {
            Presented::Nothing => Err(AuthError::Missing),
            Presented::Malformed => Err(AuthError::Refused),
            Presented::Text(text) if text.starts_with(key::MARK) => self.by_key(text).await,
            Presented::Text(text) => self.by_token(text).await,
        }
    }

    async fn by_token(&self, token: &str) -> Result<Principal, AuthError> {
        let claims = self.inner.tokens.read(token, self.now())?;
        let user = self.active_user(&claims.sub).await?.ok_or(AuthError::Refused)?;
        if user.token_version != claims.ver {
            return Err(AuthError::Refused);
        }
        Ok(Principal::of_user(&user, claims.ver))
    }

    async fn by_key(&self, text: &str) -> Result<Principal, AuthError> {
        let prefix = key::prefix(text).ok_or(AuthError::Refused)?;
        let known = self.known_key(prefix).await?.ok_or(AuthError::Refused)?;
        if !key::matches(text, &known.hash) {
            return Err(AuthError::Refused);
        }
        let principal = self.holder(&known.key).await?.ok_or(AuthError::Refused)?;
        self.note_use(known.key.id);
        Ok(principal)
    }

    /// Who a key acts for, if it still holds.
    async fn holder(&self, key: &ApiKey) -> Result<Option<Principal>, AuthError> {
        if !key.holds_at(self.now()) {
            return Ok(None);
        }
        match &key.username {
            None => Ok(Some(Principal::of_key(key, None))),
            Some(username) => {
                let user = self.active_user(username).await?;
                Ok(user.map(|user| Principal::of_key(key, Some(&user))))
            }
        }
    }

    async fn known_key(&self, prefix: &str) -> Result<Option<KnownKey>, AuthError> {
        let store = self.inner.accounts.store();
        let load = async {
            let found = store.api_key(prefix).await?;
            Ok::<_, StoreError>(found.map(|(key, hash)| KnownKey { key, hash }))
        };
        Ok(self.inner.known.get_or_set(&key_entry(prefix), Some(self.inner.recheck), load).await?)
    }

    async fn active_user(&self, username: &str) -> Result<Option<User>, AuthError> {
        let load = self.inner.accounts.store().user(username);
        let user = self.inner.known.get_or_set(&user_entry(username), Some(self.inner.recheck), load).await?;
        Ok(user.filter(|user: &User| user.disabled_at.is_none()))
    }

    /// Writes down that a key was used, at most once a minute, behind the call.
    fn note_use(&self, id: String) {
        let auth = self.clone();
        tokio::spawn(async move {
            let store = auth.inner.accounts.store();
            let noting = store.touch_api_key(&id, NOTED);
            if let Err(error) = auth.inner.known.get_or_set(&format!("use:{id}"), Some(NOTED), noting).await {
                tracing::debug!(%error, "the use of a key could not be noted");
            }
        });
    }

    /// Whether a principal that was authenticated before still may: its key is not revoked, its user
    /// neither disabled nor with another password. The end of a token is no reason.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn still_holds(&self, principal: &Principal) -> Result<bool, AuthError> {
        match &principal.how {
            How::Anonymous => Ok(true),
            How::Local => Ok(!self.required().await?),
            How::Token { username, version } => {
                Ok(self.active_user(username).await?.is_some_and(|user| user.token_version == *version))
            }
            How::Key { prefix, .. } => match self.known_key(prefix).await? {
                Some(known) => Ok(self.holder(&known.key).await?.is_some()),
                None => Ok(false),
            },
        }
    }

    /// Checks a password and gives a token. `address` is that of the caller, without a port.
    ///
    /// # Errors
    /// [`AuthError::Refused`], alike for an unknown name, a wrong password and a disabled user;
    /// [`AuthError::TooMany`] after many failures, [`AuthError::Busy`], or the database.
    pub async fn login(&self, name: LoginName, password: Secret, address: &str) -> Result<Session, AuthError> {
        let (name, by_email) = match name {
            LoginName::Username(name) => (name.to_lowercase(), false),
            LoginName::Email(name) => (name.to_lowercase(), true),
        };
        let inner = &self.inner;
        let attempt = inner
            .limiter
            .begin(&name, address, Instant::now())
            .map_err(|retry_after| AuthError::TooMany { retry_after })?;
        let checked = async {
            let found = inner.accounts.store().user_to_log_in(&name, by_email).await?;
            let (user, hash) = found.unzip();
            let right = inner.accounts.passwords().check(password, hash).await?;
            Ok::<_, AuthError>((user, right))
        };
        let (user, right) = match checked.await {
            Ok(checked) => checked,
            Err(error) => {
                attempt.withdraw();
                return Err(error);
            }
        };
        let entry = |actor: String, result: &str| AuditEntry {
            // A name that nobody has may be a password in the wrong field: it is not written down.
            resource: user.as_ref().map(|user| user.username.clone()).unwrap_or_default(),
            actor,
            action: "auth.login".to_owned(),
            remote: address.to_owned(),
            result: result.to_owned(),
            details: json!({}),
        };
        let store = inner.accounts.store();
        match user.as_ref().filter(|user| right && user.disabled_at.is_none()) {
            Some(user) => {
                let token = inner.tokens.issue(user, self.now())?.into();
                store.append_audit(entry(owner_of(&user.username), "ok")).await?;
                attempt.succeeded();
                // A token of a version that is not known yet would be refused.
                inner.known.delete(&user_entry(&user.username)).await;
                Ok(Session { token, ttl: inner.tokens.ttl(), user: user.clone() })
            }
            None => {
                store.append_audit(entry(Principal::anonymous().id, "denied")).await?;
                Err(AuthError::Refused)
            }
        }
    }

    /// Forgets what is known of a key, so that a change holds here at once.
    pub async fn forget_key(&self, prefix: &str) {
        self.inner.known.delete(&key_entry(prefix)).await;
    }

    /// Forgets what is known of a user, so that a change holds here at once.
    pub async fn forget_user(&self, username: &str) {
        self.inner.known.delete(&user_entry(username)).await;
    }

    /// Writes a refused call to the audit log, behind the call and not too often.
    pub fn denied(&self, denial: Denial) {
        self.inner.denials.note(denial);
    }

    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        self.inner.accounts.store().now()
    }
}

fn key_entry(prefix: &str) -> String {
    format!("key:{prefix}")
}

fn user_entry(username: &str) -> String {
    format!("user:{username}")
}
