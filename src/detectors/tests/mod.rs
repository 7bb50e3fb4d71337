//! What the tests of the detectors share: small tables from Rust structs.

mod activity_mismatch;
mod amendment_cap;
mod amendment_count;
mod aside;
mod benford;
mod bid_dispersion_screen;
mod capacity_mismatch;
mod catalogue;
mod contract_value_outlier;
mod contracts;
mod decision_period;
mod differential;
mod direct_award_growth;
mod disqualification_pattern;
mod duplicates;
mod emergency_overrun;
mod few_bidders_for_market;
mod heterogeneous_supplier;
mod high_value_direct_award;
mod identical_prices;
mod inactive_company;
mod invalid_tax_id;
mod item_price_outlier;
mod just_below_threshold;
mod late_bid_won;
mod late_publication;
mod legal_limits;
mod linked_bidders;
mod lists;
mod market_concentration;
mod near_estimate;
mod new_company;
mod non_competitive_share;
mod own;
mod parameters;
mod payments_exceed;
mod price_gap;
mod real_data;
mod references;
mod register;
mod rotation_and_cobidding;
mod run;
mod sanctioned_supplier;
mod scope;
mod short_submission;
mod single_bid;
mod splitting_sum;
mod supplier_share;
mod tenders;
mod value_jump;
mod value_risk;
mod year_end_spike;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};

use self::contracts::{Amendment, Contract, Item};
use self::lists::{Payment, Sanction};
use self::register::{Company, Establishment, Partner, Regime};
use self::tenders::{Bid, Tender, TenderItem};
use super::{Catalogue, DetectorRun, Run};
use crate::lake::schema;
use crate::model::{Finding, Money, Outcome, Plan, Severity, Table, TaxIdKind, mask_cpf};

pub(super) const CNPJ: &str = "00000000000191";
/// Another establishment of the same company.
pub(super) const BRANCH: &str = "00000000000272";
pub(super) const OTHER_CNPJ: &str = "12ABC34501DE35";

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn cents(text: &str) -> i128 {
    text.parse::<Money>().unwrap().cents()
}

#[derive(Debug, Clone, Default)]
pub(super) struct Data {
    pub(super) contracts: Vec<Contract>,
    pub(super) amendments: Vec<Amendment>,
    pub(super) items: Vec<Item>,
    pub(super) tenders: Vec<Tender>,
    pub(super) tender_items: Vec<TenderItem>,
    pub(super) bids: Vec<Bid>,
    pub(super) sanctions: Vec<Sanction>,
    pub(super) payments: Vec<Payment>,
    pub(super) establishments: Vec<Establishment>,
    pub(super) companies: Vec<Company>,
    pub(super) regimes: Vec<Regime>,
    pub(super) partners: Vec<Partner>,
}

enum Cell {
    Text(Option<String>),
    Day(Option<NaiveDate>),
    Moment(Option<DateTime<Utc>>),
    Number(Option<i128>),
    Count(Option<i64>),
    Truth(Option<bool>),
    Line(i64),
}

fn text(value: impl Into<String>) -> Cell {
    Cell::Text(Some(value.into()))
}

fn batch(table: Table, rows: Vec<Vec<Cell>>) -> RecordBatch {
    let schema = schema::of(table);
    let width = schema.fields().len();
    let mut columns: Vec<Vec<Cell>> = (0..width).map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        assert_eq!(row.len(), width);
        row.into_iter().zip(&mut columns).for_each(|(cell, column)| column.push(cell));
    }
    let array = |kind: &DataType, cells: Vec<Cell>| -> ArrayRef {
        match kind {
            DataType::Utf8 => Arc::new(
                cells
                    .into_iter()
                    .map(|cell| match cell {
                        Cell::Text(text) => text,
                        _ => panic!("text expected"),
                    })
                    .collect::<StringArray>(),
            ),
            DataType::Date32 => Arc::new(
                cells
                    .into_iter()
                    .map(|cell| match cell {
                        Cell::Day(day) => day.map(|day| (day - NaiveDate::default()).num_days() as i32),
                        _ => panic!("day expected"),
                    })
                    .collect::<Date32Array>(),
            ),
            DataType::Decimal128(precision, scale) => {
                let numbers: Decimal128Array = cells
                    .into_iter()
                    .map(|cell| match cell {
                        Cell::Number(number) => number,
                        _ => panic!("number expected"),
                    })
                    .collect();
                Arc::new(numbers.with_precision_and_scale(*precision, *scale).unwrap())
            }
            DataType::Int64 => Arc::new(
                cells
                    .into_iter()
                    .map(|cell| match cell {
                        Cell::Line(line) => Some(line),
                        Cell::Count(count) => count,
                        _ => panic!("count expected"),
                    })
                    .collect::<Int64Array>(),
            ),
            DataType::Timestamp(..) => {
                let moments = cells.into_iter().map(|cell| match cell {
                    Cell::Moment(moment) => moment.map(|moment| moment.timestamp_micros()),
                    _ => panic!("moment expected"),
                });
                cast(&(Arc::new(moments.collect::<TimestampMicrosecondArray>()) as ArrayRef), kind).unwrap()
            }
            DataType::Boolean => Arc::new(
                cells
                    .into_iter()
                    .map(|cell| match cell {
                        Cell::Truth(truth) => truth,
                        _ => panic!("truth expected"),
                    })
                    .collect::<BooleanArray>(),
            ),
            other => panic!("{other}"),
        }
    };
    let arrays = schema.fields().iter().zip(columns).map(|(field, cells)| array(field.data_type(), cells)).collect();
    RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap()
}

/// An id as the lake shows it: nobody's CPF in full.
fn shown(kind: TaxIdKind, id: &str) -> String {
    if kind == TaxIdKind::Cpf && !id.contains('*') { mask_cpf(id) } else { id.to_owned() }
}

fn provenance(source: &str, file: &str, at: usize) -> [Cell; 4] {
    [text(source), text(file), Cell::Line(at as i64 + 2), text("import-1")]
}

impl Data {
    /// A session with the tables, each dealt out over as many partitions.
    pub(super) fn session(&self, partitions: usize) -> SessionContext {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(partitions));
        let tables = [
            self.contract_rows(),
            self.amendment_rows(),
            self.item_rows(),
            self.tender_rows(),
            self.tender_item_rows(),
            self.bid_rows(),
            batch(Table::Suppliers, Vec::new()),
            self.sanction_rows(),
            self.payment_rows(),
            self.establishment_rows(),
            self.company_rows(),
            self.regime_rows(),
            self.partner_rows(),
            batch(Table::Activities, Vec::new()),
        ];
        for (table, rows) in Table::ALL.into_iter().zip(tables) {
            let name = format!("{}_all", table.as_str());
            let size = rows.num_rows().div_ceil(partitions).max(1);
            let parts = (0..partitions)
                .map(|part| {
                    let start = (part * size).min(rows.num_rows());
                    vec![rows.slice(start, size.min(rows.num_rows() - start))]
                })
                .collect();
            context.register_table(name, Arc::new(MemTable::try_new(rows.schema(), parts).unwrap())).unwrap();
        }
        context
    }

    /// What one detector answers for all contracts.
    pub(super) async fn run(&self, detector: &str) -> DetectorRun {
        self.run_with(detector, &Plan::default(), 2).await
    }

    pub(super) async fn run_with(&self, detector: &str, plan: &Plan, partitions: usize) -> DetectorRun {
        let run = Run::prepare(self.session(partitions), plan).await.unwrap();
        let catalogue = Catalogue::builtin().unwrap();
        match run.detector(catalogue.get(detector).unwrap()).await {
            Ok(answer) => answer,
            Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error).map(ToString::to_string)),
        }
    }
}

/// One contract alone.
pub(super) fn alone(contract: Contract) -> Data {
    Data { contracts: vec![contract], ..Data::default() }
}

/// What a detector answers for each of several contracts, each alone.
pub(super) async fn judge_each(detector: &str, contracts: Vec<Contract>) -> Vec<Judged> {
    judge_all(detector, contracts.into_iter().map(alone).collect()).await
}

/// The verdict on each case of one subject.
pub(super) fn verdicts_of(judged: &[Judged]) -> Vec<&str> {
    judged.iter().map(Judged::verdict).collect()
}

/// The severity of what was found in each case.
pub(super) fn severities_of(judged: &[Judged]) -> Vec<Option<Severity>> {
    judged.iter().map(|one| one.findings.first().map(|finding| finding.severity)).collect()
}

/// What was answered for one of several cases.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Judged {
    /// How often `fired`, `clear` or a reason was answered.
    pub(super) verdicts: BTreeMap<String, i64>,
    pub(super) findings: Vec<Finding>,
}

impl Judged {
    /// The only verdict, once.
    pub(super) fn verdict(&self) -> &str {
        assert_eq!(self.verdicts.values().sum::<i64>(), 1, "{:?}", self.verdicts);
        self.verdicts.keys().next().unwrap()
    }
}

fn tag(case: usize) -> String {
    format!("k{case:03}~")
}

/// Several cases in one table: units, spheres and ids get the case's tag.
pub(super) fn merge(cases: Vec<Data>) -> Data {
    let mut all = Data::default();
    for (case, data) in cases.into_iter().enumerate() {
        let tag = |text: &str| format!("{}{text}", tag(case));
        all.contracts.extend(data.contracts.into_iter().map(|one| Contract {
            id: tag(&one.id),
            buyer: tag(&one.buyer),
            sphere: one.sphere.as_deref().map(tag),
            tender: one.tender.as_deref().map(tag),
            ..one
        }));
        all.amendments.extend(data.amendments.into_iter().map(|one| Amendment {
            id: tag(&one.id),
            buyer: tag(&one.buyer),
            ..one
        }));
        all.items.extend(data.items.into_iter().map(|one| Item { id: tag(&one.id), buyer: tag(&one.buyer), ..one }));
        all.tenders.extend(data.tenders.into_iter().map(|one| Tender {
            id: tag(&one.id),
            buyer: tag(&one.buyer),
            // Peers are of one source.
            source: tag(&one.source),
            ..one
        }));
        all.tender_items.extend(data.tender_items.into_iter().map(|one| TenderItem {
            id: tag(&one.id),
            tender: tag(&one.tender),
            ..one
        }));
        all.bids.extend(data.bids.into_iter().map(|one| Bid {
            id: tag(&one.id),
            tender: tag(&one.tender),
            // Firms of one case meet none of another.
            bidder: if one.bidder.is_empty() { one.bidder } else { format!("{}~{case}", one.bidder) },
            ..one
        }));
    }
    all
}

/// What a detector answers for each of several cases that do not touch each other: planning a query
/// costs more than running it on a few rows.
pub(super) async fn judge_all(detector: &str, cases: Vec<Data>) -> Vec<Judged> {
    let mut judged = vec![Judged::default(); cases.len()];
    let case_of = |text: &str| text[1..4].parse::<usize>().unwrap();
    let run = Run::prepare(merge(cases).session(2), &Plan::default()).await.unwrap();
    let catalogue = Catalogue::builtin().unwrap();
    let detector = catalogue.get(detector).unwrap();
    // First: it makes the tables that its query shares with others.
    let answer = run.detector(detector).await.unwrap();
    let select = format!("SELECT CAST(subject AS VARCHAR), coalesce(reason, outcome) FROM ({})", detector.sql());
    for batch in run.context().sql(&select).await.unwrap().collect().await.unwrap() {
        let column = |at: usize| cast(batch.column(at), &DataType::Utf8).unwrap();
        let (subjects, verdicts) = (column(0), column(1));
        for (subject, verdict) in subjects.as_string::<i32>().iter().zip(verdicts.as_string::<i32>()) {
            *judged[case_of(subject.unwrap())].verdicts.entry(verdict.unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    for mut finding in answer.findings {
        let case = case_of(&finding.evidence.rows[0].id);
        for id in finding.contract_ids.iter_mut().chain(finding.evidence.rows.iter_mut().map(|row| &mut row.id)) {
            *id = id.strip_prefix(&tag(case)).unwrap().to_owned();
        }
        judged[case].findings.push(finding);
    }
    judged
}

/// `fired`, `clear`, or the reason, of a run over one subject; everything that was answered otherwise.
pub(super) fn verdicts(run: &DetectorRun) -> BTreeMap<String, i64> {
    let mut verdicts = BTreeMap::new();
    let summary = &run.summary;
    let mut explained = 0;
    for reason in &summary.reasons {
        verdicts.insert(reason.reason.clone(), reason.count);
        explained += if reason.outcome == Outcome::Clear { reason.count } else { 0 };
    }
    if summary.fired > 0 {
        verdicts.insert("fired".to_owned(), summary.fired);
    }
    if summary.clear > explained {
        verdicts.insert("clear".to_owned(), summary.clear - explained);
    }
    verdicts
}

/// The only verdict of a run.
pub(super) fn verdict(run: &DetectorRun) -> String {
    let verdicts = verdicts(run);
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    verdicts.into_keys().next().unwrap()
}

pub(super) fn value(finding: &Finding, name: &str) -> String {
    finding.evidence.values.iter().find(|value| value.name == name).unwrap_or_else(|| panic!("{name}")).value.clone()
}
