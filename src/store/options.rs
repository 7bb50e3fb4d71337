use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

/// Where the time comes from. A parameter, so that a test can end a lease without waiting for it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self::new(Utc::now)
    }

    /// A clock that asks `now`.
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time, in whole microseconds: what both databases keep.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)().trunc_subsecs(6)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// How to reach the database, and with how many connections.
#[derive(Clone)]
pub struct StoreOptions {
    /// `sqlite:PATH` (also `sqlite://PATH`) or `postgres://…`.
    pub url: String,
    /// Connections for the usual load. Default 20.
    pub pool_size: u32,
    /// Connections beyond `pool_size`, made on demand and closed once idle. Default 30.
    pub max_overflow: u32,
    /// How long a query waits for a connection before it fails as unavailable. Default 30 s.
    pub acquire_timeout: Duration,
    /// Age at which a connection is replaced. Default one hour.
    pub max_lifetime: Duration,
    /// Idle time after which a connection is closed. Default ten minutes.
    pub idle_timeout: Duration,
    /// Ask PostgreSQL `SELECT 1` before a connection is handed out. Default true. A SQLite
    /// connection is a file handle of this process, which no network can cut: it is not asked.
    pub test_on_check_out: bool,
    /// How long making a connection may take. Default 10 s.
    pub connect_timeout: Duration,
    /// How long one statement may run in PostgreSQL. Default 30 s.
    pub statement_timeout: Duration,
    /// How long SQLite waits for another process that writes. Default 10 s.
    pub busy_timeout: Duration,
    /// How often a transient failure is tried again where that is safe. Default 3.
    pub retries: u32,
    /// Wait before the first retry; doubles each time, with up to half of it as jitter. Default 50 ms.
    pub retry_base: Duration,
    /// Times a job is handed to a worker before it fails with `ATTEMPTS_EXHAUSTED`. Default 5.
    pub max_attempts: i32,
    /// Where the time comes from. Default the system's clock.
    pub clock: Clock,
}

impl StoreOptions {
    /// The defaults, for the database at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            pool_size: 20,
            max_overflow: 30,
            acquire_timeout: Duration::from_secs(30),
            max_lifetime: Duration::from_secs(3600),
            idle_timeout: Duration::from_secs(600),
            test_on_check_out: true,
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
            busy_timeout: Duration::from_secs(10),
            retries: 3,
            retry_base: Duration::from_millis(50),
            max_attempts: 5,
            clock: Clock::system(),
        }
    }

    /// Largest number of connections.
    pub fn max_size(&self) -> u32 {
        self.pool_size.saturating_add(self.max_overflow).max(1)
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("url", &without_secrets(&self.url))
            .field("pool_size", &self.pool_size)
            .field("max_overflow", &self.max_overflow)
            .field("acquire_timeout", &self.acquire_timeout)
            .field("max_lifetime", &self.max_lifetime)
            .field("max_attempts", &self.max_attempts)
            .finish_non_exhaustive()
    }
}

/// A URL as it may be shown: no user information, no parameters.
pub(super) fn without_secrets(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    // A password may hold a bare `@` or `/`: the host begins behind the last one.
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    if scheme.is_empty() { host.to_owned() } else { format!("{scheme}://{host}") }
}

#[cfg(test)]
mod tests {
    use super::{StoreOptions, without_secrets};

    #[test]
    fn a_shown_url_has_no_secret() {
        for (url, shown) in [
            ("postgres://ana:p%40ss@db:5432/cidadao?sslmode=disable", "postgres://db:5432/cidadao"),
            ("postgres://ana:p@ss/w@db/cidadao", "postgres://db/cidadao"),
            ("postgres://db/cidadao?password=p@ss", "postgres://db/cidadao"),
            ("sqlite:data/cidadao.db", "sqlite:data/cidadao.db"),
        ] {
            assert_eq!(without_secrets(url), shown);
            assert!(!format!("{:?}", StoreOptions::new(url)).contains("ss"), "{url}");
        }
    }
}
