//! The tenders that contracts came of, who took part in them, and what was committed for them, in the files of the
//! Portal; and tenders planted for what only several of them show.
//!
//! One buyer in [`EVERY`] publishes its tenders, so that the files stay small beside those of the contracts. The
//! background has five to eight bidders, nearly all drawn from the whole pool so that no two keep meeting, one state
//! with more winners than a group has, and twelve days from opening to result. No file of the Portal has amounts of bids
//! or their status, a notice or an estimate: what needs these is planted in the OCDS sample.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{Datelike, Days, Months, NaiveDate, TimeDelta};

use super::SampleError;
use super::buyer::Buyer;
use super::layout::{Labels, Output, modality, place};
use super::plan::LARGE_SAMPLE;
use super::record::{
    Cents, Contract, DECISION, Expected, FEW_BIDDERS, FIRST_MONTH, Kind, LAST_DAY, LAST_MONTH, PAYMENTS, ROTATION,
    SINGLE_BID, Supplier,
};
use super::register::{self, Shared};
use super::supplier::{self, Pool};
use super::vocabulary::{ENDINGS, GOODS, SERVICES, WORKS};
use crate::model::{Modality, Random};

/// Columns that every file of tenders begins with.
const KEY: [&str; 6] =
    ["Número Licitação", "Código UG", "Nome UG", "Código Modalidade Compra", "Modalidade Compra", "Número Processo"];
/// Further columns of `AAAAMM_Licitação.csv`.
pub(super) const TENDERS: [&str; 11] = [
    "Objeto",
    "Situação Licitação",
    "Código Órgão Superior",
    "Nome Órgão Superior",
    "Código Órgão",
    "Nome Órgão",
    "UF",
    "Município",
    "Data Resultado Compra",
    "Data Abertura",
    "Valor Licitação",
];
/// Further columns of `AAAAMM_ItemLicitação.csv`.
pub(super) const ITEMS: [&str; 8] = [
    "Código Órgão",
    "Nome Órgão",
    "Código Item Compra",
    "Descrição",
    "Quantidade Item",
    "Valor Item",
    "Código Vencedor",
    "Nome Vencedor",
];
/// Further columns of `AAAAMM_ParticipantesLicitação.csv`.
pub(super) const PARTICIPANTS: [&str; 7] = [
    "Código Órgão",
    "Nome Órgão",
    "Código Item Compra",
    "Descrição Item Compra",
    "Código Participante",
    "Nome Participante",
    "Flag Vencedor",
];
/// Further columns of `AAAAMM_EmpenhosRelacionados.csv`.
pub(super) const COMMITMENTS: [&str; 4] =
    ["Código Empenho", "Data Emissão Empenho", "Observação Empenho", "Valor Empenho (R$)"];

/// One buyer in so many publishes its tenders.
const EVERY: u64 = 10;
/// One competitive tender in so many holds a case, once there are peers.
const CASE_EVERY: u64 = 20;
/// Tenders of a market and of a modality after which a case has enough peers.
const PEERS: u64 = 40;
/// One tender in so many has commitments above its value.
const LARGE_COMMITMENT_EVERY: u64 = 25;
/// Contracts from which tenders are planted that only several of them show.
const GROUPS_FROM: u64 = 2_000;
/// Contracts for each such case more.
const GROUP_EVERY: u64 = 20_000;
/// The states of planted groups: the background is in another, and no group shares its own.
const STATES: [&str; 26] = [
    "AC", "AL", "AM", "AP", "BA", "CE", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR", "RJ", "RN",
    "RO", "RR", "RS", "SC", "SE", "SP", "TO",
];
/// Firms of a planted group, and how often each wins.
const FIRMS: usize = 3;
const WINS: usize = 8;
/// Tenders of a planted pair.
const MEETINGS: u64 = 8;
/// One auction in so many is decided slowly: more than one in twenty, which is what the detector asks.
const SLOW_EVERY: u64 = 12;
/// Days from the opening of a tender to its contract.
const LEAD: i64 = 40;

/// The files of one month.
#[derive(Debug)]
struct Month {
    tenders: Output,
    items: Output,
    participants: Output,
    commitments: Output,
}

/// What is planted in a tender of a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    SingleBidder,
    TwoBidders,
    FastDecision,
    SlowDecision,
    /// A near miss: a day more than a fast decision of an auction has.
    TwoDays,
}

impl Case {
    /// Days from the opening to the result.
    const fn days(case: Option<Self>) -> u64 {
        match case {
            Some(Self::FastDecision) => 0,
            Some(Self::TwoDays) => 2,
            Some(Self::SlowDecision) => 38,
            _ => 12,
        }
    }
}

/// A tender on its way to the files.
struct Tender<'a> {
    /// Code and name of the unit.
    unit: (&'a str, &'a str),
    organ: (&'a str, &'a str),
    superior: (&'a str, &'a str),
    number: String,
    modality: Modality,
    object: &'a str,
    state: &'a str,
    municipality: &'a str,
    opened: NaiveDate,
    result: NaiveDate,
    /// Month of publication.
    month: NaiveDate,
    /// Description, value and winner of each item.
    items: Vec<(&'a str, Cents, &'a Supplier)>,
    /// Who bid for each item and did not win it.
    losers: Vec<Supplier>,
    committed: Cents,
}

/// The files of tenders of a sample.
#[derive(Debug)]
pub(super) struct Tenders {
    months: Vec<Month>,
    seed: u64,
    pool: Pool,
    rows: u64,
    written: u64,
    competitive: u64,
    cases: u64,
    /// Competitive tenders so far, by kind and by modality.
    markets: [u64; 4],
    modalities: [u64; Modality::ALL.len()],
}

impl Tenders {
    /// Creates the files, with their headers.
    pub(super) fn create(out: &Path, rows: u64, seed: u64) -> Result<Self, SampleError> {
        let create = |month: NaiveDate| {
            let file = |name: &str, own: &[&str]| {
                let mut output = Output::create(out.join(format!("{}_{name}.csv", month.format("%Y%m"))))?;
                output.fields(&KEY).fields(own).end()?;
                Ok::<_, SampleError>(output)
            };
            Ok(Month {
                tenders: file("Licitação", &TENDERS)?,
                items: file("ItemLicitação", &ITEMS)?,
                participants: file("ParticipantesLicitação", &PARTICIPANTS)?,
                commitments: file("EmpenhosRelacionados", &COMMITMENTS)?,
            })
        };
        let months = (0..).map(|more| FIRST_MONTH + Months::new(more)).take_while(|month| *month <= LAST_MONTH);
        Ok(Self {
            months: months.map(create).collect::<Result<_, SampleError>>()?,
            seed,
            pool: Pool::new(rows),
            rows,
            written: 0,
            competitive: 0,
            cases: 0,
            markets: [0; 4],
            modalities: [0; Modality::ALL.len()],
        })
    }

    /// Writes the tenders of a buyer's numbered contracts, if it is one that publishes them.
    pub(super) fn of_buyer(
        &mut self,
        index: u64,
        buyer: &Buyer,
        contracts: &[Contract],
        labels: &mut Labels,
    ) -> Result<(), SampleError> {
        if !index.is_multiple_of(EVERY) {
            return Ok(());
        }
        // A stream of its own: the contracts stay as they are.
        let mut random = Random::new(self.seed ^ 0x7e4d, index);
        let mut by_tender: BTreeMap<(u32, i32, usize), Vec<&Contract>> = BTreeMap::new();
        for contract in contracts.iter().filter(|contract| contract.modality != Modality::NotInformed) {
            by_tender.entry((contract.tender, contract.year(), contract.modality as usize)).or_default().push(contract);
        }
        for ((sequence, year, _), group) in by_tender {
            let items: Option<Vec<_>> = group
                .iter()
                .map(|one| {
                    let winner = one.supplier.as_ref().filter(|supplier| !supplier.is_secret())?;
                    Some((one.main_item.as_deref()?, one.initial, winner))
                })
                .collect();
            // What is secret or says nothing is not published as a tender.
            let (Some(items), [first, ..]) = (items, group.as_slice()) else { continue };
            if first.kind == Kind::Unknown || !first.object.starts_with("Objeto: ") {
                continue;
            }
            let direct = matches!(first.modality, Modality::DispensaLicitacao | Modality::Inexigibilidade);
            let case = if direct { None } else { self.case(first, &group) };
            let losers = match case {
                _ if direct => 0,
                Some(Case::SingleBidder) => 0,
                Some(Case::TwoBidders) => 1,
                _ => random.between(4, 7).unsigned_abs(),
            };
            let signed = group.iter().filter_map(|one| one.signed).min().unwrap_or(first.published);
            let opened = signed - TimeDelta::days(LEAD);
            let result = opened + Days::new(Case::days(case));
            let value: Cents = items.iter().map(|(_, value, _)| *value).sum();
            let large = self.written % LARGE_COMMITMENT_EVERY == 7 && group.len() == 1;
            let tender = Tender {
                unit: (&buyer.code, &buyer.name),
                organ: (&buyer.organ.0, &buyer.organ.1),
                superior: (&buyer.superior.0, &buyer.superior.1),
                number: format!("{sequence:05}{year:04}"),
                modality: first.modality,
                object: &first.object,
                state: "DF",
                municipality: "BRASÍLIA",
                opened,
                result,
                month: first.published,
                losers: self.pool.draw(
                    &mut random,
                    losers,
                    &items.iter().map(|(.., winner)| *winner).collect::<Vec<_>>(),
                ),
                items,
                committed: if large { value * 2 } else { value },
            };
            self.write(&tender)?;
            let mut label = |detector, expected, note| {
                let group = format!("{detector}-{}-{}", buyer.code, tender.number);
                labels.add((detector, expected), &group, (&buyer.code, &tender.number, ""), note, true)
            };
            match case {
                Some(Case::SingleBidder) => {
                    label(SINGLE_BID, Expected::Fired, "severity=medium_or_high")?;
                    label(FEW_BIDDERS, Expected::Fired, "severity=low")?;
                }
                Some(Case::TwoBidders) => label(FEW_BIDDERS, Expected::Fired, "severity=low")?,
                Some(Case::FastDecision) => {
                    let auction = matches!(first.modality, Modality::Pregao | Modality::PregaoRegistroPreco);
                    label(DECISION, Expected::Fired, if auction { "severity=low" } else { "severity=medium" })?;
                }
                Some(Case::SlowDecision) => label(DECISION, Expected::Fired, "severity=low")?,
                Some(Case::TwoDays) => label(DECISION, Expected::Clear, "two_days")?,
                // One bidder of a direct award is what such an award is.
                None if direct && self.written.is_multiple_of(LARGE_COMMITMENT_EVERY) => {
                    label(SINGLE_BID, Expected::Clear, "direct_award")?;
                }
                None => {}
            }
            if large {
                // Above the value, and before the signature, as the law wants it: no payment.
                let number = format!("{:05}{:04}", first.number, first.year());
                let supplier = first.supplier.as_ref().map_or("", |supplier| &supplier.id);
                let group = format!("{PAYMENTS}-{}-{number}", buyer.code);
                let key = (buyer.code.as_str(), number.as_str(), supplier);
                labels.add((PAYMENTS, Expected::NotEvaluable), &group, key, "no_payment_published", true)?;
            }
        }
        Ok(())
    }

    /// The case of the next competitive tender, if it is due and has the peers that it needs.
    fn case(&mut self, first: &Contract, group: &[&Contract]) -> Option<Case> {
        let (market, modality) = (first.kind.index(), first.modality as usize);
        let peers = self.markets[market].min(self.modalities[modality]);
        self.markets[market] += 1;
        self.modalities[modality] += 1;
        self.competitive += 1;
        // Only these are as many as a quantile needs.
        let judged_by_quantile =
            self.rows >= LARGE_SAMPLE && matches!(first.modality, Modality::Pregao | Modality::PregaoRegistroPreco);
        if self.competitive / CASE_EVERY > self.cases && group.len() == 1 && peers >= PEERS {
            self.cases += 1;
            match self.cases % 4 {
                0 => Some(Case::SingleBidder),
                1 => Some(Case::TwoBidders),
                2 => Some(Case::FastDecision),
                _ => judged_by_quantile.then_some(Case::TwoDays),
            }
        } else if judged_by_quantile && self.modalities[modality].is_multiple_of(SLOW_EVERY) {
            Some(Case::SlowDecision)
        } else {
            None
        }
    }

    fn write(&mut self, tender: &Tender<'_>) -> Result<(), SampleError> {
        self.written += 1;
        let (name, code, item_code) = modality(tender.modality);
        let process = format!("23000.{:06}/{}", self.written % 1_000_000, tender.opened.year());
        let key = [tender.number.as_str(), tender.unit.0, tender.unit.1, code, name, process.as_str()];
        let organ = [tender.organ.0, tender.organ.1];
        let month = &mut self.months[place(tender.month)];
        let out = &mut month.tenders;
        out.fields(&key).fields(&[tender.object, "Encerrado", tender.superior.0, tender.superior.1]).fields(&organ);
        out.fields(&[tender.state, tender.municipality]).date(Some(tender.result)).date(Some(tender.opened));
        out.amount(tender.items.iter().map(|(_, value, _)| *value).sum()).end()?;
        for (at, (description, value, winner)) in (1..).zip(&tender.items) {
            let item = format!("{}{item_code}{}{at:05}", tender.unit.0, tender.number);
            let out = &mut month.items;
            out.fields(&key).fields(&organ).fields(&[&item, description, "1"]);
            out.price(*value).fields(&[&winner.id, &winner.name]).end()?;
            for (bidder, won) in [(*winner, "SIM")].into_iter().chain(tender.losers.iter().map(|loser| (loser, "NÃO")))
            {
                let out = &mut month.participants;
                out.fields(&key).fields(&organ).fields(&[&item, description, &bidder.id, &bidder.name, won]).end()?;
            }
        }
        let commitment = format!("{}00001{}NE{:06}", tender.unit.0, tender.opened.year(), self.written % 1_000_000);
        let out = &mut month.commitments;
        out.fields(&key).field(&commitment).date(Some(tender.result + Days::new(5)));
        out.field("EMPENHO SINTÉTICO").amount(tender.committed).end()
    }

    /// How often each of what only several tenders or bidders show is planted.
    pub(super) fn groups(rows: u64) -> u64 {
        if rows < GROUPS_FROM { 0 } else { (1 + rows / GROUP_EVERY).min(STATES.len() as u64) }
    }

    /// Plants groups that take turns, pairs of which one always wins, and near misses of the former; then writes what
    /// is left.
    pub(super) fn finish(mut self, labels: &mut Labels) -> Result<(), SampleError> {
        for case in 0..Self::groups(self.rows) {
            self.group(case, true, labels)?;
            self.group(case, false, labels)?;
            self.pair(case, labels)?;
            self.linked(case, labels)?;
        }
        for month in self.months {
            for output in [month.tenders, month.items, month.participants, month.commitments] {
                output.finish()?;
            }
        }
        Ok(())
    }

    /// A group of firms that win in turns, or, a near miss, as often but each several times running.
    fn group(&mut self, case: u64, turns: bool, labels: &mut Labels) -> Result<(), SampleError> {
        let series = case * 3 + u64::from(turns);
        let mut random = Random::new(self.seed ^ 0x2075, series);
        let firms: Vec<Supplier> = (0..FIRMS as u64).map(|firm| supplier::bidder(series * 100 + firm)).collect();
        let (expected, note) =
            if turns { (Expected::Fired, "severity=high") } else { (Expected::Clear, "wins_in_a_row") };
        for number in 0..FIRMS * WINS {
            let winner = if turns { number % FIRMS } else { number / WINS };
            let others = firms.iter().enumerate().filter(|(firm, _)| *firm != winner).map(|(_, firm)| firm.clone());
            let mut losers: Vec<Supplier> = others.collect();
            losers.extend(self.pool.draw(&mut random, 2, &[]));
            // Turns and rows do not meet in one market: goods and works.
            let kind = if turns { Kind::Goods } else { Kind::Works };
            self.planted((case, series, number as u64), kind, &firms[winner], losers, labels, (expected, note))?;
        }
        Ok(())
    }

    /// A firm that always wins, and one that always bids against it and never does.
    fn pair(&mut self, case: u64, labels: &mut Labels) -> Result<(), SampleError> {
        let series = case * 3 + 2;
        let mut random = Random::new(self.seed ^ 0x2075, series);
        let [winner, companion] = [0, 1].map(|firm| supplier::bidder(series * 100 + firm));
        for number in 0..MEETINGS {
            let mut losers = vec![companion.clone()];
            losers.extend(self.pool.draw(&mut random, 4, &[]));
            let found = (Expected::Fired, "severity=medium");
            self.planted((case, series, number), Kind::Services, &winner, losers, labels, found)?;
        }
        Ok(())
    }

    /// Two firms that share what the register tells, or, a near miss, what many share or did not share yet.
    fn linked(&mut self, case: u64, labels: &mut Labels) -> Result<(), SampleError> {
        let mut random = Random::new(self.seed ^ 0x11ed, case);
        let unit = format!("{:06}", 999_900 + case);
        let name = format!("UNIDADE GESTORA SINTÉTICA {unit}");
        let line = GOODS[0];
        let object = Kind::Goods.object(line.thing, ENDINGS[0]);
        for (number, shared) in (1..).zip(Shared::ALL) {
            // Who comes from abroad is in no register.
            let others = self.pool.draw(&mut random, 12, &[]).into_iter().filter(|one| !one.id.starts_with("EX"));
            let mut others = others.take(3);
            let Some(winner) = others.next() else { continue };
            let losers: Vec<Supplier> = others.chain(shared.firms(case)).collect();
            let opened = FIRST_MONTH + Days::new(number * 30);
            let tender = Tender {
                unit: (&unit, &name),
                organ: ("99001", "Órgão Sintético 99001"),
                superior: ("99000", "Ministério Sintético 99000"),
                number: format!("{number:05}{:04}", opened.year()),
                modality: Modality::Pregao,
                object: &object,
                // Beside the background, whose winners are more than a group.
                state: "DF",
                municipality: "BRASÍLIA",
                opened,
                result: opened + Days::new(12),
                month: opened + Days::new(12),
                items: vec![(line.item, 5_000_000, &winner)],
                losers,
                committed: 0,
            };
            self.write(&tender)?;
            let group = format!("{}-{unit}-{number}", register::LABEL);
            let (expected, note) = shared.expected();
            labels.add((register::LABEL, expected), &group, (&unit, &tender.number, ""), note, true)?;
        }
        Ok(())
    }

    fn planted(
        &mut self,
        (case, series, number): (u64, u64, u64),
        kind: Kind,
        winner: &Supplier,
        losers: Vec<Supplier>,
        labels: &mut Labels,
        (expected, note): (Expected, &'static str),
    ) -> Result<(), SampleError> {
        let line = match kind {
            Kind::Services => SERVICES[0],
            Kind::Works => WORKS[0],
            Kind::Goods | Kind::Unknown => GOODS[0],
        };
        let object = kind.object(line.thing, ENDINGS[0]);
        // Codes that no buyer of contracts has.
        let unit = format!("{:06}", 999_000 + series);
        let name = format!("UNIDADE GESTORA SINTÉTICA {unit}");
        // A week apart, so that the order is known.
        let opened = FIRST_MONTH + Days::new(number * 7);
        let tender = Tender {
            unit: (&unit, &name),
            organ: ("99001", "Órgão Sintético 99001"),
            superior: ("99000", "Ministério Sintético 99000"),
            number: format!("{:05}{:04}", number + 1, opened.year()),
            modality: Modality::Pregao,
            object: &object,
            state: STATES[case as usize % STATES.len()],
            municipality: "CIDADE SINTÉTICA",
            opened,
            result: opened + Days::new(12),
            month: (opened + Days::new(12)).min(LAST_DAY),
            items: vec![(line.item, 5_000_000 + 1_000 * number as Cents, winner)],
            losers,
            committed: 0,
        };
        self.write(&tender)?;
        let group = format!("{ROTATION}-{unit}");
        labels.add((ROTATION, expected), &group, (&unit, &tender.number, ""), note, number == 0)
    }
}
