use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cidadao::model::{Finding, JobKind, Severity};
use cidadao::store::{FindingQuery, StepCommit, Store};

use crate::support::samples::{completed, finding, log, progress, start, step, summary};
use crate::support::{Database, on_both_databases};

on_both_databases!(
    findings_come_in_order_and_in_pages,
    many_findings_are_stored_in_one_step,
    summaries_keep_their_order,
    a_reader_sees_no_gap,
);

pub(super) async fn all(store: &Store, job_id: &str) -> Vec<(i64, Finding)> {
    let query = FindingQuery { job_id: job_id.to_owned(), limit: 100_000, ..FindingQuery::default() };
    store.findings(query).await.expect("findings")
}

async fn claimed(store: &Store) -> cidadao::model::Job {
    start(store, "ana").await;
    let claimed = store.claim_job("w", Duration::from_secs(60), &[JobKind::Investigation]).await;
    claimed.expect("a claim").expect("claimed")
}

async fn findings_come_in_order_and_in_pages(database: Database) {
    let store = database.store().await;
    let job = claimed(&store).await;
    // Ids whose order a linguistic collation would turn round.
    let ids = ["b", "B", "a", "-a", "é", "a-b", "ab", "_"];
    let detectors = ["splitting_sum", "amendment_cap", "Z"];
    let severities = [Severity::Low, Severity::Critical, Severity::Medium, Severity::High];
    let mut expected = Vec::new();
    for (at, detector) in detectors.into_iter().enumerate() {
        let mut findings = Vec::new();
        for (n, id) in ids.into_iter().enumerate() {
            findings.push(finding(&format!("{id}/{detector}"), detector, severities[(n + at) % 4]));
        }
        expected.extend(findings.clone());
        let commit = StepCommit { findings, ..step(at as i32 + 1) };
        store.commit_step(&job.id, job.lease_token, commit).await.expect("committed");
    }
    // The same id again, in one step twice: the last one stands.
    let changed = finding("ab/Z", "Z", Severity::Critical);
    let twice = StepCommit { findings: vec![finding("ab/Z", "Z", Severity::Low), changed.clone()], ..step(4) };
    store.commit_step(&job.id, job.lease_token, twice).await.expect("committed");
    expected.retain(|finding| finding.id != changed.id);
    expected.push(changed);
    expected.sort_by_key(|finding| {
        (std::cmp::Reverse(finding.severity), finding.detector.id.clone().into_bytes(), finding.id.clone().into_bytes())
    });
    let numbered: Vec<(i64, Finding)> = (1..).zip(expected).collect();
    assert_eq!(all(&store, &job.id).await, numbered);
    store.finish_job(&job.id, job.lease_token, completed(&job)).await.expect("finished");
    assert_eq!(all(&store, &job.id).await, numbered);

    for (min_severity, types) in [
        (None, vec![]),
        (Some(Severity::High), vec![]),
        (None, vec!["Z".to_owned(), "amendment_cap".to_owned()]),
        (Some(Severity::Medium), vec!["splitting_sum".to_owned()]),
        (None, vec!["no_such".to_owned()]),
    ] {
        let wanted: Vec<_> = numbered
            .iter()
            .filter(|(_, finding)| min_severity.is_none_or(|severity| finding.severity >= severity))
            .filter(|(_, finding)| types.is_empty() || types.contains(&finding.detector.id))
            .cloned()
            .collect();
        let job_id = job.id.clone();
        let mut query = FindingQuery { job_id, min_severity, types, limit: 3, ..FindingQuery::default() };
        assert_eq!(store.count_findings(query.clone()).await, Ok(wanted.len() as i64));
        let mut paged = Vec::new();
        loop {
            let page = store.findings(query.clone()).await.expect("a page");
            assert!(page.len() <= 3);
            let Some((last, _)) = page.last() else { break };
            query.after = Some(*last);
            paged.extend(page);
        }
        assert_eq!(paged, wanted);
    }
}

async fn many_findings_are_stored_in_one_step(database: Database) {
    let store = database.store().await;
    let job = claimed(&store).await;
    let findings: Vec<Finding> = (0..2500).map(|n| finding(&format!("{n:05}"), "d", Severity::High)).collect();
    let commit = StepCommit { findings: findings.clone(), ..step(1) };
    store.commit_step(&job.id, job.lease_token, commit).await.expect("committed");
    assert_eq!(all(&store, &job.id).await, (1..).zip(findings).collect::<Vec<_>>());
    // What is of another job is not touched.
    let other = claimed(&store).await;
    let commit = StepCommit { findings: vec![finding("00000", "d", Severity::Low)], ..step(1) };
    store.commit_step(&other.id, other.lease_token, commit).await.expect("committed");
    assert_eq!(all(&store, &other.id).await.len(), 1);
    assert_eq!(all(&store, &job.id).await[0].1.severity, Severity::High);
}

async fn summaries_keep_their_order(database: Database) {
    let store = database.store().await;
    let job = claimed(&store).await;
    let steps = [vec![summary("z", 1), summary("a", 2)], vec![summary("m", 3)], vec![summary("z", 9), summary("b", 4)]];
    for (at, detectors) in steps.into_iter().enumerate() {
        let commit = StepCommit { detectors, ..step(at as i32 + 1) };
        store.commit_step(&job.id, job.lease_token, commit).await.expect("committed");
    }
    let read = store.detector_summaries(&job.id).await.expect("summaries");
    assert_eq!(read, [summary("z", 9), summary("a", 2), summary("m", 3), summary("b", 4)]);
}

async fn a_reader_sees_no_gap(database: Database) {
    let (writer, reader) = (database.store().await, database.store().await);
    let job = claimed(&writer).await;
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (reader, id, done) = (reader.clone(), job.id.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut last = 0;
                loop {
                    let ended = done.load(Ordering::SeqCst);
                    for event in reader.events(&id, last, 7).await.expect("events") {
                        assert_eq!(event.sequence, last + 1);
                        last = event.sequence;
                    }
                    if ended && reader.events(&id, last, 1).await.expect("events").is_empty() {
                        return last;
                    }
                }
            })
        })
        .collect();
    for n in 1..=30 {
        let events = (0..n % 4).map(|e| progress(&format!("{n}.{e}"))).collect();
        writer.commit_step(&job.id, job.lease_token, StepCommit { events, ..step(n) }).await.expect("committed");
    }
    writer.finish_job(&job.id, job.lease_token, completed(&job)).await.expect("finished");
    done.store(true, Ordering::SeqCst);
    let events = log(&writer, &job.id).await;
    for reader in readers {
        assert_eq!(reader.await.expect("no panic"), events.len() as i64);
    }
}
