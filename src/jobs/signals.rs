use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Wakes those who wait for something of a job, or of any, when it was committed. Only a hint: the
/// log is the truth.
#[derive(Debug, Clone, Default)]
pub(super) struct Signals(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    jobs: Mutex<HashMap<String, watch::Sender<()>>>,
    any: watch::Sender<()>,
}

/// One listener's ear; the entry of a job goes with its last one.
#[derive(Debug)]
pub(super) struct Ear {
    job_id: String,
    signals: Signals,
    heard: Option<watch::Receiver<()>>,
}

impl Signals {
    fn jobs(&self) -> std::sync::MutexGuard<'_, HashMap<String, watch::Sender<()>>> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn listen(&self, job_id: &str) -> Ear {
        let mut senders = self.jobs();
        let sender = senders.entry(job_id.to_owned()).or_insert_with(|| watch::Sender::new(()));
        Ear { job_id: job_id.to_owned(), signals: self.clone(), heard: Some(sender.subscribe()) }
    }

    /// Hears of every job.
    pub(super) fn listen_to_all(&self) -> watch::Receiver<()> {
        self.0.any.subscribe()
    }

    pub(super) fn wake(&self, job_id: &str) {
        if let Some(sender) = self.jobs().get(job_id) {
            sender.send_replace(());
        }
        self.0.any.send_replace(());
    }

    /// Wakes everybody: something may have been missed.
    pub(super) fn wake_all(&self) {
        for sender in self.jobs().values() {
            sender.send_replace(());
        }
        self.0.any.send_replace(());
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
        let mut senders = self.signals.jobs();
        self.heard = None;
        if senders.get(&self.job_id).is_some_and(|sender| sender.receiver_count() == 0) {
            senders.remove(&self.job_id);
        }
    }
}
