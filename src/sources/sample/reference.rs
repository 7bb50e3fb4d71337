//! The detectors once more, slowly and plainly, straight from their definitions, reading nothing but
//! the generated files: what the labels are held against.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::{Datelike, NaiveDate};

use crate::model::{Money, TaxIdCheck, TaxIdKind, check_tax_id, fold};

/// Buyer, number and published supplier id of a contract.
pub(super) type Key = (String, String, String);

pub(super) struct Contract {
    pub(super) key: Key,
    pub(super) object: String,
    basis: String,
    modality: String,
    pub(super) signed: Option<NaiveDate>,
    pub(super) published: NaiveDate,
    start: Option<NaiveDate>,
    end: Option<NaiveDate>,
    pub(super) supplier_name: String,
    kind: TaxIdKind,
    check: TaxIdCheck,
    /// `None` for secret suppliers.
    supplier: Option<String>,
    pub(super) initial: i128,
    current: i128,
    tender: String,
    /// (description, quantity x unit price)
    pub(super) items: Vec<(String, i128)>,
    amendments: Vec<String>,
    ambiguous: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Judgement {
    /// `fired`, `clear` or `not_evaluable`.
    pub(super) outcome: &'static str,
    pub(super) contracts: BTreeSet<Key>,
    /// Severity or reason; of a clear share, the share.
    pub(super) note: String,
}

pub(super) struct Label {
    pub(super) detector: String,
    pub(super) expected: String,
    pub(super) group: String,
    pub(super) contract: Key,
    pub(super) note: String,
}

pub(super) fn latin1(path: &Path) -> String {
    std::fs::read(path).unwrap().into_iter().map(char::from).collect()
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = latin1(path);
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn date(text: &str) -> Option<NaiveDate> {
    (!text.is_empty()).then(|| NaiveDate::parse_from_str(text, "%d/%m/%Y").unwrap())
}

fn cents(text: &str) -> i128 {
    Money::parse_comma(text).unwrap().cents()
}

/// The files of a name, of every month.
pub(super) fn files(directory: &Path, name: &str) -> Vec<PathBuf> {
    let months = (1..=12).map(|month| 202_300 + month).chain([202_401]);
    months.map(|month| directory.join(format!("{month}_{name}.csv"))).collect()
}

fn all_rows(directory: &Path, name: &str) -> Vec<Vec<String>> {
    files(directory, name).iter().flat_map(|path| rows(path)).collect()
}

pub(super) fn read(directory: &Path) -> (Vec<Contract>, Vec<Label>) {
    let mut items: BTreeMap<(String, String), Vec<(String, i128)>> = BTreeMap::new();
    for row in all_rows(directory, "ItemCompra") {
        let total = row[8].parse::<i128>().unwrap() * cents(&row[9]);
        items.entry((row[2].clone(), row[4].clone())).or_default().push((row[6].clone(), total));
    }
    let mut amendments: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in all_rows(directory, "TermoAditivo") {
        amendments.entry((row[5].clone(), row[0].clone())).or_default().push(fold(&row[9]));
    }
    let mut contracts: Vec<Contract> = Vec::new();
    for row in all_rows(directory, "Compras") {
        let number = (row[9].clone(), row[0].clone());
        let (kind, id, check) = check_tax_id(&row[15]);
        contracts.push(Contract {
            key: (row[9].clone(), row[0].clone(), row[15].clone()),
            object: fold(&row[1]),
            basis: fold(&row[2]),
            modality: row[3].clone(),
            signed: date(&row[11]),
            published: date(&row[12]).unwrap(),
            start: date(&row[13]),
            end: date(&row[14]),
            supplier_name: row[16].clone(),
            kind,
            check,
            supplier: (kind != TaxIdKind::Secret).then_some(id),
            initial: cents(&row[17]),
            current: cents(&row[18]),
            tender: row[19].clone(),
            items: items.get(&number).cloned().unwrap_or_default(),
            amendments: amendments.get(&number).cloned().unwrap_or_default(),
            ambiguous: false,
        });
    }
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for contract in &contracts {
        *seen.entry((contract.key.0.clone(), contract.key.1.clone())).or_default() += 1;
    }
    for contract in &mut contracts {
        contract.ambiguous = seen[&(contract.key.0.clone(), contract.key.1.clone())] > 1;
    }
    let mut reader = csv::Reader::from_path(directory.join("labels.csv")).unwrap();
    let labels = reader.records().map(|row| {
        let row = row.unwrap();
        let text = |at: usize| row[at].to_owned();
        let contract = (text(3), text(4), text(5));
        Label { detector: text(0), expected: text(1), group: text(2), contract, note: text(6) }
    });
    let labels = labels.collect();
    (contracts, labels)
}

fn judged(outcome: &'static str, contracts: &[&Contract], note: &str) -> Judgement {
    let contracts = contracts.iter().map(|contract| contract.key.clone()).collect();
    Judgement { outcome, contracts, note: note.to_owned() }
}

fn has(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.split(' ').any(|other| other == *word))
}

/// What a text speaks of; more than one kind is a mistake of the sample.
pub(super) fn kinds(text: &str) -> Vec<&'static str> {
    let works = ["obra", "obras", "construcao", "reforma", "pavimentacao", "engenharia", "edificacao"];
    let services = ["servico", "servicos", "prestacao", "locacao", "manutencao", "consultoria", "treinamento", "apoio"];
    let goods = ["aquisicao", "compra", "fornecimento", "material", "equipamento", "equipamentos", "medicamentos"];
    let found = [("works", has(text, &works)), ("services", has(text, &services)), ("goods", has(text, &goods))];
    found.into_iter().filter(|(_, found)| *found).map(|(kind, _)| kind).collect()
}

fn object_type(contract: &Contract) -> &'static str {
    if contract.object.contains("manutencao de veiculos") {
        return "works";
    }
    let of_object = kinds(&contract.object);
    assert!(of_object.len() < 2, "{}", contract.object);
    let main = contract.items.first().map_or(String::new(), |item| fold(&item.0));
    let of_item = kinds(&main);
    assert!(of_item.iter().all(|kind| of_object.contains(kind)), "{} / {main}", contract.object);
    of_object.first().copied().unwrap_or("unknown")
}

fn basis_kind(contract: &Contract) -> &'static str {
    if contract.basis.is_empty() {
        return "unknown";
    }
    let words: Vec<&str> = contract.basis.split(' ').collect();
    let after = |word: &str| words.iter().position(|other| *other == word).map_or("", |at| words[at + 1]);
    let law = if contract.basis.contains("13 303") {
        "13303"
    } else if contract.basis.contains("14 133") {
        "14133"
    } else {
        "8666"
    };
    match (law, after("art"), after("inciso")) {
        ("13303", ..) => "13303",
        ("14133", "75", "i") => "14133_value_works",
        ("14133", "75", "ii") => "14133_value_goods",
        ("14133", "75", "viii") => "14133_emergency",
        ("8666", "24", "i") => "8666_value_works",
        ("8666", "24", "ii") => "8666_value_goods",
        ("8666", "24", "iv") => "8666_emergency",
        _ => "other",
    }
}

fn is_emergency(contract: &Contract) -> bool {
    basis_kind(contract).ends_with("emergency")
        || has(&contract.object, &["emergencial", "emergenciais"])
        || ["em carater de emergencia", "situacao de emergencia", "emergencia sanitaria", "calamidade publica"]
            .iter()
            .any(|words| contract.object.contains(words))
}

pub(super) fn amendment_cap(contracts: &[Contract]) -> Vec<Judgement> {
    contracts.iter().map(|contract| cap(contract, &contract.amendments)).collect()
}

fn cap(contract: &Contract, amendments: &[String]) -> Judgement {
    let unclear = |reason| judged("not_evaluable", &[contract], reason);
    let any = |words: &[&str]| amendments.iter().any(|text| has(text, words));
    let undisclosed = amendments.iter().any(|text| text.contains("protegida por sigilo"));
    let (addition, reduction) = (["acrescimo"], ["supressao"]);
    let (price, term) = (["reajuste", "repactuacao", "reequilibrio"], ["prorrogacao", "vigencia", "prazo"]);
    if contract.initial <= 0 {
        return unclear("no_initial_value");
    }
    if basis_kind(contract) == "13303" {
        return unclear("regime_not_covered");
    }
    let increase = contract.current - contract.initial;
    // In quarters of a cent, so that nothing is rounded.
    let beyond = increase * 4 - contract.initial;
    if beyond <= 0 {
        if any(&addition) && any(&reduction) {
            return unclear("reductions_may_hide_additions");
        }
        return judged("clear", &[contract], if increase * 5 >= contract.initial { "near_cap" } else { "" });
    }
    // One real, or a ten-thousandth of the initial value.
    if beyond * 10_000 <= (contract.initial * 4).max(4_000_000) {
        return unclear("within_rounding");
    }
    if contract.ambiguous {
        return unclear("ambiguous_amendments");
    }
    if amendments.is_empty() {
        return unclear("no_amendment_published");
    }
    if undisclosed {
        return unclear("amendment_undisclosed");
    }
    let reform = has(&contract.object, &["reforma"]);
    if reform && increase * 2 <= contract.initial {
        return unclear("reform_cap_may_apply");
    }
    if any(&price) {
        return unclear("price_adjustment_mixed");
    }
    if any(&term) {
        return unclear("renewal_mixed");
    }
    if !amendments.iter().all(|text| has(text, &addition)) {
        return unclear("amendment_type_unknown");
    }
    let twice = if reform { contract.initial } else { contract.initial / 2 };
    let critical = increase > twice && increase > 100_000_000;
    judged("fired", &[contract], if critical { "severity=critical" } else { "severity=high" })
}

pub(super) fn splitting(contracts: &[Contract]) -> Vec<Judgement> {
    let mut out = Vec::new();
    let mut groups: BTreeMap<(String, i32, String, &str), Vec<&Contract>> = BTreeMap::new();
    let ceiling = |kind: &str, date: NaiveDate| match (kind, date.year()) {
        ("14133_value_goods", 2023) => 5_720_833,
        ("14133_value_goods", _) => 5_990_602,
        ("14133_value_works", 2023) => 11_441_665,
        ("14133_value_works", _) => 11_981_202,
        ("8666_value_goods", _) => 1_760_000,
        _ => 3_300_000,
    };
    for contract in contracts.iter().filter(|contract| contract.modality == "Dispensa de Licitação") {
        let kind = basis_kind(contract);
        let goods = ceiling("14133_value_goods", contract.signed.unwrap_or(contract.published));
        if kind == "unknown" && contract.initial > 0 && contract.initial < goods {
            out.push(judged("not_evaluable", &[contract], "legal_basis_not_published"));
        }
        if !kind.contains("_value_") {
            continue;
        }
        let Some(signed) = contract.signed else {
            out.push(judged("not_evaluable", &[contract], "no_signature_date"));
            continue;
        };
        let limit = ceiling(kind, signed);
        let below = if kind.starts_with("8666") { contract.initial <= limit } else { contract.initial < limit };
        let name = fold(&contract.supplier_name);
        let vehicles = contract.object.contains("manutencao de veiculos") && contract.initial <= 915_333;
        if contract.initial <= 0
            || !below
            || vehicles
            || has(&name, &["municipio", "prefeitura", "estado", "uniao"])
            || contract.kind == TaxIdKind::Other
        {
            continue;
        }
        let Some(main) = contract.items.iter().max_by_key(|item| item.1) else {
            out.push(judged("not_evaluable", &[contract], "line_of_business_unknown"));
            continue;
        };
        let key = (contract.key.0.clone(), signed.year(), fold(&main.0), kind);
        groups.entry(key).or_default().push(contract);
    }
    for ((_, year, _, kind), members) in groups {
        if members.len() < 2 {
            continue;
        }
        let dates: Vec<NaiveDate> = members.iter().map(|member| member.signed.unwrap()).collect();
        let (first, last) = (*dates.iter().min().unwrap(), *dates.iter().max().unwrap());
        let limit = ceiling(kind, last);
        let reached = |sum: i128| if kind.starts_with("8666") { sum > limit } else { sum >= limit };
        let within = |member: &&&Contract| member.end.is_some_and(|end| end.year() <= year);
        let all: i128 = members.iter().map(|member| member.initial).sum();
        let sum: i128 = members.iter().filter(within).map(|member| member.initial).sum();
        let one = |text: fn(&Contract) -> &String| members.iter().all(|member| text(member) == text(members[0]));
        let high = one(|member| &member.key.2) || (last - first).num_days() <= 30 || one(|member| &member.tender);
        out.push(if reached(sum) {
            judged("fired", &members, if high { "severity=high" } else { "severity=medium" })
        } else if reached(all) {
            judged("not_evaluable", &members, "term_beyond_year")
        } else {
            judged("clear", &members, "")
        });
    }
    out
}

/// What one supplier has of a buyer in one window.
struct Window<'a> {
    share: f64,
    month: i32,
    sum: i128,
    total: i128,
    with_secret: i128,
    held: Vec<&'a Contract>,
}

fn month(day: NaiveDate) -> i32 {
    day.year() * 12 + day.month0() as i32
}

/// Twelve calendar months whose files are all there, of which the buyer signed in the last one; they
/// are judged if they are the buyer's last such months, or if the twelve before hold ten contracts.
pub(super) fn share(contracts: &[Contract]) -> Vec<Judgement> {
    let covered: BTreeSet<i32> = contracts.iter().map(|contract| month(contract.published)).collect();
    let is_year = |last: i32| (last - 11..=last).all(|month| covered.contains(&month));
    let mut buyers: BTreeMap<&str, Vec<&Contract>> = BTreeMap::new();
    for contract in contracts {
        buyers.entry(&contract.key.0).or_default().push(contract);
    }
    let signed = |contract: &Contract| contract.signed.map(month);
    let mut out = Vec::new();
    for all in buyers.values() {
        let last = all.iter().filter_map(|contract| signed(contract)).filter(|month| is_year(*month)).max();
        let valued = || all.iter().copied().filter(|contract| contract.initial > 0);
        let within =
            |from: i32, to: i32| valued().filter(move |c| signed(c).is_some_and(|at| (from..=to).contains(&at)));
        let known = |contract: &&Contract| contract.supplier.is_some();
        let suppliers: BTreeSet<&String> =
            valued().filter(|c| c.signed.is_some()).filter_map(|contract| contract.supplier.as_ref()).collect();
        for supplier in suppliers {
            let own = |contract: &&Contract| contract.supplier.as_ref() == Some(supplier);
            let everything: Vec<&Contract> = valued().filter(own).collect();
            let mut months: BTreeSet<i32> = everything.iter().filter_map(|contract| signed(contract)).collect();
            months.retain(|month| is_year(*month) && within(month - 23, month - 12).filter(known).count() >= 10);
            months.extend(last);
            let mut best: Option<Window<'_>> = None;
            for month in months {
                let of_known: Vec<&Contract> = within(month - 11, month).filter(known).collect();
                let total: i128 = of_known.iter().map(|contract| contract.initial).sum();
                if of_known.len() < 10 || total < 100_000_000 {
                    continue;
                }
                let with_secret = within(month - 11, month).map(|contract| contract.initial).sum();
                let held: Vec<&Contract> = of_known.into_iter().filter(own).collect();
                let sum: i128 = held.iter().map(|contract| contract.initial).sum();
                let share = sum as f64 / total as f64;
                if best.as_ref().is_none_or(|best| (share, month) > (best.share, best.month)) {
                    best = Some(Window { share, month, sum, total, with_secret, held });
                }
            }
            out.push(match best {
                None if last.is_none() => judged("not_evaluable", &everything, "window_not_covered"),
                None => judged("not_evaluable", &everything, "buyer_below_minimum"),
                Some(best) if best.sum * 10 < best.total * 3 => {
                    judged("clear", &everything, &format!("share={:.4}", best.share))
                }
                Some(best) if best.sum * 10 < best.with_secret * 3 => {
                    judged("not_evaluable", &best.held, "secret_suppliers_decisive")
                }
                Some(best) if best.sum * 2 >= best.total => judged("fired", &best.held, "severity=high"),
                Some(best) => judged("fired", &best.held, "severity=medium"),
            });
        }
    }
    out
}

/// Quantile of type 8 (Hyndman and Fan).
pub(super) fn quantile8(sorted: &[f64], p: f64) -> f64 {
    let n = sorted.len();
    let h = (n as f64 + 1.0 / 3.0) * p + 1.0 / 3.0;
    let below = h.trunc();
    if below < 1.0 {
        return sorted[0];
    }
    let at = below as usize;
    if at >= n { sorted[n - 1] } else { sorted[at - 1] + (h - below) * (sorted[at] - sorted[at - 1]) }
}

pub(super) fn outlier(contracts: &[Contract]) -> Vec<Judgement> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Contract>> = BTreeMap::new();
    let mut out = Vec::new();
    for contract in contracts {
        let kind = object_type(contract);
        if contract.initial <= 0 {
            out.push(judged("not_evaluable", &[contract], "no_value"));
        } else if contract.modality == "Sem Informação" {
            out.push(judged("not_evaluable", &[contract], "modality_not_informed"));
        } else if kind == "unknown" {
            out.push(judged("not_evaluable", &[contract], "category_unknown"));
        } else {
            groups.entry((kind, &contract.modality)).or_default().push(contract);
        }
    }
    for members in groups.into_values() {
        let log = |contract: &Contract| (contract.initial as f64 / 100.0).log10();
        let mut logs: Vec<f64> = members.iter().map(|member| log(member)).collect();
        logs.sort_by(f64::total_cmp);
        let (q1, q3) = (quantile8(&logs, 0.25), quantile8(&logs, 0.75));
        for member in &members {
            out.push(if members.len() < 30 {
                judged("not_evaluable", &[member], "peer_group_too_small")
            } else if log(member) > q3 + 3.0 * (q3 - q1) {
                judged("fired", &[member], "severity=high")
            } else if log(member) > q3 + 1.5 * (q3 - q1) {
                judged("fired", &[member], "severity=medium")
            } else {
                judged("clear", &[member], "")
            });
        }
    }
    out
}

pub(super) fn direct_award(contracts: &[Contract]) -> Vec<Judgement> {
    let direct = ["Dispensa de Licitação", "Inexigibilidade de Licitação"];
    let awards = contracts.iter().filter(|contract| direct.contains(&contract.modality.as_str()));
    let judge = |contract: &Contract| {
        if contract.current < 100_000_000 {
            return judged("clear", &[contract], "");
        }
        let start = contract.start.or(contract.signed);
        let days = contract.end.zip(start).map(|(end, start)| (end - start).num_days());
        let severity = match (is_emergency(contract), days) {
            (true, Some(..=60)) => "severity=critical",
            (true, _) => "severity=high",
            (false, _) => "severity=medium",
        };
        judged("fired", &[contract], severity)
    };
    awards.map(judge).collect()
}

pub(super) fn tax_id(contracts: &[Contract]) -> Vec<Judgement> {
    let mut suppliers: BTreeMap<&String, Vec<&Contract>> = BTreeMap::new();
    let mut out = Vec::new();
    for contract in contracts {
        match &contract.supplier {
            Some(supplier) => suppliers.entry(supplier).or_default().push(contract),
            None => out.push(judged("not_evaluable", &[contract], "supplier_secret")),
        }
    }
    for members in suppliers.values() {
        let (outcome, note) = match (members[0].check, members[0].kind) {
            (TaxIdCheck::Invalid, _) => ("fired", "severity=medium"),
            (TaxIdCheck::Valid, _) => ("clear", ""),
            (TaxIdCheck::NotApplicable, TaxIdKind::Foreign) => ("not_evaluable", "foreign"),
            (TaxIdCheck::NotApplicable, TaxIdKind::Other) => ("not_evaluable", "other_id"),
            (TaxIdCheck::NotApplicable, _) => ("not_evaluable", "masked"),
        };
        out.push(judged(outcome, members, note));
    }
    out
}
