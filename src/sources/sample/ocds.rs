//! Synthetic tenders with their bids, as compiled releases of OCDS 1.1: one a line, about 5 kB each.
//!
//! A release depends on the seed, its number and how many there are: it is made, written and forgotten. What is planted
//! ([`super::ocds_cases`]) stands in `labels.csv`. The others are made so that they fire nothing: three to seven bidders
//! drawn from the whole pool, so that no two keep meeting; bids at irregular distances, the second nearer to the
//! first than any two others, so that they are no cover bids; the lowest wins at 72 to 85 % of the estimate, after 15
//! to 40 days, and is awarded ten days later. One in five is no auction, and one contract in 25 shows its payments.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::ocds_cases::Case;
use super::record::{FIRST_DAY, Kind, Supplier};
use super::supplier::{Pool, bidder};
use super::vocabulary::{ENDINGS, GOODS, SERVICES, WORKS};
use super::{NOTE, SampleError, SampleOptions, SampleSummary, check_directory};
use crate::model::Random;

/// Prefix of the made-up publisher: no registered one ends so.
const PREFIX: &str = "ocds-000000";
/// Firms of a cartel.
const CARTEL: u64 = 5;
/// Firms of the ring.
const RING: u64 = 3;
/// Numbers of the bidders of the ring and of the pair; those of cartels stay below.
const RING_FIRMS: u64 = 9_000_000;
const PAIR_FIRMS: u64 = 9_100_000;
/// The same of the wholesalers.
const WHOLESALE_FIRMS: u64 = 9_200_000;
/// Releases between two reports of progress.
const REPORT_EVERY: u64 = 1_000;

/// Writes `processos.jsonl`, `labels.csv` (`case,expected,ocid,detector,note`) and `README.txt`.
///
/// `progress` gets the number of releases written so far.
///
/// # Errors
/// [`SampleError`]: a directory with other files, or a file that cannot be written.
pub fn generate_ocds(options: &SampleOptions, progress: &dyn Fn(u64)) -> Result<SampleSummary, SampleError> {
    let SampleOptions { rows, seed, out } = options;
    check_directory(out)?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| SampleError::Write { path, source }
    };
    fs::create_dir_all(out).map_err(failed(out))?;
    let note = out.join("README.txt");
    fs::write(&note, about(*rows, *seed)).map_err(failed(&note))?;
    let create = |path: &PathBuf| File::create(path).map(BufWriter::new).map_err(failed(path));
    let (releases, labels) = (out.join("processos.jsonl"), out.join("labels.csv"));
    let (mut release_file, mut label_file) = (create(&releases)?, create(&labels)?);
    writeln!(label_file, "case,expected,ocid,detector,note").map_err(failed(&labels))?;
    let pool = Pool::new(*rows);
    let mut summary = SampleSummary::default();
    for index in 0..*rows {
        let case = Case::of(index, *rows);
        let release = release(index, *seed, pool, case);
        serde_json::to_writer(&mut release_file, &release)
            .map_err(std::io::Error::from)
            .and_then(|()| release_file.write_all(b"\n"))
            .map_err(failed(&releases))?;
        for (detector, expected, note) in case.map_or(&[][..], Case::expected) {
            let (name, expected) = (case.map_or("", Case::as_str), expected.as_str());
            writeln!(label_file, "{name},{expected},{PREFIX}-{index:09},{detector},{note}").map_err(failed(&labels))?;
            let of_detector = summary.labels.entry((*detector).to_owned()).or_default();
            let count = of_detector.entry(expected.to_owned()).or_default();
            count.rows += 1;
            count.subjects += u64::from(case.is_some_and(Case::first));
        }
        summary.contracts += 1;
        summary.items += release["tender"]["items"].as_array().map_or(0, |items| items.len() as u64);
        if (index + 1).is_multiple_of(REPORT_EVERY) {
            progress(index + 1);
        }
    }
    release_file.flush().map_err(failed(&releases))?;
    label_file.flush().map_err(failed(&labels))?;
    progress(*rows);
    Ok(summary)
}

fn about(rows: u64, seed: u64) -> String {
    format!(
        "{NOTE}\n\n\
         Nada aqui é real: {rows} processos de compra, semente {seed}, no formato OCDS 1.1 (compiled releases, um por linha).\n\n\
         Nothing here is real: {rows} tenders, seed {seed}, as compiled releases of OCDS 1.1, one a line.\n\n\
         labels.csv: case,expected,ocid,detector,note\n\
         \x20 expected: fired | clear | not_evaluable; every release that a detector of tenders or bids must fire on\n\
         \x20 is labelled, and near misses are labelled with what it must answer instead.\n\
         \x20 note: the severity of what fires, the reason of what does not.\n"
    )
}

/// Cents as the text of a JSON number says them. Amounts of a sample stay far below what a float
/// holds to the cent.
fn amount(cents: i64) -> Value {
    json!({"amount": cents as f64 / 100.0, "currency": "BRL"})
}

/// Who bids, the lowest first.
fn bidders(case: Option<Case>, pool: Pool, random: &mut Random) -> Vec<Supplier> {
    let (mut firms, others): (Vec<Supplier>, u64) = match case {
        Some(Case::SingleBid) => (Vec::new(), 1),
        Some(Case::Isolated) => (Vec::new(), CARTEL),
        // None wins so often that the others would be its companions.
        Some(Case::Cartel { number, tender }) => {
            ((0..CARTEL).map(|firm| bidder(number * CARTEL + (tender + firm) % CARTEL)).collect(), 0)
        }
        Some(Case::Ring { tender }) => ((0..RING).map(|firm| bidder(RING_FIRMS + (tender + firm) % RING)).collect(), 2),
        Some(Case::Pair { .. }) => (vec![bidder(PAIR_FIRMS), bidder(PAIR_FIRMS + 1)], 3),
        Some(Case::Wholesaler { number, .. }) => (vec![bidder(WHOLESALE_FIRMS + number)], 3),
        _ => (Vec::new(), random.between(3, 7).unsigned_abs()),
    };
    firms.extend(pool.draw(random, others, &[]));
    firms
}

/// What they bid, in cents.
fn prices(case: Option<Case>, bidders: usize, estimate: i64, random: &mut Random) -> Vec<i64> {
    let lowest = match (case, random.between(72, 85)) {
        (Some(Case::NearEstimate), _) => estimate * 99 / 100,
        (Some(Case::AboveEstimate), _) => estimate * 110 / 100,
        (Some(Case::BelowEstimate), _) => estimate * 97 / 100,
        (_, percent) => estimate * percent / 100,
    };
    let mut bids = vec![lowest];
    let mut last = lowest;
    for place in 1..bidders as i64 {
        last = match (case, place) {
            (Some(Case::ConstantSteps), _) => last + lowest / 50,
            (Some(Case::IdenticalBids), 2) => last,
            (Some(Case::FarRunnerUp), 1) => last * 2,
            (Some(Case::CloseRunnerUp), 1) => last + last / 2_000,
            // All near to each other, and away from the lowest.
            (Some(Case::Cartel { .. } | Case::Isolated), _) => {
                lowest + lowest * (21 + place) / 1_000 + random.between(0, lowest / 2_000)
            }
            // The two lowest of those that count are nearer to each other than any others; never twice the same distance.
            (_, 1) | (Some(Case::LowestOut), 2) => last + last * random.between(11, 24) / 1_000 + 137,
            _ => last + last * random.between(30, 50) / 1_000 + place * 137,
        };
        bids.push(last);
    }
    bids
}

/// What is paid for a contract of that worth: days after the last day for bids, and cents.
fn payments(case: Option<Case>, index: u64, worth: i64) -> Vec<(u64, i64)> {
    let parts: &[(u64, i64)] = match case {
        Some(Case::Overpaid) => &[(60, 55), (90, 55)],
        Some(Case::PaidEarly) => &[(15, 40)],
        Some(Case::PaidOnTheMark) => &[(60, 100), (90, 1)],
        None if index % 25 == 3 => &[(60, 50), (90, 45)],
        _ => &[],
    };
    parts.iter().map(|(days, percent)| (*days, worth * percent / 100)).collect()
}

fn release(index: u64, seed: u64, pool: Pool, case: Option<Case>) -> Value {
    let mut random = Random::new(seed, index);
    let (kind, category, line) = match case {
        Some(Case::Ring { .. }) => (Kind::Works, "works", random.pick(&WORKS)),
        Some(Case::Pair { .. }) => (Kind::Services, "services", random.pick(&SERVICES)),
        _ => (Kind::Goods, "goods", random.pick(&GOODS)),
    };
    let bidders = bidders(case, pool, &mut random);
    let estimate = random.between(2_000_000, 50_000_000);
    let bids = prices(case, bidders.len(), estimate, &mut random);
    let winner = usize::from(matches!(case, Some(Case::NotTheLowest | Case::LowestOut)));
    let status = |place: usize| match (case, place) {
        (Some(Case::LowestOut), 0) | (Some(Case::OneOut), 2) => "disqualified",
        (Some(Case::AllOut), 1..) => "disqualified",
        _ => "valid",
    };
    let (start, days) = match (case, random.below(300), 15 + random.below(26)) {
        (Some(Case::ShortPeriod), start, _) => (start, 2),
        // One after the other, so that there is an order to take turns in.
        (Some(Case::Ring { tender } | Case::Pair { tender }), ..) => (12 * tender, 20),
        (_, start, days) => (start, days),
    };
    let opened = FIRST_DAY + Days::new(start);
    let day = |more: u64| -> NaiveDate { opened + Days::new(more) };
    let moment = |more: u64| format!("{}T10:00:00-03:00", day(more));
    let awarded = match case {
        Some(Case::FastDecision) => days,
        Some(Case::SlowDecision) => days + 60,
        _ => days + 10,
    };
    let handed_in = |place: usize| match case {
        Some(Case::LateBid | Case::LateInAuction) if place == winner => format!("{}T11:00:00-03:00", day(days)),
        Some(Case::BidInTime) if place == winner => moment(days),
        _ => moment(days - 1),
    };
    let no_auction = matches!(case, Some(Case::LateBid | Case::BidInTime)) || index % 5 == 2;
    let method = if no_auction { "Concorrência" } else { "Pregão" };
    let buyer = format!("{:06}", 100_000 + index % 5_000);
    let organ = json!({"id": format!("BR-UASG-{buyer}"), "name": format!("UNIDADE GESTORA SINTÉTICA {buyer}")});
    let reference = |one: &Supplier| json!({"id": one.id, "name": one.name});
    let party = |place: usize, one: &Supplier| {
        let roles = if place == winner { json!(["tenderer", "supplier"]) } else { json!(["tenderer"]) };
        let foreign = one.id.starts_with("EX");
        json!({
            "id": one.id, "name": one.name, "roles": roles,
            "identifier": {"scheme": if foreign { "XX-SYNTHETIC" } else { "BR-CNPJ" }, "id": one.id, "legalName": one.name},
            "address": {"streetAddress": format!("Rua Sintética {}", one.id.len() + place), "locality": "Cidade Sintética", "region": "DF", "countryName": "Brasil"},
        })
    };
    let class = case.and_then(Case::class);
    let items: Vec<Value> = (1..=random.between(2, 6))
        .map(|number| {
            let quantity = random.between(1, 500);
            let description = format!("{} TIPO {number}, {}", line.item, random.pick(&ENDINGS));
            let code = 100_000 + random.below(900_000);
            let code = class.map_or(code, |class| class * 10_000 + code % 10_000);
            json!({
                "id": number.to_string(), "description": description,
                "quantity": quantity, "classification": {"scheme": "CATMAT", "id": code.to_string(), "description": line.item},
                "unit": {"name": "UNIDADE", "value": amount(estimate / quantity / number)},
            })
        })
        .collect();
    let object = kind.object(line.thing, random.pick(&ENDINGS));
    let mut parties = vec![json!({
        "id": organ["id"], "name": organ["name"], "roles": ["buyer", "procuringEntity"],
        "identifier": {"scheme": "BR-UASG", "id": buyer, "legalName": organ["name"]},
    })];
    parties.extend(bidders.iter().enumerate().map(|(place, one)| party(place, one)));
    let details: Vec<Value> = bidders
        .iter()
        .zip(&bids)
        .enumerate()
        .map(|(place, (one, cents))| {
            json!({"id": format!("{}", place + 1), "date": handed_in(place), "status": status(place), "tenderers": [reference(one)], "value": amount(*cents)})
        })
        .collect();
    let mut contract = json!({
        "id": "1", "awardID": "1", "title": object, "status": "active", "dateSigned": moment(awarded + 10), "value": amount(bids[winner]),
        "period": {"startDate": moment(awarded + 11), "endDate": moment(awarded + 370)}, "items": &items[..2],
    });
    let paid: Vec<Value> = (1..)
        .zip(payments(case, index, bids[winner]))
        .map(|(number, (after, cents))| {
            json!({"id": number.to_string(), "date": moment(days + after), "value": amount(cents), "payee": reference(&bidders[winner])})
        })
        .collect();
    if !paid.is_empty() {
        contract["implementation"] = json!({"transactions": paid});
    }
    json!({
        "ocid": format!("{PREFIX}-{index:09}"), "id": format!("{index}-compiled"), "date": moment(awarded + 20), "tag": ["compiled"],
        "initiationType": "tender", "language": "pt", "parties": parties, "buyer": organ,
        "tender": {
            "id": format!("{:05}{}", index % 100_000, 2023), "title": object, "status": "complete",
            "procurementMethod": "open", "procurementMethodDetails": method, "mainProcurementCategory": category, "awardCriteria": "priceOnly",
            "procuringEntity": organ, "value": amount(estimate), "numberOfTenderers": bidders.len(),
            "tenderPeriod": {"startDate": moment(0), "endDate": moment(days)},
            "tenderers": bidders.iter().map(reference).collect::<Vec<_>>(), "items": items,
        },
        "bids": {"details": details},
        "awards": [{
            "id": "1", "title": object, "status": "active", "date": moment(awarded), "value": amount(bids[winner]),
            "suppliers": [reference(&bidders[winner])],
        }],
        "contracts": [contract],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn bids(release: &Value) -> Vec<f64> {
        let details = release["bids"]["details"].as_array().unwrap();
        details.iter().map(|bid| bid["value"]["amount"].as_f64().unwrap()).collect()
    }

    fn day(text: &Value) -> NaiveDate {
        text.as_str().unwrap()[..10].parse().unwrap()
    }

    /// What the release itself says of the cases, read without the generator.
    fn told(release: &Value) -> BTreeSet<&'static str> {
        let bids = bids(release);
        let steps: BTreeSet<i64> = bids.windows(2).map(|two| ((two[1] - two[0]) * 100.0).round() as i64).collect();
        let lowest = bids.iter().copied().fold(f64::MAX, f64::min);
        let (tender, award, contract) = (&release["tender"], &release["awards"][0], &release["contracts"][0]);
        let details = release["bids"]["details"].as_array().unwrap();
        let estimate = tender["value"]["amount"].as_f64().unwrap();
        let worth = award["value"]["amount"].as_f64().unwrap();
        let gap = bids.get(1).map_or(0.02, |second| (second - bids[0]) / bids[0]);
        let spread = bids.iter().skip(1).fold(0.0, |most: f64, bid| most.max(bid / bids[1]));
        let auction = tender["procurementMethodDetails"] == "Pregão";
        let (end, handed_in) = (tender["tenderPeriod"]["endDate"].as_str(), details[0]["date"].as_str());
        let out: Vec<usize> = (0..details.len()).filter(|at| details[*at]["status"] == "disqualified").collect();
        let decided = (day(&award["date"]) - day(&tender["tenderPeriod"]["endDate"])).num_days();
        let payments = contract["implementation"]["transactions"].as_array().into_iter().flatten();
        let paid: f64 = payments.clone().map(|one| one["value"]["amount"].as_f64().unwrap()).sum();
        let early = payments.clone().any(|one| day(&one["date"]) < day(&contract["dateSigned"]));
        let like_a_cartel = bids.len() == CARTEL as usize && gap > 0.0215 && spread < 1.01;
        let planted = |name: &Value| name.as_str().is_some_and(|name| name[19..].starts_with('9'));
        let cartel = details.iter().all(|bid| planted(&bid["tenderers"][0]["name"]));
        let category = &tender["mainProcurementCategory"];
        [
            ("single_bid", bids.len() == 1),
            ("identical_bids", steps.contains(&0)),
            ("constant_steps", bids.len() > 2 && steps.len() == 1),
            ("not_the_lowest", worth > lowest && out.is_empty()),
            (
                "short_period",
                (day(&tender["tenderPeriod"]["endDate"]) - day(&tender["tenderPeriod"]["startDate"])).num_days() < 8,
            ),
            ("fast_decision", decided == 0),
            ("slow_decision", decided > 10),
            ("near_estimate", (0.98..=1.0).contains(&(lowest / estimate))),
            ("above_estimate", lowest > estimate),
            ("below_estimate", (0.95..0.98).contains(&(lowest / estimate))),
            ("far_runner_up", gap > 0.5),
            ("close_runner_up", gap < 0.01),
            ("late_bid", !auction && handed_in > end),
            ("bid_in_time", handed_in == end),
            ("late_in_auction", auction && handed_in > end),
            ("lowest_out", out == [0]),
            ("all_out", !out.is_empty() && out.len() + 1 == bids.len()),
            ("one_out", out == [2]),
            ("overpaid", paid > worth * 1.02),
            ("paid_early", early),
            ("paid_on_the_mark", (paid / worth - 1.01).abs() < 0.001),
            ("isolated", like_a_cartel && !cartel),
            ("cartel", like_a_cartel && cartel),
            ("ring", category == "works"),
            ("pair", category == "services"),
        ]
        .into_iter()
        .filter_map(|(case, is)| is.then_some(case))
        .collect()
    }

    #[test]
    fn cases_are_where_the_labels_say_and_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let options = SampleOptions { rows: 4_200, seed: 3, out: directory.path().join("a") };
        let summary = generate_ocds(&options, &|_| {}).unwrap();
        let text = fs::read_to_string(options.out.join("processos.jsonl")).unwrap();
        let labels = fs::read_to_string(options.out.join("labels.csv")).unwrap();
        let labels: Vec<Vec<&str>> = labels.lines().skip(1).map(|line| line.split(',').collect()).collect();
        let of: BTreeMap<&str, &str> = labels.iter().map(|label| (label[2], label[0])).collect();
        assert_eq!(labels.iter().map(|label| label[0]).collect::<BTreeSet<_>>().len(), 25, "every case is there");
        let counted = summary.labels.values().flat_map(BTreeMap::values).map(|count| count.rows).sum::<u64>();
        assert_eq!((summary.contracts, counted), (4_200, labels.len() as u64));
        let rotation = &summary.labels["rotation_and_cobidding"]["fired"];
        assert_eq!((rotation.rows, rotation.subjects), (32, 2));
        // Two cartels of ten tenders, and none that is cut off.
        assert_eq!(summary.labels["bid_dispersion_screen"]["fired"].rows, 20);
        assert!((4_000..7_000).contains(&(text.len() / 4_200)), "{} bytes a release", text.len() / 4_200);
        for line in text.lines() {
            let release: Value = serde_json::from_str(line).unwrap();
            let labelled: BTreeSet<&str> = of.get(release["ocid"].as_str().unwrap()).copied().into_iter().collect();
            assert_eq!(told(&release), labelled, "{line}");
        }
        let again = SampleOptions { out: directory.path().join("b"), ..options.clone() };
        generate_ocds(&again, &|_| {}).unwrap();
        assert_eq!(fs::read_to_string(again.out.join("processos.jsonl")).unwrap(), text);
    }

    #[test]
    fn wholesalers_are_peers_and_two_of_them_sell_whatever_is_wanted() {
        let mut classes: BTreeMap<u64, (u64, BTreeSet<u64>)> = BTreeMap::new();
        let mut labelled = BTreeSet::new();
        for case in (0..60_000).filter_map(|index| Case::of(index, 60_000)) {
            if let Case::Wholesaler { number, .. } = case {
                let (tenders, of) = classes.entry(number).or_default();
                *tenders += 1;
                of.extend(case.class());
                labelled.extend((!case.expected().is_empty()).then_some(number));
            }
        }
        assert_eq!(classes.len(), 40);
        assert!(classes.values().all(|(tenders, _)| *tenders >= 20), "{classes:?}");
        let motley: BTreeSet<u64> =
            classes.iter().filter(|(_, (_, of))| of.len() > 5).map(|(number, _)| *number).collect();
        assert_eq!((motley, labelled), (BTreeSet::from([0, 20]), BTreeSet::from([0, 20])));
        assert!((0..59_999).all(|index| !matches!(Case::of(index, 59_999), Some(Case::Wholesaler { .. }))));
    }

    #[test]
    fn few_releases_are_no_peers_and_hold_no_case() {
        let directory = tempfile::tempdir().unwrap();
        let options = SampleOptions { rows: 500, seed: 3, out: directory.path().to_owned() };
        assert!(generate_ocds(&options, &|_| {}).unwrap().labels.is_empty());
    }
}
