//! Limits that laws and decrees set, as one dated table.

use std::sync::{Arc, LazyLock};

use chrono::NaiveDate;
use datafusion::arrow::array::{Date32Array, Decimal128Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::DataFusionError;

use super::DetectorError;
use super::render::show_number;
use crate::model::AppliedLimit;

/// How a value relates to a limit that allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Allowed below the limit (`inferiores a`, Lei 14.133/2021).
    Below,
    /// Allowed up to the limit (`até`, Lei 8.666/1993).
    UpTo,
}

/// One limit for one span of days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegalLimit {
    /// `limit/regime/valid_from`.
    pub id: String,
    /// What is limited, for example `dispensa_goods`.
    pub limit: String,
    /// `8666` or `14133`.
    pub regime: String,
    /// First day, inclusive.
    pub valid_from: NaiveDate,
    /// Last day, inclusive; none if still open.
    pub valid_to: Option<NaiveDate>,
    /// The value, exact, as written in the table.
    pub value: String,
    /// `BRL`, `ratio`, `factor` or `days`.
    pub unit: String,
    /// What the limit allows.
    pub comparison: Comparison,
    /// Act that set the value.
    pub act: String,
    /// Article.
    pub article: String,
    /// What is not certain about it.
    pub note: String,
}

impl LegalLimit {
    /// The limit as a finding quotes it.
    pub fn applied(&self) -> AppliedLimit {
        let (label_pt, label_en) = self.label();
        let (text_pt, text_en) = show_number(&self.value, &self.unit);
        AppliedLimit {
            name: self.limit.clone(),
            value: self.value.clone(),
            unit: self.unit.clone(),
            legal_basis: format!("{}, {}", self.act, self.article),
            label_pt: label_pt.to_owned(),
            label_en: label_en.to_owned(),
            text_pt,
            text_en,
            default_value: String::new(),
        }
    }

    /// What is limited, in Portuguese and in English; its name where there are no words for it.
    fn label(&self) -> (&str, &str) {
        match self.limit.as_str() {
            "amendment_cap" => ("Limite de acréscimos", "Cap on additions"),
            "amendment_cap_reform" => ("Limite de acréscimos em reforma", "Cap on additions, reforms"),
            "dispensa_goods" => {
                ("Teto de dispensa, compras e serviços", "Ceiling of direct purchase, goods and services")
            }
            "dispensa_works" => {
                ("Teto de dispensa, obras e engenharia", "Ceiling of direct purchase, works and engineering")
            }
            "doubled_ceiling_factor" => ("Fator do teto em dobro", "Factor of the doubled ceiling"),
            "emergency_term" => ("Prazo máximo da emergência", "Longest term of an emergency"),
            "large_scale" => ("Grande vulto", "Large scale"),
            "publication_day_of_next_month" => {
                ("Dia útil do mês seguinte para enviar à publicação", "Working day of the next month for sending")
            }
            "publication_days" => ("Dias para publicar a partir daí", "Days for publishing from then on"),
            "publication_direct" => {
                ("Dias úteis para publicar, contratação direta", "Working days for publishing, direct awards")
            }
            "publication_tender" => ("Dias úteis para publicar, licitação", "Working days for publishing, tenders"),
            "submission_goods" => ("Dias úteis para propostas, compras", "Working days for bids, goods"),
            "submission_highest_bid" => {
                ("Dias úteis para propostas, maior lance", "Working days for bids, highest bid")
            }
            "submission_services" => (
                "Dias úteis para propostas, serviços e obras comuns",
                "Working days for bids, common services and works",
            ),
            "submission_technique" => {
                ("Dias úteis para propostas, com técnica", "Working days for bids, with technique")
            }
            "small_purchase" => ("Pequenas compras", "Small purchases"),
            "vehicle_maintenance" => ("Manutenção de veículos", "Maintenance of vehicles"),
            name => (name, name),
        }
    }

    fn units(&self) -> i128 {
        let (whole, fraction) = self.value.split_once('.').unwrap_or((&self.value, ""));
        // The parser has checked that these are digits and at most four decimals.
        format!("{whole}{fraction:0<4}").parse().unwrap_or_default()
    }
}

/// The file of the limits of this version.
pub(super) const TABLE: &str = include_str!("legal_limits.csv");

/// The table of legal limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegalLimits(Vec<LegalLimit>);

static BUILTIN: LazyLock<Result<LegalLimits, (usize, String)>> = LazyLock::new(|| parse(TABLE));

impl LegalLimits {
    /// The table that this version knows, to 2026.
    ///
    /// # Errors
    /// [`DetectorError::Limits`] if the embedded table is malformed.
    pub fn builtin() -> Result<&'static Self, DetectorError> {
        BUILTIN.as_ref().map_err(|(line, message)| DetectorError::Limits { line: *line, message: message.clone() })
    }

    /// Every limit, in the order of the table.
    pub fn all(&self) -> &[LegalLimit] {
        &self.0
    }

    /// A limit by its id.
    pub fn by_id(&self, id: &str) -> Option<&LegalLimit> {
        self.0.iter().find(|limit| limit.id == id)
    }

    /// The limit in force on a day.
    pub fn on(&self, limit: &str, regime: &str, day: NaiveDate) -> Option<&LegalLimit> {
        self.0.iter().find(|row| {
            row.limit == limit
                && row.regime == regime
                && row.valid_from <= day
                && row.valid_to.is_none_or(|last| day <= last)
        })
    }

    /// The table as `legal_limits` in SQL; an open end is 9999-12-31.
    ///
    /// # Errors
    /// What Arrow reports.
    pub fn batch(&self) -> Result<RecordBatch, DataFusionError> {
        // Nothing is null in it; but the engine's joins by sorting keep to that where a row of the other side has no match.
        let text = |name| Field::new(name, DataType::Utf8, true);
        let date = |name| Field::new(name, DataType::Date32, true);
        let schema = Schema::new(vec![
            text("limit_id"),
            text("limit"),
            text("regime"),
            date("valid_from"),
            date("valid_to"),
            Field::new("value", DataType::Decimal128(18, 4), true),
            text("unit"),
            text("comparison"),
            text("act"),
            text("article"),
        ]);
        let column =
            |of: fn(&LegalLimit) -> &str| Arc::new(self.0.iter().map(|row| Some(of(row))).collect::<StringArray>());
        let days = |of: fn(&LegalLimit) -> NaiveDate| {
            let epoch = |day: NaiveDate| day.signed_duration_since(NaiveDate::default()).num_days() as i32;
            Arc::new(Date32Array::from_iter_values(self.0.iter().map(|row| epoch(of(row)))))
        };
        let values =
            Decimal128Array::from_iter_values(self.0.iter().map(LegalLimit::units)).with_precision_and_scale(18, 4)?;
        Ok(RecordBatch::try_new(
            Arc::new(schema),
            vec![
                column(|row| &row.id),
                column(|row| &row.limit),
                column(|row| &row.regime),
                days(|row| row.valid_from),
                days(|row| row.valid_to.or(NaiveDate::from_ymd_opt(9999, 12, 31)).unwrap_or(row.valid_from)),
                Arc::new(values),
                column(|row| &row.unit),
                column(|row| match row.comparison {
                    Comparison::Below => "lt",
                    Comparison::UpTo => "le",
                }),
                column(|row| &row.act),
                column(|row| &row.article),
            ],
        )?)
    }
}

fn parse(text: &str) -> Result<LegalLimits, (usize, String)> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut limits: Vec<LegalLimit> = Vec::new();
    for (at, record) in reader.records().enumerate() {
        let line = at + 2;
        let fail = |message: String| (line, message);
        let record = record.map_err(|error| fail(error.to_string()))?;
        let field = |place: usize| record.get(place).unwrap_or_default().to_owned();
        let day = |name: &str, text: &str| {
            text.parse::<NaiveDate>().map_err(|error| fail(format!("{name} {text:?}: {error}")))
        };
        let value = field(4);
        let (whole, fraction) = value.split_once('.').unwrap_or((&value, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 14 || fraction.len() > 4 || !digits(whole) || !digits(fraction) {
            return Err(fail(format!("value {value:?}: digits with at most four decimals are expected")));
        }
        let limit = LegalLimit {
            id: format!("{}/{}/{}", field(0), field(1), field(2)),
            limit: field(0),
            regime: field(1),
            valid_from: day("valid_from", &field(2))?,
            valid_to: Some(field(3)).filter(|text| !text.is_empty()).map(|text| day("valid_to", &text)).transpose()?,
            value,
            unit: field(5),
            comparison: match record.get(6) {
                Some("lt") => Comparison::Below,
                Some("le") => Comparison::UpTo,
                other => return Err(fail(format!("comparison {other:?}: lt or le is expected"))),
            },
            act: field(7),
            article: field(8),
            note: field(9),
        };
        if limit.valid_to.is_some_and(|last| last < limit.valid_from) {
            return Err(fail(format!("{} ends before it begins", limit.id)));
        }
        let overlap = |other: &&LegalLimit| {
            other.limit == limit.limit
                && other.regime == limit.regime
                && other.valid_from <= limit.valid_to.unwrap_or(NaiveDate::MAX)
                && limit.valid_from <= other.valid_to.unwrap_or(NaiveDate::MAX)
        };
        if let Some(other) = limits.iter().find(overlap) {
            return Err(fail(format!("{} overlaps {}", limit.id, other.id)));
        }
        limits.push(limit);
    }
    Ok(LegalLimits(limits))
}
