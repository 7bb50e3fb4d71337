//! The detectors that are known.

use std::path::Path;
use std::sync::Arc;

use super::render::{Language, Template};
use super::{DetectorError, Header};
use crate::model::{DetectorRef, ParameterOverride};

const BUILTIN: [&str; 20] = [
    include_str!("sql/amendment_cap.sql"),
    include_str!("sql/amendment_count.sql"),
    include_str!("sql/direct_award_growth.sql"),
    include_str!("sql/value_jump.sql"),
    include_str!("sql/splitting_sum.sql"),
    include_str!("sql/just_below_threshold.sql"),
    include_str!("sql/emergency_overrun.sql"),
    include_str!("sql/late_publication.sql"),
    include_str!("sql/duplicates.sql"),
    include_str!("sql/supplier_share_of_buyer.sql"),
    include_str!("sql/non_competitive_share.sql"),
    include_str!("sql/market_concentration.sql"),
    include_str!("sql/contract_value_outlier.sql"),
    include_str!("sql/item_price_outlier.sql"),
    include_str!("sql/year_end_spike.sql"),
    include_str!("sql/benford.sql"),
    include_str!("sql/high_value_direct_award.sql"),
    include_str!("sql/invalid_tax_id.sql"),
    include_str!("sql/heterogeneous_supplier.sql"),
    include_str!("sql/value_risk.sql"),
];

/// Columns that a query has beside its evidence.
pub(super) const COLUMNS: [&str; 9] =
    ["subject", "outcome", "reason", "severity", "in_scope", "contract_ids", "amendment_ids", "amount", "limits"];

/// One red flag: a header and one query.
#[derive(Debug, Clone)]
pub struct Detector {
    /// What it says of itself.
    pub header: Header,
    /// The file, and where its header ends.
    file: Arc<str>,
    pub(super) sql: String,
    pub(super) text_pt: Template,
    pub(super) text_en: Template,
}

impl Detector {
    /// Reads a detector's file: a TOML header between `/*` and `*/`, then one SELECT.
    ///
    /// # Errors
    /// [`DetectorError::Definition`] names the field and the rule.
    pub fn parse(file: &str) -> Result<Self, DetectorError> {
        Self::read(Arc::from(file), &[])
    }

    /// The same detector with other values of its parameters: in the query, in the texts, and in the limits
    /// that findings quote.
    ///
    /// # Errors
    /// [`DetectorError::Definition`] for a value that the header does not accept.
    pub fn with(&self, values: &[&ParameterOverride]) -> Result<Self, DetectorError> {
        if values.is_empty() { Ok(self.clone()) } else { Self::read(Arc::clone(&self.file), values) }
    }

    fn read(file: Arc<str>, values: &[&ParameterOverride]) -> Result<Self, DetectorError> {
        let fault =
            |message: &str| DetectorError::Definition { detector: "file".to_owned(), message: message.to_owned() };
        let body = file.trim_start().strip_prefix("/*").ok_or_else(|| fault("must begin with a header in /* … */"))?;
        let (header, sql) = body.split_once("*/").ok_or_else(|| fault("the header is not closed by */"))?;
        let mut header = Header::parse(header)?;
        let id = header.id.clone();
        let faulty = |message| DetectorError::Definition { detector: id.clone(), message };
        header.override_with(values).map_err(faulty)?;
        let sql = header.bind(sql.trim().trim_end_matches(';'))?;
        let text_pt = Template::parse(&header.text.pt, &header, Language::Pt).map_err(faulty)?;
        let text_en = Template::parse(&header.text.en, &header, Language::En).map_err(faulty)?;
        header.quote_parameters().map_err(faulty)?;
        if let Some(column) = header.evidence.iter().find(|column| COLUMNS.contains(&column.name.as_str())) {
            let message = format!("evidence column {:?} has a reserved name", column.name);
            return Err(DetectorError::Definition { detector: header.id, message });
        }
        Ok(Self { header, file: Arc::clone(&file), sql, text_pt, text_en })
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.header.id
    }

    /// Its name in findings.
    pub fn reference(&self) -> DetectorRef {
        self.header.reference()
    }

    /// Its query, parameters bound.
    pub fn sql(&self) -> &str {
        &self.sql
    }
}

/// The detectors that are known, in the order they run.
#[derive(Debug, Clone)]
pub struct Catalogue(Vec<Detector>);

impl Catalogue {
    /// The detectors of this version.
    ///
    /// # Errors
    /// [`DetectorError::Definition`] if an embedded file is malformed.
    pub fn builtin() -> Result<Self, DetectorError> {
        BUILTIN.iter().map(|file| Detector::parse(file)).collect::<Result<_, _>>().map(Self)
    }

    /// Adds a detector; one with the same id takes the place of the earlier one.
    pub fn add(&mut self, detector: Detector) {
        match self.0.iter_mut().find(|known| known.id() == detector.id()) {
            Some(known) => *known = detector,
            None => self.0.push(detector),
        }
    }

    /// Adds the `.sql` files of a directory, in order of name, and says how many there were.
    ///
    /// # Errors
    /// [`DetectorError::Read`] or [`DetectorError::Definition`]; none is added then.
    pub fn add_directory(&mut self, directory: &Path) -> Result<usize, DetectorError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| DetectorError::Read { path, source }
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(failed(directory))? {
            let path = entry.map_err(failed(directory))?.path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                files.push(path);
            }
        }
        files.sort();
        let read = |path: &std::path::PathBuf| {
            let file = std::fs::read_to_string(path).map_err(failed(path))?;
            Detector::parse(&file)
        };
        let detectors = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let count = detectors.len();
        detectors.into_iter().for_each(|detector| self.add(detector));
        Ok(count)
    }

    /// A detector by its id.
    pub fn get(&self, id: &str) -> Option<&Detector> {
        self.0.iter().find(|detector| detector.id() == id)
    }

    /// Ids, in the order they run.
    pub fn ids(&self) -> Vec<&str> {
        self.0.iter().map(Detector::id).collect()
    }

    /// Every detector, in the order they run.
    pub fn iter(&self) -> impl Iterator<Item = &Detector> {
        self.0.iter()
    }

    /// The detectors of a group, in the order they run.
    pub fn in_group<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Detector> {
        self.0.iter().filter(move |detector| detector.header.groups.iter().any(|name| name == group))
    }
}
