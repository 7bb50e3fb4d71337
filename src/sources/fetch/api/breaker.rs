//! A circuit breaker: a service that fails again and again is left alone for a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Whether requests go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// They do; so many failed one after the other.
    Closed(u32),
    /// They do not, until then.
    Open(Instant),
    /// One does, to see.
    Trying,
}

/// Stands between the client of a service and the service.
#[derive(Debug)]
pub(super) struct Breaker {
    service: String,
    /// Failures, one after the other, that open it.
    failures: u32,
    /// How long it stays open.
    pause: Duration,
    state: Mutex<State>,
}

impl Breaker {
    pub(super) fn new(service: impl Into<String>, failures: u32, pause: Duration) -> Self {
        Self { service: service.into(), failures: failures.max(1), pause, state: Mutex::new(State::Closed(0)) }
    }

    /// Lets a request through.
    ///
    /// # Errors
    /// How long it stays open.
    pub(super) fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Closed(_) => Ok(()),
            State::Open(until) if until <= now => {
                *state = State::Trying;
                tracing::info!(service = self.service, state = "half_open", "circuit breaker lets one request through");
                Ok(())
            }
            State::Open(until) => Err(until - now),
            State::Trying => Err(self.pause),
        }
    }

    /// Takes note of how a request that was let through went.
    pub(super) fn record(&self, answered: bool, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = match *state {
            State::Closed(before) => before + 1,
            State::Trying | State::Open(_) => self.failures,
        };
        if answered {
            if *state != State::Closed(0) {
                tracing::info!(service = self.service, state = "closed", "the service answers");
            }
            *state = State::Closed(0);
        } else if failed >= self.failures {
            *state = State::Open(now + self.pause);
            let pause_ms = self.pause.as_millis() as u64;
            tracing::warn!(service = self.service, state = "open", failed, pause_ms, "circuit breaker opens");
        } else {
            *state = State::Closed(failed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_tries_and_closes() {
        let breaker = Breaker::new("x", 2, Duration::from_secs(30));
        let now = Instant::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        breaker.record(false, now);
        assert_eq!(breaker.admit(now), Ok(()));
        // One that answers in between begins the count anew.
        breaker.record(true, now);
        breaker.record(false, now);
        breaker.record(false, now);
        assert_eq!(breaker.admit(later(10)), Err(Duration::from_secs(20)));
        assert_eq!(breaker.admit(later(30)), Ok(()));
        assert!(breaker.admit(later(30)).is_err(), "one request alone");
        breaker.record(false, later(31));
        assert_eq!(breaker.admit(later(31)), Err(Duration::from_secs(30)));
        assert_eq!(breaker.admit(later(61)), Ok(()));
        breaker.record(true, later(61));
        assert_eq!(breaker.admit(later(61)), Ok(()));
    }
}
