use super::{CNPJ, Contract, Data, Item, Judged, OTHER_CNPJ, cents, day, judge_all, value};
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
        end: Some(day(&format!("{}-12-31", &signed[..4]))),
        ..Contract::new(id).worth(value)
    }
}

/// Each contract with one item of paper.
fn with_paper(contracts: Vec<Contract>) -> Data {
    let items = contracts.iter().map(|contract| Item::of(contract, "PAPEL A4")).collect();
    Data { contracts, items, ..Data::default() }
}

async fn judge(cases: Vec<Vec<Contract>>) -> Vec<Judged> {
    judge_all(ID, cases.into_iter().map(with_paper).collect()).await
}

fn old(id: &str, value: &str, signed: &str) -> Contract {
    Contract { legal_basis: Some(OLD_GOODS.to_owned()), ..small(id, value, signed) }
}

fn counts<const N: usize>(counts: [(&str, i64); N]) -> std::collections::BTreeMap<String, i64> {
    counts.into_iter().map(|(verdict, count)| (verdict.to_owned(), count)).collect()
}

/// Each case with the one verdict that it must get.
async fn expect(cases: Vec<(Vec<Contract>, &str)>) {
    let (data, expected): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    for (judged, (contracts, expected)) in judge(data.clone()).await.iter().zip(data.iter().zip(expected)) {
        assert_eq!(judged.verdict(), expected, "{contracts:?}");
    }
}

#[tokio::test]
async fn the_ceiling_to_the_cent() {
    // 2024: 59,906.02, to be stayed below.
    let of = |second: &str| vec![small("a", "30000.00", "2024-02-01"), small("b", second, "2024-09-01")];
    // Lei 8.666: up to 17,600.00.
    let before = |second: &str| vec![old("a", "10000.00", "2022-05-01"), old("b", second, "2022-05-01")];
    let judged =
        judge(vec![of("29906.01"), of("29906.02"), of("29906.03"), before("7600.00"), before("7600.01")]).await;
    let verdicts: Vec<_> = judged.iter().map(Judged::verdict).collect();
    assert_eq!(verdicts, ["clear", "fired", "fired", "clear", "fired"]);
    assert_eq!(judged[1].findings[0].amount_at_stake, Some(Money::from_cents(0)));
    assert_eq!(judged[2].findings[0].amount_at_stake, Some(Money::from_cents(1)));
}

#[tokio::test]
async fn members_are_within_their_own_ceiling() {
    let b = || small("b", "40000.00", "2024-02-01");
    let other = |other: Contract| (vec![small("a", "40000.00", "2024-02-01"), other], "clear");
    expect(vec![
        (vec![small("a", "59906.02", "2024-02-01"), small("b", "59906.01", "2024-02-01")], "clear"),
        (vec![old("a", "17600.00", "2022-05-01"), old("b", "0.01", "2022-05-01")], "fired"),
        (vec![old("a", "17600.01", "2022-05-01"), old("b", "0.01", "2022-05-01")], "clear"),
        other(Contract { modality: "inexigibilidade", ..b() }),
        other(Contract { status: "duplicate", ..b() }),
        other(Contract { legal_basis: Some("Lei 14.133/2021, Art. 75, VIII".to_owned()), ..b() }),
        other(Contract { legal_basis: Some("Lei 14.133/2021, Art. 75, XV".to_owned()), ..b() }),
        other(Contract { supplier: "115406".to_owned(), ..b() }),
        other(Contract { supplier_name: "MUNICÍPIO DE SANTOS".to_owned(), ..b() }),
        other(small("b", "0.00", "2024-02-01")),
    ])
    .await;
}

#[tokio::test]
async fn ceilings_change_with_the_date() {
    let mut cases = Vec::new();
    for (last, goods, works) in [
        ("2021-12-31", "50000.00", "100000.00"),
        ("2022-12-31", "54020.41", "108040.82"),
        ("2023-12-31", "57208.33", "114416.65"),
        ("2024-12-31", "59906.02", "119812.02"),
        ("2025-12-31", "62725.59", "125451.15"),
        ("2026-12-31", "65492.11", "130984.20"),
    ] {
        let first = format!("{}-01-01", &last[..4]);
        let first = if last.starts_with("2021") { "2021-04-01" } else { first.as_str() };
        for (basis, ceiling) in [(GOODS, goods), (WORKS, works)] {
            let ceiling = cents(ceiling);
            let at = |id: &str, value: i128, signed: &str| Contract {
                legal_basis: Some(basis.to_owned()),
                initial: Some(value),
                ..small(id, "1.00", signed)
            };
            for signed in [first, last] {
                cases.push((vec![at("a", ceiling - 1, signed), at("b", 1, signed)], "fired"));
                cases.push((vec![at("a", ceiling - 2, signed), at("b", 1, signed)], "clear"));
            }
        }
    }
    // Within 2018 and 2020 the ceiling of Lei 8.666 rises: the one at the last signature holds.
    for (value, first, second, verdict) in [
        ("17600.00", "2020-05-06", "2020-05-06", "fired"),
        ("17600.00", "2020-05-06", "2020-05-07", "clear"),
        ("17600.01", "2020-05-07", "2020-05-07", "clear"),
        ("50000.00", "2020-05-07", "2020-12-31", "fired"),
        ("17600.00", "2021-01-01", "2021-01-01", "fired"),
        ("8000.00", "2018-07-18", "2018-07-18", "fired"),
        ("8000.00", "2018-07-18", "2018-07-19", "clear"),
    ] {
        cases.push((vec![old("a", value, first), old("b", "0.01", second)], verdict));
    }
    expect(cases).await;
}

#[tokio::test]
async fn groups_share_unit_year_line_class_and_regime() {
    let a = || small("a", "40000.00", "2024-02-01");
    let b = || small("b", "40000.00", "2024-02-01");
    let mut lines = with_paper(vec![a(), b()]);
    lines.items[1].description = "CANETA".to_owned();
    let new = |id: &str| small(id, "15000.00", "2022-02-01");
    let judged = judge_all(
        ID,
        vec![
            with_paper(vec![a(), b()]),
            with_paper(vec![a(), Contract { buyer: "999".to_owned(), ..b() }]),
            with_paper(vec![a(), Contract { legal_basis: Some(WORKS.to_owned()), ..b() }]),
            with_paper(vec![a(), small("b", "40000.00", "2025-01-01")]),
            with_paper(vec![new("a"), old("b", "15000.00", "2022-02-01")]),
            lines,
        ],
    )
    .await;
    assert_eq!(judged[0].verdict(), "fired");
    for apart in &judged[1..] {
        assert_eq!(apart.verdicts, counts([("clear", 2)]));
    }
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
    // a: paper 200 against pen 100; b: paper 200 ties with pen 200, and the first of the alphabet wins.
    let tie = Data { contracts: contracts.clone(), items, ..Data::default() };
    let mut equal = tie.clone();
    equal.items.remove(3);
    let judged = judge_all(ID, vec![tie, equal]).await;
    assert_eq!(judged[0].verdicts, counts([("clear", 2)]));
    assert_eq!(judged[1].verdict(), "fired");
    assert_eq!(value(&judged[1].findings[0], "line_of_business"), "papel");
}

#[tokio::test]
async fn contracts_beyond_the_year() {
    let until = |id: &str, value: &str, end: &str| Contract { end: Some(day(end)), ..small(id, value, "2024-02-01") };
    let in_year = |id: &str| until(id, "40000.00", "2024-12-31");
    let judged = judge(vec![
        vec![in_year("a"), in_year("b")],
        vec![in_year("a"), until("b", "40000.00", "2025-01-01")],
        vec![until("a", "20000.00", "2024-12-31"), until("b", "20000.00", "2025-01-01")],
        vec![in_year("a"), in_year("b"), until("c", "40000.00", "2025-06-30")],
        // Whose end is not published may go on.
        vec![in_year("a"), Contract { end: None, ..in_year("b") }],
        // What was undone is bought again.
        vec![in_year("a"), Contract { situation: Some("Rescindido"), ..in_year("b") }],
        vec![in_year("a"), Contract { situation: Some("Cancelado"), ..in_year("b") }],
        vec![in_year("a"), Contract { situation: Some("Fechado"), ..in_year("b") }],
    ])
    .await;
    let verdicts: Vec<_> = judged.iter().map(Judged::verdict).collect();
    assert_eq!(
        verdicts,
        ["fired", "term_beyond_year", "clear", "fired", "term_beyond_year", "clear", "clear", "fired"]
    );
    assert_eq!(judged[3].findings[0].contract_ids, ["a", "b"]);
    assert_eq!(value(&judged[3].findings[0], "total"), "80000.00");
}

#[tokio::test]
async fn upkeep_of_vehicles_is_not_added_up_below_its_limit() {
    let upkeep = |id: &str, value: &str| Contract {
        object: "Manutenção de veículos".to_owned(),
        legal_basis: Some(WORKS.to_owned()),
        ..small(id, value, "2024-02-01")
    };
    let many = |value: &str| (0..13).map(|at| upkeep(&format!("c{at:02}"), value)).collect::<Vec<_>>();
    let judged = judge(vec![many("9584.97"), many("9584.98")]).await;
    assert_eq!(judged[0].verdicts, counts([]));
    assert_eq!(judged[1].verdict(), "fired");
}

#[tokio::test]
async fn consortia_and_executive_agencies_have_twice_the_ceiling() {
    let at =
        |id: &str, value: &str, name: &str| Contract { buyer_name: name.to_owned(), ..small(id, value, "2024-02-01") };
    let of = |second: &str, name: &str| vec![at("a", "60000.00", name), at("b", second, name)];
    let judged = judge(vec![of("59812.03", "CONSÓRCIO PÚBLICO DE SAÚDE"), of("59812.04", "INMETRO")]).await;
    assert_eq!(judged[0].verdict(), "clear");
    assert_eq!(judged[1].verdict(), "fired");
    let finding = &judged[1].findings[0];
    assert_eq!(value(finding, "ceiling"), "119812.04");
    let limits: Vec<_> = finding.evidence.limits.iter().map(|limit| limit.value.as_str()).collect();
    assert_eq!(limits, ["59906.02", "2", "30"]);
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let a = || small("a", "40000.00", "2024-02-01");
    let silent = |value: &str, signed: Option<&str>| {
        vec![Contract { legal_basis: None, signed: signed.map(day), ..small("a", value, "2024-02-01") }]
    };
    expect(vec![
        (vec![a()], "clear"),
        (vec![Contract { signed: None, ..a() }], "no_signature_date"),
        (silent("59906.01", Some("2024-02-01")), "legal_basis_not_published"),
        (silent("100.00", None), "no_signature_date"),
        // In 2022 the higher of both regimes' ceilings is what a silent basis may rest on.
        (silent("54020.40", Some("2022-02-01")), "legal_basis_not_published"),
        (vec![small("a", "100.00", "2021-03-31")], "no_ceiling_at_date"),
        (vec![old("a", "100.00", "2023-12-31")], "no_ceiling_at_date"),
    ])
    .await;
    let mut cases = vec![with_paper(silent("59906.02", Some("2024-02-01")))];
    // Secret or empty descriptions name no line of business, nor does an item of one of two contracts.
    for text in ["", "undefined", "Informação protegida por sigilo nos termos da legislação vigente"] {
        let mut data = with_paper(vec![a(), small("b", "40000.00", "2024-02-01")]);
        data.items.iter_mut().for_each(|item| item.description = text.to_owned());
        cases.push(data);
    }
    cases.push(Data { items: Vec::new(), ..with_paper(vec![a(), small("b", "40000.00", "2024-02-01")]) });
    let twin = Contract { number: a().number, supplier: OTHER_CNPJ.to_owned(), ..small("b", "40000.00", "2024-02-01") };
    cases.push(with_paper(vec![a(), twin]));
    let judged = judge_all(ID, cases).await;
    assert_eq!(judged[0].verdicts, counts([]));
    for case in &judged[1..] {
        assert_eq!(case.verdicts, counts([("line_of_business_unknown", 2)]));
    }
}

#[tokio::test]
async fn severity_goes_by_supplier_days_and_process() {
    let other = |signed: &str, tender: Option<&str>| Contract {
        supplier: OTHER_CNPJ.to_owned(),
        tender: tender.map(str::to_owned),
        ..small("b", "40000.00", signed)
    };
    let with = |b: Contract| {
        vec![Contract { tender: Some("000012024".to_owned()), ..small("a", "40000.00", "2024-02-01") }, b]
    };
    // Two secret suppliers are not one supplier.
    let secret = |id: &str, signed: &str| Contract { supplier: String::new(), ..small(id, "40000.00", signed) };
    let judged = judge(vec![
        with(Contract { supplier: CNPJ.to_owned(), ..other("2024-12-01", None) }),
        with(other("2024-03-02", None)),
        with(other("2024-03-03", None)),
        with(other("2024-12-01", Some("000012024"))),
        with(other("2024-12-01", Some("000022024"))),
        vec![secret("a", "2024-01-01"), secret("b", "2024-12-01")],
    ])
    .await;
    let severities: Vec<_> = judged.iter().map(|one| one.findings[0].severity).collect();
    let (high, medium) = (Severity::High, Severity::Medium);
    assert_eq!(severities, [high, high, medium, high, medium, medium]);
}

#[tokio::test]
async fn a_finding_shows_the_sum_as_it_grows() {
    let contracts = vec![
        small("b", "30000.00", "2024-05-01"),
        small("a", "20000.00", "2024-05-01"),
        small("c", "10000.00", "2024-01-10"),
    ];
    let judged = judge(vec![contracts]).await;
    let finding = &judged[0].findings[0];
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
