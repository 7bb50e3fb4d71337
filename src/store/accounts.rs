//! Users and API keys. Each change and its audit entry are one transaction.

use std::time::Duration;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use super::leases::later;
use super::pool::{read, transaction};
use super::rows::{ApiKeyRow, AuditRow, UserRow};
use super::schema::{api_keys, audit_log, users};
use super::{Store, StoreError, new_id};
use crate::model::{ApiKey, AuditEntry, Role, User};

/// A user to store.
#[derive(Clone)]
pub struct NewUser {
    /// In lower case.
    pub username: String,
    /// In lower case.
    pub email: Option<String>,
    /// A PHC string.
    pub password_hash: String,
    /// What the user may do.
    pub role: Role,
}

/// A key to store.
#[derive(Clone)]
pub struct NewApiKey {
    /// How the key begins.
    pub prefix: String,
    /// SHA-256 of the whole key, in lower-case hex.
    pub key_hash: String,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The user that it acts for.
    pub username: Option<String>,
    /// How long it holds; for ever if unset.
    pub expires_in: Option<Duration>,
}

macro_rules! hidden {
    ($($name:ident),*) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).field("role", &self.role).finish_non_exhaustive()
            }
        })*
    };
}

// A hash of a secret is not shown either.
hidden!(NewUser, NewApiKey);

impl Store {
    /// Whether there is, or ever was, a user or a key: once credentials were made they stay required.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn has_credentials(&self) -> Result<bool, StoreError> {
        read!(self, |conn| {
            let key: Option<String> = api_keys::table.select(api_keys::id).first(conn).await.optional()?;
            if key.is_some() {
                return Ok(true);
            }
            let user: Option<String> = users::table.select(users::id).first(conn).await.optional()?;
            Ok(user.is_some())
        })
    }

    /// Stores a user. The entry's resource is the username.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if the username or the address is taken.
    pub async fn create_user(&self, new: NewUser, audit: AuditEntry) -> Result<User, StoreError> {
        let now = self.timestamp();
        let row = UserRow {
            id: new_id(),
            username: new.username,
            email: new.email,
            password_hash: new.password_hash,
            role: new.role.as_str().to_owned(),
            token_version: 1,
            created_at: now,
            disabled_at: None,
        };
        let audit = AuditRow::new(&audit, now);
        transaction!(self, |conn| {
            let added = diesel::insert_into(users::table).values(&row).on_conflict_do_nothing().execute(conn).await?;
            if added == 0 {
                let same = users::table.filter(users::username.eq(&row.username)).select(users::id);
                let taken: Option<String> = same.first(conn).await.optional()?;
                let (field, value) = match taken {
                    Some(_) => ("username", row.username.clone()),
                    None => ("email", row.email.clone().unwrap_or_default()),
                };
                return Err(StoreError::Exists { what: "user", field, value });
            }
            diesel::insert_into(audit_log::table).values(&audit).execute(conn).await?;
            User::try_from(row.clone())
        })
    }

    /// The user of a username.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn user(&self, username: &str) -> Result<Option<User>, StoreError> {
        let username = username.to_owned();
        let row = read!(self, |conn| {
            let found = users::table.filter(users::username.eq(&username)).select(UserRow::as_select());
            Ok(found.first::<UserRow>(conn).await.optional()?)
        })?;
        row.map(User::try_from).transpose()
    }

    /// The user who logs in with a username or, if `by_email`, an address, and the password's hash.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn user_to_log_in(&self, name: &str, by_email: bool) -> Result<Option<(User, String)>, StoreError> {
        let name = name.to_owned();
        let row = read!(self, |conn| {
            let found = users::table.select(UserRow::as_select());
            Ok(if by_email {
                found.filter(users::email.eq(&name)).first::<UserRow>(conn).await.optional()?
            } else {
                found.filter(users::username.eq(&name)).first::<UserRow>(conn).await.optional()?
            })
        })?;
        row.map(|row| {
            let hash = row.password_hash.clone();
            Ok((User::try_from(row)?, hash))
        })
        .transpose()
    }

    /// Users in the order of their names, at most `limit` after a name.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn users(&self, after: Option<String>, limit: i64) -> Result<Vec<User>, StoreError> {
        let after = after.unwrap_or_default();
        let rows = read!(self, |conn| {
            let page = users::table.filter(users::username.gt(&after)).order(users::username).limit(limit);
            Ok(page.select(UserRow::as_select()).load::<UserRow>(conn).await?)
        })?;
        rows.into_iter().map(User::try_from).collect()
    }

    /// Disables a user, which voids the tokens, or enables one again. What is so already stays, and
    /// leaves no audit entry.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown username.
    pub async fn set_user_disabled(
        &self,
        username: &str,
        disabled: bool,
        audit: AuditEntry,
    ) -> Result<User, StoreError> {
        let (username, now) = (username.to_owned(), self.timestamp());
        let audit = AuditRow::new(&audit, now);
        transaction!(self, |conn| {
            let target = users::table.filter(users::username.eq(&username));
            let changed = diesel::update(target.filter(users::disabled_at.is_null().eq(disabled)))
                .set((
                    users::disabled_at.eq(disabled.then_some(now)),
                    users::token_version.eq(users::token_version + i64::from(disabled)),
                ))
                .execute(conn)
                .await?;
            let row: Option<UserRow> = target.select(UserRow::as_select()).first(conn).await.optional()?;
            let row = row.ok_or_else(|| StoreError::NotFound { what: "user", id: username.clone() })?;
            if changed > 0 {
                diesel::insert_into(audit_log::table).values(&audit).execute(conn).await?;
            }
            User::try_from(row)
        })
    }

    /// Gives a user another password, which voids the tokens.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown username.
    pub async fn set_password(
        &self,
        username: &str,
        password_hash: String,
        audit: AuditEntry,
    ) -> Result<User, StoreError> {
        let username = username.to_owned();
        let audit = AuditRow::new(&audit, self.timestamp());
        transaction!(self, |conn| {
            let target = users::table.filter(users::username.eq(&username));
            let changed = diesel::update(target)
                .set((users::password_hash.eq(&password_hash), users::token_version.eq(users::token_version + 1)))
                .execute(conn)
                .await?;
            if changed == 0 {
                return Err(StoreError::NotFound { what: "user", id: username.clone() });
            }
            diesel::insert_into(audit_log::table).values(&audit).execute(conn).await?;
            let row: UserRow = target.select(UserRow::as_select()).first(conn).await?;
            User::try_from(row)
        })
    }

    /// Stores a key. The entry's resource becomes its id.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if the prefix is taken, [`StoreError::NotFound`] for an unknown user.
    pub async fn create_api_key(&self, new: NewApiKey, mut audit: AuditEntry) -> Result<ApiKey, StoreError> {
        let now = self.timestamp();
        let row = ApiKeyRow {
            id: new_id(),
            prefix: new.prefix,
            key_hash: new.key_hash,
            name: new.name,
            role: new.role.as_str().to_owned(),
            username: new.username,
            created_at: now,
            expires_at: new.expires_in.map(|length| later(now, length)),
            revoked_at: None,
            last_used_at: None,
        };
        audit.resource.clone_from(&row.id);
        let audit = AuditRow::new(&audit, now);
        transaction!(self, |conn| {
            if let Some(username) = &row.username {
                let user = users::table.filter(users::username.eq(username)).select(users::id);
                if user.first::<String>(conn).await.optional()?.is_none() {
                    return Err(StoreError::NotFound { what: "user", id: username.clone() });
                }
            }
            let added =
                diesel::insert_into(api_keys::table).values(&row).on_conflict_do_nothing().execute(conn).await?;
            if added == 0 {
                return Err(StoreError::Exists { what: "api_key", field: "prefix", value: row.prefix.clone() });
            }
            diesel::insert_into(audit_log::table).values(&audit).execute(conn).await?;
            ApiKey::try_from(row.clone())
        })
    }

    /// The key of a prefix, and the hash of the whole key.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn api_key(&self, prefix: &str) -> Result<Option<(ApiKey, String)>, StoreError> {
        let prefix = prefix.to_owned();
        let row = read!(self, |conn| {
            let found = api_keys::table.filter(api_keys::prefix.eq(&prefix)).select(ApiKeyRow::as_select());
            Ok(found.first::<ApiKeyRow>(conn).await.optional()?)
        })?;
        row.map(|row| {
            let hash = row.key_hash.clone();
            Ok((ApiKey::try_from(row)?, hash))
        })
        .transpose()
    }

    /// Keys in the order in which they were made, at most `limit` after an id.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn api_keys(&self, after: Option<String>, limit: i64) -> Result<Vec<ApiKey>, StoreError> {
        let after = after.unwrap_or_default();
        let rows = read!(self, |conn| {
            let page = api_keys::table.filter(api_keys::id.gt(&after)).order(api_keys::id).limit(limit);
            Ok(page.select(ApiKeyRow::as_select()).load::<ApiKeyRow>(conn).await?)
        })?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    /// Revokes a key. One that is revoked already stays as it is and leaves no audit entry.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id.
    pub async fn revoke_api_key(&self, id: &str, audit: AuditEntry) -> Result<ApiKey, StoreError> {
        let (id, now) = (id.to_owned(), self.timestamp());
        let audit = AuditRow::new(&audit, now);
        transaction!(self, |conn| {
            let target = api_keys::table.filter(api_keys::id.eq(&id));
            let changed = diesel::update(target.filter(api_keys::revoked_at.is_null()))
                .set(api_keys::revoked_at.eq(now))
                .execute(conn)
                .await?;
            let row: Option<ApiKeyRow> = target.select(ApiKeyRow::as_select()).first(conn).await.optional()?;
            let row = row.ok_or_else(|| StoreError::NotFound { what: "api_key", id: id.clone() })?;
            if changed > 0 {
                diesel::insert_into(audit_log::table).values(&audit).execute(conn).await?;
            }
            ApiKey::try_from(row)
        })
    }

    /// Notes that a key was used, unless that was noted less than `unless_within` ago; returns
    /// whether it wrote.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn touch_api_key(&self, id: &str, unless_within: Duration) -> Result<bool, StoreError> {
        let (id, now) = (id.to_owned(), self.timestamp());
        let recent = self.before(unless_within).unwrap_or(now);
        transaction!(self, |conn| {
            let due = api_keys::last_used_at.is_null().or(api_keys::last_used_at.le(recent));
            let changed = diesel::update(api_keys::table.filter(api_keys::id.eq(&id)).filter(due))
                .set(api_keys::last_used_at.eq(now))
                .execute(conn)
                .await?;
            Ok(changed > 0)
        })
    }
}
