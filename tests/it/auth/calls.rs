//! Calls with and without credentials, over real sockets.

use cidadao::api::pb;
use cidadao::auth::AuthMode;
use cidadao::model::Role;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::{ACTOR, PASSWORD, accounts, bearer, key, keyed, log_in, server, user, who, with};
use crate::api::{query, reason};
use crate::server::{SIGNING_KEY, TestServer};
use crate::support::eventually;

const ME: pb::WhoAmIRequest = pb::WhoAmIRequest {};

#[track_caller]
fn unauthenticated(answer: Result<pb::Identity, Status>, expected: &str) {
    let status = answer.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unauthenticated, expected), "{status:?}");
}

#[tokio::test]
async fn a_server_is_open_until_the_first_key() {
    let server = server(AuthMode::Auto).await;
    let me = who(&server, tonic::Request::new(ME)).await.unwrap();
    assert_eq!((me.principal.as_str(), me.role(), me.method()), ("local", pb::Role::Admin, pb::AuthMethod::None));
    // What is not asked for is not looked at.
    who(&server, with("x-api-key", "test-api-key-do-not-use-in-production", ME)).await.unwrap();
    let id = server.investigations().start_investigation(query("obras")).await.unwrap().into_inner().investigation_id;

    // But nobody makes accounts without credentials: the first key comes from the command line.
    let request =
        pb::CreateApiKeyRequest { name: "mine".to_owned(), role: pb::Role::Admin as i32, ..Default::default() };
    let refused = server.auth().create_api_key(request.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "CREDENTIALS_MISSING"));
    assert!(server.auth().list_users(pb::ListUsersRequest::default()).await.is_err());
    assert!(!server.store().has_credentials().await.unwrap());

    let (_, first) = key(server.store(), Role::Admin, None).await;
    eventually("credentials are asked for", async || who(&server, tonic::Request::new(ME)).await.is_err()).await;
    unauthenticated(who(&server, tonic::Request::new(ME)).await, "CREDENTIALS_MISSING");
    let made = server.auth().create_api_key(keyed(&first, request)).await.unwrap().into_inner();
    let shown = format!("{made:?}");
    assert!(!shown.contains(&made.key) && shown.contains("mine"), "{shown}");
    let key = made.key.into();
    let me = who(&server, keyed(&key, ME)).await.unwrap();
    let stored = made.api_key.unwrap();
    assert_eq!((me.principal.as_str(), me.name.as_str()), (format!("key:{}", stored.key_id).as_str(), "mine"));
    assert_eq!(me.method(), pb::AuthMethod::ApiKey);
    // An administrator reads what was started before.
    let get = pb::GetInvestigationRequest { investigation_id: id.clone() };
    assert_eq!(
        server.investigations().get_investigation(keyed(&key, get)).await.unwrap().into_inner().investigation_id,
        id
    );
    let list = server.investigations().list_investigations(keyed(&key, Default::default())).await.unwrap().into_inner();
    assert_eq!(list.investigations.len(), 1);

    // Revoked through the API it is refused at once.
    let revoke = pb::RevokeApiKeyRequest { key_id: stored.key_id };
    server.auth().revoke_api_key(keyed(&key, revoke)).await.unwrap();
    unauthenticated(who(&server, keyed(&key, ME)).await, "CREDENTIALS_INVALID");
    server.stop().await;
}

#[tokio::test]
async fn off_is_off_whatever_there_is() {
    let server = server(AuthMode::Off).await;
    key(server.store(), Role::Viewer, None).await;
    assert_eq!(who(&server, tonic::Request::new(ME)).await.unwrap().principal, "local");
    server.stop().await;
}

#[tokio::test]
async fn some_calls_need_no_credentials() {
    let server = server(AuthMode::Required).await;
    server.health().get_health(pb::GetHealthRequest {}).await.unwrap();
    server.health().watch_health(pb::WatchHealthRequest {}).await.unwrap();
    let mut standard = tonic_health::pb::health_client::HealthClient::new(server.channel());
    standard.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap();
    let mut reflection =
        tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(server.channel());
    let ask = tonic_reflection::pb::v1::ServerReflectionRequest::default();
    reflection.server_reflection_info(tokio_stream::iter([ask])).await.unwrap();
    let refused = log_in(&server, "nobody", "whatever it is").await.unwrap_err();
    assert_eq!(reason(&refused), "CREDENTIALS_INVALID");
    // What nobody declares is closed as well.
    let unknown = server.call_raw::<pb::Health>("/cidadao.v1.Nothing/Nothing", Vec::new()).await.unwrap_err();
    assert_eq!(reason(&unknown), "CREDENTIALS_MISSING");
    server.stop().await;
}

fn claims(username: &str, version: i64, expires_in: i64) -> Value {
    let now = chrono::Utc::now().timestamp();
    json!({
        "iss": "cidadao", "aud": "cidadao-api", "sub": username, "role": "admin", "iat": now - 10,
        "exp": now + expires_in, "jti": "x", "ver": version,
    })
}

pub(super) fn token(username: &str, version: i64, expires_in: i64) -> String {
    signed(Algorithm::HS256, SIGNING_KEY, &claims(username, version, expires_in))
}

fn signed(algorithm: Algorithm, key: &[u8], claims: &Value) -> String {
    encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key)).unwrap()
}

#[tokio::test]
async fn every_reason_is_told() {
    use base64::Engine as _;
    let server = server(AuthMode::Required).await;
    user(server.store(), "ana", Role::Viewer).await;
    let (made, secret) = key(server.store(), Role::Viewer, None).await;
    unauthenticated(who(&server, tonic::Request::new(ME)).await, "CREDENTIALS_MISSING");
    // A token of our own is good: what follows is refused for what it says, not for how it is made.
    let me = who(&server, bearer(&token("ana", 1, 60), ME)).await.unwrap();
    // The role is the user's, whatever the token says.
    assert_eq!((me.principal.as_str(), me.role(), me.method()), ("user:ana", pb::Role::Viewer, pb::AuthMethod::Token));
    unauthenticated(who(&server, bearer(&token("ana", 1, -6), ME)).await, "TOKEN_EXPIRED");

    let part = |value: &Value| base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let none = format!("{}.{}.", part(&json!({"alg": "none"})), part(&claims("ana", 1, 60)));
    let good = claims("ana", 1, 60);
    for bad in [
        none,
        signed(Algorithm::HS512, SIGNING_KEY, &good),
        signed(Algorithm::HS256, b"another secret, as long as it must be", &good),
        token("ana", 2, 60),
        token("nobody", 1, 60),
        "x".to_owned(),
        secret.expose()[..secret.expose().len() - 1].to_owned(),
        format!("{}_{}", made.prefix, "A".repeat(43)),
        format!("cid_000000000000_{}", "A".repeat(43)),
        "test-api-key-do-not-use-in-production".to_owned(),
    ] {
        unauthenticated(who(&server, bearer(&bad, ME)).await, "CREDENTIALS_INVALID");
        unauthenticated(who(&server, with("x-api-key", &bad, ME)).await, "CREDENTIALS_INVALID");
    }
    unauthenticated(who(&server, with("authorization", "Basic YW5hOng=", ME)).await, "CREDENTIALS_INVALID");
    // A key goes in either header.
    for request in [keyed(&secret, ME), bearer(secret.expose(), ME)] {
        assert_eq!(who(&server, request).await.unwrap().principal, format!("key:{}", made.id));
    }

    let status = server.investigations().start_investigation(keyed(&secret, query("obras"))).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::PermissionDenied, "ROLE_MISSING"));
    let metadata = status.get_error_details().error_info().unwrap().metadata.clone();
    assert_eq!((metadata["required_role"].as_str(), metadata["role"].as_str()), ("analyst", "viewer"));

    eventually("refused calls are audited", async || {
        let entries = server.store().audit_entries(100).await.unwrap();
        let denied = |reason: &str, actor: &str| {
            entries.iter().any(|entry| {
                entry.action == "call.denied"
                    && (entry.details["reason"].as_str(), entry.actor.as_str()) == (Some(reason), actor)
                    && entry.result == "denied"
                    && entry.remote.starts_with("127.0.0.1:")
            })
        };
        denied("CREDENTIALS_MISSING", "anonymous")
            && denied("CREDENTIALS_INVALID", "anonymous")
            && denied("TOKEN_EXPIRED", "anonymous")
            && denied("ROLE_MISSING", &format!("key:{}", made.id))
    })
    .await;
    let entries = format!("{:?}", server.store().audit_entries(100).await.unwrap());
    assert!(!entries.contains(secret.expose()) && !entries.contains("eyJ"), "{entries}");
    assert!(entries.contains("cidadao.v1.InvestigationService/StartInvestigation"));
    server.stop().await;
}

/// Written down apart from the table of the server: method, and the least role.
const ROLES: &[(&str, Role)] = &[
    ("/cidadao.v1.InvestigationService/StartInvestigation", Role::Analyst),
    ("/cidadao.v1.InvestigationService/BatchStartInvestigations", Role::Analyst),
    ("/cidadao.v1.InvestigationService/CancelInvestigation", Role::Analyst),
    ("/cidadao.v1.InvestigationService/GetInvestigation", Role::Viewer),
    ("/cidadao.v1.InvestigationService/ListInvestigations", Role::Viewer),
    ("/cidadao.v1.InvestigationService/GetInvestigationResults", Role::Viewer),
    ("/cidadao.v1.InvestigationService/GetInvestigationReport", Role::Viewer),
    ("/cidadao.v1.InvestigationService/WatchInvestigation", Role::Viewer),
    ("/cidadao.v1.InvestigationService/ReviewFinding", Role::Analyst),
    ("/cidadao.v1.InvestigationService/ExplainFinding", Role::Viewer),
    ("/cidadao.v1.AnalysisService/StartAnalysis", Role::Analyst),
    ("/cidadao.v1.AnalysisService/GetAnalysis", Role::Viewer),
    ("/cidadao.v1.ContractService/SearchContracts", Role::Viewer),
    ("/cidadao.v1.ContractService/GetContract", Role::Viewer),
    ("/cidadao.v1.DetectorService/ListDetectors", Role::Viewer),
    ("/cidadao.v1.DetectorService/GetDetector", Role::Viewer),
    ("/cidadao.v1.AuthService/WhoAmI", Role::Viewer),
    ("/cidadao.v1.AuthService/CreateApiKey", Role::Admin),
    ("/cidadao.v1.AuthService/ListApiKeys", Role::Admin),
    ("/cidadao.v1.AuthService/RevokeApiKey", Role::Admin),
    ("/cidadao.v1.AuthService/CreateUser", Role::Admin),
    ("/cidadao.v1.AuthService/ListUsers", Role::Admin),
    ("/cidadao.v1.AuthService/DisableUser", Role::Admin),
];

#[tokio::test]
async fn each_role_may_what_it_may() {
    let server = server(AuthMode::Required).await;
    for caller in Role::ALL {
        let (_, secret) = key(server.store(), caller, None).await;
        for (method, least) in ROLES {
            // Every field is missing: whoever comes past the guard is told so, or gets an answer.
            let answer = server.call_raw_with::<()>(method, Vec::new(), &secret).await;
            let denied = answer.as_ref().is_err_and(|status| status.code() == Code::PermissionDenied);
            assert_eq!(denied, caller < *least, "{caller:?} {method}: {answer:?}");
            assert!(!answer.is_err_and(|status| status.code() == Code::Unauthenticated), "{method}");
        }
    }
    server.stop().await;
}

async fn started(server: &TestServer, request: tonic::Request<pb::StartInvestigationRequest>) -> String {
    server.investigations().start_investigation(request).await.unwrap().into_inner().investigation_id
}

#[tokio::test]
async fn everybody_sees_their_own_and_administrators_everybodys() {
    let server = server(AuthMode::Required).await;
    let store = server.store();
    user(store, "ana", Role::Analyst).await;
    let ana = log_in(&server, "ana", PASSWORD).await.unwrap().access_token;
    let (_, ana_views) = key(store, Role::Viewer, Some("ana")).await;
    let (rui_key, rui) = key(store, Role::Analyst, None).await;
    let (_, admin) = key(store, Role::Admin, None).await;
    let of_ana = started(&server, bearer(&ana, query("obras"))).await;
    let of_rui = started(&server, keyed(&rui, query("obras"))).await;
    let get = |id: &str| pb::GetInvestigationRequest { investigation_id: id.to_owned() };
    let seen = async |key: &cidadao::secret::Secret, id: &str| {
        let answer = server.investigations().get_investigation(keyed(key, get(id))).await;
        answer.map(|_| ()).map_err(|status| reason(&status))
    };
    assert_eq!(seen(&ana_views, &of_ana).await, Ok(()), "a key sees what its user started");
    assert_eq!(seen(&ana_views, &of_rui).await, Err("INVESTIGATION_NOT_FOUND".to_owned()));
    assert_eq!(seen(&rui, &of_ana).await, Err("INVESTIGATION_NOT_FOUND".to_owned()));
    assert_eq!((seen(&admin, &of_ana).await, seen(&admin, &of_rui).await), (Ok(()), Ok(())));
    let list = async |key: &cidadao::secret::Secret| {
        let answer = server.investigations().list_investigations(keyed(key, Default::default())).await.unwrap();
        let ids = answer.into_inner().investigations.into_iter().map(|one| one.investigation_id);
        ids.collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(list(&ana_views).await, [of_ana.clone()].into());
    assert_eq!(list(&rui).await, [of_rui.clone()].into());
    assert_eq!(list(&admin).await, [of_ana.clone(), of_rui.clone()].into());
    // Nobody stops another's, but for an administrator.
    let cancel = |id: &str| pb::CancelInvestigationRequest { investigation_id: id.to_owned() };
    let refused = server.investigations().cancel_investigation(keyed(&rui, cancel(&of_ana))).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    server.investigations().cancel_investigation(keyed(&admin, cancel(&of_ana))).await.unwrap();

    let entries = store.audit_entries(100).await.unwrap();
    let started_by = |id: &str| {
        let entry = entries.iter().find(|entry| entry.action == "investigation.started" && entry.resource == id);
        entry.unwrap().actor.clone()
    };
    assert_eq!(started_by(&of_ana), "user:ana");
    assert_eq!(started_by(&of_rui), format!("key:{}", rui_key.id));
    server.stop().await;
}

#[tokio::test]
async fn administrators_manage_keys_and_users() {
    let server = server(AuthMode::Required).await;
    let (_, admin) = key(server.store(), Role::Admin, None).await;
    let create = |username: &str, email: &str, password: &str| {
        let request = pb::CreateUserRequest {
            username: username.to_owned(),
            email: email.to_owned(),
            role: pb::Role::Viewer as i32,
            password: password.to_owned(),
        };
        assert!(!format!("{request:?}").contains(password));
        keyed(&admin, request)
    };
    let mut client = server.auth();
    let made = client.create_user(create("Ana", "Ana@Example.org", PASSWORD)).await.unwrap().into_inner();
    assert_eq!(
        (made.username.as_str(), made.email.as_str(), made.role()),
        ("ana", "ana@example.org", pb::Role::Viewer)
    );
    let taken = client.create_user(create("ana", "", PASSWORD)).await.unwrap_err();
    assert_eq!((taken.code(), reason(&taken).as_str()), (Code::AlreadyExists, "NAME_TAKEN"));
    let short = client.create_user(create("rui", "", "hunter2")).await.unwrap_err();
    crate::api::refuses(&short, &[("password", "7 characters")]);
    assert!(!format!("{short:?}").contains("hunter2"));

    let request = pb::CreateApiKeyRequest {
        name: "of ana".to_owned(),
        role: pb::Role::Analyst as i32,
        username: "ana".to_owned(),
        expires_in: None,
    };
    let more = client.create_api_key(keyed(&admin, request.clone())).await.unwrap_err();
    crate::api::refuses(&more, &[("role", "analyst")]);
    let request = pb::CreateApiKeyRequest {
        role: pb::Role::Viewer as i32,
        expires_in: Some(prost_types::Duration { seconds: 3_600, nanos: 0 }),
        ..request
    };
    let made = client.create_api_key(keyed(&admin, request)).await.unwrap().into_inner();
    let stored = made.api_key.unwrap();
    let lives = stored.expire_time.unwrap().seconds - stored.create_time.unwrap().seconds;
    assert_eq!((lives, stored.username.as_str()), (3_600, "ana"));
    let nobody = pb::CreateApiKeyRequest { name: "x".to_owned(), username: "nobody".to_owned(), ..Default::default() };
    let nobody = client.create_api_key(keyed(&admin, nobody)).await.unwrap_err();
    assert_eq!((nobody.code(), reason(&nobody).as_str()), (Code::NotFound, "USER_NOT_FOUND"));

    let mut keys = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListApiKeysRequest { page_size: 1, page_token };
        let page = client.list_api_keys(keyed(&admin, request)).await.unwrap().into_inner();
        keys.extend(page.api_keys);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[1], stored);
    let users = client.list_users(keyed(&admin, Default::default())).await.unwrap().into_inner().users;
    assert_eq!(users.iter().map(|user| user.username.as_str()).collect::<Vec<_>>(), ["ana"]);

    // Disabled through the API: the key of the user is refused at once.
    let key = made.key.into();
    who(&server, keyed(&key, ME)).await.unwrap();
    let disable = pb::DisableUserRequest { username: "ANA".to_owned() };
    let disabled = client.disable_user(keyed(&admin, disable)).await.unwrap().into_inner();
    assert!(disabled.disable_time.is_some());
    unauthenticated(who(&server, keyed(&key, ME)).await, "CREDENTIALS_INVALID");
    let revoke = |key_id: &str| keyed(&admin, pb::RevokeApiKeyRequest { key_id: key_id.to_owned() });
    for (id, code) in
        [("", Code::InvalidArgument), ("x", Code::NotFound), ("0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f", Code::NotFound)]
    {
        assert_eq!(client.revoke_api_key(revoke(id)).await.unwrap_err().code(), code, "{id}");
    }
    accounts(server.store()).revoke_key(ACTOR, &stored.key_id).await.unwrap();
    server.stop().await;
}
