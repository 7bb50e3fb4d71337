//! `WatchInvestigations`: all jobs of a caller, live.

use std::pin::Pin;

use chrono::TimeDelta;
use futures::{Stream, StreamExt as _};

use super::caller::Caller;
use super::convert::{self, timestamp};
use super::errors::ApiError;
use super::investigation::investigation;
use super::jobs::{Messages, until_stop};
use super::pb::watch_investigations_response::Item;
use super::{Api, pb};
use crate::jobs::{FollowItem, FollowQuery};
use crate::model::{JobKind, Violation};

/// A stream as tonic takes it.
pub(super) type Items = Messages<pb::WatchInvestigationsResponse>;

/// How far back ended investigations may be asked for.
const MAX_AGE: TimeDelta = TimeDelta::days(30);
/// Most states that a request may name.
const MAX_STATES: usize = 20;

pub(super) fn watch(api: &Api, caller: Caller, request: &pb::WatchInvestigationsRequest) -> Result<Items, ApiError> {
    let mut found = Vec::new();
    if request.status.len() > MAX_STATES {
        found.push(Violation::new("status", format!("must have at most {MAX_STATES} entries"), request.status.len()));
    }
    for (at, state) in request.status.iter().enumerate().take(MAX_STATES) {
        let field = format!("status[{at}]");
        if convert::known::<pb::JobState>(*state, &field, &mut found) == Some(pb::JobState::Unspecified) {
            found.push(Violation::new(field, "must be set", state));
        }
    }
    convert::known::<pb::InvestigationType>(request.investigation_type, "investigation_type", &mut found);
    let ended_after = convert::time(request.ended_after, "ended_after", &mut found);
    if ended_after.is_some_and(|at| at < api.store.now() - MAX_AGE) {
        found.push(Violation::new("ended_after", "must be at most 30 days ago", format!("{ended_after:?}")));
    }
    if !found.is_empty() {
        return Err(ApiError::Invalid(found));
    }
    let query = FollowQuery { kind: JobKind::Investigation, owner: caller.principal.id.clone(), ended_after };
    let (states, kind) = (request.status.clone(), request.investigation_type);
    let (catalogue, store) = (api.catalogue.clone(), api.store.clone());
    let items = api.jobs.follow(query).filter_map(move |item| {
        let told =
            |item| pb::WatchInvestigationsResponse { item: Some(item), event_time: Some(timestamp(store.now())) };
        let item = match item {
            Ok(FollowItem::Job(job)) => match investigation(*job, &catalogue) {
                Ok(job) => {
                    let asked_for = (states.is_empty() || states.contains(&job.status))
                        && (kind == pb::InvestigationType::Unspecified as i32 || kind == job.investigation_type);
                    asked_for.then(|| Ok(told(Item::Investigation(Box::new(job)))))
                }
                Err(error) => Some(Err(error)),
            },
            Ok(FollowItem::CaughtUp) => Some(Ok(told(Item::CaughtUp(true)))),
            Ok(FollowItem::Heartbeat) => Some(Ok(told(Item::Heartbeat(true)))),
            Err(error) => Some(Err(ApiError::from(error))),
        };
        std::future::ready(item)
    });
    let items: Pin<Box<dyn Stream<Item = Result<_, ApiError>> + Send>> = Box::pin(items);
    Ok(until_stop(items, caller, api))
}
