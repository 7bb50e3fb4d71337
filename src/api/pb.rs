//! Messages, clients and servers of the package `cidadao.v1`, generated from `proto/`.

tonic::include_proto!("cidadao.v1");

/// The descriptor set of the API with everything it imports, encoded; its options are kept.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));

/// Debug of a message without its secret.
macro_rules! without_secret {
    ($($message:ident($($shown:ident),*),)*) => {
        $(impl std::fmt::Debug for $message {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($message))$(.field(stringify!($shown), &self.$shown))*.finish_non_exhaustive()
            }
        })*
    };
}

without_secret! {
    LoginRequest(),
    LoginResponse(username, role, expires_in),
    CreateApiKeyResponse(api_key),
    CreateUserRequest(username, email, role),
}
