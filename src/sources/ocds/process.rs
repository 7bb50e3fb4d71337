//! One compiled release as rows of the canonical tables.

use std::borrow::Cow;
use std::collections::HashSet;
use std::rc::Rc;

use super::super::pii::{PiiKey, mask_text};
use super::super::portal::modality;
use super::OcdsMap;
use super::json::View;
use super::parties::{Organisation, Parties, together};
use super::rows::{Origin, Rows, id_part};
use super::values::Tally;
use crate::lake::LakeError;
use crate::model::Table;

/// What every row of a process shares.
pub(super) struct Process<'a> {
    pub(super) release: View<'a>,
    pub(super) parties: Parties<'a>,
    pub(super) ocid: Cow<'a, str>,
    pub(super) tender_id: String,
    /// The tender, if the release tells of one.
    pub(super) tender: Option<View<'a>>,
    pub(super) buyer_id: String,
    pub(super) buyer_name: Cow<'a, str>,
    pub(super) object: Cow<'a, str>,
    pub(super) awards: Vec<Award<'a>>,
    pub(super) winners: Winners<'a>,
    pub(super) source: String,
    pub(super) origin: Origin<'a>,
}

/// An award.
pub(super) struct Award<'a> {
    pub(super) view: View<'a>,
    date: Option<View<'a>>,
    value: Option<View<'a>>,
    items: Option<View<'a>>,
    suppliers: Option<View<'a>>,
    pub(super) related_bid: Option<Cow<'a, str>>,
    pub(super) id: Option<Cow<'a, str>>,
    /// Whether it stands: neither pending, cancelled nor unsuccessful.
    pub(super) stands: bool,
    /// To whom, all of them together.
    pub(super) winner: Option<Rc<Organisation<'a>>>,
    pub(super) lots: Vec<Cow<'a, str>>,
}

impl<'a> Award<'a> {
    fn of(view: View<'a>, parties: &Parties<'a>, key: &PiiKey) -> Self {
        let [id, status, date, value, suppliers, items, related_bid, lot, several] = view.pick([
            "id",
            "status",
            "date",
            "value",
            "suppliers",
            "items",
            "relatedBid",
            "relatedLot",
            "relatedLots",
        ]);
        Self {
            view,
            date,
            value,
            items,
            suppliers,
            related_bid: text(related_bid),
            id: text(id),
            stands: text(status).is_none_or(|status| stands(&status)),
            winner: together(elements(suppliers).filter_map(|who| parties.organisation(who, key)).collect()),
            lots: lots(lot, several),
        }
    }
}

/// Which award is of an item or a lot; `None` where several are.
#[derive(Default)]
pub(super) struct Winners<'a> {
    items: OcdsMap<Cow<'a, str>, Option<usize>>,
    lots: OcdsMap<Cow<'a, str>, Option<usize>>,
}

impl<'a> Winners<'a> {
    fn of(awards: &[Award<'a>]) -> Self {
        let mut found = Self::default();
        let note = |map: &mut OcdsMap<Cow<'a, str>, Option<usize>>, key: Cow<'a, str>, place: usize| {
            map.entry(key).and_modify(|known| *known = known.filter(|known| *known == place)).or_insert(Some(place));
        };
        for (place, award) in awards.iter().enumerate().filter(|(_, award)| award.stands && award.winner.is_some()) {
            for item in elements(award.items).filter_map(|item| item.text_of("id")) {
                note(&mut found.items, item, place);
            }
            for lot in &award.lots {
                note(&mut found.lots, lot.clone(), place);
            }
        }
        found
    }
}

/// Writes the rows of a compiled release.
///
/// # Errors
/// If the rows do not fit their schemas.
pub(super) fn write<'a>(
    release: View<'a>,
    ocid: Cow<'a, str>,
    origin: Origin<'a>,
    rows: &mut Rows<'_>,
) -> Result<(), LakeError> {
    rows.ids.begin();
    let parties = Parties::of(release);
    let tender = release.get("tender").filter(|tender| tender.is_object());
    let tender_id = match id_part(&ocid) {
        id if id.starts_with("ocds-") => id.into_owned(),
        id => format!("ocds-{id}"),
    };
    let buyer = release
        .get("buyer")
        .or_else(|| parties.with_role("buyer"))
        .or_else(|| tender.and_then(|tender| tender.get("procuringEntity")))
        .or_else(|| parties.with_role("procuringEntity"));
    let buyer = buyer.and_then(|buyer| parties.organisation(buyer, origin.key));
    let (buyer_id, buyer_name) = buyer.map(|buyer| (buyer.id.clone(), buyer.name.clone())).unwrap_or_default();
    let awards = each_once(release.list("awards").map(|award| Award::of(award, &parties, origin.key)));
    let process = Process {
        release,
        // Buyers that are not named must not be taken for one.
        buyer_id: buyer_id.unwrap_or_else(|| format!("unknown:{tender_id}")),
        buyer_name: buyer_name.unwrap_or_default(),
        object: tender.map(title).unwrap_or_default(),
        source: format!("ocds:{}", prefix(&ocid).unwrap_or(origin.stem)),
        parties,
        ocid,
        tender_id,
        tender,
        winners: Winners::of(&awards),
        awards,
        origin,
    };
    process.write_tender(rows)?;
    process.write_bids(rows)?;
    process.write_contracts(rows)?;
    process.write_suppliers(rows)
}

/// The prefix of a publisher that an `ocid` begins with: `ocds-` and six letters or digits.
pub(super) fn prefix(ocid: &str) -> Option<&str> {
    let registered = ocid.get(5..11)?.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (ocid.starts_with("ocds-") && registered).then(|| &ocid[..11])
}

/// Awards, each id once: a list that names one again tells of the same award, the last time for good.
fn each_once<'a>(awards: impl Iterator<Item = Award<'a>>) -> Vec<Award<'a>> {
    let mut places: OcdsMap<Cow<'a, str>, usize> = OcdsMap::default();
    let mut once: Vec<Award<'a>> = Vec::new();
    for award in awards {
        let known = award.id.as_ref().and_then(|id| places.get(id)).and_then(|place| once.get_mut(*place));
        match known {
            Some(known) => *known = award,
            None => {
                if let Some(id) = &award.id {
                    places.insert(id.clone(), once.len());
                }
                once.push(award);
            }
        }
    }
    once
}

fn stands(status: &str) -> bool {
    !matches!(status.to_ascii_lowercase().as_str(), "pending" | "cancelled" | "unsuccessful")
}

/// Title and description, as far as the one does not say the other.
pub(super) fn title(of: View<'_>) -> Cow<'_, str> {
    let [title, description] = of.pick(["title", "description"]).map(text);
    let object = match (title, description) {
        (Some(title), Some(description)) if !title.contains(description.as_ref()) => {
            if description.contains(title.as_ref()) {
                description
            } else {
                Cow::Owned(format!("{title}. {description}"))
            }
        }
        (Some(text), _) | (None, Some(text)) => text,
        (None, None) => Cow::Borrowed(""),
    };
    without_cpfs(object)
}

/// One of the codes that the standard knows, in lower case.
fn code(of: Option<View<'_>>, known: &[&'static str]) -> Option<&'static str> {
    let text = of?.text()?;
    known.iter().find(|code| code.eq_ignore_ascii_case(&text)).copied()
}

const CATEGORIES: [&str; 3] = ["goods", "services", "works"];

pub(super) fn category(of: View<'_>) -> Option<&'static str> {
    code(of.get("mainProcurementCategory"), &CATEGORIES)
}

pub(super) fn masked(text: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    text.map(without_cpfs)
}

/// [`mask_text`] of a text that need not be copied.
fn without_cpfs(text: Cow<'_, str>) -> Cow<'_, str> {
    match mask_text(&text) {
        Cow::Owned(masked) => Cow::Owned(masked),
        Cow::Borrowed(_) => text,
    }
}

/// The elements of a member that may not be there.
pub(super) fn elements(list: Option<View<'_>>) -> impl Iterator<Item = View<'_>> {
    list.into_iter().flat_map(View::elements)
}

/// The text of a member that may not be there.
pub(super) fn text(member: Option<View<'_>>) -> Option<Cow<'_, str>> {
    member.and_then(View::text)
}

/// The amount of a value.
pub(super) fn amount(value: Option<View<'_>>) -> Option<View<'_>> {
    value.and_then(|value| value.get("amount"))
}

/// The code of the currency of a value, in upper case.
pub(super) fn currency(value: Option<View<'_>>) -> Option<Cow<'_, str>> {
    let text = value?.text_of("currency")?;
    let upper =
        if text.bytes().any(|byte| byte.is_ascii_lowercase()) { text.to_ascii_uppercase().into() } else { text };
    Some(without_cpfs(upper))
}

/// The lots that something is of, by its `relatedLot` and `relatedLots`; an item names one, a bid or an award may name
/// several.
pub(super) fn lots<'a>(one: Option<View<'a>>, several: Option<View<'a>>) -> Vec<Cow<'a, str>> {
    if one.is_none() && several.is_none() {
        return Vec::new();
    }
    text(one).into_iter().chain(elements(several).filter_map(View::text)).chain(text(several)).collect()
}

impl<'a> Process<'a> {
    fn write_tender(&self, rows: &mut Rows<'_>) -> Result<(), LakeError> {
        let Some(tender) = self.tender else { return Ok(()) };
        let tally = &mut rows.tally;
        let [number, details, method, entity, basis, published, opening, period, value, tenderers] = tender.pick([
            "id",
            "procurementMethodDetails",
            "procurementMethod",
            "procuringEntity",
            "legalBasis",
            "datePublished",
            "bidOpening",
            "tenderPeriod",
            "value",
            "tenderers",
        ]);
        let [criteria, status, count, category, items] =
            tender.pick(["awardCriteria", "status", "numberOfTenderers", "mainProcurementCategory", "items"]);
        let (details, method_text) = (text(details), text(method));
        let method = code(method, &["open", "selective", "limited", "direct"]);
        let modality_name = masked(details.or(method_text)).unwrap_or_default();
        let buyer = self.release.get("buyer").or(entity).map(|buyer| self.parties.party(buyer));
        let entity = entity.and_then(|entity| self.parties.organisation(entity, self.origin.key));
        let (organ_id, organ_name) = entity.map(|entity| (entity.id.clone(), entity.name.clone())).unwrap_or_default();
        let address = buyer.and_then(|buyer| buyer.get("address"));
        let place = |member: &str| masked(address.and_then(|address| address.text_of(member)));
        let legal_basis = basis
            .and_then(|basis| basis.text().or_else(|| basis.text_of("description")).or_else(|| basis.text_of("id")));
        let published = tally.day(published);
        let opened = tally.day(opening.and_then(|opening| opening.get("date")));
        let standing = || self.awards.iter().filter(|award| award.stands);
        let mut result = None;
        for award in standing() {
            result = result.max(tally.day(award.date));
        }
        let start = tally.moment(period.and_then(|period| period.get("startDate")));
        let end = tally.moment(period.and_then(|period| period.get("endDate")));
        let estimated = tally.money(amount(value));
        let mut awarded = None;
        let mut award_currency = None;
        let mut mixed = false;
        for award in standing() {
            let Some(value) = tally.money(amount(award.value)) else { continue };
            let own = currency(award.value);
            mixed |= awarded.is_some() && own != award_currency;
            award_currency = own;
            awarded = Some(awarded.unwrap_or(0) + value);
        }
        let own_currency = currency(value).filter(|_| estimated.is_some());
        if let (Some(own), Some(awards)) = (&own_currency, &award_currency) {
            mixed |= own != awards;
        }
        let awarded = awarded.filter(|value: &i128| !mixed && value.abs() <= crate::model::Money::MAX_CENTS);
        let stated = tally.count(count);
        let listed = elements(tenderers).filter_map(|who| self.parties.organisation(who, self.origin.key));
        let mut listed: Vec<_> = listed.map(|who| who.reference.clone()).collect();
        listed.sort_unstable();
        listed.dedup();
        let listed = i64::try_from(listed.len()).ok().filter(|count| *count > 0);
        let folded = rows.folds.of(&self.object);
        rows.add(Table::Tenders, &self.tender_id, &self.source, self.origin, |out| {
            out.text(&self.ocid)
                .optional_text(masked(text(number)).as_deref())
                .optional_text(None)
                .text(&self.object)
                .text(&folded)
                .optional_text(masked(legal_basis).as_deref())
                .text(modality(&modality_name).as_str())
                .text(&modality_name)
                .optional_text(method)
                .optional_text(masked(text(criteria)).as_deref())
                .optional_text(code(category, &CATEGORIES))
                .optional_text(masked(text(status)).as_deref())
                .optional_text(None)
                .optional_text(None)
                .optional_text(None)
                .optional_text(organ_id.as_deref())
                .optional_text(organ_name.as_deref())
                .text(&self.buyer_id)
                .text(&self.buyer_name)
                .optional_text(place("region").as_deref())
                .optional_text(place("locality").as_deref())
                .day(published)
                .day(opened)
                .day(result)
                .moment(start.map(|moment| moment.at))
                .moment(end.map(|moment| moment.at))
                .optional_text(own_currency.or(award_currency).as_deref())
                .decimal(estimated)
                .decimal(awarded)
                .optional_integer(stated.or(listed))
                .optional_text(start.map(|moment| moment.clock.as_str()))
                .optional_text(end.map(|moment| moment.clock.as_str()));
        })?;
        self.write_tender_items(items, rows)
    }

    fn write_tender_items(&self, items: Option<View<'a>>, rows: &mut Rows<'_>) -> Result<(), LakeError> {
        for (place, item) in elements(items).filter(|item| item.is_object()).enumerate() {
            let Item { id: number, description, scheme, code, unit, quantity, price, .. } =
                Item::of(item, &mut rows.tally);
            let [status, lot, several] = item.pick(["status", "relatedLot", "relatedLots"]);
            let lot = lots(lot, several).into_iter().next();
            let id = rows.ids.next(&self.tender_id, "item", &key_or_place(number.as_deref(), place));
            let folded = rows.folds.of(&description);
            let winner = self.winner(number.as_deref(), lot.as_deref());
            rows.add(Table::TenderItems, &id, &self.source, self.origin, |out| {
                out.text(&self.tender_id)
                    .text(&self.buyer_id)
                    .optional_text(masked(number).as_deref())
                    .optional_text(masked(lot).as_deref())
                    .text(&description)
                    .text(&folded)
                    .optional_text(scheme.as_deref())
                    .optional_text(masked(code).as_deref())
                    .optional_text(masked(unit).as_deref())
                    .decimal(quantity)
                    .decimal(price)
                    .optional_text(winner.and_then(|who| who.published.as_deref()))
                    .optional_text(winner.and_then(|who| who.id.as_deref()))
                    .optional_text(winner.and_then(|who| who.key.as_deref()))
                    .optional_text(winner.and_then(|who| who.name.as_deref()))
                    .optional_text(masked(text(status)).as_deref())
                    .decimal(None);
            })?;
        }
        Ok(())
    }

    /// Who won an item of the tender: whoever the one award is to that lists the item or is of its
    /// lot. Two such awards leave it open.
    fn winner(&self, item: Option<&str>, lot: Option<&str>) -> Option<&Organisation<'a>> {
        let listing = item.and_then(|item| self.winners.items.get(item));
        let award = listing.or_else(|| lot.and_then(|lot| self.winners.lots.get(lot)))?;
        award.and_then(|place| self.awards.get(place)).and_then(|award| award.winner.as_deref())
    }

    /// What the release says about those who bid or supply.
    fn write_suppliers(&self, rows: &mut Rows<'_>) -> Result<(), LakeError> {
        let bids = self.release.get("bids").filter(|bids| bids.is_object());
        let mut references: Vec<View<'a>> = self.parties.all_with_role("supplier").collect();
        references.extend(self.parties.all_with_role("tenderer"));
        references.extend(self.awards.iter().flat_map(|award| elements(award.suppliers)));
        references.extend(self.release.list("contracts").flat_map(|contract| contract.list("suppliers")));
        references.extend(self.tender.into_iter().flat_map(|tender| tender.list("tenderers")));
        references.extend(bids.into_iter().flat_map(|bids| bids.list("details")).flat_map(|bid| bid.list("tenderers")));
        let mut seen: HashSet<String> = HashSet::new();
        for reference in references {
            let Some(who) = self.parties.first_mention(reference, self.origin.key) else { continue };
            let Some(key) = &who.key else { continue };
            if rows.has_supplier(key) || seen.contains(key) {
                continue;
            }
            let party = self.parties.party(reference);
            // Where a natural person lives is nobody's business.
            let known = Some(party).filter(|_| who.kind != crate::model::TaxIdKind::Cpf);
            let of = |part: &str, member: &str| {
                masked(known.and_then(|party| party.get(part)).and_then(|one| one.text_of(member)))
            };
            let details = party.get("details");
            rows.add(Table::Suppliers, key, &self.source, self.origin, |out| {
                out.text(key)
                    .text(who.kind.as_str())
                    .optional_text(who.name.as_deref())
                    .day(None)
                    .optional_text(None)
                    .day(None)
                    .optional_text(None)
                    .optional_text(masked(details.and_then(|details| details.text_of("scale"))).as_deref())
                    .decimal(None)
                    .optional_text(of("address", "region").as_deref())
                    .optional_text(of("address", "locality").as_deref())
                    .optional_text(of("address", "streetAddress").as_deref())
                    .optional_text(of("contactPoint", "telephone").as_deref())
                    .optional_text(of("contactPoint", "email").as_deref());
            })?;
            seen.insert(key.clone());
        }
        Ok(())
    }
}

/// What an item says, of a tender or of a contract.
pub(super) struct Item<'a> {
    pub(super) id: Option<Cow<'a, str>>,
    /// Its own, else that of its classification.
    pub(super) description: Cow<'a, str>,
    pub(super) scheme: Option<Cow<'a, str>>,
    pub(super) code: Option<Cow<'a, str>>,
    /// Description of its classification.
    pub(super) classified: Option<Cow<'a, str>>,
    unit: Option<Cow<'a, str>>,
    pub(super) quantity: Option<i128>,
    pub(super) price: Option<i128>,
}

impl<'a> Item<'a> {
    pub(super) fn of(item: View<'a>, tally: &mut Tally) -> Self {
        let [id, description, classification, unit, quantity] =
            item.pick(["id", "description", "classification", "unit", "quantity"]);
        let classification = classification.map(|one| one.pick(["scheme", "id", "description"]));
        let [scheme, code, classified] = classification.unwrap_or_default().map(text);
        let [unit, value] = unit.map(|unit| unit.pick(["name", "value"])).unwrap_or_default();
        Self {
            id: text(id),
            description: masked(text(description).or_else(|| classified.clone())).unwrap_or_default(),
            scheme,
            code,
            classified,
            unit: text(unit),
            quantity: tally.quantity(quantity),
            price: tally.money(amount(value)),
        }
    }
}

/// A published id, or the place of what has none.
pub(super) fn key_or_place(id: Option<&str>, place: usize) -> Cow<'_, str> {
    match id.map(mask_text) {
        None => Cow::Owned(format!("_{}", place + 1)),
        Some(id) if id.contains('*') => Cow::Owned(id.replace('*', "x")),
        Some(id) => id,
    }
}
