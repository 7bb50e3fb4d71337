//! What the rows of an import are worth, counted while they are written.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::SessionContext;

use super::{LakeError, schema};
use crate::model::{Coverage, Table, TableQuality, TaxIdCheck, check_tax_id};

/// No contract of a government is worth as much, in reais: a hundred times the largest that the federal one has
/// published. More is a value in another unit or a typing error.
const HUGE: &str = "100000000000";
/// Before this day nothing that the sources publish was signed; filters begin with the same year.
const EARLIEST: &str = "DATE '1990-01-01'";

/// Columns of every table that say nothing about what is published.
const OWN_COLUMNS: [&str; 5] = ["row_status", "source", "source_file", "source_line", "import_id"];

/// A rule: its name, and the condition under which a row breaks it; `{today}` is the day of the import.
type Rule = (&'static str, &'static str);

/// Placeholders that a source writes in place of a value, as far as the lake tells them from nothing at all.
const fn sentinels(table: Table) -> &'static [Rule] {
    match table {
        Table::Contracts => {
            &[("supplier_secret", "supplier_kind = 'secret'"), ("modality_not_informed", "modality = 'not_informed'")]
        }
        Table::Tenders => &[("modality_not_informed", "modality = 'not_informed'")],
        Table::Bids => &[("bidder_secret", "bidder_kind = 'secret'")],
        Table::Sanctions => &[("person_secret", "person_kind = 'secret'")],
        Table::Amendments
        | Table::ContractItems
        | Table::TenderItems
        | Table::Suppliers
        | Table::Payments
        | Table::Establishments
        | Table::Companies
        | Table::TaxRegimes
        | Table::Partners
        | Table::Activities => &[],
    }
}

/// What can hardly be right.
const fn implausible(table: Table) -> &'static [Rule] {
    match table {
        Table::Contracts => &[
            ("negative_value", "initial_value < 0 OR current_value < 0"),
            ("zero_value", "initial_value = 0 AND (current_value IS NULL OR current_value = 0)"),
            ("huge_value", "initial_value > {huge} OR current_value > {huge}"),
            ("ends_before_it_starts", "end_date < start_date"),
            ("signed_before_1990", "signature_date < {earliest}"),
            ("signed_in_the_future", "signature_date > {today}"),
        ],
        Table::Amendments => &[
            ("huge_value", "abs(value) > {huge}"),
            ("signed_before_1990", "signature_date < {earliest}"),
            ("published_in_the_future", "publication_date > {today}"),
        ],
        Table::ContractItems | Table::TenderItems => &[
            ("negative_quantity", "quantity < 0"),
            ("negative_price", "unit_price < 0"),
            ("huge_price", "unit_price > {huge}"),
        ],
        Table::Tenders => &[
            ("negative_value", "estimated_value < 0 OR value < 0"),
            ("huge_value", "estimated_value > {huge} OR value > {huge}"),
            ("closes_before_it_opens", "period_end < period_start"),
            ("published_before_1990", "publication_date < {earliest}"),
            ("published_in_the_future", "publication_date > {today}"),
        ],
        Table::Bids => &[("negative_amount", "amount < 0"), ("huge_amount", "amount > {huge}")],
        Table::Suppliers => &[("opened_in_the_future", "opening_date > {today}"), ("negative_capital", "capital < 0")],
        Table::Sanctions => &[("ends_before_it_starts", "end_date < start_date"), ("negative_fine", "fine < 0")],
        Table::Payments => &[
            ("huge_value", "abs(value) > {huge}"),
            ("paid_before_1990", "date < {earliest}"),
            ("paid_in_the_future", "date > {today}"),
        ],
        Table::Establishments => &[
            ("opened_in_the_future", "opening_date > {today}"),
            ("status_in_the_future", "registration_status_date > {today}"),
            ("status_before_opening", "registration_status_date < opening_date"),
        ],
        Table::Companies => &[("negative_capital", "capital < 0"), ("huge_capital", "capital > {huge}")],
        Table::TaxRegimes => &[("ends_before_it_starts", "simples_until < simples_from OR mei_until < mei_from")],
        Table::Partners => &[("entered_in_the_future", "entry_date > {today}")],
        Table::Activities => &[],
    }
}

/// The column that says whether the check digits of a tax id are right, where a table has one.
const fn check_column(table: Table) -> Option<&'static str> {
    match table {
        Table::Contracts => Some("supplier_check"),
        Table::Bids => Some("bidder_check"),
        Table::Sanctions => Some("person_check"),
        Table::Amendments
        | Table::ContractItems
        | Table::Tenders
        | Table::TenderItems
        | Table::Suppliers
        | Table::Payments
        | Table::Establishments
        | Table::Companies
        | Table::TaxRegimes
        | Table::Partners
        | Table::Activities => None,
    }
}

/// The column of a tax id that no other column judges.
const fn unjudged_column(table: Table) -> Option<&'static str> {
    match table {
        Table::TenderItems => Some("winner_id"),
        Table::Contracts
        | Table::Amendments
        | Table::ContractItems
        | Table::Tenders
        | Table::Bids
        | Table::Suppliers
        | Table::Sanctions
        | Table::Payments
        | Table::Establishments
        | Table::Companies
        | Table::TaxRegimes
        | Table::Partners
        | Table::Activities => None,
    }
}

/// How a rule is told in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Sentinel,
    Implausible,
    InvalidId,
}

/// A rule that rows are held against.
#[derive(Debug)]
struct Check {
    group: Group,
    name: &'static str,
    condition: Arc<dyn PhysicalExpr>,
    rows: i64,
}

/// Counts the rows of a table as they come.
#[derive(Debug)]
pub(super) struct Counter {
    table: Table,
    statuses: BTreeMap<String, i64>,
    /// Current rows with a value in each column of the schema.
    filled: Vec<i64>,
    checks: Vec<Check>,
    /// Wrong tax ids of [`unjudged_column`].
    unjudged: i64,
}

impl Counter {
    /// No rows yet; `today` is the day on which they are taken in.
    ///
    /// # Errors
    /// If the engine does not understand a rule.
    pub(super) fn new(table: Table, today: NaiveDate) -> Result<Self, LakeError> {
        let columns = schema::of(table);
        let session = SessionContext::new();
        let of_table = DFSchema::try_from(columns.as_ref().clone())?;
        let check = |group: Group, name: &'static str, rule: &str| -> Result<Check, LakeError> {
            let rule = rule.replace("{today}", &format!("DATE '{today}'"));
            let rule = rule.replace("{huge}", HUGE).replace("{earliest}", EARLIEST);
            let condition = session.create_physical_expr(session.parse_sql_expr(&rule, &of_table)?, &of_table)?;
            Ok(Check { group, name, condition, rows: 0 })
        };
        let mut checks = Vec::new();
        for (group, rules) in [(Group::Sentinel, sentinels(table)), (Group::Implausible, implausible(table))] {
            for (name, rule) in rules {
                checks.push(check(group, name, rule)?);
            }
        }
        if let Some(column) = check_column(table) {
            let rule = format!("{column} = '{}'", TaxIdCheck::Invalid.as_str());
            checks.push(check(Group::InvalidId, column, &rule)?);
        }
        let filled = vec![0; columns.fields().len()];
        Ok(Self { table, statuses: BTreeMap::new(), filled, checks, unjudged: 0 })
    }

    /// Counts rows of the table.
    ///
    /// # Errors
    /// If they are not of its schema.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let of_schema = schema::of(self.table);
        let unexpected = |detail: &str| LakeError::Schema { table: self.table.as_str(), detail: detail.to_owned() };
        let statuses = batch.column_by_name("row_status").and_then(|column| column.as_string_opt::<i32>());
        let statuses = statuses.ok_or_else(|| unexpected("no row_status"))?;
        let current: BooleanArray = statuses.iter().map(|status| Some(status == Some(schema::CURRENT))).collect();
        let counted = current.true_count();
        *self.statuses.entry(schema::CURRENT.to_owned()).or_insert(0) += counted as i64;
        let only_current;
        let batch = if counted == batch.num_rows() {
            batch
        } else {
            for status in statuses.iter().flatten().filter(|status| *status != schema::CURRENT) {
                *self.statuses.entry(status.to_owned()).or_insert(0) += 1;
            }
            only_current = filter_record_batch(batch, &current).map_err(|error| unexpected(&error.to_string()))?;
            &only_current
        };
        for ((filled, field), column) in self.filled.iter_mut().zip(of_schema.fields()).zip(batch.columns()) {
            *filled += filled_in(column, field.is_nullable()) as i64;
        }
        for check in &mut self.checks {
            let broken = check.condition.evaluate(batch)?.into_array(batch.num_rows())?;
            check.rows += broken.as_boolean_opt().map_or(0, BooleanArray::true_count) as i64;
        }
        if let Some(ids) = unjudged_column(self.table).and_then(|column| batch.column_by_name(column)) {
            let ids = ids.as_string_opt::<i32>().into_iter().flat_map(StringArray::iter).flatten();
            self.unjudged += ids.filter(|id| check_tax_id(id).2 == TaxIdCheck::Invalid).count() as i64;
        }
        Ok(())
    }

    /// What was counted; orphans are not.
    pub(super) fn end(self) -> TableQuality {
        let of_status = |status: &str| self.statuses.get(status).copied().unwrap_or(0);
        let broken = |group: Group| {
            let of_group = self.checks.iter().filter(|check| check.group == group && check.rows > 0);
            of_group.map(|check| (check.name.to_owned(), check.rows)).collect::<BTreeMap<_, _>>()
        };
        let of_schema = schema::of(self.table);
        let columns = of_schema.fields().iter().zip(&self.filled);
        let published = columns
            .filter(|(field, _)| !OWN_COLUMNS.contains(&field.name().as_str()) && !field.name().ends_with("_folded"));
        TableQuality {
            table: self.table,
            rows: self.statuses.values().sum(),
            duplicates: of_status(schema::DUPLICATE),
            superseded: of_status(schema::SUPERSEDED),
            not_spending: of_status(schema::NOT_SPENDING),
            sentinels: broken(Group::Sentinel),
            invalid_ids: broken(Group::InvalidId).values().sum::<i64>() + self.unjudged,
            implausible: broken(Group::Implausible),
            orphans: None,
            coverage: published
                .map(|(field, filled)| Coverage { column: field.name().clone(), filled: *filled })
                .collect(),
        }
    }
}

/// Rows with a value. Only columns that may not be null have an empty text in its place.
fn filled_in(column: &ArrayRef, nullable: bool) -> usize {
    match column.as_string_opt::<i32>() {
        Some(texts) if !nullable && *column.data_type() == DataType::Utf8 => {
            texts.offsets().windows(2).filter(|ends| matches!(ends, [start, end] if start < end)).count()
        }
        _ => column.len() - column.null_count(),
    }
}
