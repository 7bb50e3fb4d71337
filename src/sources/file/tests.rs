//! What tells rows apart, held against what was published.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::super::tests::{contracts, taken_in, texts};
use crate::model::Table;

#[test]
fn equal_rows_are_duplicates_and_later_ones_win() {
    let a: &[(&str, &str)] = &[("situacao contrato", "Pendente")];
    let b: &[(&str, &str)] = &[];
    let other: &[(&str, &str)] = &[("codigo contratado", "00000000000191")];
    let (parsed, batch) = taken_in("Compras.csv", &contracts(&[a, b, other, a, b]), Table::Contracts);
    let statuses = texts(&batch, "row_status");
    let expected = ["superseded", "current", "current", "duplicate", "duplicate"].map(Some);
    assert_eq!(statuses, expected);
    let ids = texts(&batch, "contract_id");
    assert!(ids[0] == ids[1] && ids[0] == ids[3] && ids[0] != ids[2]);
    let summary = &parsed.summary;
    assert_eq!((summary.contracts, summary.duplicates, summary.superseded), (5, 2, 1));
}

#[test]
fn a_contract_stays_the_same_when_its_supplier_is_no_longer_named() {
    let named: &[(&str, &str)] = &[("codigo contratado", "XYZ77")];
    let withheld: &[(&str, &str)] = &[("codigo contratado", "XYZ77"), ("nome contratado", "Sigiloso")];
    let (_, batch) = taken_in("Compras.csv", &contracts(&[named, withheld]), Table::Contracts);
    assert_eq!(texts(&batch, "row_status"), [Some("superseded"), Some("current")]);
    let ids = texts(&batch, "contract_id");
    assert!(ids[0] == ids[1], "{ids:?}");
    assert_eq!(texts(&batch, "supplier_id"), [Some("XYZ77"), None]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Against tables that are asked for every row.
    #[test]
    fn rows_are_told_apart_as_they_are_by_looking_at_all_before_them(
        rows in proptest::collection::vec((0..2_usize, 0..5_usize, 0..3_usize), 1..200),
    ) {
        // Two persons with one mask, a code beside which the name may be withheld, a company, and nobody.
        const SUPPLIERS: [&str; 5] = ["111.444.777-35", "222.444.777-97", "XYZ77", "33000167000101", "-11"];
        const NUMBERS: [&str; 2] = ["000012024", "000022024"];
        const NAMES: [&str; 3] = ["A", "B", "Sigiloso"];
        let published: Vec<Vec<(&str, &str)>> = rows
            .iter()
            .map(|(number, supplier, name)| vec![
                ("numero do contrato", NUMBERS[*number]),
                ("codigo contratado", SUPPLIERS[*supplier]),
                ("nome contratado", NAMES[*name]),
            ])
            .collect();
        let file = contracts(&published.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let (_, batch) = taken_in("Compras.csv", &file, Table::Contracts);
        let mut last: HashMap<(usize, usize), usize> = HashMap::new();
        let mut of_id: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
        let mut expected: Vec<(&str, (usize, usize, usize))> = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let (number, supplier, _) = *row;
            let persons = of_id.entry((number, supplier.max(1))).or_default();
            if !persons.contains(&supplier) {
                persons.push(supplier);
            }
            let occurrence = persons.iter().position(|one| *one == supplier).unwrap();
            let is_duplicate = rows[..place].contains(row);
            if !is_duplicate && let Some(replaced) = last.insert((number, supplier), place) {
                expected[replaced] = ("superseded", expected[replaced].1);
            }
            let status = if is_duplicate { "duplicate" } else { "current" };
            expected.push((status, (number, supplier.max(1), occurrence)));
        }
        let statuses: Vec<_> = expected.iter().map(|(status, _)| Some(*status)).collect();
        prop_assert_eq!(texts(&batch, "row_status"), statuses);
        let ids = texts(&batch, "contract_id");
        let mut known: HashMap<_, &str> = HashMap::new();
        for (id, (_, label)) in ids.iter().flatten().zip(&expected) {
            prop_assert_eq!(*known.entry(label).or_insert(id), *id);
            let (_, _, occurrence) = *label;
            let suffix = format!("-{}", occurrence + 1);
            prop_assert_eq!(occurrence > 0, id.ends_with(&suffix) && id.len() > "portal-200356-000012024-12345678".len());
        }
        let different: HashSet<_> = known.values().collect();
        prop_assert_eq!(different.len(), known.len());
    }
}
