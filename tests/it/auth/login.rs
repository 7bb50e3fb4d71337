//! Logins over the wire.

use cidadao::api::pb;
use cidadao::auth::AuthMode;
use cidadao::model::Role;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{ACTOR, PASSWORD, accounts, bearer, log_in, server, user, who};
use crate::api::{reason, refuses};

#[tokio::test]
async fn a_password_gives_a_token() {
    let server = server(AuthMode::Required).await;
    user(server.store(), "ana", Role::Analyst).await;
    let by_name = log_in(&server, "ANA", PASSWORD).await.unwrap();
    assert_eq!((by_name.token_type.as_str(), by_name.expires_in), ("bearer", 3_600));
    assert_eq!((by_name.username.as_str(), by_name.role()), ("ana", pb::Role::Analyst));
    let shown = format!("{by_name:?}");
    assert!(!shown.contains(&by_name.access_token), "{shown}");
    let by_address =
        pb::LoginRequest { email: " Ana@example.ORG ".to_owned(), password: PASSWORD.to_owned(), ..Default::default() };
    assert!(!format!("{by_address:?}").contains(PASSWORD));
    let by_address = server.auth().login(by_address).await.unwrap().into_inner();
    assert_ne!(by_address.access_token, by_name.access_token);
    for token in [by_name.access_token, by_address.access_token] {
        let me = who(&server, bearer(&token, pb::WhoAmIRequest {})).await.unwrap();
        assert_eq!((me.principal.as_str(), me.name.as_str()), ("user:ana", "ana"));
    }
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_does_not_tell_why() {
    let server = server(AuthMode::Required).await;
    user(server.store(), "ana", Role::Analyst).await;
    user(server.store(), "rui", Role::Analyst).await;
    accounts(server.store()).set_disabled(ACTOR, "rui", true).await.unwrap();
    let mut told = Vec::new();
    for (name, password) in [("ana", "wrong password"), ("nobody", PASSWORD), ("rui", PASSWORD)] {
        let status = log_in(&server, name, password).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, "CREDENTIALS_INVALID"));
        told.push((status.message().to_owned(), status.details().to_vec()));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    server.stop().await;
}

#[tokio::test]
async fn too_many_failures_wait_and_others_do_not() {
    let server = server(AuthMode::Required).await;
    user(server.store(), "ana", Role::Analyst).await;
    user(server.store(), "rui", Role::Analyst).await;
    // All at once: that is no way around the count.
    let tries = (0..30).map(|_| log_in(&server, "ana", "wrong password"));
    let answers = futures::future::join_all(tries).await;
    let held_up: Vec<_> =
        answers.into_iter().map(Result::unwrap_err).filter(|status| status.code() == Code::ResourceExhausted).collect();
    assert_eq!(held_up.len(), 20);
    for status in held_up {
        assert_eq!(reason(&status), "TOO_MANY_FAILED_LOGINS");
        let wait = status.get_error_details().retry_info().unwrap().retry_delay.unwrap();
        assert!((1..=15).contains(&wait.as_secs()), "{wait:?}");
    }
    // The right password has to wait as well, or it would be told apart.
    assert_eq!(log_in(&server, "ana", PASSWORD).await.unwrap_err().code(), Code::ResourceExhausted);
    log_in(&server, "rui", PASSWORD).await.unwrap();
    let entries = server.store().audit_entries(100).await.unwrap();
    let denied = entries.iter().filter(|entry| entry.action == "auth.login" && entry.result == "denied");
    assert_eq!(denied.clone().count(), 10);
    assert!(denied.clone().all(|entry| entry.resource == "ana" && entry.remote == "127.0.0.1"));
    server.stop().await;
}

#[tokio::test]
async fn a_request_names_one_user() {
    let server = server(AuthMode::Required).await;
    let refused = async |username: &str, email: &str, password: &str| {
        let request =
            pb::LoginRequest { username: username.to_owned(), email: email.to_owned(), password: password.to_owned() };
        server.auth().login(request).await.unwrap_err()
    };
    refuses(&refused("", "", "p").await, &[("username", "")]);
    refuses(&refused("ana", "ana@x.br", "p").await, &[("email", "ana@x.br")]);
    refuses(&refused("ana", "", "").await, &[("password", "")]);
    refuses(&refused("a\0a", "", "p").await, &[("username", "a")]);
    let long = "hunter2".repeat(200);
    let status = refused("ana", "", &long).await;
    refuses(&status, &[("password", "1400 bytes")]);
    assert!(!format!("{status:?}").contains("hunter2"));
    server.stop().await;
}
