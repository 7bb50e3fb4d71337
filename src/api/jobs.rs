//! What investigations and analyses have in common: finding a job by its id, and the stream of its
//! events.

use std::pin::Pin;

use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt as _};
use tonic::Status;

use super::caller::Caller;
use super::convert;
use super::errors::{self, ApiError};
use super::{Api, Principal, pb};
use crate::auth::Auth;
use crate::jobs::WatchItem;
use crate::model::{Job, JobKind, Violation};

/// A stream of events as tonic takes it.
pub(super) type Events = Messages<pb::ProgressEvent>;

/// A stream of messages as tonic takes it.
pub(super) type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Name of a kind in messages.
pub(super) const fn resource(kind: JobKind) -> &'static str {
    kind.as_str()
}

/// The caller's job of this kind and id.
///
/// An id that is no UUID is the id of nothing, as one that is unknown or, unless the caller is an
/// administrator, another owner's.
pub(super) async fn find(api: &Api, caller: &Caller, kind: JobKind, id: &str) -> Result<Job, ApiError> {
    let resource = resource(kind);
    if id.is_empty() {
        return Err(ApiError::Invalid(vec![Violation::new(format!("{resource}_id"), "must not be empty", id)]));
    }
    let job = match convert::hyphenated(id) {
        Some(id) => api.jobs.get(&id.to_string()).await?,
        None => None,
    };
    job.filter(|job| job.kind == kind && caller.principal.may_see(&job.owner))
        .ok_or_else(|| ApiError::NotFound { resource, id: id.to_owned() })
}

/// The place of a job in a list, the newest first.
pub(super) fn place(job: &Job) -> String {
    format!("{}|{}", job.created_at.timestamp_micros(), job.id)
}

/// The place that a text is.
pub(super) fn read_place(text: &str) -> Option<(DateTime<Utc>, String)> {
    let (micros, id) = text.split_once('|')?;
    Some((DateTime::from_timestamp_micros(micros.parse().ok()?)?, convert::hyphenated(id)?.to_string()))
}

/// The events of a job after a sequence, those to come included; ends after the last one.
pub(super) async fn watch(
    api: &Api,
    caller: Caller,
    kind: JobKind,
    id: &str,
    after_sequence: i64,
) -> Result<Events, ApiError> {
    let mut found = Vec::new();
    if after_sequence < 0 {
        found.push(Violation::new("after_sequence", "must not be negative", after_sequence));
    }
    if id.is_empty() {
        found.push(Violation::new(format!("{}_id", resource(kind)), "must not be empty", id));
    }
    if !found.is_empty() {
        return Err(ApiError::Invalid(found));
    }
    let job = find(api, &caller, kind, id).await?;
    let watched = api.jobs.watch(&job.id, after_sequence);
    let now = api.store.clone();
    let events = watched.map(move |item| {
        item.map(|item| match item {
            WatchItem::Event(event) => convert::event(&event),
            WatchItem::Heartbeat { sequence, job } => convert::heartbeat(&job, sequence, now.now()),
        })
        .map_err(ApiError::from)
    });
    Ok(until_stop(Box::pin(events), caller, api))
}

/// The stream, cut with `UNAVAILABLE` when the server stops, as a watch of a job that still runs would
/// keep its connection open for ever, and with `UNAUTHENTICATED` a moment after the caller's key was
/// revoked or its user disabled. Ends after an error.
pub(super) fn until_stop<T: Send + 'static>(
    events: Pin<Box<dyn Stream<Item = Result<T, ApiError>> + Send>>,
    caller: Caller,
    api: &Api,
) -> Messages<T> {
    let revoked = Box::pin(revoked(api.auth.clone(), caller.principal.clone()));
    let cut = (revoked, api.stopping.clone());
    Box::pin(futures::stream::unfold(Some((events, caller, cut)), |state| async move {
        let (mut events, caller, (mut revoked, stopping)) = state?;
        let item = tokio::select! {
            biased;
            // First, or a busy stream would never come to it.
            () = &mut revoked => Err(ApiError::Revoked),
            item = events.next() => item?,
            () = stopping.cancelled() => Err(ApiError::Stopping),
        };
        Some(match item {
            Ok(event) => (Ok(event), Some((events, caller, (revoked, stopping)))),
            Err(error) => (Err(errors::status(&caller, &error)), None),
        })
    }))
}

/// Returns once a principal holds no more.
async fn revoked(auth: Auth, principal: Principal) {
    loop {
        tokio::time::sleep(auth.recheck()).await;
        // On the heap for as long as it takes: streams are many, and idle for most of their life.
        match Box::pin(auth.still_holds(&principal)).await {
            Ok(true) => {}
            Ok(false) => return,
            // A stream outlives a database that is away; the next look decides.
            Err(error) => tracing::debug!(%error, "the caller of a stream could not be checked"),
        }
    }
}
