//! What the fuzz targets (`fuzz/`) call of the services. It is part of no other build.

use super::{convert, page, pb};
use crate::model::{Filters, Violation};

/// Filters of a request, and what is wrong with them.
pub fn filters(filters: pb::ContractFilters) -> (Filters, Vec<Violation>) {
    let mut found = Vec::new();
    (convert::filters_from_pb(filters, "filters", &mut found), found)
}

/// Filters as the API shows them.
pub fn shown(filters: &Filters) -> pb::ContractFilters {
    convert::filters_to_pb(filters)
}

/// The token of a position, for a method and its arguments.
pub fn token(method: &str, arguments: &[&str], position: &str) -> String {
    page::Binding::new(method, arguments).token(position)
}

/// The position that a token holds, if it belongs to the method and its arguments; else what is wrong with it.
pub fn position(method: &str, arguments: &[&str], token: &str) -> (Option<String>, Vec<Violation>) {
    let mut found = Vec::new();
    let position = page::Binding::new(method, arguments).position(token, |text| Some(text.to_owned()), &mut found);
    (position, found)
}
