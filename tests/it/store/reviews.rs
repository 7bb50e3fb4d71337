//! What reviewers say of findings.

use std::time::Duration;

use cidadao::model::{JobKind, ReviewState, Severity};
use cidadao::store::{FindingQuery, NewReview, StepCommit, Store};

use diesel::Connection as _;
use diesel::connection::SimpleConnection as _;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection};

use crate::support::samples::{completed, finding, start, step};
use crate::support::{Database, on_both_databases};

on_both_databases!(
    a_review_is_kept_by_the_id_of_the_finding,
    every_change_is_listed_and_none_can_be_altered,
    two_reviewers_at_once_leave_one_chain_of_changes,
    findings_are_filtered_by_their_review,
);

/// A completed job of an owner with findings of these ids.
async fn job(store: &Store, owner: &str, ids: &[&str]) -> String {
    start(store, owner).await;
    let claimed = store.claim_job("w", Duration::from_secs(60), &[JobKind::Investigation]).await;
    let job = claimed.expect("a claim").expect("claimed");
    let findings = ids.iter().map(|id| finding(id, "d", Severity::High)).collect();
    store.commit_step(&job.id, job.lease_token, StepCommit { findings, ..step(1) }).await.expect("committed");
    store.finish_job(&job.id, job.lease_token, completed(&job)).await.expect("finished");
    job.id
}

/// Runs a statement past the store.
async fn execute(database: &Database, sql: &str) -> Result<(), String> {
    if let Some(path) = database.url.strip_prefix("sqlite:") {
        let mut conn = diesel::SqliteConnection::establish(path).map_err(|error| error.to_string())?;
        return conn.batch_execute(sql).map_err(|error| error.to_string());
    }
    let mut conn = AsyncPgConnection::establish(&database.url).await.map_err(|error| error.to_string())?;
    SimpleAsyncConnection::batch_execute(&mut conn, sql).await.map_err(|error| error.to_string())
}

fn says(finding_id: &str, actor: &str, state: ReviewState, reason: &str) -> NewReview {
    NewReview {
        finding_id: finding_id.to_owned(),
        state,
        reason: reason.to_owned(),
        actor: actor.to_owned(),
        remote: "here".to_owned(),
    }
}

async fn a_review_is_kept_by_the_id_of_the_finding(database: Database) {
    let store = database.store().await;
    let first = job(&store, "ana", &["a", "b"]).await;
    assert!(store.reviews(vec!["a".to_owned(), "b".to_owned()]).await.expect("reviews").is_empty());
    let review = store.review_finding(says("a", "ana", ReviewState::Dismissed, "folha 12")).await.expect("reviewed");
    assert_eq!(
        (review.state, review.reason.as_str(), review.reviewer.as_str()),
        (ReviewState::Dismissed, "folha 12", "ana")
    );
    // Another run, of somebody else, that makes the same finding.
    let second = job(&store, "bia", &["a", "c"]).await;
    let reviews = store.reviews(["a", "b", "c"].map(str::to_owned).to_vec()).await.expect("reviews");
    assert_eq!(reviews.len(), 1);
    assert_eq!(reviews["a"], review);
    // The latest job of an owner that made it.
    let job_of = async |id: &str, owner: Option<&str>| {
        store.finding(id, owner.map(str::to_owned)).await.expect("read").map(|(job, found)| {
            assert_eq!(found.id, id);
            job
        })
    };
    assert_eq!(job_of("a", None).await, Some(second.clone()));
    assert_eq!(job_of("a", Some("ana")).await, Some(first));
    assert_eq!(job_of("a", Some("bia")).await, Some(second));
    assert_eq!(job_of("b", Some("bia")).await, None);
    assert_eq!(job_of("z", None).await, None);
    // A job that has not completed has no findings to speak of.
    start(&store, "ana").await;
    let running = store.claim_job("w", Duration::from_secs(60), &[JobKind::Investigation]).await.unwrap().unwrap();
    let findings = vec![finding("r", "d", Severity::Low)];
    store.commit_step(&running.id, running.lease_token, StepCommit { findings, ..step(1) }).await.expect("committed");
    assert_eq!(job_of("r", None).await, None);
}

async fn every_change_is_listed_and_none_can_be_altered(database: Database) {
    let store = database.store().await;
    let changes = async || store.review_changes("a").await.expect("changes");
    assert!(changes().await.is_empty());
    for (actor, state, reason) in [
        ("ana", ReviewState::Confirmed, ""),
        // The same again changes nothing, whoever says it.
        ("bia", ReviewState::Confirmed, ""),
        ("bia", ReviewState::Dismissed, "folha 12"),
        ("bia", ReviewState::Dismissed, "folha 13"),
        ("ana", ReviewState::Open, ""),
    ] {
        store.review_finding(says("a", actor, state, reason)).await.expect("reviewed");
        database.pass(1);
    }
    let told: Vec<_> = changes()
        .await
        .into_iter()
        .map(|change| {
            assert_eq!(change.remote, "here");
            format!("{} {} {} {}", change.actor, change.from.as_str(), change.to.as_str(), change.reason)
        })
        .collect();
    assert_eq!(
        told,
        [
            "ana open confirmed ",
            "bia confirmed dismissed folha 12",
            "bia dismissed dismissed folha 13",
            "ana dismissed open "
        ]
    );
    let audit = store.audit_entries(100).await.expect("entries");
    let reviewed: Vec<_> = audit.iter().filter(|entry| entry.action == "finding.reviewed").collect();
    assert_eq!(reviewed.len(), 4);
    assert!(reviewed.iter().all(|entry| entry.resource == "a" && entry.result == "ok"));
    assert_eq!(reviewed[0].details["to"], "open");
    for statement in ["UPDATE finding_reviews SET reason = 'x'", "DELETE FROM finding_reviews"] {
        let refused = execute(&database, statement).await.expect_err(statement);
        assert!(refused.contains("append-only"), "{statement}: {refused}");
    }
    assert_eq!(changes().await.len(), 4);
}

async fn two_reviewers_at_once_leave_one_chain_of_changes(database: Database) {
    let (one, two) = (database.store().await, database.store().await);
    let say = |store: &Store, actor: &'static str| {
        let store = store.clone();
        async move {
            for n in 0..10 {
                let state = if n % 2 == 0 { ReviewState::Confirmed } else { ReviewState::Dismissed };
                store.review_finding(says("a", actor, state, &format!("{actor} {n}"))).await.expect("reviewed");
            }
        }
    };
    tokio::join!(say(&one, "ana"), say(&two, "bia"));
    let changes = one.review_changes("a").await.expect("changes");
    assert_eq!(changes.len(), 20);
    // Ordered by when they took their turn, each begins where the one before ended.
    let mut by_link = changes.clone();
    let mut state = ReviewState::Open;
    while !by_link.is_empty() {
        let next = by_link.iter().position(|change| change.from == state).expect("a change that begins there");
        state = by_link.remove(next).to;
    }
}

async fn findings_are_filtered_by_their_review(database: Database) {
    let store = database.store().await;
    let job_id = job(&store, "ana", &["a", "b", "c", "d"]).await;
    for (id, state) in [("b", ReviewState::Confirmed), ("c", ReviewState::Dismissed), ("d", ReviewState::Confirmed)] {
        store.review_finding(says(id, "ana", state, "x")).await.expect("reviewed");
    }
    store.review_finding(says("d", "ana", ReviewState::Open, "")).await.expect("reopened");
    use ReviewState::{Confirmed, Dismissed, Open};
    for (reviews, expected) in [
        (vec![], vec!["a", "b", "c", "d"]),
        (vec![Open], vec!["a", "d"]),
        (vec![Confirmed], vec!["b"]),
        (vec![Dismissed], vec!["c"]),
        (vec![Open, Confirmed], vec!["a", "b", "d"]),
        (vec![Confirmed, Dismissed], vec!["b", "c"]),
        (vec![Open, Confirmed, Dismissed], vec!["a", "b", "c", "d"]),
    ] {
        let query = FindingQuery { job_id: job_id.clone(), reviews, limit: 100, ..FindingQuery::default() };
        let found = store.findings(query.clone()).await.expect("findings");
        let ids: Vec<_> = found.iter().map(|(_, finding)| finding.id.as_str()).collect();
        assert_eq!(ids, expected, "{:?}", query.reviews);
        assert_eq!(store.count_findings(query).await, Ok(expected.len() as i64));
    }
}
