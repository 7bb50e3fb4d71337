use super::{Contract, day, judge_each, severities_of, value, verdicts_of};
use crate::model::Severity;

const ID: &str = "late_publication";
const OLD: &str = "Lei 8.666/1993";
const NEW: &str = "Lei 14.133/2021, Art. 28, I";

fn of(basis: &str, signed: &str, published: &str) -> Contract {
    let date = |text: &str| (!text.is_empty()).then(|| day(text));
    Contract {
        legal_basis: Some(basis.to_owned()).filter(|text| !text.is_empty()),
        signed: date(signed),
        published: date(published),
        ..Contract::new("a")
    }
}

#[tokio::test]
async fn the_gazette_has_until_the_fifth_working_day_and_twenty_days() {
    // The fifth working day of February 2023 is the 7th: the deadline is the 27th.
    let judged = judge_each(
        ID,
        vec![
            of(OLD, "2023-01-10", "2023-02-27"),
            of(OLD, "2023-01-10", "2023-02-28"),
            of(OLD, "2023-01-31", "2023-02-27"),
            // In December the next month is of the next year: the 6th, then 26 January.
            of(OLD, "2022-12-31", "2023-01-26"),
            of(OLD, "2022-12-31", "2023-01-27"),
            // 90 and 91 days after the signature.
            of(OLD, "2023-01-10", "2023-04-10"),
            of(OLD, "2023-01-10", "2023-04-11"),
            of(OLD, "2023-01-10", "2024-01-10"),
            of(OLD, "2023-01-10", "2024-01-11"),
        ],
    )
    .await;
    assert_eq!(
        verdicts_of(&judged),
        ["clear", "fired", "clear", "clear", "fired", "fired", "fired", "fired", "republication_possible"]
    );
    let [low, medium] = [Severity::Low, Severity::Medium].map(Some);
    let severities = severities_of(&judged);
    assert_eq!([severities[1], severities[5], severities[6]], [low, low, medium]);
    let finding = &judged[1].findings[0];
    assert_eq!(value(finding, "deadline"), "2023-02-27");
    assert_eq!(finding.evidence.limits[0].name, "publication_day_of_next_month");
}

#[tokio::test]
async fn pncp_has_twenty_working_days_or_ten() {
    let pncp = |signed: &str, published: &str| Contract { source: "pncp:contratos", ..of(NEW, signed, published) };
    let unsaid = |signed: &str, published: &str| Contract { modality: "not_informed", ..pncp(signed, published) };
    let direct = |contract: Contract| Contract { modality: "dispensa_licitacao", ..contract };
    let judged = judge_each(
        ID,
        vec![
            // From Friday 2024-03-01; 29 March is Good Friday.
            pncp("2024-03-01", "2024-04-01"),
            pncp("2024-03-01", "2024-04-02"),
            direct(pncp("2024-03-01", "2024-03-15")),
            direct(pncp("2024-03-01", "2024-03-18")),
            unsaid("2024-03-01", "2024-03-15"),
            unsaid("2024-03-01", "2024-03-18"),
            unsaid("2024-03-01", "2024-04-01"),
            unsaid("2024-03-01", "2024-04-02"),
            unsaid("2024-03-01", "2025-03-02"),
            Contract { sphere: Some("municipal".to_owned()), ..pncp("2024-03-01", "2024-06-03") },
            Contract { sphere: Some("estadual".to_owned()), ..pncp("2024-03-01", "2024-06-03") },
        ],
    )
    .await;
    // The cases' tags make other spheres of all, so that the municipal one is judged by `run` below.
    let unsaid = "modality_not_informed";
    assert_eq!(
        verdicts_of(&judged),
        [
            "clear",
            "fired",
            "clear",
            "fired",
            // In time for the shorter deadline, between the two, later than the longer.
            "clear",
            unsaid,
            unsaid,
            "fired",
            "republication_possible",
            "fired",
            "fired"
        ]
    );
    assert_eq!(judged[3].findings[0].evidence.limits[0].value, "10");
    let finding = &judged[7].findings[0];
    assert_eq!((value(finding, "deadline"), value(finding, "rule")), ("2024-04-01".to_owned(), "longest".to_owned()));
    let limits: Vec<_> =
        finding.evidence.limits.iter().map(|limit| (limit.name.as_str(), limit.value.as_str())).collect();
    assert_eq!(limits[0], ("publication_tender", "20"));
    assert!(finding.description_pt.contains("a modalidade não foi informada"), "{}", finding.description_pt);
    for (sphere, signed, published, expected) in [
        ("municipal", "2027-03-31", "2027-07-01", "small_municipality_possible"),
        ("municipal", "2027-04-01", "2027-07-01", "fired"),
        ("federal", "2027-03-31", "2027-07-01", "fired"),
    ] {
        let contract = Contract { sphere: Some(sphere.to_owned()), ..pncp(signed, published) };
        assert_eq!(super::verdict(&super::alone(contract).run(ID).await), expected, "{sphere} {signed}");
    }
}

#[tokio::test]
async fn dates_that_decide_nothing_say_why() {
    let judged = judge_each(
        ID,
        vec![
            of(OLD, "", "2023-02-28"),
            of(OLD, "2023-02-28", ""),
            of(OLD, "2023-03-01", "2023-02-28"),
            of("Lei 13.303/2016", "2023-01-10", "2023-06-01"),
            of("", "2023-01-10", "2023-06-01"),
            of("", "2016-06-30", "2016-12-01"),
            of("", "2016-07-01", "2016-12-01"),
            of(NEW, "2023-01-10", "2023-06-01"),
            Contract { source: "pncp:contratos", ..of(OLD, "2023-01-10", "2023-06-01") },
        ],
    )
    .await;
    assert_eq!(
        verdicts_of(&judged),
        [
            "no_date",
            "no_date",
            "published_before_signature",
            "regime_not_covered",
            "regime_unknown",
            "fired",
            "regime_unknown",
            "pncp_date_not_published",
            "gazette_date_not_published"
        ]
    );
}
