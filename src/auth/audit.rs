//! Refused calls in the audit log: so many a minute and no more, so that nobody fills the database by
//! being refused.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::model::AuditEntry;
use crate::store::Store;

/// Entries of a minute in one process.
const A_MINUTE: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// A call that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Who, as far as it is known.
    pub actor: String,
    /// The method, as the API declares it.
    pub method: String,
    /// From where.
    pub remote: String,
    /// Reason, as the caller was told.
    pub reason: &'static str,
    /// Id of the request.
    pub request_id: String,
}

#[derive(Debug)]
struct Minute {
    began: Instant,
    written: u32,
    left_out: u64,
}

impl Minute {
    /// Whether one more may be written, and how many were left out before it.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if now.duration_since(self.began) >= MINUTE {
            (self.began, self.written) = (now, 0);
        }
        if self.written >= A_MINUTE {
            self.left_out += 1;
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Denials {
    store: Store,
    minute: Arc<Mutex<Minute>>,
}

impl Denials {
    pub(super) fn new(store: Store) -> Self {
        Self { store, minute: Arc::new(Mutex::new(Minute { began: Instant::now(), written: 0, left_out: 0 })) }
    }

    pub(super) fn note(&self, denial: Denial) {
        let Some(left_out) = self.minute.lock().unwrap_or_else(PoisonError::into_inner).admit(Instant::now()) else {
            return;
        };
        let entry = AuditEntry {
            actor: denial.actor,
            action: "call.denied".to_owned(),
            resource: denial.method,
            remote: denial.remote,
            result: "denied".to_owned(),
            details: json!({
                "reason": denial.reason,
                "request_id": denial.request_id,
                "left_out_before": left_out,
            }),
        };
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.append_audit(entry).await {
                tracing::warn!(%error, "a refused call could not be written to the audit log");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_its_bound_and_what_is_left_out_is_counted() {
        let began = Instant::now();
        let mut minute = Minute { began, written: 0, left_out: 0 };
        for _ in 0..A_MINUTE {
            assert_eq!(minute.admit(began), Some(0));
        }
        for _ in 0..7 {
            assert_eq!(minute.admit(began + MINUTE / 2), None);
        }
        assert_eq!(minute.admit(began + MINUTE), Some(7));
        assert_eq!(minute.admit(began + MINUTE), Some(0));
    }
}
