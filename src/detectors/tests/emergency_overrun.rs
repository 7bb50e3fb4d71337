use super::{Contract, Data, OTHER_CNPJ, day, judge_all, judge_each, severities_of, value, verdicts_of};
use crate::model::Severity;

const ID: &str = "emergency_overrun";
const NEW: &str = "Lei 14.133/2021, Art. 75, VIII";
const OLD: &str = "Art. 24, IV, Lei 8.666/93";

fn urgent(basis: &str, start: &str, end: &str) -> Contract {
    Contract {
        modality: "dispensa_licitacao",
        legal_basis: Some(basis.to_owned()).filter(|text| !text.is_empty()),
        object: "Contratação emergencial de abrigo".to_owned(),
        signed: Some(day(start)),
        start: Some(day(start)),
        end: (!end.is_empty()).then(|| day(end)),
        ..Contract::new("a")
    }
}

#[tokio::test]
async fn each_law_has_its_term_to_the_day() {
    let judged = judge_each(
        ID,
        vec![
            // One year, leap or not.
            urgent(NEW, "2024-01-30", "2025-01-30"),
            urgent(NEW, "2024-01-30", "2025-01-31"),
            urgent(NEW, "2022-05-01", "2023-05-01"),
            urgent(NEW, "2022-05-01", "2023-05-02"),
            // 180 days.
            urgent(OLD, "2023-01-01", "2023-06-30"),
            urgent(OLD, "2023-01-01", "2023-07-01"),
            // Without a law: what is above both.
            urgent("", "2023-01-01", "2023-06-30"),
            urgent("", "2023-01-01", "2023-07-01"),
            urgent("", "2023-01-01", "2024-01-01"),
            urgent("", "2023-01-01", "2024-01-02"),
            // Before the new law was there.
            urgent("", "2019-01-01", "2019-07-01"),
        ],
    )
    .await;
    assert_eq!(
        verdicts_of(&judged),
        [
            "clear",
            "fired",
            "clear",
            "fired",
            "clear",
            "fired",
            "clear",
            "regime_unknown",
            "regime_unknown",
            "fired",
            "fired"
        ]
    );
    let [high, medium] = [Severity::High, Severity::Medium].map(Some);
    let severities = severities_of(&judged);
    assert_eq!([severities[1], severities[5], severities[9]], [high, high, medium]);
    assert_eq!(
        (value(&judged[5].findings[0], "days"), value(&judged[5].findings[0], "limit_days")),
        ("181".into(), "180".into())
    );
    assert_eq!(judged[5].findings[0].evidence.limits[0].value, "180");
    assert_eq!(judged[1].findings[0].evidence.limits[0].value, "365");
}

#[tokio::test]
async fn other_laws_and_grounds_are_not_judged() {
    let judged = judge_each(
        ID,
        vec![
            urgent("Art. 29, XV, da Lei 13.303/2016", "2023-01-01", "2025-01-02"),
            urgent("Lei 13.979/2020", "2020-06-01", "2022-01-01"),
            urgent("Art. 75, VIII, Lei 14.133/2021 c/c MP 1.221/2024", "2024-05-20", "2025-08-01"),
            // Of whatever it was, in these two years it may be of the covid law.
            urgent("", "2020-02-06", "2022-01-01"),
            urgent("", "2021-12-31", "2023-01-02"),
            urgent("", "2022-01-01", "2023-01-02"),
            Contract {
                object: "Contratação emergencial para enfrentamento da pandemia".to_owned(),
                ..urgent("", "2020-06-01", "2022-01-01")
            },
            Contract {
                object: "Contratação emergencial: calamidade pública".to_owned(),
                ..urgent("", "2024-04-27", "2025-08-01")
            },
            Contract {
                object: "Contratação emergencial: calamidade pública".to_owned(),
                ..urgent("", "2024-04-26", "2025-08-01")
            },
            urgent("Lei 14.133/2021, Art. 75, IX", "2023-01-01", "2025-01-02"),
            urgent(NEW, "2023-01-01", ""),
            urgent(NEW, "2023-01-02", "2023-01-01"),
        ],
    )
    .await;
    assert_eq!(
        verdicts_of(&judged),
        [
            "regime_not_covered",
            "special_regime",
            "special_regime",
            "special_regime",
            "special_regime",
            "fired",
            "special_regime",
            "special_regime",
            "fired",
            "other_ground",
            "no_term",
            "no_term"
        ]
    );
    let silent = Contract { object: "Aquisição de livros".to_owned(), ..urgent("", "2020-01-01", "2025-01-01") };
    let tendered = Contract { modality: "pregao", ..urgent("", "2020-01-01", "2025-01-01") };
    for one in judge_each(ID, vec![silent, tendered]).await {
        assert!(one.verdicts.is_empty());
    }
}

#[tokio::test]
async fn contracts_of_one_event_are_one_stretch() {
    let part = |id: &str, start: &str, end: &str| Contract {
        id: id.to_owned(),
        number: id.to_owned(),
        ..urgent(OLD, start, end)
    };
    let of = |contracts: Vec<Contract>| Data { contracts, ..Data::default() };
    let first = part("a", "2023-01-01", "2023-04-01");
    // 30 days after the end of the first, and 31.
    let next = part("b", "2023-05-01", "2023-07-15");
    let later = part("b", "2023-05-02", "2023-07-15");
    let judged = judge_all(
        ID,
        vec![
            of(vec![first.clone(), next.clone()]),
            of(vec![first.clone(), later]),
            of(vec![first.clone(), Contract { supplier: OTHER_CNPJ.to_owned(), ..next.clone() }]),
            of(vec![
                first.clone(),
                Contract { object: "Contratação emergencial de pontes".to_owned(), ..next.clone() },
            ]),
            of(vec![
                Contract { tender: Some("t1".to_owned()), ..first.clone() },
                Contract {
                    tender: Some("t1".to_owned()),
                    object: "Contratação emergencial de pontes".to_owned(),
                    ..next.clone()
                },
            ]),
            // Secret suppliers are nobody's.
            of(vec![Contract { supplier: String::new(), ..first }, Contract { supplier: String::new(), ..next }]),
        ],
    )
    .await;
    let counts: Vec<_> = judged
        .iter()
        .map(|one| (one.verdicts.get("fired").copied().unwrap_or(0), one.verdicts.values().sum::<i64>()))
        .collect();
    assert_eq!(counts, [(1, 1), (0, 2), (0, 2), (0, 2), (1, 1), (0, 2)]);
    let finding = &judged[0].findings[0];
    assert_eq!((finding.severity, finding.contract_ids.len()), (Severity::Medium, 2));
    assert_eq!(value(finding, "days"), "195");
}
