use super::{CNPJ, Contract, Data, Item, OTHER_CNPJ, cents, day, value, verdict, verdicts};
use crate::detectors::DetectorRun;
use crate::model::{Money, Severity};

const ID: &str = "splitting_sum";
const GOODS: &str = "Lei 14.133/2021, Art. 75, II";
const WORKS: &str = "Lei 14.133/2021, Art. 75, I";
const OLD_GOODS: &str = "Art. 24, inciso II, da Lei 8.666/93";

fn small(id: &str, value: &str, signed: &str) -> Contract {
    Contract {
        modality: "dispensa_licitacao",
        legal_basis: Some(GOODS.to_owned()),
        signed: Some(day(signed)),
        ..Contract::new(id).worth(value)
    }
}

async fn judge(contracts: Vec<Contract>) -> DetectorRun {
    let items = contracts.iter().map(|contract| Item::of(contract, "PAPEL A4")).collect();
    Data { contracts, items, ..Data::default() }.run(ID).await
}

async fn pair(first: Contract, second: Contract) -> DetectorRun {
    judge(vec![first, second]).await
}

#[tokio::test]
async fn the_ceiling_to_the_cent() {
    // 2024: 59,906.02, to be stayed below.
    let of = |second: &'static str| pair(small("a", "30000.00", "2024-02-01"), small("b", second, "2024-09-01"));
    assert_eq!(verdict(&of("29906.01").await), "clear");
    let run = of("29906.02").await;
    assert_eq!(verdict(&run), "fired");
    assert_eq!(run.findings[0].amount_at_stake, Some(Money::from_cents(0)));
    assert_eq!(of("29906.03").await.findings[0].amount_at_stake, Some(Money::from_cents(1)));
    // Lei 8.666: up to 17,600.00.
    let old =
        |id: &str, value: &str| Contract { legal_basis: Some(OLD_GOODS.to_owned()), ..small(id, value, "2022-05-01") };
    assert_eq!(verdict(&pair(old("a", "10000.00"), old("b", "7600.00")).await), "clear");
    assert_eq!(verdict(&pair(old("a", "10000.00"), old("b", "7600.01")).await), "fired");
}

#[tokio::test]
async fn members_are_within_their_own_ceiling() {
    let run = pair(small("a", "59906.02", "2024-02-01"), small("b", "59906.01", "2024-02-01")).await;
    assert_eq!(verdicts(&run), [("clear".to_owned(), 1)].into());
    let old =
        |id: &str, value: &str| Contract { legal_basis: Some(OLD_GOODS.to_owned()), ..small(id, value, "2022-05-01") };
    assert_eq!(verdict(&pair(old("a", "17600.00"), old("b", "0.01")).await), "fired");
    assert_eq!(verdict(&pair(old("a", "17600.01"), old("b", "0.01")).await), "clear");
    for other in [
        Contract { modality: "inexigibilidade", ..small("b", "40000.00", "2024-02-01") },
        Contract { status: "duplicate", ..small("b", "40000.00", "2024-02-01") },
        Contract {
            legal_basis: Some("Lei 14.133/2021, Art. 75, VIII".to_owned()),
            ..small("b", "40000.00", "2024-02-01")
        },
        Contract {
            legal_basis: Some("Lei 14.133/2021, Art. 75, XV".to_owned()),
            ..small("b", "40000.00", "2024-02-01")
        },
        Contract { supplier: "115406".to_owned(), ..small("b", "40000.00", "2024-02-01") },
        Contract { supplier_name: "MUNICÍPIO DE SANTOS".to_owned(), ..small("b", "40000.00", "2024-02-01") },
        small("b", "0.00", "2024-02-01"),
    ] {
        let note = format!("{other:?}");
        assert_eq!(
            verdicts(&pair(small("a", "40000.00", "2024-02-01"), other).await),
            [("clear".to_owned(), 1)].into(),
            "{note}"
        );
    }
}

#[tokio::test]
async fn ceilings_change_with_the_date() {
    for (last, goods, works) in [
        ("2021-12-31", "50000.00", "100000.00"),
        ("2022-12-31", "54020.41", "108040.82"),
        ("2023-12-31", "57208.33", "114416.65"),
        ("2024-12-31", "59906.02", "119812.02"),
        ("2025-12-31", "62725.59", "125451.15"),
        ("2026-12-31", "65492.11", "130984.20"),
    ] {
        for (basis, ceiling) in [(GOODS, goods), (WORKS, works)] {
            let at = |id: &str, value: i128| Contract {
                legal_basis: Some(basis.to_owned()),
                initial: Some(value),
                ..small(id, "1.00", last)
            };
            let ceiling = cents(ceiling);
            let run = pair(at("a", ceiling - 1), at("b", 1)).await;
            assert_eq!(verdict(&run), "fired", "{last} {ceiling}");
            assert_eq!(value(&run.findings[0], "ceiling"), Money::from_cents(ceiling).to_string());
            assert_eq!(verdict(&pair(at("a", ceiling - 2), at("b", 1)).await), "clear", "{last} {ceiling}");
        }
    }
    // Within 2020 the ceiling of Lei 8.666 rises on 7 May: the one at the last signature holds.
    let old = |id: &str, value: &str, signed: &str| Contract {
        legal_basis: Some(OLD_GOODS.to_owned()),
        ..small(id, value, signed)
    };
    assert_eq!(verdict(&pair(old("a", "17600.00", "2020-05-06"), old("b", "0.01", "2020-05-06")).await), "fired");
    assert_eq!(verdict(&pair(old("a", "17600.00", "2020-05-06"), old("b", "0.01", "2020-05-07")).await), "clear");
    assert_eq!(verdict(&pair(old("a", "17600.01", "2020-05-07"), old("b", "0.01", "2020-05-07")).await), "clear");
    assert_eq!(verdict(&pair(old("a", "50000.00", "2020-05-07"), old("b", "0.01", "2020-05-07")).await), "fired");
    assert_eq!(verdict(&pair(old("a", "8000.00", "2018-07-18"), old("b", "0.01", "2018-07-18")).await), "fired");
    assert_eq!(verdict(&pair(old("a", "8000.00", "2018-07-18"), old("b", "0.01", "2018-07-19")).await), "clear");
}

#[tokio::test]
async fn groups_share_unit_year_line_class_and_regime() {
    let a = || small("a", "40000.00", "2024-02-01");
    let b = || small("b", "40000.00", "2024-02-01");
    assert_eq!(verdict(&pair(a(), b()).await), "fired");
    for other in [
        Contract { buyer: "999".to_owned(), ..b() },
        Contract { legal_basis: Some(WORKS.to_owned()), ..b() },
        small("b", "40000.00", "2025-01-01"),
    ] {
        assert_eq!(verdicts(&pair(a(), other).await), [("clear".to_owned(), 2)].into());
    }
    let contracts = vec![a(), b()];
    let items = vec![Item::of(&contracts[0], "PAPEL A4"), Item::of(&contracts[1], "CANETA")];
    let run = Data { contracts, items, ..Data::default() }.run(ID).await;
    assert_eq!(verdicts(&run), [("clear".to_owned(), 2)].into());
    let new = |id: &str| small(id, "15000.00", "2022-02-01");
    let old = |id: &str| Contract { legal_basis: Some(OLD_GOODS.to_owned()), ..new(id) };
    assert_eq!(verdicts(&judge(vec![new("a"), old("b")]).await), [("clear".to_owned(), 2)].into());
}

#[tokio::test]
async fn the_line_is_that_of_the_largest_item() {
    let contracts = vec![small("a", "40000.00", "2024-02-01"), small("b", "40000.00", "2024-02-02")];
    let item = |at: usize, text: &str, quantity: i128, price: i128| Item {
        quantity: Some(quantity),
        price: Some(price),
        ..Item::of(&contracts[at], text)
    };
    let items = vec![
        item(0, "CANETA", 10_000, 100),
        item(0, "PAPEL", 100_000, 20),
        item(1, "PAPEL", 10_000, 200),
        item(1, "CANETA", 20_000, 100),
        Item { quantity: None, ..item(1, "AAA", 0, 0) },
    ];
    let data = Data { contracts, items, ..Data::default() };
    // 0: paper 200 against pen 100; 1: paper 200 ties with pen 200, and the first of the alphabet wins.
    assert_eq!(verdicts(&data.run(ID).await), [("clear".to_owned(), 2)].into());
    let mut equal = data;
    equal.items.remove(3);
    let run = equal.run(ID).await;
    assert_eq!(verdict(&run), "fired");
    assert_eq!(value(&run.findings[0], "line_of_business"), "papel");
}

#[tokio::test]
async fn contracts_beyond_the_year() {
    let until = |id: &str, value: &str, end: &str| Contract { end: Some(day(end)), ..small(id, value, "2024-02-01") };
    assert_eq!(
        verdict(&pair(until("a", "40000.00", "2024-12-31"), until("b", "40000.00", "2024-12-31")).await),
        "fired"
    );
    assert_eq!(
        verdict(&pair(until("a", "40000.00", "2024-12-31"), until("b", "40000.00", "2025-01-01")).await),
        "term_beyond_year"
    );
    assert_eq!(
        verdict(&pair(until("a", "20000.00", "2024-12-31"), until("b", "20000.00", "2025-01-01")).await),
        "clear"
    );
    let three = vec![
        until("a", "40000.00", "2024-12-31"),
        until("b", "40000.00", "2024-12-31"),
        until("c", "40000.00", "2025-06-30"),
    ];
    let run = judge(three).await;
    assert_eq!(run.findings[0].contract_ids, ["a", "b"]);
    assert_eq!(value(&run.findings[0], "total"), "80000.00");
}

#[tokio::test]
async fn upkeep_of_vehicles_is_not_added_up_below_its_limit() {
    let upkeep = |id: &str, value: &str| Contract {
        object: "Manutenção de veículos".to_owned(),
        legal_basis: Some(WORKS.to_owned()),
        ..small(id, value, "2024-02-01")
    };
    let many = |value: &'static str| (0..13).map(|at| upkeep(&format!("c{at:02}"), value)).collect::<Vec<_>>();
    assert_eq!(verdicts(&judge(many("9584.97")).await), [].into());
    assert_eq!(verdict(&judge(many("9584.98")).await), "fired");
}

#[tokio::test]
async fn consortia_and_executive_agencies_have_twice_the_ceiling() {
    let at =
        |id: &str, value: &str, name: &str| Contract { buyer_name: name.to_owned(), ..small(id, value, "2024-02-01") };
    let of = |second: &'static str, name: &'static str| pair(at("a", "60000.00", name), at("b", second, name));
    assert_eq!(verdict(&of("59812.03", "CONSÓRCIO PÚBLICO DE SAÚDE").await), "clear");
    let run = of("59812.04", "INMETRO").await;
    assert_eq!(verdict(&run), "fired");
    assert_eq!(value(&run.findings[0], "ceiling"), "119812.04");
    let limits: Vec<_> = run.findings[0].evidence.limits.iter().map(|limit| limit.value.as_str()).collect();
    assert_eq!(limits, ["59906.02", "2", "30"]);
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let one = |contract: Contract, with_item: bool| async move {
        let items = if with_item { vec![Item::of(&contract, "PAPEL")] } else { Vec::new() };
        verdict(&Data { contracts: vec![contract], items, ..Data::default() }.run(ID).await)
    };
    let a = || small("a", "40000.00", "2024-02-01");
    let silent = |value: &str, signed: Option<&str>| Contract {
        legal_basis: None,
        signed: signed.map(day),
        ..small("a", value, "2024-02-01")
    };
    assert_eq!(one(a(), true).await, "clear");
    assert_eq!(one(a(), false).await, "line_of_business_unknown");
    assert_eq!(one(Contract { signed: None, ..a() }, true).await, "no_signature_date");
    assert_eq!(one(silent("59906.01", Some("2024-02-01")), true).await, "legal_basis_not_published");
    assert_eq!(one(silent("100.00", None), true).await, "no_signature_date");
    assert_eq!(one(small("a", "100.00", "2021-03-31"), true).await, "no_ceiling_at_date");
    let nothing = Data { contracts: vec![silent("59906.02", Some("2024-02-01"))], ..Data::default() }.run(ID).await;
    assert_eq!(verdicts(&nothing), [].into());
    // In 2022 the higher of both regimes' ceilings is what a silent basis may rest on.
    assert_eq!(one(silent("54020.40", Some("2022-02-01")), true).await, "legal_basis_not_published");
    // Secret or empty descriptions name no line of business.
    for text in ["", "undefined", "Informação protegida por sigilo nos termos da legislação vigente"] {
        let contracts = vec![a(), small("b", "40000.00", "2024-02-01")];
        let items = contracts.iter().map(|contract| Item::of(contract, text)).collect();
        let run = Data { contracts, items, ..Data::default() }.run(ID).await;
        assert_eq!(verdicts(&run), [("line_of_business_unknown".to_owned(), 2)].into(), "{text}");
    }
}

#[tokio::test]
async fn ambiguous_items_name_no_line() {
    let first = small("a", "40000.00", "2024-02-01");
    let twin = Contract {
        number: first.number.clone(),
        supplier: OTHER_CNPJ.to_owned(),
        ..small("b", "40000.00", "2024-02-01")
    };
    let run = pair(first, twin).await;
    assert_eq!(verdicts(&run), [("line_of_business_unknown".to_owned(), 2)].into());
}

#[tokio::test]
async fn severity() {
    let of = |b: Contract| async move {
        let a = Contract { tender: Some("000012024".to_owned()), ..small("a", "40000.00", "2024-02-01") };
        pair(a, b).await.findings[0].severity
    };
    let other = |signed: &str, tender: Option<&str>| Contract {
        supplier: OTHER_CNPJ.to_owned(),
        tender: tender.map(str::to_owned),
        ..small("b", "40000.00", signed)
    };
    assert_eq!(of(Contract { supplier: CNPJ.to_owned(), ..other("2024-12-01", None) }).await, Severity::High);
    assert_eq!(of(other("2024-03-02", None)).await, Severity::High);
    assert_eq!(of(other("2024-03-03", None)).await, Severity::Medium);
    assert_eq!(of(other("2024-12-01", Some("000012024"))).await, Severity::High);
    assert_eq!(of(other("2024-12-01", Some("000022024"))).await, Severity::Medium);
    // Two secret suppliers are not one supplier.
    let secret = |id: &str, signed: &str| Contract { supplier: String::new(), ..small(id, "40000.00", signed) };
    assert_eq!(pair(secret("a", "2024-01-01"), secret("b", "2024-12-01")).await.findings[0].severity, Severity::Medium);
}

#[tokio::test]
async fn a_finding_shows_the_sum_as_it_grows() {
    let run = judge(vec![
        small("b", "30000.00", "2024-05-01"),
        small("a", "20000.00", "2024-05-01"),
        small("c", "10000.00", "2024-01-10"),
    ])
    .await;
    let finding = &run.findings[0];
    assert_eq!(finding.contract_ids, ["c", "a", "b"]);
    assert_eq!(
        value(finding, "running_total"),
        "2024-01-10 + 10000.00 = 10000.00; 2024-05-01 + 20000.00 = 30000.00; 2024-05-01 + 30000.00 = 60000.00"
    );
    assert!(
        finding
            .description_pt
            .contains("3 dispensas em razão do valor, no ramo “papel a4” e no ano de 2024, somam R$ 60.000,00")
    );
    assert!(
        finding
            .description_pt
            .contains("o limite em 01/05/2024 era de R$ 59.906,02 (Decreto 11.871/2023, Lei 14.133/2021 art. 75 II)")
    );
    assert_eq!(finding.evidence.limits[0].name, "dispensa_goods");
    assert_eq!(finding.evidence.rows.len(), 3);
}
