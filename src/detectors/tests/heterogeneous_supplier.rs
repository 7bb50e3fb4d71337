use super::{Contract, Data, Item, value, verdicts};
use crate::model::Severity;

const ID: &str = "heterogeneous_supplier";

fn cnpj(at: usize) -> String {
    let base = format!("{at:08}0001");
    let digits = crate::model::cnpj_check_digits(&base).unwrap().map(char::from);
    format!("{base}{}{}", digits[0], digits[1])
}

/// A supplier with so many processes, each of one item, over so many classes in turn.
fn supplier(data: &mut Data, at: usize, processes: usize, classes: usize) {
    for place in 0..processes {
        let contract = Contract { supplier: cnpj(at), ..Contract::new(&format!("s{at:03}-{place:02}")) };
        let code = format!("{:02}100000", 10 + place % classes);
        data.items.push(Item { code, ..Item::of(&contract, "PAPEL") });
        data.contracts.push(contract);
    }
}

/// So many suppliers with two, three or four classes.
fn peers(count: usize) -> Data {
    let mut data = Data::default();
    (0..count).for_each(|at| supplier(&mut data, at + 1, 20, 2 + at % 3));
    data
}

#[tokio::test]
async fn more_classes_than_the_fence() {
    let mut data = peers(32);
    // Quartiles 2 and 4: the fence is 7.
    supplier(&mut data, 900, 20, 7);
    supplier(&mut data, 901, 20, 8);
    supplier(&mut data, 902, 19, 19);
    let run = data.run(ID).await;
    assert_eq!(
        verdicts(&run),
        [("clear".to_owned(), 33), ("fired".to_owned(), 1), ("too_few_processes".to_owned(), 1)].into()
    );
    let finding = &run.findings[0];
    assert_eq!((finding.severity, value(finding, "supplier_id")), (Severity::Low, cnpj(901)));
    assert_eq!((value(finding, "classes"), value(finding, "fence")), ("8".into(), "7".into()));
    assert_eq!(value(finding, "class_list"), "10, 11, 12, 13, 14, 15, 16, 17");
}

#[tokio::test]
async fn what_cannot_be_judged_says_why() {
    assert_eq!(verdicts(&peers(29).run(ID).await), [("peer_group_too_small".to_owned(), 29)].into());
    let mut same = Data::default();
    (0..30).for_each(|at| supplier(&mut same, at + 1, 20, 3));
    assert_eq!(verdicts(&same.run(ID).await), [("peer_group_without_spread".to_owned(), 30)].into());
    // The codes of the Portal name an item of a tender.
    let mut portal = peers(2);
    portal.items.iter_mut().for_each(|item| item.code = String::new());
    assert_eq!(verdicts(&portal.run(ID).await), [("no_item_class".to_owned(), 2)].into());
}

#[tokio::test]
async fn contracts_of_one_process_are_one() {
    let mut data = peers(30);
    supplier(&mut data, 900, 20, 8);
    for contract in data.contracts.iter_mut().filter(|contract| contract.supplier == cnpj(900)).take(2) {
        contract.tender = Some("t1".to_owned());
    }
    assert_eq!(verdicts(&data.run(ID).await)["too_few_processes"], 1);
}
