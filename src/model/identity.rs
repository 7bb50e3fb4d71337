use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What somebody may do; each role may do all that the one before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads contracts, and the investigations and analyses of its owner.
    Viewer,
    /// Starts and cancels investigations and analyses of its own.
    Analyst,
    /// Manages keys and users, and reads and cancels what is another's.
    Admin,
}

impl Role {
    /// All of them, the one that may least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Analyst, Self::Admin];

    /// Name in the store, in messages and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Admin => "admin",
        }
    }

    /// The role of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// Somebody who logs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Id.
    pub id: String,
    /// Name to log in with, in lower case; never changes.
    pub username: String,
    /// Address to log in with, in lower case.
    pub email: Option<String>,
    /// What the user may do.
    pub role: Role,
    /// Tokens of an older version are void.
    pub token_version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Since when it may not log in.
    pub disabled_at: Option<DateTime<Utc>>,
}

/// An API key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Id.
    pub id: String,
    /// How the key begins; tells keys apart and is no secret.
    pub prefix: String,
    /// What it is for.
    pub name: String,
    /// What it may do; never more than its user may.
    pub role: Role,
    /// The user that it acts for; without one it acts for itself.
    pub username: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// Whether the key itself still holds.
    pub fn holds_at(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}
