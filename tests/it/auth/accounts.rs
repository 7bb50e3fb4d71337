//! Users and keys as they are stored, on both databases.

use std::time::Duration;

use cidadao::auth::{Auth, AuthError, AuthMode, AuthOptions, How, KeyRequest, LoginName, PasswordCost, Presented};
use cidadao::model::Role;
use cidadao::store::{Store, StoreError};

use super::{ACTOR, PASSWORD, accounts, key, user};
use crate::server::SIGNING_KEY;
use crate::support::{Database, eventually, on_both_databases};

on_both_databases!(
    a_key_is_stored_as_a_hash_and_found_by_its_prefix,
    a_key_ends_when_it_expires_and_when_it_is_revoked,
    the_use_of_a_key_is_noted_once_a_minute,
    names_and_addresses_are_taken_once,
    a_user_who_is_disabled_or_has_another_password_is_out,
    a_key_never_may_more_than_its_user,
    an_unknown_name_costs_what_a_known_one_does,
    credentials_are_asked_for_from_the_first_on,
    lists_go_on_where_they_ended,
);

fn auth(store: &Store, mode: AuthMode) -> Auth {
    let options = AuthOptions {
        recheck: Duration::from_millis(50),
        password_cost: PasswordCost { memory_kib: 256, passes: 1 },
        ..AuthOptions::new(mode, SIGNING_KEY.to_vec())
    };
    Auth::new(store.clone(), &options)
}

fn name(text: &str) -> LoginName {
    LoginName::Username(text.to_owned())
}

async fn a_key_is_stored_as_a_hash_and_found_by_its_prefix(database: Database) {
    let store = database.store().await;
    let (made, secret) = key(&store, Role::Analyst, None).await;
    assert!(secret.expose().starts_with(&made.prefix) && made.prefix.starts_with("cid_"));
    let (found, hash) = store.api_key(&made.prefix).await.unwrap().unwrap();
    assert_eq!((&found, hash.len()), (&made, 64));
    assert!(!hash.contains(&secret.expose()[17..]));
    assert_eq!(store.api_key("cid_000000000000").await.unwrap(), None);
    let entry = store.audit_entries(1).await.unwrap().remove(0);
    assert_eq!(
        (entry.action.as_str(), entry.resource.as_str(), entry.actor.as_str()),
        ("key.created", made.id.as_str(), "test")
    );
    assert!(!format!("{entry:?}").contains(secret.expose()));

    let auth = auth(&store, AuthMode::Required);
    let principal = auth.authenticate(Presented::Text(secret.expose())).await.unwrap();
    assert_eq!((principal.id, principal.role), (format!("key:{}", made.id), Role::Analyst));
    // Another secret behind the same prefix.
    let forged = format!("{}_{}", made.prefix, "A".repeat(43));
    assert!(matches!(auth.authenticate(Presented::Text(&forged)).await, Err(AuthError::Refused)));
}

async fn a_key_ends_when_it_expires_and_when_it_is_revoked(database: Database) {
    let store = database.store().await;
    let auth = auth(&store, AuthMode::Required);
    let wanted = |expires_in| KeyRequest { name: "n".to_owned(), role: Role::Viewer, username: None, expires_in };
    let (made, secret) = accounts(&store).create_key(ACTOR, wanted(Some(Duration::from_secs(3_600)))).await.unwrap();
    database.pass(3_590);
    auth.authenticate(Presented::Text(secret.expose())).await.unwrap();
    database.pass(11);
    assert!(matches!(auth.authenticate(Presented::Text(secret.expose())).await, Err(AuthError::Refused)));

    let (other, secret) = accounts(&store).create_key(ACTOR, wanted(None)).await.unwrap();
    let principal = auth.authenticate(Presented::Text(secret.expose())).await.unwrap();
    let revoked = accounts(&store).revoke_key(ACTOR, &other.id).await.unwrap();
    assert!(revoked.revoked_at.is_some());
    database.pass(1);
    let again = accounts(&store).revoke_key(ACTOR, &other.id).await.unwrap();
    assert_eq!(again.revoked_at, revoked.revoked_at, "it stays as it is");
    eventually("the key is refused", async || {
        matches!(auth.authenticate(Presented::Text(secret.expose())).await, Err(AuthError::Refused))
    })
    .await;
    assert!(!auth.still_holds(&principal).await.unwrap());
    let audited = store.audit_entries(100).await.unwrap();
    assert_eq!(audited.iter().filter(|entry| entry.action == "key.revoked").count(), 1);
    let unknown = accounts(&store).revoke_key(ACTOR, &made.id.replace(|_: char| true, "0")).await;
    assert!(matches!(unknown, Err(AuthError::Store(StoreError::NotFound { what: "api_key", .. }))), "{unknown:?}");
    for bad in [1, 60 * 60 * 24 * 366 * 11] {
        let refused = accounts(&store).create_key(ACTOR, wanted(Some(Duration::from_secs(bad)))).await;
        assert!(matches!(&refused, Err(AuthError::Invalid(found)) if found[0].field == "expires_in"), "{refused:?}");
    }
}

async fn the_use_of_a_key_is_noted_once_a_minute(database: Database) {
    let store = database.store().await;
    let (made, secret) = key(&store, Role::Viewer, None).await;
    let used = async || store.api_key(&made.prefix).await.unwrap().unwrap().0.last_used_at;
    assert_eq!(used().await, None);
    // Two processes with the same database.
    for auth in [auth(&store, AuthMode::Required), auth(&store, AuthMode::Required)] {
        for _ in 0..20 {
            auth.authenticate(Presented::Text(secret.expose())).await.unwrap();
        }
    }
    eventually("the use is noted", async || used().await.is_some()).await;
    let minute = Duration::from_secs(60);
    let first = used().await;
    assert!(!store.touch_api_key(&made.id, minute).await.unwrap());
    database.pass(59);
    assert!(!store.touch_api_key(&made.id, minute).await.unwrap());
    assert_eq!(used().await, first);
    database.pass(2);
    assert!(store.touch_api_key(&made.id, minute).await.unwrap());
    assert!(used().await > first);
}

async fn names_and_addresses_are_taken_once(database: Database) {
    let store = database.store().await;
    let made = user(&store, "Ana", Role::Analyst).await;
    assert_eq!((made.username.as_str(), made.email.as_deref()), ("ana", Some("ana@example.org")));
    let again = |username: &str, email: Option<&str>| cidadao::auth::UserRequest {
        username: username.to_owned(),
        email: email.map(str::to_owned),
        role: Role::Viewer,
        password: PASSWORD.to_owned().into(),
    };
    for (username, email, field) in [
        ("ANA", None, "username"),
        ("rui", Some("Ana@Example.org"), "email"),
        ("ana", Some("ana@example.org"), "username"),
    ] {
        let refused = accounts(&store).create_user(ACTOR, again(username, email)).await;
        match refused {
            Err(AuthError::Store(StoreError::Exists { what: "user", field: found, .. })) => assert_eq!(found, field),
            other => panic!("{other:?}"),
        }
    }
    // Without an address there may be many.
    for username in ["rui", "eva"] {
        accounts(&store).create_user(ACTOR, again(username, None)).await.unwrap();
    }
    let refused = accounts(&store).create_user(ACTOR, again("a b", Some("nowhere"))).await.unwrap_err().to_string();
    assert!(refused.contains("username") && refused.contains("email") && refused.contains("a b"), "{refused}");
}

async fn a_user_who_is_disabled_or_has_another_password_is_out(database: Database) {
    let store = database.store().await;
    let auth = auth(&store, AuthMode::Required);
    user(&store, "ana", Role::Analyst).await;
    let session = async || auth.login(name("ana"), PASSWORD.to_owned().into(), "10.0.0.1").await;
    let refused =
        async |token: &str| matches!(auth.authenticate(Presented::Text(token)).await, Err(AuthError::Refused));
    let first = session().await.unwrap().token;
    let principal = auth.authenticate(Presented::Text(first.expose())).await.unwrap();
    assert_eq!((principal.id.as_str(), principal.role), ("user:ana", Role::Analyst));
    assert!(matches!(principal.how, How::Token { .. }));
    let (_, key) = key(&store, Role::Viewer, Some("ana")).await;
    auth.authenticate(Presented::Text(key.expose())).await.unwrap();

    accounts(&store).set_disabled(ACTOR, "Ana", true).await.unwrap();
    eventually("token and key are refused", async || refused(first.expose()).await && refused(key.expose()).await)
        .await;
    assert!(matches!(session().await, Err(AuthError::Refused)));
    assert!(!auth.still_holds(&principal).await.unwrap());

    // Enabled again, the key holds and the old token does not.
    accounts(&store).set_disabled(ACTOR, "ana", false).await.unwrap();
    let second = session().await.unwrap().token;
    auth.authenticate(Presented::Text(second.expose())).await.unwrap();
    eventually("the key holds again", async || !refused(key.expose()).await).await;
    assert!(refused(first.expose()).await);

    accounts(&store).set_password(ACTOR, "ana", "another long password".to_owned().into()).await.unwrap();
    eventually("the token is refused", async || refused(second.expose()).await).await;
    assert!(matches!(session().await, Err(AuthError::Refused)));
    auth.login(name("ANA"), "another long password".to_owned().into(), "10.0.0.1").await.unwrap();
    let actions: Vec<_> = store.audit_entries(100).await.unwrap().into_iter().map(|entry| entry.action).collect();
    for action in ["user.created", "user.disabled", "user.enabled", "user.password_changed", "auth.login"] {
        assert!(actions.iter().any(|one| one == action), "{action} in {actions:?}");
    }
    let unknown = accounts(&store).set_disabled(ACTOR, "nobody", true).await;
    assert!(matches!(unknown, Err(AuthError::Store(StoreError::NotFound { what: "user", .. }))));
}

async fn a_key_never_may_more_than_its_user(database: Database) {
    let store = database.store().await;
    let auth = auth(&store, AuthMode::Required);
    user(&store, "ana", Role::Analyst).await;
    let wanted = |role, username: &str| KeyRequest {
        name: "n".to_owned(),
        role,
        username: Some(username.to_owned()),
        expires_in: None,
    };
    let refused = accounts(&store).create_key(ACTOR, wanted(Role::Admin, "ana")).await;
    assert!(matches!(&refused, Err(AuthError::Invalid(found)) if found[0].field == "role"), "{refused:?}");
    let refused = accounts(&store).create_key(ACTOR, wanted(Role::Viewer, "nobody")).await;
    assert!(matches!(&refused, Err(AuthError::Store(StoreError::NotFound { what: "user", .. }))), "{refused:?}");
    for role in [Role::Viewer, Role::Analyst] {
        let (_, secret) = accounts(&store).create_key(ACTOR, wanted(role, "ana")).await.unwrap();
        let principal = auth.authenticate(Presented::Text(secret.expose())).await.unwrap();
        assert_eq!((principal.id.as_str(), principal.role), ("user:ana", role));
    }
}

async fn an_unknown_name_costs_what_a_known_one_does(database: Database) {
    let store = database.store().await;
    let auth = auth(&store, AuthMode::Required);
    user(&store, "ana", Role::Analyst).await;
    user(&store, "rui", Role::Analyst).await;
    accounts(&store).set_disabled(ACTOR, "rui", true).await.unwrap();
    let checked = || auth.accounts().passwords().checked();
    for (at, (who, password)) in
        [("ana", "wrong password"), ("nobody", PASSWORD), ("rui", PASSWORD), ("ana", PASSWORD)].into_iter().enumerate()
    {
        let session = auth.login(name(who), password.to_owned().into(), "10.0.0.1").await;
        assert_eq!(session.is_ok(), at == 3, "{who}: {session:?}");
        assert!(session.is_ok() || matches!(session, Err(AuthError::Refused)));
        assert_eq!(checked(), at as u64 + 1, "one hash for each");
    }
    let entries = store.audit_entries(4).await.unwrap();
    let told: Vec<_> = entries.iter().rev().map(|entry| (entry.resource.as_str(), entry.result.as_str())).collect();
    // A name that nobody has is not written down.
    assert_eq!(told, [("ana", "denied"), ("", "denied"), ("rui", "denied"), ("ana", "ok")]);
}

async fn credentials_are_asked_for_from_the_first_on(database: Database) {
    let store = database.store().await;
    let (open, closed, off) =
        (auth(&store, AuthMode::Auto), auth(&store, AuthMode::Required), auth(&store, AuthMode::Off));
    assert!(!open.required().await.unwrap() && closed.required().await.unwrap());
    assert_eq!(open.authenticate(Presented::Text("anything")).await.unwrap().id, "local");
    let (made, _) = key(&store, Role::Viewer, None).await;
    eventually("credentials are asked for", async || open.required().await.unwrap()).await;
    assert!(matches!(open.authenticate(Presented::Nothing).await, Err(AuthError::Missing)));
    // Also when the last one is revoked.
    accounts(&store).revoke_key(ACTOR, &made.id).await.unwrap();
    assert!(auth(&store, AuthMode::Auto).required().await.unwrap());
    assert_eq!(off.authenticate(Presented::Nothing).await.unwrap().id, "local");
}

async fn lists_go_on_where_they_ended(database: Database) {
    let store = database.store().await;
    let mut keys = Vec::new();
    for name in ["ana", "bia", "caio", "davi", "eva"] {
        user(&store, name, Role::Viewer).await;
        keys.push(key(&store, Role::Viewer, Some(name)).await.0);
    }
    let (mut names, mut found) = (Vec::new(), Vec::new());
    loop {
        let users = store.users(names.last().cloned(), 2).await.unwrap();
        let more = store.api_keys(found.last().map(|key: &cidadao::model::ApiKey| key.id.clone()), 2).await.unwrap();
        if users.is_empty() {
            break;
        }
        names.extend(users.into_iter().map(|user| user.username));
        found.extend(more);
    }
    assert_eq!(names, ["ana", "bia", "caio", "davi", "eva"]);
    assert_eq!(found, keys);
}
