//! Synthetic tenders with their bids, as compiled releases of OCDS 1.1: one a line, about 5 kB each.
//!
//! A release depends on the seed and its number only: it is made, written and forgotten. Every
//! fiftieth holds a planted case, in turn, which `labels.csv` names; the others are made so that none
//! of the cases is in them: three to seven bids at irregular distances, the lowest of which wins, after
//! 15 to 40 days.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::record::{FIRST_DAY, Supplier};
use super::supplier::Pool;
use super::vocabulary::{ENDINGS, GOODS};
use super::{NOTE, SampleError, SampleOptions, SampleSummary, check_directory};
use crate::model::Random;

/// Prefix of the made-up publisher: no registered one ends so.
const PREFIX: &str = "ocds-000000";
/// One release in so many holds a case.
const CASE_EVERY: u64 = 50;
/// Releases between two reports of progress.
const REPORT_EVERY: u64 = 1_000;

/// What is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    /// An open tender with one bid.
    SingleBid,
    /// Two bids of the same amount.
    IdenticalBids,
    /// Bids in constant steps of two per cent: cover bids.
    ConstantSteps,
    /// A valid bid wins that is not the lowest.
    NotTheLowest,
    /// Two days for bids.
    ShortPeriod,
}

impl Case {
    const ALL: [Self; 5] =
        [Self::SingleBid, Self::IdenticalBids, Self::ConstantSteps, Self::NotTheLowest, Self::ShortPeriod];

    const fn as_str(self) -> &'static str {
        match self {
            Self::SingleBid => "single_bid",
            Self::IdenticalBids => "identical_bids",
            Self::ConstantSteps => "constant_steps",
            Self::NotTheLowest => "not_the_lowest",
            Self::ShortPeriod => "short_period",
        }
    }
}

/// Writes `processos.jsonl`, `labels.csv` (`case,expected,ocid`) and `README.txt`.
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
    writeln!(label_file, "case,expected,ocid").map_err(failed(&labels))?;
    let pool = Pool::new(*rows);
    let mut summary = SampleSummary::default();
    for index in 0..*rows {
        let case =
            (index % CASE_EVERY == CASE_EVERY - 1).then(|| Case::ALL[(index / CASE_EVERY) as usize % Case::ALL.len()]);
        let release = release(index, *seed, pool, case);
        serde_json::to_writer(&mut release_file, &release)
            .map_err(std::io::Error::from)
            .and_then(|()| release_file.write_all(b"\n"))
            .map_err(failed(&releases))?;
        if let Some(case) = case {
            writeln!(label_file, "{},fired,{PREFIX}-{index:09}", case.as_str()).map_err(failed(&labels))?;
            let count =
                summary.labels.entry(case.as_str().to_owned()).or_default().entry("fired".to_owned()).or_default();
            count.rows += 1;
            count.subjects += 1;
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
         labels.csv: case,expected,ocid; no release without a label holds a case.\n"
    )
}

/// Cents as the text of a JSON number says them. Amounts of a sample stay far below what a float
/// holds to the cent.
fn amount(cents: i64) -> Value {
    json!({"amount": cents as f64 / 100.0, "currency": "BRL"})
}

fn release(index: u64, seed: u64, pool: Pool, case: Option<Case>) -> Value {
    let mut random = Random::new(seed, index);
    let line = random.pick(&GOODS);
    let bidders = if case == Some(Case::SingleBid) { 1 } else { random.between(3, 7).unsigned_abs() };
    let first = random.below(pool.size());
    // Neighbours of the pool: they meet again and again.
    let bidders: Vec<Supplier> = (0..bidders).map(|n| pool.supplier(first + n)).collect();
    let estimate = random.between(2_000_000, 50_000_000);
    let mut bid = estimate * random.between(70, 85) / 100;
    let mut bids: Vec<i64> = Vec::with_capacity(bidders.len());
    for place in 0..bidders.len() {
        bids.push(bid);
        bid = match case {
            Some(Case::ConstantSteps) => bid + bids[0] / 50,
            Some(Case::IdenticalBids) if place == 1 => bid,
            // Never the same distance twice.
            _ => bid + bid * random.between(11, 40) / 1_000 + (place as i64 + 1) * 137,
        };
    }
    let winner = if case == Some(Case::NotTheLowest) { bids.len() - 1 } else { 0 };
    let opened = FIRST_DAY + Days::new(random.below(300));
    let days = if case == Some(Case::ShortPeriod) { 2 } else { 15 + random.below(26) };
    let day = |more: u64| -> NaiveDate { opened + Days::new(more) };
    let moment = |more: u64| format!("{}T10:00:00-03:00", day(more));
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
    let items: Vec<Value> = (1..=random.between(2, 6))
        .map(|number| {
            let quantity = random.between(1, 500);
            json!({
                "id": number.to_string(), "description": format!("{} TIPO {number}, {}", line.item, random.pick(&ENDINGS)),
                "quantity": quantity, "classification": {"scheme": "CATMAT", "id": format!("{}", 100_000 + random.below(900_000)), "description": line.item},
                "unit": {"name": "UNIDADE", "value": amount(estimate / quantity / number)},
            })
        })
        .collect();
    let object = format!("AQUISIÇÃO DE {} {}", line.thing, random.pick(&ENDINGS));
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
            json!({"id": format!("{}", place + 1), "date": moment(days - 1), "status": "valid", "tenderers": [reference(one)], "value": amount(*cents)})
        })
        .collect();
    json!({
        "ocid": format!("{PREFIX}-{index:09}"), "id": format!("{index}-compiled"), "date": moment(days + 30), "tag": ["compiled"],
        "initiationType": "tender", "language": "pt", "parties": parties, "buyer": organ,
        "tender": {
            "id": format!("{:05}{}", index % 100_000, 2023), "title": object, "status": "complete",
            "procurementMethod": "open", "procurementMethodDetails": "Pregão", "mainProcurementCategory": "goods", "awardCriteria": "priceOnly",
            "procuringEntity": organ, "value": amount(estimate), "numberOfTenderers": bidders.len(),
            "tenderPeriod": {"startDate": moment(0), "endDate": moment(days)},
            "tenderers": bidders.iter().map(reference).collect::<Vec<_>>(), "items": items,
        },
        "bids": {"details": details},
        "awards": [{
            "id": "1", "title": object, "status": "active", "date": moment(days + 10), "value": amount(bids[winner]),
            "suppliers": [reference(&bidders[winner])],
        }],
        "contracts": [{
            "id": "1", "awardID": "1", "title": object, "status": "active", "dateSigned": moment(days + 20), "value": amount(bids[winner]),
            "period": {"startDate": moment(days + 21), "endDate": moment(days + 380)}, "items": &items[..2],
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn bids(release: &Value) -> Vec<f64> {
        let details = release["bids"]["details"].as_array().unwrap();
        details.iter().map(|bid| bid["value"]["amount"].as_f64().unwrap()).collect()
    }

    #[test]
    fn cases_are_where_the_labels_say_and_nowhere_else() {
        let directory = tempfile::tempdir().unwrap();
        let options = SampleOptions { rows: 1_000, seed: 3, out: directory.path().join("a") };
        let summary = generate_ocds(&options, &|_| {}).unwrap();
        assert_eq!((summary.contracts, summary.labels.len()), (1_000, 5));
        let text = fs::read_to_string(options.out.join("processos.jsonl")).unwrap();
        let labels = fs::read_to_string(options.out.join("labels.csv")).unwrap();
        let labels: BTreeSet<(&str, &str)> = labels
            .lines()
            .skip(1)
            .map(|line| (line.split(',').next().unwrap(), line.rsplit(',').next().unwrap()))
            .collect();
        assert_eq!(labels.len(), 20);
        assert!((4_000..7_000).contains(&(text.len() / 1_000)), "{} bytes a release", text.len() / 1_000);
        for line in text.lines() {
            let release: Value = serde_json::from_str(line).unwrap();
            let bids = bids(&release);
            let steps: BTreeSet<i64> = bids.windows(2).map(|two| ((two[1] - two[0]) * 100.0).round() as i64).collect();
            let period = &release["tender"]["tenderPeriod"];
            let day = |member: &str| period[member].as_str().unwrap()[..10].parse::<NaiveDate>().unwrap();
            let lowest = bids.iter().copied().fold(f64::MAX, f64::min);
            let found = [
                ("single_bid", bids.len() == 1),
                ("identical_bids", steps.contains(&0)),
                ("constant_steps", bids.len() > 2 && steps.len() == 1),
                ("not_the_lowest", release["awards"][0]["value"]["amount"].as_f64().unwrap() > lowest),
                ("short_period", (day("endDate") - day("startDate")).num_days() < 8),
            ];
            for (case, is) in found {
                assert_eq!(is, labels.contains(&(case, release["ocid"].as_str().unwrap())), "{case} {line}");
            }
        }
        let again = SampleOptions { out: directory.path().join("b"), ..options.clone() };
        generate_ocds(&again, &|_| {}).unwrap();
        assert_eq!(fs::read_to_string(again.out.join("processos.jsonl")).unwrap(), text);
    }
}
