//! Bids, and participations where nobody says with which bid.

use std::borrow::Cow;
use std::collections::HashSet;

use super::json::View;
use super::parties::{Organisation, together};
use super::process::{Process, amount, currency, elements, key_or_place, lots, masked, text};
use super::rows::Rows;
use super::values::Moment;
use crate::lake::LakeError;
use crate::model::Table;

/// What a bid says beside who made it.
#[derive(Debug, Default)]
struct Bid<'a> {
    lot: Option<Cow<'a, str>>,
    item: Option<Cow<'a, str>>,
    at: Option<Moment>,
    currency: Option<Cow<'a, str>>,
    value: Option<i128>,
    status: Option<Cow<'a, str>>,
    won: Option<bool>,
}

impl<'a> Process<'a> {
    pub(super) fn write_bids(&self, rows: &mut Rows<'_>) -> Result<(), LakeError> {
        let details: Vec<View<'a>> = match self.release.get("bids") {
            Some(bids) if bids.is_object() => bids.list("details").filter(|bid| bid.is_object()).collect(),
            _ => Vec::new(),
        };
        for (place, bid) in details.iter().enumerate() {
            let [number, date, value, status, tenderers, items, lot, lots_too] =
                bid.pick(["id", "date", "value", "status", "tenderers", "items", "relatedLot", "relatedLots"]);
            let tenderers = elements(tenderers).filter_map(|who| self.parties.organisation(who, self.origin.key));
            let who = together(tenderers.collect());
            let number = text(number);
            let lots = lots(lot, lots_too);
            let won = self.has_won(who.as_deref(), number.as_deref(), &lots);
            let mut items = elements(items).filter_map(|item| item.text_of("id"));
            let item = items.next().filter(|_| items.next().is_none());
            let at = rows.tally.moment(date);
            let (currency, value) = (currency(value), rows.tally.money(amount(value)));
            let id = rows.ids.next(&self.tender_id, "bid", &key_or_place(number.as_deref(), place));
            let bid = Bid {
                lot: masked(Some(lots.join("; ").into()).filter(|lots: &Cow<'_, str>| !lots.is_empty())),
                item: masked(item),
                at,
                currency,
                value,
                status: masked(text(status)),
                won,
            };
            self.write_bid(&id, who.as_deref(), &bid, rows)?;
        }
        if !details.is_empty() {
            return Ok(());
        }
        // Who took part, where nobody says with which bid.
        let mut tenderers: Vec<View<'a>> =
            self.tender.map(|tender| tender.list("tenderers").collect()).unwrap_or_default();
        if tenderers.is_empty() {
            tenderers = self.parties.all_with_role("tenderer").collect();
        }
        let mut seen: HashSet<Cow<'a, str>> = HashSet::new();
        for who in tenderers {
            let Some(who) = self.parties.organisation(who, self.origin.key) else { continue };
            if seen.contains(&who.reference) {
                continue;
            }
            let won = self.has_won(Some(&who), None, &[]);
            let id = rows.ids.next(
                &self.tender_id,
                "tenderer",
                &who.id.as_deref().unwrap_or(&who.reference).replace('*', "x"),
            );
            self.write_bid(&id, Some(&who), &Bid { won, ..Bid::default() }, rows)?;
            seen.insert(who.reference.clone());
        }
        Ok(())
    }

    fn write_bid(
        &self,
        id: &str,
        who: Option<&Organisation<'_>>,
        bid: &Bid<'_>,
        rows: &mut Rows<'_>,
    ) -> Result<(), LakeError> {
        rows.add(Table::Bids, id, &self.source, self.origin, |out| {
            out.text(&self.tender_id)
                .text(&self.buyer_id)
                .optional_text(bid.lot.as_deref())
                .optional_text(bid.item.as_deref())
                .optional_text(who.and_then(|who| who.published.as_deref()))
                .optional_text(who.and_then(|who| who.id.as_deref()))
                .optional_text(who.and_then(|who| who.key.as_deref()))
                .text(who.map_or("secret", |who| who.kind.as_str()))
                .text(who.map_or("not_applicable", |who| who.check.as_str()))
                .optional_text(who.and_then(|who| who.name.as_deref()))
                .moment(bid.at.map(|moment| moment.at))
                .optional_text(bid.currency.as_deref())
                .decimal(bid.value)
                .optional_text(bid.status.as_deref())
                .truth(bid.won)
                .optional_text(bid.at.map(|moment| moment.clock.as_str()));
        })
    }

    /// Whether a bid won; `None` where no award says who did.
    fn has_won(&self, who: Option<&Organisation<'_>>, bid: Option<&str>, of: &[Cow<'_, str>]) -> Option<bool> {
        let mut said = false;
        for award in self.awards.iter().filter(|award| award.stands) {
            if let Some(related) = &award.related_bid {
                said = true;
                if bid == Some(related) {
                    return Some(true);
                }
                continue;
            }
            if !of.is_empty() && !award.lots.is_empty() && !award.lots.iter().any(|lot| of.contains(lot)) {
                continue;
            }
            let Some(winner) = &award.winner else { continue };
            said = true;
            if who.is_some_and(|who| who.reference == winner.reference) {
                return Some(true);
            }
        }
        said.then_some(false)
    }
}
