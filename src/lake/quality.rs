//! What the rows of an import are worth, counted over the files that it wrote.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use super::{LakeError, LakeSnapshot, schema, session};
use crate::model::{Coverage, LakeFile, Table, TableQuality, TaxIdCheck, check_tax_id};

/// Memory of the query engine, beyond which it spills: an import is to stay below 1 GiB as a whole.
const MEMORY: usize = 512 << 20;

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
        Table::Amendments | Table::ContractItems | Table::TenderItems | Table::Suppliers | Table::Payments => &[],
    }
}

/// What can hardly be right.
const fn implausible(table: Table) -> &'static [Rule] {
    match table {
        Table::Contracts => &[
            ("negative_value", "initial_value < 0 OR current_value < 0"),
            ("zero_value", "initial_value = 0 AND coalesce(current_value, 0) = 0"),
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
        | Table::Payments => None,
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
        | Table::Payments => None,
    }
}

/// The table that rows of a table belong to, and the columns that they are found by: here and there.
type Parent = (Table, &'static [(&'static str, &'static str)]);

const fn parent(table: Table) -> Option<Parent> {
    match table {
        Table::Amendments | Table::ContractItems => {
            Some((Table::Contracts, &[("buyer_id", "buyer_id"), ("contract_number", "number")]))
        }
        Table::TenderItems | Table::Bids => Some((Table::Tenders, &[("tender_id", "tender_id")])),
        Table::Contracts | Table::Tenders | Table::Suppliers | Table::Sanctions | Table::Payments => None,
    }
}

/// Counts the rows of each table of an import, without the orphans. `written` holds the files of this import and no
/// others; `today` is the day on which it is taken in.
///
/// # Errors
/// If a file cannot be read or the engine fails.
pub async fn quality(written: &LakeSnapshot, today: NaiveDate) -> Result<Vec<TableQuality>, LakeError> {
    let session = session(MEMORY, 0)?;
    written.register(&session).await?;
    let mut found = Vec::new();
    for table in Table::ALL.into_iter().filter(|table| written.rows(*table) > 0) {
        found.push(of_table(&session, table, today).await?);
    }
    Ok(found)
}

async fn of_table(session: &SessionContext, table: Table, today: NaiveDate) -> Result<TableQuality, LakeError> {
    let name = table.as_str();
    let condition = |rule: &str| {
        let today = format!("DATE '{today}'");
        rule.replace("{today}", &today).replace("{huge}", HUGE).replace("{earliest}", EARLIEST)
    };
    let of_schema = schema::of(table);
    let columns: Vec<_> = of_schema
        .fields()
        .iter()
        .filter(|field| !OWN_COLUMNS.contains(&field.name().as_str()) && !field.name().ends_with("_folded"))
        .collect();
    let mut counts = Vec::new();
    for field in &columns {
        // Only columns that may not be null have an empty text in its place.
        let empty = !field.is_nullable() && *field.data_type() == DataType::Utf8;
        counts.push(if empty {
            format!("count(*) FILTER (WHERE \"{}\" <> '')", field.name())
        } else {
            format!("count(\"{}\")", field.name())
        });
    }
    let rules = sentinels(table).iter().chain(implausible(table));
    counts.extend(rules.map(|(_, rule)| format!("count(*) FILTER (WHERE {})", condition(rule))));
    counts.extend(
        check_column(table)
            .map(|column| format!("count(*) FILTER (WHERE {column} = '{}')", TaxIdCheck::Invalid.as_str())),
    );
    let named: Vec<_> = counts.iter().enumerate().map(|(at, count)| format!("{count} AS c{at}")).collect();
    let sql = format!("SELECT {} FROM {name}_all WHERE row_status = '{}'", named.join(", "), schema::CURRENT);
    let values = row_of(&session.sql(&sql).await?.collect().await?);
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or(0);
    let coverage =
        columns.iter().map(|field| Coverage { column: field.name().clone(), filled: next() }).collect::<Vec<_>>();
    let mut broken = |rules: &[Rule]| {
        let counted: Vec<_> = rules.iter().map(|(rule, _)| ((*rule).to_owned(), next())).collect();
        counted.into_iter().filter(|(_, count)| *count > 0).collect::<BTreeMap<_, _>>()
    };
    let sentinels = broken(sentinels(table));
    let implausible = broken(implausible(table));
    let mut invalid_ids = next();
    if let Some(column) = unjudged_column(table) {
        invalid_ids += invalid(session, table, column).await?;
    }
    let statuses = format!("SELECT row_status, count(*) AS n FROM {name}_all GROUP BY row_status");
    let statuses = counted(&session.sql(&statuses).await?.collect().await?);
    let of_status = |status: &str| statuses.get(status).copied().unwrap_or(0);
    Ok(TableQuality {
        table,
        rows: statuses.values().sum(),
        duplicates: of_status(schema::DUPLICATE),
        superseded: of_status(schema::SUPERSEDED),
        sentinels,
        invalid_ids,
        implausible,
        orphans: None,
        coverage,
    })
}

/// Rows with a tax id whose check digits are wrong.
async fn invalid(session: &SessionContext, table: Table, column: &str) -> Result<i64, LakeError> {
    let sql = format!(
        "SELECT {column}, count(*) AS n FROM {}_all WHERE row_status = '{}' AND {column} IS NOT NULL GROUP BY {column}",
        table.as_str(),
        schema::CURRENT
    );
    let ids = counted(&session.sql(&sql).await?.collect().await?);
    Ok(ids.into_iter().filter(|(id, _)| check_tax_id(id).2 == TaxIdCheck::Invalid).map(|(_, rows)| rows).sum())
}

/// Counts the current rows of an import whose contract or tender is not in the lake, by table; `None` where they are
/// too many to be compared. `around` are the other files of the lake as they will be beside `written`.
///
/// # Errors
/// If a file cannot be read or the engine fails.
pub async fn orphans(written: &LakeSnapshot, around: Vec<LakeFile>) -> Result<BTreeMap<Table, Option<i64>>, LakeError> {
    let mut found = BTreeMap::new();
    let children = Table::ALL.into_iter().filter(|table| written.rows(*table) > 0);
    for (table, (parents, columns)) in children.filter_map(|table| Some((table, parent(table)?))) {
        let session = session(MEMORY, 0)?;
        written.register(&session).await?;
        let held = around.iter().chain(written.files()).filter(|file| file.table == parents).cloned().collect();
        let held = LakeSnapshot::from_files(written.root().to_owned(), held);
        held.register_files(&session, parents, "held")?;
        let matched: Vec<_> = columns.iter().map(|(here, there)| format!("held.{there} = own.{here}")).collect();
        let sql = format!(
            "SELECT count(*) AS n FROM {}_all AS own WHERE own.row_status = '{}' \
             AND NOT EXISTS (SELECT 1 FROM held WHERE {})",
            table.as_str(),
            schema::CURRENT,
            matched.join(" AND ")
        );
        let count = match session.sql(&sql).await?.collect().await {
            Ok(batches) => row_of(&batches).first().copied(),
            // The report is worth less than the import that it is of.
            Err(error) if exhausted(&error) => {
                tracing::warn!(%error, table = table.as_str(), "rows without a contract or tender are not counted");
                None
            }
            Err(error) => return Err(error.into()),
        };
        found.insert(table, count);
    }
    Ok(found)
}

fn exhausted(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}

/// The numbers of the one row of a result.
fn row_of(batches: &[RecordBatch]) -> Vec<i64> {
    let Some(batch) = batches.iter().find(|batch| batch.num_rows() > 0) else { return Vec::new() };
    let number = |column: &dyn Array| column.as_primitive_opt::<Int64Type>().map_or(0, |numbers| numbers.value(0));
    batch.columns().iter().map(|column| number(column.as_ref())).collect()
}

/// Counts by text, from results of the two columns.
fn counted(batches: &[RecordBatch]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for batch in batches {
        let texts = batch.column(0).as_string_opt::<i32>();
        let numbers = batch.column(1).as_primitive_opt::<Int64Type>();
        let (Some(texts), Some(numbers)) = (texts, numbers) else { continue };
        for (text, number) in texts.iter().zip(numbers.iter()) {
            *counts.entry(text.unwrap_or_default().to_owned()).or_insert(0) += number.unwrap_or(0);
        }
    }
    counts
}
