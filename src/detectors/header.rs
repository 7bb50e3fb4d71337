//! The header of a detector's file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::DetectorError;
use super::parameters::millionths;
use super::render::{Language, Template, show_number};
use crate::lake::schema;
use crate::model::{AppliedLimit, DetectorRef, Outcome, PublishedColumn, Strength};

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    /// Portuguese.
    pub pt: String,
    /// English.
    pub en: String,
}

/// Whether a detector judges contracts one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Each contract or supplier by itself.
    Single,
    /// Several contracts together.
    Pattern,
}

/// A number of a detector's own, or one that a law sets and that stays the same over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Name; `$name` in the query.
    pub name: String,
    /// Exact value: digits with at most one point.
    pub value: String,
    /// `BRL`, `ratio`, `days`, `count` or `factor`.
    pub unit: String,
    /// Smallest value that makes sense, in the form of `value`; none for zero.
    #[serde(default)]
    pub min: Option<String>,
    /// Largest value that makes sense; none where there is none.
    #[serde(default)]
    pub max: Option<String>,
    /// Parameter of the same detector that this one must not be above.
    #[serde(default)]
    pub not_above: Option<String>,
    /// The value of the file, where a plan has put another in its place.
    #[serde(skip)]
    pub default: Option<String>,
    /// Act and article; empty for the detector's own.
    #[serde(default)]
    pub legal_basis: String,
    /// What it is.
    pub label: Bilingual,
}

/// A column of the query that findings show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceColumn {
    /// Name of the column.
    pub name: String,
    /// `BRL`, `amount` (money of the currency that the finding names), `ratio`, `days`, `count`, `date` or `text`.
    pub unit: String,
    /// What it is.
    pub label: Bilingual,
    /// Words for the codes that a text column may hold.
    #[serde(default)]
    pub words: BTreeMap<String, Bilingual>,
}

/// Why a subject is clear or cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// The outcome that it goes with.
    pub outcome: Outcome,
    /// Portuguese.
    pub pt: String,
    /// English.
    pub en: String,
    /// Columns without whose values it is given, as `contracts.signature_date`: results say how many rows have one.
    #[serde(default)]
    pub columns: Vec<String>,
}

/// Innocent explanations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FalsePositives {
    /// Portuguese.
    pub pt: Vec<String>,
    /// English.
    pub en: Vec<String>,
}

/// What a detector's file says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Id, snake_case: the type of its findings.
    pub id: String,
    /// Version of the definition; changes whenever an answer may.
    pub version: String,
    /// Title.
    pub title: Bilingual,
    /// The definition in words.
    pub explanation: Bilingual,
    /// Reference in the literature.
    pub reference: String,
    /// Law and article; empty where none applies.
    pub legal_basis: String,
    /// What it rests on.
    pub strength: Strength,
    /// Further names of its findings.
    pub tags: Vec<String>,
    /// Single contracts or patterns.
    pub scope: Scope,
    /// Groups of detectors that it belongs to, for example `value`.
    pub groups: Vec<String>,
    /// Tables that it reads.
    pub tables: Vec<String>,
    /// Modalities of the contracts that it judges; empty for every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modalities: Vec<String>,
    /// Expressions of its query that are named again and cheaper to compute again than to keep: joins with few rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recomputed: Vec<String>,
    /// Runs only if it is asked for by name.
    #[serde(default)]
    pub on_request: bool,
    /// A user's own, not of the catalogue of this version; no file can say so of itself.
    #[serde(default, skip_deserializing)]
    pub user_made: bool,
    /// Severity rule.
    pub severity: Bilingual,
    /// Description of a finding, with `{column|format}` for numbers.
    pub text: Bilingual,
    /// Innocent explanations.
    pub false_positives: FalsePositives,
    /// Parameters.
    #[serde(default)]
    pub parameters: Vec<Parameter>,
    /// Reasons by name.
    #[serde(default)]
    pub reasons: BTreeMap<String, Reason>,
    /// Columns to show, in order.
    pub evidence: Vec<EvidenceColumn>,
}

impl Parameter {
    /// The parameter as a literal of SQL, typed and exact; nothing but digits and a point gets through.
    fn literal(&self) -> Option<String> {
        millionths(&self.value)?;
        let (whole, fraction) = self.value.split_once('.').unwrap_or((&self.value, ""));
        if self.value.contains('.') {
            let precision = whole.len() + fraction.len();
            return Some(format!("CAST('{}' AS DECIMAL({precision}, {}))", self.value, fraction.len()));
        }
        Some(whole.to_owned())
    }

    /// The parameter as a finding quotes it.
    pub fn applied(&self) -> AppliedLimit {
        let (mut text_pt, mut text_en) = show_number(&self.value, &self.unit);
        if let Some(default) = &self.default {
            let (default_pt, default_en) = show_number(default, &self.unit);
            text_pt = format!("{text_pt} (alterado; padrão: {default_pt})");
            text_en = format!("{text_en} (overridden; default: {default_en})");
        }
        AppliedLimit {
            name: self.name.clone(),
            value: self.value.clone(),
            unit: self.unit.clone(),
            legal_basis: self.legal_basis.clone(),
            label_pt: self.label.pt.clone(),
            label_en: self.label.en.clone(),
            text_pt,
            text_en,
            default_value: self.default.clone().unwrap_or_default(),
        }
    }
}

impl Header {
    /// Reads and checks a header.
    ///
    /// # Errors
    /// [`DetectorError::Definition`] names the field and the rule.
    pub fn parse(toml: &str) -> Result<Self, DetectorError> {
        let header: Self = toml::from_str(toml)
            .map_err(|error| DetectorError::Definition { detector: "header".to_owned(), message: error.to_string() })?;
        match header.fault() {
            Some(message) => Err(DetectorError::Definition { detector: header.id.clone(), message }),
            None => Ok(header),
        }
    }

    fn fault(&self) -> Option<String> {
        let snake = |text: &str| {
            !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if !snake(&self.id) {
            return Some(format!("id {:?} must be snake_case", self.id));
        }
        if self.version.is_empty() {
            return Some("version is empty".to_owned());
        }
        let texts = [&self.title, &self.explanation, &self.severity, &self.text];
        if texts.iter().any(|text| text.pt.trim().is_empty() || text.en.trim().is_empty()) {
            return Some("title, explanation, severity and text need both languages".to_owned());
        }
        if self.false_positives.pt.is_empty() || self.false_positives.pt.len() != self.false_positives.en.len() {
            return Some("false_positives needs the same entries in both languages, and one at least".to_owned());
        }
        if let Some((name, _)) = self.reasons.iter().find(|(_, reason)| reason.outcome == Outcome::Fired) {
            return Some(format!("reason {name:?} is for clear or not_evaluable only"));
        }
        let columns = self.reasons.iter().flat_map(|(name, reason)| reason.columns.iter().map(move |at| (name, at)));
        for (name, column) in columns {
            if PublishedColumn::parse(column).is_none_or(|(table, own)| schema::of(table).index_of(own).is_err()) {
                return Some(format!("reason {name:?}: {column:?} must be a column, as contracts.signature_date"));
            }
        }
        for parameter in &self.parameters {
            if !snake(&parameter.name) || parameter.literal().is_none() {
                return Some(format!(
                    "parameter {:?}: value {:?} must be digits with at most one point",
                    parameter.name, parameter.value
                ));
            }
            let bounds = [("min", &parameter.min), ("max", &parameter.max)];
            for (name, bound) in bounds.into_iter().filter_map(|(name, bound)| Some((name, bound.as_ref()?))) {
                let Some(bound_units) = millionths(bound) else {
                    return Some(format!(
                        "parameter {:?}: {name} {bound:?} must be digits with at most one point",
                        parameter.name
                    ));
                };
                let value = millionths(&parameter.value).unwrap_or_default();
                if (name == "min" && value < bound_units) || (name == "max" && value > bound_units) {
                    return Some(format!(
                        "parameter {:?}: value {:?} is beyond its {name} {bound:?}",
                        parameter.name, parameter.value
                    ));
                }
            }
            if let Some(other) = &parameter.not_above
                && self.parameter(other).is_none()
            {
                return Some(format!("parameter {:?}: not_above {other:?} is no parameter", parameter.name));
            }
        }
        if let Some((name, rule, value)) = self.order_fault() {
            return Some(format!("parameter {name:?}: value {value:?} {rule}"));
        }
        let unit =
            |unit: &str| matches!(unit, "BRL" | "amount" | "ratio" | "days" | "count" | "date" | "text" | "factor");
        let units = self.parameters.iter().map(|one| (&one.name, &one.unit));
        let mut units = units.chain(self.evidence.iter().map(|one| (&one.name, &one.unit)));
        if let Some((name, wrong)) = units.find(|(_, name)| !unit(name)) {
            return Some(format!("unit {wrong:?} of {name:?} is not known"));
        }
        None
    }

    /// The query with each `$parameter` replaced by its literal.
    pub(super) fn bind(&self, sql: &str) -> Result<String, DetectorError> {
        let mut bound = String::with_capacity(sql.len() + 256);
        let mut rest = sql;
        while let Some(at) = rest.find('$') {
            bound.push_str(&rest[..at]);
            let name_end = rest[at + 1..]
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .map_or(rest.len(), |end| at + 1 + end);
            let name = &rest[at + 1..name_end];
            let literal = self.parameters.iter().find(|one| one.name == name).and_then(Parameter::literal);
            let Some(literal) = literal else {
                return Err(DetectorError::Definition {
                    detector: self.id.clone(),
                    message: format!("the query reads ${name}, which is no parameter"),
                });
            };
            bound.push_str(&literal);
            rest = &rest[name_end..];
        }
        bound.push_str(rest);
        Ok(bound)
    }

    /// Puts the values of parameters into the texts that quote them: all but that of findings, which has places for
    /// the values of a row as well.
    pub(super) fn quote_parameters(&mut self) -> Result<(), String> {
        let whole = self.clone();
        let quote = |text: &mut String, language| {
            *text = Template::parse(text, &whole, language)?.fixed(&whole, language)?;
            Ok::<_, String>(())
        };
        for text in [&mut self.title, &mut self.explanation, &mut self.severity] {
            quote(&mut text.pt, Language::Pt)?;
            quote(&mut text.en, Language::En)?;
        }
        self.false_positives.pt.iter_mut().try_for_each(|text| quote(text, Language::Pt))?;
        self.false_positives.en.iter_mut().try_for_each(|text| quote(text, Language::En))?;
        for reason in self.reasons.values_mut() {
            quote(&mut reason.pt, Language::Pt)?;
            quote(&mut reason.en, Language::En)?;
        }
        for column in &mut self.evidence {
            quote(&mut column.label.pt, Language::Pt)?;
            quote(&mut column.label.en, Language::En)?;
            for words in column.words.values_mut() {
                quote(&mut words.pt, Language::Pt)?;
                quote(&mut words.en, Language::En)?;
            }
        }
        Ok(())
    }

    /// The detector's name in findings.
    pub fn reference(&self) -> DetectorRef {
        DetectorRef {
            id: self.id.clone(),
            version: self.version.clone(),
            reference: self.reference.clone(),
            legal_basis: self.legal_basis.clone(),
            strength: self.strength,
            user_made: self.user_made,
        }
    }
}
