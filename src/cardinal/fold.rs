//! What the indicators note of each release. Definitions: `docs/cardinal.md`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use chrono::DateTime;

use super::currency::Main;
use super::names::{Map, Names, at};
use super::release::{Award, Bid, Release, Tender};
use super::scan::Text;
use super::settings::{MethodDetails, Settings};

/// Place of a line in its file: later lines are greater.
pub(super) type Place = (u64, u64);

/// Indicators that are decided by one release alone, as bits.
pub(super) mod code {
    pub(in super::super) const R003: u8 = 1;
    pub(in super::super) const R018: u8 = 1 << 1;
    pub(in super::super) const R028: u8 = 1 << 2;
    pub(in super::super) const R030: u8 = 1 << 3;
    pub(in super::super) const R035: u8 = 1 << 4;
    pub(in super::super) const R036: u8 = 1 << 5;
}

/// A share of things: those that count of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) part: u64,
    pub(super) of: u64,
}

impl Share {
    pub(super) fn ratio(self) -> f64 {
        self.part as f64 / self.of as f64
    }

    fn add(&mut self, part: u64, of: u64) {
        self.part += part;
        self.of += of;
    }
}

/// What a process is flagged for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) codes: u8,
    /// The value of R035 and the line it is of.
    pub(super) r035: (Place, usize),
}

/// The difference between the winning bid and the next, as a share of the winning bid; tenderers by number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    pub(super) place: Place,
    pub(super) ratio: f64,
    pub(super) winner: u32,
    pub(super) runner_up: u32,
}

/// What is noted of a tenderer or supplier.
#[derive(Debug, Default)]
pub(super) struct Tenderer {
    pub(super) codes: u8,
    pub(super) wins: Share,
    pub(super) disqualified: Share,
    pub(super) supplied: Option<Box<Supplied>>,
}

/// What a supplier supplied: processes, and kinds of items.
#[derive(Debug, Default)]
pub(super) struct Supplied {
    pub(super) processes: u64,
    pub(super) codes: BTreeSet<Box<str>>,
}

/// Organizations by process.
pub(super) type Sets = Map<Box<str>, BTreeSet<Box<str>>>;

/// An organization of each process, of the last line that has one.
pub(super) type Last = Map<Box<str>, (Place, Box<str>)>;

/// What was noted. Two parts of a file may be noted apart and merged in any order.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) processes: Map<Box<str>, Flags>,
    pub(super) tenderers: Names<Tenderer>,
    pub(super) gaps: Map<Box<str>, Gap>,
    pub(super) disqualified_by_buyer: Map<Box<str>, Share>,
    pub(super) disqualified_by_entity: Map<Box<str>, Share>,
    pub(super) map_buyer_r038: Last,
    pub(super) map_entity_r038: Last,
    pub(super) map_tenderer: Sets,
    pub(super) map_tenderer_r028: Sets,
    pub(super) map_tenderer_r030: Sets,
    pub(super) map_tenderer_r035: Sets,
    /// Bids that were left out for want of the main currency, by theirs.
    pub(super) other_currencies: BTreeMap<Box<str>, u64>,
    /// Kept for its memory alone.
    numbers: Vec<Option<u32>>,
}

fn put(map: &mut Sets, ocid: &str, id: &str) {
    at(map, ocid, |ids: &mut BTreeSet<Box<str>>| {
        if !ids.contains(id) {
            ids.insert(id.into());
        }
    });
}

fn put_last(map: &mut Last, ocid: &str, place: Place, id: &str) {
    match map.get_mut(ocid) {
        Some(last) if last.0 > place => {}
        Some(last) => *last = (place, id.into()),
        None => {
            map.insert(ocid.into(), (place, id.into()));
        }
    }
}

/// The awards that are final and complete; `None` if one is not final yet, or there are no lists of awards and bids.
struct Complete<'r, 'a> {
    awards: Vec<&'r Award<'a>>,
    bids: &'r [Bid<'a>],
}

impl<'r, 'a> Complete<'r, 'a> {
    fn of(release: &'r Release<'a>) -> Option<Self> {
        let (awards, bids) = (release.awards()?, release.bids()?);
        let mut complete = Vec::new();
        for award in awards {
            match award.status.as_deref() {
                Some("active") => complete.push(award),
                None | Some("cancelled" | "unsuccessful") => {}
                Some(_) => return None,
            }
        }
        Some(Self { awards: complete, bids })
    }

    /// The one supplier of the one award.
    fn supplier(&self, who: Who<'_>) -> Option<u32> {
        match self.awards[..] {
            [award] => who.sole(award.suppliers.as_ref()),
            _ => None,
        }
    }
}

/// The numbers of the tenderers and suppliers of a release, at the places of their ids.
#[derive(Debug, Clone, Copy)]
struct Who<'w>(&'w [Option<u32>]);

impl<'w> Who<'w> {
    /// Who has the one element of a list.
    fn sole(self, list: Option<&Range<usize>>) -> Option<u32> {
        match self.0[list?.clone()] {
            [who] => who,
            _ => None,
        }
    }

    /// All of a list; none if there is no list.
    fn each(self, list: Option<&Range<usize>>) -> impl Iterator<Item = u32> + use<'w> {
        self.0[list.cloned().unwrap_or_default()].iter().flatten().copied()
    }

    fn set(self, list: Option<&Range<usize>>) -> BTreeSet<u32> {
        self.each(list).collect()
    }
}

fn is(text: Option<&Text<'_>>, wanted: &str) -> bool {
    text.is_some_and(|text| text == wanted)
}

fn valid(bid: &Bid<'_>) -> bool {
    is(bid.status.as_ref(), "valid")
}

fn disqualified(bid: &Bid<'_>) -> bool {
    is(bid.status.as_ref(), "disqualified")
}

/// Bids with a status other than that they were invited for or withdrawn.
fn submitted<'r, 'a>(release: &'r Release<'a>) -> impl Iterator<Item = &'r Bid<'a>> {
    let bids = release.bids().unwrap_or_default();
    bids.iter().filter(|bid| bid.status.as_ref().is_some_and(|status| status != "invited" && status != "withdrawn"))
}

impl MethodDetails {
    /// Whether prices of this process may be compared.
    fn allow(&self, details: Option<&Text<'_>>) -> bool {
        match details {
            Some(details) if self.only.is_empty() => !self.not.contains(&**details),
            Some(details) => self.only.contains(&**details),
            None => self.only.is_empty(),
        }
    }
}

/// A release and what all indicators want of it.
struct Line<'r, 'a> {
    release: &'r Release<'a>,
    complete: Option<Complete<'r, 'a>>,
    who: Who<'r>,
    ocid: &'r str,
    place: Place,
    map: bool,
}

impl Notes {
    /// Notes one release.
    pub(super) fn add(
        &mut self,
        settings: &Settings,
        map: bool,
        release: &Release<'_>,
        place: Place,
        main: &mut Main<'_>,
    ) {
        let Some(ocid) = release.ocid.as_deref() else { return };
        let tender = release.tender.as_ref();
        let details = tender.and_then(|tender| tender.details.as_ref());
        if tender.is_some_and(|tender| tender.cancelled)
            || details.is_some_and(|details| settings.exclude.contains(&**details))
        {
            return;
        }
        if let Some(tender) = tender {
            self.tender(settings, tender, ocid);
        }
        if !settings.needs_bids() {
            return;
        }
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.clear();
        numbers.extend(release.ids().iter().map(|id| id.as_deref().map(|id| self.tenderers.number(id))));
        let line = Line { release, complete: Complete::of(release), who: Who(&numbers), ocid, place, map };
        self.add_bids(settings, &line, settings.compare.allow(details), main);
        self.numbers = numbers;
    }

    fn add_bids(&mut self, settings: &Settings, line: &Line<'_, '_>, comparable: bool, main: &mut Main<'_>) {
        if line.map && (settings.r025.is_some() || settings.r038.is_some() || settings.r048.is_some()) {
            for who in submitted(line.release).flat_map(|bid| line.who.each(bid.tenderers.as_ref())) {
                put(&mut self.map_tenderer, line.ocid, self.tenderers.name(who));
            }
        }
        // The order matters: the first that looks at a currency makes it the main one.
        if comparable && (settings.r024.is_some() || settings.r058.is_some()) {
            self.gap(line, main);
        }
        if settings.r025.is_some() {
            self.wins(line);
        }
        if comparable && settings.r028 {
            self.identical_prices(line);
        }
        if settings.r030 {
            self.late_bid(line);
        }
        if let Some(threshold) = settings.r035 {
            self.all_but_winner(line, threshold);
        }
        if comparable && settings.r036 {
            self.lowest_disqualified(line, main);
        }
        if settings.r038.is_some() {
            self.disqualified(line);
        }
        if let Some(setting) = &settings.r048 {
            self.supplied(line, setting.digits);
        }
    }

    fn flag(&mut self, ocid: &str, code: u8) {
        at(&mut self.processes, ocid, |flags: &mut Flags| flags.codes |= code);
    }

    fn foreign(&mut self, currency: &str) {
        match self.other_currencies.get_mut(currency) {
            Some(count) => *count += 1,
            None => {
                self.other_currencies.insert(currency.into(), 1);
            }
        }
    }

    /// R024 and R058: the lowest bid of the winner and the lowest of the others.
    fn gap(&mut self, line: &Line<'_, '_>, main: &mut Main<'_>) {
        let Some(complete) = &line.complete else { return };
        let Some(supplier) = complete.supplier(line.who) else { return };
        let mut winner: Option<(f64, u32)> = None;
        let mut runner_up: Option<(f64, u32)> = None;
        for bid in complete.bids.iter().filter(|bid| valid(bid)) {
            let (Some(amount), Some(currency)) = (bid.amount, &bid.currency) else { continue };
            let Some(tenderer) = line.who.sole(bid.tenderers.as_ref()) else { continue };
            if !main.is(currency) {
                self.foreign(currency);
                continue;
            }
            let side = if tenderer == supplier { &mut winner } else { &mut runner_up };
            if side.is_none_or(|(lowest, _)| amount < lowest) {
                *side = Some((amount, tenderer));
            }
        }
        let (Some((low, winner)), Some((next, runner_up))) = (winner, runner_up) else { return };
        // If the lowest bid did not win, the price alone was not the criterion.
        if next >= low {
            let gap = Gap { place: line.place, ratio: (next - low) / low, winner, runner_up };
            keep_last(&mut self.gaps, line.ocid, gap);
        }
    }

    /// R003 and R018.
    fn tender(&mut self, settings: &Settings, tender: &Tender<'_>, ocid: &str) {
        let among = |methods: &HashSet<String>| {
            methods.is_empty() || tender.method.as_ref().is_some_and(|method| methods.contains(&**method))
        };
        if let Some(setting) = &settings.r003
            && among(&setting.methods)
            && let (Some(start), Some(end)) = (&tender.start, &tender.end)
            && let (Ok(start), Ok(end)) = (DateTime::parse_from_rfc3339(start), DateTime::parse_from_rfc3339(end))
        {
            let own = tender.details.as_ref().and_then(|details| setting.days_by_details.get(&**details));
            if (end - start).num_days() < *own.unwrap_or(&setting.days) {
                self.flag(ocid, code::R003);
            }
        }
        if let Some(methods) = &settings.r018
            && tender.one_tenderer
            && among(methods)
        {
            self.flag(ocid, code::R018);
        }
    }

    /// R025: in how many processes each tenderer bid, and won.
    fn wins(&mut self, line: &Line<'_, '_>) {
        let Some(complete) = &line.complete else { return };
        let Some(supplier) = complete.supplier(line.who) else { return };
        let bids = complete.bids.iter().filter(|bid| valid(bid));
        let tenderers: BTreeSet<u32> = bids.filter_map(|bid| line.who.sole(bid.tenderers.as_ref())).collect();
        for tenderer in tenderers {
            self.tenderers.of(tenderer).wins.add(u64::from(tenderer == supplier), 1);
        }
    }

    /// R028: the same price of other tenderers; of each price, a bid is held against the one before it.
    fn identical_prices(&mut self, line: &Line<'_, '_>) {
        let mut prices: Vec<(u64, &str, usize, &Bid<'_>)> = Vec::new();
        for bid in submitted(line.release) {
            if let (Some(amount), Some(currency)) = (bid.amount, &bid.currency)
                && line.who.each(bid.tenderers.as_ref()).next().is_some()
            {
                // Both zeros are the same price.
                prices.push(((amount + 0.0).to_bits(), currency, prices.len(), bid));
            }
        }
        prices.sort_unstable_by_key(|(amount, currency, order, _)| (*amount, *currency, *order));
        for pair in prices.windows(2) {
            let [(amount, currency, _, before), (other_amount, other_currency, _, bid)] = pair else { continue };
            if amount != other_amount || currency != other_currency {
                continue;
            }
            let (before, ids) = (line.who.set(before.tenderers.as_ref()), line.who.set(bid.tenderers.as_ref()));
            if before != ids {
                self.flag(line.ocid, code::R028);
                for who in ids.union(&before) {
                    self.tenderers.of(*who).codes |= code::R028;
                    if line.map {
                        put(&mut self.map_tenderer_r028, line.ocid, self.tenderers.name(*who));
                    }
                }
            }
        }
    }

    /// R030: the dates are compared as text, as Cardinal does.
    fn late_bid(&mut self, line: &Line<'_, '_>) {
        let Some(deadline) = line.release.tender.as_ref().and_then(|tender| tender.end.as_ref()) else { return };
        let (Some(awards), Some(bids)) = (line.release.awards(), line.release.bids()) else { return };
        let late = bids.iter().filter(|bid| valid(bid) && bid.date.as_ref().is_some_and(|date| date > deadline));
        for who in late.flat_map(|bid| line.who.each(bid.tenderers.as_ref())) {
            let mut active = awards.iter().filter(|award| is(award.status.as_ref(), "active"));
            if active.any(|award| line.who.each(award.suppliers.as_ref()).any(|supplier| supplier == who)) {
                self.flag(line.ocid, code::R030);
                self.tenderers.of(who).codes |= code::R030;
                if line.map {
                    put(&mut self.map_tenderer_r030, line.ocid, self.tenderers.name(who));
                }
            }
        }
    }

    /// R035.
    fn all_but_winner(&mut self, line: &Line<'_, '_>, threshold: usize) {
        let Some(complete) = &line.complete else { return };
        let of = |which: fn(&Bid<'_>) -> bool| {
            let bids = complete.bids.iter().filter(move |bid| which(bid));
            bids.flat_map(|bid| line.who.each(bid.tenderers.as_ref()))
        };
        let mut winners = of(valid);
        let Some(winner) = winners.next() else { return };
        let suppliers = complete.awards.iter().flat_map(|award| line.who.each(award.suppliers.as_ref()));
        let mut suppliers = suppliers.peekable();
        if winners.any(|who| who != winner) || suppliers.peek().is_none() || suppliers.any(|who| who != winner) {
            return;
        }
        let losers: BTreeSet<u32> = of(disqualified).filter(|who| *who != winner).collect();
        if losers.len() < threshold {
            return;
        }
        at(&mut self.processes, line.ocid, |flags: &mut Flags| {
            flags.codes |= code::R035;
            flags.r035 = flags.r035.max((line.place, losers.len()));
        });
        self.tenderers.of(winner).codes |= code::R035;
        if line.map {
            put(&mut self.map_tenderer_r035, line.ocid, self.tenderers.name(winner));
        }
    }

    /// R036.
    fn lowest_disqualified(&mut self, line: &Line<'_, '_>, main: &mut Main<'_>) {
        let awards = line.release.awards().unwrap_or_default();
        if !awards.iter().any(|award| is(award.status.as_ref(), "active")) {
            return;
        }
        let (mut lowest, mut lowest_disqualified, mut any_valid) = (None, false, false);
        for bid in submitted(line.release) {
            let (Some(amount), Some(currency)) = (bid.amount, &bid.currency) else { continue };
            if !main.is(currency) {
                self.foreign(currency);
                continue;
            }
            if lowest.is_none_or(|lowest| amount < lowest) {
                lowest = Some(amount);
                lowest_disqualified = disqualified(bid);
            }
            any_valid |= valid(bid);
        }
        if any_valid && lowest_disqualified {
            self.flag(line.ocid, code::R036);
        }
    }

    /// R038.
    fn disqualified(&mut self, line: &Line<'_, '_>) {
        let mut all = Share::default();
        for bid in submitted(line.release) {
            let part = u64::from(disqualified(bid));
            all.add(part, 1);
            for who in line.who.each(bid.tenderers.as_ref()) {
                self.tenderers.of(who).disqualified.add(part, 1);
            }
        }
        if all.of == 0 {
            return;
        }
        let map = line.map && all.part > 0;
        if let Some(id) = line.release.buyer.as_deref() {
            at(&mut self.disqualified_by_buyer, id, |share: &mut Share| share.add(all.part, all.of));
            if map {
                put_last(&mut self.map_buyer_r038, line.ocid, line.place, id);
            }
        }
        if let Some(id) = line.release.tender.as_ref().and_then(|tender| tender.procuring_entity.as_deref()) {
            at(&mut self.disqualified_by_entity, id, |share: &mut Share| share.add(all.part, all.of));
            if map {
                put_last(&mut self.map_entity_r038, line.ocid, line.place, id);
            }
        }
    }

    /// R048.
    fn supplied(&mut self, line: &Line<'_, '_>, digits: usize) {
        let mut seen = BTreeSet::new();
        for award in line.release.awards().unwrap_or_default() {
            if !is(award.status.as_ref(), "active") {
                continue;
            }
            let Some(supplier) = line.who.sole(award.suppliers.as_ref()) else { continue };
            let Some(codes) = line.release.classifications(award).filter(|codes| !codes.is_empty()) else { continue };
            let supplied = self.tenderers.of(supplier).supplied.get_or_insert_default();
            supplied.processes += u64::from(seen.insert(supplier));
            for code in codes {
                let end = code.char_indices().nth(digits).map_or(code.len(), |(end, _)| end);
                if !supplied.codes.contains(&code[..end]) {
                    supplied.codes.insert(code[..end].into());
                }
            }
        }
    }

    /// Takes over what was noted of another part of the file.
    pub(super) fn merge(&mut self, other: Self) {
        for (ocid, flags) in other.processes {
            let own = self.processes.entry(ocid).or_default();
            own.codes |= flags.codes;
            own.r035 = own.r035.max(flags.r035);
        }
        let mut numbers = Vec::new();
        for (id, noted) in other.tenderers.into_entries() {
            let number = self.tenderers.number(&id);
            numbers.push(number);
            let own = self.tenderers.of(number);
            own.codes |= noted.codes;
            own.wins.add(noted.wins.part, noted.wins.of);
            own.disqualified.add(noted.disqualified.part, noted.disqualified.of);
            if let Some(supplied) = noted.supplied {
                let own = own.supplied.get_or_insert_default();
                own.processes += supplied.processes;
                own.codes.extend(supplied.codes);
            }
        }
        for (ocid, gap) in other.gaps {
            let own = |theirs: u32| numbers[theirs as usize];
            keep_last(&mut self.gaps, &ocid, Gap { winner: own(gap.winner), runner_up: own(gap.runner_up), ..gap });
        }
        for (own, other) in [
            (&mut self.disqualified_by_buyer, other.disqualified_by_buyer),
            (&mut self.disqualified_by_entity, other.disqualified_by_entity),
        ] {
            for (id, share) in other {
                own.entry(id).or_default().add(share.part, share.of);
            }
        }
        for (own, other) in
            [(&mut self.map_buyer_r038, other.map_buyer_r038), (&mut self.map_entity_r038, other.map_entity_r038)]
        {
            for (ocid, (place, id)) in other {
                put_last(own, &ocid, place, &id);
            }
        }
        for (own, other) in [
            (&mut self.map_tenderer, other.map_tenderer),
            (&mut self.map_tenderer_r028, other.map_tenderer_r028),
            (&mut self.map_tenderer_r030, other.map_tenderer_r030),
            (&mut self.map_tenderer_r035, other.map_tenderer_r035),
        ] {
            for (ocid, ids) in other {
                own.entry(ocid).or_default().extend(ids);
            }
        }
        for (currency, count) in other.other_currencies {
            *self.other_currencies.entry(currency).or_default() += count;
        }
    }
}

/// Of two lines with the same process, the later counts.
fn keep_last(gaps: &mut Map<Box<str>, Gap>, ocid: &str, gap: Gap) {
    match gaps.get_mut(ocid) {
        Some(old) if old.place > gap.place => {}
        Some(old) => *old = gap,
        None => {
            gaps.insert(ocid.into(), gap);
        }
    }
}
