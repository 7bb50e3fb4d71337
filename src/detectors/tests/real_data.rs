//! The detectors on one real month, where the files are at hand.

use std::path::PathBuf;

use chrono::NaiveDate;

use super::{Amendment, Contract, Data, Item};
use crate::detectors::functions::{LegalBasisKind, ObjectType, legal_basis_kind, object_type};
use crate::model::{Money, fold};

fn directory() -> Option<PathBuf> {
    let directory = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/cgu-compras-202401"));
    if directory.is_dir() {
        return Some(directory);
    }
    println!("skipped: {} is not there", directory.display());
    None
}

/// Rows of an ISO-8859-1 file without its header.
fn rows(directory: &std::path::Path, name: &str) -> Vec<Vec<String>> {
    let text: String = std::fs::read(directory.join(name)).unwrap().into_iter().map(char::from).collect();
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

fn load(directory: &std::path::Path) -> Data {
    let day = |text: &str| NaiveDate::parse_from_str(text, "%d/%m/%Y").ok();
    let money = |text: &str| Money::parse_comma(text).ok().map(Money::cents);
    let modality = |text: &str| match text {
        "Dispensa de Licitação" => "dispensa_licitacao",
        "Inexigibilidade de Licitação" => "inexigibilidade",
        "Pregão" => "pregao",
        "Pregão - Registro de Preço" => "pregao_registro_preco",
        "Concorrência" => "concorrencia",
        "Tomada de Preços" => "tomada_de_precos",
        "Convite" => "convite",
        _ => "not_informed",
    };
    let mut data = Data::default();
    let mut seen = std::collections::BTreeSet::new();
    for (at, row) in rows(directory, "202401_Compras.csv").into_iter().enumerate() {
        let unique = seen.insert(row.clone());
        data.contracts.push(Contract {
            id: format!("{}-{}-{at}", row[9], row[0]),
            status: if unique { "current" } else { "duplicate" },
            number: row[0].clone(),
            object: row[1].clone(),
            legal_basis: Some(row[2].clone()).filter(|text| !text.is_empty()),
            modality: modality(&row[3]),
            situation: ["Rescindido", "Fechado"].into_iter().find(|known| *known == row[4]),
            sphere: Some("federal".to_owned()),
            buyer: row[9].clone(),
            buyer_name: row[10].clone(),
            signed: day(&row[11]),
            published: day(&row[12]),
            start: day(&row[13]),
            end: day(&row[14]),
            supplier: row[15].clone(),
            supplier_name: row[16].clone(),
            initial: money(&row[17]),
            current: money(&row[18]),
            currency: Some("BRL"),
            category: None,
            tender: Some(row[19].clone()).filter(|text| !text.is_empty() && text != "-3"),
            source: "portal:compras",
            file: "202401_Compras.csv".to_owned(),
        });
    }
    for (at, row) in rows(directory, "202401_TermoAditivo.csv").into_iter().enumerate() {
        data.amendments.push(Amendment {
            id: format!("amendment-{at}"),
            status: "current",
            buyer: row[5].clone(),
            contract_number: row[0].clone(),
            number: row[7].clone(),
            published: day(&row[8]),
            object: row[9].clone(),
            source: "portal:termos-aditivos",
        });
    }
    for (at, row) in rows(directory, "202401_ItemCompra.csv").into_iter().enumerate() {
        data.items.push(Item {
            id: format!("item-{at}"),
            buyer: row[2].clone(),
            contract_number: row[4].clone(),
            description: row[6].clone(),
            details: row[7].clone(),
            code: row[5].clone(),
            quantity: row[8].parse::<i128>().ok().map(|quantity| quantity * 10_000),
            price: money(&row[9]),
        });
    }
    data
}

#[tokio::test]
async fn a_real_month() {
    let Some(directory) = directory() else { return };
    let data = load(&directory);
    let mut kinds = std::collections::BTreeMap::new();
    for contract in &data.contracts {
        *kinds.entry(object_type(Some(&fold(&contract.object)), None).as_str()).or_insert(0) += 1;
        if let Some(basis) = &contract.legal_basis {
            let kind = legal_basis_kind(Some(basis), None);
            assert_eq!(kind, LegalBasisKind::StateCompany, "{basis}");
        }
    }
    println!("{kinds:?}");
    // Four in five objects say what is bought.
    assert!(kinds[ObjectType::Unknown.as_str()] * 5 < data.contracts.len(), "{kinds:?}");
    let prepared = crate::detectors::Run::prepare(data.session(2), &crate::model::Plan::default()).await.unwrap();
    for detector in crate::detectors::Catalogue::builtin().unwrap().iter() {
        let id = detector.id();
        let run = prepared.detector(detector).await.unwrap();
        println!("{id}: {:?} {:?}", super::verdicts(&run), run.summary.warnings_en);
        for finding in run.findings.iter().take(12) {
            println!("  {:?} {}", finding.severity, finding.description_en);
        }
        match id {
            "amendment_cap" => {
                let fired = |unit: &str| run.findings.iter().any(|finding| finding.contract_ids[0].starts_with(unit));
                // A cleaning contract with one amendment, an addition: 34 %.
                assert!(fired("153052-000012024"));
                // Renewed, repriced, or 25 % to the cent.
                for unit in ["110792-000282023", "154047-000512023", "254420-001712023", "533013-000012024"] {
                    assert!(!fired(unit), "{unit}");
                }
            }
            // The month has no basis of a small purchase, and every CNPJ is right.
            "splitting_sum"
            | "invalid_tax_id"
            | "just_below_threshold"
            | "direct_award_growth"
            | "late_publication" => {
                assert_eq!(run.summary.fired, 0, "{id}");
            }
            // No class of items; one month is no year, and 17 units are no group.
            "heterogeneous_supplier"
            | "market_concentration"
            | "year_end_spike"
            | "benford"
            | "non_competitive_share"
            // Nor lists of sanctions, nor payments.
            | "sanctioned_supplier"
            | "payments_exceed"
            // Nor a register of companies.
            | "new_company"
            | "inactive_company"
            | "activity_mismatch"
            | "capacity_mismatch" => {
                assert_eq!((run.summary.fired, run.summary.clear), (0, 0), "{id}");
                assert!(run.summary.not_evaluable > 0, "{id}");
            }
            // One month of publication says nothing of a year.
            "supplier_share_of_buyer" => {
                assert_eq!((run.summary.fired, run.summary.clear), (0, 0));
                assert!(super::verdicts(&run)["window_not_covered"] > 2_000);
            }
            // What judges tenders finds none here.
            _ if !detector.header.tables.iter().any(|table| table == "contracts") => {
                assert_eq!(run.summary.fired + run.summary.clear + run.summary.not_evaluable, 0, "{id}");
            }
            _ => assert!(run.summary.fired + run.summary.clear > 0, "{id}"),
        }
        // A band of value is no flag, and is only asked for by name.
        assert!(run.summary.base_rate() < 0.35 || id == "value_risk", "{id}");
    }
}
