//! Which contracts and tenders a plan is about.

use datafusion::functions::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, col, lit};

use super::functions::Function;
use crate::lake;
use crate::model::{Plan, fold};

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
    asked(plan, lake::filters::columns(&plan.filters))
}

/// Whether a row of `tenders` is what the plan asks for; never null. Words are looked for as in
/// [`predicate`]; the other filters as [`lake::filters::tender_columns`] says.
pub fn tender_predicate(plan: &Plan) -> Expr {
    asked(plan, lake::filters::tender_columns(&plan.filters))
}

fn asked(plan: &Plan, columns: Vec<Expr>) -> Expr {
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
    all.extend(columns);
    let asked = all.into_iter().reduce(Expr::and).unwrap_or_else(|| lit(true));
    coalesce(vec![asked, lit(false)])
}
