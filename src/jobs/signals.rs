use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Wakes the watchers of a job when this process has committed something of it. Only a hint: the
/// log is the truth.
#[derive(Debug, Clone, Default)]
pub(super) struct Signals(Arc<Mutex<HashMap<String, watch::Sender<()>>>>);

/// One watcher's ear; the entry of a job goes with its last one.
#[derive(Debug)]
pub(super) struct Ear {
    job_id: String,
    signals: Signals,
    heard: Option<watch::Receiver<()>>,
}

impl Signals {
    pub(super) fn listen(&self, job_id: &str) -> Ear {
        let mut senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = senders.entry(job_id.to_owned()).or_insert_with(|| watch::Sender::new(()));
        Ear { job_id: job_id.to_owned(), signals: self.clone(), heard: Some(sender.subscribe()) }
    }

    pub(super) fn wake(&self, job_id: &str) {
        let senders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = senders.get(job_id) {
            sender.send_replace(());
        }
    }

    /// Jobs that somebody listens to.
    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Ear {
    /// Returns once something was committed since the last call.
    pub(super) async fn woken(&mut self) {
        let heard = match &mut self.heard {
            Some(heard) => heard.changed().await.is_ok(),
            None => false,
        };
        if !heard {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        let mut senders = self.signals.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.heard = None;
        if senders.get(&self.job_id).is_some_and(|sender| sender.receiver_count() == 0) {
            senders.remove(&self.job_id);
        }
    }
}
