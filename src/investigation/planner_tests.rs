use proptest::prelude::*;

use super::*;
use crate::model::{Modality, Money};

const DETECTORS: [DetectorInfo<'static>; 3] = [
    DetectorInfo { id: "amendment_cap", pattern: false, spending: false, on_request: false },
    DetectorInfo { id: "splitting_sum", pattern: true, spending: false, on_request: false },
    DetectorInfo { id: "supplier_share_of_buyer", pattern: true, spending: true, on_request: false },
];

fn of(query: &str) -> Plan {
    plan(&Request::of_query(query), &DETECTORS)
}

fn reais(amount: i128) -> Option<Money> {
    Some(Money::from_cents(amount * 100))
}

#[test]
fn reads_the_questions_of_the_specification() {
    let plan = of("contratos emergenciais acima de 1 milhão");
    assert!(plan.emergency_only);
    assert_eq!(plan.filters.min_value, reais(1_000_000));
    assert_eq!((plan.terms.len(), plan.not_understood.len()), (0, 0));
    assert_eq!(plan.understood[0].text, "acima de 1 milhão");
    assert!(plan.understood[0].meaning_pt.contains("R$ 1.000.000,00"));

    let plan = of("contratos emergenciais sem licitação 2024");
    assert!(plan.emergency_only);
    assert_eq!(plan.filters.year, Some(2024));
    assert_eq!(plan.filters.modalities, [Modality::DispensaLicitacao, Modality::Inexigibilidade]);

    let plan = of("contratos de tecnologia acima de 50 mil reais em 2024");
    assert_eq!(plan.filters.min_value, reais(50_000));
    assert_eq!(plan.filters.year, Some(2024));
    assert_eq!(plan.terms, ["tecnologia"]);
    assert_eq!(plan.detectors, ["amendment_cap", "splitting_sum", "supplier_share_of_buyer"]);
}

#[test]
fn reads_amounts_in_every_spelling() {
    for (text, expected) in [
        ("acima de R$ 1.234.567,89", Money::from_cents(123_456_789)),
        ("mais de 1,5 milhão", Money::from_cents(150_000_000)),
        ("maiores que 1.5 milhões", Money::from_cents(150_000_000)),
        ("a partir de dois milhões", Money::from_cents(200_000_000)),
        ("superiores a meio milhão de reais", Money::from_cents(50_000_000)),
        ("pelo menos 50 mil", Money::from_cents(5_000_000)),
        ("> 100000", Money::from_cents(10_000_000)),
        ("acima de 2000", Money::from_cents(200_000)),
        ("acima de 3 bilhões", Money::from_cents(300_000_000_000)),
        ("acima de 1.000", Money::from_cents(100_000)),
    ] {
        let plan = of(text);
        assert_eq!(plan.filters.min_value, Some(expected), "{text}");
        assert_eq!((plan.filters.max_value, plan.terms.len(), plan.not_understood.len()), (None, 0, 0), "{text}");
    }
    let plan = of("entre 50 mil e 1 milhão");
    assert_eq!((plan.filters.min_value, plan.filters.max_value), (reais(50_000), reais(1_000_000)));
    let plan = of("entre 1 e 2 milhões");
    assert_eq!((plan.filters.min_value, plan.filters.max_value), (reais(1_000_000), reais(2_000_000)));
    let plan = of("até 17.600 reais");
    assert_eq!((plan.filters.min_value, plan.filters.max_value), (None, reais(17_600)));
    let plan = of("50 mil reais");
    assert_eq!((plan.filters.min_value, plan.filters.max_value), (reais(50_000), reais(50_000)));
}

#[test]
fn reads_time() {
    assert_eq!(of("contratos de 2023").filters.year, Some(2023));
    let range = |query: &str| {
        let filters = of(query).filters;
        (filters.start_date.map(|d| d.to_string()), filters.end_date.map(|d| d.to_string()))
    };
    let days = |start: &str, end: &str| (Some(start.to_owned()), Some(end.to_owned()));
    assert_eq!(range("janeiro de 2024"), days("2024-01-01", "2024-01-31"));
    assert_eq!(range("dezembro de 2023"), days("2023-12-01", "2023-12-31"));
    assert_eq!(range("fevereiro/2024"), days("2024-02-01", "2024-02-29"));
    assert_eq!(range("entre 2022 e 2024"), days("2022-01-01", "2024-12-31"));
    assert_eq!(range("2023 e 2024"), days("2023-01-01", "2024-12-31"));
    assert_eq!(range("desde 2023"), (Some("2023-01-01".to_owned()), None));
    assert_eq!(range("até 2023"), (None, Some("2023-12-31".to_owned())));
    let plan = of("2019 e 2024");
    assert_eq!((plan.filters.year, plan.filters.start_date), (None, None));
    assert_eq!((plan.not_understood.len(), plan.understood.len()), (1, 0));
}

#[test]
fn reads_modalities_parties_and_detectors() {
    assert_eq!(of("Inexigibilidade de licitação").filters.modalities, [Modality::Inexigibilidade]);
    assert_eq!(of("DISPENSA").filters.modalities, [Modality::DispensaLicitacao]);
    assert_eq!(of("pregão eletrônico").filters.modalities, [Modality::Pregao, Modality::PregaoRegistroPreco]);
    assert_eq!(of("pregões para registro de preços").filters.modalities, [Modality::PregaoRegistroPreco]);
    let plan = of("contratos da UG 153103 com 12.ABC.345/01DE-35");
    assert_eq!(plan.filters.buyer_id.as_deref(), Some("153103"));
    assert_eq!(plan.filters.supplier_id.as_deref(), Some("12ABC34501DE35"));
    assert!(plan.terms.is_empty(), "{plan:?}");
    assert_eq!(of("fracionamento de despesas em hospitais").detectors, ["splitting_sum"]);
    assert_eq!(of("termos aditivos").detectors, ["amendment_cap"]);
}

#[test]
fn what_judges_filters_nothing_and_is_listed() {
    let plan = of("contratos suspeitos de superfaturamento de merenda");
    assert_eq!(plan.not_understood, ["suspeitos", "superfaturamento"]);
    assert_eq!(plan.terms, ["merenda"]);
    assert_eq!(of("mesas, cadeiras e mesas").terms, ["mesas", "cadeiras"]);
}

#[test]
fn filters_of_the_request_win() {
    let mut request = Request::of_query("dispensa acima de 1 milhão em 2023");
    request.filters.max_value = reais(7);
    request.filters.year = Some(2024);
    request.filters.modalities = vec![Modality::Pregao];
    let plan = plan(&request, &DETECTORS);
    assert_eq!((plan.filters.min_value, plan.filters.max_value), (None, reais(7)));
    assert_eq!(plan.filters.year, Some(2024));
    assert_eq!(plan.filters.modalities, [Modality::Pregao]);
}

#[test]
fn what_the_request_overrides_is_not_said_to_have_an_effect() {
    let meanings = |plan: &Plan| plan.understood.iter().map(|note| note.meaning_pt.clone()).collect::<Vec<_>>();
    let mut request = Request::of_query("dispensas acima de 1 milhão em 2025");
    request.filters.max_value = reais(500);
    request.filters.year = Some(2020);
    let overridden = plan(&request, &DETECTORS);
    assert_eq!((overridden.filters.min_value, overridden.filters.max_value), (None, reais(500)));
    assert_eq!(overridden.filters.year, Some(2020));
    let without = "sem efeito: prevalece o filtro do pedido";
    assert_eq!(meanings(&overridden), [without, without, "modalidade: dispensa de licitação"]);
    assert_eq!(overridden.understood[0].text, "acima de 1 milhão");
    assert_eq!(overridden.understood[0].meaning_en, "without effect: the filter of the request prevails");

    request.filters = Filters { min_value: reais(1_000_000), year: Some(2025), ..Filters::default() };
    assert!(meanings(&plan(&request, &DETECTORS)).iter().all(|meaning| meaning != without), "the same is no override");

    let mut request = Request::of_query("termos aditivos");
    request.options.detectors = vec!["splitting_sum".to_owned()];
    assert_eq!(meanings(&plan(&request, &DETECTORS)), ["sem efeito: prevalecem as opções do pedido"]);
}

#[test]
fn options_choose_detectors() {
    let mut request = Request::of_query("contratos");
    request.options.detect_patterns = false;
    assert_eq!(plan(&request, &DETECTORS).detectors, ["amendment_cap"]);
    request.options.detect_anomalies = false;
    assert!(plan(&request, &DETECTORS).detectors.is_empty());
    let mut request = Request::of_query("contratos");
    request.investigation_type = InvestigationType::SpendingAnalysis;
    assert_eq!(plan(&request, &DETECTORS).detectors, ["supplier_share_of_buyer"]);
    request.options.detectors = vec!["splitting_sum".to_owned()];
    assert_eq!(plan(&request, &DETECTORS).detectors, ["splitting_sum"]);
}

proptest! {
    #[test]
    fn any_text_gives_the_same_plan_twice(query in "\\PC{0,300}") {
        prop_assert_eq!(of(&query), of(&query));
    }

    #[test]
    fn pieces_of_grammar_never_panic(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "entre", "e", "acima de", "até", "R$", "1.5", "1.234,56", "999999999999999999999999", "mil", "milhões", "bi", "meio", "2024", "2019", "janeiro de", "0000", "cem", "reais", "dispensa", "ß", "İ", "ﬁ", "٣", "a\u{301}", "exceto", "não", "sem", "menos", "licitação", "emergenciais", "pregão", "a", "de", "(", ")", ",", ".", "25%", "15/03/2024", "dezembro", "ou mais", "***.982.247-**", "00.087.163/0005-87",
            ]),
            0..12,
        )
    ) {
        let query = pieces.join(" ");
        let plan = of(&query);
        if let (Some(min), Some(max)) = (plan.filters.min_value, plan.filters.max_value) {
            prop_assert!(min <= max);
        }
        if let (Some(first), Some(last)) = (plan.filters.start_date, plan.filters.end_date) {
            prop_assert!(first <= last);
        }
        // Nothing that is excluded to the end of the question is applied.
        let excluded = of(&format!("exceto {}", pieces.join(" e ")));
        if !pieces.iter().any(|piece| [".", ")", ","].contains(piece)) {
            prop_assert_eq!(excluded.filters, Filters::default());
            prop_assert!(excluded.terms.is_empty() && !excluded.emergency_only);
        }
    }
}

#[test]
fn detectors_on_request_run_only_by_name() {
    let known = [DETECTORS[0], DetectorInfo { id: "value_risk", pattern: false, spending: true, on_request: true }];
    let of = |request: &Request| plan(request, &known).detectors;
    assert_eq!(of(&Request::of_query("contratos de 2024")), ["amendment_cap"]);
    assert_eq!(of(&Request::of_query("faixa de risco dos contratos de 2024")), ["value_risk"]);
    let mut request = Request::of_query("contratos de 2024");
    request.options.detectors = vec!["value_risk".to_owned()];
    assert_eq!(of(&request), ["value_risk"]);
}
