//! Streams whose caller loses its credentials.

use std::time::Duration;

use cidadao::api::pb;
use cidadao::auth::AuthMode;
use cidadao::model::Role;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status, Streaming};

use super::calls::token;
use super::{ACTOR, accounts, bearer, key, keyed, server, user};
use crate::api::{query, reason};
use crate::server::TestServer;

async fn watched(
    server: &TestServer,
    request: impl Fn(pb::WatchInvestigationRequest) -> tonic::Request<pb::WatchInvestigationRequest>,
    id: &str,
) -> Streaming<pb::ProgressEvent> {
    let watch = pb::WatchInvestigationRequest { investigation_id: id.to_owned(), after_sequence: 0 };
    let mut events = server.investigations().watch_investigation(request(watch)).await.unwrap().into_inner();
    assert_eq!(events.next().await.unwrap().unwrap().sequence, 1);
    events
}

/// What ends a stream whose job goes on.
async fn end(mut events: Streaming<pb::ProgressEvent>) -> Status {
    let last = async {
        loop {
            match events.next().await {
                Some(Ok(_)) => {}
                Some(Err(status)) => return status,
                None => panic!("the stream ended well"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), last).await.unwrap()
}

#[tokio::test]
async fn a_revoked_key_and_a_disabled_user_are_cut_off() {
    let server = server(AuthMode::Required).await;
    user(server.store(), "ana", Role::Analyst).await;
    let (made, secret) = key(server.store(), Role::Analyst, None).await;
    let start = server.investigations().start_investigation(keyed(&secret, query("obras"))).await.unwrap();
    let of_key = watched(&server, |watch| keyed(&secret, watch), &start.into_inner().investigation_id).await;
    let ana = token("ana", 1, 60);
    let start = server.investigations().start_investigation(bearer(&ana, query("obras"))).await.unwrap();
    let of_ana = watched(&server, |watch| bearer(&ana, watch), &start.into_inner().investigation_id).await;
    let mut all =
        server.investigations().watch_investigations(keyed(&secret, Default::default())).await.unwrap().into_inner();
    assert!(all.next().await.unwrap().is_ok());

    accounts(server.store()).revoke_key(ACTOR, &made.id).await.unwrap();
    let status = end(of_key).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "CREDENTIALS_INVALID"));
    let cut = async { while all.next().await.is_some_and(|item| item.is_ok()) {} };
    tokio::time::timeout(Duration::from_secs(10), cut).await.unwrap();
    accounts(server.store()).set_disabled(ACTOR, "ana", true).await.unwrap();
    assert_eq!(end(of_ana).await.code(), Code::Unauthenticated);
    server.stop().await;
}

#[tokio::test]
async fn a_token_that_expires_does_not_cut_its_stream() {
    let server = server(AuthMode::Required).await;
    user(server.store(), "ana", Role::Analyst).await;
    // It ends now, and holds for as long as clocks may differ: five seconds more.
    let ana = token("ana", 1, 0);
    let start = server.investigations().start_investigation(bearer(&ana, query("obras"))).await.unwrap();
    let mut events = watched(&server, |watch| bearer(&ana, watch), &start.into_inner().investigation_id).await;
    let expired = async || {
        let get = server.investigations().list_investigations(bearer(&ana, Default::default())).await;
        get.is_err_and(|status| reason(&status) == "TOKEN_EXPIRED")
    };
    crate::support::eventually("the token expires", expired).await;
    // Several looks at the caller later.
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.open_gate();
    let mut finished = false;
    while let Some(event) = events.next().await {
        finished = event.unwrap().kind() == pb::EventKind::Finished;
    }
    assert!(finished);
    server.stop().await;
}
