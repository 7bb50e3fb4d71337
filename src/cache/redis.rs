//! A handle to Redis that costs little while Redis is away.
//!
//! Nothing here is needed for a right answer: who asks while Redis is away is told so at once, and
//! one task tries it again until it answers.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bb8_redis::bb8::{ManageConnection, Pool};
use bb8_redis::redis::aio::{MultiplexedConnection, PubSub};
use bb8_redis::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue, Pipeline, ProtocolVersion,
    RedisError, RedisResult, cmd,
};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

/// How often a Redis that refuses commands is complained about.
const REFUSALS_TOLD_EVERY: Duration = Duration::from_secs(60);

/// Where Redis is: `redis://[user][:password]@host[:port][/database]`. Neither its `Debug` nor its
/// `Display` text shows a user or a password.
#[derive(Clone)]
pub struct RedisUrl {
    text: String,
    client: Client,
}

/// Why a text is no URL of Redis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("redis_url: {rule}, got {value:?}")]
pub struct RedisUrlError {
    /// The rule.
    pub rule: String,
    /// The value as far as it can hold no secret.
    pub value: String,
}

impl FromStr for RedisUrl {
    type Err = RedisUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |rule: &str| {
            let scheme = text.split(':').next().unwrap_or_default();
            // What could not be taken apart may hold a password anywhere.
            RedisUrlError { rule: rule.to_owned(), value: format!("{scheme}:…") }
        };
        if !text.starts_with("redis://") {
            return Err(refuse("must start with redis://"));
        }
        let malformed = |error| refuse(&format!("must be redis://[user][:password]@host[:port][/database] ({error})"));
        let info = ConnectionInfo::from_str(text).map_err(malformed)?;
        // Hints come as RESP2 messages, and a reply must not wait for more to send.
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2).set_skip_set_lib_name();
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        let client = Client::open(info.set_redis_settings(redis).set_tcp_settings(tcp)).map_err(malformed)?;
        Ok(Self { text: text.to_owned(), client })
    }
}

impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for RedisUrl {}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.client.get_connection_info();
        write!(f, "redis://{}/{}", info.addr(), info.redis_settings().db())
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How Redis is used.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// Where it is.
    pub url: RedisUrl,
    /// What every key and channel begins with, followed by a colon.
    pub namespace: String,
    /// Connections at most; at least one.
    pub pool_size: u32,
    /// How long a connection may take to be made, and a command to find one.
    pub connect_timeout: Duration,
    /// How long a command may take once it has a connection.
    pub command_timeout: Duration,
    /// How often a Redis that is away is tried again.
    pub probe_every: Duration,
}

impl RedisOptions {
    /// The defaults: names begin with `cidadao:`, 10 connections, 2 s to connect, 1 s a command, a
    /// try each second.
    pub fn new(url: RedisUrl) -> Self {
        Self {
            url,
            namespace: "cidadao".to_owned(),
            pool_size: 10,
            connect_timeout: Duration::from_secs(2),
            command_timeout: Duration::from_secs(1),
            probe_every: Duration::from_secs(1),
        }
    }
}

/// What happened between this process and Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedisStats {
    /// Whether it answered last.
    pub up: bool,
    /// Commands that it did not serve: it was away, too slow, or refused.
    pub errors: u64,
    /// How often it came back.
    pub reconnects: u64,
    /// Connections of the pool.
    pub connections: u32,
}

/// Why a command was not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("Redis is away")]
    Away,
    #[error("no connection to Redis was free in time")]
    Busy,
    /// The connection is of no use any more.
    #[error("{reason}")]
    Lost { reason: String, timed_out: bool },
    /// Redis answered, with an error.
    #[error("Redis refused: {reason}")]
    Refused { reason: String },
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        // The text of a reply may repeat arguments of the command, so only its code is kept.
        let reason = match error.code() {
            Some(code) => code.to_owned(),
            None if error.is_io_error() => error.to_string(),
            None => error.category().to_owned(),
        };
        if error.is_io_error() || matches!(error.kind(), ErrorKind::Parse) {
            Self::Lost { reason, timed_out: error.is_timeout() }
        } else {
            Self::Refused { reason }
        }
    }
}

/// What can be sent to Redis.
pub(super) trait Ask: Sync {
    fn ask<T: FromRedisValue + Send>(
        &self,
        line: &mut MultiplexedConnection,
    ) -> impl Future<Output = RedisResult<T>> + Send;
}

impl Ask for Cmd {
    async fn ask<T: FromRedisValue + Send>(&self, line: &mut MultiplexedConnection) -> RedisResult<T> {
        self.query_async(line).await
    }
}

impl Ask for Pipeline {
    async fn ask<T: FromRedisValue + Send>(&self, line: &mut MultiplexedConnection) -> RedisResult<T> {
        self.query_async(line).await
    }
}

/// Whether Redis answers, as everybody who holds the handle or makes connections sees it.
struct Link {
    url: RedisUrl,
    up: watch::Sender<bool>,
    /// Connections of an older generation are not used any more.
    generation: AtomicU64,
    lines: AtomicUsize,
    errors: AtomicU64,
    reconnects: AtomicU64,
    refusal_told: Mutex<Option<Instant>>,
}

impl Link {
    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Gives up the connections of a generation; says whether nobody had yet.
    fn renew(&self, generation: u64) -> bool {
        self.generation.compare_exchange(generation, generation + 1, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Redis does not answer, as a command of that generation found. What an older one found is
    /// no news.
    fn lower(&self, generation: u64, reason: &str) {
        if self.up.send_if_modified(|up| self.renew(generation) && std::mem::replace(up, false)) {
            tracing::warn!(redis = %self.url, reason, "Redis does not answer: going on without it, slower");
        }
    }

    fn raise(&self) {
        if !self.up.send_replace(true) {
            self.reconnects.fetch_add(1, Ordering::Relaxed);
            tracing::info!(redis = %self.url, "Redis answers again");
        }
    }

    fn count(&self, failure: &Failure) {
        self.errors.fetch_add(1, Ordering::Relaxed);
        let Failure::Refused { reason } = failure else { return };
        let mut told = self.refusal_told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= REFUSALS_TOLD_EVERY) {
            *told = Some(Instant::now());
            tracing::warn!(redis = %self.url, reason, "Redis refuses commands");
        }
    }
}

/// A connection of the pool.
struct Line {
    connection: MultiplexedConnection,
    generation: u64,
    link: Arc<Link>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.link.lines.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Makes the connections of the pool.
struct Lines {
    config: AsyncConnectionConfig,
    link: Arc<Link>,
}

impl ManageConnection for Lines {
    type Connection = Line;
    type Error = Failure;

    async fn connect(&self) -> Result<Line, Failure> {
        let generation = self.link.generation();
        match self.link.url.client.get_multiplexed_async_connection_with_config(&self.config).await {
            Ok(connection) => {
                self.link.lines.fetch_add(1, Ordering::AcqRel);
                Ok(Line { connection, generation, link: Arc::clone(&self.link) })
            }
            Err(error) => {
                let failure = Failure::from(error);
                // While there are others, one of them may come free.
                if self.link.lines.load(Ordering::Acquire) == 0 {
                    self.link.lower(generation, &failure.to_string());
                }
                Err(failure)
            }
        }
    }

    /// Asks nothing of Redis: that would double the way of every command.
    async fn is_valid(&self, line: &mut Line) -> Result<(), Failure> {
        if self.has_broken(line) { Err(Failure::Away) } else { Ok(()) }
    }

    fn has_broken(&self, line: &mut Line) -> bool {
        line.generation != self.link.generation()
    }
}

struct Inner {
    pool: Pool<Lines>,
    lines: Lines,
    options: RedisOptions,
}

impl Inner {
    async fn attempt<T: FromRedisValue + Send>(&self, what: &impl Ask) -> Result<T, Failure> {
        let mut line = self.pool.get().await.map_err(|_| Failure::Busy)?;
        Ok(what.ask(&mut line.connection).await?)
    }

    async fn ask<T: FromRedisValue + Send>(&self, what: &impl Ask) -> Result<T, Failure> {
        let deadline = Instant::now() + self.options.connect_timeout;
        let mut first = true;
        loop {
            let generation = self.lines.link.generation();
            let answer = timeout_at(deadline, self.attempt(what)).await.unwrap_or(Err(Failure::Busy));
            let Err(Failure::Lost { reason, timed_out }) = &answer else { return answer };
            // A connection that Redis hung up on, because it was idle or Redis was started anew,
            // says nothing of Redis yet.
            if !timed_out && std::mem::take(&mut first) {
                self.lines.link.renew(generation);
                continue;
            }
            self.lines.link.lower(generation, reason);
            return answer;
        }
    }

    /// Whether a new connection answers. It goes into the pool.
    async fn try_again(&self) -> Result<(), Failure> {
        let mut line = self.lines.connect().await?;
        cmd("PING").ask::<()>(&mut line.connection).await?;
        // A pool that is full has no need of it.
        drop(self.pool.add(line));
        self.lines.link.raise();
        Ok(())
    }
}

/// Tries a Redis that is away until it answers, as long as anybody has the handle.
async fn keep_trying(inner: Weak<Inner>, mut up: watch::Receiver<bool>, every: Duration) {
    while up.wait_for(|up| !up).await.is_ok() {
        tokio::time::sleep(every).await;
        let Some(inner) = inner.upgrade() else { return };
        if let Err(error) = inner.try_again().await {
            tracing::debug!(redis = %inner.options.url, %error, "Redis is still away");
        }
    }
}

/// A handle to Redis; clones share connections and state.
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

impl Redis {
    /// A handle to the Redis of these options. One that is away is told of in the log and tried
    /// again; that is no error.
    ///
    /// Must be called within a Tokio runtime, which then drives the connections.
    pub async fn connect(options: RedisOptions) -> Self {
        let link = Arc::new(Link {
            url: options.url.clone(),
            up: watch::Sender::new(true),
            generation: AtomicU64::new(0),
            lines: AtomicUsize::new(0),
            errors: AtomicU64::new(0),
            reconnects: AtomicU64::new(0),
            refusal_told: Mutex::new(None),
        });
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.command_timeout));
        let lines = || Lines { config: config.clone(), link: Arc::clone(&link) };
        let pool = Pool::builder()
            .max_size(options.pool_size.max(1))
            .connection_timeout(options.connect_timeout)
            // A connection that cannot be made shows in the link, where everybody sees it.
            .retry_connection(false)
            .build_unchecked(lines());
        let every = options.probe_every;
        let inner = Arc::new(Inner { pool, lines: lines(), options });
        if let Err(error) = inner.try_again().await {
            link.lower(link.generation(), &error.to_string());
        }
        tokio::spawn(keep_trying(Arc::downgrade(&inner), link.up.subscribe(), every));
        Self { inner }
    }

    /// Whether Redis answered last.
    pub fn is_up(&self) -> bool {
        *self.inner.lines.link.up.borrow()
    }

    /// What happened so far.
    pub fn stats(&self) -> RedisStats {
        let link = &self.inner.lines.link;
        RedisStats {
            up: self.is_up(),
            errors: link.errors.load(Ordering::Relaxed),
            reconnects: link.reconnects.load(Ordering::Relaxed),
            connections: self.inner.pool.state().connections,
        }
    }

    /// How it is used.
    pub(super) fn options(&self) -> &RedisOptions {
        &self.inner.options
    }

    /// A name of this deployment, for a key or a channel.
    pub(super) fn name(&self, name: &str) -> String {
        format!("{}:{name}", self.inner.options.namespace)
    }

    /// Asks Redis, for at most the time to connect; at once if it is known to be away.
    pub(super) async fn query<T: FromRedisValue + Send>(&self, what: &impl Ask) -> Result<T, Failure> {
        let link = &self.inner.lines.link;
        let mut up = link.up.subscribe();
        let away = async { drop(up.wait_for(|up| !up).await) };
        let answer = tokio::select! {
            // Who waits for a connection must not wait on when others find Redis away.
            biased;
            () = away => Err(Failure::Away),
            answer = self.inner.ask(what) => answer,
        };
        answer.inspect_err(|failure| link.count(failure))
    }

    /// A connection of its own, for messages.
    pub(super) async fn pub_sub(&self) -> Result<PubSub, Failure> {
        let patience = self.inner.options.connect_timeout;
        let late = || Failure::Lost { reason: format!("no connection within {patience:?}"), timed_out: true };
        let made = timeout(patience, self.inner.options.url.client.get_async_pubsub()).await;
        Ok(made.map_err(|_| late())??)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("options", &self.inner.options).field("up", &self.is_up()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_no_secret() {
        let url: RedisUrl = "redis://ana:hunter2@cache.local:6380/3".parse().unwrap();
        assert_eq!(url.to_string(), "redis://cache.local:6380/3");
        let options = RedisOptions::new(url.clone());
        let shown = format!("{url:?} {options:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("ana"), "{shown}");
        assert_ne!(url, "redis://ana:hunter3@cache.local:6380/3".parse().unwrap());
    }

    #[test]
    fn a_wrong_url_is_refused_without_its_secret() {
        for (text, rule) in [
            ("rediss://:hunter2@h", "must start with redis://"),
            ("hunter2", "must start with redis://"),
            ("redis://:hunter2@h/x", "database"),
            ("redis://:hunter2@:1", "host"),
        ] {
            let error = text.parse::<RedisUrl>().unwrap_err();
            assert!(error.rule.contains(rule), "{error}");
            assert!(text == "hunter2" || !error.to_string().contains("hunter2"), "{error}");
        }
    }
}
