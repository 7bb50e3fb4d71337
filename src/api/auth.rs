//! `AuthService`.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::convert::{self, timestamp};
use super::errors::{ApiError, answer};
use super::pb::auth_service_server::AuthService;
use super::{Api, Role, page, pb};
use crate::auth::{Actor, How, KeyRequest, LoginName, UserRequest};
use crate::model::{ApiKey, User, Violation};

/// Entries of a page where the request does not say.
const PAGE: usize = 100;
/// Most characters of a name or address to log in with, and of a password to check.
const MAX_NAME: usize = 254;
const MAX_PASSWORD: usize = 1_024;

#[derive(Debug, Clone)]
pub(super) struct Service {
    api: Api,
}

impl Service {
    pub(super) const fn new(api: Api) -> Self {
        Self { api }
    }

    async fn login(&self, caller: &Caller, request: pb::LoginRequest) -> Result<pb::LoginResponse, ApiError> {
        let pb::LoginRequest { username, email, password } = request;
        let mut found = Vec::new();
        for (field, name) in [("username", &username), ("email", &email)] {
            convert::no_nul(name, field, &mut found);
            if name.chars().count() > MAX_NAME {
                found.push(Violation::new(field, format!("must have at most {MAX_NAME} characters"), name));
            }
        }
        let name = match (username.trim(), email.trim()) {
            ("", "") => {
                found.push(Violation::new("username", "must be set, or email", ""));
                None
            }
            (username, "") => Some(LoginName::Username(username.to_owned())),
            ("", email) => Some(LoginName::Email(email.to_owned())),
            (_, email) => {
                found.push(Violation::new("email", "must not be set beside username", email));
                None
            }
        };
        // The value of a password is never told.
        if password.is_empty() {
            found.push(Violation::new("password", "must be set", ""));
        } else if password.len() > MAX_PASSWORD {
            let rule = format!("must have at most {MAX_PASSWORD} bytes");
            found.push(Violation::new("password", rule, format!("{} bytes", password.len())));
        }
        let Some(name) = name.filter(|_| found.is_empty()) else { return Err(ApiError::Invalid(found)) };
        let session = self.api.auth.login(name, password.into(), &address(&caller.remote)).await?;
        Ok(pb::LoginResponse {
            access_token: session.token.expose().to_owned(),
            token_type: "bearer".to_owned(),
            expires_in: i32::try_from(session.ttl.as_secs()).unwrap_or(i32::MAX),
            role: role_to_pb(session.user.role) as i32,
            username: session.user.username,
        })
    }

    async fn create_key(
        &self,
        caller: &Caller,
        request: pb::CreateApiKeyRequest,
    ) -> Result<pb::CreateApiKeyResponse, ApiError> {
        let mut found = Vec::new();
        let role = role_from_pb(request.role, &mut found);
        convert::no_nul(&request.username, "username", &mut found);
        // Its length is judged where keys are made.
        let expires_in = convert::duration(request.expires_in, "expires_in", 0..=u64::from(u32::MAX), &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let username = Some(request.username).filter(|username| !username.is_empty());
        let wanted = KeyRequest { name: request.name, role, username, expires_in: expires_in.map(whole_seconds) };
        let (key, secret) = self.api.auth.accounts().create_key(actor(caller), wanted).await?;
        Ok(pb::CreateApiKeyResponse { api_key: Some(key_to_pb(key)), key: secret.expose().to_owned() })
    }

    async fn list_keys(&self, request: pb::ListApiKeysRequest) -> Result<pb::ListApiKeysResponse, ApiError> {
        let mut found = Vec::new();
        let size = page::size(request.page_size, PAGE, &mut found);
        let binding = page::Binding::new("ListApiKeys", &[]);
        let read = |text: &str| convert::hyphenated(text).map(|id| id.to_string());
        let after = binding.position(&request.page_token, read, &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let mut keys = self.api.store.api_keys(after, page::more_than(size)).await?;
        let next_page_token = page::cut(&mut keys, size, |key| binding.token(&key.id));
        Ok(pb::ListApiKeysResponse { api_keys: keys.into_iter().map(key_to_pb).collect(), next_page_token })
    }

    async fn revoke_key(&self, caller: &Caller, id: &str) -> Result<pb::ApiKey, ApiError> {
        if id.is_empty() {
            return Err(ApiError::Invalid(vec![Violation::new("key_id", "must not be empty", id)]));
        }
        let Some(uuid) = convert::hyphenated(id) else {
            return Err(ApiError::NotFound { resource: "api_key", id: id.to_owned() });
        };
        let key = self.api.auth.accounts().revoke_key(actor(caller), &uuid.to_string()).await?;
        self.api.auth.forget_key(&key.prefix).await;
        Ok(key_to_pb(key))
    }

    async fn create_user(&self, caller: &Caller, request: pb::CreateUserRequest) -> Result<pb::User, ApiError> {
        let mut found = Vec::new();
        let role = role_from_pb(request.role, &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let wanted = UserRequest {
            username: request.username,
            email: Some(request.email).filter(|email| !email.is_empty()),
            role,
            password: request.password.into(),
        };
        let user = self.api.auth.accounts().create_user(actor(caller), wanted).await?;
        self.api.auth.forget_user(&user.username).await;
        Ok(user_to_pb(user))
    }

    async fn list_users(&self, request: pb::ListUsersRequest) -> Result<pb::ListUsersResponse, ApiError> {
        let mut found = Vec::new();
        let size = page::size(request.page_size, PAGE, &mut found);
        let binding = page::Binding::new("ListUsers", &[]);
        let read = |text: &str| (!text.contains('\0')).then(|| text.to_owned());
        let after = binding.position(&request.page_token, read, &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let mut users = self.api.store.users(after, page::more_than(size)).await?;
        let next_page_token = page::cut(&mut users, size, |user| binding.token(&user.username));
        Ok(pb::ListUsersResponse { users: users.into_iter().map(user_to_pb).collect(), next_page_token })
    }

    async fn disable_user(&self, caller: &Caller, username: &str) -> Result<pb::User, ApiError> {
        let mut found = Vec::new();
        convert::no_nul(username, "username", &mut found);
        if username.is_empty() {
            found.push(Violation::new("username", "must not be empty", username));
        }
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let user = self.api.auth.accounts().set_disabled(actor(caller), username, true).await?;
        self.api.auth.forget_user(&user.username).await;
        Ok(user_to_pb(user))
    }
}

/// The address of a caller without its port, which is another one at each connection.
fn address(remote: &str) -> String {
    remote.parse::<SocketAddr>().map_or_else(|_| remote.to_owned(), |addr| addr.ip().to_canonical().to_string())
}

fn actor(caller: &Caller) -> Actor<'_> {
    Actor { id: &caller.principal.id, remote: &caller.remote }
}

const fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

fn identity(caller: Caller) -> pb::Identity {
    let method = match &caller.principal.how {
        How::Local | How::Anonymous => pb::AuthMethod::None,
        How::Token { .. } => pb::AuthMethod::Token,
        How::Key { .. } => pb::AuthMethod::ApiKey,
    };
    pb::Identity {
        principal: caller.principal.id,
        name: caller.principal.name,
        role: role_to_pb(caller.principal.role) as i32,
        method: method as i32,
    }
}

const fn role_to_pb(role: Role) -> pb::Role {
    match role {
        Role::Viewer => pb::Role::Viewer,
        Role::Analyst => pb::Role::Analyst,
        Role::Admin => pb::Role::Admin,
    }
}

fn role_from_pb(number: i32, found: &mut Vec<Violation>) -> Role {
    match convert::known(number, "role", found) {
        Some(pb::Role::Viewer) => Role::Viewer,
        Some(pb::Role::Admin) => Role::Admin,
        Some(pb::Role::Unspecified | pb::Role::Analyst) | None => Role::Analyst,
    }
}

fn key_to_pb(key: ApiKey) -> pb::ApiKey {
    pb::ApiKey {
        key_id: key.id,
        name: key.name,
        prefix: key.prefix,
        role: role_to_pb(key.role) as i32,
        username: key.username.unwrap_or_default(),
        create_time: Some(timestamp(key.created_at)),
        expire_time: key.expires_at.map(timestamp),
        revoke_time: key.revoked_at.map(timestamp),
        last_use_time: key.last_used_at.map(timestamp),
    }
}

fn user_to_pb(user: User) -> pb::User {
    pb::User {
        username: user.username,
        email: user.email.unwrap_or_default(),
        role: role_to_pb(user.role) as i32,
        create_time: Some(timestamp(user.created_at)),
        disable_time: user.disabled_at.map(timestamp),
    }
}

#[async_trait]
impl AuthService for Service {
    async fn login(&self, request: Request<pb::LoginRequest>) -> Result<Response<pb::LoginResponse>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.login(&caller, request.into_inner()).await)
    }

    async fn who_am_i(&self, request: Request<pb::WhoAmIRequest>) -> Result<Response<pb::Identity>, Status> {
        Ok(Response::new(identity(Caller::of(&request))))
    }

    async fn create_api_key(
        &self,
        request: Request<pb::CreateApiKeyRequest>,
    ) -> Result<Response<pb::CreateApiKeyResponse>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.create_key(&caller, request.into_inner()).await)
    }

    async fn list_api_keys(
        &self,
        request: Request<pb::ListApiKeysRequest>,
    ) -> Result<Response<pb::ListApiKeysResponse>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.list_keys(request.into_inner()).await)
    }

    async fn revoke_api_key(&self, request: Request<pb::RevokeApiKeyRequest>) -> Result<Response<pb::ApiKey>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.revoke_key(&caller, &request.get_ref().key_id).await)
    }

    async fn create_user(&self, request: Request<pb::CreateUserRequest>) -> Result<Response<pb::User>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.create_user(&caller, request.into_inner()).await)
    }

    async fn list_users(
        &self,
        request: Request<pb::ListUsersRequest>,
    ) -> Result<Response<pb::ListUsersResponse>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.list_users(request.into_inner()).await)
    }

    async fn disable_user(&self, request: Request<pb::DisableUserRequest>) -> Result<Response<pb::User>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.disable_user(&caller, &request.get_ref().username).await)
    }
}
