//! The detectors that are known.

use std::path::Path;

use super::render::Template;
use super::{DetectorError, Header};
use crate::model::{DetectorRef, Table};

const BUILTIN: [&str; 33] = [
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
    include_str!("sql/sanctioned_supplier.sql"),
    include_str!("sql/payments_exceed.sql"),
    include_str!("sql/heterogeneous_supplier.sql"),
    include_str!("sql/short_submission.sql"),
    include_str!("sql/decision_period.sql"),
    include_str!("sql/single_bid.sql"),
    include_str!("sql/few_bidders_for_market.sql"),
    include_str!("sql/near_estimate.sql"),
    include_str!("sql/late_bid_won.sql"),
    include_str!("sql/disqualification_pattern.sql"),
    include_str!("sql/identical_prices.sql"),
    include_str!("sql/price_gap.sql"),
    include_str!("sql/bid_dispersion_screen.sql"),
    include_str!("sql/rotation_and_cobidding.sql"),
    include_str!("sql/value_risk.sql"),
];

/// Columns that every query has.
pub(super) const REQUIRED: [&str; 5] = ["subject", "outcome", "reason", "severity", "in_scope"];
/// Lists of the ids of rows that a finding rests on, and the tables of these; a query has one at least.
pub(super) const IDS: [(&str, Table); 9] = [
    ("contract_ids", Table::Contracts),
    ("amendment_ids", Table::Amendments),
    ("item_ids", Table::ContractItems),
    ("tender_ids", Table::Tenders),
    ("tender_item_ids", Table::TenderItems),
    ("bid_ids", Table::Bids),
    ("supplier_ids", Table::Suppliers),
    ("sanction_ids", Table::Sanctions),
    ("payment_ids", Table::Payments),
];
/// Columns that a query may have beside these and its evidence.
const OPTIONAL: [&str; 2] = ["amount", "limits"];

/// Whether a column has a meaning of its own, and is no evidence.
fn is_reserved(name: &str) -> bool {
    REQUIRED.contains(&name) || OPTIONAL.contains(&name) || IDS.iter().any(|(own, _)| *own == name)
}

/// One red flag: a header and one query.
#[derive(Debug, Clone)]
pub struct Detector {
    /// What it says of itself.
    pub header: Header,
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
        let fault =
            |message: &str| DetectorError::Definition { detector: "file".to_owned(), message: message.to_owned() };
        let body = file.trim_start().strip_prefix("/*").ok_or_else(|| fault("must begin with a header in /* … */"))?;
        let (header, sql) = body.split_once("*/").ok_or_else(|| fault("the header is not closed by */"))?;
        let header = Header::parse(header)?;
        let sql = header.bind(sql.trim().trim_end_matches(';'))?;
        let template = |text: &str| {
            Template::parse(text, &header)
                .map_err(|message| DetectorError::Definition { detector: header.id.clone(), message })
        };
        let (text_pt, text_en) = (template(&header.text.pt)?, template(&header.text.en)?);
        if let Some(column) = header.evidence.iter().find(|column| is_reserved(&column.name)) {
            let message = format!("evidence column {:?} has a reserved name", column.name);
            return Err(DetectorError::Definition { detector: header.id, message });
        }
        Ok(Self { header, sql, text_pt, text_en })
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
