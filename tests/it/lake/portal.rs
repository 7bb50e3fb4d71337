//! Bulk files of the Portal beside contracts: tenders, their items, participants and commitments, and the
//! lists of sanctions. Real files against a count that shares no code with the product, and the quirks of
//! the official layouts on a few rows.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use cidadao::detectors::{Catalogue, Run};
use cidadao::model::{Plan, Table};
use cidadao::sources::{ImportError, ImportOptions, ImportSummary, PiiKey, import};
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::util::pretty::pretty_format_batches;
use regex::Regex;
use zip::write::SimpleFileOptions;

use super::{CONTRACTS, House, contract, quoted};

const TENDERS: &str = "\"Número Licitação\";\"Código UG\";\"Nome UG\";\"Código Modalidade Compra\";\"Modalidade Compra\";\"Número Processo\";\"Objeto\";\"Situação Licitação\";\"Código Órgão Superior\";\"Nome Órgão Superior\";\"Código Órgão\";\"Nome Órgão\";\"UF\";\"Município\";\"Data Resultado Compra\";\"Data Abertura\";\"Valor Licitação\"";
const TENDER_ITEMS: &str = "\"Número Licitação\";\"Código UG\";\"Nome UG\";\"Código Modalidade Compra\";\"Modalidade Compra\";\"Número Processo\";\"Código Órgão\";\"Nome Órgão\";\"Código Item Compra\";\"Descrição\";\"Quantidade Item\";\"Valor Item\";\"Código Vencedor\";\"Nome Vencedor\"";
/// The order of older months.
const OLD_TENDER_ITEMS: &str = "\"Número Licitação\";\"Código UG\";\"Nome UG\";\"Código Modalidade Compra\";\"Modalidade Compra\";\"Número Processo\";\"Código Órgão\";\"Nome Órgão\";\"Código Item Compra\";\"Código Vencedor\";\"Nome Vencedor\";\"Descrição\";\"Quantidade Item\";\"Valor Item\"";
const PARTICIPANTS: &str = "\"Número Licitação\";\"Código UG\";\"Nome UG\";\"Código Modalidade Compra\";\"Modalidade Compra\";\"Número Processo\";\"Código Órgão\";\"Nome Órgão\";\"Código Item Compra\";\"Descrição Item Compra\";\"Código Participante\";\"Nome Participante\";\"Flag Vencedor\"";
const COMMITMENTS: &str = "\"Número Licitação\";\"Código UG\";\"Nome UG\";\"Código Modalidade Compra\";\"Modalidade Compra\";\"Número Processo\";\"Código Empenho\";\"Data Emissão Empenho\";\"Observação Empenho\";\"Valor Empenho (R$)\"";
const CEIS: &str = "\"CADASTRO\";\"CÓDIGO DA SANÇÃO\";\"TIPO DE PESSOA\";\"CPF OU CNPJ DO SANCIONADO\";\"NOME DO SANCIONADO\";\"NOME INFORMADO PELO ÓRGÃO SANCIONADOR\";\"RAZÃO SOCIAL - CADASTRO RECEITA\";\"NOME FANTASIA - CADASTRO RECEITA\";\"NÚMERO DO PROCESSO\";\"CATEGORIA DA SANÇÃO\";\"DATA INÍCIO SANÇÃO\";\"DATA FINAL SANÇÃO\";\"DATA PUBLICAÇÃO\";\"PUBLICAÇÃO\";\"DETALHAMENTO DO MEIO DE PUBLICAÇÃO\";\"DATA DO TRÂNSITO EM JULGADO\";\"ABRAGÊNCIA DA SANÇÃO\";\"ÓRGÃO SANCIONADOR\";\"UF ÓRGÃO SANCIONADOR\";\"ESFERA ÓRGÃO SANCIONADOR\";\"FUNDAMENTAÇÃO LEGAL\";\"DATA ORIGEM INFORMAÇÃO\";\"ORIGEM INFORMAÇÕES\";\"OBSERVAÇÕES\"";
const CEPIM: &str =
    "\"CNPJ ENTIDADE\";\"NOME ENTIDADE\";\"NÚMERO CONVÊNIO\";\"ÓRGÃO CONCEDENTE\";\"MOTIVO DO IMPEDIMENTO\"";
// The dash of the official files is a control character of ISO-8859-1.
const AGREEMENTS: &str = "\"ID DO ACORDO\";\"CNPJ DO SANCIONADO\";\"RAZÃO SOCIAL \u{96} CADASTRO RECEITA\";\"NOME FANTASIA \u{96} CADASTRO RECEITA\";\"DATA DE INÍCIO DO ACORDO\";\"DATA DE FIM DO ACORDO\";\"SITUAÇÃO DO ACORDO DE LENIÊNICA\";\"DATA DA INFORMAÇÃO\";\"NÚMERO DO PROCESSO\";\"TERMOS DO ACORDO\";\"ÓRGÃO SANCIONADOR\"";
const EFFECTS: &str = "\"ID DO ACORDO\";\"EFEITO DO ACORDO DE LENIENCIA\";\"COMPLEMENTO\"";

const CNPJ: &str = "33000167000101";
const CPF: &str = "52998224725";

/// The head of a row of any table of tenders: number, code and name of the modality.
fn head<'a>(number: &'a str, code: &'a str, name: &'a str) -> Vec<&'a str> {
    vec![number, "154051", "UFV", code, name, "23114.000001/2024-01"]
}

fn tender(number: &str, code: &str, name: &str, situation: &str, value: &str) -> String {
    let rest = [
        "Objeto: Aquisição de café",
        situation,
        "26000",
        "Sem informação",
        "26282",
        "UFV",
        "-3",
        "Inválido",
        "31/01/2024",
    ];
    quoted(&[head(number, code, name), rest.to_vec(), vec!["", value]].concat())
}

fn tender_item(number: &str, item: &str, quantity: &str, value: &str, winner: [&str; 2]) -> String {
    let rest = ["26282", "UFV", item, "Café; torrado", quantity, value, winner[0], winner[1]];
    quoted(&[head(number, "5", "Pregão"), rest.to_vec()].concat())
}

fn participant(number: &str, item: &str, who: [&str; 2], won: &str) -> String {
    let rest = ["26282", "UFV", item, "Café", who[0], who[1], won];
    quoted(&[head(number, "5", "Pregão"), rest.to_vec()].concat())
}

fn sanction(list: &str, code: &str, who: [&str; 2], category: &str, days: [&str; 2]) -> String {
    quoted(&[
        list,
        code,
        "J",
        who[0],
        who[1],
        "NOME DADO",
        "RAZÃO SOCIAL",
        "",
        "123/2024",
        category,
        days[0],
        days[1],
        "02/01/2024",
        "DOU",
        "",
        "",
        "Todas as Esferas em todos os Poderes",
        "Ministério da Saúde",
        "DF",
        "FEDERAL",
        "LEI 14133 - ART. 156, IV",
        "03/01/2024",
        "CGU",
        "primeira linha\r\nsegunda linha",
    ])
}

impl House {
    /// The rows of a query, columns separated by `|`, `-` for null.
    pub(super) async fn lines(&self, sql: &str) -> Vec<String> {
        let session = self.session().await;
        let mut lines = Vec::new();
        for batch in session.sql(sql).await.expect("a query").collect().await.expect("rows") {
            let columns: Vec<_> =
                batch.columns().iter().map(|column| cast(column, &DataType::Utf8).expect("a text")).collect();
            for row in 0..batch.num_rows() {
                let texts = columns.iter().map(AsArray::as_string::<i32>);
                let shown = texts.map(|text| if text.is_null(row) { "-" } else { text.value(row) });
                lines.push(shown.collect::<Vec<_>>().join("|"));
            }
        }
        lines
    }

    pub(super) async fn figures(&self, names: &[(&str, &str)]) -> BTreeMap<String, i128> {
        let mut found = BTreeMap::new();
        let session = self.session().await;
        for (name, sql) in names {
            let batches = session.sql(sql).await.expect("a query").collect().await.expect("a figure");
            let figure = cast(batches[0].column(0), &DataType::Utf8).expect("a text");
            found.insert((*name).to_owned(), figure.as_string::<i32>().value(0).replace('.', "").parse().expect(name));
        }
        found
    }
}

fn published(folder: &str) -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(folder);
    if data.is_dir() {
        return Some(data);
    }
    eprintln!("skipped: {} is not there; it holds published files that are not part of the repository", data.display());
    None
}

fn counted(data: &Path) -> BTreeMap<String, i128> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/lake/portal_count.py");
    let counted = Command::new("python3").arg(script).arg(data).output().unwrap();
    assert!(counted.status.success(), "{}", String::from_utf8_lossy(&counted.stderr));
    serde_json::from_slice(&counted.stdout).unwrap()
}

#[tokio::test]
async fn tenders_of_a_university_agree_with_an_independent_count() {
    let Some(data) = published("ufv-licitacoes") else { return };
    let house = House::new().await;
    let summary = house.import(std::slice::from_ref(&data)).await.unwrap();
    let found = house
        .figures(&[
            ("tenders", "SELECT count(*) FROM tenders_all"),
            ("tenders_current", "SELECT count(*) FROM tenders_all WHERE row_status = 'current'"),
            ("tender_value", "SELECT sum(value) FROM tenders_all"),
            ("tenders_opened", "SELECT count(open_date) FROM tenders_all"),
            ("tenders_direct", "SELECT count(*) FROM tenders_all WHERE modality = 'dispensa_licitacao'"),
            ("items", "SELECT count(*) FROM tender_items_all WHERE row_status = 'current'"),
            (
                "items_of_known_tenders",
                "SELECT count(*) FROM tender_items_all WHERE tender_id IN (SELECT tender_id FROM tenders_all)",
            ),
            ("item_value", "SELECT sum(total_value) FROM tender_items_all"),
            ("item_quantity", "SELECT sum(quantity) FROM tender_items_all"),
            ("winners", "SELECT count(DISTINCT winner_key) FROM tender_items_all"),
            ("bids", "SELECT count(*) FROM bids_all"),
            ("bids_current", "SELECT count(*) FROM bids_all WHERE row_status = 'current'"),
            ("bids_won", "SELECT count(*) FROM bids_all WHERE won"),
            ("bids_lost", "SELECT count(*) FROM bids_all WHERE NOT won"),
            ("bidders", "SELECT count(DISTINCT bidder_key) FROM bids_all"),
            ("items_bid_for", "SELECT count(*) FROM (SELECT DISTINCT tender_id, item_number FROM bids_all) AS one"),
        ])
        .await;
    assert_eq!(found, counted(&data));
    assert_eq!((found["tenders"], found["items"], found["bids"]), (351, 3_899, 26_190));
    assert_eq!((summary.tenders, summary.tender_items, summary.bids), (351, 3_899, 26_190));
    assert_eq!((summary.quarantined, summary.other_duplicates, summary.files.len()), (0, 0, 6));
    let ids = "SELECT count(*), count(DISTINCT item_id) FROM tender_items_all";
    assert_eq!(house.lines(ids).await, ["3899|3899"]);
    let again = house.import(&[data]).await.unwrap();
    assert_eq!((again.unchanged.len(), again.lake_version, again.files.len()), (6, 1, 0));
}

#[tokio::test]
async fn punished_companies_agree_with_an_independent_count() {
    let Some(data) = published("cnep-2021") else { return };
    let house = House::new().await;
    let summary = house.import(std::slice::from_ref(&data)).await.unwrap();
    let found = house
        .figures(&[
            ("sanctions", "SELECT count(*) FROM sanctions_all WHERE list = 'cnep'"),
            ("sanctions_current", "SELECT count(DISTINCT sanction_id) FROM sanctions_all WHERE row_status = 'current'"),
            ("fines", "SELECT sum(fine) FROM sanctions_all"),
            ("fined", "SELECT count(fine) FROM sanctions_all"),
            ("open_ends", "SELECT count(*) - count(end_date) FROM sanctions_all"),
            ("published", "SELECT count(publication_date) FROM sanctions_all"),
            ("judged", "SELECT count(final_judgment_date) FROM sanctions_all"),
            ("punished", "SELECT count(DISTINCT person_key) FROM sanctions_all"),
            ("categories", "SELECT count(DISTINCT category) FROM sanctions_all"),
            ("states", "SELECT count(body_state) FROM sanctions_all"),
        ])
        .await;
    assert_eq!(found, counted(&data));
    assert_eq!((summary.sanctions, summary.quarantined, found["sanctions"]), (359, 0, 359));
    assert_eq!(summary.files[0].dataset, "portal:cnep");
}

#[tokio::test]
async fn a_fine_of_the_real_list_bars_nobody_from_the_real_month() {
    let (Some(contracts), Some(list)) = (published("cgu-compras-202401"), published("cnep-2021")) else { return };
    let house = House::new().await;
    house.import(&[contracts, list]).await.unwrap();
    // A company of the month is on the list.
    let both = "SELECT count(DISTINCT supplier_key) FROM contracts_all JOIN sanctions_all ON supplier_key = person_key";
    assert_eq!(house.lines(both).await, ["1"]);
    let run = Run::prepare(house.session().await, &Plan::default()).await.unwrap();
    let catalogue = Catalogue::builtin().unwrap();
    let judged = run.detector(catalogue.get("sanctioned_supplier").unwrap()).await.unwrap();
    assert_eq!((judged.summary.fired, judged.summary.clear), (0, 0), "CNEP alone says nothing of who is barred");
    assert!(judged.summary.not_evaluable > 3_000);
}

pub(super) fn zipped(entries: &[(&str, &Path)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, path) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(&fs::read(path).unwrap()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// One month of tenders in the official layout, and a contract that came of one.
fn month(house: &House) -> [PathBuf; 5] {
    let tenders = [
        tender("000012024", "5", "Pregão", "Publicado", "10,0000"),
        tender("000012024", "6", "Dispensa de Licitação", "Encerrado", "20,5000"),
        // The same again, to the letter, and with another situation.
        tender("000012024", "5", "Pregão", "Publicado", "10,0000"),
        tender("000012024", "5", "Pregão", "Encerrado", "30,2500"),
        tender("", "5", "Pregão", "Encerrado", "1,00"),
        tender("000022024", "5", "Pregão", "Encerrado", "1.000,00"),
    ];
    let items = [
        tender_item("000012024", "1540510500001202400001", "9", "2590,0000", [CNPJ, "EMPRESA SINTÉTICA"]),
        tender_item("000012024", "1540510500001202400002", "1,5", "1,0000", [CPF, "FULANA DE TAL"]),
        tender_item("000012024", "1540510500001202400003", "1", "0,00", ["-11", "Sigiloso"]),
        tender_item("000012024", "1540510500001202400002", "1,5", "1,0000", [CPF, "FULANA DE TAL"]),
    ];
    let participants = [
        participant("000012024", "1540510500001202400001", [CNPJ, "EMPRESA SINTÉTICA"], "SIM"),
        participant("000012024", "1540510500001202400001", [CPF, "FULANA DE TAL"], "NÃO"),
        participant("000012024", "1540510500001202400001", ["-11", "Sigiloso"], "NÃO"),
        participant("000012024", "1540510500001202400001", ["-11", "Sigiloso"], ""),
        participant("000012024", "1540510500001202400001", [CNPJ, "EMPRESA SINTÉTICA"], "NÃO"),
    ];
    let commitment = |code: &str, value: &str| {
        let rest = [code, "05/02/2024", "Pago a FULANA, CPF 529.982.247-25", value];
        quoted(&[head("000012024", "5", "Pregão"), rest.to_vec()].concat())
    };
    let commitments = [
        commitment("154051152642024NE800001", "100,00"),
        commitment("154051152642024NE800001", "150,00"),
        commitment("154051152642024NE800002", "1,50"),
    ];
    let contract = contract("1", "Café", "Pregão", "10/02/2024", CNPJ, ["10,00", "10,00"]);
    let contract = contract.replace("\"-3\";\"\";\"\";\"\";\"\"", "\"000012024\";\"154051\";\"UFV\";\"5\";\"Pregão\"");
    [
        house.put("202401_Licitação.csv", TENDERS, &tenders),
        house.put("202401_ItemLicitação.csv", TENDER_ITEMS, &items),
        house.put("202401_ParticipantesLicitação.csv", PARTICIPANTS, &participants),
        house.put("202401_EmpenhosRelacionados.csv", COMMITMENTS, &commitments),
        house.put("202401_Compras.csv", CONTRACTS, &[contract]),
    ]
}

#[tokio::test]
async fn a_month_of_tenders_becomes_rows_that_know_each_other() {
    let house = House::new().await;
    month(&house);
    let summary = house.import(&[house.input()]).await.unwrap();
    assert_eq!((summary.tenders, summary.tender_items, summary.bids, summary.payments), (4, 4, 5, 3));
    // One tender and one item to the letter; of the tender, a participant and a commitment the later row counts.
    assert_eq!((summary.other_duplicates, summary.other_superseded, summary.lake_version), (2, 3, 1));
    let tenders = summary.files.iter().find(|file| file.dataset == "portal:licitacoes/202401").unwrap();
    let reasons: Vec<_> = tenders.quarantined_by_reason.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(reasons, [("malformed_amount", 1), ("required_blank", 1)]);
    let tender = "portal-154051-000012024-tender-pregao";
    let rows = house
        .lines(
            "SELECT tender_id, situation, value, modality, superior_organ_name, state, municipality, open_date, result_date, sphere
             FROM tenders_all WHERE row_status = 'current' ORDER BY 1",
        )
        .await;
    assert_eq!(
        rows,
        [
            "portal-154051-000012024-tender-dispensa-licitacao|Encerrado|20.50|dispensa_licitacao|-|-|-|-|2024-01-31|federal",
            "portal-154051-000012024-tender-pregao|Encerrado|30.25|pregao|-|-|-|-|2024-01-31|federal",
        ]
    );
    let rows = house
        .lines(
            "SELECT i.tender_id, number, quantity, unit_price, total_value, winner_id, winner_name, description
             FROM tender_items_all AS i WHERE row_status = 'current' ORDER BY number",
        )
        .await;
    assert_eq!(
        rows,
        [
            format!("{tender}|1540510500001202400001|9.0000|-|2590.00|{CNPJ}|EMPRESA SINTÉTICA|Café; torrado"),
            format!("{tender}|1540510500001202400002|1.5000|-|1.00|***.982.247-**|FULANA DE TAL|Café; torrado"),
            format!("{tender}|1540510500001202400003|1.0000|-|0.00|-|-|Café; torrado"),
        ]
    );
    let rows = house.lines("SELECT bidder_kind, bidder_id, won, row_status FROM bids_all ORDER BY source_line").await;
    assert_eq!(
        rows,
        [
            format!("cnpj|{CNPJ}|true|superseded"),
            "cpf|***.982.247-**|false|current".to_owned(),
            "secret|-|false|current".to_owned(),
            "secret|-|-|current".to_owned(),
            format!("cnpj|{CNPJ}|false|current"),
        ]
    );
    let rows = house
        .lines(
            "SELECT kind, number, date, value, tender_number, note FROM payments_all WHERE row_status = 'current' ORDER BY 2",
        )
        .await;
    let paid = "000012024|Pago a FULANA, CPF ***.982.247-**";
    assert_eq!(
        rows,
        [
            format!("commitment|154051152642024NE800001|2024-02-05|150.00|{paid}"),
            format!("commitment|154051152642024NE800002|2024-02-05|1.50|{paid}"),
        ]
    );
    let joined = "SELECT c.number FROM contracts_all AS c JOIN tenders_all AS t ON t.tender_id = c.tender_id
                  AND t.row_status = 'current' JOIN payments_all AS p ON p.tender_id = t.tender_id
                  JOIN bids_all AS b ON b.tender_id = t.tender_id AND b.bidder_key = c.supplier_key
                  GROUP BY 1";
    assert_eq!(house.lines(joined).await, ["1"]);
}

#[tokio::test]
async fn an_official_archive_gives_what_its_files_give() {
    let (plain, packed) = (House::new().await, House::new().await);
    let files = month(&plain);
    plain.import(&[plain.input()]).await.unwrap();
    // Names of archives are not always readable: the second is CP850 read as CP437.
    let names = ["202401_Licitação.csv", "202401_ItemLicita╞o.csv", "202401_ParticipantesLicitação.csv"];
    let archive = zipped(&names.into_iter().zip(&files).map(|(name, path)| (name, path.as_path())).collect::<Vec<_>>());
    let path = packed.input().join("202401_Licitações.zip");
    fs::write(&path, archive).unwrap();
    let summary = packed.import(&[path]).await.unwrap();
    let datasets: Vec<_> = summary.files.iter().map(|file| file.dataset.as_str()).collect();
    // In the order of their names, as in a directory.
    assert_eq!(datasets, ["portal:itens-licitacao/202401", "portal:licitacoes/202401", "portal:participantes/202401"]);
    for table in ["tenders", "tender_items", "bids"] {
        let sql = format!("SELECT * EXCEPT (import_id, source_file) FROM {table}_all ORDER BY source_line");
        assert_eq!(plain.lines(&sql).await, packed.lines(&sql).await, "{table}");
    }
}

#[tokio::test]
async fn columns_of_older_months_are_found_by_name() {
    let house = House::new().await;
    let row = quoted(
        &[head("000012019", "5", "Pregão"), vec!["26282", "UFV", "i1", CNPJ, "EMPRESA", "Café", "2", "7,00"]].concat(),
    );
    let items = house.put("201901_ItemLicitação.csv", OLD_TENDER_ITEMS, &[row]);
    let bids = PARTICIPANTS.replace("Código Participante", "CNPJ Participante");
    let bids = house.put(
        "201901_ParticipantesLicitação.csv",
        &bids,
        &[participant("000012019", "i1", [CNPJ, "EMPRESA"], "SIM")],
    );
    house.import(&[items, bids]).await.unwrap();
    let rows = house.lines("SELECT quantity, total_value, winner_id, description FROM tender_items_all").await;
    assert_eq!(rows, [format!("2.0000|7.00|{CNPJ}|Café")]);
    assert_eq!(house.lines("SELECT bidder_id, won FROM bids_all").await, [format!("{CNPJ}|true")]);
    let lacking = house.put("202402_Licitação.csv", &TENDERS.replace("Objeto", "Outro"), &[]);
    let error = house.import(&[lacking]).await.unwrap_err();
    assert_eq!(error.to_string(), "202402_Licitação.csv: required column \"objeto\" is missing");
}

#[tokio::test]
async fn each_list_of_sanctions_has_its_rows() {
    let house = House::new().await;
    let inidoneous = "Declaração de Inidoneidade com prazo determinado";
    let ceis = [
        sanction("CEIS", "1", ["33.000.167/0001-01", "EMPRESA"], inidoneous, ["01/01/2024", "01/01/2027"]),
        sanction("CEIS", "1", ["33.000.167/0001-01", "EMPRESA"], inidoneous, ["01/01/2024", "01/01/2027"]),
        sanction("CEIS", "2", [CPF, "FULANA"], "Suspensão", ["01/01/2024", ""]),
        sanction("CEIS", "3", ["***.982.247-**", "FULANA"], "Suspensão", ["01/01/2024", ""]),
        sanction("CEIS", "4", ["", "NINGUÉM"], "Suspensão", ["01/01/2024", ""]),
        sanction("CEIS", "5", [CNPJ, "EMPRESA"], "Suspensão", ["31/02/2024", ""]),
    ];
    let cnep = CEIS.replace("\"CATEGORIA DA SANÇÃO\"", "\"CATEGORIA DA SANÇÃO\";\"VALOR DA MULTA\"");
    let fine = sanction("CNEP", "6", [CNPJ, "EMPRESA"], "Multa", ["01/01/2024", ""]);
    let fine = fine.replace("\"Multa\"", "\"Multa\";\"1234,56\"");
    house.put("20260706_CEIS.csv", CEIS, &ceis);
    house.put("20260706_CNEP.csv", &cnep, &[fine]);
    house.put("20260706_CEPIM.csv", CEPIM, &[quoted(&[CNPJ, "ENTIDADE", "700001", "Ministério", "CONTAS"])]);
    let agreement =
        quoted(&["9", CNPJ, "EMPRESA", "", "01/02/2024", "", "Cumprido", "02/02/2024", "77/2023", "termos", "CGU"]);
    house.put("20260706_Acordos.csv", AGREEMENTS, &[agreement]);
    house.put("20260706_Efeitos.csv", EFFECTS, &[quoted(&["9", "Isenção de sanções", "art. 16 §2"])]);
    let summary = house.import(&[house.input()]).await.unwrap();
    assert_eq!((summary.sanctions, summary.quarantined, summary.other_duplicates), (8, 2, 1));
    let rows = house
        .lines(
            "SELECT list, code, person_kind, person_id, person_name, category, start_date, end_date, body_sphere, fine
             FROM sanctions_all WHERE row_status = 'current' ORDER BY list, code",
        )
        .await;
    assert_eq!(
        rows,
        [
            format!("ceis|1|cnpj|{CNPJ}|EMPRESA|{inidoneous}|2024-01-01|2027-01-01|federal|-"),
            "ceis|2|cpf|***.982.247-**|FULANA|Suspensão|2024-01-01|-|federal|-".to_owned(),
            "ceis|3|cpf|***.982.247-**|FULANA|Suspensão|2024-01-01|-|federal|-".to_owned(),
            format!("cepim|700001|cnpj|{CNPJ}|ENTIDADE|CONTAS|-|-|federal|-"),
            format!("cnep|6|cnpj|{CNPJ}|EMPRESA|Multa|2024-01-01|-|federal|1234.56"),
            format!("leniency|9|cnpj|{CNPJ}|EMPRESA|Cumprido|2024-02-01|-|-|-"),
            "leniency_effect|9|secret|-|-|Isenção de sanções|-|-|-|-".to_owned(),
        ]
    );
    let keys = house.lines("SELECT DISTINCT person_key FROM sanctions_all WHERE list = 'ceis'").await;
    assert_eq!(keys.len(), 3, "a mask and a name are not the person whose CPF is known: {keys:?}");
    let notes = house.lines("SELECT note FROM sanctions_all WHERE code = '2'").await;
    assert_eq!(notes, ["primeira linha\r\nsegunda linha"]);
}

#[tokio::test]
async fn the_list_of_a_day_replaces_that_of_the_day_before() {
    let house = House::new().await;
    let rows = |codes: &[&str]| -> Vec<String> {
        codes
            .iter()
            .map(|code| sanction("CEIS", code, [CNPJ, "EMPRESA"], "Suspensão", ["01/01/2024", "01/01/2025"]))
            .collect()
    };
    let first = house.put("20260101_CEIS.csv", CEIS, &rows(&["1", "2"]));
    let second = house.put("20260102_CEIS.csv", CEIS, &rows(&["2", "3"]));
    let error = house.import(&[first.clone(), second.clone()]).await.unwrap_err();
    assert!(matches!(error, ImportError::DatasetTwice { .. }), "{error}");
    house.import(std::slice::from_ref(&first)).await.unwrap();
    house.import(&[second]).await.unwrap();
    let codes = "SELECT code FROM sanctions_all WHERE row_status = 'current' ORDER BY 1";
    // What was lifted is gone.
    assert_eq!(house.lines(codes).await, ["2", "3"]);
    let older = house.put("20251231_CEIS.csv", CEIS, &rows(&["1", "2", "4"]));
    let error = house.import(std::slice::from_ref(&older)).await.unwrap_err();
    assert!(matches!(&error, ImportError::OlderList { before, .. } if before == "20260102_CEIS.csv"), "{error}");
    assert_eq!(house.lines(codes).await, ["2", "3"]);
    let (key, options) = (PiiKey::from_bytes([1; 32]), ImportOptions { accept_loss: true, ..ImportOptions::default() });
    import(&[older], &house.lake, &house.store, &key, options, &|_| {}).await.unwrap();
    assert_eq!(house.lines(codes).await, ["1", "2", "4"]);
}

/// Every text of the lake, and what an import says of itself.
pub(super) async fn everything(house: &House, summary: &ImportSummary) -> String {
    let session = house.session().await;
    let mut said = format!("{summary:?}");
    for table in Table::ALL {
        let rows = session.table(format!("{}_all", table.as_str())).await.unwrap().collect().await.unwrap();
        said.push_str(&pretty_format_batches(&rows).unwrap().to_string());
    }
    for import in house.store.imports().await.unwrap() {
        said.push_str(&format!("{:?}", house.store.quarantine(&import.id, 1_000).await.unwrap()));
    }
    said
}

#[tokio::test]
async fn no_cpf_is_found_anywhere() {
    let house = House::new().await;
    month(&house);
    let person = [CPF, "FULANA 52998224725"];
    let mut leaky = sanction("CEIS", "52998224725", person, "Suspensão 529.982.247-25", ["01/01/2024", ""]);
    leaky = leaky.replace("123/2024", "CPF 52998224725").replace("CGU", "529982247-25");
    let bad = sanction("CEIS", "1", person, "Suspensão", ["52998224725", ""]);
    house.put("20260706_CEIS.csv", CEIS, &[leaky, bad]);
    let summary = house.import(&[house.input()]).await.unwrap();
    assert_eq!((summary.sanctions, summary.quarantined), (1, 3));
    let said = everything(&house, &summary).await;
    let cpf = Regex::new(r"\b\d{11}\b|\b\d{3}\.\d{3}\.\d{3}-?\d{2}\b|\b\d{9}-\d{2}\b").unwrap();
    assert_eq!(cpf.find(&said).map(|found| found.as_str()), None);
    assert!(said.contains("***.982.247-**"));
    // Equality survives: the person who won an item, bid and is on the list is one.
    let one = "SELECT count(DISTINCT k) FROM (SELECT winner_key AS k FROM tender_items_all UNION ALL
               SELECT bidder_key FROM bids_all UNION ALL SELECT person_key FROM sanctions_all) AS one
               WHERE k LIKE 'cpf:%'";
    assert_eq!(house.lines(one).await, ["1"]);
}
