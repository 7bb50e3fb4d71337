//! The register of companies, for the tests.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;

use super::{Cell, Data, batch, day, provenance, text};
use crate::detectors::{Catalogue, Run};
use crate::model::{Finding, Plan, Table, cnpj_check_digits};

/// An establishment of a made-up company: its root, and which of its establishments it is.
pub(super) fn cnpj(company: u32, establishment: u32) -> String {
    let base = format!("{:08}{establishment:04}", 10_000_000 + company);
    let digits = cnpj_check_digits(&base).unwrap().map(char::from);
    format!("{base}{}{}", digits[0], digits[1])
}

pub(super) fn root(company: u32) -> String {
    cnpj(company, 1)[..8].to_owned()
}

#[derive(Debug, Clone)]
pub(in crate::detectors) struct Establishment {
    pub(super) id: String,
    pub(super) head: Option<bool>,
    pub(super) status: &'static str,
    pub(super) status_date: Option<NaiveDate>,
    pub(super) opened: Option<NaiveDate>,
    pub(super) activity: Option<String>,
    pub(super) others: Option<String>,
    pub(super) address: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) other_phone: Option<String>,
    pub(super) email: Option<String>,
    pub(super) reference: Option<NaiveDate>,
    pub(super) import: &'static str,
}

impl Establishment {
    /// The head office of a company, active since 2010, in a register of 2026.
    pub(super) fn of(company: u32) -> Self {
        Self {
            id: cnpj(company, 1),
            head: Some(true),
            status: "active",
            status_date: Some(day("2010-01-01")),
            opened: Some(day("2010-01-01")),
            activity: Some("4751201".to_owned()),
            others: None,
            address: None,
            phone: None,
            other_phone: None,
            email: None,
            reference: Some(day("2026-01-10")),
            import: "import-1",
        }
    }

    pub(super) fn branch(company: u32, establishment: u32) -> Self {
        Self { id: cnpj(company, establishment), head: Some(false), ..Self::of(company) }
    }
}

#[derive(Debug, Clone)]
pub(in crate::detectors) struct Company {
    pub(super) root: String,
    pub(super) nature: Option<&'static str>,
    pub(super) capital: Option<i128>,
    pub(super) size: Option<&'static str>,
    pub(super) reference: Option<NaiveDate>,
}

impl Company {
    /// A large limited company with a capital of a million, in a register of 2024.
    pub(super) fn of(company: u32) -> Self {
        Self {
            root: root(company),
            nature: Some("2062"),
            capital: Some(100_000_000),
            size: Some("other"),
            reference: Some(day("2024-12-14")),
        }
    }
}

#[derive(Debug, Clone)]
pub(in crate::detectors) struct Regime {
    pub(super) root: String,
    pub(super) simples: (Option<bool>, Option<NaiveDate>, Option<NaiveDate>),
    pub(super) mei: (Option<bool>, Option<NaiveDate>, Option<NaiveDate>),
    pub(super) reference: Option<NaiveDate>,
}

impl Regime {
    /// Under none, ever.
    pub(super) fn of(company: u32) -> Self {
        let never = (Some(false), None, None);
        Self { root: root(company), simples: never, mei: never, reference: Some(day("2026-01-10")) }
    }
}

#[derive(Debug, Clone)]
pub(in crate::detectors) struct Partner {
    pub(super) root: String,
    pub(super) kind: &'static str,
    /// Of a natural person who it is, of a company its CNPJ; empty is nobody known.
    pub(super) who: String,
    pub(super) qualification: &'static str,
    pub(super) entered: Option<NaiveDate>,
    pub(super) reference: Option<NaiveDate>,
    pub(super) import: &'static str,
}

impl Partner {
    /// A natural person who is partner and administrator since 2010.
    pub(super) fn of(company: u32, who: &str) -> Self {
        Self {
            root: root(company),
            kind: "person",
            who: who.to_owned(),
            qualification: "49",
            entered: Some(day("2010-01-01")),
            reference: Some(day("2026-01-10")),
            import: "import-1",
        }
    }
}

fn told(value: &Option<String>) -> Cell {
    Cell::Text(value.clone())
}

impl Data {
    pub(super) fn establishment_rows(&self) -> RecordBatch {
        let rows = self.establishments.iter().enumerate().map(|(at, one)| {
            let mut row = vec![
                text(&one.id),
                text("current"),
                text(&one.id[..8]),
                Cell::Truth(one.head),
                text(one.status),
                Cell::Day(one.status_date),
                Cell::Text(None),
                Cell::Day(one.opened),
                told(&one.activity),
                told(&one.others),
                text("DF"),
                text("9701"),
                told(&one.address),
                told(&one.phone),
                told(&one.other_phone),
                told(&one.email),
                Cell::Day(one.reference),
            ];
            row.extend(provenance("receita:estabelecimentos", "K3241.K03200Y0.D60110.ESTABELE", at));
            *row.last_mut().unwrap() = text(one.import);
            row
        });
        batch(Table::Establishments, rows.collect())
    }

    pub(super) fn company_rows(&self) -> RecordBatch {
        let rows = self.companies.iter().enumerate().map(|(at, one)| {
            let mut row = vec![
                text(&one.root),
                text("current"),
                text(&one.root),
                text(format!("EMPRESA {}", one.root)),
                Cell::Text(one.nature.map(str::to_owned)),
                Cell::Number(one.capital),
                Cell::Text(one.size.map(str::to_owned)),
                Cell::Day(one.reference),
            ];
            row.extend(provenance("receita:empresas", "K3241.K03200Y0.D60110.EMPRECSV", at));
            row
        });
        batch(Table::Companies, rows.collect())
    }

    pub(super) fn regime_rows(&self) -> RecordBatch {
        let rows = self.regimes.iter().enumerate().map(|(at, one)| {
            let mut row = vec![text(&one.root), text("current"), text(&one.root)];
            for (is, from, until) in [one.simples, one.mei] {
                row.extend([Cell::Truth(is), Cell::Day(from), Cell::Day(until)]);
            }
            row.push(Cell::Day(one.reference));
            row.extend(provenance("receita:simples", "F.K03200$W.SIMPLES.CSV.D60110", at));
            row
        });
        batch(Table::TaxRegimes, rows.collect())
    }

    pub(super) fn partner_rows(&self) -> RecordBatch {
        let rows = self.partners.iter().enumerate().map(|(at, one)| {
            let who = Some(one.who.clone()).filter(|who| !who.is_empty());
            let key = |who: String| if one.kind == "company" { who } else { format!("cpf:{who}") };
            let mut row = vec![
                text(format!("{}-{at}", one.root)),
                text("current"),
                text(&one.root),
                text(one.kind),
                Cell::Text(who.clone()),
                Cell::Text(who.clone().map(key)),
                Cell::Text(who.filter(|_| one.kind == "company").map(|_| "HOLDING".to_owned())),
                text(one.qualification),
                Cell::Day(one.entered),
                Cell::Day(one.reference),
            ];
            row.extend(provenance("receita:socios", "K3241.K03200Y0.D60110.SOCIOCSV", at));
            *row.last_mut().unwrap() = text(one.import);
            row
        });
        batch(Table::Partners, rows.collect())
    }

    /// What a detector answers for each subject, and what it found.
    pub(super) async fn answers(&self, detector: &str) -> (BTreeMap<String, String>, Vec<Finding>) {
        let run = Run::prepare(self.session(2), &Plan::default()).await.unwrap();
        let catalogue = Catalogue::builtin().unwrap();
        let detector = catalogue.get(detector).unwrap();
        let findings = run.detector(detector).await.unwrap().findings;
        let mut answers = BTreeMap::new();
        let select = format!("SELECT CAST(subject AS VARCHAR), coalesce(reason, outcome) FROM ({})", detector.sql());
        for batch in run.context().sql(&select).await.unwrap().collect().await.unwrap() {
            let columns = [0, 1].map(|at| cast(batch.column(at), &DataType::Utf8).unwrap());
            let [subjects, verdicts] = columns.each_ref().map(AsArray::as_string::<i32>);
            for (subject, verdict) in subjects.iter().zip(verdicts) {
                let known = answers.insert(subject.unwrap().to_owned(), verdict.unwrap().to_owned());
                assert_eq!(known, None, "one answer for a subject");
            }
        }
        (answers, findings)
    }
}
