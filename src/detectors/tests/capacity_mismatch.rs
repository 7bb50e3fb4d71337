use std::collections::BTreeMap;

use chrono::{Datelike, Days};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::register::{Company, Establishment, Regime, cnpj, root};
use super::{Contract, Data, cents, day, value};
use crate::model::{Finding, Severity};

const ID: &str = "capacity_mismatch";

fn contract(company: u32, on: &str, worth: &str) -> Contract {
    let supplier = cnpj(company, 1);
    Contract { supplier, signed: Some(day(on)), ..Contract::new(&format!("c{company:03}-{on}-{worth}")).worth(worth) }
}

fn micro(company: u32) -> Company {
    Company { size: Some("micro"), ..Company::of(company) }
}

/// A register in which somebody is under each regime, so that it was taken in.
fn with(contracts: Vec<Contract>, companies: Vec<Company>, regimes: Vec<Regime>) -> Data {
    let mut data = Data { contracts, companies, regimes, ..Data::default() };
    data.regimes.push(Regime::of(999));
    data.companies.push(Company::of(999));
    data
}

async fn judge(data: Data) -> (Vec<String>, Vec<Finding>) {
    let (answers, findings) = data.answers(ID).await;
    (answers.into_values().collect(), findings)
}

#[tokio::test]
async fn the_total_of_a_year_against_the_limit_of_the_size() {
    let of = |number: u32, size: &'static str, worth: &str| {
        (contract(number, "2024-05-01", worth), Company { size: Some(size), ..Company::of(number) })
    };
    let (contracts, companies) = [
        of(1, "micro", "360000.00"),
        of(2, "micro", "360000.01"),
        of(3, "small", "4800000.00"),
        of(4, "small", "4800000.01"),
        of(5, "other", "9000000.00"),
    ]
    .into_iter()
    .unzip();
    let (verdicts, findings) = judge(with(contracts, companies, Vec::new())).await;
    assert_eq!(verdicts, ["clear", "fired", "clear", "fired", "clear"]);
    let finding = findings.iter().find(|one| value(one, "root") == root(2)).unwrap();
    for (name, expected) in [
        ("year", "2024"),
        ("rule", "size"),
        ("total", "360000.01"),
        ("size", "micro"),
        ("limit", "360000.00"),
        ("contracts", "1"),
    ] {
        assert_eq!(value(finding, name), expected, "{name}");
    }
    assert_eq!((finding.severity, finding.amount_at_stake.unwrap().to_string()), (Severity::Medium, "0.01".to_owned()));
    assert!(finding.description_pt.contains("microempresa") && finding.description_pt.contains("indício"));
}

#[tokio::test]
async fn establishments_and_days_of_a_year_count_together() {
    let branch = Contract { supplier: cnpj(1, 2), ..contract(1, "2024-12-31", "180000.00") };
    let contracts = vec![
        contract(1, "2024-01-01", "180000.01"),
        branch,
        contract(2, "2023-12-31", "180000.01"),
        contract(2, "2024-01-01", "180000.01"),
    ];
    let of = |number| Company { reference: Some(day("2024-12-31")), ..micro(number) };
    let (verdicts, findings) = judge(with(contracts, vec![of(1), of(2)], Vec::new())).await;
    assert_eq!(verdicts, ["fired", "clear", "clear"]);
    assert_eq!(findings[0].contract_ids.len(), 2);
}

#[tokio::test]
async fn a_contract_of_several_years_counts_with_a_part() {
    let term = |number: u32, days: u64| Contract {
        start: Some(day("2024-02-01")),
        end: Some(day("2024-02-01") + Days::new(days)),
        ..contract(number, "2024-01-20", "720000.00")
    };
    // 546 days are a year and a half, less a day; 547 are two years. Then three.
    let contracts = vec![term(1, 546), term(2, 547), Contract { end: None, ..term(3, 900) }, term(4, 1095)];
    let contracts: Vec<_> =
        contracts.into_iter().map(|one| Contract { id: format!("{}-x", one.supplier), ..one }).collect();
    let companies = (1..=4).map(micro).collect();
    assert_eq!(judge(with(contracts, companies, Vec::new())).await.0, ["fired", "clear", "fired", "clear"]);
}

#[tokio::test]
async fn what_is_done_in_later_years_does_not_pass_the_limit() {
    let of = |number: u32, on: &str, end: &str, worth: &str| Contract {
        start: Some(day(on)),
        end: Some(day(end)),
        ..contract(number, on, worth)
    };
    let contracts = vec![
        // One from year to year after the other: of the second 17 days are of the first year.
        of(1, "2024-01-02", "2024-12-31", "200000.00"),
        of(1, "2024-12-15", "2025-12-14", "200000.00"),
        of(2, "2024-01-02", "2024-12-31", "200000.00"),
        of(2, "2024-03-01", "2025-02-28", "200000.00"),
        // By itself more than a year of its own allows.
        of(3, "2024-12-15", "2025-12-14", "400000.00"),
    ];
    let companies = (1..=3).map(|number| Company { reference: Some(day("2024-12-31")), ..micro(number) }).collect();
    let (verdicts, _) = judge(with(contracts, companies, Vec::new())).await;
    assert_eq!(verdicts, ["term_beyond_year", "fired", "fired"]);
}

#[tokio::test]
async fn days_of_mei_and_simples_tell_the_size_of_a_year() {
    let of = |from: &str, until: Option<&str>| (Some(until.is_none()), Some(day(from)), until.map(day));
    let mei = |number: u32, from: &str, until: Option<&str>| Regime { mei: of(from, until), ..Regime::of(number) };
    let simples =
        |number: u32, from: &str, until: Option<&str>| Regime { simples: of(from, until), ..Regime::of(number) };
    // Six years later: what the register says of the size is of no use.
    let late = |number: u32| Company { reference: Some(day("2026-01-10")), ..micro(number) };
    let regimes = vec![
        mei(1, "2019-01-01", None),
        mei(2, "2020-01-01", Some("2021-01-01")),
        mei(3, "2020-01-02", None),
        mei(4, "2019-01-01", Some("2020-12-31")),
        mei(5, "2019-01-01", None),
        simples(6, "2019-01-01", None),
        simples(7, "2019-01-01", None),
        simples(8, "2020-02-01", None),
    ];
    let worth = ["81000.01", "81000.01", "81000.01", "81000.01", "81000.00", "4800000.00", "4800000.01", "4800000.01"];
    let contracts = (1..).zip(worth).map(|(number, worth)| contract(number, "2020-06-01", worth)).collect();
    let (verdicts, findings) = judge(with(contracts, (1..=8).map(late).collect(), regimes)).await;
    let unknown = "size_at_date_unknown";
    assert_eq!(verdicts, ["fired", "fired", unknown, unknown, unknown, unknown, "fired", unknown]);
    let sizes: Vec<_> = findings.iter().map(|one| value(one, "size")).collect();
    assert_eq!(sizes, ["mei", "mei", "simples"]);
    let tables: Vec<_> = findings[0].evidence.rows.iter().map(|row| row.table.as_str()).collect();
    assert_eq!(tables, ["contracts", "companies", "tax_regimes"]);
}

#[tokio::test]
async fn who_carries_cargo_as_a_mei_may_earn_more_since_2022() {
    let regime = |number: u32| Regime { mei: (Some(true), Some(day("2019-01-01")), None), ..Regime::of(number) };
    let of = |number: u32, activity: &str, others: Option<&str>| Establishment {
        activity: Some(activity.to_owned()),
        others: others.map(str::to_owned),
        ..Establishment::of(number)
    };
    let establishments = vec![
        of(1, "4930202", None),
        of(2, "4751201", Some("4752100,4930201")),
        of(3, "4751201", None),
        of(4, "4930202", None),
        of(5, "4930202", None),
    ];
    let worth = [
        ("2023-06-01", "251600.00"),
        ("2023-06-01", "251600.01"),
        ("2023-06-01", "81000.01"),
        ("2021-06-01", "81000.01"),
        ("2022-01-03", "81000.01"),
        // What it does is not known.
        ("2023-06-01", "251600.00"),
    ];
    let contracts = (1..).zip(worth).map(|(number, (on, worth))| contract(number, on, worth)).collect();
    let companies = (1..=6).map(|number| Company { capital: Some(100_000_000), ..Company::of(number) }).collect();
    let data = Data { establishments, ..with(contracts, companies, (1..=6).map(regime).collect()) };
    let (verdicts, findings) = judge(data).await;
    let fired: Vec<_> = verdicts.iter().map(|verdict| verdict == "fired").collect();
    assert_eq!(fired, [false, true, true, true, false, false]);
    let size_of =
        |number: u32| findings.iter().find(|one| value(one, "root") == root(number)).map(|one| value(one, "size"));
    assert_eq!([2, 3, 4].map(|number| size_of(number).unwrap()), ["mei_cargo", "mei", "mei"]);
}

#[tokio::test]
async fn a_contract_against_the_capital() {
    let of = |number: u32, worth: &str, capital: Option<&str>| {
        (contract(number, "2024-05-01", worth), Company { capital: capital.map(cents), ..Company::of(number) })
    };
    let (contracts, companies) = [
        of(1, "100000.00", Some("1000.00")),
        of(2, "99999.99", Some("1000.00")),
        // Below the floor any capital would do.
        of(3, "49999.99", Some("1.00")),
        of(4, "50000.00", Some("1.00")),
        of(5, "50000.00", Some("0.00")),
        of(6, "50000.00", None),
    ]
    .into_iter()
    .unzip();
    let (verdicts, findings) = judge(with(contracts, companies, Vec::new())).await;
    assert_eq!(verdicts, ["fired", "clear", "clear", "fired", "no_capital", "no_capital"]);
    assert_eq!((value(&findings[0], "rule"), findings[0].amount_at_stake), ("capital".to_owned(), None));
    // Only the contracts that are above it, and both rules together.
    let contracts = vec![contract(7, "2024-05-01", "400000.00"), contract(7, "2024-06-01", "10.00")];
    let small = Company { capital: Some(100_000), ..Company::of(7) };
    let (_, findings) = judge(with(contracts.clone(), vec![small.clone()], Vec::new())).await;
    assert_eq!(findings[0].contract_ids.len(), 1);
    let (_, findings) = judge(with(contracts, vec![Company { size: Some("micro"), ..small }], Vec::new())).await;
    assert_eq!((findings[0].contract_ids.len(), value(&findings[0], "rule").as_str()), (2, "both"));
}

#[tokio::test]
async fn what_cannot_be_judged() {
    let of = |number: u32, change: fn(&mut Company)| {
        let mut company = micro(number);
        change(&mut company);
        (contract(number, "2024-05-01", "10.00"), company)
    };
    let (mut contracts, companies): (Vec<_>, Vec<_>) = [
        of(1, |company| company.reference = None),
        of(2, |company| company.reference = Some(day("2024-04-30"))),
        of(3, |company| company.reference = Some(day("2024-05-01"))),
        of(4, |company| company.reference = Some(day("2025-12-31"))),
        of(5, |company| company.reference = Some(day("2026-01-01"))),
        of(6, |company| company.size = None),
    ]
    .into_iter()
    .unzip();
    contracts.push(contract(7, "2024-05-01", "10.00"));
    contracts.push(Contract { initial: None, current: None, ..contract(999, "2024-05-01", "10.00") });
    let (verdicts, _) = judge(with(contracts, companies, Vec::new())).await;
    let expected = [
        "register_undated",
        "register_too_old",
        "clear",
        "clear",
        "size_at_date_unknown",
        "size_not_informed",
        "company_unknown",
        "no_value",
    ];
    assert_eq!(verdicts, expected);
    let others = ["", "52998224725", "EX2548312", "10000001000199"].map(|supplier| Contract {
        id: format!("c{supplier}"),
        supplier: supplier.to_owned(),
        ..contract(1, "2024-05-01", "10.00")
    });
    let undated = Contract { id: "z".to_owned(), signed: None, ..contract(1, "2024-05-01", "10.00") };
    let (mut verdicts, _) = judge(with(others.into_iter().chain([undated]).collect(), Vec::new(), Vec::new())).await;
    verdicts.sort();
    let expected = ["no_signature_date", "no_tax_id", "supplier_is_person", "supplier_secret", "tax_id_invalid"];
    assert_eq!(verdicts, expected);
    let of_micro =
        Data { contracts: vec![contract(1, "2024-05-01", "10.00")], companies: vec![micro(1)], ..Data::default() };
    assert_eq!(judge(of_micro.clone()).await.0, ["regimes_not_taken_in"]);
    assert_eq!(judge(Data { companies: Vec::new(), ..of_micro }).await.0, ["register_not_taken_in"]);
}

#[tokio::test]
async fn random_years_agree_with_a_slow_reference() {
    let mut rng = StdRng::seed_from_u64(24);
    let (mut contracts, mut companies, mut regimes) = (Vec::new(), Vec::new(), Vec::new());
    let mut establishments: Vec<Establishment> = Vec::new();
    for number in 1..200 {
        for at in 0..rng.random_range(1..6) {
            // Many late in a year, for the next.
            let signed = match rng.random_bool(0.4) {
                true => day("2023-11-10") + Days::new(rng.random_range(0..50)),
                false => day("2022-06-01") + Days::new(rng.random_range(0..900)),
            };
            let most = *[175, 400].choose(&mut rng).unwrap();
            contracts.push(Contract {
                id: format!("c{number:03}-{at}"),
                supplier: cnpj(number, rng.random_range(1..3)),
                signed: Some(signed),
                initial: rng.random_bool(0.95).then(|| rng.random_range(1..most) * 200_000),
                current: None,
                end: rng.random_bool(0.7).then(|| signed + Days::new(rng.random_range(0..400))),
                ..Contract::new("c")
            });
        }
        if rng.random_bool(0.95) {
            companies.push(Company {
                size: *[Some("micro"), Some("small"), Some("other"), None].choose(&mut rng).unwrap(),
                capital: *[Some(100_000), Some(1_000_000), Some(10_000_000), Some(0), None].choose(&mut rng).unwrap(),
                reference: rng.random_bool(0.95).then(|| day("2023-06-01") + Days::new(rng.random_range(0..700))),
                ..Company::of(number)
            });
        }
        if rng.random_bool(0.8) {
            let activity = Some((*["4930202", "4751201"].choose(&mut rng).unwrap()).to_owned());
            let others = rng.random_bool(0.3).then(|| "4751201,4930201".to_owned());
            establishments.push(Establishment { activity, others, ..Establishment::of(number) });
        }
        if rng.random_bool(0.5) {
            let from = Some(day("2021-06-01") + Days::new(rng.random_range(0..600)));
            let until = rng.random_bool(0.4).then(|| day("2023-01-01") + Days::new(rng.random_range(0..800)));
            let one = (Some(until.is_none()), from, until);
            let never = (Some(false), None, None);
            let (simples, mei) = if rng.random_bool(0.5) { (one, never) } else { (never, one) };
            regimes.push(Regime { simples, mei, reference: Some(day("2025-06-01")), ..Regime::of(number) });
        }
    }
    // Contracts from year to year, which chance seldom makes.
    for number in 200..210 {
        for (on, days) in [("2023-01-05", 340), ("2023-12-01", rng.random_range(0..400))] {
            let (signed, worth) = (day(on), rng.random_range(90..180) * 200_000);
            contracts.push(Contract {
                id: format!("c{number:03}-{on}"),
                supplier: cnpj(number, 1),
                signed: Some(signed),
                initial: Some(worth),
                current: None,
                end: Some(signed + Days::new(days)),
                ..Contract::new("c")
            });
        }
        companies.push(Company { reference: Some(day("2023-12-31")), ..micro(number) });
    }
    let mut expected: BTreeMap<String, String> = BTreeMap::new();
    let mut years: BTreeMap<(String, i32), Vec<&Contract>> = BTreeMap::new();
    for one in &contracts {
        years.entry((one.supplier[..8].to_owned(), one.signed.unwrap().year())).or_default().push(one);
    }
    for ((root, year), signed) in &years {
        let last = signed.iter().filter_map(|one| one.signed).max().unwrap();
        let values: Vec<i128> = signed.iter().filter_map(|one| one.initial).collect();
        let (total, largest) = (values.iter().sum::<i128>(), values.iter().copied().max().unwrap_or(0));
        let company = companies.iter().find(|one| one.root == *root);
        let regime = regimes.iter().find(|one| one.root == *root);
        let all_year = |(is, from, until): (Option<bool>, Option<chrono::NaiveDate>, Option<chrono::NaiveDate>)| {
            let [first, end] =
                [(1, 1), (12, 31)].map(|(month, at)| chrono::NaiveDate::from_ymd_opt(*year, month, at).unwrap());
            from.is_some_and(|from| from <= first) && until.map_or(is == Some(true), |until| until > end)
        };
        let known = company.filter(|one| one.reference.is_some_and(|on| on >= last && on.year() <= year + 1));
        let (mei, simples) = regime.map_or((false, false), |one| (all_year(one.mei), all_year(one.simples)));
        let size = known.and_then(|one| one.size);
        let carries = establishments.iter().find(|one| one.id[..8] == **root).is_none_or(|one| {
            one.activity.as_deref() == Some("4930202") || one.others.as_deref() == Some("4751201,4930201")
        });
        let limit = match (mei, size, simples) {
            (true, ..) if carries && *year >= 2022 => Some(25_160_000),
            (true, ..) => Some(8_100_000),
            (_, Some("micro"), _) => Some(36_000_000),
            (_, Some("small"), _) => Some(480_000_000),
            (_, Some(_), _) => None,
            (_, None, true) => Some(480_000_000),
            _ => None,
        };
        let capital = known.and_then(|one| one.capital).filter(|capital| *capital > 0);
        // Days of the year of the signature, of those of the term; a term is of one year here.
        let part = |one: &Contract| -> f64 {
            let (signed, end) = (one.signed.unwrap(), one.end.unwrap_or(one.signed.unwrap()));
            let of_year = signed.iter_days().take_while(|on| *on <= end).filter(|on| on.year() == *year).count();
            let all = signed.iter_days().take_while(|on| *on <= end).count();
            of_year as f64 / all as f64
        };
        let within: f64 = signed.iter().filter_map(|one| Some(one.initial? as f64 * part(one))).sum();
        let within = within.max(largest as f64);
        let passed = !values.is_empty() && limit.is_some_and(|limit| total > limit);
        let above = passed && limit.is_some_and(|limit| within > limit as f64);
        let verdict = match company {
            _ if above || capital.is_some_and(|capital| largest >= 5_000_000 && largest >= capital * 100) => "fired",
            None => "company_unknown",
            _ if values.is_empty() => "no_value",
            Some(one) if one.reference.is_none() => "register_undated",
            Some(one) if one.reference.unwrap() < last => "register_too_old",
            _ if known.is_none() => "size_at_date_unknown",
            _ if size.is_none() && !mei && !simples => "size_not_informed",
            _ if passed => "term_beyond_year",
            _ if capital.is_none() => "no_capital",
            _ => "clear",
        };
        expected.insert(format!("{root} {year}"), verdict.to_owned());
    }
    let data = Data { establishments, ..with(contracts.clone(), companies.clone(), regimes.clone()) };
    let (answers, _) = data.answers(ID).await;
    assert_eq!(answers, expected);
    for verdict in [
        "fired",
        "clear",
        "term_beyond_year",
        "no_capital",
        "register_too_old",
        "size_at_date_unknown",
        "size_not_informed",
    ] {
        assert!(expected.values().filter(|one| *one == verdict).count() > 3, "{verdict}");
    }
}
