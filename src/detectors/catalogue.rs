//! The detectors that are known.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::own::{self, Overdue, QueryLimits};
use super::render::{Language, Template};
use super::run::VIEWS;
use super::{DetectorError, Header, Run, aside, limits, statement};
use crate::model::{DetectorRef, ParameterOverride, Table};
use crate::secret::hex;

const BUILTIN: [&str; 38] = [
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
    include_str!("sql/new_company.sql"),
    include_str!("sql/inactive_company.sql"),
    include_str!("sql/activity_mismatch.sql"),
    include_str!("sql/capacity_mismatch.sql"),
    include_str!("sql/payments_exceed.sql"),
    include_str!("sql/heterogeneous_supplier.sql"),
    include_str!("sql/short_submission.sql"),
    include_str!("sql/decision_period.sql"),
    include_str!("sql/single_bid.sql"),
    include_str!("sql/few_bidders_for_market.sql"),
    include_str!("sql/near_estimate.sql"),
    include_str!("sql/late_bid_won.sql"),
    include_str!("sql/disqualification_pattern.sql"),
    include_str!("sql/linked_bidders.sql"),
    include_str!("sql/identical_prices.sql"),
    include_str!("sql/price_gap.sql"),
    include_str!("sql/bid_dispersion_screen.sql"),
    include_str!("sql/rotation_and_cobidding.sql"),
    include_str!("sql/value_risk.sql"),
];

/// Tag of the findings of a user's own detectors.
const OWN_TAG: &str = "user_made";

/// Columns that every query has.
pub(super) const REQUIRED: [&str; 5] = ["subject", "outcome", "reason", "severity", "in_scope"];
/// Lists of the ids of rows that a finding rests on, and the tables of these; a query has one at least.
pub(super) const IDS: [(&str, Table); 14] = [
    ("contract_ids", Table::Contracts),
    ("amendment_ids", Table::Amendments),
    ("item_ids", Table::ContractItems),
    ("tender_ids", Table::Tenders),
    ("tender_item_ids", Table::TenderItems),
    ("bid_ids", Table::Bids),
    ("supplier_ids", Table::Suppliers),
    ("sanction_ids", Table::Sanctions),
    ("payment_ids", Table::Payments),
    ("establishment_ids", Table::Establishments),
    ("company_ids", Table::Companies),
    ("regime_ids", Table::TaxRegimes),
    ("partner_ids", Table::Partners),
    ("activity_ids", Table::Activities),
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
    /// The file, and where its header ends.
    file: Arc<str>,
    overdue: Overdue,
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
        if values.is_empty() {
            return Ok(self.clone());
        }
        let mut other = Self::read(Arc::clone(&self.file), values)?;
        other.overdue = Arc::clone(&self.overdue);
        if self.header.user_made {
            other.be_own();
        }
        Ok(other)
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
        if aside::concerns(&header) {
            for (name, reason) in aside::reasons() {
                header.reasons.entry(name.to_owned()).or_insert(reason);
            }
        }
        let sql = header.bind(sql.trim().trim_end_matches(';'))?;
        let text_pt = Template::parse(&header.text.pt, &header, Language::Pt).map_err(faulty)?;
        let text_en = Template::parse(&header.text.en, &header, Language::En).map_err(faulty)?;
        header.quote_parameters().map_err(faulty)?;
        if let Some(column) = header.evidence.iter().find(|column| is_reserved(&column.name)) {
            let message = format!("evidence column {:?} has a reserved name", column.name);
            return Err(DetectorError::Definition { detector: header.id, message });
        }
        Ok(Self { header, file: Arc::clone(&file), overdue: Overdue::default(), sql, text_pt, text_en })
    }

    /// Reads a user's own detector, whose query may read nothing but the tables of its header.
    ///
    /// # Errors
    /// [`DetectorError::Definition`] names the field and the rule.
    pub fn own(file: &str) -> Result<Self, DetectorError> {
        let mut detector = Self::parse(file)?;
        detector.be_own();
        statement::check(&detector)
            .map_err(|message| DetectorError::Definition { detector: detector.id().to_owned(), message })?;
        Ok(detector)
    }

    fn be_own(&mut self) {
        self.header.user_made = true;
        self.header.tags.push(OWN_TAG.to_owned());
    }

    /// Queries of it that were given up and work on, whatever its parameters.
    pub(super) const fn overdue(&self) -> &Overdue {
        &self.overdue
    }

    /// SHA-256 of its file, of the views and legal limits that it may read, and of what they leave out, in hex: the same one gives the same answers.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new_with_prefix(self.file.as_bytes());
        VIEWS.iter().for_each(|(_, sql)| hash.update(sql));
        hash.update(limits::TABLE);
        hash.update(aside::RULES);
        hex(&hash.finalize())
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

    /// The detectors of this version and, behind them, a user's own: the `.sql` files of a directory, each
    /// checked against tables without rows.
    ///
    /// # Errors
    /// [`DetectorError`] of the first file that is not as it must be: it cannot be read, its header or its query
    /// breaks a rule, its id is taken, or its query does not give the columns of its header.
    pub async fn with_own(directory: Option<&Path>, limits: QueryLimits) -> Result<Self, DetectorError> {
        let mut catalogue = Self::builtin()?;
        if let Some(directory) = directory {
            catalogue.add_own(directory, &Run::over_nothing(limits).await?).await?;
        }
        Ok(catalogue)
    }

    /// Adds a user's own detectors, each checked against the tables of a run.
    pub(super) async fn add_own(&mut self, directory: &Path, run: &Run) -> Result<(), DetectorError> {
        let files = self.add_directory(directory)?;
        let own = self.iter().filter(|detector| detector.header.user_made);
        for (detector, path) in own.zip(files) {
            let in_file = |error| DetectorError::InFile { path, error: Box::new(error) };
            run.check(detector).await.map_err(in_file)?;
        }
        Ok(())
    }

    /// Adds the `.sql` files of a directory, in order of name, as a user's own, and says which they are.
    ///
    /// # Errors
    /// [`DetectorError::Read`] or [`DetectorError::Definition`]; none is added then.
    fn add_directory(&mut self, directory: &Path) -> Result<Vec<PathBuf>, DetectorError> {
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
        let known = self.0.len();
        for path in &files {
            let refused = |message: String| DetectorError::Definition { detector: path.display().to_string(), message };
            let about = std::fs::metadata(path).map_err(failed(path))?;
            if !about.is_file() || about.len() > own::MAX_FILE {
                self.0.truncate(known);
                return Err(refused(format!("must be a file of at most {} KiB", own::MAX_FILE >> 10)));
            }
            let file = std::fs::read_to_string(path).map_err(failed(path))?;
            let read = Detector::own(&file).and_then(|detector| match self.get(detector.id()) {
                Some(other) if other.header.user_made => {
                    Err(refused(format!("id {:?} is that of another file of the directory", detector.id())))
                }
                Some(_) => Err(refused(format!("id {:?} is that of a built-in detector", detector.id()))),
                None => Ok(detector),
            });
            match read {
                Ok(detector) => self.0.push(detector),
                Err(error) => {
                    self.0.truncate(known);
                    return Err(DetectorError::InFile { path: path.clone(), error: Box::new(error) });
                }
            }
        }
        Ok(files)
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
