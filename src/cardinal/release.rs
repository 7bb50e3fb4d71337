//! What the indicators read of a compiled release. A field of a wrong type is as good as missing;
//! of a key that repeats, the last counts.

use std::ops::Range;

use super::scan::{Invalid, Scanner, Text};

/// The parts of one compiled release.
#[derive(Debug, Default)]
pub(super) struct Release<'a> {
    pub(super) ocid: Option<Text<'a>>,
    pub(super) buyer: Option<Text<'a>>,
    /// Where it is an object.
    pub(super) tender: Option<Tender<'a>>,
    bids: Option<Range<usize>>,
    awards: Option<Range<usize>>,
    all_bids: Vec<Bid<'a>>,
    all_awards: Vec<Award<'a>>,
    ids: Vec<Option<Text<'a>>>,
    codes: Vec<Text<'a>>,
}

#[derive(Debug, Default)]
pub(super) struct Tender<'a> {
    pub(super) cancelled: bool,
    pub(super) method: Option<Text<'a>>,
    pub(super) details: Option<Text<'a>>,
    pub(super) one_tenderer: bool,
    pub(super) start: Option<Text<'a>>,
    pub(super) end: Option<Text<'a>>,
    pub(super) procuring_entity: Option<Text<'a>>,
}

#[derive(Debug, Default)]
pub(super) struct Bid<'a> {
    pub(super) status: Option<Text<'a>>,
    pub(super) date: Option<Text<'a>>,
    /// `value.amount` where it is a number that a double can hold.
    pub(super) amount: Option<f64>,
    pub(super) currency: Option<Text<'a>>,
    /// Where `tenderers` is an array: its places in [`Release::ids`].
    pub(super) tenderers: Option<Range<usize>>,
}

#[derive(Debug, Default)]
pub(super) struct Award<'a> {
    pub(super) status: Option<Text<'a>>,
    /// Where `suppliers` is an array: its places in [`Release::ids`].
    pub(super) suppliers: Option<Range<usize>>,
    items: Option<Range<usize>>,
}

impl<'a> Release<'a> {
    /// Reads a line; `false` if it is JSON but no object.
    pub(super) fn read(&mut self, line: &'a str) -> Result<bool, Invalid> {
        self.ocid = None;
        self.buyer = None;
        self.tender = None;
        self.bids = None;
        self.awards = None;
        self.all_bids.clear();
        self.all_awards.clear();
        self.ids.clear();
        self.codes.clear();
        let mut scanner = Scanner::new(line);
        let object = scanner.object(|scanner, key| {
            match &**key {
                "ocid" => self.ocid = scanner.text()?,
                "buyer" => self.buyer = id(scanner)?,
                "tender" => self.tender = tender(scanner)?,
                "bids" => self.read_bids(scanner)?,
                "awards" => self.read_awards(scanner)?,
                _ => scanner.skip()?,
            }
            Ok(())
        })?;
        scanner.end()?;
        Ok(object)
    }

    /// The ids of all tenderers and suppliers, one for each element of their lists: `None` where it has no text as its id.
    pub(super) fn ids(&self) -> &[Option<Text<'a>>] {
        &self.ids
    }

    /// The ids of the classifications of the items of an award, where `items` is an array.
    pub(super) fn classifications(&self, award: &Award<'a>) -> Option<&[Text<'a>]> {
        Some(&self.codes[award.items.clone()?])
    }

    /// `bids.details` where it is an array.
    pub(super) fn bids(&self) -> Option<&[Bid<'a>]> {
        Some(&self.all_bids[self.bids.clone()?])
    }

    /// `awards` where it is an array.
    pub(super) fn awards(&self) -> Option<&[Award<'a>]> {
        Some(&self.all_awards[self.awards.clone()?])
    }

    fn read_bids(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Invalid> {
        self.bids = None;
        scanner.object(|scanner, key| {
            if key != "details" {
                return scanner.skip();
            }
            let from = self.all_bids.len();
            let array = scanner.array(|scanner| {
                let bid = read_bid(scanner, &mut self.ids)?;
                self.all_bids.push(bid);
                Ok(())
            })?;
            self.bids = array.then_some(from..self.all_bids.len());
            Ok(())
        })?;
        Ok(())
    }

    fn read_awards(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Invalid> {
        let from = self.all_awards.len();
        let array = scanner.array(|scanner| {
            let award = read_award(scanner, &mut self.ids, &mut self.codes)?;
            self.all_awards.push(award);
            Ok(())
        })?;
        self.awards = array.then_some(from..self.all_awards.len());
        Ok(())
    }
}

/// `id` of the next value, where it is an object and its id is text.
fn id<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Text<'a>>, Invalid> {
    let mut id = None;
    scanner.object(|scanner, key| {
        if key == "id" {
            id = scanner.text()?;
            Ok(())
        } else {
            scanner.skip()
        }
    })?;
    Ok(id)
}

/// The ids of the elements of the next value, where it is an array.
fn ids<'a>(scanner: &mut Scanner<'a>, all: &mut Vec<Option<Text<'a>>>) -> Result<Option<Range<usize>>, Invalid> {
    let from = all.len();
    let array = scanner.array(|scanner| {
        let id = id(scanner)?;
        all.push(id);
        Ok(())
    })?;
    Ok(array.then_some(from..all.len()))
}

fn tender<'a>(scanner: &mut Scanner<'a>) -> Result<Option<Tender<'a>>, Invalid> {
    let mut tender = Tender::default();
    let object = scanner.object(|scanner, key| {
        match &**key {
            "status" => tender.cancelled = scanner.text()?.is_some_and(|status| status == "cancelled"),
            "procurementMethod" => tender.method = scanner.text()?,
            "procurementMethodDetails" => tender.details = scanner.text()?,
            // A whole number without fraction or exponent: 1.0 is not meant.
            "numberOfTenderers" => tender.one_tenderer = scanner.number()? == Some("1"),
            "tenderPeriod" => {
                (tender.start, tender.end) = (None, None);
                scanner.object(|scanner, key| {
                    match &**key {
                        "startDate" => tender.start = scanner.text()?,
                        "endDate" => tender.end = scanner.text()?,
                        _ => scanner.skip()?,
                    }
                    Ok(())
                })?;
            }
            "procuringEntity" => tender.procuring_entity = id(scanner)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(object.then_some(tender))
}

fn read_bid<'a>(scanner: &mut Scanner<'a>, all: &mut Vec<Option<Text<'a>>>) -> Result<Bid<'a>, Invalid> {
    let mut bid = Bid::default();
    scanner.object(|scanner, key| {
        match &**key {
            "status" => bid.status = scanner.text()?,
            "date" => bid.date = scanner.text()?,
            "value" => {
                (bid.amount, bid.currency) = (None, None);
                scanner.object(|scanner, key| {
                    match &**key {
                        "amount" => bid.amount = scanner.number()?.and_then(double),
                        "currency" => bid.currency = scanner.text()?,
                        _ => scanner.skip()?,
                    }
                    Ok(())
                })?;
            }
            "tenderers" => bid.tenderers = ids(scanner, all)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(bid)
}

fn read_award<'a>(
    scanner: &mut Scanner<'a>,
    all: &mut Vec<Option<Text<'a>>>,
    codes: &mut Vec<Text<'a>>,
) -> Result<Award<'a>, Invalid> {
    let mut award = Award::default();
    scanner.object(|scanner, key| {
        match &**key {
            "status" => award.status = scanner.text()?,
            "suppliers" => award.suppliers = ids(scanner, all)?,
            "items" => {
                let from = codes.len();
                let array = scanner.array(|scanner| {
                    let mut code = None;
                    scanner.object(|scanner, key| {
                        if key == "classification" {
                            code = id(scanner)?;
                            Ok(())
                        } else {
                            scanner.skip()
                        }
                    })?;
                    codes.extend(code);
                    Ok(())
                })?;
                award.items = array.then_some(from..codes.len());
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(award)
}

/// The double nearest to a number; none if it is beyond all of them.
pub(super) fn double(digits: &str) -> Option<f64> {
    digits.parse().ok().filter(|value: &f64| value.is_finite())
}
