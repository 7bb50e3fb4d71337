mod reference;

use std::collections::BTreeMap;

use chrono::Days;
use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::lists::Sanction;
use super::tenders::Tender;
use super::{CNPJ, Contract, Data, day, value, verdict};
use crate::detectors::{Catalogue, Run};
use crate::model::{Finding, Plan, Severity, cnpj_check_digits};

const ID: &str = "sanctioned_supplier";
const FINE: (&str, &str) = ("Multa", "LEI 12846 - ART. 6, INCISO I");
const SUSPENSION: (&str, &str) = ("Suspensão", "LEI 8666 - ART. 87, III");
const IMPEDIMENT: (&str, &str) =
    ("Impedimento/proibição de contratar com prazo determinado", "LEI 14133 - ART. 156, III");
const TRADING_FLOOR: (&str, &str) = ("Impedimento - Lei do Pregão", "LEI 10520 - ART. 7");
const TCU: (&str, &str) = ("Declaração de Inidoneidade com prazo determinado", "LEI 8443 - ART. 46");
const IMPROBITY: (&str, &str) = ("Impedimento/proibição de contratar com prazo determinado", "LEI 8429 - ART. 12, II");
const CARTEL: (&str, &str) = ("Proibição", "LEI 12529 - ART. 38, II");
const STATE_COMPANY: (&str, &str) = ("Suspensão", "LEI 13303 - ART. 83, III");
const ODD: (&str, &str) = ("Decisão judicial liminar/cautelar que impeça contratação", "");

const EVERYWHERE: &str = "Todas as Esferas em todos os Poderes";
const IN_ENTITY: &str = "Em todos os Poderes da Esfera do órgão sancionador";
const IN_POWER: &str = "Na Esfera e no Poder do órgão sancionador";
const IN_BODY: &str = "No órgão sancionador";

/// An establishment of the company of a case.
fn company(case: usize, establishment: u32) -> String {
    let base = format!("{:08}{establishment:04}", 10_000_000 + case);
    let digits = cnpj_check_digits(&base).unwrap();
    format!("{base}{}", std::str::from_utf8(&digits).unwrap())
}

/// A contract and what is listed; `@1` stands for the company of the case, `@2` for another establishment.
#[derive(Clone)]
struct Case {
    contract: Contract,
    sanctions: Vec<Sanction>,
    opened: Option<&'static str>,
}

fn case(contract: Contract, sanctions: Vec<Sanction>) -> Case {
    Case { contract, sanctions, opened: None }
}

fn signed(on: &str) -> Contract {
    Contract { supplier: "@1".to_owned(), signed: Some(day(on)), ..Contract::new("c") }
}

/// One of the kinds above, with a published scope.
fn kind((category, basis): (&'static str, &'static str), scope: &'static str) -> Sanction {
    Sanction { category, basis, scope, ..Sanction::of("@1") }
}

fn data(cases: Vec<Case>) -> Data {
    // A list is there whatever the case needs.
    let mut data = Data { sanctions: vec![Sanction::of(CNPJ)], ..Data::default() };
    for (at, one) in cases.into_iter().enumerate() {
        let named = |text: &str| match text {
            "@1" => company(at, 1),
            "@2" => company(at, 2),
            other => other.to_owned(),
        };
        let tender = one.opened.map(|on| Tender { opened: Some(day(on)), ..Tender::new(&format!("t{at:03}")) });
        data.contracts.push(Contract {
            id: format!("c{at:03}"),
            supplier: named(&one.contract.supplier),
            tender: tender.as_ref().map(|tender| tender.id.clone()),
            ..one.contract
        });
        data.tenders.extend(tender);
        data.sanctions.extend(one.sanctions.into_iter().enumerate().map(|(place, sanction)| Sanction {
            id: format!("s{at:03}-{place}"),
            person: named(&sanction.person),
            ..sanction
        }));
    }
    data
}

/// The verdict on each case, and what was found in it.
async fn judge(cases: Vec<Case>) -> Vec<(String, Option<Finding>)> {
    let many = cases.len();
    let run = Run::prepare(data(cases).session(2), &Plan::default()).await.unwrap();
    let catalogue = Catalogue::builtin().unwrap();
    let detector = catalogue.get(ID).unwrap();
    let select = format!("SELECT subject, coalesce(reason, outcome) FROM ({})", detector.sql());
    let mut verdicts: BTreeMap<String, String> = BTreeMap::new();
    for batch in run.context().sql(&select).await.unwrap().collect().await.unwrap() {
        let columns = [0, 1].map(|at| cast(batch.column(at), &DataType::Utf8).unwrap());
        let [subjects, answers] = columns.each_ref().map(AsArray::as_string::<i32>);
        for (subject, answer) in subjects.iter().zip(answers) {
            let known = verdicts.insert(subject.unwrap().to_owned(), answer.unwrap().to_owned());
            assert_eq!(known, None, "one answer for a contract");
        }
    }
    let findings = run.detector(detector).await.unwrap().findings;
    (0..many)
        .map(|at| {
            let id = format!("c{at:03}");
            let found = findings.iter().find(|finding| finding.contract_ids == [id.clone()]).cloned();
            (verdicts[&id].clone(), found)
        })
        .collect()
}

async fn verdicts(cases: Vec<Case>) -> Vec<String> {
    judge(cases).await.into_iter().map(|(verdict, _)| verdict).collect()
}

#[tokio::test]
async fn a_sanction_counts_from_its_first_day_to_its_last() {
    let days = ["2023-12-31", "2024-01-01", "2024-06-30", "2024-12-31", "2025-01-01"];
    let cases = days.map(|on| case(signed(on), vec![Sanction::of("@1")])).to_vec();
    assert_eq!(verdicts(cases).await, ["clear", "fired", "fired", "fired", "clear"]);
    let open = |on: &str| case(signed(on), vec![Sanction { end: None, ..Sanction::of("@1") }]);
    let impediment = Sanction { end: None, ..kind(IMPEDIMENT, IN_ENTITY) };
    let cases = vec![
        open("2024-01-01"),
        // 730 days, and one more.
        open("2025-12-31"),
        open("2026-01-01"),
        // How long an impediment holds at least, no law says.
        case(signed("2024-01-02"), vec![impediment]),
        case(signed("2024-05-01"), vec![Sanction { start: None, ..Sanction::of("@1") }]),
        case(Contract { signed: None, ..signed("2024-05-01") }, vec![Sanction::of("@1")]),
        case(signed("2024-05-01"), vec![Sanction { published: Some(day("2024-05-02")), ..Sanction::of("@1") }]),
        case(signed("2024-05-01"), vec![Sanction { published: Some(day("2024-05-01")), ..Sanction::of("@1") }]),
    ];
    let expected = [
        "fired",
        "fired",
        "open_ended",
        "open_ended",
        "sanction_without_start",
        "no_signature_date",
        "published_later",
        "fired",
    ];
    assert_eq!(verdicts(cases).await, expected);
}

#[tokio::test]
async fn what_bars_nobody_from_contracts_never_fires() {
    let unbarring = [
        kind(FINE, ""),
        kind(FINE, EVERYWHERE),
        kind(("Multa - Lei 12.846/13", "Art. 6, inciso I, Lei 12846/2013"), ""),
        kind(("Publicação Extraordinária - Lei 12.846/13", "Art. 6, § 5, inciso II, Lei 12846/2013"), EVERYWHERE),
        kind(("Suspensão/Interdição das atividades - Lei 12.846/13", "Art. 19, inciso II, Lei 12846/2013"), EVERYWHERE),
        kind(("Proibição - Lei 12.846/13", "Art. 19, inciso IV, Lei 12846/2013"), EVERYWHERE),
        Sanction { list: "cepim", ..kind(("CONTAS", ""), "") },
        Sanction { list: "leniency", ..kind(("Cumprido", ""), "") },
        Sanction { end: None, list: "cnep", ..kind(FINE, "") },
    ];
    let cases: Vec<Case> = unbarring.into_iter().map(|one| case(signed("2024-05-01"), vec![one])).collect();
    assert!(verdicts(cases).await.iter().all(|verdict| verdict == "clear"));
}

#[tokio::test]
async fn each_law_has_its_reach() {
    let on = || signed("2024-05-01");
    let of = |sphere: Option<&str>| Contract { sphere: sphere.map(str::to_owned), ..on() };
    let own = || Contract { buyer_name: "MINISTERIO DA SAUDE".to_owned(), ..on() };
    let by = |body: &'static str, sphere: &'static str, sanction: Sanction| Sanction { body, sphere, ..sanction };
    let town = |sanction: Sanction| by("Prefeitura de Santos", "municipal", sanction);
    let cases = [
        // Declared unfit: everywhere, unless the list says less.
        (on(), town(Sanction::of("@1")), "fired"),
        (of(None), town(Sanction { scope: "", ..Sanction::of("@1") }), "fired"),
        (on(), town(Sanction { scope: IN_BODY, ..Sanction::of("@1") }), "scope_unclear"),
        (on(), Sanction { scope: IN_POWER, ..Sanction::of("@1") }, "fired"),
        (on(), Sanction { basis: "", ..Sanction::of("@1") }, "fired"),
        (on(), Sanction { basis: "", scope: "", ..Sanction::of("@1") }, "scope_unclear"),
        (on(), Sanction { scope: "Outra", ..Sanction::of("@1") }, "scope_unclear"),
        // TCU: the federal administration.
        (on(), kind(TCU, ""), "fired"),
        (of(Some("state")), kind(TCU, ""), "clear"),
        (of(None), kind(TCU, ""), "scope_unclear"),
        (on(), by("Tribunal de Contas da União", "federal", Sanction { basis: "", ..Sanction::of("@1") }), "fired"),
        // An impediment: the entity that imposed it.
        (on(), kind(IMPEDIMENT, IN_ENTITY), "fired"),
        (on(), kind(TRADING_FLOOR, ""), "fired"),
        (on(), town(kind(IMPEDIMENT, IN_ENTITY)), "clear"),
        (on(), town(kind(TRADING_FLOOR, EVERYWHERE)), "clear"),
        (of(None), kind(IMPEDIMENT, ""), "scope_unclear"),
        (of(Some("municipal")), town(kind(IMPEDIMENT, "")), "scope_unclear"),
        (
            Contract { buyer_name: "PREFEITURA DE SANTOS".to_owned(), ..of(Some("municipal")) },
            town(kind(IMPEDIMENT, "")),
            "fired",
        ),
        (on(), by("Tribunal Regional Eleitoral", "federal", kind(IMPEDIMENT, IN_POWER)), "scope_unclear"),
        (on(), by("Ministério da Justiça e Segurança Pública", "federal", kind(IMPEDIMENT, IN_POWER)), "fired"),
        // A suspension: the body, and nobody agrees on more.
        (on(), kind(SUSPENSION, IN_BODY), "suspension_scope_disputed"),
        (own(), kind(SUSPENSION, IN_BODY), "fired"),
        (on(), town(kind(SUSPENSION, EVERYWHERE)), "suspension_scope_disputed"),
        (on(), kind(STATE_COMPANY, ""), "scope_unclear"),
        (on(), town(kind(STATE_COMPANY, "")), "clear"),
        (own(), kind(STATE_COMPANY, IN_BODY), "fired"),
        // What rests on other laws reaches as far as the list says.
        (on(), kind(CARTEL, EVERYWHERE), "fired"),
        (on(), kind(CARTEL, ""), "scope_unclear"),
        (on(), town(kind(CARTEL, IN_ENTITY)), "clear"),
        (on(), kind(ODD, EVERYWHERE), "scope_unclear"),
        // A conviction counts once it is final.
        (on(), Sanction { judged: Some(day("2024-05-01")), ..kind(IMPROBITY, EVERYWHERE) }, "fired"),
        (on(), Sanction { judged: Some(day("2024-05-02")), ..kind(IMPROBITY, EVERYWHERE) }, "judgment_not_final"),
        (on(), kind(IMPROBITY, EVERYWHERE), "judgment_not_final"),
    ];
    let expected: Vec<_> = cases.iter().map(|(.., expected)| (*expected).to_owned()).collect();
    let found =
        verdicts(cases.into_iter().map(|(contract, sanction, _)| case(contract, vec![sanction])).collect()).await;
    assert_eq!(found, expected);
}

#[tokio::test]
async fn state_companies_have_bars_of_their_own() {
    let company = || Contract { buyer_name: "EMPRESA BRASIL DE COMUNICACAO".to_owned(), ..signed("2024-05-01") };
    let by_law = || Contract { legal_basis: Some("Lei 13.303/2016, art. 32".to_owned()), ..signed("2024-05-01") };
    let agency = || Contract { legal_basis: Some("Lei 14.133/2021, art. 28, I".to_owned()), ..company() };
    let by = |body: &'static str, sphere: &'static str, sanction: Sanction| Sanction { body, sphere, ..sanction };
    let town = |sanction: Sanction| by("Prefeitura de Santos", "municipal", sanction);
    let cases = [
        // Impediments and suspensions by others do not bar (Lei 13.303/2016 art. 38).
        (company(), kind(IMPEDIMENT, IN_ENTITY), "state_company"),
        (company(), kind(TRADING_FLOOR, ""), "state_company"),
        (by_law(), kind(IMPEDIMENT, IN_ENTITY), "state_company"),
        (company(), Sanction { basis: "", ..kind(IMPEDIMENT, EVERYWHERE) }, "state_company"),
        // Its own do, and so does whoever it is that applies another law.
        (company(), by("Empresa Brasil de Comunicação", "federal", kind(IMPEDIMENT, IN_ENTITY)), "fired"),
        (agency(), kind(IMPEDIMENT, IN_ENTITY), "fired"),
        // A declaration of unfitness by the Union or a state does; by a town it does not.
        (company(), Sanction::of("@1"), "fired"),
        (by_law(), by("Estado de Goiás", "state", Sanction::of("@1")), "fired"),
        (company(), town(Sanction::of("@1")), "state_company"),
        // TCU, CADE and courts bar from the whole administration.
        (company(), kind(TCU, ""), "fired"),
        (company(), kind(CARTEL, EVERYWHERE), "fired"),
        (company(), Sanction { judged: Some(day("2024-05-01")), ..kind(IMPROBITY, EVERYWHERE) }, "fired"),
    ];
    let expected: Vec<_> = cases.iter().map(|(.., expected)| (*expected).to_owned()).collect();
    let found =
        verdicts(cases.into_iter().map(|(contract, sanction, _)| case(contract, vec![sanction])).collect()).await;
    assert_eq!(found, expected);
}

#[tokio::test]
async fn only_a_sure_identity_counts() {
    let of = |supplier: &str, person: &str| {
        case(Contract { supplier: supplier.to_owned(), ..signed("2024-05-01") }, vec![Sanction::of(person)])
    };
    let cases = vec![
        of("@1", "@1"),
        of("@1", "@2"),
        of("52998224725", "52998224725"),
        // A mask is shared by a thousand.
        of("11144477735", "***.444.777-**"),
        of("***.333.444-**", "***.333.444-**"),
        of("***.555.666-**", "***.111.222-**"),
        of("12345678909", "***.111.222-**"),
        // Wrong digits: who it is is not known.
        of("00000000000192", "00000000000192"),
        of("11222333000182", "@1"),
        of("EX2548312", "@1"),
        of("", "@1"),
        // Signed by nobody who is listed.
        of("@1", "11222333000181"),
    ];
    let judged = judge(cases).await;
    let expected = [
        "fired",
        "fired",
        "fired",
        "identity_unsure",
        "identity_unsure",
        "clear",
        "clear",
        "identity_unsure",
        "tax_id_invalid",
        "no_tax_id",
        "supplier_secret",
        "clear",
    ];
    assert_eq!(judged.iter().map(|(verdict, _)| verdict.as_str()).collect::<Vec<_>>(), expected);
    let matches: Vec<_> = judged.iter().filter_map(|(_, found)| Some(value(found.as_ref()?, "match"))).collect();
    assert_eq!(matches, ["same", "branch", "same"]);
    let branch = judged[1].1.as_ref().unwrap();
    assert_eq!(branch.severity, Severity::Medium);
    assert!(branch.description_pt.contains("traz, para outro estabelecimento da mesma empresa ("), "{branch:?}");
    assert!(branch.description_en.contains("has, for another establishment of the same company ("), "{branch:?}");
    assert!(judged[0].1.as_ref().unwrap().description_pt.contains("traz, para o mesmo CPF ou CNPJ, a sanção"));
    let shown = serde_json::to_string(&judged[2].1).unwrap();
    assert!(!shown.contains("52998224725") && shown.contains("***.982.247-**"));
}

#[tokio::test]
async fn severity_follows_the_reach() {
    let of = |sanction: Sanction| case(signed("2024-05-01"), vec![sanction]);
    let judged = judge(vec![
        of(Sanction::of("@1")),
        of(kind(TCU, "")),
        of(kind(IMPEDIMENT, IN_ENTITY)),
        of(kind(CARTEL, EVERYWHERE)),
        of(kind(CARTEL, IN_ENTITY)),
        // The gravest of several is told, and how many there are.
        case(signed("2024-05-01"), vec![kind(IMPEDIMENT, IN_ENTITY), Sanction::of("@1"), kind(FINE, "")]),
        case(signed("2024-05-01"), vec![kind(SUSPENSION, ""), Sanction::of("@2")]),
    ])
    .await;
    let [critical, high, medium] = [Severity::Critical, Severity::High, Severity::Medium];
    let severities: Vec<_> = judged.iter().map(|(_, found)| found.as_ref().unwrap().severity).collect();
    assert_eq!(severities, [critical, high, high, critical, high, critical, medium]);
    let several = judged[5].1.as_ref().unwrap();
    assert_eq!((value(several, "sanctions"), value(several, "sanction")), ("2".to_owned(), "s005-1".to_owned()));
}

#[tokio::test]
async fn a_sanction_at_the_opening_of_bids_counts_less() {
    let of = |opened: &'static str, sanction: Sanction| Case {
        contract: signed("2025-03-01"),
        sanctions: vec![sanction],
        opened: Some(opened),
    };
    let judged = judge(vec![
        of("2024-12-31", Sanction::of("@1")),
        of("2025-01-01", Sanction::of("@1")),
        of("2023-12-31", Sanction::of("@1")),
        // Opened after the signature: a slip.
        of("2025-04-01", Sanction { end: Some(day("2025-02-01")), ..Sanction::of("@1") }),
        of("2024-06-01", Sanction { published: Some(day("2024-07-01")), ..Sanction::of("@1") }),
    ])
    .await;
    let verdicts: Vec<_> = judged.iter().map(|(verdict, _)| verdict.as_str()).collect();
    assert_eq!(verdicts, ["fired", "clear", "clear", "clear", "published_later"]);
    let finding = judged[0].1.as_ref().unwrap();
    assert_eq!((finding.severity, value(finding, "in_force_at").as_str()), (Severity::Medium, "bid"));
    assert!(finding.description_pt.contains("na abertura da licitação, não na assinatura"));
}

#[tokio::test]
async fn a_waiver_and_a_missing_or_old_list_are_told() {
    let covid = Contract { legal_basis: Some("Lei 13.979/2020, art. 4".to_owned()), ..signed("2024-05-01") };
    assert_eq!(verdicts(vec![case(covid, vec![Sanction::of("@1")])]).await, ["covid_waiver"]);
    let contract = || Contract { signed: Some(day("2024-05-01")), ..Contract::new("a") };
    let with = |sanctions| Data { contracts: vec![contract()], sanctions, ..Data::default() };
    assert_eq!(verdict(&with(Vec::new()).run(ID).await), "list_not_taken_in");
    let other = "11222333000181";
    // A fine says nothing of who is barred.
    let fine = Sanction { list: "cnep", ..Sanction::of(other) };
    assert_eq!(verdict(&with(vec![fine]).run(ID).await), "list_not_taken_in");
    let old = |file| Sanction { file, ..Sanction::of(other) };
    assert_eq!(verdict(&with(vec![old("20240430_CEIS.csv")]).run(ID).await), "list_too_old");
    assert_eq!(verdict(&with(vec![old("20240501_CEIS.csv")]).run(ID).await), "clear");
    assert_eq!(verdict(&with(vec![old("ceis.csv")]).run(ID).await), "clear");
}

#[tokio::test]
async fn a_finding_shows_the_sanction() {
    let judged = judge(vec![case(signed("2024-05-01").worth("1234567.89"), vec![Sanction::of("@1")])]).await;
    let finding = judged[0].1.as_ref().unwrap();
    for (name, expected) in [
        ("sanction", "s000-0"),
        ("list", "ceis"),
        ("category", "Declaração de Inidoneidade com prazo determinado"),
        ("basis", "LEI 14133 - ART. 156, IV"),
        ("reach", "national"),
        ("published_scope", EVERYWHERE),
        ("body", "Ministério da Saúde"),
        ("process_number", "123/2024"),
        ("start_date", "2024-01-01"),
        ("end_date", "2024-12-31"),
        ("signature_date", "2024-05-01"),
        ("in_force_at", "signature"),
        ("days_in_force", "121"),
        ("match", "same"),
    ] {
        assert_eq!(value(finding, name), expected, "{name}");
    }
    assert_eq!(finding.amount_at_stake.unwrap().to_string(), "1234567.89");
    let rows: Vec<_> = finding.evidence.rows.iter().map(|row| (row.table.as_str(), row.id.as_str())).collect();
    assert_eq!(rows, [("contracts", "c000"), ("sanctions", "s000-0")]);
    assert!(finding.description_pt.contains("todas as esferas") && finding.description_pt.contains("indício"));
    assert!(finding.description_en.contains("from 2024-01-01") || finding.description_en.contains("2024"));
}

#[tokio::test]
async fn random_cases_agree_with_a_slow_reference() {
    let mut rng = StdRng::seed_from_u64(19);
    let some = |rng: &mut StdRng, likely: f64| {
        let on = day("2023-06-01") + Days::new(rng.random_range(0..900));
        rng.random_bool(likely).then_some(on)
    };
    let mut cases = Vec::new();
    let mut meanings = Vec::new();
    for _ in 0..900 {
        let mut contract = signed("2024-05-01");
        contract.signed = some(&mut rng, 1.0);
        contract.sphere =
            [Some("federal"), Some("federal"), Some("state"), None].choose(&mut rng).unwrap().map(str::to_owned);
        if rng.random_bool(0.3) {
            contract.buyer_name = "MINISTERIO DA SAUDE".to_owned();
        }
        let mut sanctions = Vec::new();
        let mut means = Vec::new();
        for _ in 0..rng.random_range(0..3) {
            let (of, meaning) = *reference::KINDS.choose(&mut rng).unwrap();
            let mut sanction = kind(of, reference::SCOPES.choose(&mut rng).unwrap());
            (sanction.body, sanction.sphere) = *[
                ("Ministério da Saúde", "federal"),
                ("Governo da Bahia", "state"),
                ("Prefeitura", "municipal"),
                ("", ""),
            ]
            .choose(&mut rng)
            .unwrap();
            sanction.person = if rng.random_bool(0.2) { "@2" } else { "@1" }.to_owned();
            sanction.start = some(&mut rng, 0.95);
            sanction.end = sanction
                .start
                .filter(|_| rng.random_bool(0.8))
                .map(|start| start + Days::new(rng.random_range(0..900)));
            sanction.published = sanction
                .start
                .filter(|_| rng.random_bool(0.5))
                .map(|start| start + Days::new(rng.random_range(0..500)));
            sanction.judged = sanction
                .start
                .filter(|_| rng.random_bool(0.5))
                .map(|start| start + Days::new(rng.random_range(0..500)));
            sanctions.push(sanction);
            means.push(meaning);
        }
        cases.push(case(contract, sanctions));
        meanings.push(means);
    }
    let expected: Vec<_> = cases.iter().zip(&meanings).map(|(case, means)| reference::judge(case, means)).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (at, (verdict, found)) in judge(cases.clone()).await.into_iter().enumerate() {
        let (wanted, severity) = &expected[at];
        assert!(wanted.split(" or ").any(|one| one == verdict), "case {at}: {verdict}, not {wanted}");
        assert_eq!(found.map(|found| found.severity), *severity, "case {at}");
        *seen.entry(verdict).or_default() += 1;
    }
    for verdict in [
        "fired",
        "clear",
        "scope_unclear",
        "open_ended",
        "published_later",
        "judgment_not_final",
        "suspension_scope_disputed",
    ] {
        assert!(seen.get(verdict).is_some_and(|times| *times > 2), "{verdict}: {seen:?}");
    }
}
