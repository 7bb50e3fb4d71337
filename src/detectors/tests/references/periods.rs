//! Of the days of a tender.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate, TimeDelta};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::super::differential::{Answers, Book};
use super::super::tenders::Tender;
use super::super::{Data, day};
use super::tenders::{
    agree_on_every_answer, deadline, fire, is_auction, is_brazilian, is_cancelled, kind, notice, quantile, situation,
    subjects,
};
use crate::detectors::functions::calendar::{Calendar, is_working_day};
use crate::detectors::functions::legal_regime;
use crate::model::fold;

#[tokio::test]
async fn answers_about_days_agree_with_the_obvious_ones() {
    let sets: Vec<Data> = (0..3).map(|seed| random(&mut StdRng::seed_from_u64(seed))).collect();
    agree_on_every_answer(&sets, &[("short_submission", short_submission), ("decision_period", decision_period)]).await;
}

pub(in super::super) fn random(rng: &mut StdRng) -> Data {
    let mut data = Data::default();
    for place in 0..900 {
        let mut tender = Tender::new(&format!("t{place:03}"));
        // One source is too small for a comparison, and in one all periods are the same.
        tender.source = (*["ocds:one", "ocds:one", "portal:licitacoes", "ocds:same"].choose(rng).unwrap()).to_owned();
        if rng.random_bool(0.05) {
            tender.source = "ocds:small".to_owned();
        }
        let same = tender.source == "ocds:same";
        tender.method = *[Some("open"), Some("open"), Some("open"), Some("limited"), None].choose(rng).unwrap();
        (tender.modality, tender.modality_name) = match rng.random_range(0..9) {
            0..3 if !same => ("pregao", "Pregão".to_owned()),
            3 if !same => ("not_informed", "Leilão eletrônico".to_owned()),
            _ => ("concorrencia", "Concorrência".to_owned()),
        };
        tender.situation = situation(rng);
        tender.category = rng.random_bool(0.5).then(|| ["goods", "services", "works"].choose(rng).unwrap().to_string());
        tender.object =
            (*["Aquisição de material", "Prestação de serviços de limpeza", "Conforme edital"].choose(rng).unwrap())
                .to_owned();
        tender.currency = Some((*["BRL", "MDL", "MDL"].choose(rng).unwrap()).to_owned());
        tender.legal_basis =
            [None, Some("Lei 8.666/1993"), Some("Lei 14.133/2021"), Some("Lei 14.133/2021, Art. 28, I")]
                .choose(rng)
                .unwrap()
                .map(str::to_owned);
        tender.criterion =
            [None, None, Some("Menor preço"), Some("priceOnly"), Some("Técnica e preço"), Some("Maior lance")]
                .choose(rng)
                .unwrap()
                .map(str::to_owned);
        if rng.random_bool(0.1) {
            tender.buyer_name = "MINISTÉRIO DA SAÚDE".to_owned();
        }
        // Law 14.133 begins within these days.
        let first = day("2021-02-01") + Days::new(rng.random_range(0..500));
        let moment = |on: NaiveDate, rng: &mut StdRng| {
            let midnight = on.and_hms_opt(0, 0, 0).unwrap().and_utc();
            if rng.random_bool(0.3) { midnight } else { midnight + TimeDelta::minutes(rng.random_range(0..1_440)) }
        };
        tender.published = rng.random_bool(0.8).then_some(first);
        tender.start = rng.random_bool(0.6).then(|| moment(first + TimeDelta::days(rng.random_range(-2..3)), rng));
        let period = if rng.random_bool(0.1) { rng.random_range(-3..6) } else { rng.random_range(8..60) };
        let last = first + TimeDelta::days(if same { 20 } else { period });
        tender.end = rng.random_bool(0.85).then(|| moment(last, rng));
        tender.opened = rng.random_bool(0.3).then_some(last + Days::new(1));
        let decided = if same {
            6
        } else if rng.random_bool(0.85) {
            rng.random_range(5..40)
        } else {
            *[-2, 0, 1, 2, 4, 5, 70, 150].choose(rng).unwrap()
        };
        if same {
            (tender.end, tender.opened) = (None, Some(last));
        }
        tender.result = rng.random_bool(0.95).then(|| last + TimeDelta::days(decided));
        data.tenders.push(tender);
    }
    data
}

/// What the law asks for, in working days, and how many there are.
fn by_law(tender: &Tender, from: NaiveDate, to: NaiveDate) -> Option<(usize, usize)> {
    let regime = legal_regime(tender.legal_basis.as_deref(), Some(&fold(&tender.object))).as_str();
    if !is_brazilian(tender) || regime != "14133" || from < day("2021-04-01") {
        return None;
    }
    let least = match (tender.criterion.as_deref(), kind(tender).as_deref()) {
        (Some("Técnica e preço"), _) => 35,
        (Some("Maior lance"), _) => 15,
        (_, Some("services" | "works")) => 10,
        _ => 8,
    };
    let counted = from.iter_days().skip(1).take_while(|day| *day <= to);
    Some((least, counted.filter(|day| is_working_day(*day, Calendar::Holidays)).count()))
}

fn short_submission(data: &Data) -> Answers {
    let mut book = Book::default();
    type Period<'a> = (&'a Tender, i64, Option<(usize, usize)>);
    let mut methods: BTreeMap<(&str, &str), Vec<Period<'_>>> = BTreeMap::new();
    for tender in subjects(data) {
        match (notice(tender), deadline(tender)) {
            _ if is_cancelled(tender) => book.note("cancelled"),
            (Some(from), Some(to)) if to < from => book.note("deadline_before_notice"),
            (Some(from), Some(to)) => methods.entry((&tender.source, &tender.modality_name)).or_default().push((
                tender,
                (to - from).num_days(),
                by_law(tender, from, to),
            )),
            _ => book.note("no_period"),
        }
    }
    for peers in methods.into_values() {
        let low = quantile(peers.iter().map(|(_, days, _)| *days as f64).collect(), 0.05);
        for (tender, days, law) in &peers {
            match law {
                Some((least, counted)) if counted >= least => book.note("clear"),
                Some((least, counted)) if tender.buyer_name.contains("SAÚDE") && counted * 2 >= *least => {
                    book.note("halved_possible");
                }
                Some(_) => fire(&mut book, tender, "high", None),
                None if peers.len() < 100 => book.note("peer_group_too_small"),
                None if (*days as f64) < low && *days < 15 => fire(&mut book, tender, "low", None),
                None => book.note("clear"),
            }
        }
    }
    book.0
}

fn decision_period(data: &Data) -> Answers {
    let mut book = Book::default();
    let mut methods: BTreeMap<(&str, &str), Vec<(&Tender, i64)>> = BTreeMap::new();
    for tender in subjects(data) {
        match (deadline(tender), tender.result) {
            _ if is_cancelled(tender) => book.note("cancelled"),
            (Some(last), Some(result)) if result < last => book.note("result_before_deadline"),
            (Some(last), Some(result)) => methods
                .entry((&tender.source, &tender.modality_name))
                .or_default()
                .push((tender, (result - last).num_days())),
            _ => book.note("no_days"),
        }
    }
    for peers in methods.into_values() {
        let days = || peers.iter().map(|(_, days)| *days as f64).collect::<Vec<_>>();
        let (median, slow) = (quantile(days(), 0.5), quantile(days(), 0.95));
        for (tender, days) in &peers {
            let fast = if is_auction(tender) { 1 } else { 4 };
            if *days <= fast {
                let very = *days == 0 && !is_auction(tender);
                fire(&mut book, tender, if very { "medium" } else { "low" }, None);
            } else if peers.len() < 100 {
                book.note("peer_group_too_small");
            } else if slow <= median {
                book.note("peer_group_without_spread");
            } else if *days as f64 >= slow {
                fire(&mut book, tender, if *days as f64 > 2.0 * slow { "medium" } else { "low" }, None);
            } else {
                book.note("clear");
            }
        }
    }
    book.0
}
