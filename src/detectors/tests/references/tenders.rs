//! What the references read from a tender and its bids, and the check that no answer is left untried.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::super::differential::{Book, Reference, agree};
use super::super::tenders::{Bid, Tender, TenderItem};
use super::super::{Data, verdicts};
use crate::detectors::functions::{object_type, quantile8};
use crate::detectors::{Catalogue, DetectorRun};
use crate::model::fold;

pub(super) fn is_direct(tender: &Tender) -> bool {
    tender.method == Some("limited") || ["dispensa_licitacao", "inexigibilidade"].contains(&tender.modality)
}

pub(super) fn is_competitive(tender: &Tender) -> bool {
    tender.method == Some("open") || ["concorrencia", "pregao"].contains(&tender.modality)
}

pub(super) fn is_auction(tender: &Tender) -> bool {
    tender.modality == "pregao" || tender.modality_name == "Leilão eletrônico"
}

/// Of the random situations.
pub(super) const SITUATIONS: [&str; 5] = ["cancelled", "Anulada", "Revogado", "Licitação Deserta", "unsuccessful"];

pub(super) fn is_cancelled(tender: &Tender) -> bool {
    tender.situation.as_deref().is_some_and(|situation| SITUATIONS.contains(&situation))
}

/// A situation, seldom one that ends it.
pub(super) fn situation(rng: &mut StdRng) -> Option<String> {
    let situation = if rng.random_bool(0.05) { SITUATIONS.choose(rng).unwrap() } else { "complete" };
    rng.random_bool(0.9).then(|| situation.to_owned())
}

pub(super) fn is_brazilian(tender: &Tender) -> bool {
    tender.source.starts_with("portal:") || tender.currency.as_deref() == Some("BRL")
}

/// The day of a moment: in Brazil, three hours behind UTC. Midnight of UTC is a day without a time, and so is what
/// was published as one; what has no zone is of the day that it says.
fn day_of(tender: &Tender, moment: DateTime<Utc>, clock: Option<&str>) -> NaiveDate {
    let as_it_is = moment.time() == chrono::NaiveTime::MIN || clock == Some("local") || clock == Some("day");
    let hours = match clock {
        _ if as_it_is => 0,
        Some("zoned_day") => 13,
        _ if is_brazilian(tender) => -3,
        _ => 0,
    };
    (moment + TimeDelta::hours(hours)).date_naive()
}

/// The earlier of publication and beginning of the period.
pub(super) fn notice(tender: &Tender) -> Option<NaiveDate> {
    [tender.published, tender.start.map(|start| day_of(tender, start, tender.start_clock))].into_iter().flatten().min()
}

/// The last day for bids, else the day of the opening.
pub(super) fn deadline(tender: &Tender) -> Option<NaiveDate> {
    tender.end.map(|end| day_of(tender, end, tender.end_clock)).or(tender.opened)
}

/// Category, else what the object says.
pub(super) fn kind(tender: &Tender) -> Option<String> {
    let said = object_type(Some(&fold(&tender.object)), None).as_str();
    tender.category.clone().or_else(|| (said != "unknown").then(|| said.to_owned()))
}

/// First two digits of the class that the items have in common, else the kind.
pub(super) fn market(data: &Data, tender: &Tender) -> Option<String> {
    let of = data.tender_items.iter().filter(|item| item.tender == tender.id);
    let classes: BTreeSet<String> = of
        .filter(|item| item.scheme.as_deref().is_some_and(|scheme| ["CPV", "UNSPSC", "CPC"].contains(&scheme)))
        .filter_map(|item| Some(format!("{} {}", item.scheme.as_ref()?, &item.class.as_ref()?[..2])))
        .collect();
    if classes.len() == 1 { classes.into_iter().next() } else { kind(tender) }
}

pub(super) fn was_made(bid: &Bid) -> bool {
    !["withdrawn", "invited"].contains(&bid.status.as_deref().unwrap_or(""))
}

/// Bids that were made.
pub(super) fn made<'a>(data: &'a Data, tender: &Tender) -> Vec<&'a Bid> {
    data.bids.iter().filter(|bid| bid.tender == tender.id && was_made(bid)).collect()
}

pub(super) fn firms(bids: &[&Bid]) -> BTreeSet<String> {
    bids.iter().filter(|bid| !bid.bidder.is_empty()).map(|bid| bid.bidder.clone()).collect()
}

/// Tenders that are no direct awards.
pub(super) fn subjects(data: &Data) -> impl Iterator<Item = &Tender> {
    data.tenders.iter().filter(|tender| !is_direct(tender))
}

/// What was bid for.
pub(super) struct Lot<'a> {
    pub(super) tender: &'a Tender,
    pub(super) bids: Vec<&'a Bid>,
    /// The tender has lots, and these bids name none.
    pub(super) unstated: bool,
}

impl Lot<'_> {
    pub(super) fn valid(&self) -> Vec<&Bid> {
        self.bids.iter().filter(|bid| bid.status.as_deref() == Some("valid")).copied().collect()
    }

    /// Why prices of this lot cannot be compared, whatever is asked of them.
    pub(super) fn why(&self) -> Option<&'static str> {
        let priced: Vec<_> = self.bids.iter().filter(|bid| amount(bid).is_some()).collect();
        let currencies: BTreeSet<_> = priced.iter().map(|bid| &bid.currency).collect();
        if is_cancelled(self.tender) {
            Some("cancelled")
        } else if priced.is_empty() {
            Some("no_amount")
        } else if self.bids.iter().any(|bid| bid.status.is_none()) {
            Some("status_not_published")
        } else if self.valid().iter().any(|bid| amount(bid).is_none()) {
            Some("no_amount")
        } else if self.bids.iter().any(|bid| bid.bidder.is_empty()) {
            Some("bidder_unknown")
        } else if self.unstated {
            Some("lots_not_stated")
        } else if currencies.len() > 1 {
            Some("currencies_differ")
        } else {
            None
        }
    }
}

pub(super) fn amount(bid: &Bid) -> Option<i128> {
    bid.amount.filter(|amount| *amount > 0)
}

/// The lots that somebody bid for: a lot, an item, or the tender where bids name neither.
pub(super) fn lots(data: &Data) -> Vec<Lot<'_>> {
    let mut lots = Vec::new();
    for tender in subjects(data) {
        let mut by_lot: BTreeMap<(&Option<String>, &Option<String>), Vec<&Bid>> = BTreeMap::new();
        made(data, tender).into_iter().for_each(|bid| by_lot.entry((&bid.lot, &bid.item)).or_default().push(bid));
        let named: BTreeSet<_> = data
            .tender_items
            .iter()
            .filter(|item| item.tender == tender.id)
            .filter_map(|item| item.lot.as_ref())
            .collect();
        for ((lot, item), bids) in by_lot {
            let unstated = lot.is_none() && item.is_none() && named.len() > 1;
            lots.push(Lot { tender, bids, unstated });
        }
    }
    lots
}

/// A tender in two lots.
pub(super) fn in_two_lots(tender: &str) -> Vec<TenderItem> {
    let item = |number: usize| TenderItem { lot: Some(number.to_string()), ..TenderItem::of(tender, number) };
    vec![item(1), item(2)]
}

pub(super) fn quantile(mut values: Vec<f64>, p: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    quantile8(&values, p).unwrap()
}

pub(super) fn fire(book: &mut Book, tender: &Tender, severity: &str, amount: Option<i128>) {
    book.fire(severity, vec![tender.id.clone()], amount);
}

/// Compares the detectors with their references on several data sets, on which every answer that the headers
/// have must have been given.
pub(super) async fn agree_on_every_answer(sets: &[Data], references: &[(&str, Reference)]) {
    let mut given: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for data in sets {
        for run in agree(data, references).await {
            let DetectorRun { summary, .. } = &run;
            given.entry(summary.detector.id.clone()).or_default().extend(verdicts(&run).into_keys());
        }
    }
    let catalogue = Catalogue::builtin().unwrap();
    for (id, _) in references {
        let reasons = catalogue.get(id).unwrap().header.reasons.keys().map(String::as_str);
        let missing: Vec<_> =
            reasons.chain(["fired", "clear"]).filter(|answer| !given[*id].contains(*answer)).collect();
        assert!(missing.is_empty(), "{id} never answered {missing:?}");
    }
}
