//! How often a login may fail: after ten failures of a name from an address, each further try waits
//! twice as long as the one before; an address that tries many names is held up as well.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures before the first wait, of one name from one address, and of one address whatever the name.
const FREE: u32 = 10;
const FREE_OF_ADDRESS: u32 = 50;
/// The first wait and the longest.
const FIRST_WAIT: Duration = Duration::from_secs(15);
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// After so long without a failure everything is forgotten.
const FORGET: Duration = Duration::from_secs(30 * 60);
/// Entries that are kept at most.
const MOST: usize = 10_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    NameFrom(String, String),
    Address(String),
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

/// Counts failed logins. Cheap to clone; every clone shares the counts.
#[derive(Debug, Clone, Default)]
pub(super) struct Limiter(Arc<Mutex<HashMap<Subject, Failures>>>);

/// A try that counts as failed until it is said to be otherwise, so that many at once get no more
/// tries than one after the other.
#[derive(Debug)]
pub(super) struct Attempt {
    limiter: Limiter,
    subjects: [Subject; 2],
}

impl Limiter {
    /// Begins a try, now.
    ///
    /// # Errors
    /// How long to wait before the next one.
    pub(super) fn begin(&self, name: &str, address: &str, now: Instant) -> Result<Attempt, Duration> {
        let subjects = [Subject::NameFrom(name.to_owned(), address.to_owned()), Subject::Address(address.to_owned())];
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = subjects.iter().zip([FREE, FREE_OF_ADDRESS]).filter_map(|(subject, free)| {
            let found = failures.get(subject).filter(|found| now.duration_since(found.last) < FORGET)?;
            let until = found.last + wait(found.count.checked_sub(free)?);
            until.checked_duration_since(now).filter(|wait| !wait.is_zero())
        });
        if let Some(wait) = waits.max() {
            return Err(wait);
        }
        for subject in &subjects {
            let known = failures.get(subject).filter(|found| now.duration_since(found.last) < FORGET);
            let count = known.map_or(0, |found| found.count).saturating_add(1);
            failures.insert(subject.clone(), Failures { count, last: now });
        }
        if failures.len() > MOST {
            failures.retain(|_, found| now.duration_since(found.last) < FORGET);
        }
        if failures.len() > MOST {
            // Those with few failures, so that nobody washes a long wait away with names made up.
            let mut counts: Vec<(u32, Instant)> = failures.values().map(|found| (found.count, found.last)).collect();
            let (_, limit, _) = counts.select_nth_unstable(MOST / 10);
            let limit = *limit;
            failures.retain(|_, found| (found.count, found.last) > limit);
        }
        Ok(Attempt { limiter: self.clone(), subjects })
    }
}

fn wait(over: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << over.min(16)).min(LONGEST_WAIT)
}

impl Attempt {
    /// It was right: the failures of the name are forgotten.
    pub(super) fn succeeded(self) {
        let mut failures = self.limiter.0.lock().unwrap_or_else(PoisonError::into_inner);
        let [name, address] = &self.subjects;
        failures.remove(name);
        take_back(&mut failures, address);
    }

    /// It was neither right nor wrong.
    pub(super) fn withdraw(self) {
        let mut failures = self.limiter.0.lock().unwrap_or_else(PoisonError::into_inner);
        for subject in &self.subjects {
            take_back(&mut failures, subject);
        }
    }
}

fn take_back(failures: &mut HashMap<Subject, Failures>, subject: &Subject) {
    if let Some(found) = failures.get_mut(subject) {
        found.count = found.count.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_too_many_doubles_the_wait() {
        let (limiter, mut now) = (Limiter::default(), Instant::now());
        for _ in 0..FREE {
            limiter.begin("ana", "10.0.0.1", now).unwrap();
        }
        assert_eq!(limiter.begin("ana", "10.0.0.1", now).unwrap_err(), FIRST_WAIT);
        // Others, and the same name from elsewhere, are free.
        limiter.begin("rui", "10.0.0.1", now).unwrap();
        limiter.begin("ana", "10.0.0.2", now).unwrap();
        for n in 0..10_u32 {
            now += (FIRST_WAIT * 2_u32.pow(n)).min(LONGEST_WAIT);
            let early = now.checked_sub(Duration::from_millis(1)).unwrap();
            assert_eq!(limiter.begin("ana", "10.0.0.1", early).unwrap_err(), Duration::from_millis(1), "{n}");
            limiter.begin("ana", "10.0.0.1", now).unwrap();
        }
        now += FORGET;
        for _ in 0..FREE {
            limiter.begin("ana", "10.0.0.1", now).unwrap();
        }
    }

    #[test]
    fn a_right_password_clears_the_count() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        for _ in 0..5 {
            for _ in 0..FREE - 1 {
                limiter.begin("ana", "a", now).unwrap();
            }
            limiter.begin("ana", "a", now).unwrap().succeeded();
        }
        // What was withdrawn does not count.
        for _ in 0..100 {
            limiter.begin("eva", "b", now).unwrap().withdraw();
        }
        limiter.begin("eva", "b", now).unwrap();
    }

    #[test]
    fn an_address_that_tries_many_names_waits() {
        let (limiter, now) = (Limiter::default(), Instant::now());
        for n in 0..FREE_OF_ADDRESS {
            limiter.begin(&format!("user{n}"), "a", now).unwrap();
        }
        assert_eq!(limiter.begin("another", "a", now).unwrap_err(), FIRST_WAIT);
        limiter.begin("another", "b", now).unwrap();
    }

    #[test]
    fn memory_is_bounded_and_long_waits_stay() {
        let (limiter, mut now) = (Limiter::default(), Instant::now());
        for _ in 0..FREE {
            limiter.begin("ana", "a", now).unwrap();
        }
        for n in 0..3 * MOST {
            now += Duration::from_micros(100);
            limiter.begin(&format!("user{n}"), &n.to_string(), now).unwrap();
        }
        assert!(limiter.0.lock().unwrap().len() <= MOST);
        assert!(limiter.begin("ana", "a", now).is_err());
    }
}
