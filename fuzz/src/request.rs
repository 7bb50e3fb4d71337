//! Requests: bodies, queries, filters, page tokens, questions. The first byte says which of them the rest is.

use std::sync::OnceLock;

use cidadao::api::{fuzzing as api, pb};
use cidadao::gateway::fuzzing::Rest;
use cidadao::investigation::{DetectorInfo, Request, filter_violations, plan};
use cidadao::lake::filters;
use cidadao::model::{Money, mask_text};
use http::Method;
use prost::Message as _;

/// Amounts from here on have more digits than a double holds.
const EXACT_CENTS: i128 = 1 << 53;

pub(crate) fn run(data: &[u8]) {
    let Some((what, rest)) = data.split_first() else { return };
    match what % 5 {
        0 => body(rest),
        1 => path(&String::from_utf8_lossy(rest)),
        2 => message(rest),
        3 => token(&String::from_utf8_lossy(rest)),
        _ => question(&String::from_utf8_lossy(rest)),
    }
}

fn rest() -> &'static Rest {
    static REST: OnceLock<Rest> = OnceLock::new();
    REST.get_or_init(|| Rest::new().expect("the API is well declared"))
}

/// A JSON body; its first byte says of which message.
fn body(data: &[u8]) {
    let Some((which, json)) = data.split_first() else { return };
    let inputs = rest().inputs();
    let of = &inputs[usize::from(*which) % inputs.len()];
    let Some(read) = rest().body(of, json) else { return };
    let written = rest().json(&read).expect("a message is written");
    let again = rest().body(of, &written).expect("what is written is read");
    // On the wire a default that is set is one that is not.
    assert_eq!(again.encode_to_vec(), read.encode_to_vec(), "{}", String::from_utf8_lossy(&written));
}

/// A path and a query, with the method before them where it is not GET.
fn path(text: &str) {
    let (method, text) = match text.split_once(' ') {
        Some((name, rest)) => (Method::from_bytes(name.as_bytes()).unwrap_or(Method::GET), rest),
        None => (Method::GET, text),
    };
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    if let Some(request) = rest().request(&method, path, query) {
        assert!(rest().json(&request).is_some());
    }
}

/// Filters on the wire.
fn message(data: &[u8]) {
    let Ok(message) = pb::ContractFilters::decode(data) else { return };
    let (read, mut found) = api::filters(message);
    drop(filters::predicate(&read, &read.categories));
    drop(filters::tender_columns(&read));
    let converted = found.is_empty();
    filter_violations(&read, "filters", &mut found);
    assert!(found.iter().all(|violation| violation.field.starts_with("filters") && !violation.rule.is_empty()));
    assert!(found.iter().all(|violation| mask_text(&violation.value) == violation.value), "{found:?}");
    let exact = |amount: Option<Money>| amount.is_none_or(|amount| amount.cents().abs() < EXACT_CENTS);
    if converted && exact(read.min_value) && exact(read.max_value) {
        let (again, found) = api::filters(api::shown(&read));
        assert_eq!(found, [], "what is shown is taken");
        assert_eq!(again, read);
    }
}

/// A token that may be of any method, and one of its text.
fn token(text: &str) {
    let (position, found) = api::position("List", &["a"], text);
    assert!(position.is_none() || found.is_empty());
    if let Some(position) = position {
        assert_eq!(api::token("List", &["a"], &position), text.to_ascii_lowercase());
    }
    let own = api::token("List", &["a"], text);
    assert_eq!(api::position("List", &["a"], &own).0.as_deref(), Some(text));
    assert_eq!(api::position("List", &["a", ""], &own).0, None);
}

fn question(text: &str) {
    let detectors = ["single_bid", "splitting_sum", "benford"].map(|id| DetectorInfo {
        id,
        pattern: id != "single_bid",
        spending: id == "benford",
        on_request: id == "benford",
    });
    let request = Request::of_query(text);
    assert_eq!(mask_text(&request.query), request.query);
    drop(request.violations(&["single_bid"]));
    let made = plan(&request, &detectors);
    assert_eq!(made, plan(&request, &detectors), "the same words give the same plan");
    drop(filters::predicate(&made.filters, &made.terms));
}
