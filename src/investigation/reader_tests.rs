use crate::model::Modality;

use super::*;

const DIRECT: [Modality; 2] = [Modality::DispensaLicitacao, Modality::Inexigibilidade];

fn reais(amount: i128) -> Option<Money> {
    Some(Money::from_cents(amount * 100))
}

fn values(query: &str) -> (Option<Money>, Option<Money>) {
    let filters = read(query).filters;
    (filters.min_value, filters.max_value)
}

/// First and last day, and what has no effect.
fn days(query: &str) -> (String, String, Vec<String>) {
    let Reading { filters, not_understood, terms, .. } = read(query);
    assert!(terms.is_empty(), "{query}: {terms:?}");
    let day = |date: Option<NaiveDate>| date.map(|date| date.to_string()).unwrap_or_default();
    match filters.year {
        Some(year) => (year.to_string(), year.to_string(), not_understood),
        None => (day(filters.start_date), day(filters.end_date), not_understood),
    }
}

#[test]
fn what_is_negated_is_never_applied() {
    for (query, phrase) in [
        ("exceto pregão", "exceto pregão"),
        ("contratos que não são dispensa", "não são dispensa"),
        ("contratos que não sejam por dispensa de licitação", "não sejam por dispensa de licitação"),
        ("sem dispensa", "sem dispensa"),
        ("contratos sem emergência", "sem emergência"),
        ("contratos nao emergenciais", "nao emergenciais"),
        ("Contratos NÃO-emergenciais", "NÃO-emergenciais"),
        ("exceto pregão, dispensa e convite", "exceto pregão, dispensa e convite"),
        ("contratos que não são dispensa nem inexigibilidade", "não são dispensa nem inexigibilidade"),
        ("contratos que não são pregão ou dispensa", "não são pregão ou dispensa"),
        ("todos os contratos, menos pregão", "menos pregão"),
        ("todos salvo os emergenciais", "salvo os emergenciais"),
        ("todos fora dispensa", "fora dispensa"),
        ("contratos com exceção de pregões eletrônicos", "exceção de pregões eletrônicos"),
        ("contratos não acima de 1 milhão", "não acima de 1 milhão"),
        ("contratos que não passam de 1 milhão", "não passam de 1 milhão"),
        ("contratos que não foram publicados em 2023", "não foram publicados em 2023"),
        ("contratos exceto 2020, 2021 e 2022", "exceto 2020, 2021 e 2022"),
        ("exceto contratos sem licitação", "exceto contratos sem licitação"),
        ("contratos que não são da empresa XYZ 00.087.163/0005-87", "não são da empresa XYZ 00.087.163/0005-87"),
        ("contratos exceto (pregão) e dispensa", "exceto (pregão) e dispensa"),
        ("contratos exceto serviços de limpeza", "exceto serviços de limpeza"),
        ("contratos sem aditivos acima de 1 milhão", "sem aditivos acima de 1 milhão"),
        ("dispensas não", "dispensas não"),
        ("emergenciais ou não", "emergenciais ou não"),
    ] {
        let Reading { filters, emergency, notes, not_understood, terms, wanted } = read(query);
        assert_eq!(filters, Filters::default(), "{query}");
        assert_eq!((emergency, notes.len(), terms.len(), wanted.len()), (false, 0, 0, 0), "{query}: {notes:?}");
        assert_eq!(not_understood, [phrase], "{query}");
    }
}

#[test]
fn a_negation_leaves_the_other_conditions_alone() {
    let reading = read("contratos sem emergência acima de 1 milhão em 2023");
    assert_eq!((reading.filters.min_value, reading.filters.year), (reais(1_000_000), Some(2023)));
    assert_eq!(reading.not_understood, ["sem emergência"]);
    let reading = read("contratos não emergenciais de tecnologia");
    assert_eq!(
        (reading.terms.as_slice(), reading.not_understood.as_slice()),
        (&["tecnologia".to_owned()][..], &["não emergenciais".to_owned()][..])
    );
    let reading = read("contratos acima de 1 milhão de 2019 a 2023, exceto pregão, a partir de 2020");
    assert_eq!(reading.filters.min_value, reais(1_000_000));
    assert_eq!(reading.filters.start_date, NaiveDate::from_ymd_opt(2020, 1, 1));
    assert_eq!(reading.not_understood, ["exceto pregão"]);
    let reading = read("não pregão, mas dispensa");
    assert_eq!(reading.filters.modalities, [Modality::DispensaLicitacao]);
    let reading = read("contratos sem emergência e com dispensa");
    assert_eq!((reading.emergency, reading.filters.modalities.as_slice()), (false, &DIRECT[..1]));
    assert_eq!(read("contratos sem licitação").filters.modalities, DIRECT);
    let reading = read("sem licitação e sem emergência");
    assert_eq!(
        (reading.filters.modalities.as_slice(), reading.not_understood.as_slice()),
        (&DIRECT[..], &["sem emergência".to_owned()][..])
    );
    assert_eq!(values("pelo menos 1 milhão"), (reais(1_000_000), None));
    assert_eq!(values("menos de 1 milhão"), (None, reais(1_000_000)));
    assert_eq!(read("obras em Juiz de Fora em 2023").filters.year, Some(2023));
}

#[test]
fn reads_ranges_of_years() {
    let whole = |first: &str, last: &str| (format!("{first}-01-01"), format!("{last}-12-31"), Vec::<String>::new());
    for query in [
        "contratos de 2020 a 2023",
        "contratos entre 2020 e 2023",
        "contratos de 2020 até 2023",
        "contratos desde 2020 até 2023",
        "contratos 2020-2023",
        "contratos dos anos 2020 a 2023",
        "contratos a partir de 2020 até 2023",
    ] {
        assert_eq!(days(query), whole("2020", "2023"), "{query}");
    }
    assert_eq!(days("2019 e 2024"), (String::new(), String::new(), vec!["2019, 2024".to_owned()]));
    assert_eq!(days("de 2023 a 2020").2.len(), 1, "it is said, not turned round");
    assert_eq!(days("2020 em diante"), ("2020-01-01".to_owned(), String::new(), Vec::new()));
}

#[test]
fn reads_ranges_of_months_and_days() {
    let range = |first: &str, last: &str| (first.to_owned(), last.to_owned(), Vec::<String>::new());
    assert_eq!(days("de janeiro a março de 2024"), range("2024-01-01", "2024-03-31"));
    assert_eq!(days("entre outubro de 2023 e fevereiro de 2024"), range("2023-10-01", "2024-02-29"));
    assert_eq!(days("janeiro e fevereiro de 2024"), range("2024-01-01", "2024-02-29"));
    assert_eq!(days("janeiro e março de 2024").2, ["janeiro e março de 2024"]);
    assert_eq!(days("de 01/02/2024 a 15/03/2024"), range("2024-02-01", "2024-03-15"));
    assert_eq!(days("em 15/03/2024"), range("2024-03-15", "2024-03-15"));
    assert_eq!(days("desde 15/03/2024"), range("2024-03-15", ""));
    assert_eq!(days("até 2024-03-15"), range("", "2024-03-15"));
    assert_eq!(days("em 31/02/2024").2, ["em 31/02/2024"]);
    assert_eq!(days("2023 e janeiro de 2023").2.len(), 1, "all of the year or the month alone");
}

#[test]
fn reads_ranges_of_amounts() {
    let from = |low, high| (reais(low), reais(high));
    assert_eq!(values("contratos de 20 mil a 30 mil"), from(20_000, 30_000));
    assert_eq!(values("contratos de 20 a 30 mil"), from(20_000, 30_000));
    assert_eq!(values("entre 50 mil e 1 milhão"), from(50_000, 1_000_000));
    assert_eq!(values("a partir de 20 mil até 30 mil"), from(20_000, 30_000));
    assert_eq!(values("de R$ 50.000,00 até R$ 100.000,00"), from(50_000, 100_000));
    assert_eq!(values("entre 1 milhão e 500 mil e 2 milhões"), from(1_500_000, 2_000_000));
    assert_eq!(values("entre 2000 e 2010 reais"), from(2_000, 2_010));
    assert_eq!(values("entre vinte e trinta mil"), from(20_000, 30_000));
    assert_eq!(values("de 0 a 3 anos"), (None, None));
    let unclear = read("entre 1 milhão e 2");
    assert_eq!((unclear.filters, unclear.not_understood.len()), (Filters::default(), 1));
}

#[test]
fn adds_amounts_up() {
    for (text, expected) in [
        ("acima de 1 milhao e 500 mil", 1_500_000),
        ("acima de 1 milhão, 200 mil", 1_200_000),
        ("acima de 1 milhão e meio", 1_500_000),
        ("acima de dois milhões e meio de reais", 2_500_000),
        ("acima de 1 bilhão e 200 milhões", 1_200_000_000),
        ("acima de mil e quinhentos reais", 1_500),
        ("acima de duzentos e cinquenta mil", 250_000),
        ("acima de vinte e cinco mil reais", 25_000),
        ("acima de mil reais", 1_000),
        ("que passam de 1 milhão", 1_000_000),
        ("50mil ou mais", 50_000),
        ("acima do valor de 50 mil", 50_000),
    ] {
        let reading = read(text);
        assert_eq!(reading.filters.min_value, reais(expected), "{text}: {:?}", reading.not_understood);
        assert_eq!(
            (reading.filters.max_value, reading.terms.len(), reading.not_understood.len()),
            (None, 0, 0),
            "{text}"
        );
    }
    for text in ["acima de 1 milhão e 500", "acima de 20 mil e 500"] {
        let reading = read(text);
        assert_eq!((reading.filters, reading.not_understood), (Filters::default(), vec![text.to_owned()]));
    }
    let reading = read("acima de 1 milhão em 2023");
    assert_eq!((reading.filters.min_value, reading.filters.year), (reais(1_000_000), Some(2023)));
}

#[test]
fn what_is_no_amount_is_not_taken_for_one() {
    for (text, phrase) in [
        ("aditivos acima de 25%", "acima de 25%"),
        ("aditivos acima de 25 por cento", "acima de 25 por cento"),
        ("aditivos entre 10% e 25%", "entre 10% e 25%"),
        ("contratos com mais de 3 fornecedores", "mais de 3 fornecedores"),
        ("contratos acima de 30 dias", "acima de 30 dias"),
        ("contratos de cerca de 1 milhão", "cerca de 1 milhão"),
        ("contratos de mais ou menos 1 milhão", "mais ou menos 1 milhão"),
        ("contratos acima do teto", "acima do teto"),
    ] {
        let reading = read(text);
        assert_eq!(reading.filters, Filters::default(), "{text}");
        assert_eq!((reading.not_understood, reading.terms.len()), (vec![phrase.to_owned()], 0), "{text}");
    }
    assert_eq!(read("aditivos acima de 25%").wanted, ["amendment_cap"]);
    assert_eq!(read("desde 2023 contratos de obras").filters.start_date, NaiveDate::from_ymd_opt(2023, 1, 1));
}

#[test]
fn nouns_of_contracts_are_no_words_of_their_object() {
    let reading = read("fornecedor 00.087.163/0005-87");
    assert_eq!(reading.filters.supplier_id.as_deref(), Some("00087163000587"));
    assert_eq!((reading.terms.len(), reading.not_understood.len()), (0, 0));
    assert!(read("contratos da empresa de CNPJ 00.087.163/0005-87, por órgão e valor total").terms.is_empty());
    let reading = read("CPF ***.982.247-**");
    assert_eq!(reading.filters.supplier_id.as_deref(), Some("***.982.247-**"));
    assert!(reading.notes[0].1.meaning_pt.contains("outras pessoas"), "{:?}", reading.notes);
}

#[test]
fn of_two_that_exclude_each_other_the_second_is_said_to_have_no_effect() {
    let reading = read("00.087.163/0005-87 e 12.ABC.345/01DE-35");
    assert_eq!(reading.filters.supplier_id.as_deref(), Some("00087163000587"));
    assert_eq!((reading.notes.len(), reading.not_understood), (1, vec!["12.ABC.345/01DE-35".to_owned()]));
    let reading = read("acima de 1 milhão, acima de 2 milhões");
    assert_eq!((reading.filters.min_value, reading.not_understood.len()), (reais(1_000_000), 1));
    let reading = read("acima de 2 milhões, até 1 milhão");
    assert_eq!((reading.filters, reading.notes.len()), (Filters::default(), 0));
    assert_eq!(reading.not_understood, ["acima de 2 milhões, até 1 milhão"]);
}

#[test]
fn timing() {
    for q in
        ["acima de 1 milhão e 500 mil ", "exceto pregão, ", "de 2020 a 2023 ", "não ", "vinte e cinco e ", "palavra "]
    {
        let q: String = q.repeat(2000 / q.chars().count());
        let t = std::time::Instant::now();
        let r = read(&q);
        eprintln!("{:?} {} {}", t.elapsed(), r.notes.len(), r.not_understood.len());
    }
}
