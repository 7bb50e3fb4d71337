use super::tenders::{Tender, at, tender};
use super::{Data, day, judge_all, severities_of, value, verdicts_of};
use crate::model::Severity;

const ID: &str = "short_submission";

/// Under Lei 14.133/2021, from a Friday (2024-03-01) on.
fn of_law(end: &str) -> Tender {
    Tender {
        legal_basis: Some("Lei 14.133/2021, Art. 28, I".to_owned()),
        published: Some(day("2024-03-01")),
        start: None,
        end: Some(at(end)),
        ..Tender::new("t")
    }
}

fn each(tenders: Vec<Tender>) -> Vec<Data> {
    tenders.into_iter().map(|one| tender(one, Vec::new())).collect()
}

#[tokio::test]
async fn the_legal_minimum_by_object_and_criterion() {
    let with = |end: &str, change: fn(&mut Tender)| {
        let mut one = of_law(end);
        change(&mut one);
        one
    };
    let services = |t: &mut Tender| t.category = Some("services".to_owned());
    let works = |t: &mut Tender| t.category = Some("works".to_owned());
    let technique = |t: &mut Tender| t.criterion = Some("Técnica e preço".to_owned());
    let bid = |t: &mut Tender| t.criterion = Some("Maior lance".to_owned());
    let unknown = |t: &mut Tender| (t.category, t.object) = (None, "Conforme edital".to_owned());
    let supplied = |t: &mut Tender| (t.category, t.object) = (None, "Fornecimento de refeições".to_owned());
    let done = |t: &mut Tender| {
        (t.category, t.object) = (None, "Prestação de serviços, com fornecimento de refeições".to_owned());
    };
    // The eighth working day is Wednesday the 13th, the tenth Friday the 15th, the fifteenth the 22nd; the
    // 29th is Good Friday, so that the thirty-fifth is the 22nd of April (the 21st, a Sunday, is a holiday).
    let cases = each(vec![
        with("2024-03-13T13:00:00Z", |_| {}),
        with("2024-03-12T13:00:00Z", |_| {}),
        with("2024-03-15T13:00:00Z", services),
        with("2024-03-14T13:00:00Z", services),
        with("2024-03-14T13:00:00Z", works),
        with("2024-03-22T13:00:00Z", bid),
        with("2024-03-21T13:00:00Z", bid),
        with("2024-04-22T13:00:00Z", technique),
        with("2024-04-19T13:00:00Z", technique),
        with("2024-03-13T13:00:00Z", unknown),
        with("2024-03-12T13:00:00Z", unknown),
        with("2024-03-13T13:00:00Z", supplied),
        with("2024-03-12T13:00:00Z", supplied),
        with("2024-03-13T13:00:00Z", done),
    ]);
    let judged = judge_all(ID, cases).await;
    assert_eq!(
        verdicts_of(&judged),
        [
            "clear", "fired", "clear", "fired", "fired", "clear", "fired", "clear", "fired", "clear", "fired", "clear",
            "fired", "fired",
        ]
    );
    let high = Some(Severity::High);
    assert!(severities_of(&judged).into_iter().flatten().all(|severity| Some(severity) == high));
    let finding = &judged[1].findings[0];
    assert_eq!((value(finding, "days"), value(finding, "minimum")), ("7".to_owned(), "8".to_owned()));
    assert_eq!(finding.evidence.limits[0].name, "submission_goods");
    assert!(finding.evidence.limits[0].legal_basis.contains("art. 55 I"));
}

#[tokio::test]
async fn days_are_those_of_brazil() {
    // Half past eleven at night of the 12th in Brasília is the 13th in UTC; midnight of UTC is a day.
    let judged = judge_all(ID, each(vec![of_law("2024-03-13T02:30:00Z"), of_law("2024-03-13T00:00:00Z")])).await;
    assert_eq!(verdicts_of(&judged), ["fired", "clear"]);
    // Without a zone the day is the one that was written; midnight of Brasília and of Belém is that day.
    let of_clock = |end: &str, clock| Tender { end_clock: Some(clock), ..of_law(end) };
    let cases = vec![
        of_clock("2024-03-13T02:30:00Z", "local"),
        of_clock("2024-03-12T23:59:59Z", "day"),
        of_clock("2024-03-13T02:00:00Z", "zoned_day"),
        of_clock("2024-03-12T02:00:00Z", "zoned_day"),
    ];
    assert_eq!(verdicts_of(&judge_all(ID, each(cases)).await), ["clear", "fired", "clear", "fired"]);
    // The earlier of publication and beginning counts, and the opening where there is no end.
    let early = Tender { start: Some(at("2024-02-29T12:00:00Z")), ..of_law("2024-03-12T13:00:00Z") };
    let opened = Tender { end: None, opened: Some(day("2024-03-12")), ..of_law("2024-03-12T13:00:00Z") };
    let judged = judge_all(ID, each(vec![early, opened])).await;
    assert_eq!(verdicts_of(&judged), ["clear", "fired"]);
}

#[tokio::test]
async fn what_cannot_be_judged() {
    let short = || of_law("2024-03-12T13:00:00Z");
    let cases = each(vec![
        Tender { situation: Some("Anulada".to_owned()), ..short() },
        Tender { published: None, ..short() },
        Tender { end: None, ..short() },
        of_law("2024-02-28T13:00:00Z"),
        Tender { buyer_name: "MINISTÉRIO DA SAÚDE".to_owned(), ..short() },
        // Below half of eight even health is short.
        Tender { buyer_name: "MINISTÉRIO DA SAÚDE".to_owned(), ..of_law("2024-03-06T13:00:00Z") },
        Tender { legal_basis: None, ..short() },
        Tender { legal_basis: Some("Lei 8.666/1993".to_owned()), ..short() },
        Tender { currency: Some("MDL".to_owned()), ..short() },
        // Before the law there is no minimum of its own.
        Tender { published: Some(day("2021-03-31")), end: Some(at("2021-04-01T13:00:00Z")), ..short() },
    ]);
    assert_eq!(
        verdicts_of(&judge_all(ID, cases).await),
        [
            "cancelled",
            "no_period",
            "no_period",
            "deadline_before_notice",
            "halved_possible",
            "fired",
            "peer_group_too_small",
            "peer_group_too_small",
            "peer_group_too_small",
            "peer_group_too_small",
        ]
    );
}

/// Tenders abroad of so many days each.
fn abroad(days: &[u64]) -> Data {
    let one = |(place, days): (usize, &u64)| Tender {
        id: format!("t{place:03}"),
        currency: Some("MDL".to_owned()),
        modality: "not_informed",
        start: Some(at("2024-03-01T10:00:00Z")),
        end: Some(at("2024-03-01T10:00:00Z") + chrono::Days::new(*days)),
        ..Tender::new("t")
    };
    Data { tenders: days.iter().enumerate().map(one).collect(), ..Data::default() }
}

#[tokio::test]
async fn elsewhere_only_against_peers() {
    let group = |short: u64, total: usize| {
        let mut days = vec![short];
        days.resize(total, 20);
        abroad(&days)
    };
    let all = |days: u64| abroad(&vec![days; 100]);
    let judged = judge_all(ID, vec![group(14, 100), group(15, 100), group(3, 99), all(3)]).await;
    assert_eq!(judged[0].verdicts, [("fired".to_owned(), 1), ("clear".to_owned(), 99)].into());
    assert_eq!(judged[1].verdicts, [("clear".to_owned(), 100)].into());
    assert_eq!(judged[2].verdicts, [("peer_group_too_small".to_owned(), 99)].into());
    assert_eq!(judged[3].verdicts, [("clear".to_owned(), 100)].into());
    let finding = &judged[0].findings[0];
    assert_eq!((finding.severity, value(finding, "peers").as_str()), (Severity::Low, "100"));
    assert!(finding.evidence.limits.iter().all(|limit| limit.legal_basis.is_empty()));
    // The number is the detector's, and says so.
    let text = "14 dias (dias corridos; não há mínimo legal a aplicar, e o limite é deste detector, o menor entre o quantil de 5 % das comparáveis e 15 dias: 15)";
    assert!(finding.description_pt.replace('\u{a0}', " ").contains(text), "{}", finding.description_pt);
}
