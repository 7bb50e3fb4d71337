use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::register::{Establishment, cnpj};
use super::{Contract, Data, Item, value};
use crate::model::{Finding, Severity};

const ID: &str = "activity_mismatch";

/// A company that does these things, main activity first.
fn company(data: &mut Data, number: u32, activities: &[&str]) {
    let own = activities.split_first();
    data.establishments.push(Establishment {
        activity: own.map(|(first, _)| (*first).to_owned()),
        others: own.filter(|(_, rest)| !rest.is_empty()).map(|(_, rest)| rest.join(",")),
        ..Establishment::of(number)
    });
}

/// A contract of a company for what a line of business says.
fn sale(data: &mut Data, id: &str, number: u32, line: &str) {
    let contract = Contract { supplier: cnpj(number, 1), ..Contract::new(id) };
    data.items.push(Item::of(&contract, line));
    data.contracts.push(contract);
}

/// A line of so many contracts, dealt out among so many companies of one activity, from a number on.
fn line(data: &mut Data, name: &str, contracts: usize, companies: u32, first: u32, activity: &str) {
    (0..companies).for_each(|at| company(data, first + at, &[activity]));
    for at in 0..contracts {
        sale(data, &format!("z-{name}-{at:03}"), first + at as u32 % companies, name);
    }
}

/// The verdict on each contract whose id begins with `a`, and what was found.
async fn judge(data: Data) -> (Vec<String>, Vec<Finding>) {
    let (answers, findings) = data.answers(ID).await;
    (answers.into_iter().filter(|(id, _)| id.starts_with('a')).map(|(_, verdict)| verdict).collect(), findings)
}

#[tokio::test]
async fn hardly_anybody_of_the_same_group_sells_it() {
    let mut data = Data::default();
    line(&mut data, "caneta", 100, 20, 100, "4761003");
    company(&mut data, 1, &["5611201"]);
    sale(&mut data, "a1", 1, "caneta");
    // The same group of activities, as a secondary one.
    company(&mut data, 2, &["5611201", "8630504", "4761099"]);
    sale(&mut data, "a2", 2, "caneta");
    // The same division only.
    company(&mut data, 3, &["4781400"]);
    sale(&mut data, "a3", 3, "caneta");
    let (verdicts, findings) = judge(data.clone()).await;
    assert_eq!(verdicts, ["fired", "clear", "fired"]);
    assert_eq!(findings.len(), 2, "who sells it fires nothing");
    let of = |id: &str| findings.iter().find(|one| one.contract_ids == [id.to_owned()]).unwrap();
    assert_eq!((of("a1").severity, of("a3").severity), (Severity::Medium, Severity::Low));
    // Of 102 contracts of others one is of the same group: the restaurant that sells pens beside.
    for (name, expected) in [
        ("line", "caneta"),
        ("others", "102"),
        ("suppliers", "22"),
        ("matching", "1"),
        ("activity", "5611201"),
        ("top_group", "476"),
    ] {
        assert_eq!(value(of("a1"), name), expected, "{name}");
    }
    assert!(of("a1").description_pt.contains("indício"));
    // Two of 102 are above one in a hundred.
    company(&mut data, 4, &["5612100"]);
    sale(&mut data, "a4", 4, "caneta");
    assert_eq!(judge(data).await.0, ["clear", "clear", "fired", "clear"]);
}

#[tokio::test]
async fn its_own_contracts_count_for_neither_side() {
    let mut data = Data::default();
    line(&mut data, "caneta", 30, 10, 100, "4761003");
    company(&mut data, 1, &["5611201"]);
    (0..40).for_each(|at| sale(&mut data, &format!("a{at:02}"), 1, "caneta"));
    let (verdicts, findings) = judge(data).await;
    assert!(verdicts.iter().all(|verdict| verdict == "fired"));
    assert_eq!((value(&findings[0], "others"), value(&findings[0], "matching")), ("30".into(), "0".into()));
}

#[tokio::test]
async fn small_classes_and_few_suppliers_tell_nothing() {
    let mut data = Data::default();
    line(&mut data, "caneta", 29, 10, 100, "4761003");
    line(&mut data, "papel", 60, 9, 200, "4761003");
    line(&mut data, "lapis", 30, 10, 300, "4761003");
    company(&mut data, 1, &["5611201"]);
    for (id, name) in [("a1", "caneta"), ("a2", "papel"), ("a3", "lapis")] {
        sale(&mut data, id, 1, name);
    }
    assert_eq!(judge(data).await.0, ["class_too_small", "too_few_suppliers", "fired"]);
}

#[tokio::test]
async fn what_cannot_be_judged() {
    let mut data = Data::default();
    line(&mut data, "caneta", 100, 20, 100, "4761003");
    let generic = ["4619200", "4693100", "4711302", "4789099", "7020400", "7490199", "8299799", "8111700", "8211300"];
    for (number, activity) in (1..).zip(generic) {
        company(&mut data, number, &["9602501", activity]);
        sale(&mut data, &format!("a{number:02}"), number, "caneta");
    }
    company(&mut data, 30, &[]);
    sale(&mut data, "b30", 30, "caneta");
    sale(&mut data, "b31", 31, "caneta");
    company(&mut data, 32, &["5611201"]);
    sale(&mut data, "b32", 32, "undefined");
    sale(&mut data, "b33", 32, "caneta");
    for (at, supplier) in ["", "52998224725", "EX2548312", "10000001000199"].into_iter().enumerate() {
        sale(&mut data, &format!("c{at}"), 32, "caneta");
        data.contracts.last_mut().unwrap().supplier = supplier.to_owned();
    }
    sale(&mut data, "d1", 32, "caneta");
    data.contracts.last_mut().unwrap().supplier_name = "PREFEITURA DE SANTOS".to_owned();
    // A branch does what its head office does.
    sale(&mut data, "d2", 100, "caneta");
    data.contracts.last_mut().unwrap().supplier = cnpj(100, 2);
    let answers = data.answers(ID).await.0;
    assert!(answers.iter().filter(|(id, _)| id.starts_with('a')).all(|(_, verdict)| verdict == "generic_activity"));
    let expected = [
        ("b30", "activity_unknown"),
        ("b31", "company_unknown"),
        ("b32", "line_unknown"),
        ("b33", "fired"),
        ("c0", "supplier_secret"),
        ("c1", "supplier_is_person"),
        ("c2", "no_tax_id"),
        ("c3", "tax_id_invalid"),
        ("d1", "public_body"),
        ("d2", "clear"),
    ];
    for (id, verdict) in expected {
        assert_eq!(answers[id], verdict, "{id}");
    }
    data.establishments.clear();
    assert_eq!(data.answers(ID).await.0["b33"], "register_not_taken_in");
}

#[tokio::test]
async fn random_sales_agree_with_a_slow_reference() {
    let mut rng = StdRng::seed_from_u64(23);
    let codes = ["4761003", "4751201", "5611201", "4399103", "6201501", "8630504", "4711302"];
    let mut data = Data::default();
    let mut does: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for number in 0..60 {
        // Mostly the first; some do what nobody else does, in a division of several or in one of their own.
        let many = rng.random_range(1..3);
        let own: Vec<String> = match number % 10 {
            0 => vec![format!("47{}1000", 2 + number / 30)],
            1 => vec![format!("{}12000", 10 + number / 10)],
            _ => (0..many)
                .map(|_| if rng.random_bool(0.8) { codes[0] } else { *codes.choose(&mut rng).unwrap() }.to_owned())
                .collect(),
        };
        company(&mut data, number, &own.iter().map(String::as_str).collect::<Vec<_>>());
        does.insert(number, own);
    }
    let mut sales: Vec<(String, u32, &str)> = Vec::new();
    for at in 0..400 {
        let line = *["caneta", "papel", "lapis", "lapis", "lapis"].choose(&mut rng).unwrap();
        sales.push((format!("a{at:03}"), rng.random_range(0..60), line));
    }
    sales.iter().for_each(|(id, number, line)| sale(&mut data, id, *number, line));
    let groups =
        |number: u32, digits: usize| -> BTreeSet<&str> { does[&number].iter().map(|code| &code[..digits]).collect() };
    let mut expected = Vec::new();
    for (id, number, line) in &sales {
        let others: Vec<u32> =
            sales.iter().filter(|(_, who, of)| of == line && who != number).map(|(_, who, _)| *who).collect();
        let suppliers: BTreeSet<u32> = others.iter().copied().collect();
        let most = |digits: usize| {
            let count = |group: &&str| others.iter().filter(|who| groups(**who, digits).contains(*group)).count();
            groups(*number, digits).iter().map(count).max().unwrap()
        };
        let verdict = if does[number].iter().any(|code| code.starts_with("471")) {
            "generic_activity"
        } else if others.len() < 30 {
            "class_too_small"
        } else if suppliers.len() < 10 {
            "too_few_suppliers"
        } else if most(3) * 100 <= others.len() {
            "fired"
        } else {
            "clear"
        };
        let severity =
            (verdict == "fired").then(|| if most(2) * 100 <= others.len() { Severity::Medium } else { Severity::Low });
        expected.push((id.clone(), verdict.to_owned(), severity));
    }
    let (answers, findings) = data.answers(ID).await;
    let severity = |id: &String| findings.iter().find(|one| one.contract_ids == [id.clone()]).map(|one| one.severity);
    let found: Vec<_> = answers.iter().map(|(id, verdict)| (id.clone(), verdict.clone(), severity(id))).collect();
    assert_eq!(found, expected);
    for verdict in ["fired", "clear", "generic_activity"] {
        assert!(expected.iter().filter(|(_, one, _)| one == verdict).count() > 3, "{verdict}");
    }
}
