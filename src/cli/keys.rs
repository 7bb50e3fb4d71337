//! `cidadao keys`: API keys, straight in the database, so that the first one can be made.

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{Output, output};
use crate::auth::{Accounts, Actor, KeyRequest, PasswordCost, Passwords};
use crate::config::Config;
use crate::model::{ApiKey, Role};
use crate::store::{Store, StoreOptions};

/// Who makes accounts on the command line, in the audit log.
pub(super) const ACTOR: Actor<'static> = Actor { id: "cli", remote: "cli" };
/// Entries read at once.
pub(super) const BATCH: i64 = 1_000;

/// What to do with keys.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a key; it is shown this once
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it may do: viewer, analyst or admin
        #[arg(long, default_value = "analyst", value_parser = role)]
        role: Role,
        /// User that it acts for, and whose investigations it sees [default: it acts for itself]
        #[arg(long, value_name = "USERNAME")]
        user: Option<String>,
        /// How long it holds, as 30d, 12h, 45m or 90s [default: for ever]
        #[arg(long, value_name = "TIME", value_parser = length)]
        expires_in: Option<Duration>,
    },
    /// List keys, also revoked ones
    List,
    /// Revoke a key; servers refuse it within half a minute
    Revoke {
        /// Id of the key
        id: String,
    },
}

pub(super) fn role(name: &str) -> Result<Role, String> {
    Role::parse(name).ok_or_else(|| "must be viewer, analyst or admin".to_owned())
}

fn length(text: &str) -> Result<Duration, String> {
    let rule = || "must be a number and d, h, m or s, as 30d".to_owned();
    let unit = text.chars().next_back().ok_or_else(rule)?;
    let seconds = match unit {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _ => return Err(rule()),
    };
    let number = text[..text.len() - 1].parse::<u64>().map_err(|_| rule())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(rule)
}

/// The accounts of a configuration's database.
pub(super) async fn accounts(config: &Config) -> anyhow::Result<Accounts> {
    let store = Store::connect(&StoreOptions::new(&config.database_url)).await?;
    Ok(Accounts::new(store, Passwords::new(PasswordCost::default())))
}

pub(super) async fn run(config: &Config, command: Command, format: Output) -> anyhow::Result<ExitCode> {
    let accounts = accounts(config).await?;
    match command {
        Command::Create { name, role, user, expires_in } => {
            let request = KeyRequest { name, role, username: user, expires_in };
            let (key, secret) = accounts.create_key(ACTOR, request).await?;
            match format {
                Output::Json => output::json(&json!({ "id": key.id, "key": secret.expose() }))?,
                Output::Table => {
                    output::line(secret.expose())?;
                    output::say(format!(
                        "key {} ({}, {}): keep it now, it cannot be shown again",
                        key.id,
                        key.name,
                        key.role.as_str()
                    ));
                }
            }
        }
        Command::List => {
            let mut keys = Vec::new();
            loop {
                let after = keys.last().map(|key: &ApiKey| key.id.clone());
                let mut batch = accounts.store().api_keys(after, BATCH).await?;
                if batch.is_empty() {
                    break;
                }
                keys.append(&mut batch);
            }
            match format {
                Output::Json => output::json(&keys.iter().map(key_json).collect::<Vec<_>>())?,
                Output::Table => print(&keys, accounts.store().now())?,
            }
        }
        Command::Revoke { id } => {
            let key = accounts.revoke_key(ACTOR, &id).await?;
            match format {
                Output::Json => output::json(&key_json(&key))?,
                Output::Table => output::say(format!("key {} ({}) is revoked", key.id, key.name)),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A time as commands print it.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn key_json(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "prefix": key.prefix,
        "role": key.role,
        "username": key.username,
        "created_at": time(key.created_at),
        "expires_at": key.expires_at.map(time),
        "revoked_at": key.revoked_at.map(time),
        "last_used_at": key.last_used_at.map(time),
    })
}

fn print(keys: &[ApiKey], now: DateTime<Utc>) -> anyhow::Result<()> {
    let mut table = output::table(["id", "name", "key", "role", "user", "created", "last used", "state"]);
    for key in keys {
        let state = match (key.revoked_at, key.expires_at) {
            (Some(at), _) => format!("revoked {}", time(at)),
            (None, Some(at)) if at <= now => format!("expired {}", time(at)),
            (None, Some(at)) => format!("until {}", time(at)),
            (None, None) => "active".to_owned(),
        };
        table.add_row([
            key.id.as_str(),
            &key.name,
            &format!("{}…", key.prefix),
            key.role.as_str(),
            key.username.as_deref().unwrap_or("—"),
            &time(key.created_at),
            &key.last_used_at.map_or_else(|| "never".to_owned(), time),
            &state,
        ]);
    }
    output::line(table.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_a_unit() {
        for (text, seconds) in [("30d", 2_592_000), ("12h", 43_200), ("45m", 2_700), ("90s", 90)] {
            assert_eq!(length(text), Ok(Duration::from_secs(seconds)));
        }
        for bad in ["", "d", "30", "3w", "-1d", "1.5h", "30 d", "é", "99999999999999999999d", "999999999999999999d"] {
            assert!(length(bad).is_err(), "{bad}");
        }
    }
}
