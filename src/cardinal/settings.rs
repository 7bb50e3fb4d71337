//! The settings file: sections, keys and their types are Cardinal's; an unknown one is an error.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::ini::{self, Sections};

/// What a settings file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// The currency in which prices are compared; without it the first that is seen.
    pub(super) currency: Option<String>,
    /// Mismatches of the currency are told only where more is asked for.
    pub(super) quiet_currency: bool,
    pub(super) compare: MethodDetails,
    pub(super) exclude: HashSet<String>,
    pub(super) r003: Option<R003>,
    /// The methods that R018 looks at; empty for all.
    pub(super) r018: Option<HashSet<String>>,
    pub(super) r024: Option<Threshold>,
    pub(super) r025: Option<R025>,
    pub(super) r028: bool,
    pub(super) r030: bool,
    /// The least number of disqualified tenderers.
    pub(super) r035: Option<usize>,
    pub(super) r036: bool,
    pub(super) r038: Option<R038>,
    pub(super) r048: Option<R048>,
    pub(super) r058: Option<Threshold>,
    pub(super) prepare: Prepare,
    /// What is odd about the file and no error.
    pub(super) remarks: Vec<String>,
}

/// A threshold instead of a fence.
pub(super) type Threshold = Option<f64>;

/// Procurement method details between whose bids prices may be compared.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct MethodDetails {
    pub(super) only: HashSet<String>,
    pub(super) not: HashSet<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct R003 {
    pub(super) days: i64,
    pub(super) methods: HashSet<String>,
    pub(super) days_by_details: HashMap<String, i64>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct R025 {
    pub(super) percentile: usize,
    pub(super) threshold: Threshold,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct R038 {
    pub(super) threshold: Threshold,
    pub(super) bids: u64,
    pub(super) processes: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct R048 {
    pub(super) digits: usize,
    pub(super) threshold: Option<u64>,
    pub(super) processes: u64,
}

/// The settings of `prepare`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Prepare {
    pub(super) currency: Option<String>,
    pub(super) classification_scheme: Option<String>,
    pub(super) bid_status: Option<String>,
    pub(super) award_status: Option<String>,
    pub(super) party_roles: bool,
    pub(super) redact_amounts: Vec<f64>,
    pub(super) redact_ids: HashSet<String>,
    pub(super) status_by_contracts: bool,
    pub(super) move_auctions: bool,
    pub(super) buyer_prefix: String,
    pub(super) supplier_prefix: String,
    pub(super) split_details: Option<String>,
    pub(super) bid_statuses: HashMap<String, String>,
    pub(super) award_statuses: HashMap<String, String>,
}

/// A settings file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It is not in INI form.
    #[error("line {line}: {rule}")]
    Syntax {
        /// Counts from 1.
        line: usize,
        /// What it breaks.
        rule: &'static str,
    },
    /// There is no such section or key.
    #[error("{field}: no such setting")]
    Unknown {
        /// The section and the key.
        field: String,
    },
    /// A value is not of its key's type.
    #[error("{field} must be {rule}, not {value:?}")]
    Value {
        /// The section and the key.
        field: String,
        /// What it must be.
        rule: &'static str,
        /// What it is.
        value: String,
    },
}

impl Settings {
    /// Reads the text of a settings file.
    ///
    /// # Errors
    ///
    /// Where the text is no INI, names an unknown section or key, or has a value of a wrong type.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let mut file = File { sections: ini::parse(text)? };
        file.spread();
        let mut settings = Self::default();
        let mut top = file.take("").unwrap_or_default();
        settings.currency = top.text("currency");
        let only = top.text("price_comparison_procurement_methods");
        let not = top.text("no_price_comparison_procurement_methods");
        if only.is_some() && not.is_some() {
            settings.remarks.push(
                "price_comparison_procurement_methods is set: no_price_comparison_procurement_methods has no effect"
                    .into(),
            );
        }
        settings.compare = MethodDetails { only: list(only), not: list(not) };
        top.end()?;
        if let Some(mut section) = file.take("exclusions") {
            settings.exclude = list(section.text("procurement_method_details"));
            section.end()?;
        }
        if let Some(mut section) = file.take("output") {
            settings.quiet_currency = section.boolean("info_currency_mismatches")?.unwrap_or(false);
            section.end()?;
        }
        settings.read_indicators(&mut file)?;
        settings.prepare = Prepare::read(&mut file)?;
        match file.sections.into_iter().next() {
            Some((name, _)) => Err(SettingsError::Unknown { field: format!("[{name}]") }),
            None => Ok(settings),
        }
    }

    /// Whether an indicator runs that looks at bids or awards.
    pub(super) fn needs_bids(&self) -> bool {
        let fences = self.r024.is_some() || self.r025.is_some() || self.r038.is_some() || self.r058.is_some();
        fences || self.r028 || self.r030 || self.r035.is_some() || self.r036 || self.r048.is_some()
    }

    fn read_indicators(&mut self, file: &mut File) -> Result<(), SettingsError> {
        let days = file.take("R003.procurement_method_details");
        if let Some(mut section) = file.take("R003").or_else(|| days.as_ref().map(|_| Section::named("R003"))) {
            self.r003 = Some(R003 {
                days: section.integer("threshold")?.unwrap_or(15),
                methods: list(section.text("procurement_methods")),
                days_by_details: days.map(Section::integers).transpose()?.unwrap_or_default(),
            });
            section.end()?;
        }
        if let Some(mut section) = file.take("R018") {
            let methods = section.text("procurement_methods");
            self.r018 = Some(list(methods.or_else(|| Some("open|selective".to_owned()))));
            section.end()?;
        }
        if let Some(mut section) = file.take("R024") {
            self.r024 = Some(section.number("threshold")?);
            section.end()?;
        }
        if let Some(mut section) = file.take("R025") {
            self.r025 = Some(R025 {
                percentile: section.count("percentile")?.unwrap_or(75),
                threshold: section.number("threshold")?,
            });
            section.end()?;
        }
        for (name, on) in [("R028", &mut self.r028), ("R030", &mut self.r030), ("R036", &mut self.r036)] {
            if let Some(section) = file.take(name) {
                *on = true;
                section.end()?;
            }
        }
        if let Some(mut section) = file.take("R035") {
            self.r035 = Some(section.count("threshold")?.unwrap_or(1).max(1));
            section.end()?;
        }
        if let Some(mut section) = file.take("R038") {
            self.r038 = Some(R038 {
                threshold: section.number("threshold")?,
                bids: section.count("minimum_submitted_bids")?.unwrap_or(2),
                processes: section.count("minimum_contracting_processes")?.unwrap_or(2),
            });
            section.end()?;
        }
        if let Some(mut section) = file.take("R048") {
            self.r048 = Some(R048 {
                digits: section.count("digits")?.unwrap_or(2),
                threshold: section.count("threshold")?,
                processes: section.count("minimum_contracting_processes")?.unwrap_or(20),
            });
            section.end()?;
        }
        if let Some(mut section) = file.take("R058") {
            self.r058 = Some(section.number("threshold")?);
            section.end()?;
        }
        Ok(())
    }
}

impl Prepare {
    fn read(file: &mut File) -> Result<Self, SettingsError> {
        let mut prepare = Self::default();
        if let Some(mut section) = file.take("defaults") {
            prepare.currency = section.text("currency");
            prepare.classification_scheme = section.text("item_classification_scheme");
            prepare.bid_status = section.text("bid_status");
            prepare.award_status = section.text("award_status");
            prepare.party_roles = section.boolean("party_roles")?.unwrap_or(false);
            section.end()?;
        }
        if let Some(mut section) = file.take("redactions") {
            let amounts = section.text("amount").unwrap_or_default();
            prepare.redact_amounts = amounts.split('|').filter_map(|amount| amount.parse().ok()).collect();
            prepare.redact_ids = list(section.text("organization_id"));
            section.end()?;
        }
        if let Some(mut section) = file.take("corrections") {
            prepare.status_by_contracts = section.boolean("award_status_by_contract_status")?.unwrap_or(false);
            section.end()?;
        }
        if let Some(mut section) = file.take("modifications") {
            prepare.move_auctions = section.boolean("move_auctions")?.unwrap_or(false);
            prepare.buyer_prefix = section.text("prefix_buyer_or_procuring_entity_id").unwrap_or_default();
            prepare.supplier_prefix = section.text("prefix_tenderer_or_supplier_id").unwrap_or_default();
            prepare.split_details = section.text("split_procurement_method_details");
            section.end()?;
        }
        // Cardinal's file may have the table of the codelists without any of them.
        if let Some(section) = file.take("codelists") {
            section.end()?;
        }
        prepare.bid_statuses = file.take("codelists.bid_status").map(Section::texts).unwrap_or_default();
        prepare.award_statuses = file.take("codelists.award_status").map(Section::texts).unwrap_or_default();
        Ok(prepare)
    }
}

/// The parts of a list with `|` between them; an empty last part is none.
fn list(text: Option<String>) -> HashSet<String> {
    text.unwrap_or_default().split_terminator('|').map(str::to_owned).collect()
}

struct File {
    sections: Sections,
}

impl File {
    /// A key before the first section may name its section itself: `R024.threshold = 0.05`.
    fn spread(&mut self) {
        let top = self.sections.remove("").unwrap_or_default();
        for (key, value) in top {
            let (section, name) = key.rsplit_once('.').unwrap_or(("", &key));
            self.sections.entry(section.to_owned()).or_default().entry(name.to_owned()).or_insert(value);
        }
    }

    fn take(&mut self, name: &str) -> Option<Section> {
        let keys = self.sections.remove(name)?;
        Some(Section { name: name.to_owned(), keys })
    }
}

#[derive(Default)]
struct Section {
    name: String,
    keys: BTreeMap<String, String>,
}

impl Section {
    fn named(name: &str) -> Self {
        Self { name: name.to_owned(), keys: BTreeMap::new() }
    }

    fn field(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("[{}] {key}", self.name) }
    }

    fn text(&mut self, key: &str) -> Option<String> {
        self.keys.remove(key)
    }

    fn value<T>(
        &mut self,
        key: &str,
        rule: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.keys.remove(key) else { return Ok(None) };
        match read(&value) {
            Some(read) => Ok(Some(read)),
            None => Err(SettingsError::Value { field: self.field(key), rule, value }),
        }
    }

    fn boolean(&mut self, key: &str) -> Result<Option<bool>, SettingsError> {
        self.value(key, "true or false", |value| match value.to_lowercase().as_str() {
            "1" | "true" | "on" | "yes" => Some(true),
            "0" | "false" | "off" | "no" => Some(false),
            _ => None,
        })
    }

    fn number(&mut self, key: &str) -> Result<Option<f64>, SettingsError> {
        self.value(key, "a number", |value| word(value).map(f64::from).or_else(|| value.parse().ok()))
    }

    fn integer(&mut self, key: &str) -> Result<Option<i64>, SettingsError> {
        self.value(key, WHOLE, integer)
    }

    fn count<T: From<u8> + std::str::FromStr>(&mut self, key: &str) -> Result<Option<T>, SettingsError> {
        self.value(key, "a whole number, not negative", |value| word(value).map(T::from).or_else(|| value.parse().ok()))
    }

    fn integers(self) -> Result<HashMap<String, i64>, SettingsError> {
        let mut read = HashMap::new();
        for (key, value) in &self.keys {
            let Some(days) = integer(value) else {
                return Err(SettingsError::Value { field: self.field(key), rule: WHOLE, value: value.clone() });
            };
            read.insert(key.clone(), days);
        }
        Ok(read)
    }

    fn texts(self) -> HashMap<String, String> {
        self.keys.into_iter().collect()
    }

    /// Every key must have been taken by now.
    fn end(self) -> Result<(), SettingsError> {
        match self.keys.keys().next() {
            Some(key) => Err(SettingsError::Unknown { field: self.field(key) }),
            None => Ok(()),
        }
    }
}

const WHOLE: &str = "a whole number";

fn integer(value: &str) -> Option<i64> {
    word(value).map(i64::from).or_else(|| value.parse().ok())
}

/// Words that stand for 1 and 0 wherever a number is asked for.
fn word(value: &str) -> Option<u8> {
    match value.to_lowercase().as_str() {
        "true" | "on" | "yes" => Some(1),
        "false" | "off" | "no" => Some(0),
        _ => None,
    }
}

/// The settings file that `init` writes: every indicator on, every key named in a comment with a value.
pub const TEMPLATE: &str = include_str!("settings.ini");
