use super::{Contract, Data, judge_all, value};
use crate::model::Severity;

const ID: &str = "non_competitive_share";

/// A unit with so many contracts of 1,000.00, so many of them direct.
fn unit(at: usize, contracts: usize, direct: usize) -> Vec<Contract> {
    let of = |place: usize| Contract {
        buyer: format!("{at:03}"),
        modality: match place {
            _ if place >= direct => "pregao",
            _ if place.is_multiple_of(2) => "dispensa_licitacao",
            _ => "inexigibilidade",
        },
        ..Contract::new(&format!("u{at:03}-{place:02}")).worth("1000.00")
    };
    (0..contracts).map(of).collect()
}

/// So many units with 2 to 5 direct contracts of 20, and one more.
fn with_peers(peers: usize, more: Vec<Contract>) -> Data {
    let contracts = (0..peers).flat_map(|at| unit(at, 20, 2 + at % 4)).chain(more).collect();
    Data { contracts, ..Data::default() }
}

#[tokio::test]
async fn far_above_its_peers_and_above_the_floor() {
    // Quartiles about 0.1 and 0.25 of shares from 0.1 to 0.25: the fence is below one half.
    let judged = judge_all(
        ID,
        vec![
            with_peers(24, unit(900, 20, 18)),
            with_peers(24, unit(900, 20, 12)),
            with_peers(24, unit(900, 20, 11)),
            with_peers(24, unit(900, 19, 19)),
            with_peers(18, unit(900, 20, 18)),
            with_peers(19, unit(900, 20, 18)),
        ],
    )
    .await;
    let count = |case: usize, name: &str| judged[case].verdicts.get(name).copied().unwrap_or(0);
    assert_eq!([0, 1, 2, 3, 4, 5].map(|case| count(case, "fired")), [1, 1, 0, 0, 0, 1]);
    assert_eq!((count(3, "too_few_contracts"), count(4, "too_few_buyers")), (1, 19));
    let finding = &judged[0].findings[0];
    assert_eq!((finding.severity, finding.contract_ids.len()), (Severity::Medium, 18));
    assert_eq!((value(finding, "share"), value(finding, "peers")), ("0.9".into(), "25".into()));
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    let mut hidden = unit(900, 20, 13);
    hidden.push(Contract {
        buyer: "900".to_owned(),
        modality: "not_informed",
        ..Contract::new("hidden").worth("90000.00")
    });
    let wild = (0..24).flat_map(|at| unit(at, 20, if at % 2 == 0 { 0 } else { 20 })).collect();
    let same = (0..24).flat_map(|at| unit(at, 20, 5)).collect();
    let of = |contracts| Data { contracts, ..Data::default() };
    let judged = judge_all(ID, vec![with_peers(24, hidden), of(wild), of(same)]).await;
    assert_eq!(judged[0].verdicts["modality_decisive"], 1);
    assert_eq!(judged[1].verdicts, [("fence_above_the_whole".to_owned(), 24)].into());
    assert_eq!(judged[2].verdicts, [("peer_group_without_spread".to_owned(), 24)].into());
}

#[tokio::test]
async fn peers_are_of_one_sphere() {
    let other = unit(900, 20, 18).into_iter().map(|one| Contract { sphere: None, ..one }).collect();
    let judged = judge_all(ID, vec![with_peers(24, other)]).await;
    assert_eq!(judged[0].verdicts, [("clear".to_owned(), 24), ("too_few_buyers".to_owned(), 1)].into());
}
