//! `cidadao users`: who may log in, straight in the database.

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::keys::{ACTOR, BATCH, accounts, role, time};
use super::{Output, output};
use crate::auth::UserRequest;
use crate::config::Config;
use crate::model::{Role, User};
use crate::secret::Secret;

/// What to do with users.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a user; the password is asked for
    Create {
        /// Name to log in with
        #[arg(long)]
        username: String,
        /// Address to log in with
        #[arg(long)]
        email: Option<String>,
        /// What the user may do: viewer, analyst or admin
        #[arg(long, default_value = "analyst", value_parser = role)]
        role: Role,
        /// Read the password from stdin, to the end of the first line
        #[arg(long)]
        password_stdin: bool,
    },
    /// List users, also disabled ones
    List,
    /// Disable a user; servers refuse its tokens and keys within half a minute
    Disable {
        /// Name of the user
        username: String,
    },
    /// Enable a user again; tokens from before stay void
    Enable {
        /// Name of the user
        username: String,
    },
    /// Give a user another password; tokens from before are void
    SetPassword {
        /// Name of the user
        username: String,
        /// Read the password from stdin, to the end of the first line
        #[arg(long)]
        password_stdin: bool,
    },
}

pub(super) async fn run(config: &Config, command: Command, format: Output) -> anyhow::Result<ExitCode> {
    let accounts = accounts(config).await?;
    let (user, done) = match command {
        Command::List => {
            let mut users = Vec::new();
            loop {
                let after = users.last().map(|user: &User| user.username.clone());
                let mut batch = accounts.store().users(after, BATCH).await?;
                if batch.is_empty() {
                    break;
                }
                users.append(&mut batch);
            }
            match format {
                Output::Json => output::json(&users.iter().map(user_json).collect::<Vec<_>>())?,
                Output::Table => print(&users)?,
            }
            return Ok(ExitCode::SUCCESS);
        }
        Command::Create { username, email, role, password_stdin } => {
            let password = password(password_stdin)?;
            let request = UserRequest { username, email, role, password };
            (accounts.create_user(ACTOR, request).await?, "may log in")
        }
        Command::Disable { username } => (accounts.set_disabled(ACTOR, &username, true).await?, "is disabled"),
        Command::Enable { username } => (accounts.set_disabled(ACTOR, &username, false).await?, "may log in"),
        Command::SetPassword { username, password_stdin } => {
            let password = password(password_stdin)?;
            (accounts.set_password(ACTOR, &username, password).await?, "has another password")
        }
    };
    match format {
        Output::Json => output::json(&user_json(&user))?,
        Output::Table => output::say(format!("{} ({}) {done}", user.username, user.role.as_str())),
    }
    Ok(ExitCode::SUCCESS)
}

/// A password from stdin, or twice from the terminal, where it is not shown.
fn password(stdin: bool) -> anyhow::Result<Secret> {
    /// Bytes that are read at most: more than any password has.
    const MOST: u64 = 4_096;
    if stdin {
        let mut text = String::new();
        std::io::stdin().take(MOST).read_to_string(&mut text).context("the password cannot be read from stdin")?;
        return Ok(text.lines().next().unwrap_or_default().to_owned().into());
    }
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the password; give it on stdin with --password-stdin");
    }
    let terminal = console::Term::stderr();
    let ask = |prompt: &str| -> anyhow::Result<String> {
        terminal.write_str(prompt)?;
        Ok(terminal.read_secure_line()?)
    };
    let password = ask("Password: ")?;
    if ask("Again: ")? != password {
        bail!("the two passwords are not the same");
    }
    Ok(password.into())
}

fn user_json(user: &User) -> Value {
    json!({
        "username": user.username,
        "email": user.email,
        "role": user.role,
        "created_at": time(user.created_at),
        "disabled_at": user.disabled_at.map(time),
    })
}

fn print(users: &[User]) -> anyhow::Result<()> {
    let mut table = output::table(["username", "email", "role", "created", "state"]);
    for user in users {
        table.add_row([
            user.username.as_str(),
            user.email.as_deref().unwrap_or("—"),
            user.role.as_str(),
            &time(user.created_at),
            &user.disabled_at.map_or_else(|| "active".to_owned(), |at| format!("disabled {}", time(at))),
        ]);
    }
    output::line(table.to_string())
}
