use std::collections::{BTreeMap, BTreeSet};

use chrono::Days;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::register::{Company, Establishment, Partner, cnpj};
use super::tenders::{Bid, Tender, TenderItem};
use super::{Data, day, value};
use crate::model::{Finding, Severity};

const ID: &str = "linked_bidders";
/// Last day for bids of every tender here.
const TENDER_DAY: &str = "2024-03-21";

fn company(number: u32) -> (Establishment, Company) {
    (Establishment::of(number), Company { reference: Some(day("2026-01-10")), ..Company::of(number) })
}

/// A tender for which these companies bid, by the register, changed as a case needs.
fn tender(id: &str, companies: &[u32]) -> Data {
    let mut data = Data { tenders: vec![Tender::new(id)], ..Data::default() };
    for number in companies {
        data.bids.push(Bid { id: format!("{id}-{number}"), ..Bid::of(id, &cnpj(*number, 1), 100) });
        let (establishment, company) = company(*number);
        data.establishments.push(establishment);
        data.companies.push(company);
        // Of everybody the register has some partner.
        data.partners.push(Partner::of(*number, &format!("dono de {number}")));
    }
    data
}

/// The verdict on the tender of each case, whose companies belong to it alone.
async fn judge(cases: Vec<Data>) -> Vec<(String, Option<Finding>)> {
    let mut all = Data::default();
    for data in cases {
        all.tenders.extend(data.tenders);
        all.tender_items.extend(data.tender_items);
        all.bids.extend(data.bids);
        all.establishments.extend(data.establishments);
        all.companies.extend(data.companies);
        all.partners.extend(data.partners);
    }
    let (answers, findings) = all.answers(ID).await;
    let of = |id: &String| {
        findings.iter().find(|one| one.evidence.rows.iter().any(|row| row.table == "tenders" && row.id == *id)).cloned()
    };
    answers.iter().map(|(id, verdict)| (verdict.clone(), of(id))).collect()
}

async fn verdicts(cases: Vec<Data>) -> Vec<String> {
    judge(cases).await.into_iter().map(|(verdict, _)| verdict).collect()
}

fn share(mut data: Data, set: impl Fn(&mut Establishment)) -> Data {
    data.establishments.iter_mut().for_each(set);
    data
}

fn both_have(mut data: Data, partner: impl Fn(u32) -> Partner, companies: [u32; 2]) -> Data {
    data.partners.extend(companies.map(partner));
    data
}

/// The partners of a register of another day.
fn edition(mut data: Data, on: &str) -> Data {
    data.partners.iter_mut().for_each(|partner| partner.reference = Some(day(on)));
    data
}

#[tokio::test]
async fn a_partner_in_common_on_the_day_of_the_tender() {
    let of = |number: u32, change: fn(&mut Partner)| {
        let [one, other] = [number, number + 1];
        let partner = move |company: u32| {
            let mut partner = Partner::of(company, "FULANA");
            partner.who = format!("FULANA {number}");
            if company == number {
                change(&mut partner);
            }
            partner
        };
        both_have(tender(&format!("t{number:03}"), &[one, other]), partner, [one, other])
    };
    let cases = vec![
        of(10, |_| {}),
        of(20, |partner| partner.entered = Some(day(TENDER_DAY))),
        of(30, |partner| partner.entered = Some(day(TENDER_DAY) + Days::new(1))),
        of(40, |partner| partner.entered = None),
        // Nobody, or a liquidator: who acts for others.
        of(50, |partner| partner.who = String::new()),
        of(60, |partner| partner.qualification = "13"),
        of(70, |partner| partner.qualification = "05"),
        edition(of(80, |_| {}), TENDER_DAY),
        edition(of(90, |_| {}), "2024-03-20"),
        tender("t100", &[100, 101]),
    ];
    let judged = judge(cases).await;
    let found: Vec<_> = judged.iter().map(|(verdict, _)| verdict.as_str()).collect();
    // In the order of the ids of the tenders: t010, t020, …, t090, t100.
    let expected =
        ["fired", "fired", "clear", "link_undated", "clear", "clear", "fired", "fired", "link_undated", "clear"];
    let mut by_id: Vec<_> =
        expected[..9].iter().zip((10..=90).step_by(10)).map(|(one, n)| (format!("t{n:03}"), *one)).collect();
    by_id.push(("t100".to_owned(), "clear"));
    by_id.sort();
    assert_eq!(found, by_id.iter().map(|(_, one)| *one).collect::<Vec<_>>());
    let finding = judged[0].1.as_ref().unwrap();
    assert_eq!((finding.severity, value(finding, "link").as_str()), (Severity::High, "partner"));
    assert_eq!((value(finding, "firms"), value(finding, "bidders")), ("2".into(), "2".into()));
    assert_eq!(value(finding, "tender_day"), TENDER_DAY);
    let tables: Vec<_> = finding.evidence.rows.iter().map(|row| row.table.as_str()).collect();
    assert_eq!(tables, ["tenders", "bids", "bids", "partners", "partners"]);
}

#[tokio::test]
async fn one_may_be_a_partner_of_the_other() {
    let holds = |id: &str, owner: u32, owned: u32, document: String| {
        let mut data = tender(id, &[owner, owned]);
        data.partners.push(Partner { kind: "company", ..Partner::of(owned, &document) });
        data
    };
    let cases = vec![
        holds("t1", 1, 2, cnpj(1, 1)),
        // Another establishment of the owner.
        holds("t2", 3, 4, cnpj(3, 7)),
        holds("t3", 5, 6, cnpj(77, 1)),
        // A holding of both.
        {
            let mut data = tender("t4", &[8, 9]);
            data.partners.extend([8, 9].map(|one| Partner { kind: "company", ..Partner::of(one, &cnpj(77, 1)) }));
            data
        },
    ];
    let judged = judge(cases).await;
    let found: Vec<_> = judged.iter().map(|(verdict, _)| verdict.as_str()).collect();
    assert_eq!(found, ["fired", "fired", "clear", "fired"]);
    assert_eq!(value(judged[0].1.as_ref().unwrap(), "link"), "owner");
    assert_eq!(judged[0].1.as_ref().unwrap().severity, Severity::High);
    assert_eq!(value(judged[3].1.as_ref().unwrap(), "link"), "partner");
}

#[tokio::test]
async fn a_contact_in_common() {
    let text = |text: &str| Some(text.to_owned());
    let with_phone = |id: &str, one: u32, phone: &str| {
        let phone = phone.to_owned();
        share(tender(id, &[one, one + 1]), move |own| own.phone = Some(phone.clone()))
    };
    let mut crossed = tender("t4", &[7, 8]);
    crossed.establishments[0].phone = text("(61) 30000004");
    crossed.establishments[1].other_phone = text("(61) 30000004");
    let mut undated = with_phone("t5", 9, "(61) 30000005");
    undated.establishments[0].reference = None;
    let mut older = with_phone("t6", 11, "(61) 30000006");
    older.establishments[0].reference = Some(day("2024-03-20"));
    let cases = vec![
        with_phone("t1", 1, "(61) 30000001"),
        share(tender("t2", &[3, 4]), |own| own.email = Some("a@empresa.com".to_owned())),
        share(tender("t3", &[5, 6]), |own| own.address = Some("rua a 10, CEP 70000000".to_owned())),
        crossed,
        undated,
        older,
    ];
    let judged = judge(cases).await;
    let found: Vec<_> = judged.iter().map(|(verdict, _)| verdict.as_str()).collect();
    assert_eq!(found, ["fired", "fired", "fired", "fired", "link_undated", "link_undated"]);
    let links: Vec<_> = judged.iter().flat_map(|(_, one)| one).map(|one| (value(one, "link"), one.severity)).collect();
    let medium = |link: &str| (link.to_owned(), Severity::Medium);
    assert_eq!(links, [medium("phone"), medium("email"), medium("address"), medium("phone")]);
    assert_eq!(value(judged[0].1.as_ref().unwrap(), "shared"), "(61) 30000001");
}

#[tokio::test]
async fn a_contact_of_many_companies_is_an_accountants() {
    let many = |id: &str, first: u32, others: u32, phone: &'static str| {
        let mut data = tender(id, &[first, first + 1]);
        // The whole register counts, not who bids.
        data.establishments.extend((0..others).map(|at| Establishment::of(first + 100 + at)));
        share(data, |own| own.phone = Some(phone.to_owned()))
    };
    let cases = vec![many("t1", 1, 18, "(61) 30000001"), many("t2", 501, 19, "(61) 30000002")];
    let judged = judge(cases).await;
    assert_eq!((judged[0].0.as_str(), judged[1].0.as_str()), ("fired", "clear"));
    assert_eq!(value(judged[0].1.as_ref().unwrap(), "companies"), "20");
}

#[tokio::test]
async fn head_office_and_branch_are_one_and_consortia_are_open() {
    let phone = |own: &mut Establishment| own.phone = Some("(61) 30000009".to_owned());
    let mut branch = tender("t1", &[1]);
    branch.bids.push(Bid { id: "t1-branch".to_owned(), ..Bid::of("t1", &cnpj(1, 2), 120) });
    branch.establishments.push(Establishment::branch(1, 2));
    let mut consortium = share(tender("t2", &[3, 4]), phone);
    let group = format!("group:{}; {}", cnpj(3, 1), cnpj(4, 1));
    consortium.bids.push(Bid { id: "t2-group".to_owned(), ..Bid::of("t2", &group, 90) });
    // A partner of the head office is one of the company whose branch bids.
    let mut of_branch = tender("t3", &[5, 6]);
    of_branch.bids[0].bidder = cnpj(5, 2);
    of_branch.establishments.push(Establishment::branch(5, 2));
    of_branch.partners.extend([5, 6].map(|one| Partner::of(one, "SICRANO")));
    // The contact of a branch that does not bid is none of the bidder's.
    let mut elsewhere = tender("t4", &[7, 8]);
    elsewhere.establishments[0].phone = Some("(61) 30000010".to_owned());
    elsewhere
        .establishments
        .push(Establishment { phone: Some("(61) 30000010".to_owned()), ..Establishment::branch(8, 2) });
    let cases = vec![branch, consortium, of_branch, elsewhere];
    assert_eq!(verdicts(cases).await, ["single_bidder", "single_bidder", "fired", "clear"]);
}

#[tokio::test]
async fn who_bids_for_other_lots_does_not_compete() {
    let mut apart = share(tender("t1", &[1, 2]), |own| own.phone = Some("(61) 30000001".to_owned()));
    for (bid, lot) in apart.bids.iter_mut().zip(["1", "2"]) {
        bid.lot = Some(lot.to_owned());
    }
    let mut together = share(tender("t2", &[3, 4]), |own| own.phone = Some("(61) 30000002".to_owned()));
    together.bids.iter_mut().for_each(|bid| bid.lot = Some("1".to_owned()));
    let mut unstated = share(tender("t3", &[5, 6]), |own| own.phone = Some("(61) 30000003".to_owned()));
    for lot in ["1", "2"] {
        unstated.tender_items.push(TenderItem {
            lot: Some(lot.to_owned()),
            id: format!("t3-{lot}"),
            ..TenderItem::of("t3", 1)
        });
    }
    assert_eq!(verdicts(vec![apart, together, unstated]).await, ["clear", "fired", "fired"]);
}

#[tokio::test]
async fn what_cannot_be_judged() {
    let linked = |id: &str, one: u32| {
        share(tender(id, &[one, one + 1]), move |own| own.email = Some(format!("a{one}@empresa.com")))
    };
    let mut cancelled = linked("t1", 1);
    cancelled.tenders[0].situation = Some("Cancelada".to_owned());
    let mut unknown = tender("t3", &[5, 6]);
    unknown.bids.push(Bid { id: "t3-x".to_owned(), ..Bid::of("t3", &cnpj(888, 1), 5) });
    let mut person = tender("t4", &[7, 8]);
    person.bids.push(Bid { id: "t4-x".to_owned(), ..Bid::of("t4", "cpf:1234", 5) });
    // Who is linked is, whoever else is unknown.
    let mut fired = linked("t5", 9);
    fired.bids.push(Bid { id: "t5-x".to_owned(), ..Bid::of("t5", &cnpj(889, 1), 5) });
    let direct = {
        let mut data = linked("t6", 11);
        data.tenders[0].method = Some("direct");
        data
    };
    let withdrawn = {
        let mut data = linked("t7", 13);
        data.bids[0].status = Some("withdrawn".to_owned());
        data
    };
    let cases = vec![cancelled, tender("t2", &[4]), unknown, person, fired, direct, withdrawn];
    // Of the direct award there is no answer.
    let expected = ["cancelled", "single_bidder", "bidders_unknown", "bidders_unknown", "fired", "single_bidder"];
    assert_eq!(verdicts(cases).await, expected);
    let mut without = tender("t1", &[1, 2]);
    without.partners.clear();
    assert_eq!(verdicts(vec![without.clone()]).await, ["partners_not_taken_in"]);
    without.establishments.clear();
    assert_eq!(verdicts(vec![without]).await, ["register_not_taken_in"]);
}

#[tokio::test]
async fn the_contact_of_a_sole_trader_is_not_shown() {
    let mut data = share(tender("t1", &[1, 2]), |own| own.phone = Some("(61) 30000001".to_owned()));
    data.companies[0].nature = Some("2135");
    let judged = judge(vec![data]).await;
    let finding = judged[0].1.as_ref().unwrap();
    assert_eq!(value(finding, "shared"), "of_person");
    assert!(!serde_json::to_string(finding).unwrap().contains("30000001"));
    let mut unknown = share(tender("t1", &[1, 2]), |own| own.phone = Some("(61) 30000001".to_owned()));
    unknown.companies.clear();
    assert_eq!(value(judge(vec![unknown]).await[0].1.as_ref().unwrap(), "shared"), "of_person");
}

#[tokio::test]
async fn partners_of_an_earlier_edition_are_gone() {
    let mut data = tender("t1", &[1, 2]);
    let old =
        |company| Partner { reference: Some(day("2025-01-11")), import: "import-0", ..Partner::of(company, "SAIU") };
    data.partners.extend([old(1), old(2)]);
    assert_eq!(verdicts(vec![data.clone()]).await, ["clear"]);
    // Another part of the same edition is no other one.
    let part = |company| Partner { import: "import-2", ..Partner::of(company, "FICOU") };
    data.partners.extend([part(1), part(2)]);
    data.partners.iter_mut().filter(|one| one.who.starts_with("dono")).for_each(|one| one.who = "os mesmos".to_owned());
    let judged = judge(vec![data]).await;
    assert_eq!((judged[0].0.as_str(), value(judged[0].1.as_ref().unwrap(), "links").as_str()), ("fired", "2"));
}

/// The definition, pair by pair.
fn reference(data: &Data, tender: &str) -> (String, Option<Severity>) {
    let on = day(TENDER_DAY);
    let bids: Vec<&Bid> = data.bids.iter().filter(|bid| bid.tender == tender).collect();
    let groups: Vec<&Bid> = bids.iter().copied().filter(|bid| bid.bidder.starts_with("group:")).collect();
    let alone: Vec<&Bid> = bids
        .iter()
        .copied()
        .filter(|bid| {
            bid.bidder.starts_with("group:") || !groups.iter().any(|group| group.bidder.contains(&bid.bidder))
        })
        .collect();
    let establishment = |id: &str| data.establishments.iter().find(|one| one.id == id);
    let bidders: BTreeSet<String> = alone
        .iter()
        .map(|bid| establishment(&bid.bidder).map_or_else(|| bid.bidder.clone(), |one| one.id[..8].to_owned()))
        .collect();
    if bidders.len() < 2 {
        return ("single_bidder".to_owned(), None);
    }
    let (mut high, mut medium, mut unsure) = (false, false, false);
    let mut all_known = true;
    for one in &alone {
        let Some(own) = establishment(&one.bidder) else {
            all_known = false;
            continue;
        };
        for other in alone.iter().filter(|other| other.lot == one.lot) {
            let Some(theirs) = establishment(&other.bidder) else { continue };
            let (a, b) = (&own.id[..8], &theirs.id[..8]);
            if a >= b {
                continue;
            }
            let partners = |root: &str| -> Vec<&Partner> {
                data.partners
                    .iter()
                    .filter(|one| one.root == root && !one.who.is_empty() && one.qualification != "13")
                    .filter(|one| one.entered.is_none_or(|entered| entered <= on))
                    .collect()
            };
            for partner in partners(a) {
                for second in partners(b).into_iter().filter(|second| second.who == partner.who) {
                    let dated = partner.entered.is_some() && second.entered.is_some();
                    (high, unsure) = (high || dated, unsure || !dated);
                }
            }
            let phones = |root: &str, own: &Establishment| -> BTreeSet<String> {
                data.establishments
                    .iter()
                    .filter(|one| one.id == own.id || (one.id[..8] == *root && one.head == Some(true)))
                    .flat_map(|one| [one.phone.clone(), one.other_phone.clone()])
                    .flatten()
                    .collect()
            };
            for phone in phones(a, own).intersection(&phones(b, theirs)) {
                let users: BTreeSet<&str> = data
                    .establishments
                    .iter()
                    .filter(|one| one.phone.as_ref() == Some(phone) || one.other_phone.as_ref() == Some(phone))
                    .map(|one| &one.id[..8])
                    .collect();
                medium |= users.len() <= 20;
            }
        }
    }
    if high {
        ("fired".to_owned(), Some(Severity::High))
    } else if medium {
        ("fired".to_owned(), Some(Severity::Medium))
    } else if unsure {
        ("link_undated".to_owned(), None)
    } else if all_known {
        ("clear".to_owned(), None)
    } else {
        ("bidders_unknown".to_owned(), None)
    }
}

#[tokio::test]
async fn random_tenders_agree_with_a_slow_reference() {
    let mut rng = StdRng::seed_from_u64(26);
    let mut data = Data::default();
    for company in 0..60 {
        let phone = |rng: &mut StdRng| rng.random_bool(0.4).then(|| format!("(61) 3000{:04}", rng.random_range(0..60)));
        let mut own = Establishment::of(company);
        (own.phone, own.other_phone) = (phone(&mut rng), phone(&mut rng));
        data.establishments.push(own);
        if rng.random_bool(0.3) {
            data.establishments.push(Establishment { phone: phone(&mut rng), ..Establishment::branch(company, 2) });
        }
        for _ in 0..rng.random_range(0..3) {
            let mut partner = Partner::of(company, &format!("P{}", rng.random_range(0..40)));
            partner.entered =
                rng.random_bool(0.9).then(|| day(TENDER_DAY) - Days::new(20) + Days::new(rng.random_range(0..25)));
            partner.qualification = ["49", "22", "13"].choose(&mut rng).unwrap();
            data.partners.push(partner);
        }
    }
    for _ in 0..30 {
        // A phone of too many.
        data.establishments.push(Establishment {
            phone: Some("(61) 30000007".to_owned()),
            ..Establishment::of(rng.random_range(500..900))
        });
    }
    let mut seen = BTreeSet::new();
    data.establishments.retain(|one| seen.insert(one.id.clone()));
    for at in 0..200 {
        let id = format!("t{at:03}");
        data.tenders.push(Tender::new(&id));
        let mut bidders = Vec::new();
        for place in 0..rng.random_range(1..7) {
            let bidder = cnpj(rng.random_range(0..61), if rng.random_bool(0.95) { 1 } else { 2 });
            bidders.push(bidder.clone());
            let lot = rng.random_bool(0.2).then(|| rng.random_range(1..3).to_string());
            data.bids.push(Bid { id: format!("{id}-{place}"), lot, ..Bid::of(&id, &bidder, 100 + i128::from(place)) });
        }
        if rng.random_bool(0.1) && bidders.len() > 1 {
            let group = format!("group:{}; {}", bidders[0], bidders[1]);
            data.bids.push(Bid { id: format!("{id}-group"), ..Bid::of(&id, &group, 90) });
        }
    }
    let (answers, findings) = data.answers(ID).await;
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for (tender, verdict) in answers {
        let (expected, severity) = reference(&data, &tender);
        assert_eq!(verdict, expected, "{tender}");
        let found = findings.iter().find(|one| one.evidence.rows.iter().any(|row| row.id == tender));
        assert_eq!(found.map(|one| one.severity), severity, "{tender}");
        *times.entry(severity.map_or(verdict, |severity| severity.as_str().to_owned())).or_default() += 1;
    }
    for kind in ["high", "medium", "clear", "link_undated", "bidders_unknown", "single_bidder"] {
        assert!(times.get(kind).is_some_and(|times| *times > 1), "{kind}: {times:?}");
    }
}
