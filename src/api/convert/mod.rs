//! Between protobuf messages and domain types. What comes in is checked on the way: everything wrong
//! is collected as [`Violation`]s, nothing is dropped in silence.

mod contract;
mod detector;
mod filters;
mod finding;
mod job;

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

pub(super) use contract::{contract, contract_detail};
pub(super) use detector::detector;
pub(super) use filters::{filters_from_pb, filters_to_pb, parameter_from_pb, parameter_to_pb, plan};
pub(super) use finding::{
    applied_limit, detector_ref, detector_summary, finding, review, review_change, review_state_from_pb,
    severity_from_pb,
};
pub(super) use job::{counts, event, heartbeat, job_error, job_state, priority, priority_from_pb, state_from_pb};

use crate::model::Violation;

/// The value of a protobuf enum, or a violation that names the field and the number.
pub(super) fn known<E: TryFrom<i32>>(number: i32, field: &str, found: &mut Vec<Violation>) -> Option<E> {
    E::try_from(number).map_or_else(
        |_| {
            found.push(Violation::new(field, "must be a value that the API declares", number));
            None
        },
        Some,
    )
}

/// A date written as `YYYY-MM-DD`; `None` if empty or, with a violation, if it is not one.
pub(super) fn date(text: &str, field: &str, found: &mut Vec<Violation>) -> Option<NaiveDate> {
    if text.is_empty() {
        return None;
    }
    // chrono alone takes signs, blanks and missing zeros too.
    let digits = |at: std::ops::Range<usize>| text.as_bytes()[at].iter().all(u8::is_ascii_digit);
    let shaped = text.len() == 10 && digits(0..4) && digits(5..7) && digits(8..10);
    let date = if shaped { NaiveDate::parse_from_str(text, "%Y-%m-%d").ok() } else { None };
    if date.is_none() {
        found.push(Violation::new(field, "must be a date of the calendar, written YYYY-MM-DD", text));
    }
    date
}

/// A UUID in its canonical form; `None` if empty or, with a violation, if it is none or all zeros.
pub(super) fn request_id(text: &str, found: &mut Vec<Violation>) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let id = hyphenated(text).filter(|id| !id.is_nil());
    if id.is_none() {
        found.push(Violation::new("request_id", "must be a UUID, not all zeros", text));
    }
    id.map(|id| id.to_string())
}

/// A UUID of 36 characters with hyphens, in any case.
pub(super) fn hyphenated(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

/// Refuses the one character that a database cannot store in a text.
pub(super) fn no_nul(text: &str, field: &str, found: &mut Vec<Violation>) {
    if text.contains('\0') {
        found.push(Violation::new(field, "must not contain the character U+0000", text));
    }
}

/// A point in time.
pub(super) fn timestamp(at: DateTime<Utc>) -> prost_types::Timestamp {
    // Below two thousand million by definition, also within a leap second.
    let nanos = i32::try_from(at.timestamp_subsec_nanos().min(999_999_999)).unwrap_or(999_999_999);
    prost_types::Timestamp { seconds: at.timestamp(), nanos }
}

/// A length of time between two limits, in seconds; `None` if unset or, with a violation, if it is
/// not one.
pub(super) fn duration(
    given: Option<prost_types::Duration>,
    field: &str,
    limits: std::ops::RangeInclusive<u64>,
    found: &mut Vec<Violation>,
) -> Option<Duration> {
    let given = given?;
    let duration = Duration::try_from(given).ok().filter(|duration| {
        // What is stored are seconds: a part of one would be lost without a word.
        duration.subsec_nanos() == 0
            && *duration >= Duration::from_secs(*limits.start())
            && *duration <= Duration::from_secs(*limits.end())
    });
    if duration.is_none() {
        let rule = format!("must be from {} to {} whole seconds", limits.start(), limits.end());
        found.push(Violation::new(field, rule, format!("{}.{:09}s", given.seconds, given.nanos.abs())));
    }
    duration
}

/// A point in time of a request; `None` if unset or, with a violation, if it is none.
pub(super) fn time(
    given: Option<prost_types::Timestamp>,
    field: &str,
    found: &mut Vec<Violation>,
) -> Option<DateTime<Utc>> {
    let given = given?;
    let nanos = u32::try_from(given.nanos).ok();
    let time = nanos.and_then(|nanos| DateTime::from_timestamp(given.seconds, nanos));
    if time.is_none() {
        found.push(Violation::new(field, "must be a point in time", format!("{}.{:09}", given.seconds, given.nanos)));
    }
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_strict() {
        let mut found = Vec::new();
        assert_eq!(date("", "d", &mut found), None);
        assert_eq!(date("2024-02-29", "d", &mut found), NaiveDate::from_ymd_opt(2024, 2, 29));
        assert!(found.is_empty());
        for text in ["2023-02-29", "2024-1-5", "+024-01-05", "2024/01/05", "20240105", "2024-01-05T", "çççççç", " "]
        {
            assert_eq!(date(text, "filters.start_date", &mut found), None, "{text}");
        }
        assert_eq!(found.len(), 8);
        assert!(found.iter().all(|violation| violation.field == "filters.start_date"));
        assert_eq!(found[0].value, "2023-02-29");
    }

    #[test]
    fn request_ids_are_uuids() {
        let mut found = Vec::new();
        let id = "0191D0F2-7a5b-7c3d-8e9f-0a1b2c3d4e5f";
        assert_eq!(request_id(id, &mut found), Some(id.to_lowercase()));
        assert_eq!(request_id("", &mut found), None);
        assert!(found.is_empty());
        for text in ["x", "00000000-0000-0000-0000-000000000000", "{0191d0f2-7a5b-7c3d-8e9f-0a1b2c3d4e5f}"] {
            assert_eq!(request_id(text, &mut found), None);
        }
        assert_eq!(found.len(), 3);
    }
}
