//! Contracts that the plan is about and that no detector judges: they are counted as not evaluable, and stand in no group of
//! peers.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::DataFusionError;
use datafusion::functions::expr_fn::starts_with;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, JoinType, col, lit, when};
use datafusion::prelude::{DataFrame, SessionContext};

use super::functions::{Function, SituationKind};
use super::{Header, Reason};
use crate::lake::schema::CURRENT;
use crate::model::{Outcome, Plan};

/// The rules below, for whoever asks whether the same detector gives the same answers.
pub(super) const RULES: &str = include_str!("aside.rs");

/// Column of why a contract is set aside; null where it is judged.
const WHY: &str = "set_aside";
/// Column of the tenders that were called off.
const TENDER: &str = "called_off_tender_id";

const CANCELLED: &str = "cancelled";
const OTHER_CURRENCY: &str = "contract_in_other_currency";
const NO_CURRENCY: &str = "currency_not_informed";

/// Why contracts are set aside, as every detector that judges contracts says it.
pub(super) fn reasons() -> [(&'static str, Reason); 3] {
    let reason = |pt: &str, en: &str, columns: &[&str]| Reason {
        outcome: Outcome::NotEvaluable,
        pt: pt.to_owned(),
        en: en.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    };
    [
        (
            CANCELLED,
            reason(
                "O contrato, ou a licitação de que veio, foi cancelado, revogado, anulado ou não teve êxito: a compra não se realizou.",
                "The contract, or the tender that it came of, was cancelled, revoked, annulled or unsuccessful: the purchase did not come about.",
                &[],
            ),
        ),
        (
            OTHER_CURRENCY,
            reason(
                "O contrato é em outra moeda: os limites e as comparações são em reais.",
                "The contract is in another currency: limits and comparisons are in reais.",
                &[],
            ),
        ),
        (
            NO_CURRENCY,
            reason(
                "A fonte não informa a moeda do contrato: os limites e as comparações são em reais.",
                "The source does not give the currency of the contract: limits and comparisons are in reais.",
                &["contracts.currency"],
            ),
        ),
    ]
}

/// Whether a detector judges contracts, by the tables that it reads.
pub(super) fn concerns(header: &Header) -> bool {
    header.tables.iter().any(|table| table == "contracts" || table == "small_purchases")
}

/// How many contracts of the plan were set aside, by reason and modality.
#[derive(Debug, Default)]
pub(super) struct Aside(Vec<(Option<&'static str>, String, i64)>);

impl Aside {
    /// Contracts that the plan is about, judged or not.
    pub(super) fn in_scope(&self) -> i64 {
        self.0.iter().map(|(.., count)| count).sum()
    }

    /// Those that a detector would have judged, by reason.
    pub(super) fn of<'a>(&'a self, header: &'a Header) -> impl Iterator<Item = (&'static str, i64)> + 'a {
        let asked = |modality: &String| header.modalities.is_empty() || header.modalities.contains(modality);
        let rows = self.0.iter().filter(move |_| concerns(header));
        rows.filter_map(move |(why, modality, count)| Some(((*why)?, *count)).filter(|_| asked(modality)))
    }
}

/// The current contracts, each with [`WHY`] it is set aside.
///
/// What was called off: by its own situation, or by that of the tender whose id it names. The Brazilian sources write no
/// currency; of any other it is not known what its amounts are in.
pub(super) async fn told_apart(context: &SessionContext) -> datafusion::common::Result<DataFrame> {
    let current = || col("row_status").eq(lit(CURRENT));
    let called_off = || {
        let kind = Function::SituationKind.udf().call(vec![col("situation")]);
        kind.eq(lit(SituationKind::CalledOff.as_str()))
    };
    let contracts = context.table("contracts_all").await?.filter(current())?;
    // Few texts and few tenders: they are looked for once, and not by every detector.
    let texts = contracts.clone().select(vec![col("situation")])?.distinct()?.filter(called_off())?;
    let texts: Vec<Expr> = strings(texts).await?.into_iter().map(lit).collect();
    let tenders = context.table("tenders_all").await?.filter(current().and(called_off()))?;
    let tenders = tenders.select(vec![col("tender_id").alias(TENDER)])?.distinct()?.collect().await?;

    let mut off = match texts.is_empty() {
        true => lit(false),
        false => col("situation").is_not_null().and(col("situation").in_list(texts, false)),
    };
    let columns: Vec<Expr> = contracts.schema().fields().iter().map(|field| col(field.name())).collect();
    let contracts = match tenders.iter().any(|batch| batch.num_rows() > 0) {
        false => contracts,
        true => {
            off = off.or(col(TENDER).is_not_null());
            // The few on the left, whose rows a join holds.
            context.read_batches(tenders)?.join(contracts, JoinType::Right, &[TENDER], &["tender_id"], None)?
        }
    };
    let foreign = || starts_with(col("source"), lit("ocds:"));
    let why = when(off, lit(CANCELLED))
        .when(col("currency").is_not_null().and(col("currency").not_eq(lit("BRL"))), lit(OTHER_CURRENCY))
        .when(col("currency").is_null().and(foreign()), lit(NO_CURRENCY))
        .end()?;
    contracts.select(columns.into_iter().chain([why.alias(WHY)]))
}

/// Which of the contracts are judged.
pub(super) fn judged() -> Expr {
    col(WHY).is_null()
}

/// Counts what the plan is about, judged or not. What is not in reais passes no bound of value.
pub(super) async fn counted(contracts: DataFrame, plan: &Plan) -> datafusion::common::Result<Aside> {
    let bounded = plan.filters.min_value.is_some() || plan.filters.max_value.is_some();
    let valued = judged().or(col(WHY).eq(lit(CANCELLED))).or(lit(!bounded));
    let rows = contracts.filter(col("in_scope").and(valued))?;
    let rows = rows.aggregate(vec![col(WHY), col("modality")], vec![count(lit(1)).alias("contracts")])?;
    let mut aside = Aside::default();
    for batch in rows.collect().await? {
        let text = |at: usize| cast(batch.column(at), &DataType::Utf8);
        let (whys, modalities) = (text(0)?, text(1)?);
        let counts = batch.column(2).as_primitive::<Int64Type>();
        for ((why, modality), count) in whys.as_string::<i32>().iter().zip(modalities.as_string::<i32>()).zip(counts) {
            let why = [CANCELLED, OTHER_CURRENCY, NO_CURRENCY].into_iter().find(|known| Some(*known) == why);
            aside.0.push((why, modality.unwrap_or_default().to_owned(), count.unwrap_or_default()));
        }
    }
    Ok(aside)
}

async fn strings(frame: DataFrame) -> Result<Vec<String>, DataFusionError> {
    let mut found = Vec::new();
    for batch in frame.collect().await? {
        let texts = cast(batch.column(0), &DataType::Utf8)?;
        found.extend(texts.as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    found.sort();
    Ok(found)
}
