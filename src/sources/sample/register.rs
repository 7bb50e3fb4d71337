//! The register of companies: one establishment and one company for each supplier of the pool, as the Receita Federal
//! publishes them. Some have what a detector asks for, and every contract of theirs is labelled by its day, its value and
//! its line of business. Planted suppliers are not in it, so that nothing can be said of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use chrono::{Datelike, NaiveDate};

use super::SampleError;
use super::layout::{Labels, Output};
use super::record::{
    ACTIVITY, CAPACITY, Cents, Contract, Expected, INACTIVE, Kind, LINKED, NEW_COMPANY, Supplier, day,
};
use super::supplier::{self, Pool};
use crate::model::fold;

/// Day of the register, in its names: after every signature of a sample, and in the year after most.
const DAY: &str = "D40214";
/// One supplier of the pool in so many has something of its own, unless these are too few or too many.
const EVERY: u64 = 60;
/// Fewest that have, about.
const LEAST: u64 = 110;
/// Most that have, about.
const MOST: u64 = 1_000;
/// What the pool does: retail of stationery and the like, and of computers.
const COMMON: (&str, &str) = ("4761003", "4751201,4753900");
/// What a contract of a young company, or of one with hardly any capital, has to be worth.
const FLOOR: Cents = 5_000_000;
/// Contracts of others, and other suppliers, that tell what is usual in a line of business.
const CLASS: usize = 30;
const CLASS_SUPPLIERS: usize = 10;
/// Companies beside the two with the telephone of an accountant: with them more than twenty.
const CLIENTS: u64 = 25;

/// What is peculiar to a supplier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peculiar {
    /// Opened in the spring of 2023.
    Young,
    /// Closed since the middle of 2023.
    Closed,
    /// Active since the middle of 2023: what it was before is not known.
    Revived,
    /// A capital of a hundred reais.
    Penniless,
    /// An activity that nobody else has, with a number of its own.
    Odd(u64),
}

const OPENED: NaiveDate = day(2023, 3, 1);
const CHANGED: NaiveDate = day(2023, 7, 1);

/// What two bidders of a planted tender share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shared {
    /// A partner since 2015.
    Partner,
    /// A telephone.
    Phone,
    /// A near miss: the telephone of an accountant.
    Accountant,
    /// A near miss: a partner who came to one of them after the tender.
    LaterPartner,
}

impl Shared {
    pub(super) const ALL: [Self; 4] = [Self::Partner, Self::Phone, Self::Accountant, Self::LaterPartner];

    /// What the detector must say.
    pub(super) const fn expected(self) -> (Expected, &'static str) {
        match self {
            Self::Partner => (Expected::Fired, "severity=high"),
            Self::Phone => (Expected::Fired, "severity=medium"),
            Self::Accountant => (Expected::Clear, "accountant"),
            Self::LaterPartner => (Expected::Clear, "partner_since"),
        }
    }

    /// The two bidders of a case.
    pub(super) fn firms(self, case: u64) -> [Supplier; 2] {
        [0, 1].map(|firm| supplier::bidder(1_000_000 + case * 100 + self as u64 * 10 + firm))
    }
}

/// The label of these bids is that of a tender.
pub(super) const LABEL: &str = LINKED;

/// What was sold in a line of business.
#[derive(Debug, Default)]
struct Line {
    contracts: usize,
    /// Some of the suppliers: more than are asked for are not kept.
    suppliers: BTreeSet<String>,
}

/// A contract of a supplier with an odd activity, to be labelled once all others are known.
#[derive(Debug)]
struct Sold {
    line: String,
    unit: String,
    number: String,
    supplier: String,
    group: String,
}

/// The register of a sample.
#[derive(Debug)]
pub(super) struct Register {
    pool: Pool,
    peculiar: HashMap<String, Peculiar>,
    lines: BTreeMap<String, Line>,
    sold: Vec<Sold>,
    /// Companies and years that are labelled as beyond their capital.
    beyond: BTreeSet<(String, i32)>,
    cases: u64,
}

impl Register {
    /// Of the pool of a sample of so many contracts.
    pub(super) fn new(rows: u64, cases: u64) -> Self {
        let pool = Pool::new(rows);
        let every = EVERY.clamp(pool.size() / MOST, pool.size() / LEAST);
        let drawn = (0..pool.size() / every).map(|place| (place, pool.supplier(place * every + 5)));
        let of = |place: u64| match place % 5 {
            0 => Peculiar::Young,
            1 => Peculiar::Closed,
            2 => Peculiar::Revived,
            3 => Peculiar::Penniless,
            _ => Peculiar::Odd(place / 5),
        };
        let peculiar = drawn.filter(|(_, supplier)| is_company(supplier)).map(|(place, one)| (one.id, of(place)));
        Self {
            pool,
            peculiar: peculiar.collect(),
            lines: BTreeMap::new(),
            sold: Vec::new(),
            beyond: BTreeSet::new(),
            cases,
        }
    }

    /// Labels a contract with a supplier that has something peculiar.
    pub(super) fn label(&mut self, unit: &str, contract: &Contract, labels: &mut Labels) -> Result<(), SampleError> {
        let Some(supplier) = contract.supplier.as_ref().filter(|supplier| is_company(supplier)) else { return Ok(()) };
        let number = format!("{:05}{:04}", contract.number, contract.year());
        let line = contract.main_item.as_deref().filter(|_| contract.kind != Kind::Unknown && contract.twin.is_none());
        // A planted supplier is not in the register.
        if let (Some(line), true) = (line, self.pool.has(supplier)) {
            let line = self.lines.entry(fold(line)).or_default();
            line.contracts += 1;
            if line.suppliers.len() <= CLASS_SUPPLIERS + 1 {
                line.suppliers.insert(supplier.id.clone());
            }
        }
        let Some((signed, peculiar)) = contract.signed.zip(self.peculiar.get(&supplier.id).copied()) else {
            return Ok(());
        };
        let group = |detector: &str| format!("{detector}-{unit}-{number}-{signed}-{}", contract.initial);
        let (detector, expected, note) = match peculiar {
            Peculiar::Young if signed < OPENED => (NEW_COMPANY, Expected::NotEvaluable, "opened_later"),
            Peculiar::Young if contract.initial < FLOOR => (NEW_COMPANY, Expected::Clear, "small_contract"),
            Peculiar::Young => {
                let severity = match (signed - OPENED).num_days() {
                    ..=30 => "severity=high",
                    31..=180 => "severity=medium",
                    _ => "severity=low",
                };
                (NEW_COMPANY, Expected::Fired, severity)
            }
            Peculiar::Closed if signed > CHANGED => (INACTIVE, Expected::Fired, "severity=high"),
            Peculiar::Closed => (INACTIVE, Expected::Clear, "became_inactive_later"),
            Peculiar::Revived if signed < CHANGED => (INACTIVE, Expected::NotEvaluable, "active_since_later"),
            Peculiar::Revived => return Ok(()),
            Peculiar::Penniless if contract.initial < FLOOR || signed.year() < 2023 => return Ok(()),
            Peculiar::Penniless => {
                let root: String = supplier.id.chars().take(8).collect();
                let group = format!("{CAPACITY}-{root}-{}", signed.year());
                let first = self.beyond.insert((root, signed.year()));
                let key = (unit, number.as_str(), supplier.id.as_str());
                return labels.add((CAPACITY, Expected::Fired), &group, key, "severity=medium", first);
            }
            Peculiar::Odd(_) => {
                if let Some(line) = line {
                    self.sold.push(Sold {
                        line: fold(line),
                        unit: unit.to_owned(),
                        group: group(ACTIVITY),
                        supplier: supplier.id.clone(),
                        number,
                    });
                }
                return Ok(());
            }
        };
        labels.add((detector, expected), &group(detector), (unit, &number, &supplier.id), note, true)
    }

    /// Writes the register, and the labels of what only all contracts together tell.
    pub(super) fn write(self, out: &Path, labels: &mut Labels) -> Result<(), SampleError> {
        for sold in &self.sold {
            let own = self.sold.iter().filter(|one| one.supplier == sold.supplier && one.line == sold.line).count();
            let line = self.lines.get(&sold.line);
            let (contracts, suppliers) = line.map_or((0, 0), |line| (line.contracts - own, line.suppliers.len()));
            let (expected, note) = if contracts < CLASS {
                (Expected::NotEvaluable, "class_too_small")
            } else if suppliers <= CLASS_SUPPLIERS {
                (Expected::NotEvaluable, "too_few_suppliers")
            } else {
                (Expected::Fired, "severity=low_or_medium")
            };
            let key = (sold.unit.as_str(), sold.number.as_str(), sold.supplier.as_str());
            labels.add((ACTIVITY, expected), &sold.group, key, note, true)?;
        }
        let create = |name: &str| Output::create(out.join(name));
        let mut companies = create(&format!("K3241.K03200Y0.{DAY}.EMPRECSV"))?;
        let mut establishments = create(&format!("K3241.K03200Y0.{DAY}.ESTABELE"))?;
        let mut partners = create(&format!("K3241.K03200Y0.{DAY}.SOCIOCSV"))?;
        let mut regimes = create(&format!("F.K03200$W.SIMPLES.CSV.{DAY}"))?;
        let mut activities = create(&format!("F.K03200$Z.{DAY}.CNAECSV"))?;
        let mut write = |supplier: &Supplier, peculiar: Option<Peculiar>, phone: [&str; 2]| {
            let root: String = supplier.id.chars().take(8).collect();
            let capital = if peculiar == Some(Peculiar::Penniless) { "100,00" } else { "1000000000,00" };
            companies.fields(&[&root, &supplier.name, "2062", "49", capital, "05", ""]).end()?;
            establishment(&mut establishments, supplier, peculiar, phone)
        };
        for index in 0..self.pool.size() {
            let supplier = self.pool.supplier(index);
            if is_company(&supplier) {
                write(&supplier, self.peculiar.get(&supplier.id).copied(), ["", ""])?;
            }
        }
        for case in 0..self.cases {
            for shared in Shared::ALL {
                let number = format!("3{case:03}{:03}4", shared as u64 + 5);
                let phone = match shared {
                    Shared::Phone | Shared::Accountant => ["61", number.as_str()],
                    Shared::Partner | Shared::LaterPartner => ["", ""],
                };
                let firms = shared.firms(case);
                for (place, firm) in firms.iter().enumerate() {
                    write(firm, None, phone)?;
                    let root: String = firm.id.chars().take(8).collect();
                    let since = match (shared, place) {
                        (Shared::LaterPartner, 1) => "20240101",
                        _ => "20150105",
                    };
                    let mask = match shared {
                        Shared::Partner | Shared::LaterPartner => format!("***{case:03}{:03}**", shared as u64 + 5),
                        Shared::Phone | Shared::Accountant => {
                            format!("***{case:03}{:03}**", shared as usize * 100 + place + 10)
                        }
                    };
                    let name = format!("PESSOA SINTÉTICA {}", &mask[3..9]);
                    partners
                        .fields(&[&root, "2", &name, &mask, "49", since, "", "***000000**", "", "00", "5"])
                        .end()?;
                }
                if shared == Shared::Accountant {
                    for client in 0..CLIENTS {
                        write(&supplier::bidder(2_000_000 + case * CLIENTS + client), None, phone)?;
                    }
                }
            }
        }
        // Who is under neither regime; that there is such a list is what tells that nobody else is.
        regimes.fields(&["00000000", "N", "00000000", "00000000", "N", "00000000", "00000000"]).end()?;
        activities.fields(&[COMMON.0, "Comércio varejista de artigos de papelaria"]).end()?;
        [companies, establishments, partners, regimes, activities].into_iter().try_for_each(Output::finish)
    }
}

/// Whether a supplier has a CNPJ.
fn is_company(supplier: &Supplier) -> bool {
    supplier.id.len() == 14
        && supplier.id.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !supplier.id.starts_with("EX")
}

fn establishment(
    out: &mut Output,
    supplier: &Supplier,
    peculiar: Option<Peculiar>,
    phone: [&str; 2],
) -> Result<(), SampleError> {
    let opened = if peculiar == Some(Peculiar::Young) { OPENED } else { day(2001, 1, 2) };
    let (status, since) = match peculiar {
        Some(Peculiar::Closed) => ("08", CHANGED),
        Some(Peculiar::Revived) => ("02", CHANGED),
        _ => ("02", opened),
    };
    let digits = |day: NaiveDate| day.format("%Y%m%d").to_string();
    let (since, opened) = (digits(since), digits(opened));
    let odd = match peculiar {
        // Groups of activities that the pool has not, nor any that sells everything.
        Some(Peculiar::Odd(number)) => format!("{}1000", 100 + number % 300),
        _ => String::new(),
    };
    let (activity, others) = if odd.is_empty() { COMMON } else { (odd.as_str(), "") };
    let id = supplier.id.as_str();
    out.fields(&[&id[..8], &id[8..12], &id[12..], "1", "", status, &since, "00", "", "", &opened, activity, others]);
    out.fields(&[
        "RUA",
        "SINTÉTICA",
        "S/N",
        "",
        "CENTRO",
        "70000000",
        "DF",
        "9701",
        phone[0],
        phone[1],
        "",
        "",
        "",
        "",
    ]);
    out.fields(&["", "", ""]).end()
}
