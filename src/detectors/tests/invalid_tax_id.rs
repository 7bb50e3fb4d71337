use super::{CNPJ, Contract, Data, OTHER_CNPJ, value, verdict, verdicts};

const ID: &str = "invalid_tax_id";

fn of(supplier: &str) -> Contract {
    Contract { supplier: supplier.to_owned(), ..Contract::new(supplier) }
}

#[tokio::test]
async fn each_kind_of_id_has_its_answer() {
    for (supplier, expected) in [
        (CNPJ, "clear"),
        (OTHER_CNPJ, "clear"),
        ("52998224725", "clear"),
        ("00000000000192", "fired"),
        ("00000000000000", "fired"),
        ("52998224724", "fired"),
        ("***.982.247-**", "masked"),
        ("EX2548312", "foreign"),
        ("115406", "other_id"),
        ("-11", "supplier_secret"),
    ] {
        let run = Data { contracts: vec![of(supplier)], ..Data::default() }.run(ID).await;
        assert_eq!(verdict(&run), expected, "{supplier}");
    }
}

#[tokio::test]
async fn one_finding_per_supplier_one_answer_per_secret_contract() {
    let named = |id: &str, supplier: &str| Contract { supplier: supplier.to_owned(), ..Contract::new(id) };
    let contracts = vec![
        named("b", "00000000000192"),
        named("a", "00000000000192"),
        named("c", CNPJ),
        named("d", CNPJ),
        named("e", ""),
        named("f", ""),
        Contract { status: "superseded", ..named("g", "00000000000192") },
    ];
    let run = Data { contracts, ..Data::default() }.run(ID).await;
    assert_eq!(
        verdicts(&run),
        [("clear".to_owned(), 1), ("fired".to_owned(), 1), ("supplier_secret".to_owned(), 2)].into()
    );
    let finding = &run.findings[0];
    assert_eq!(finding.contract_ids, ["a", "b"]);
    assert_eq!(value(finding, "expected_digits"), "91");
    assert_eq!(value(finding, "shown_id"), "00000000000192");
    assert_eq!(value(finding, "problem"), "wrong_digits");
    assert_eq!(value(finding, "total"), "2000.00");
    assert!(finding.description_pt.contains("os dígitos verificadores não conferem"));
}

#[tokio::test]
async fn a_cpf_stays_masked_and_its_digits_are_not_told() {
    let run = Data { contracts: vec![of("52998224724")], ..Data::default() }.run(ID).await;
    let finding = &run.findings[0];
    assert_eq!(value(finding, "shown_id"), "***.982.247-**");
    assert!(finding.evidence.values.iter().all(|value| value.name != "expected_digits"));
    let shown = serde_json::to_string(&(
        &finding.evidence.values,
        &finding.description_pt,
        &finding.evidence.rows[0].columns["supplier_id"],
    ));
    assert!(!shown.unwrap().contains("52998224724"));
}

#[tokio::test]
async fn an_id_of_one_character_is_told_apart() {
    let run = Data { contracts: vec![of("00000000000000")], ..Data::default() }.run(ID).await;
    assert_eq!(value(&run.findings[0], "problem"), "repeated");
    assert!(run.findings[0].description_en.contains("all characters are the same"));
}
