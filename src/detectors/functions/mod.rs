//! Functions that the detectors share: plain Rust, and the same in SQL.
//!
//! "Folded" is what [`crate::model::fold`] gives. A null argument of text reads as no text.

mod amendment;
pub mod calendar;
mod chance;
mod emergency;
mod entities;
mod items;
mod largest;
mod legal_basis;
mod object_type;
mod quantile;
mod scalar;
mod similarity;
mod situation;
mod words;

pub use amendment::{AmendmentKind, amendment_kinds};
pub use chance::{binomial_tail, chi_square_tail, first_digit};
pub use emergency::is_emergency;
#[cfg(test)]
pub use entities::CNPJ_UNFIT;
pub use entities::{cnpj_unfit, company_of, has_doubled_ceiling, is_public_body, is_state_company};
pub use items::is_specific_item;
pub use largest::text_of_largest_udaf;
pub use legal_basis::{LegalBasisKind, LegalRegime, legal_basis_kind, legal_regime};
pub use object_type::{ObjectType, brings_income, is_reform, is_vehicle_maintenance, object_type};
pub use quantile::{mad, mad_udaf, quantile8, quantile8_udaf};
pub use scalar::{Function, show_tax_id};
pub use similarity::{names_other_parts, text_similarity};
pub use situation::{SituationKind, situation_kind};
pub use words::has_word;

use datafusion::execution::FunctionRegistry;
use datafusion::prelude::SessionContext;

use super::collusion;

/// Makes every function known to a session.
pub fn register(context: &SessionContext) {
    for function in Function::ALL {
        context.register_udf(function.udf());
    }
    for function in collusion::sql::Function::ALL {
        context.register_udf(function.udf());
    }
    context.register_udaf(quantile8_udaf());
    context.register_udaf(mad_udaf());
    context.register_udaf(text_of_largest_udaf());
}

/// Names of the functions that a session knows, for the documentation of the detectors.
pub fn names(context: &SessionContext) -> Vec<String> {
    let mut names: Vec<String> = context.udfs().into_iter().chain(context.udafs()).collect();
    names.sort();
    names
}
