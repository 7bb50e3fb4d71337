//! How long to wait before the next attempt.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::FetchOptions;

/// The wait before attempt number `next`, the first being 1: what the server asked for, else twice the one
/// before; with up to a quarter more, so that clients that failed together do not come back together.
pub(super) fn wait(options: &FetchOptions, next: u32, asked: Option<Duration>, chance: f64) -> Duration {
    let doubled = options.backoff.saturating_mul(1_u32.checked_shl(next.saturating_sub(2)).unwrap_or(u32::MAX));
    let least = asked.unwrap_or(doubled);
    least.saturating_add(least.mul_f64(chance.clamp(0.0, 1.0) / 4.0)).min(options.longest_wait)
}

/// `Retry-After`: seconds, or a date of HTTP (RFC 9110, section 10.2.3).
pub(super) fn asked_for(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    if let Ok(seconds) = header.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(header.trim()).ok()?;
    Some(at.with_timezone(&Utc).signed_duration_since(now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let options = FetchOptions::default();
        let seconds = |next, asked: Option<u64>, chance| {
            wait(&options, next, asked.map(Duration::from_secs), chance).as_secs_f64()
        };
        assert_eq!((seconds(2, None, 0.0), seconds(3, None, 0.0), seconds(4, None, 1.0)), (2.0, 4.0, 10.0));
        assert_eq!((seconds(2, Some(30), 0.0), seconds(2, Some(40), 0.5)), (30.0, 45.0));
        assert_eq!((seconds(60, None, 1.0), seconds(2, Some(86_400), 0.0)), (300.0, 300.0));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(asked_for(" 5 ", now), Some(Duration::from_secs(5)));
        assert_eq!(asked_for("Thu, 01 Jan 2026 00:01:00 GMT", now), Some(Duration::from_secs(60)));
        assert_eq!(asked_for("Wed, 31 Dec 2025 00:01:00 GMT", now), Some(Duration::ZERO));
        assert_eq!((asked_for("soon", now), asked_for("-1", now)), (None, None));
    }
}
