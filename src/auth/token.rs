//! Bearer tokens: JSON Web Tokens (RFC 7519) signed with HMAC-SHA256, and with nothing else.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::AuthError;
use crate::model::{Role, User};

const ISSUER: &str = "cidadao";
const AUDIENCE: &str = "cidadao-api";
/// How far clocks of replicas may be apart.
const LEEWAY: TimeDelta = TimeDelta::seconds(5);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Claims {
    iss: String,
    aud: String,
    /// Username.
    pub(super) sub: String,
    /// For the client to read: what counts is the role that the user has when the token is used.
    role: Role,
    iat: i64,
    exp: i64,
    jti: String,
    /// Version of the user's tokens.
    pub(super) ver: i64,
}

/// Makes and reads tokens.
pub(super) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    ttl: Duration,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("ttl", &self.ttl).finish_non_exhaustive()
    }
}

impl Tokens {
    pub(super) fn new(key: &[u8], ttl: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The end is compared with the time of the store, below.
        validation.validate_exp = false;
        Self { encoding: EncodingKey::from_secret(key), decoding: DecodingKey::from_secret(key), validation, ttl }
    }

    /// How long a token holds.
    pub(super) const fn ttl(&self) -> Duration {
        self.ttl
    }

    pub(super) fn issue(&self, user: &User, now: DateTime<Utc>) -> Result<String, AuthError> {
        let iat = now.timestamp();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.username.clone(),
            role: user.role,
            iat,
            exp: iat.saturating_add(i64::try_from(self.ttl.as_secs()).unwrap_or(i64::MAX)),
            jti: Uuid::new_v4().to_string(),
            ver: user.token_version,
        };
        encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .map_err(|error| AuthError::Internal(error.to_string()))
    }

    /// The claims of a token that was signed here and has not ended.
    pub(super) fn read(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, AuthError> {
        let read = decode::<Claims>(token, &self.decoding, &self.validation);
        let claims = read.map_err(|_| AuthError::Refused)?.claims;
        if claims.exp.saturating_add(LEEWAY.num_seconds()) <= now.timestamp() {
            return Err(AuthError::Expired);
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn user() -> User {
        User {
            id: "1".to_owned(),
            username: "ana".to_owned(),
            email: None,
            role: Role::Analyst,
            token_version: 3,
            created_at: DateTime::UNIX_EPOCH,
            disabled_at: None,
        }
    }

    fn tokens() -> Tokens {
        Tokens::new(KEY, Duration::from_secs(3_600))
    }

    fn payload(token: &str) -> Value {
        let part = token.split('.').nth(1).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    fn forged(header: Value, claims: &Value, signature: &str) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.{signature}", part(&header), part(claims))
    }

    #[test]
    fn a_token_holds_until_its_end() {
        let (tokens, now) = (tokens(), Utc::now());
        let token = tokens.issue(&user(), now).unwrap();
        let claims = tokens.read(&token, now).unwrap();
        assert_eq!((claims.sub.as_str(), claims.ver), ("ana", 3));
        let at = |seconds| now + TimeDelta::seconds(seconds);
        assert!(tokens.read(&token, at(3_600 + 4)).is_ok());
        assert!(matches!(tokens.read(&token, at(3_600 + 5)), Err(AuthError::Expired)));
        let claims = payload(&token);
        assert_eq!(
            (&claims["iss"], &claims["aud"], &claims["role"]),
            (&json!(ISSUER), &json!(AUDIENCE), &json!("analyst"))
        );
        assert_ne!(payload(&tokens.issue(&user(), now).unwrap())["jti"], claims["jti"]);
    }

    #[test]
    fn what_was_not_signed_so_is_refused() {
        let (tokens, now) = (tokens(), Utc::now());
        let good = tokens.issue(&user(), now).unwrap();
        let claims = payload(&good);
        let signed = |algorithm, key: &[u8], claims: &Value| {
            encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key)).unwrap()
        };
        assert!(tokens.read(&signed(Algorithm::HS256, KEY, &claims), now).is_ok());
        let without = |claim: &str| {
            let mut claims = claims.clone();
            claims.as_object_mut().unwrap().remove(claim);
            signed(Algorithm::HS256, KEY, &claims)
        };
        let with = |claim: &str, value: Value| {
            let mut claims = claims.clone();
            claims[claim] = value;
            signed(Algorithm::HS256, KEY, &claims)
        };
        let (head, signature) = good.rsplit_once('.').unwrap();
        let other = payload(&with("sub", json!("root")));
        let swapped = forged(json!({"alg": "HS256", "typ": "JWT"}), &other, signature);
        for bad in [
            String::new(),
            "a.b.c".to_owned(),
            format!("{head}."),
            swapped,
            forged(json!({"alg": "none"}), &claims, ""),
            forged(json!({"alg": "None"}), &claims, ""),
            forged(json!({"alg": "HS256"}), &claims, ""),
            signed(Algorithm::HS512, KEY, &claims),
            signed(Algorithm::HS384, KEY, &claims),
            signed(Algorithm::HS256, b"fedcba9876543210fedcba9876543210", &claims),
            with("iss", json!("another")),
            with("aud", json!("another")),
            with("exp", json!("soon")),
            with("role", json!("god")),
            without("exp"),
            without("aud"),
            without("iss"),
            without("sub"),
            without("ver"),
        ] {
            assert!(matches!(tokens.read(&bad, now), Err(AuthError::Refused)), "{bad}");
        }
    }

    #[test]
    fn the_key_is_not_shown() {
        let shown = format!("{:?}", tokens());
        assert!(!shown.contains("0123") && !shown.contains("48, 49"), "{shown}");
    }
}
