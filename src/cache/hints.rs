//! Hints between replicas: something may have changed, look at the database now. A hint may get
//! lost, come twice or come late; who relied on one would be wrong.

use std::fmt;
use std::str;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bb8_redis::redis::pipe;
use futures::StreamExt as _;
use rand::Rng as _;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::redis::{Failure, Redis};

/// Hints that wait to be sent, at most.
const QUEUE: usize = 1_024;
/// Hints that are sent at once, at most.
const BATCH: usize = 128;
/// Size of a message, in bytes, beyond which it is not read.
const MAX_MESSAGE: usize = 256;
/// Length of a job id beyond which no hint is made of it.
const MAX_JOB_ID: usize = 128;
/// How often a silent connection is asked whether it is alive.
const PING_EVERY: Duration = Duration::from_secs(3);
/// First and longest wait before the next try to connect.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// What another replica did.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hint {
    /// A job may be claimed.
    Queued,
    /// Something of this job was committed.
    Job(String),
    /// Hints may have been missed: anything may have happened. Said to a listener whenever its
    /// connection was made; publishing it tells the others the same.
    Resync,
}

impl Hint {
    /// `None` for a job id that would not come back.
    fn message(&self, origin: &str) -> Option<String> {
        match self {
            Self::Queued => Some(format!("{origin} queued")),
            Self::Resync => Some(format!("{origin} resync")),
            Self::Job(id) if is_job_id(id) => Some(format!("{origin} job {id}")),
            Self::Job(_) => None,
        }
    }

    /// The hint of a message and who sent it; `None` if it is none that this version knows.
    fn parse(message: &[u8]) -> Option<(&str, Self)> {
        if message.len() > MAX_MESSAGE {
            return None;
        }
        let mut words = str::from_utf8(message).ok()?.split(' ');
        let (origin, hint) = (words.next()?, (words.next()?, words.next()));
        let hint = match hint {
            ("queued", None) => Self::Queued,
            ("resync", None) => Self::Resync,
            ("job", Some(id)) if is_job_id(id) => Self::Job(id.to_owned()),
            _ => return None,
        };
        words.next().is_none().then_some((origin, hint))
    }
}

fn is_job_id(id: &str) -> bool {
    (1..=MAX_JOB_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What became of hints, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HintStats {
    /// Hints that Redis took.
    pub published: u64,
    /// Hints that went nowhere: the queue was full, Redis away, or the job id unfit.
    pub dropped: u64,
    /// Hints of other replicas that came in.
    pub received: u64,
    /// Whether a listener is connected.
    pub connected: bool,
    /// How often a listener connected again.
    pub reconnects: u64,
}

#[derive(Default)]
struct Counters {
    published: AtomicU64,
    dropped: AtomicU64,
    received: AtomicU64,
    connected: AtomicBool,
    reconnects: AtomicU64,
}

struct Wire {
    redis: Redis,
    channel: String,
    /// Tells its own messages from those of others.
    origin: String,
    queue: mpsc::Sender<String>,
    counters: Arc<Counters>,
}

/// Hints to and from the other replicas. Cheap to clone.
#[derive(Clone)]
pub struct Hints {
    wire: Option<Arc<Wire>>,
}

impl Hints {
    /// Of a process that is alone: publishes nowhere and hears nothing.
    pub const fn none() -> Self {
        Self { wire: None }
    }

    /// Over Redis. Every process with the same Redis and namespace hears.
    ///
    /// Must be called within a Tokio runtime; a task of it sends.
    pub fn over(redis: &Redis) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let counters = Arc::<Counters>::default();
        let channel = redis.name("hints");
        tokio::spawn(send(redis.clone(), channel.clone(), waiting, Arc::clone(&counters)));
        let origin = uuid::Uuid::new_v4().simple().to_string();
        Self { wire: Some(Arc::new(Wire { redis: redis.clone(), channel, origin, queue, counters })) }
    }

    /// Tells the others. Never waits and never fails: what cannot be sent is dropped and counted.
    pub fn publish(&self, hint: Hint) {
        let Some(wire) = &self.wire else { return };
        // While Redis is away, a queue would only tell of the past when it is back.
        let message = hint.message(&wire.origin).filter(|_| wire.redis.is_up());
        let sent = message.is_some_and(|message| match wire.queue.try_send(message) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => false,
        });
        if !sent {
            wire.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Calls `on` with each hint of another replica until `shutdown`, and with [`Hint::Resync`]
    /// each time after a connection was made. Connects again for ever. `on` must be quick.
    ///
    /// One listener a process is meant: [`HintStats`] does not tell several apart.
    pub async fn listen(&self, on: impl Fn(Hint) + Send + Sync, shutdown: CancellationToken) {
        let Some(wire) = &self.wire else { return shutdown.cancelled().await };
        let mut backoff = Backoff::new();
        let mut first = true;
        let listening = async {
            loop {
                let Err(lost) = wire.hear(&on, &mut backoff, &mut first).await;
                if backoff.is_first() {
                    let redis = &wire.redis.options().url;
                    tracing::warn!(%redis, %lost, "no hints from other replicas: what they do is seen later");
                }
                tokio::time::sleep(backoff.next()).await;
            }
        };
        shutdown.run_until_cancelled(listening).await;
    }

    /// What became of hints so far.
    pub fn stats(&self) -> HintStats {
        let Some(wire) = &self.wire else { return HintStats::default() };
        let counters = &wire.counters;
        HintStats {
            published: counters.published.load(Ordering::Relaxed),
            dropped: counters.dropped.load(Ordering::Relaxed),
            received: counters.received.load(Ordering::Relaxed),
            connected: counters.connected.load(Ordering::Relaxed),
            reconnects: counters.reconnects.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Hints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channel = self.wire.as_ref().map(|wire| &wire.channel);
        f.debug_struct("Hints").field("channel", &channel).field("stats", &self.stats()).finish()
    }
}

impl Wire {
    /// Hears until the connection is lost; says why.
    async fn hear(
        &self,
        on: &(impl Fn(Hint) + Send + Sync),
        backoff: &mut Backoff,
        first: &mut bool,
    ) -> Result<std::convert::Infallible, Failure> {
        let patience = self.redis.options().command_timeout;
        let late = || Failure::Lost { reason: format!("no answer within {patience:?}"), timed_out: true };
        let closed = || Failure::Lost { reason: "the connection was closed".to_owned(), timed_out: false };
        let (mut sink, mut messages) = self.redis.pub_sub().await?.split();
        timeout(patience, sink.subscribe(&self.channel)).await.map_err(|_| late())??;
        let _connected = Connected::new(&self.counters);
        if !std::mem::replace(first, false) {
            self.counters.reconnects.fetch_add(1, Ordering::Relaxed);
            tracing::info!(redis = %self.redis.options().url, "hints from other replicas again");
        }
        on(Hint::Resync);
        let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = messages.next() => {
                    self.take(message.ok_or_else(closed)?.get_payload_bytes(), on);
                }
                // A connection whose other end is gone stays silent: so does a quiet one.
                _ = ping.tick() => {
                    timeout(patience, sink.ping::<()>()).await.map_err(|_| late())??;
                    backoff.reset();
                }
            }
        }
    }

    fn take(&self, message: &[u8], on: &impl Fn(Hint)) {
        match Hint::parse(message) {
            Some((origin, _)) if origin == self.origin => {}
            Some((_, hint)) => {
                self.counters.received.fetch_add(1, Ordering::Relaxed);
                on(hint);
            }
            None => tracing::debug!(bytes = message.len(), "a message that is no hint was ignored"),
        }
    }
}

/// A listener is connected as long as this lives.
struct Connected<'a>(&'a AtomicBool);

impl<'a> Connected<'a> {
    fn new(counters: &'a Counters) -> Self {
        counters.connected.store(true, Ordering::Relaxed);
        Self(&counters.connected)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Sends what waits, many at once, until nobody can publish any more.
async fn send(redis: Redis, channel: String, mut waiting: mpsc::Receiver<String>, counters: Arc<Counters>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let mut publish = pipe();
        for message in &batch {
            publish.cmd("PUBLISH").arg(&channel).arg(message).ignore();
        }
        let sent = redis.query::<()>(&publish).await.is_ok();
        let counter = if sent { &counters.published } else { &counters.dropped };
        counter.fetch_add(batch.len() as u64, Ordering::Relaxed);
        batch.clear();
    }
}

/// Waits that grow, each between half and the whole of its length, so that replicas which lost
/// Redis together do not come back together.
struct Backoff {
    wait: Duration,
}

impl Backoff {
    const fn new() -> Self {
        Self { wait: BACKOFF.0 }
    }

    const fn reset(&mut self) {
        self.wait = BACKOFF.0;
    }

    fn is_first(&self) -> bool {
        self.wait == BACKOFF.0
    }

    fn next(&mut self) -> Duration {
        let wait = self.wait.mul_f64(rand::rng().random_range(0.5..=1.0));
        self.wait = (self.wait * 2).min(BACKOFF.1);
        wait
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hints_come_back() {
        let longest = "x".repeat(MAX_JOB_ID);
        for hint in [Hint::Queued, Hint::Resync, Hint::Job("0197-af".to_owned()), Hint::Job(longest)] {
            let origin = uuid::Uuid::max().simple().to_string();
            let message = hint.message(&origin).unwrap();
            assert!(message.len() <= MAX_MESSAGE);
            assert_eq!(Hint::parse(message.as_bytes()), Some((origin.as_str(), hint)));
        }
        for id in ["", "a b", "ç", "a\n", &"x".repeat(MAX_JOB_ID + 1)] {
            assert_eq!(Hint::Job(id.to_owned()).message("me"), None, "{id:?}");
        }
    }

    #[test]
    fn what_is_no_hint_is_ignored() {
        for message in ["", "me", "me queued twice", "me job", "me job a b", "me later", "queued", "me  queued"] {
            assert_eq!(Hint::parse(message.as_bytes()), None, "{message:?}");
        }
        assert_eq!(Hint::parse(b"me \xff"), None);
        assert_eq!(Hint::parse(format!("{} queued", "x".repeat(MAX_MESSAGE)).as_bytes()), None);
    }

    #[test]
    fn waits_grow_up_to_a_limit() {
        let mut backoff = Backoff::new();
        assert!(backoff.is_first());
        let waits: Vec<Duration> = (0..20).map(|_| backoff.next()).collect();
        assert!(waits[0] >= BACKOFF.0 / 2 && waits[0] <= BACKOFF.0 && !backoff.is_first());
        assert!(waits.iter().all(|wait| *wait <= BACKOFF.1) && waits[19] >= BACKOFF.1 / 2);
        backoff.reset();
        assert!(backoff.is_first());
    }

    proptest! {
        #[test]
        fn no_message_panics(message: Vec<u8>) {
            let _ = Hint::parse(&message);
        }
    }
}
