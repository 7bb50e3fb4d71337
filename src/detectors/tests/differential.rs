//! The detectors against slow and obvious ones, on small random data.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::references::{self, random_contracts};
use super::{Contract, Data, Item, cents, merge};
use crate::detectors::functions::{
    AmendmentKind, LegalRegime, amendment_kinds, is_emergency, is_public_body, is_reform, is_vehicle_maintenance,
    legal_basis_kind, legal_regime, object_type, quantile8,
};
use crate::detectors::limits::{Comparison, LegalLimits};
use crate::detectors::{Catalogue, DetectorRun, Run, aside};
use crate::model::{Plan, TaxIdCheck, TaxIdKind, check_tax_id, fold};

/// How often each verdict was given, and per finding its severity, contracts or tenders, and cents at stake.
pub(super) type Answers = (BTreeMap<String, i64>, BTreeSet<(String, Vec<String>, Option<i128>)>);

#[derive(Default)]
pub(super) struct Book(pub(super) Answers);

impl Book {
    pub(super) fn note(&mut self, verdict: &str) {
        *self.0.0.entry(verdict.to_owned()).or_default() += 1;
    }

    pub(super) fn fire(&mut self, severity: &str, contracts: Vec<String>, amount: Option<i128>) {
        self.note("fired");
        self.0.1.insert((severity.to_owned(), contracts, amount));
    }
}

/// Those that are judged.
pub(super) fn current(data: &Data) -> Vec<&Contract> {
    published(data).filter(|contract| set_aside(data, contract).is_none()).collect()
}

fn published(data: &Data) -> impl Iterator<Item = &Contract> {
    data.contracts.iter().filter(|contract| contract.status == "current")
}

/// Why a contract is judged by no detector.
fn set_aside(data: &Data, contract: &Contract) -> Option<&'static str> {
    let off = |situation: Option<&str>| {
        situation.is_some_and(|situation| ["Cancelado", "Anulado", "Revogada"].contains(&situation))
    };
    let tender = |id: &String| data.tenders.iter().any(|tender| tender.id == *id && off(tender.situation.as_deref()));
    if off(contract.situation) || contract.tender.as_ref().is_some_and(tender) {
        return Some("cancelled");
    }
    match contract.currency {
        Some("BRL") => None,
        Some(_) => Some("contract_in_other_currency"),
        None => contract.source.starts_with("ocds:").then_some("currency_not_informed"),
    }
}

pub(super) fn key(contract: &Contract) -> Option<String> {
    let (_, id, _) = check_tax_id(&contract.supplier);
    (!id.is_empty()).then_some(id)
}

/// The company, whichever of its establishments sells.
pub(super) fn company(contract: &Contract) -> Option<String> {
    let (kind, id, check) = check_tax_id(&contract.supplier);
    match (kind.as_str(), check.as_str()) {
        ("cnpj", "valid") => Some(id[..8].to_owned()),
        _ => key(contract),
    }
}

pub(super) fn is_rescinded(contract: &Contract) -> bool {
    contract.situation == Some("Rescindido")
}

pub(super) fn alone(data: &Data, contract: &Contract) -> bool {
    let same = |other: &&Contract| other.buyer == contract.buyer && other.number == contract.number;
    published(data).filter(same).count() == 1
}

pub(super) fn main_item(data: &Data, contract: &Contract) -> Option<String> {
    let mine = data.items.iter().filter(|item| item.buyer == contract.buyer && item.contract_number == contract.number);
    let worth = |item: &Item| Some(item.quantity? * item.price?);
    mine.min_by_key(|item| {
        let worth = worth(item);
        (worth.is_none(), worth.map(|worth| -worth), fold(&item.description))
    })
    .map(|item| fold(&item.description))
}

/// What an amendment or an apostille of a contract's number does, and its day.
pub(super) struct Change {
    pub(super) on: Option<NaiveDate>,
    pub(super) kinds: Vec<AmendmentKind>,
    apostille: bool,
}

impl Change {
    pub(super) fn is_amendment(&self) -> bool {
        !self.apostille
    }
}

pub(super) fn amendments(data: &Data, contract: &Contract) -> Vec<Change> {
    let mine =
        data.amendments.iter().filter(|one| one.buyer == contract.buyer && one.contract_number == contract.number);
    mine.map(|one| {
        let apostille = one.source == "portal:apostilamentos";
        let stated = amendment_kinds(&fold(&one.object));
        // An apostille is of prices, and says nothing of additions.
        let kinds = match apostille {
            true => {
                stated.into_iter().filter(|kind| *kind == AmendmentKind::Term).chain([AmendmentKind::Price]).collect()
            }
            false => stated,
        };
        Change { on: one.published, kinds, apostille }
    })
    .collect()
}

pub(super) fn has(changes: &[Change], kind: AmendmentKind) -> bool {
    changes.iter().any(|change| change.kinds.contains(&kind))
}

fn amendment_cap(data: &Data) -> Answers {
    let mut book = Book::default();
    for contract in current(data) {
        let basis = legal_basis_kind(contract.legal_basis.as_deref(), Some(&fold(&contract.object))).as_str();
        let mine = amendments(data, contract);
        let any = |kind| has(&mine, kind);
        let (Some(initial), Some(now)) = (contract.initial.filter(|initial| *initial > 0), contract.current) else {
            book.note("no_initial_value");
            continue;
        };
        let increase = now - initial;
        let reform = is_reform(&fold(&contract.object));
        let law = legal_regime(contract.legal_basis.as_deref(), Some(&fold(&contract.object)));
        let verdict = if basis == "13303" || (law == LegalRegime::Emergency && increase > 0) {
            "regime_not_covered"
        } else if increase * 4 <= initial {
            if any(AmendmentKind::Addition) && any(AmendmentKind::Reduction) {
                "reductions_may_hide_additions"
            } else if increase * 5 >= initial {
                "near_cap"
            } else {
                "clear"
            }
        } else if (increase * 4 - initial) * 10_000 <= (4 * initial).max(4_000_000) {
            "within_rounding"
        } else if !mine.iter().any(Change::is_amendment) {
            "no_amendment_published"
        } else if !alone(data, contract) {
            "ambiguous_amendments"
        } else if any(AmendmentKind::Undisclosed) {
            "amendment_undisclosed"
        } else if reform && (increase * 2 - initial) * 10_000 <= (2 * initial).max(2_000_000) {
            "reform_cap_may_apply"
        } else if any(AmendmentKind::Price) {
            "price_adjustment_mixed"
        } else if any(AmendmentKind::Term) {
            "renewal_mixed"
        } else if any(AmendmentKind::Other) || !any(AmendmentKind::Addition) {
            "amendment_type_unknown"
        } else {
            let parts = if reform { 2 } else { 4 };
            let critical = increase * parts > 2 * initial && increase > 100_000_000;
            let stake = (increase * parts - initial).div_euclid(parts);
            book.fire(if critical { "critical" } else { "high" }, vec![contract.id.clone()], Some(stake));
            continue;
        };
        book.note(verdict);
    }
    book.0
}

fn splitting_sum(data: &Data) -> Answers {
    let limits = LegalLimits::builtin().unwrap();
    let mut book = Book::default();
    let mut groups: BTreeMap<(String, i32, String, String), Vec<&Contract>> = BTreeMap::new();
    let factor = |contract: &Contract| if contract.buyer_name.starts_with("CONSÓRCIO") { 2 } else { 1 };
    let within = |sum: i128, ceiling: i128, comparison: Comparison| match comparison {
        Comparison::Below => sum < ceiling,
        Comparison::UpTo => sum <= ceiling,
    };
    let parse = |basis: &str| {
        let (regime, rest) = basis.split_once("_value_")?;
        Some((regime.to_owned(), rest.to_owned()))
    };
    let ceiling = |contract: &Contract, class: &str, regime: &str, on: NaiveDate| {
        let limit = limits.on(&format!("dispensa_{class}"), regime, on)?;
        Some((cents(&limit.value) * factor(contract), limit.comparison))
    };
    for contract in current(data) {
        let object = fold(&contract.object);
        let (kind, ..) = check_tax_id(&contract.supplier);
        let Some(value) = contract.initial.filter(|value| *value > 0) else { continue };
        if contract.modality != "dispensa_licitacao"
            || is_public_body(Some(kind.as_str()), Some(&contract.supplier_name))
            || is_rescinded(contract)
        {
            continue;
        }
        let basis = legal_basis_kind(contract.legal_basis.as_deref(), Some(&object)).as_str();
        if basis == "unknown" {
            match contract.signed {
                None => book.note("no_signature_date"),
                Some(on) => {
                    let regimes = ["8666", "14133"].iter().filter_map(|regime| ceiling(contract, "goods", regime, on));
                    if regimes.into_iter().any(|(ceiling, comparison)| within(value, ceiling, comparison)) {
                        book.note("legal_basis_not_published");
                    }
                }
            }
            continue;
        }
        let Some((regime, class)) = parse(basis) else { continue };
        let Some(on) = contract.signed else {
            book.note("no_signature_date");
            continue;
        };
        let exempt = limits.on("vehicle_maintenance", &regime, on).map(|limit| cents(&limit.value));
        if is_vehicle_maintenance(&object) && exempt.is_some_and(|exempt| value <= exempt) {
            continue;
        }
        let Some((ceiling, comparison)) = ceiling(contract, &class, &regime, on) else {
            book.note("no_ceiling_at_date");
            continue;
        };
        if !within(value, ceiling, comparison) {
            continue;
        }
        match main_item(data, contract).filter(|line| line != "undefined" && alone(data, contract)) {
            None => book.note("line_of_business_unknown"),
            Some(line) => {
                let group = (contract.buyer.clone(), on.year(), line, format!("{regime}/{class}"));
                groups.entry(group).or_default().push(contract);
            }
        }
    }
    for ((_, year, _, law), mut members) in groups {
        members.sort_by_key(|contract| (contract.signed, contract.id.clone()));
        let (regime, class) = law.split_once('/').unwrap();
        let last = members.last().unwrap();
        let (ceiling, comparison) = ceiling(last, class, regime, last.signed.unwrap()).unwrap();
        let counted: Vec<_> =
            members.iter().filter(|one| one.end.is_some_and(|end| end.year() <= year)).copied().collect();
        let sum = |of: &[&Contract]| of.iter().map(|one| one.initial.unwrap()).sum::<i128>();
        if members.len() >= 2 && counted.len() >= 2 && !within(sum(&counted), ceiling, comparison) {
            let keys: BTreeSet<_> = counted.iter().map(|one| company(one)).collect();
            let tenders: BTreeSet<_> = counted.iter().map(|one| one.tender.clone()).collect();
            let days = counted.last().unwrap().signed.unwrap() - counted[0].signed.unwrap();
            let same = |set: &BTreeSet<Option<String>>| set.len() == 1 && !set.contains(&None);
            let high = same(&keys) || same(&tenders) || days.num_days() <= 30;
            let ids = counted.iter().map(|one| one.id.clone()).collect();
            book.fire(if high { "high" } else { "medium" }, ids, Some(sum(&counted) - ceiling));
        } else if members.len() >= 2 && !within(sum(&members), ceiling, comparison) {
            book.note("term_beyond_year");
        } else {
            book.note("clear");
        }
    }
    book.0
}

fn supplier_share(data: &Data) -> Answers {
    let mut book = Book::default();
    let month = |on: NaiveDate| on.year() * 12 + on.month0() as i32;
    let covered: BTreeSet<i32> = data
        .contracts
        .iter()
        .filter(|one| one.source == "portal:compras")
        .filter_map(|one| NaiveDate::parse_from_str(&format!("{}01", one.file.split_once('_')?.0), "%Y%m%d").ok())
        .map(month)
        .collect();
    let closes_a_year = |last: i32| (last - 11..=last).all(|month| covered.contains(&month));
    let all = current(data);
    let pairs: BTreeSet<(String, String)> = all.iter().filter_map(|one| Some((one.buyer.clone(), key(one)?))).collect();
    for (buyer, supplier) in pairs {
        let of_buyer: Vec<_> = all.iter().filter(|one| one.buyer == buyer).copied().collect();
        let valued: Vec<_> = of_buyer
            .iter()
            .filter(|one| one.signed.is_some() && one.initial.is_some_and(|value| value > 0))
            .copied()
            .collect();
        let mine: Vec<_> = valued.iter().filter(|one| key(one).as_deref() == Some(&supplier)).copied().collect();
        if mine.is_empty() {
            book.note("no_value");
            continue;
        }
        let year = |last: i32| {
            let inside = move |one: &&&Contract| one.signed.is_some_and(|on| (last - 11..=last).contains(&month(on)));
            valued.iter().filter(inside).copied().collect::<Vec<_>>()
        };
        let signed = of_buyer.iter().filter_map(|one| one.signed).map(month);
        let Some(last) = signed.filter(|last| closes_a_year(*last)).max() else {
            book.note("window_not_covered");
            continue;
        };
        let mut windows = BTreeSet::from([last]);
        for last in mine.iter().filter_map(|one| one.signed).map(month).filter(|last| closes_a_year(*last)) {
            if year(last - 12).into_iter().filter(|one| key(one).is_some()).count() >= 10 {
                windows.insert(last);
            }
        }
        let mut judged = false;
        let mut best: Option<(i128, i128, i128, Vec<String>)> = None;
        for last in windows {
            let inside = year(last);
            let sum = |of: &[&Contract]| of.iter().map(|one| one.initial.unwrap()).sum::<i128>();
            let (known, secret): (Vec<_>, Vec<_>) = inside.into_iter().partition(|one| key(one).is_some());
            if known.len() < 10 || sum(&known) < 100_000_000 {
                continue;
            }
            judged = true;
            let mut won: Vec<_> = known.iter().filter(|one| key(one).as_deref() == Some(&supplier)).copied().collect();
            won.sort_by_key(|one| (one.signed, one.id.clone()));
            let (part, whole) = (sum(&won), sum(&known));
            if best.as_ref().is_none_or(|(best, of, ..)| part * of >= best * whole) {
                best = Some((part, whole, sum(&secret), won.iter().map(|one| one.id.clone()).collect()));
            }
        }
        match best {
            _ if !judged => book.note("buyer_below_minimum"),
            Some((part, whole, secret, ids)) if part * 10 >= whole * 3 => {
                let named = |id: &String| all.iter().filter(|one| one.id == *id).copied().collect::<Vec<_>>();
                let public = |one: &&Contract| {
                    is_public_body(Some(check_tax_id(&one.supplier).0.as_str()), Some(&one.supplier_name))
                };
                if part * 10 < (whole + secret) * 3 {
                    book.note("secret_suppliers_decisive");
                } else if ids.iter().flat_map(named).all(|one| public(&one)) {
                    book.note("public_body");
                } else {
                    book.fire(if part * 2 >= whole { "high" } else { "medium" }, ids, None);
                }
            }
            _ => book.note("clear"),
        }
    }
    book.0
}

/// The one kind of object that everything about a contract agrees on.
fn kind_of(data: &Data, judged: &[&Contract], contract: &Contract) -> Option<&'static str> {
    let text = fold(&contract.object);
    let told = |text: Option<&str>, item: Option<&str>| {
        Some(object_type(text, item).as_str()).filter(|kind| *kind != "unknown")
    };
    if let Some(kind) = told(Some(&text), None) {
        return contract.category.is_none_or(|category| category == kind).then_some(kind);
    }
    let signs = |one: &Contract| -> Vec<&'static str> {
        let line = main_item(data, one).filter(|line| line != "undefined" && alone(data, one));
        one.category.into_iter().chain(line.and_then(|line| told(None, Some(&line)))).collect()
    };
    let usable = |one: &&Contract| one.initial.is_some_and(|value| value > 0) && one.modality != "not_informed";
    let found: BTreeSet<_> = match text.as_str() {
        "" => signs(contract).into_iter().collect(),
        _ => {
            let alike = judged.iter().copied().filter(|one| fold(&one.object) == text).filter(usable);
            alike.flat_map(signs).collect()
        }
    };
    (found.len() == 1).then(|| found.into_iter().next()).flatten()
}

fn outlier(data: &Data) -> Answers {
    let mut book = Book::default();
    type Group = (String, &'static str, Option<String>);
    let mut groups: BTreeMap<Group, Vec<(&Contract, f64)>> = BTreeMap::new();
    let judged = current(data);
    for contract in judged.iter().copied() {
        let Some(value) = contract.initial.filter(|value| *value > 0) else {
            book.note("no_value");
            continue;
        };
        if contract.modality == "not_informed" {
            book.note("modality_not_informed");
            continue;
        }
        let Some(kind) = kind_of(data, &judged, contract) else {
            book.note("category_unknown");
            continue;
        };
        let group = (kind.to_owned(), contract.modality, contract.sphere.clone());
        groups.entry(group).or_default().push((contract, (value as f64 / 100.0).log10()));
    }
    for members in groups.into_values() {
        let mut logs: Vec<f64> = members.iter().map(|(_, log)| *log).collect();
        logs.sort_by(f64::total_cmp);
        let (q1, q3) = (quantile8(&logs, 0.25).unwrap(), quantile8(&logs, 0.75).unwrap());
        for (contract, log) in &members {
            if members.len() < 30 {
                book.note("peer_group_too_small");
            } else if q3 == q1 {
                book.note("peer_group_without_spread");
            } else if *log > q3 + 1.5 * (q3 - q1) {
                let far = *log > q3 + 3.0 * (q3 - q1);
                book.fire(if far { "high" } else { "medium" }, vec![contract.id.clone()], None);
            } else {
                book.note("clear");
            }
        }
    }
    book.0
}

fn direct_award(data: &Data) -> Answers {
    let mut book = Book::default();
    for contract in current(data) {
        if !["dispensa_licitacao", "inexigibilidade"].contains(&contract.modality) {
            continue;
        }
        match contract.current.filter(|value| *value > 0).or(contract.initial).or(contract.current) {
            None | Some(..=0) => book.note("no_value"),
            Some(value) if value < 100_000_000 => book.note("clear"),
            Some(value) => {
                let urgent = contract.modality == "dispensa_licitacao"
                    && is_emergency(contract.legal_basis.as_deref(), Some(&fold(&contract.object)));
                let from = contract.start.or(contract.signed);
                let days = contract.end.zip(from).map(|(end, from)| (end - from).num_days());
                let severity = match (urgent, days) {
                    (false, _) => "medium",
                    (true, Some(0..=60)) => "critical",
                    (true, _) => "high",
                };
                book.fire(severity, vec![contract.id.clone()], Some(value));
            }
        }
    }
    book.0
}

fn tax_id(data: &Data) -> Answers {
    let mut book = Book::default();
    let mut suppliers: BTreeMap<String, Vec<&Contract>> = BTreeMap::new();
    for contract in current(data) {
        match key(contract) {
            Some(key) => suppliers.entry(key).or_default().push(contract),
            None => book.note("supplier_secret"),
        }
    }
    for (id, mut contracts) in suppliers {
        contracts.sort_by_key(|one| (one.signed.is_none(), one.signed, one.id.clone()));
        match check_tax_id(&id) {
            (_, _, TaxIdCheck::Valid) => book.note("clear"),
            (_, _, TaxIdCheck::Invalid) => {
                book.fire("medium", contracts.iter().map(|one| one.id.clone()).collect(), None);
            }
            (TaxIdKind::Cpf, ..) => book.note("masked"),
            (TaxIdKind::Foreign, ..) => book.note("foreign"),
            _ => book.note("other_id"),
        }
    }
    book.0
}

#[tokio::test]
async fn answers_agree_with_the_obvious_ones() {
    let own: [(&str, Reference); 6] = [
        ("amendment_cap", amendment_cap),
        ("splitting_sum", splitting_sum),
        ("supplier_share_of_buyer", supplier_share),
        ("contract_value_outlier", outlier),
        ("high_value_direct_award", direct_award),
        ("invalid_tax_id", tax_id),
    ];
    // Every seed has units of its own; suppliers cross them, as they do in life.
    let data = merge((0..30).map(|seed| random_contracts(&mut StdRng::seed_from_u64(seed))).collect());
    agree(&data, &own).await;
    agree(&data, &references::contracts::REFERENCES).await;
}

#[tokio::test]
async fn answers_about_peers_agree_with_the_obvious_ones() {
    for seed in 0..3 {
        agree(&references::peers::crowd(&mut StdRng::seed_from_u64(seed)), &references::peers::REFERENCES).await;
    }
}

/// A detector, slow and obvious.
pub(super) type Reference = fn(&Data) -> Answers;

/// Compares detectors with their references; what they answered.
pub(super) async fn agree(data: &Data, references: &[(&str, Reference)]) -> Vec<DetectorRun> {
    let prepared = Run::prepare(data.session(3), &Plan::default()).await.unwrap();
    let catalogue = Catalogue::builtin().unwrap();
    let mut runs = Vec::new();
    for (id, reference) in references {
        let mut expected = reference(data);
        let detector = catalogue.get(id).unwrap();
        let asked = |one: &&Contract| {
            let modalities = &detector.header.modalities;
            modalities.is_empty() || modalities.iter().any(|modality| modality == one.modality)
        };
        if aside::concerns(&detector.header) {
            for why in published(data).filter(asked).filter_map(|one| set_aside(data, one)) {
                *expected.0.entry(why.to_owned()).or_default() += 1;
            }
        }
        let run = prepared.detector(detector).await.unwrap();
        let found = run.findings.iter().map(|finding| {
            let amount = finding.amount_at_stake.map(crate::model::Money::cents);
            // What is about tenders names no contract.
            let tenders = finding.evidence.rows.iter().filter(|row| row.table == "tenders").map(|row| row.id.clone());
            let about = finding.contract_ids.iter().cloned().chain(tenders).collect::<Vec<_>>();
            (finding.severity.as_str().to_owned(), about, amount)
        });
        let found = found.collect::<BTreeSet<_>>();
        let different: Vec<_> = found.symmetric_difference(&expected.1).take(3).collect();
        assert!(different.is_empty(), "{id}: {different:?}");
        assert_eq!(super::verdicts(&run), expected.0, "{id}");
        // The data are worth the comparison: there is something to find.
        assert!(run.summary.fired > 0 && run.summary.clear > 0, "{id}: {:?}", expected.0);
        runs.push(run);
    }
    runs
}
