//! The quirks of the published files, each on a few bytes.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{Date32Type, Decimal128Type};
use proptest::prelude::*;

use super::portal::{Contracts, Items, Layout};
use super::*;
use crate::lake::{LakeSnapshot, schema, session};
use crate::model::Table;

mod archives;

const KEY: PiiKey = PiiKey::from_bytes([7; 32]);

/// A contract file with the columns of `header` and rows of `column=value` over a row that is in order.
pub(super) fn contracts(rows: &[&[(&str, &str)]]) -> Vec<u8> {
    let mut text = Contracts::COLUMNS.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(";");
    text.push_str("\r\n");
    for row in rows {
        let value = |column: &&str| {
            let given = row.iter().find(|(name, _)| name == column).map(|(_, value)| *value);
            let usual = match *column {
                "numero do contrato" => "000012024",
                "objeto" => "Objeto: Aquisição de café",
                "modalidade compra" => "Pregão",
                "codigo ug" => "200356",
                "codigo contratado" => "33000167000101",
                "nome contratado" => "EMPRESA SINTÉTICA LTDA",
                "valor inicial compra" | "valor final compra" => "10,5000",
                name if name.starts_with("data") => "31/01/2024",
                _ => "x",
            };
            format!("\"{}\"", given.unwrap_or(usual))
        };
        text.push_str(&Contracts::COLUMNS.iter().map(value).collect::<Vec<_>>().join(";"));
        text.push_str("\r\n");
    }
    latin1(&text)
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

/// Takes a file in and reads a table back.
pub(super) fn taken_in(name: &str, bytes: &[u8], table: Table) -> (ParsedFiles, RecordBatch) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let lake = directory.path().join("lake");
    let parsed = files_to_parquet(&[path], &lake, &KEY, &|_| {}).unwrap();
    let snapshot = LakeSnapshot::from_files(lake, parsed.files.clone());
    let batch = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let session = session(64 << 20, 1).unwrap();
        snapshot.register(&session).await.unwrap();
        let table = session.table(format!("{}_all", table.as_str())).await.unwrap().collect().await.unwrap();
        let schema = table.first().map_or_else(|| schema::of(Table::Contracts), RecordBatch::schema);
        concat_batches(&schema, &table).unwrap()
    });
    (parsed, batch)
}

pub(super) fn texts<'a>(batch: &'a RecordBatch, column: &str) -> Vec<Option<&'a str>> {
    batch.column_by_name(column).unwrap().as_string::<i32>().iter().collect()
}

fn one<'a>(batch: &'a RecordBatch, column: &str) -> Option<&'a str> {
    assert_eq!(batch.num_rows(), 1);
    texts(batch, column)[0]
}

fn contract(row: &[(&str, &str)]) -> RecordBatch {
    let (parsed, batch) = taken_in("202401_Compras.csv", &contracts(&[row]), Table::Contracts);
    assert_eq!((parsed.summary.contracts, parsed.summary.quarantined), (1, 0));
    batch
}

fn quarantined(row: &[(&str, &str)]) -> (String, String, String) {
    let (parsed, batch) = taken_in("Compras.csv", &contracts(&[row]), Table::Contracts);
    assert_eq!((parsed.summary.contracts, parsed.summary.quarantined, batch.num_rows()), (0, 1, 0));
    let row = parsed.quarantine[0].clone();
    assert_eq!((row.file.as_str(), row.line), ("Compras.csv", 2));
    (row.column, row.reason, row.value)
}

#[test]
fn a_usual_row_keeps_what_was_published() {
    let batch = contract(&[]);
    assert_eq!(batch.schema(), schema::of(Table::Contracts));
    assert_eq!(one(&batch, "object"), Some("Objeto: Aquisição de café"));
    assert_eq!(one(&batch, "object_folded"), Some("aquisicao de cafe"));
    assert_eq!(one(&batch, "modality"), Some("pregao"));
    assert_eq!(one(&batch, "sphere"), Some("federal"));
    assert_eq!(one(&batch, "supplier_key"), Some("33000167000101"));
    assert_eq!(one(&batch, "supplier_check"), Some("valid"));
    assert_eq!(one(&batch, "source_file"), Some("202401_Compras.csv"));
    assert!(one(&batch, "contract_id").unwrap().starts_with("portal-200356-000012024-"));
    let cents = batch.column_by_name("initial_value").unwrap().as_primitive::<Decimal128Type>().value(0);
    let day = batch.column_by_name("end_date").unwrap().as_primitive::<Date32Type>().value(0);
    assert_eq!((cents, day), (1_050, 19_753));
}

#[test]
fn sentinels_become_null() {
    let batch = contract(&[
        ("codigo contratado", "-11"),
        ("nome contratado", "Sigiloso"),
        ("numero licitacao", "-3"),
        ("codigo ug licitacao", ""),
        ("modalidade compra", "Sem Informação"),
        ("nome orgao superior", "Sem informação"),
        ("fundamento legal", " "),
        ("data fim vigencia", ""),
        ("valor inicial compra", ""),
    ]);
    for column in [
        "supplier_id",
        "supplier_id_published",
        "supplier_key",
        "supplier_name",
        "tender_number",
        "tender_buyer_id",
        "superior_organ_name",
        "legal_basis",
    ] {
        assert_eq!(one(&batch, column), None, "{column}");
    }
    assert_eq!(one(&batch, "supplier_kind"), Some("secret"));
    assert_eq!(one(&batch, "modality"), Some("not_informed"));
    assert_eq!(one(&batch, "modality_name"), Some("Sem Informação"));
    assert!(batch.column_by_name("end_date").unwrap().is_null(0));
    assert!(batch.column_by_name("initial_value").unwrap().is_null(0));
}

#[test]
fn modalities_are_told_apart_by_their_folded_names() {
    for (published, expected) in [
        ("Pregão - Registro de Preço", "pregao_registro_preco"),
        ("PREGAO", "pregao"),
        ("Dispensa de Licitação", "dispensa_licitacao"),
        ("Inexigibilidade de Licitação", "inexigibilidade"),
        ("Tomada de Preços", "tomada_de_precos"),
        ("Concorrência", "concorrencia"),
        ("Convite", "convite"),
        ("Leilão", "not_informed"),
    ] {
        let batch = contract(&[("modalidade compra", published)]);
        assert_eq!((one(&batch, "modality"), one(&batch, "modality_name")), (Some(expected), Some(published)));
    }
}

#[test]
fn a_cpf_is_never_stored_in_full() {
    let cpf = "52998224725";
    let batch = contract(&[
        ("codigo contratado", cpf),
        ("nome contratado", "FULANA 52998224725"),
        ("objeto", "Serviço de FULANA, CPF 529.982.247-25"),
        ("fundamento legal", "conforme 529982247-25"),
    ]);
    assert_eq!(one(&batch, "supplier_id"), Some("***.982.247-**"));
    assert_eq!(one(&batch, "supplier_id_published"), Some("***.982.247-**"));
    assert_eq!((one(&batch, "supplier_kind"), one(&batch, "supplier_check")), (Some("cpf"), Some("valid")));
    assert_eq!(one(&batch, "supplier_key"), Some(format!("cpf:{}", KEY.hash(cpf)).as_str()));
    assert_eq!(one(&batch, "supplier_name"), Some("FULANA ***.982.247-**"));
    assert_eq!(one(&batch, "object"), Some("Serviço de FULANA, CPF ***.982.247-**"));
    assert_eq!(one(&batch, "legal_basis"), Some("conforme ***.982.247-**"));
    let shown = format!("{batch:?}");
    assert!(!shown.contains(cpf) && !shown.contains("529.982"));
    let wrong = contract(&[("codigo contratado", "529.982.247-26")]);
    assert_eq!((one(&wrong, "supplier_check"), one(&wrong, "supplier_id")), (Some("invalid"), Some("***.982.247-**")));
}

#[test]
fn people_who_share_a_mask_are_not_one_supplier() {
    let key = |name| {
        let batch = contract(&[("codigo contratado", "***.982.247-**"), ("nome contratado", name)]);
        assert_eq!(one(&batch, "supplier_check"), Some("not_applicable"));
        one(&batch, "supplier_key").unwrap().to_owned()
    };
    assert_eq!(key("MARIA DA SILVA"), key("Maria  da Silva"));
    assert_ne!(key("MARIA DA SILVA"), key("JOSÉ DA SILVA"));
}

#[test]
fn foreign_and_other_suppliers_keep_their_text() {
    let batch = contract(&[("codigo contratado", "EX2548312")]);
    assert_eq!(one(&batch, "supplier_key"), Some("foreign:EX2548312"));
    let batch = contract(&[("codigo contratado", "115406")]);
    assert_eq!((one(&batch, "supplier_key"), one(&batch, "supplier_kind")), (Some("other:115406"), Some("other")));
}

#[test]
fn bad_values_go_to_quarantine_with_column_and_reason() {
    let fault = |column: &str, value: &str| {
        let (at, reason, shown) = quarantined(&[(column, value)]);
        assert_eq!((at.as_str(), shown.as_str()), (column, value));
        reason
    };
    assert_eq!(fault("data assinatura contrato", "31/02/2024"), "invalid_date");
    assert_eq!(fault("valor inicial compra", "1.234,56"), "malformed_amount");
    assert_eq!(fault("valor final compra", "0,001"), "sub_cent_amount");
    assert_eq!(fault("valor final compra", "99999999999999999"), "amount_too_large");
    assert_eq!(fault("codigo ug", ""), "required_blank");
    let (column, reason, shown) = quarantined(&[("valor final compra", "CPF 12345678901")]);
    assert_eq!((column.as_str(), reason.as_str()), ("valor final compra", "malformed_amount"));
    assert_eq!(shown, "CPF ***.456.789-**");
}

#[test]
fn rows_of_the_wrong_width_and_with_nul_go_to_quarantine() {
    let mut file = contracts(&[&[("objeto", "a;b\tc ¿ \n d")]]);
    file.extend(b"\"1\";\"2\"\r\n\0;;\r\n\r\n");
    let (parsed, batch) = taken_in("Compras.csv", &file, Table::Contracts);
    assert_eq!(one(&batch, "object"), Some("a;b\tc ¿ \n d"));
    let reasons: Vec<_> = parsed.quarantine.iter().map(|row| (row.line, row.reason.as_str())).collect();
    assert_eq!(reasons, [(4, "wrong_field_count"), (5, "nul_byte")]);
    assert_eq!(parsed.summary.files[0].quarantined_by_reason.values().sum::<i64>(), 2);
}

#[test]
fn columns_are_found_by_name_in_any_order() {
    let file = latin1(
        "Valor Item;QUANTIDADE ITEM;Extra;Código UG;\"Número Contrato\";Código Item Compra;Descrição Item Compra;Descrição Complementar Item Compra\n\
         2,50;1,5;?;200;7;c1;undefined;Água\n",
    );
    let (parsed, batch) = taken_in("itens de teste.csv", &file, Table::ContractItems);
    assert_eq!((parsed.summary.items, parsed.summary.files[0].dataset.as_str()), (1, "portal:itens/itens de teste"));
    assert_eq!((one(&batch, "code"), one(&batch, "details")), (Some("c1"), Some("Água")));
    assert_eq!((one(&batch, "description"), one(&batch, "description_folded")), (Some("undefined"), Some("")));
    let quantity = batch.column_by_name("quantity").unwrap().as_primitive::<Decimal128Type>().value(0);
    let price = batch.column_by_name("unit_price").unwrap().as_primitive::<Decimal128Type>().value(0);
    assert_eq!((quantity, price), (15_000, 250));
}

#[test]
fn a_missing_or_repeated_column_names_file_and_column() {
    let fails = |name: &str, text: &str| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, latin1(text)).unwrap();
        files_to_parquet(&[path], &directory.path().join("lake"), &KEY, &|_| {}).unwrap_err()
    };
    let error = fails("202401_TermoAditivo.csv", "Número Contrato;Código UG;Número Termo Aditivo;Objeto\n");
    let said = error.to_string();
    assert_eq!(said, "202401_TermoAditivo.csv: required column \"data publicacao\" is missing");
    let error = fails("TermoAditivo.csv", "Numero Contrato;NÚMERO CONTRATO;Código UG\n");
    assert!(matches!(error, ImportError::RepeatedColumn { column: "numero contrato", times: 2, .. }), "{error}");
    assert!(matches!(fails("Compras.csv", "\n"), ImportError::NoHeader { .. }));
    let sound: String = contracts(&[&[], &[]]).into_iter().map(char::from).collect();
    let error = fails("Compras.csv", &sound.replace("\r\n", "\r"));
    assert_eq!(error.to_string(), "Compras.csv: the header has a carriage return inside: its lines end with CR alone");
    let error = fails("Compras.csv", &sound.replacen("\"\r\n", "\r\n", 1));
    assert_eq!(error.to_string(), "Compras.csv: the header has a quote that is not closed");
    assert!(matches!(fails("outra.csv", "a;b\n1;2\n"), ImportError::UnknownLayout { .. }));
}

#[test]
fn a_cpf_beside_another_number_is_masked_in_quarantine() {
    let row: &[(&str, &str)] = &[("data fim vigencia", "30/12/2024"), ("codigo contratado", "52998224725")];
    let sound: String = contracts(&[row]).into_iter().map(char::from).collect();
    for broken in [sound.replace("EMPRESA", "EMP\0RESA"), sound.trim_end().trim_end_matches('"').to_owned()] {
        let (parsed, _) = taken_in("Compras.csv", &latin1(&broken), Table::Contracts);
        let value = &parsed.quarantine[0].value;
        assert!(!value.contains("529982247") && value.contains("***.982.247-**"), "{value}");
    }
}

#[test]
fn a_row_in_quarantine_replaces_nothing() {
    let bad: &[(&str, &str)] = &[("valor final compra", "?")];
    let (parsed, batch) = taken_in("Compras.csv", &contracts(&[&[], bad]), Table::Contracts);
    assert_eq!(one(&batch, "row_status"), Some("current"));
    assert_eq!((parsed.summary.contracts, parsed.summary.quarantined), (1, 1));
}

#[test]
fn equal_items_have_ids_of_their_own() {
    let row = "200;7;c1;Água;Água;1;2,50\n";
    let file = latin1(&format!("{}\n{row}{row}", Items::COLUMNS.join(";")));
    let (parsed, batch) = taken_in("ItemCompra.csv", &file, Table::ContractItems);
    assert_eq!(texts(&batch, "row_status"), [Some("current"), Some("duplicate")]);
    let ids = texts(&batch, "item_id");
    assert_eq!(format!("{}-2", ids[0].unwrap()), ids[1].unwrap());
    assert_eq!((parsed.summary.items, parsed.summary.item_duplicates, parsed.summary.duplicates), (2, 1, 0));
}

#[test]
fn a_note_on_a_contract_is_told_from_an_amendment() {
    let file = "\"Número Contrato\";\"Código UG\";\"Número Apostilamento\";\"Descrição Apostilamento\";\"Valor Apostilamento\";\"Data de inclusão\"\r\n\
        \"000012024\";\"100000\";\"00001\";\"REPACTUAÇÃO, CCT 2024, de 529.982.247-25\";\"300000,0000\";\"01/05/2024\"\r\n\
        \"000022024\";\"100000\";\"00001\";\"Reajuste\";\"um\";\"01/05/2024\"\r\n";
    let (parsed, batch) = taken_in("202405_Apostilamento.csv", &latin1(file), Table::Amendments);
    assert_eq!((parsed.summary.apostilamentos, parsed.summary.amendments, parsed.summary.quarantined), (1, 0, 1));
    assert_eq!(texts(&batch, "source"), [Some("portal:apostilamentos")]);
    assert_eq!(texts(&batch, "object"), [Some("REPACTUAÇÃO, CCT 2024, de ***.982.247-**")]);
    assert!(texts(&batch, "amendment_id")[0].unwrap().starts_with("portal-100000-000012024-apostille-"));
    assert_eq!(batch.column_by_name("value").unwrap().as_primitive::<Decimal128Type>().value(0), 30_000_000);
}

#[test]
fn a_header_alone_is_normal() {
    let header = "\"Número Contrato\";\"Código UG\";\"Número Apostilamento\";\"Descrição Apostilamento\";\"Valor Apostilamento\"\r\n";
    let (parsed, batch) = taken_in("202401_Apostilamento.csv", &latin1(header), Table::Contracts);
    assert_eq!((parsed.summary.apostilamentos, parsed.summary.files.len(), parsed.files.len()), (0, 1, 0));
    assert_eq!(batch.num_rows(), 0);
    let (parsed, _) = taken_in("Compras.csv", &contracts(&[]), Table::Contracts);
    assert_eq!((parsed.summary.contracts, parsed.files.len()), (0, 0));
}

fn imported(directory: &Path, paths: &[PathBuf]) -> Result<ParsedFiles, ImportError> {
    files_to_parquet(paths, &directory.join("lake"), &KEY, &|_| {})
}

#[test]
fn directories_are_searched_once() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("2024");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(inner.join("202401_Compras.csv"), contracts(&[&[]])).unwrap();
    std::fs::write(directory.path().join("labels.csv"), "detector,expected\n").unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(directory.path(), inner.join("loop")).unwrap();
        std::os::unix::fs::symlink("nowhere", inner.join("gone.csv")).unwrap();
    }
    let summary = imported(directory.path(), &[directory.path().to_owned()]).unwrap().summary;
    assert_eq!((summary.contracts, summary.ignored.len()), (1, if cfg!(unix) { 3 } else { 1 }));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(imported(directory.path(), &[empty.path().to_owned()]), Err(ImportError::NothingKnown { .. })));
    let missing = empty.path().join("missing.csv");
    assert!(matches!(imported(directory.path(), &[missing]), Err(ImportError::Io { .. })));
}

#[test]
fn two_contents_for_one_dataset_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (name, number) in [("a", "1"), ("b", "2")] {
        let inner = directory.path().join(name);
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("202401_Compras.csv"), contracts(&[&[("numero do contrato", number)]])).unwrap();
    }
    let error = imported(directory.path(), &[directory.path().to_owned()]).unwrap_err();
    assert!(
        matches!(&error, ImportError::DatasetTwice { dataset, .. } if dataset == "portal:compras/202401"),
        "{error}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_row_is_lost(
        values in proptest::collection::vec(
            ("[0-9a-zÀ-ÿ ,;/.-]{0,14}", prop_oneof!["[0-9]{1,6},[0-9]{0,4}", "[0-9,.-]{0,6}"], "[0-3][0-9]/[01][0-9]/20[0-9]{2}"),
            0..12,
        ),
    ) {
        let rows: Vec<Vec<(&str, &str)>> = values
            .iter()
            .map(|(text, amount, day)| vec![
                ("numero do contrato", text.as_str()), ("objeto", text), ("codigo contratado", text),
                ("valor final compra", amount), ("data fim vigencia", day),
            ])
            .collect();
        let rows: Vec<&[(&str, &str)]> = rows.iter().map(Vec::as_slice).collect();
        let (parsed, batch) = taken_in("Compras.csv", &contracts(&rows), Table::Contracts);
        let summary = &parsed.summary;
        prop_assert_eq!(summary.contracts + summary.quarantined, rows.len() as i64);
        prop_assert_eq!(summary.contracts, batch.num_rows() as i64);
        prop_assert_eq!(summary.quarantined, parsed.quarantine.len() as i64);
        // Of every contract exactly one row counts.
        let mut current: Vec<&str> = texts(&batch, "contract_id").into_iter().zip(texts(&batch, "row_status"))
            .filter(|(_, status)| *status == Some("current")).filter_map(|(id, _)| id).collect();
        let mut all: Vec<&str> = texts(&batch, "contract_id").into_iter().flatten().collect();
        all.sort_unstable();
        all.dedup();
        current.sort_unstable();
        prop_assert_eq!(current, all);
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in proptest::collection::vec(
        prop_oneof![Just(b'"'), Just(b';'), Just(b'\n'), any::<u8>()], 0..600,
    )) {
        let mut file = contracts(&[&[]]);
        file.extend(&bytes);
        let (parsed, batch) = taken_in("Compras.csv", &file, Table::Contracts);
        prop_assert_eq!(parsed.summary.contracts, batch.num_rows() as i64);
        prop_assert!(parsed.summary.contracts >= 1);
    }
}
