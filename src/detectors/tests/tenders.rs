//! Tenders, their items and their bids, for the tests.

use chrono::{DateTime, Utc};

use super::{Cell, Data, batch, day, provenance, text};
use crate::model::{Table, check_tax_id, fold};
use chrono::NaiveDate;
use datafusion::arrow::array::RecordBatch;

pub(super) fn at(moment: &str) -> DateTime<Utc> {
    moment.parse().unwrap()
}

#[derive(Debug, Clone)]
pub(in crate::detectors) struct Tender {
    pub(super) id: String,
    pub(super) source: String,
    pub(super) object: String,
    pub(super) legal_basis: Option<String>,
    pub(super) modality: &'static str,
    pub(super) modality_name: String,
    pub(super) method: Option<&'static str>,
    pub(super) criterion: Option<String>,
    pub(super) category: Option<String>,
    pub(super) situation: Option<String>,
    pub(super) buyer: String,
    pub(super) buyer_name: String,
    pub(super) state: Option<String>,
    pub(super) published: Option<NaiveDate>,
    pub(super) opened: Option<NaiveDate>,
    pub(super) result: Option<NaiveDate>,
    pub(super) start: Option<DateTime<Utc>>,
    pub(super) end: Option<DateTime<Utc>>,
    pub(super) start_clock: Option<&'static str>,
    pub(super) end_clock: Option<&'static str>,
    pub(super) currency: Option<String>,
    /// Cents.
    pub(super) estimate: Option<i128>,
    /// Cents.
    pub(super) value: Option<i128>,
    pub(super) tenderers: Option<i64>,
}

impl Tender {
    /// An open tender for goods, decided.
    pub(super) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            source: "ocds:test".to_owned(),
            object: "Aquisição de material".to_owned(),
            legal_basis: None,
            modality: "concorrencia",
            modality_name: "Concorrência".to_owned(),
            method: Some("open"),
            criterion: None,
            category: Some("goods".to_owned()),
            situation: Some("complete".to_owned()),
            buyer: "100".to_owned(),
            buyer_name: "UNIDADE DE TESTE".to_owned(),
            state: None,
            published: None,
            opened: None,
            result: Some(day("2024-04-01")),
            start: Some(at("2024-03-01T12:00:00Z")),
            end: Some(at("2024-03-21T12:00:00Z")),
            start_clock: Some("zoned"),
            end_clock: Some("zoned"),
            currency: Some("BRL".to_owned()),
            estimate: Some(10_000_000),
            value: Some(9_000_000),
            tenderers: None,
        }
    }
}

#[derive(Debug, Clone)]
pub(in crate::detectors) struct TenderItem {
    pub(super) id: String,
    pub(super) tender: String,
    pub(super) lot: Option<String>,
    pub(super) description: String,
    pub(super) scheme: Option<String>,
    pub(super) class: Option<String>,
    pub(super) winner: Option<String>,
}

impl TenderItem {
    pub(super) fn of(tender: &str, number: usize) -> Self {
        Self {
            id: format!("{tender}-item-{number}"),
            tender: tender.to_owned(),
            lot: None,
            description: format!("ITEM {number}"),
            scheme: None,
            class: None,
            winner: None,
        }
    }
}

#[derive(Debug, Clone)]
pub(in crate::detectors) struct Bid {
    pub(super) id: String,
    pub(super) tender: String,
    pub(super) lot: Option<String>,
    pub(super) item: Option<String>,
    /// Key of the bidder; empty is nobody.
    pub(super) bidder: String,
    pub(super) time: Option<DateTime<Utc>>,
    pub(super) clock: Option<&'static str>,
    pub(super) currency: Option<String>,
    /// Cents.
    pub(super) amount: Option<i128>,
    pub(super) status: Option<String>,
    pub(super) won: Option<bool>,
}

impl Bid {
    /// A valid bid that did not win.
    pub(super) fn of(tender: &str, bidder: &str, cents: i128) -> Self {
        Self {
            id: format!("{tender}-bid-{bidder}-{cents}"),
            tender: tender.to_owned(),
            lot: None,
            item: None,
            bidder: bidder.to_owned(),
            time: None,
            clock: Some("zoned"),
            currency: Some("BRL".to_owned()),
            amount: Some(cents),
            status: Some("valid".to_owned()),
            won: Some(false),
        }
    }

    pub(super) fn won(mut self) -> Self {
        self.won = Some(true);
        self
    }

    pub(super) fn status(mut self, status: &str) -> Self {
        self.status = Some(status.to_owned());
        self
    }
}

/// Valid bids of these amounts by `f0`, `f1`, …, the first of which won.
pub(super) fn bids(tender: &str, cents: &[i128]) -> Vec<Bid> {
    let bid = |(place, cents): (usize, &i128)| Bid {
        won: Some(place == 0),
        id: format!("{tender}-bid-{place}"),
        ..Bid::of(tender, &format!("f{place}"), *cents)
    };
    cents.iter().enumerate().map(bid).collect()
}

/// One tender with its bids.
pub(super) fn tender(tender: Tender, bids: Vec<Bid>) -> Data {
    Data { tenders: vec![tender], bids, ..Data::default() }
}

fn key_name(bidder: &str) -> Option<String> {
    let name = bidder.split('~').next().filter(|name| !name.is_empty())?;
    Some(format!("EMPRESA {}", name.to_uppercase()))
}

impl Data {
    pub(super) fn tender_rows(&self) -> RecordBatch {
        let rows = self.tenders.iter().enumerate().map(|(at, one)| {
            let mut row = vec![
                text(&one.id),
                text("current"),
                Cell::Text(None),
                text(format!("number of {}", one.id)),
                Cell::Text(None),
                text(&one.object),
                text(fold(&one.object)),
                Cell::Text(one.legal_basis.clone()),
                text(one.modality),
                text(&one.modality_name),
                Cell::Text(one.method.map(str::to_owned)),
                Cell::Text(one.criterion.clone()),
                Cell::Text(one.category.clone()),
                Cell::Text(one.situation.clone()),
                Cell::Text(None),
                Cell::Text(None),
                Cell::Text(None),
                Cell::Text(None),
                Cell::Text(None),
                text(&one.buyer),
                text(&one.buyer_name),
                Cell::Text(one.state.clone()),
                Cell::Text(None),
                Cell::Day(one.published),
                Cell::Day(one.opened),
                Cell::Day(one.result),
                Cell::Moment(one.start),
                Cell::Moment(one.end),
                Cell::Text(one.currency.clone()),
                Cell::Number(one.estimate),
                Cell::Number(one.value),
                Cell::Count(one.tenderers),
                Cell::Text(one.start_clock.map(str::to_owned)),
                Cell::Text(one.end_clock.map(str::to_owned)),
            ];
            row.extend(provenance(&one.source, "tenders.jsonl", at));
            row
        });
        batch(Table::Tenders, rows.collect())
    }

    pub(super) fn tender_item_rows(&self) -> RecordBatch {
        let rows = self.tender_items.iter().enumerate().map(|(at, one)| {
            let mut row = vec![
                text(&one.id),
                text("current"),
                text(&one.tender),
                text("100"),
                Cell::Text(None),
                Cell::Text(one.lot.clone()),
                text(&one.description),
                text(fold(&one.description)),
                Cell::Text(one.scheme.clone()),
                Cell::Text(one.class.clone()),
                Cell::Text(None),
                Cell::Number(None),
                Cell::Number(None),
                Cell::Text(one.winner.clone()),
                Cell::Text(one.winner.clone()),
                Cell::Text(one.winner.clone()),
                Cell::Text(one.winner.clone()),
                Cell::Text(None),
                Cell::Number(None),
            ];
            row.extend(provenance("ocds:test", "tenders.jsonl", at));
            row
        });
        batch(Table::TenderItems, rows.collect())
    }

    pub(super) fn bid_rows(&self) -> RecordBatch {
        let rows = self.bids.iter().enumerate().map(|(at, one)| {
            let key = (!one.bidder.is_empty()).then(|| one.bidder.clone());
            let (kind, _, check) = check_tax_id(&one.bidder);
            let mut row = vec![
                text(&one.id),
                text("current"),
                text(&one.tender),
                text("100"),
                Cell::Text(one.lot.clone()),
                Cell::Text(one.item.clone()),
                Cell::Text(key.clone()),
                Cell::Text(key.clone()),
                Cell::Text(key),
                text(kind.as_str()),
                text(check.as_str()),
                // Without the tag of a case.
                Cell::Text(key_name(&one.bidder)),
                Cell::Moment(one.time),
                Cell::Text(one.currency.clone()),
                Cell::Number(one.amount),
                Cell::Text(one.status.clone()),
                Cell::Truth(one.won),
                Cell::Text(one.clock.map(str::to_owned)),
            ];
            row.extend(provenance("ocds:test", "tenders.jsonl", at));
            row
        });
        batch(Table::Bids, rows.collect())
    }
}
