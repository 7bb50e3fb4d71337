//! The API over a real connection.

mod batch;
mod detectors;
mod findings;
mod fresh;
mod jobs;
mod parameters;
mod refusals;
mod service;

use cidadao::api::{ERROR_DOMAIN, pb};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

fn fields(status: &Status) -> Vec<(String, String)> {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    violations.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

pub(crate) fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, ERROR_DOMAIN);
    info.reason.clone()
}

/// The status is INVALID_ARGUMENT and names exactly these fields; each description has the value.
#[track_caller]
pub(crate) fn refuses(status: &Status, expected: &[(&str, &str)]) {
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(reason(status), "INVALID_FIELD");
    let fields = fields(status);
    let names: Vec<_> = fields.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(names, expected.iter().map(|(field, _)| *field).collect::<Vec<_>>());
    for ((_, description), (field, value)) in fields.iter().zip(expected) {
        assert!(description.contains("must"), "{field}: {description}");
        assert!(description.contains(value), "{field}: {description} lacks {value}");
    }
}

pub(crate) fn query(text: &str) -> pb::StartInvestigationRequest {
    pb::StartInvestigationRequest { query: text.to_owned(), ..Default::default() }
}
