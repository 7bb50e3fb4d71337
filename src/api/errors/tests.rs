use std::path::PathBuf;

use super::*;
use crate::api::Principal;
use crate::api::caller::RequestId;

fn caller() -> Caller {
    Caller { principal: Principal::local(), remote: String::new(), request_id: RequestId::of(&http::HeaderMap::new()) }
}

#[test]
fn each_error_has_its_code_reason_and_metadata() {
    let id = || "0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f".to_owned();
    let secret = || "password=hunter2".to_owned();
    let unavailable = || StoreError::Unavailable { reason: secret() };
    let io = LakeError::Io { path: PathBuf::from("/secret/path"), source: std::io::Error::other("x") };
    let resource = "investigation";
    let running = JobState::Running;
    let reused = StoreError::RequestIdReused { request_id: id(), job_id: id() };
    let cases: Vec<(ApiError, Code, &str, &[&str])> = vec![
        (
            ApiError::Invalid(vec![Violation::new("query", "must not be empty", "")]),
            Code::InvalidArgument,
            "INVALID_FIELD",
            &["field", "rule"],
        ),
        (ApiError::NotFound { resource, id: id() }, Code::NotFound, "INVESTIGATION_NOT_FOUND", &["id"]),
        (
            ApiError::RoleMissing { needed: Role::Admin, role: Role::Viewer },
            Code::PermissionDenied,
            "ROLE_MISSING",
            &["required_role", "role"],
        ),
        (ApiError::Revoked, Code::Unauthenticated, "CREDENTIALS_INVALID", &[]),
        (ApiError::Auth(AuthError::Missing), Code::Unauthenticated, "CREDENTIALS_MISSING", &[]),
        (ApiError::Auth(AuthError::Refused), Code::Unauthenticated, "CREDENTIALS_INVALID", &[]),
        (ApiError::Auth(AuthError::Expired), Code::Unauthenticated, "TOKEN_EXPIRED", &[]),
        (
            ApiError::Auth(AuthError::TooMany { retry_after: std::time::Duration::from_millis(1) }),
            Code::ResourceExhausted,
            "TOO_MANY_FAILED_LOGINS",
            &[],
        ),
        (ApiError::Auth(AuthError::Busy), Code::ResourceExhausted, "TOO_MANY_LOGINS", &[]),
        (ApiError::Auth(AuthError::Internal(secret())), Code::Internal, "INTERNAL", &[]),
        (
            ApiError::Store(StoreError::Exists { what: "user", field: "username", value: "ana".to_owned() }),
            Code::AlreadyExists,
            "NAME_TAKEN",
            &["resource", "field", "value"],
        ),
        (
            ApiError::NotFinished { resource, id: id(), state: running },
            Code::FailedPrecondition,
            "NOT_FINISHED",
            &["id", "state"],
        ),
        (
            ApiError::WithoutResults { resource, id: id(), state: running },
            Code::FailedPrecondition,
            "WITHOUT_RESULTS",
            &["id", "state"],
        ),
        (
            ApiError::Denied(Violation::new("uri", "must be on a host of import_hosts", "https://x/y")),
            Code::PermissionDenied,
            "IMPORT_NOT_ALLOWED",
            &["field", "rule", "value"],
        ),
        (
            ApiError::TooMany { what: "imports", limit: 3 },
            Code::ResourceExhausted,
            "TOO_MANY_UNDER_WAY",
            &["what", "limit"],
        ),
        (ApiError::Silent(std::time::Duration::from_secs(60)), Code::DeadlineExceeded, "UPLOAD_SILENT", &[]),
        (
            ApiError::Upload(UploadError::Io { path: PathBuf::from("/secret"), cause: std::io::Error::other("x") }),
            Code::Internal,
            "INTERNAL",
            &[],
        ),
        (ApiError::ReportNotRequested { id: id() }, Code::FailedPrecondition, "REPORT_NOT_REQUESTED", &["id"]),
        (ApiError::Stopping, Code::Unavailable, "STOPPING", &[]),
        (FreshError::Fetch(FetchError::KeyMissing).into(), Code::FailedPrecondition, "SOURCE_KEY_MISSING", &[]),
        (
            FreshError::Fetch(FetchError::Refused { url: id(), status: 403, detail: id() }).into(),
            Code::FailedPrecondition,
            "SOURCE_REFUSED",
            &["status"],
        ),
        (
            FreshError::Fetch(FetchError::TooManyPages { url: id(), limit: 40 }).into(),
            Code::FailedPrecondition,
            "SOURCE_LIST_TOO_LONG",
            &["limit"],
        ),
        (
            FreshError::Fetch(FetchError::GaveUp { url: id(), attempts: 2, detail: id() }).into(),
            Code::Unavailable,
            "SOURCE_UNAVAILABLE",
            &[],
        ),
        (FreshError::Keep(std::io::Error::other("/secret")).into(), Code::Internal, "INTERNAL", &[]),
        (
            ApiError::NoSourceApi { source: "ocds:ocds-1".to_owned() },
            Code::FailedPrecondition,
            "SOURCE_WITHOUT_API",
            &["source"],
        ),
        (ApiError::Jobs(JobsError::NotFound { id: id() }), Code::NotFound, "NOT_FOUND", &["id"]),
        (
            ApiError::Jobs(JobsError::SequenceAhead { asked: 9, last: 3 }),
            Code::OutOfRange,
            "SEQUENCE_AHEAD",
            &["after_sequence", "last_sequence"],
        ),
        (
            ApiError::Jobs(JobsError::Deleted { asked: 2, oldest: 7 }),
            Code::OutOfRange,
            "EVENTS_DELETED",
            &["oldest_sequence", "field"],
        ),
        (ApiError::Jobs(JobsError::Store(unavailable())), Code::Unavailable, "DATABASE_UNAVAILABLE", &[]),
        (ApiError::Store(unavailable()), Code::Unavailable, "DATABASE_UNAVAILABLE", &[]),
        (ApiError::Store(StoreError::Contention { reason: secret() }), Code::Unavailable, "DATABASE_UNAVAILABLE", &[]),
        (ApiError::Store(reused), Code::AlreadyExists, "REQUEST_ID_REUSED", &["request_id", "id"]),
        (ApiError::Store(StoreError::Database { reason: secret() }), Code::Internal, "INTERNAL", &[]),
        (ApiError::Store(StoreError::Migration { reason: secret() }), Code::Internal, "INTERNAL", &[]),
        (ApiError::Lake(io), Code::Internal, "INTERNAL", &[]),
        (
            ApiError::Lake(LakeError::Object { action: "read", object: secret(), problem: secret() }),
            Code::Unavailable,
            "LAKE_UNAVAILABLE",
            &[],
        ),
        (ApiError::Lake(LakeError::Manifest(unavailable())), Code::Unavailable, "DATABASE_UNAVAILABLE", &[]),
        (
            ApiError::Lake(LakeError::NoSuchVersion { asked: 3, latest: 9 }),
            Code::FailedPrecondition,
            "LAKE_VERSION_GONE",
            &["version"],
        ),
        (
            ApiError::Lake(LakeError::Manifest(StoreError::Database { reason: secret() })),
            Code::Internal,
            "INTERNAL",
            &[],
        ),
    ];
    let caller = caller();
    for (error, code, reason, keys) in cases {
        let status = status(&caller, &error);
        assert_eq!(status.code(), code, "{error:?}");
        assert!(!status.message().is_empty());
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, ERROR_DOMAIN));
        for key in keys {
            assert!(!info.metadata[*key].is_empty(), "{error:?} {key}");
        }
        assert_eq!(details.retry_info().is_some(), matches!(code, Code::Unavailable | Code::ResourceExhausted));
        let request = details.request_info().map(|info| info.request_id.as_str());
        assert_eq!(request, (code == Code::Internal).then(|| caller.request_id.as_str()));
        let sent = format!("{status:?}{}", String::from_utf8_lossy(status.details()));
        assert!(!sent.contains("hunter2") && !sent.contains("/secret"), "{sent}");
    }
}

proptest::proptest! {
    #[test]
    fn a_description_gives_rule_and_value_back(rule in "must [a-z, ]{0,20}", value in ".{0,40}|(, got \"){1,3}.*") {
        let given = Violation::new("f", rule, value);
        proptest::prop_assert_eq!(&violation("f", &describe(&given)), &given);
    }
}

#[test]
fn violations_state_rule_and_value_and_fit_into_a_header() {
    let violations: Vec<_> =
        (0..100).map(|at| Violation::new(format!("f[{at}]"), "must be short", "é".repeat(500))).collect();
    let status = status(&caller(), &ApiError::Invalid(violations));
    assert!(status.details().len() < 5_000, "{}", status.details().len());
    assert!(status.message().contains("99 more"));
    let details = status.get_error_details();
    let sent = &details.bad_request().unwrap().field_violations;
    assert_eq!(sent[0].field, "f[0]");
    assert!(sent[0].description.starts_with("must be short, got \"éé"));
    assert!(sent.len() > 3);
}
