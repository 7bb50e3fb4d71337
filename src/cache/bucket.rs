//! A token bucket: how often somebody else's service may be asked, by all replicas together.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bb8_redis::redis::cmd;
use chrono::{DateTime, FixedOffset, Timelike, Utc};
use tokio::time::Instant;

use super::redis::Redis;

/// Hours that Brasília is behind UTC.
const BRASILIA_HOURS: i32 = -3;
/// The hour at which the day begins; before it the night's rate holds.
const DAY_BEGINS: u32 = 6;
/// The part of a minute's requests that may come at once. The rest is spread over the minute, so that no
/// sixty seconds see more than the rate.
const BURST_PART: u32 = 9;

/// Takes a request out of a bucket: 0, or the microseconds to wait before the next try. What is kept is the
/// moment at which the bucket would be full again (the generic cell rate algorithm, ITU-T I.371).
const TAKE: &str = "
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local full = tonumber(redis.call('GET', KEYS[1]) or '0')
local each, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
if full < now then full = now end
local wait = full + each - burst - now
if wait > 0 then return wait end
full = full + each
redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', string.format('%.0f', (full - now) / 1000 + 1000))
return 0";

/// Requests a minute, by the hour of Brasília.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// From 06:00 to 23:59.
    pub day: u32,
    /// From 00:00 to 05:59.
    pub night: u32,
}

impl Rate {
    /// The same at any hour.
    pub const fn always(per_minute: u32) -> Self {
        Self { day: per_minute, night: per_minute }
    }

    /// Requests a minute at a moment, at least one.
    fn at(self, now: DateTime<Utc>) -> u32 {
        let hour = FixedOffset::east_opt(BRASILIA_HOURS * 3_600).map_or(0, |zone| now.with_timezone(&zone).hour());
        if hour < DAY_BEGINS { self.night.max(1) } else { self.day.max(1) }
    }

    /// The time between two requests, and the time that those take which may come at once.
    fn spread(self, now: DateTime<Utc>) -> (Duration, Duration) {
        let per_minute = self.at(now);
        let burst = (per_minute / BURST_PART).max(1);
        let each = Duration::from_secs(60) / (per_minute - burst).max(1);
        (each, each * burst)
    }
}

/// A token bucket, in Redis where there is one, else in this process; clones share it.
#[derive(Clone)]
pub struct Bucket {
    name: String,
    rate: Rate,
    redis: Option<Redis>,
    /// When this process's own bucket is full again.
    full: Arc<Mutex<Option<Instant>>>,
}

impl Bucket {
    /// The bucket of a name. Every process with the same Redis and namespace shares it.
    pub fn new(name: impl Into<String>, rate: Rate, redis: Option<Redis>) -> Self {
        Self { name: name.into(), rate, redis, full: Arc::default() }
    }

    /// Takes a request out of the bucket, or says how long to wait before asking again. While Redis is away
    /// each process has a bucket of its own.
    ///
    /// # Errors
    /// How long to wait; nothing was taken.
    pub async fn take(&self, now: DateTime<Utc>) -> Result<(), Duration> {
        let (each, burst) = self.rate.spread(now);
        let wait = match &self.redis {
            Some(redis) => {
                let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
                let mut eval = cmd("EVAL");
                eval.arg(TAKE).arg(1).arg(redis.name(&format!("bucket:{}", self.name)));
                eval.arg(micros(each)).arg(micros(burst));
                let answer = redis.query::<u64>(&eval).await;
                answer.map_or_else(|_| self.take_own(Instant::now(), each, burst), Duration::from_micros)
            }
            None => self.take_own(Instant::now(), each, burst),
        };
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    fn take_own(&self, now: Instant, each: Duration, burst: Duration) -> Duration {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = full.unwrap_or(now).max(now);
        let wait = (begin + each).saturating_duration_since(now + burst);
        if wait.is_zero() {
            *full = Some(begin + each);
        }
        wait
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.name).field("rate", &self.rate).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_goes_by_the_hour_of_brasilia() {
        let rate = Rate { day: 90, night: 300 };
        for (moment, per_minute) in [
            ("2026-03-01T02:59:59Z", 90),
            ("2026-03-01T03:00:00Z", 300),
            ("2026-03-01T08:59:59Z", 300),
            ("2026-03-01T09:00:00Z", 90),
        ] {
            assert_eq!(rate.at(moment.parse().unwrap()), per_minute, "{moment}");
        }
    }

    #[test]
    fn no_minute_sees_more_than_the_rate() {
        for per_minute in [1, 7, 90, 300] {
            let rate = Rate::always(per_minute);
            let bucket = Bucket::new("x", rate, None);
            let (each, burst) = rate.spread(Utc::now());
            let begun = Instant::now();
            let mut passed = Duration::ZERO;
            let mut taken = Vec::new();
            while passed < Duration::from_secs(300) {
                match bucket.take_own(begun + passed, each, burst) {
                    Duration::ZERO => taken.push(passed),
                    wait => passed += wait,
                }
            }
            for (place, first) in taken.iter().enumerate() {
                let minute = taken[place..].iter().take_while(|at| **at < *first + Duration::from_secs(60)).count();
                assert!(minute <= per_minute.max(2) as usize, "{minute} of {per_minute}");
            }
            // And it is used: most of what is allowed over five minutes.
            assert!(taken.len() as f64 >= 0.85 * 4.0 * f64::from(per_minute), "{} of {per_minute}", taken.len());
        }
    }
}
