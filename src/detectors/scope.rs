//! Which contracts a plan is about.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::functions::expr_fn::{coalesce, date_part};
use datafusion::logical_expr::{Expr, cast, col, lit};

use super::functions::Function;
use crate::model::{Filters, Money, Plan, TaxIdKind, check_tax_id, fold, mask_cpf};

/// Words of the plan's terms and categories, folded, each once: what `include_items` looks for.
pub fn words(plan: &Plan) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for text in plan.terms.iter().chain(&plan.filters.categories) {
        for word in fold(text).split(' ').filter(|word| !word.is_empty()) {
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
    }
    words
}

/// Column that says whether an item of a contract holds a word: by its place in [`words`].
pub fn item_column(place: usize) -> String {
    format!("item_word_{place}")
}

/// Whether a row of `contracts` is what the plan asks for; never null.
///
/// A term and each word of a category must stand in the object as a whole word. With
/// `include_items` the row also needs the columns [`item_column`], and a word in an item counts as
/// one in the object. A category without any word matches nothing.
pub fn predicate(plan: &Plan) -> Expr {
    let words = words(plan);
    let holds = |word: &str| {
        let in_object = Function::HasWord.udf().call(vec![col("object_folded"), lit(word)]);
        match words.iter().position(|known| known == word) {
            Some(place) if plan.include_items => in_object.or(coalesce(vec![col(item_column(place)), lit(false)])),
            _ => in_object,
        }
    };
    let holds_all = |text: &str| {
        let folded = fold(text);
        let words = folded.split(' ').filter(|word| !word.is_empty());
        words.map(&holds).reduce(Expr::and)
    };
    let mut all: Vec<Expr> = plan.terms.iter().filter_map(|term| holds_all(term)).collect();
    if !plan.filters.categories.is_empty() {
        let any = plan.filters.categories.iter().filter_map(|category| holds_all(category)).reduce(Expr::or);
        all.push(any.unwrap_or_else(|| lit(false)));
    }
    if plan.emergency_only {
        all.push(Function::IsEmergency.udf().call(vec![col("legal_basis"), col("object_folded")]));
    }
    all.extend(of_filters(&plan.filters));
    let asked = all.into_iter().reduce(Expr::and).unwrap_or_else(|| lit(true));
    coalesce(vec![asked, lit(false)])
}

fn of_filters(filters: &Filters) -> Vec<Expr> {
    let money = |amount: Money| lit(ScalarValue::Decimal128(Some(amount.cents()), 18, 2));
    let value = || coalesce(vec![col("current_value"), col("initial_value")]);
    let day = |day: chrono::NaiveDate| {
        lit(ScalarValue::Date32(Some(day.signed_duration_since(chrono::NaiveDate::default()).num_days() as i32)))
    };
    let mut all = Vec::new();
    all.extend(filters.min_value.map(|least| value().gt_eq(money(least))));
    all.extend(filters.max_value.map(|most| value().lt_eq(money(most))));
    all.extend(
        filters.year.map(|year| cast(date_part(lit("year"), col("signature_date")), DataType::Int32).eq(lit(year))),
    );
    if !filters.modalities.is_empty() {
        let names = filters.modalities.iter().map(|modality| lit(modality.as_str())).collect();
        all.push(col("modality").in_list(names, false));
    }
    all.extend(filters.start_date.map(|first| col("signature_date").gt_eq(day(first))));
    all.extend(filters.end_date.map(|last| col("signature_date").lt_eq(day(last))));
    all.extend(filters.supplier_id.as_ref().map(|id| match check_tax_id(id) {
        // The lake keeps a CPF masked.
        (TaxIdKind::Cpf, cpf, _) if !cpf.contains('*') => col("supplier_id").eq(lit(mask_cpf(&cpf))),
        (_, id, _) => col("supplier_id").eq(lit(id)),
    }));
    all.extend(filters.buyer_id.as_ref().map(|id| col("buyer_id").eq(lit(id.trim()))));
    all
}
