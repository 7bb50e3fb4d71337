//! A contract on its way to the files.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, TimeDelta};
use serde::Serialize;

use super::vocabulary::{self, Line};
use crate::model::Modality;
use crate::model::Random;

/// An amount in cents; far below what `i64` holds.
pub(super) type Cents = i64;

/// The ids of the detectors, as the labels name them.
pub(super) const AMENDMENT_CAP: &str = "amendment_cap";
pub(super) const SPLITTING: &str = "splitting_sum";
pub(super) const SHARE: &str = "supplier_share_of_buyer";
pub(super) const OUTLIER: &str = "contract_value_outlier";
pub(super) const DIRECT_AWARD: &str = "high_value_direct_award";
pub(super) const TAX_ID: &str = "invalid_tax_id";
pub(super) const AMENDMENT_COUNT: &str = "amendment_count";
pub(super) const AWARD_GROWTH: &str = "direct_award_growth";
pub(super) const VALUE_JUMP: &str = "value_jump";
pub(super) const VALUE_RISK: &str = "value_risk";
pub(super) const BELOW_THRESHOLD: &str = "just_below_threshold";
pub(super) const EMERGENCY: &str = "emergency_overrun";
pub(super) const LATE_PUBLICATION: &str = "late_publication";
pub(super) const DUPLICATES: &str = "duplicates";
pub(super) const NON_COMPETITIVE: &str = "non_competitive_share";
pub(super) const MARKET: &str = "market_concentration";
pub(super) const ITEM_PRICE: &str = "item_price_outlier";
pub(super) const SPIKE: &str = "year_end_spike";
pub(super) const BENFORD: &str = "benford";
pub(super) const SANCTIONED: &str = "sanctioned_supplier";
pub(super) const PAYMENTS: &str = "payments_exceed";
pub(super) const NEW_COMPANY: &str = "new_company";
pub(super) const INACTIVE: &str = "inactive_company";
pub(super) const ACTIVITY: &str = "activity_mismatch";
pub(super) const CAPACITY: &str = "capacity_mismatch";
pub(super) const LINKED: &str = "linked_bidders";
pub(super) const SINGLE_BID: &str = "single_bid";
pub(super) const FEW_BIDDERS: &str = "few_bidders_for_market";
pub(super) const DECISION: &str = "decision_period";
pub(super) const HETEROGENEOUS: &str = "heterogeneous_supplier";
pub(super) const ROTATION: &str = "rotation_and_cobidding";
pub(super) const SHORT: &str = "short_submission";
pub(super) const NEAR_ESTIMATE: &str = "near_estimate";
pub(super) const LATE_BID: &str = "late_bid_won";
pub(super) const DISQUALIFIED: &str = "disqualification_pattern";
pub(super) const IDENTICAL: &str = "identical_prices";
pub(super) const GAP: &str = "price_gap";
pub(super) const DISPERSION: &str = "bid_dispersion_screen";

/// What a contract buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Goods,
    Services,
    Works,
    /// The texts do not say (secrecy).
    Unknown,
}

impl Kind {
    /// Place in tables by kind.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Goods => 0,
            Self::Services => 1,
            Self::Works => 2,
            Self::Unknown => 3,
        }
    }

    /// The object of a contract that buys `thing`.
    pub(super) fn object(self, thing: &str, ending: &str) -> String {
        match self {
            Self::Goods => format!("Objeto: AQUISIÇÃO DE {thing}{ending}."),
            Self::Services => format!("Objeto: PRESTAÇÃO DE SERVIÇOS DE {thing}{ending}."),
            Self::Works => format!("Objeto: EXECUÇÃO DE OBRA DE {thing}{ending}."),
            Self::Unknown => vocabulary::SECRET.to_owned(),
        }
    }

    /// Secondary items.
    pub(super) fn extra(self, random: &mut Random) -> &'static str {
        match self {
            Self::Goods => random.pick(&vocabulary::GOODS_EXTRAS),
            Self::Services => random.pick(&vocabulary::SERVICES_EXTRAS),
            Self::Works => random.pick(&vocabulary::WORKS_EXTRAS),
            Self::Unknown => vocabulary::SECRET,
        }
    }
}

/// What a detector must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Expected {
    Fired,
    Clear,
    NotEvaluable,
}

impl Expected {
    /// As in `labels.csv`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Clear => "clear",
            Self::NotEvaluable => "not_evaluable",
        }
    }
}

/// One line of `labels.csv`, without the keys of its contract.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) detector: &'static str,
    pub(super) expected: Expected,
    /// Ties the rows of one subject.
    pub(super) group: String,
    /// Severity of what fires, reason of what cannot be judged, what a clear case is near to.
    pub(super) note: &'static str,
    /// The first row of its group: counted as a subject.
    pub(super) first: bool,
}

/// Label rows and the subjects behind them, of one detector and one expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LabelCount {
    /// Lines of `labels.csv`.
    pub rows: u64,
    /// Subjects: distinct groups, each of which is one expected result.
    pub subjects: u64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct SampleSummary {
    /// Contracts.
    pub contracts: u64,
    /// Items.
    pub items: u64,
    /// Amendments.
    pub amendments: u64,
    /// Buyers.
    pub buyers: u64,
    /// Labels by detector id and by `fired`, `clear`, `not_evaluable`.
    pub labels: BTreeMap<String, BTreeMap<String, LabelCount>>,
}

/// A supplier as published.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Supplier {
    pub(super) id: String,
    pub(super) name: String,
}

impl Supplier {
    /// What the Portal publishes in place of a secret supplier.
    pub(super) fn secret() -> Self {
        Self { id: "-11".to_owned(), name: "Sigiloso".to_owned() }
    }

    /// Whether [`Self::secret`].
    pub(super) fn is_secret(&self) -> bool {
        self.id == "-11"
    }
}

/// The one item of a contract whose price can be compared.
#[derive(Debug, Clone)]
pub(super) struct Article {
    /// Further description.
    pub(super) details: String,
    pub(super) quantity: i64,
    /// Price of one unit.
    pub(super) unit: Cents,
}

/// A contract with its items, amendments and labels.
#[derive(Debug, Clone)]
pub(super) struct Contract {
    pub(super) kind: Kind,
    pub(super) modality: Modality,
    pub(super) object: String,
    /// Description of the item with the largest total; `None` leaves the contract without items.
    pub(super) main_item: Option<String>,
    /// What its one item is; without it items are made up.
    pub(super) article: Option<Article>,
    pub(super) legal_basis: &'static str,
    pub(super) signed: Option<NaiveDate>,
    pub(super) published: NaiveDate,
    pub(super) start: NaiveDate,
    pub(super) end: Option<NaiveDate>,
    /// `None` until the buyer spreads its contracts over suppliers.
    pub(super) supplier: Option<Supplier>,
    pub(super) initial: Cents,
    pub(super) current: Cents,
    /// Sequence of the tender within the buyer.
    pub(super) tender: u32,
    /// Sequence of the contract within the buyer; 0 until the buyer numbers its contracts.
    pub(super) number: u32,
    /// Contracts with the same mark get the same number.
    pub(super) twin: Option<u32>,
    /// Objects of its amendments.
    pub(super) amendments: Vec<&'static str>,
    /// Days from the publication of the contract to that of each amendment; made last.
    pub(super) amendment_days: Vec<i64>,
    pub(super) labels: Vec<Label>,
    /// Background: value, basis and amendments may still be changed.
    pub(super) free: bool,
}

impl Contract {
    /// Sets initial and current value.
    pub(super) fn value(&mut self, cents: Cents) {
        self.initial = cents;
        self.current = cents;
    }

    /// Buys that line.
    pub(super) fn buys(&mut self, line: Line, random: &mut Random) {
        self.object = self.kind.object(line.thing, random.pick(&vocabulary::ENDINGS));
        self.main_item = Some(line.item.to_owned());
    }

    /// Signed that day and in force from then for so many days. The publication follows the signature
    /// within three weeks, and lies in a month that there is a file of.
    pub(super) fn dated(&mut self, signed: NaiveDate, days: i64, random: &mut Random) {
        self.signed = Some(signed);
        let earliest = signed.max(FIRST_MONTH);
        let slack = (LAST_DAY - earliest).num_days();
        self.published = earliest + TimeDelta::days(random.between(0, slack.min(20)));
        self.start = signed;
        self.end = Some(signed + TimeDelta::days(days));
    }

    /// Signed another day, and in force from then for as long as before.
    pub(super) fn moved(&mut self, signed: NaiveDate, random: &mut Random) {
        let days = self.end.map_or(365, |end| (end - self.start).num_days());
        self.dated(signed, days, random);
    }

    /// Adds a label of which it is the only row.
    pub(super) fn label(&mut self, detector: &'static str, expected: Expected, group: String, note: &'static str) {
        self.labels.push(Label { detector, expected, group, note, first: true });
    }

    /// Year that its number ends in.
    pub(super) fn year(&self) -> i32 {
        self.signed.unwrap_or(self.published).year()
    }
}

/// Labels rows that stand for one subject.
pub(super) fn label_together<'a>(
    contracts: impl IntoIterator<Item = &'a mut Contract>,
    detector: &'static str,
    expected: Expected,
    group: &str,
    note: &'static str,
) {
    for (place, contract) in contracts.into_iter().enumerate() {
        contract.labels.push(Label { detector, expected, group: group.to_owned(), note, first: place == 0 });
    }
}

/// A day that is known to exist.
pub(super) const fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    match NaiveDate::from_ymd_opt(year, month, day) {
        Some(date) => date,
        None => NaiveDate::MIN,
    }
}

/// First day of the first month that there is a file of: what a year that ends in December 2023 needs.
pub(super) const FIRST_MONTH: NaiveDate = day(2023, 1, 1);
/// First day of background signatures: the twelve months that end on [`LAST_DAY`] hold them all.
pub(super) const FIRST_DAY: NaiveDate = day(2023, 2, 1);
/// First day of the last month that there is a file of.
pub(super) const LAST_MONTH: NaiveDate = day(2024, 1, 1);
/// Last day of that month.
pub(super) const LAST_DAY: NaiveDate = day(2024, 1, 31);
