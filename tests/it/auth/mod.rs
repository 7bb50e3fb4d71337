//! Who may call what: stored accounts on both databases, calls over real sockets, the command line.

mod accounts;
mod calls;
mod cli;
mod login;
mod streams;

use cidadao::api::pb;
use cidadao::auth::{Accounts, Actor, AuthMode, KeyRequest, PasswordCost, Passwords, UserRequest};
use cidadao::model::{ApiKey, Role, User};
use cidadao::secret::Secret;
use cidadao::store::Store;
use tonic::Status;

use crate::server::{Script, TestServer};

const ACTOR: Actor<'static> = Actor { id: "test", remote: "here" };
const PASSWORD: &str = "correct horse battery";

fn accounts(store: &Store) -> Accounts {
    Accounts::new(store.clone(), Passwords::new(PasswordCost { memory_kib: 256, passes: 1 }))
}

async fn key(store: &Store, role: Role, username: Option<&str>) -> (ApiKey, Secret) {
    let username = username.map(str::to_owned);
    let request = KeyRequest { name: format!("a {}", role.as_str()), role, username, expires_in: None };
    accounts(store).create_key(ACTOR, request).await.unwrap()
}

async fn user(store: &Store, username: &str, role: Role) -> User {
    let email = Some(format!("{username}@example.org"));
    let request = UserRequest { username: username.to_owned(), email, role, password: PASSWORD.to_owned().into() };
    accounts(store).create_user(ACTOR, request).await.unwrap()
}

async fn server(auth: AuthMode) -> TestServer {
    TestServer::scripted(Script { auth, ..Script::gated() }).await
}

/// A message with a header of credentials.
fn with<T>(header: &'static str, value: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.metadata_mut().insert(header, value.parse().unwrap());
    request
}

fn keyed<T>(key: &Secret, message: T) -> tonic::Request<T> {
    with("x-api-key", key.expose(), message)
}

fn bearer<T>(token: &str, message: T) -> tonic::Request<T> {
    with("authorization", &format!("Bearer {token}"), message)
}

async fn who(server: &TestServer, request: tonic::Request<pb::WhoAmIRequest>) -> Result<pb::Identity, Status> {
    Ok(server.auth().who_am_i(request).await?.into_inner())
}

async fn log_in(server: &TestServer, username: &str, password: &str) -> Result<pb::LoginResponse, Status> {
    let request =
        pb::LoginRequest { username: username.to_owned(), password: password.to_owned(), ..Default::default() };
    Ok(server.auth().login(request).await?.into_inner())
}
