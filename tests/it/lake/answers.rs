//! Answers of PNCP and of the Portal's API that were kept as files: the published ones against a count that
//! shares no code with the product, made ones for every rule.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use cidadao::detectors::{Catalogue, Run};
use cidadao::lake::contracts;
use cidadao::model::Plan;
use cidadao::sources::ImportError;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::portal::zipped;
use super::{CONTRACTS, House, quoted};

/// A record of `/v1/contratos`; `changes` replaces some of its members.
pub(crate) fn pncp_contract(sequence: u32, updated: &str, changes: &Value) -> Value {
    let mut record = json!({
        "numeroControlePncpCompra": "83102277000152-1-000013/2025",
        "dataAtualizacao": updated,
        "orgaoEntidade": {"cnpj": "83102277000152", "razaoSocial": "MUNICIPIO DE ITAJAI", "poderId": "N", "esferaId": "M"},
        "dataAssinatura": "2025-03-11", "dataVigenciaInicio": "2025-03-11", "dataVigenciaFim": "2026-03-10",
        "niFornecedor": "33000167000101", "tipoPessoa": "PJ",
        "unidadeOrgao": {"ufNome": "Santa Catarina", "codigoIbge": "4208203", "codigoUnidade": "1", "ufSigla": "SC",
            "municipioNome": "Itajaí", "nomeUnidade": "PREFEITURA MUNICIPAL DE ITAJAÍ - SC"},
        "nomeRazaoSocialFornecedor": "EMPRESA SINTÉTICA", "numeroContratoEmpenho": format!("{sequence:03}/2025"),
        "categoriaProcesso": {"id": 8, "nome": "Serviços"}, "dataPublicacaoPncp": "2025-03-12T00:01:18",
        "numeroControlePNCP": format!("83102277000152-2-{sequence:06}/2025"), "receita": false,
        "objetoContrato": "Manutenção de extintores", "valorInicial": 39000.0, "valorGlobal": 39000.1,
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        record[name] = value.clone();
    }
    record
}

/// A record of `/v1/contratacoes/publicacao`.
pub(super) fn pncp_tender(sequence: u32, changes: &Value) -> Value {
    let mut record = json!({
        "numeroControlePNCP": format!("83102277000152-1-{sequence:06}/2025"), "anoCompra": 2025, "sequencialCompra": sequence,
        "numeroCompra": "11", "processo": "PE 011/2025", "objetoCompra": "Manutenção de extintores",
        "orgaoEntidade": {"cnpj": "83102277000152", "razaoSocial": "MUNICIPIO DE ITAJAI", "poderId": "N", "esferaId": "M"},
        "unidadeOrgao": {"codigoIbge": 4208203, "codigoUnidade": "1", "ufSigla": "SC", "municipioNome": "Itajaí",
            "nomeUnidade": "PREFEITURA MUNICIPAL DE ITAJAÍ - SC"},
        "modalidadeId": 6, "modalidadeNome": "Pregão - Eletrônico", "srp": true, "situacaoCompraId": 1,
        "situacaoCompraNome": "Divulgada no PNCP", "dataAtualizacao": "2025-03-12T10:00:00",
        "amparoLegal": {"codigo": 1, "nome": "Lei 14.133/2021, Art. 28, I", "descricao": "pregão"},
        "dataPublicacaoPncp": "2025-03-12T00:01:18", "dataAberturaProposta": "2025-03-12T08:00:00",
        "dataEncerramentoProposta": "2025-03-26T23:30:00", "valorTotalEstimado": 1000.5, "valorTotalHomologado": null,
    });
    for (name, value) in changes.as_object().into_iter().flatten() {
        record[name] = value.clone();
    }
    record
}

pub(super) fn page(records: &[Value]) -> String {
    json!({"data": records, "totalRegistros": records.len(), "totalPaginas": 1, "numeroPagina": 1,
        "paginasRestantes": 0, "empty": records.is_empty()})
    .to_string()
}

fn put(house: &House, name: &str, text: &str) -> PathBuf {
    let path = house.input().join(name);
    fs::write(&path, text).unwrap();
    path
}

/// The published files of a folder, if they are there.
fn published(folder: &str) -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(folder);
    if !data.is_dir() {
        eprintln!(
            "skipped: {} is not there; it holds published files that are not part of the repository",
            data.display()
        );
        return None;
    }
    Some(data)
}

fn count(directory: &Path) -> BTreeMap<String, i128> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/lake/answers_count.py");
    let counted = Command::new("python3").arg(script).arg(directory).output().unwrap();
    assert!(counted.status.success(), "{}", String::from_utf8_lossy(&counted.stderr));
    serde_json::from_slice(&counted.stdout).unwrap()
}

const CONTRACT_FIGURES: &str =
    "SELECT 'contracts' AS name, count(*) AS figure FROM contracts_all WHERE row_status = 'current'
    UNION ALL SELECT 'ids', count(DISTINCT contract_id) FROM contracts_all
    UNION ALL SELECT 'suppliers', count(DISTINCT supplier_id) FROM contracts_all
    UNION ALL SELECT 'initial', CAST(sum(initial_value) * 100 AS BIGINT) FROM contracts_all
    UNION ALL SELECT 'current', CAST(sum(current_value) * 100 AS BIGINT) FROM contracts_all
    UNION ALL SELECT 'first_day', CAST(CAST(min(signature_date) AS INT) AS BIGINT) FROM contracts_all
    UNION ALL SELECT 'last_day', CAST(CAST(max(signature_date) AS INT) AS BIGINT) FROM contracts_all
    UNION ALL SELECT 'tenders', count(*) FROM tenders_all";

async fn figures(house: &House, sql: &str) -> BTreeMap<String, i128> {
    let rows = house.lines(sql).await;
    rows.iter().filter_map(|row| row.split_once('|')).map(|(name, n)| (name.to_owned(), n.parse().unwrap())).collect()
}

#[tokio::test]
async fn the_published_page_agrees_with_an_independent_count() {
    let Some(data) = published("pncp") else { return };
    let house = House::new().await;
    let file = data.join("contratos_p1.json");
    let summary = house.import(std::slice::from_ref(&file)).await.unwrap();
    let mut counted = count(&data);
    assert_eq!(i128::from(summary.contracts), counted["contracts"]);
    assert_eq!((summary.contracts, summary.quarantined, summary.duplicates, summary.superseded), (499, 0, 0, 0));
    assert_eq!((summary.amounts_rounded, summary.not_spending, summary.without_supplier), (0, 0, 0));
    assert_eq!(summary.files[0].dataset, "pncp:contratos/contratos_p1");
    let length = counted.remove("object_length").unwrap();
    assert_eq!(figures(&house, CONTRACT_FIGURES).await, counted);
    let length_sql = "SELECT 'length', sum(character_length(object)) FROM contracts_all";
    assert_eq!(figures(&house, length_sql).await["length"], length);
    let first = "SELECT contract_id, number, organ_id, buyer_id, sphere, tender_id, source, source_file, source_line, \
        supplier_check FROM contracts_all ORDER BY source_line LIMIT 1";
    assert_eq!(
        house.lines(first).await,
        ["pncp-83102277000152-2-000018-2025|029/2025|83102277000152|83102277000152-1|municipal|\
          pncp-83102277000152-1-000013-2025|pncp:contratos|contratos_p1.json|1|valid"]
    );
    let again = house.import(&[file]).await.unwrap();
    assert_eq!((again.unchanged.len(), again.lake_version), (1, 1));
    let detail = contracts::get(&house.session().await, "pncp-83102277000152-2-000018-2025").await.unwrap().unwrap();
    let link = "https://pncp.gov.br/app/contratos/83102277000152/2025/18";
    assert_eq!(detail.contract.source.columns["link"], link);
    // What has no modality is judged by no rule that needs one, and nothing fails.
    let run = Run::prepare(house.session().await, &Plan::default()).await.unwrap();
    assert_eq!(run.contracts_in_scope(), 499);
    let catalogue = Catalogue::builtin().unwrap();
    for id in ["short_submission", "single_bid", "high_value_direct_award", "emergency_overrun"] {
        let answer = run.detector(catalogue.get(id).unwrap()).await.unwrap();
        assert_eq!(answer.findings.len(), 0, "{id}");
    }
}

#[tokio::test]
async fn published_answers_of_the_portal_agree_with_an_independent_count() {
    let Some(data) = published("portal-api") else { return };
    let house = House::new().await;
    let summary = house.import(std::slice::from_ref(&data)).await.unwrap();
    let mut counted = count(&data);
    assert_eq!((summary.contracts, summary.tenders, summary.quarantined, summary.lake_version), (3, 7, 0, 1));
    assert!(
        matches!(summary.ignored.as_slice(), [one] if one.contains("portal_transparencia.json: the description of an API"))
    );
    for name in ["object_length", "tender_value", "opened"] {
        let Some(figure) = counted.remove(name) else { continue };
        let sql = match name {
            "tender_value" => "SELECT 'x', CAST(sum(value) * 100 AS BIGINT) FROM tenders_all",
            "opened" => "SELECT 'x', count(open_date) FROM tenders_all",
            _ => continue,
        };
        assert_eq!(figures(&house, sql).await["x"], figure, "{name}");
    }
    assert_eq!(figures(&house, CONTRACT_FIGURES).await, counted);
    let rows = house.lines("SELECT number, tender_id, supplier_id FROM contracts_all ORDER BY number").await;
    assert_eq!(rows[0], "003202019|portal-153163-001792019-tender-pregao-registro-preco|62413869000115");
    // The tender of that contract is among the answers, and found by it.
    let joined = "SELECT 'x', count(*) FROM contracts_all c JOIN tenders_all t ON t.tender_id = c.tender_id";
    assert_eq!(figures(&house, joined).await["x"], 3);
    // Whoever merely answers for a tender is nobody's business.
    let everything = house.lines("SELECT * FROM tenders_all").await.concat()
        + &house.lines("SELECT * FROM contracts_all").await.concat();
    for name in ["SILVEIRA PORTO", "CARMINATTI", "GIGANTE.COM.BR", "39691085"] {
        assert!(!everything.contains(name), "{name}");
    }
    let swagger = house.import(&[data.join("portal_transparencia.json")]).await.unwrap_err();
    assert!(matches!(&swagger, ImportError::NoData { what, .. } if what.contains("Swagger")), "{swagger}");
}

#[tokio::test]
async fn the_record_that_was_changed_last_counts_wherever_it_stands() {
    let old = pncp_contract(1, "2025-03-12T00:00:01", &json!({"valorGlobal": 1.0}));
    let new = pncp_contract(1, "2025-03-12T00:00:02", &json!({"valorGlobal": 2.0}));
    for records in
        [vec![old.clone(), new.clone()], vec![new.clone(), old.clone()], vec![old.clone(), new.clone(), old.clone()]]
    {
        let house = House::new().await;
        let path = put(&house, "p.json", &page(&records));
        let summary = house.import(&[path]).await.unwrap();
        assert_eq!((summary.contracts, summary.superseded), (records.len() as i64, 1));
        assert_eq!(summary.duplicates, records.len() as i64 - 2);
        assert_eq!(house.lines("SELECT current_value FROM contracts_all WHERE row_status = 'current'").await, ["2.00"]);
    }
}

#[tokio::test]
async fn persons_are_masked_and_income_is_no_spending() {
    let house = House::new().await;
    let records = [
        pncp_contract(
            1,
            "2025-03-12T00:00:01",
            &json!({"niFornecedor": "52998224725", "tipoPessoa": "PF",
            "nomeRazaoSocialFornecedor": "FULANO 52998224725", "objetoContrato": "CPF 529.982.247-25"}),
        ),
        // The same person; a zero was lost in front of another.
        pncp_contract(2, "2025-03-12T00:00:01", &json!({"niFornecedor": "52998224725", "tipoPessoa": "PF"})),
        pncp_contract(3, "2025-03-12T00:00:01", &json!({"niFornecedor": "1234567890", "tipoPessoa": "PF"})),
        pncp_contract(4, "2025-03-12T00:00:01", &json!({"niFornecedor": "US-99 7", "tipoPessoa": "PE"})),
        pncp_contract(5, "2025-03-12T00:00:01", &json!({"niFornecedor": null, "tipoPessoa": "PJ"})),
        pncp_contract(6, "2025-03-12T00:00:01", &json!({"receita": true})),
    ];
    let summary = house.import(&[put(&house, "p.json", &page(&records))]).await.unwrap();
    assert_eq!((summary.contracts, summary.without_supplier, summary.not_spending), (6, 1, 1));
    let rows = house
        .lines("SELECT supplier_kind, coalesce(supplier_id, '-'), row_status FROM contracts_all ORDER BY source_line")
        .await;
    let expected = [
        "cpf|***.982.247-**|current",
        "cpf|***.982.247-**|current",
        "cpf|***.345.678-**|current",
        "foreign|US-99 7|current",
        "secret|-|current",
        "cnpj|33000167000101|not_spending",
    ];
    assert_eq!(rows, expected);
    let everything = house.lines("SELECT * FROM contracts_all").await.concat();
    assert!(!everything.contains("52998224725") && !everything.contains("529.982.247-25"), "{everything}");
    assert_eq!(house.lines("SELECT count(DISTINCT supplier_key) FROM contracts_all").await, ["4"]);
    // A detector sees what was spent, and nothing else.
    let seen = "SELECT count(*) FROM contracts_all WHERE row_status = 'current'";
    assert_eq!(house.lines(seen).await, ["5"]);
    // A later edition says that one of them brought money in: it is judged no more.
    let income = pncp_contract(1, "2025-03-13T00:00:01", &json!({"receita": true}));
    house.import(&[put(&house, "q.json", &page(&[income]))]).await.unwrap();
    assert_eq!(house.lines(seen).await, ["4"]);
}

#[tokio::test]
async fn a_bad_record_costs_itself_alone_and_says_why() {
    let house = House::new().await;
    let updated = "2025-03-12T00:00:01";
    let records = [
        pncp_contract(1, updated, &json!({"numeroControlePNCP": null})),
        pncp_contract(2, updated, &json!({"numeroControlePNCP": "83102277000152-1-000018/2025"})),
        pncp_contract(3, updated, &json!({"dataAssinatura": "2025-02-30"})),
        pncp_contract(4, updated, &json!({"valorInicial": "mil"})),
        pncp_contract(5, updated, &json!({"valorGlobal": 1e17})),
        pncp_contract(6, updated, &json!({"orgaoEntidade": {}})),
        json!(7),
        pncp_contract(8, updated, &json!({})),
    ];
    let text = page(&records).replace("\"valorGlobal\":39000.1", "\"valorGlobal\":39000.105");
    let path = put(&house, "p.json", &text);
    let summary = house.import(&[path]).await.unwrap();
    assert_eq!((summary.contracts, summary.quarantined, summary.amounts_rounded), (1, 7, 1));
    assert_eq!(house.lines("SELECT current_value, source_line FROM contracts_all").await, ["39000.11|8"]);
    let import = house.store.imports().await.unwrap().remove(0);
    let rows = house.store.quarantine(&import.id, 10).await.unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row.line, row.column.as_str(), row.reason.as_str())).collect();
    let expected = [
        (1, "numeroControlePNCP", "required_blank"),
        (2, "numeroControlePNCP", "malformed_id"),
        (3, "dataAssinatura", "invalid_date"),
        (4, "valorInicial", "malformed_amount"),
        (5, "valorGlobal", "amount_too_large"),
        (6, "orgaoEntidade.cnpj", "required_blank"),
        (7, "", "not_an_object"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(rows[3].value, "mil");
}

#[tokio::test]
async fn tenders_keep_secret_budgets_secret() {
    let house = House::new().await;
    let records = [
        pncp_tender(1, &json!({})),
        pncp_tender(2, &json!({"valorTotalEstimado": 0.0, "srp": false, "valorTotalHomologado": 7.25})),
        pncp_tender(3, &json!({"modalidadeId": 1, "modalidadeNome": "Leilão - Eletrônico"})),
        pncp_tender(
            4,
            &json!({"modalidadeId": 12, "modalidadeNome": "Credenciamento", "unidadeOrgao": {"codigoIbge": "x"}}),
        ),
    ];
    let summary = house.import(&[put(&house, "p.json", &page(&records))]).await.unwrap();
    assert_eq!((summary.tenders, summary.quarantined, summary.not_spending), (4, 0, 1));
    let sql = "SELECT tender_id, modality, coalesce(method, '-'), coalesce(CAST(estimated_value AS VARCHAR), '-'), \
        coalesce(CAST(value AS VARCHAR), '-'), row_status FROM tenders_all ORDER BY tender_id";
    let expected = [
        "pncp-83102277000152-1-000001-2025|pregao_registro_preco|open|1000.50|-|current",
        "pncp-83102277000152-1-000002-2025|pregao|open|-|7.25|current",
        "pncp-83102277000152-1-000003-2025|not_informed|-|1000.50|-|not_spending",
        "pncp-83102277000152-1-000004-2025|not_informed|direct|1000.50|-|current",
    ];
    assert_eq!(house.lines(sql).await, expected);
    let times = "SELECT period_start, period_end, period_start_clock, legal_basis, state FROM tenders_all WHERE tender_id LIKE '%1-2025'";
    let row = house.lines(times).await.remove(0);
    assert!(row.contains("2025-03-12T11:00:00Z|2025-03-27T02:30:00Z|zoned|Lei 14.133/2021, Art. 28, I|SC"), "{row}");
    // A contract finds its tender, under either spelling of its number.
    for name in ["numeroControlePncpCompra", "numeroControlePNCPCompra"] {
        let house = House::new().await;
        let mut contract = pncp_contract(1, "2025-03-12T00:00:01", &json!({"numeroControlePncpCompra": null}));
        contract[name] = json!("83102277000152-1-000001/2025");
        house.import(&[put(&house, "p.json", &page(&[contract]))]).await.unwrap();
        assert_eq!(house.lines("SELECT tender_id FROM contracts_all").await, ["pncp-83102277000152-1-000001-2025"]);
    }
}

#[tokio::test]
async fn packed_or_in_a_directory_pages_are_the_same() {
    let records: Vec<Value> = (1..=6).map(|n| pncp_contract(n, "2025-03-12T00:00:01", &json!({}))).collect();
    let house = House::new().await;
    let plain = put(&house, "a.json", &page(&records[..2]));
    let mut gz = GzEncoder::new(fs::File::create(house.input().join("b.json.gz")).unwrap(), Compression::default());
    gz.write_all(page(&records[2..4]).as_bytes()).unwrap();
    gz.finish().unwrap();
    let rest = put(&house, "c.json", &serde_json::to_string(&records[3..]).unwrap());
    fs::write(house.input().join("d.zip"), zipped(&[("c.json", &rest)])).unwrap();
    fs::remove_file(rest).unwrap();
    put(&house, "e.json", &page(&[]));
    put(&house, "f.json", &page(&[pncp_tender(1, &json!({}))]));
    put(&house, "g.json", "{\"status\":500,\"error\":\"JDBC\"}");
    let summary = house.import(&[house.input()]).await.unwrap();
    assert_eq!((summary.contracts, summary.duplicates, summary.tenders, summary.lake_version), (7, 1, 1, 1));
    let ignored = summary.ignored.join(" ");
    assert!(ignored.contains("e.json: a page without records") && ignored.contains("g.json"), "{ignored}");
    let datasets: Vec<_> = summary.files.iter().map(|file| file.dataset.as_str()).collect();
    assert_eq!(datasets, ["pncp:contratos/in", "pncp:contratacoes/in"]);
    let places = house
        .lines("SELECT source_file, source_line FROM contracts_all WHERE row_status = 'current' ORDER BY 1, 2")
        .await;
    assert_eq!(places, ["a.json|1", "a.json|2", "b.json.gz|1", "b.json.gz|2", "c.json|2", "c.json|3"]);
    // Cut off, a page stops everything: nobody knows what it held.
    fs::write(&plain, &page(&records[..2])[..900]).unwrap();
    let error = house.import(&[house.input()]).await.unwrap_err();
    assert!(matches!(&error, ImportError::Document { file, .. } if file == "a.json"), "{error}");
    assert_eq!(house.store.lake_version().await, Ok(1));
}

#[tokio::test]
async fn either_way_that_the_portal_publishes_a_contract_it_counts_once() {
    let house = House::new().await;
    let row = [
        "003202019",
        "Equipamentos",
        "",
        "Pregão - Registro de Preço",
        "Publicado",
        "26000",
        "MEC",
        "26246",
        "UFSC",
        "153163",
        "UFSC",
        "02/12/2019",
        "09/12/2019",
        "02/12/2019",
        "02/12/2020",
        "62413869000115",
        "GIGANTE",
        "33780,0000",
        "33780,0000",
        "001792019",
        "153163",
        "UFSC",
        "9999",
        "Pregão - Registro de Preço",
    ];
    house.import(&[house.put("201912_Compras.csv", CONTRACTS, &[quoted(&row)])]).await.unwrap();
    let unit = json!({"codigo": "153163", "nome": "UFSC", "orgaoVinculado": {"codigoSIAFI": "26246", "nome": "UFSC"},
        "orgaoMaximo": {"codigo": "26000", "nome": "MEC"}});
    // As the API answers today, with another value; and as it did in 2020.
    let today = json!([{"id": 1, "numero": "003202019", "objeto": "Equipamentos", "compra": {"numero": "001792019"},
        "situacaoContrato": "Publicado", "modalidadeCompra": "Pregão - Registro de Preço", "unidadeGestora": unit,
        "unidadeGestoraCompras": unit, "dataAssinatura": "2019-12-02", "fornecedor": {"cnpjFormatado": "62.413.869/0001-15",
        "nome": "GIGANTE"}, "valorInicialCompra": "33.780,00", "valorFinalCompra": "33.790,50"}]);
    let before = json!({"id": 1, "contrato": {"numero": "3202019", "objeto": "Equipamentos"}, "dimCompra": {"numero": "001792019"},
        "situacaoContrato": {"descricao": "Publicado"}, "modalidadeCompra": {"descricao": "Pregão - Registro de Preço"},
        "unidadeGestora": unit, "unidadeGestoraCompras": unit, "dataAssinatura": "02/12/2019",
        "fornecedor": {"codigoFormatado": "62.413.869/0001-15", "nome": "GIGANTE"}, "valorInicialCompra": 33780.0,
        "valorFinalCompra": 33795.0});
    for (name, text, value) in [("a.json", today.to_string(), "33790.50"), ("b.json", before.to_string(), "33795.00")] {
        let summary = house.import(&[put(&house, name, &text)]).await.unwrap();
        assert_eq!((summary.contracts, summary.quarantined), (1, 0), "{name}");
        let current = "SELECT current_value FROM contracts_all WHERE row_status = 'current'";
        assert_eq!(house.lines(current).await, [value], "{name}");
    }
}
