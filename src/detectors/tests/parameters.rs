//! Other values for parameters.

use std::collections::BTreeSet;

use super::{Contract, Data, Item, verdicts};
use crate::detectors::header::Bilingual;
use crate::detectors::render::{Language, Value, show_number};
use crate::detectors::{Catalogue, Detector, Header, Parameter, Run};
use crate::model::{ParameterOverride, Plan, Violation};

fn set(detector: &str, name: &str, value: &str) -> ParameterOverride {
    ParameterOverride {
        detector: detector.to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
        default: String::new(),
    }
}

fn parameter(detector: &str, name: &str) -> Parameter {
    let catalogue = Catalogue::builtin().unwrap();
    catalogue.get(detector).unwrap().header.parameter(name).unwrap().clone()
}

#[test]
fn a_value_keeps_to_unit_form_and_bounds() {
    for (detector, name, value, expected) in [
        ("just_below_threshold", "near_share", "0.95", Ok("0.95")),
        ("just_below_threshold", "near_share", "0.9", Ok("0.90")),
        ("just_below_threshold", "near_share", "00.9000", Ok("0.90")),
        ("just_below_threshold", "near_share", "0.955", Ok("0.955")),
        ("just_below_threshold", "near_share", "0.01", Ok("0.01")),
        ("just_below_threshold", "near_share", "0.99", Ok("0.99")),
        ("just_below_threshold", "near_share", "0.0099", Err("must be from 0.01 to 0.99")),
        ("just_below_threshold", "near_share", "1", Err("must be from 0.01 to 0.99")),
        ("just_below_threshold", "near_share", "0.9000001", Err("must be at most 16 digits")),
        ("just_below_threshold", "near_share", "-0.5", Err("must be at most 16 digits")),
        ("just_below_threshold", "near_share", "", Err("as in 0.90")),
        ("just_below_threshold", "near_share", "0.", Err("as in 0.90")),
        ("just_below_threshold", "near_share", ".9", Err("as in 0.90")),
        ("just_below_threshold", "near_share", "9e-1", Err("as in 0.90")),
        ("just_below_threshold", "near_share", "0.9; DROP TABLE contracts", Err("as in 0.90")),
        ("just_below_threshold", "near_share", "0,9", Err("as in 0.90")),
        ("amendment_count", "many", "4", Ok("4")),
        ("amendment_count", "many", "04.0", Ok("4")),
        ("amendment_count", "many", "2.5", Err("must be a whole number (count)")),
        ("amendment_count", "many", "0", Err("must not be below 1")),
        ("amendment_count", "early_days", "3651", Err("must not be above 3650")),
        ("high_value_direct_award", "min_value", "1000.5", Ok("1000.50")),
        ("high_value_direct_award", "min_value", "1000.505", Err("must have at most 2 decimals (BRL)")),
        ("value_jump", "slip_factor", "12.5", Ok("12.5")),
        ("amendment_cap", "cap", "0.30", Err("must stay as the law sets it (Lei 14.133/2021 art. 125")),
        ("emergency_overrun", "days_8666", "365", Err("must stay as the law sets it (Lei 8.666/1993 art. 24 IV)")),
    ] {
        match (parameter(detector, name).accept(value), expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{name} {value}"),
            (Err(got), Err(expected)) => assert!(got.contains(expected), "{name} {value}: {got}"),
            (got, expected) => panic!("{name} {value}: {got:?}, not {expected:?}"),
        }
    }
}

#[tokio::test]
async fn every_parameter_of_ones_own_reaches_the_query_and_what_findings_quote() {
    let catalogue = Catalogue::builtin().unwrap();
    let run = Run::prepare(Data::default().session(1), &Plan::default()).await.unwrap();
    let mut tried = 0;
    for detector in catalogue.iter() {
        for parameter in detector.header.parameters.iter().filter(|one| one.legal_basis.is_empty()) {
            let changed = changed(detector, &parameter.name);
            assert_ne!(changed.sql(), detector.sql(), "{}.{}", detector.id(), parameter.name);
            run.check(&changed).await.unwrap();
            let quoted = changed.header.parameter(&parameter.name).unwrap().applied();
            assert_eq!(quoted.default_value, parameter.value);
            assert!(
                quoted.text_pt.contains("(alterado; padrão: ") && quoted.text_en.contains("(overridden; default: ")
            );
            assert_eq!(detector.header.parameter(&parameter.name).unwrap().applied().default_value, "");
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
}

/// Every text of a detector in one language, the sentence of findings without the values of any row.
fn texts(detector: &Detector, language: Language) -> Vec<String> {
    let header = &detector.header;
    let pick = |pt: &String, en: &String| if language == Language::Pt { pt.clone() } else { en.clone() };
    let of = |text: &Bilingual| pick(&text.pt, &text.en);
    let sentence = if language == Language::Pt { &detector.text_pt } else { &detector.text_en };
    let innocent = &header.false_positives;
    [of(&header.title), of(&header.explanation), of(&header.severity)]
        .into_iter()
        .chain([sentence.render(header, &|_| Value::Null, language)])
        .chain(header.reasons.values().map(|reason| pick(&reason.pt, &reason.en)))
        .chain(header.evidence.iter().map(|column| of(&column.label)))
        .chain(header.evidence.iter().flat_map(|column| column.words.values().map(of)))
        .chain(innocent.pt.iter().zip(&innocent.en).map(|(pt, en)| pick(pt, en)))
        .collect()
}

#[test]
fn texts_quote_the_value_that_counts() {
    let catalogue = Catalogue::builtin().unwrap();
    let texts = |detector: &Detector| {
        [Language::Pt, Language::En].map(|language| texts(detector, language).join("\n")).join("\n")
    };
    let below = catalogue.get("just_below_threshold").unwrap();
    assert!(texts(below).contains("Dispensas de 90 % do limite em diante"));
    let other = below.with(&[&set("just_below_threshold", "near_share", "0.95")]).unwrap();
    assert!(texts(&other).contains("Dispensas de 95 % do limite em diante") && !texts(&other).contains("90 %"));
    let risk = catalogue.get("value_risk").unwrap();
    assert!(texts(risk).contains("Value from R$ 100,000.00 to less than R$ 1,000,000.00."));
    // No text is left with a place in it.
    assert!(catalogue.iter().all(|detector| !texts(detector).contains(['{', '}'])));
}

/// A value within the bounds that is not the default, and the detector with it.
fn changed(detector: &Detector, name: &str) -> Detector {
    let candidates = ["0.005", "0.011", "0.97", "1.25", "1.01", "3", "7", "12", "90", "400", "5000", "3000000.00"];
    let found = candidates.iter().find_map(|value| {
        let other = set(detector.id(), name, value);
        detector.with(&[&other]).ok().filter(|changed| changed.header.overridden().count() == 1)
    });
    found.unwrap_or_else(|| panic!("{}.{name} takes no value", detector.id()))
}

/// How a number may be written: in full, with either decimal mark, as a percentage, in thousands or millions, as a word.
fn spellings(value: &str, unit: &str) -> BTreeSet<String> {
    let number: f64 = value.parse().unwrap();
    let mut found: BTreeSet<String> = [value.to_owned(), number.to_string(), format!("{number:.2}")].into();
    let words =
        [(3.0, "três three"), (5.0, "cinco five"), (10.0, "dez ten"), (12.0, "doze twelve"), (20.0, "vinte twenty")];
    found.extend(
        words.iter().filter(|(of, _)| *of == number).flat_map(|(_, words)| words.split(' ')).map(str::to_owned),
    );
    for (size, name) in [(1e3, "mil"), (1e6, "milhão"), (1e6, "milhões"), (1e6, "million")] {
        if number >= size && number % size == 0.0 {
            found.insert(format!("{} {name}", number / size));
        }
    }
    let (pt, en) = show_number(value, unit);
    found.extend([pt, en]);
    let with_comma: Vec<String> = found.iter().map(|text| text.replace('.', ",")).collect();
    found.extend(with_comma);
    found
}

/// Whether a text has these words in a row that are no part of a longer number or word, nor the number of a law.
fn says(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + words.len()..]);
        let apart = |c: char| !(c.is_alphanumeric() || c == '/' || c == '.' || c == ',');
        let follows = after
            .chars()
            .next()
            .is_none_or(|c| apart(c) || !after[1..].starts_with(|c: char| c.is_ascii_digit()) && !c.is_alphanumeric());
        let named = ["art. ", "arts. ", "articles ", "artigos ", "Lei ", "tipo ", "type ", "ADI ", "§"];
        before.chars().next_back().is_none_or(apart) && follows && !named.iter().any(|name| before.ends_with(name))
    })
}

#[test]
fn numbers_are_found_in_texts() {
    for (text, words, expected) in [
        ("ao menos 30 lotes", "30", true),
        ("ao menos 30.", "30", true),
        ("ao menos 30, de 5 unidades", "30", true),
        ("ao menos 130 lotes", "30", false),
        ("ao menos 30,5 lotes", "30", false),
        ("Q3 − Q1", "3", false),
        ("art. 55 da Lei 14.133/2021", "55", false),
        ("menos de 6 %", "6", true),
        ("doze meses", "doze", true),
        ("abaixo de 0,06", "0,06", true),
    ] {
        assert_eq!(says(text, words), expected, "{words} in {text}");
    }
    assert!(spellings("0.98", "ratio").is_superset(&["0,98", "98 %", "98%"].map(str::to_owned).into()));
    assert!(spellings("1000000.00", "BRL").contains("1 milhão"));
}

#[test]
fn no_text_repeats_a_number_that_a_parameter_can_change() {
    let mut checked = 0;
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/detectors/sql")).unwrap() {
        let file = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let (header, _) = file.strip_prefix("/*").unwrap().split_once("*/").unwrap();
        // As it is written, with its places; a default stands in none of the texts between them.
        let header = Header::parse(header).unwrap();
        let texts = [&header.title, &header.explanation, &header.severity, &header.text]
            .into_iter()
            .chain(header.evidence.iter().map(|column| &column.label))
            .chain(header.evidence.iter().flat_map(|column| column.words.values()))
            .flat_map(|text| [&text.pt, &text.en])
            .chain(header.reasons.values().flat_map(|reason| [&reason.pt, &reason.en]))
            .chain(header.false_positives.pt.iter().chain(&header.false_positives.en));
        let texts: Vec<String> = texts
            .map(|text| text.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect())
            .collect();
        for parameter in header.parameters.iter().filter(|one| one.legal_basis.is_empty()) {
            for spelling in spellings(&parameter.value, &parameter.unit) {
                let found = texts.iter().find(|text| says(text, &spelling));
                assert_eq!(found, None, "{}.{} ({spelling})", header.id, parameter.name);
                checked += 1;
            }
        }
    }
    assert!(checked > 500, "{checked}");
}

#[test]
fn texts_follow_a_parameter_in_both_languages() {
    let mut quoted = 0;
    for detector in Catalogue::builtin().unwrap().iter() {
        let path = format!("{}/src/detectors/sql/{}.sql", env!("CARGO_MANIFEST_DIR"), detector.id());
        let file = std::fs::read_to_string(path).unwrap();
        for parameter in detector.header.parameters.iter().filter(|one| one.legal_basis.is_empty()) {
            let changed = changed(detector, &parameter.name);
            let follows = [Language::Pt, Language::En].map(|one| texts(detector, one) != texts(&changed, one));
            let names = file.contains(&format!("{{{}|", parameter.name))
                && !detector.header.evidence.iter().any(|column| column.name == parameter.name);
            assert_eq!(follows, [names; 2], "{}.{}", detector.id(), parameter.name);
            quoted += usize::from(names);
        }
    }
    assert!(quoted > 60, "{quoted}");
}

#[test]
fn parameters_of_tenders_have_bounds_that_are_kept() {
    let catalogue = Catalogue::builtin().unwrap();
    let mut tried = 0;
    let about_tenders = |detector: &&Detector| detector.header.tables.iter().any(|table| table == "competitions");
    for detector in catalogue.iter().filter(|one| about_tenders(one) || one.id() == "payments_exceed") {
        for Parameter { name, min, max, unit, .. } in &detector.header.parameters {
            assert!(min.is_some() || max.is_some(), "{}.{name} has no bounds", detector.id());
            let beyond = [
                min.as_ref().map(|_| "0"),
                max.as_ref().map(|_| if ["count", "days"].contains(&unit.as_str()) { "100000000" } else { "101" }),
            ];
            for value in beyond.into_iter().flatten() {
                let found = violations(&[set(detector.id(), name, value)], &[detector.id()]);
                assert_eq!(found.len(), 1, "{}.{name}: {found:?}", detector.id());
                let (field, rule, got) = &found[0];
                assert_eq!((field.as_str(), got.as_str()), ("options.parameters[0].value", value));
                let bound = [min, max].into_iter().flatten().any(|bound| rule.contains(bound.as_str()));
                assert!(rule.starts_with("must ") && bound, "{}.{name}: {rule}", detector.id());
                tried += 1;
            }
        }
    }
    assert!(tried > 50, "{tried}");
    let order = violations(&[set("near_estimate", "low_until", "0.99")], &["near_estimate"]);
    assert!(order[0].1.contains("low_until must not be above near_from (0.98)"), "{order:?}");
}

#[tokio::test]
async fn comparable_items_are_as_many_as_the_plan_asks_for() {
    let mut data = Data::default();
    for place in 0..8 {
        let mut contract = Contract::new(&format!("c{place}"));
        contract.number = place.to_string();
        contract.buyer = format!("b{}", place % 3);
        data.items.push(Item {
            details: "frasco de 50 ml, cor azul, bico fino".to_owned(),
            quantity: Some(10_000),
            price: Some(if place == 0 { 900 } else { 100 }),
            ..Item::of(&contract, "ARTIGO UM")
        });
        data.contracts.push(contract);
    }
    let fewer = [("min_peers", "4"), ("min_buyers", "3"), ("min_quantity", "1")];
    let parameters = fewer.map(|(name, value)| set("item_price_outlier", name, value)).to_vec();
    let catalogue = Catalogue::builtin().unwrap();
    for (plan, expected) in [(Plan::default(), "single_unit"), (Plan { parameters, ..Plan::default() }, "fired")] {
        let run = Run::prepare(data.session(2), &plan).await.unwrap();
        let detector = catalogue.of_plan(&plan, "item_price_outlier").unwrap().unwrap();
        let verdicts = verdicts(&run.detector(&detector).await.unwrap());
        assert!(verdicts.contains_key(expected), "{verdicts:?}");
    }
}

async fn found(detector: &Detector) -> Vec<(String, String)> {
    let data = Data { contracts: vec![Contract::new("a").worth("2000000.00")], ..Data::default() };
    let data = Data {
        contracts: data.contracts.into_iter().map(|one| Contract { modality: "dispensa_licitacao", ..one }).collect(),
        ..Data::default()
    };
    let run = Run::prepare(data.session(1), &Plan::default()).await.unwrap();
    let answer = run.detector(detector).await.unwrap();
    let warned = answer.summary.warnings_pt.iter().any(|warning| warning.contains("parâmetros alterados"));
    assert_eq!(warned, detector.header.overridden().count() > 0, "{:?}", answer.summary.warnings_pt);
    answer.findings.into_iter().map(|finding| (finding.id, finding.description_pt)).collect()
}

#[tokio::test]
async fn what_is_held_against_other_numbers_is_another_finding() {
    let catalogue = Catalogue::builtin().unwrap();
    let detector = catalogue.get("high_value_direct_award").unwrap();
    let with = |name: &str, value: &str| detector.with(&[&set(detector.id(), name, value)]).unwrap();
    let usual = found(detector).await;
    assert_eq!(usual.len(), 1);
    assert_eq!(found(&with("min_value", "1000000")).await, usual, "the default by another spelling");
    let lower = found(&with("min_value", "1500000")).await;
    assert_ne!(lower[0].0, usual[0].0);
    assert!(lower[0].1.contains("R$ 1.500.000,00") && usual[0].1.contains("R$ 1.000.000,00"), "{lower:?}");
    assert!(found(&with("min_value", "2000000.01")).await.is_empty());
    assert_eq!(found(&with("min_value", "2000000.00")).await.len(), 1);
}

fn violations(asked: &[ParameterOverride], running: &[&str]) -> Vec<(String, String, String)> {
    let running: Vec<_> = running.iter().map(|id| (*id).to_owned()).collect();
    let mut found = Vec::new();
    Catalogue::builtin().unwrap().parameter_violations(asked, &running, "options.parameters", &mut found);
    found.into_iter().map(|Violation { field, rule, value }| (field, rule, value)).collect()
}

#[test]
fn what_is_wrong_names_field_rule_and_value() {
    let running = ["just_below_threshold", "amendment_cap", "invalid_tax_id"];
    let found = violations(
        &[
            set("none", "x", "1"),
            set("value_jump", "low_ratio", "0.2"),
            set("amendment_cap", "cap", "0.5"),
            set("amendment_cap", "cup", "0.5"),
            set("invalid_tax_id", "x", "1"),
            set("just_below_threshold", "near_share", "2"),
            set("just_below_threshold", "near_share", "0.92"),
        ],
        &running,
    );
    let fields: Vec<_> = found.iter().map(|(field, _, value)| (field.as_str(), value.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("options.parameters[0].detector", "none"),
            ("options.parameters[1].detector", "value_jump"),
            ("options.parameters[2].value", "0.5"),
            ("options.parameters[3].name", "cup"),
            ("options.parameters[4].name", "x"),
            ("options.parameters[5].value", "2"),
            ("options.parameters[6].name", "near_share"),
        ]
    );
    let order = violations(&[set("just_below_threshold", "near_share", "0.5")], &running);
    assert_eq!(order[0].0, "options.parameters[0].value");
    assert!(order[0].1.contains("wide_share must not be above near_share (0.50)"), "{order:?}");
    let both = [set("just_below_threshold", "near_share", "0.5"), set("just_below_threshold", "wide_share", "0.4")];
    assert!(violations(&both, &running).is_empty());
    let both = [set("just_below_threshold", "near_share", "0.5"), set("just_below_threshold", "wide_share", "0.6")];
    assert_eq!(violations(&both, &running)[0].0, "options.parameters[1].value");
}

#[test]
fn a_plan_has_what_differs_in_one_order_and_one_spelling() {
    let catalogue = Catalogue::builtin().unwrap();
    let running = ["value_jump".to_owned(), "duplicates".to_owned()];
    let asked = [
        set("value_jump", "low_ratio", "0.2"),
        set("value_jump", "medium_ratio", "0.5"),
        set("amendment_count", "many", "9"),
        set("duplicates", "near_days", "007"),
    ];
    let parameters = catalogue.overridden(&asked, &running);
    let shown: Vec<_> =
        parameters.iter().map(|one| format!("{}.{}={} ({})", one.detector, one.name, one.value, one.default)).collect();
    assert_eq!(shown, ["duplicates.near_days=7 (30)", "value_jump.low_ratio=0.20 (0.10)"]);
    let plan = Plan { parameters, ..Plan::default() };
    let detector = catalogue.of_plan(&plan, "value_jump").unwrap().unwrap();
    assert_eq!(detector.header.parameter("low_ratio").unwrap().value, "0.20");
    assert_eq!(catalogue.of_plan(&plan, "amendment_cap").unwrap().unwrap().header.overridden().count(), 0);
    assert!(catalogue.of_plan(&plan, "none").is_none());
    let wrong = Plan { parameters: vec![set("value_jump", "low_ratio", "x")], ..Plan::default() };
    let error = catalogue.of_plan(&wrong, "value_jump").unwrap().unwrap_err().to_string();
    assert!(error.contains("value_jump") && error.contains("low_ratio") && error.contains("\"x\""), "{error}");
}
