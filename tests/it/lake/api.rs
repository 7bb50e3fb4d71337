//! Lists of PNCP and of the Portal's API, from a server that speaks as they do, on good days and on bad ones.

use std::fs;
use std::time::{Duration, Instant};

use chrono::Utc;
use cidadao::cache::{Bucket, Rate};
use cidadao::sources::{ApiAddress, ApiOptions, FetchError, FetchOptions, Fetched, ImportSummary, fetch_lists};
use serde_json::{Value, json};

use super::House;
use super::answers::{pncp_contract, pncp_tender};
use crate::binary::{cidadao, json as printed};
use crate::support::raw_http::{RawHttp, Reply, answer};

const JSON: &str = "Content-Type: application/json\r\n";
const BUSY: &[u8] = b"<html><head><title>Limite de Requisi&ccedil;&otilde;es Excedido</title></head></html>";

fn options(server: &RawHttp) -> ApiOptions {
    let patience = |path: &str| FetchOptions {
        attempts: 3,
        backoff: Duration::from_millis(5),
        longest_wait: Duration::from_millis(1_200),
        silence: Duration::from_millis(400),
        ..FetchOptions::of(server.url(path))
    };
    ApiOptions {
        pncp: patience(""),
        portal: patience("/api-de-dados"),
        key: Some("s3cr3t-key".to_owned().into()),
        pncp_bucket: Bucket::new("pncp", Rate::always(60_000), None),
        portal_bucket: Bucket::new("portal-api", Rate::always(60_000), None),
        breaker: (50, Duration::from_millis(50)),
        ..ApiOptions::of("", "")
    }
}

pub(crate) fn good(body: &str) -> Reply {
    Reply::Bytes(answer("200 OK", JSON, body.as_bytes()))
}

pub(crate) fn nothing() -> Reply {
    Reply::Bytes(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_vec())
}

/// A page of a list that has so many records and pages.
pub(crate) fn page(records: &[Value], total: usize, pages: usize) -> Reply {
    good(&json!({"data": records, "totalRegistros": total, "totalPaginas": pages, "empty": false}).to_string())
}

pub(crate) fn contract(sequence: u32) -> Value {
    pncp_contract(sequence, "2025-03-12T00:01:19", &json!({}))
}

async fn read(house: &House, options: &ApiOptions, text: &str) -> Result<Fetched, FetchError> {
    let address = ApiAddress::parse(text).unwrap().unwrap();
    let datasets: Vec<String> = house.store.imports().await.unwrap().into_iter().map(|import| import.dataset).collect();
    let directory = house.directory.path().join("downloads");
    fetch_lists(&[address], &directory, options, &datasets, Utc::now(), &|_| {}).await
}

async fn taken_in(house: &House, options: &ApiOptions, text: &str) -> Result<ImportSummary, FetchError> {
    let fetched = read(house, options, text).await?;
    let summary = house.import(&fetched.paths).await.unwrap();
    drop(fetched);
    let left = fs::read_dir(house.directory.path().join("downloads")).unwrap().count();
    assert_eq!(left, 0, "the pages are gone");
    Ok(summary)
}

#[tokio::test]
async fn days_come_page_by_page_and_each_is_a_dataset() {
    let house = House::new().await;
    let other = pncp_contract(4, "2025-03-13T00:01:19", &json!({"dataPublicacaoPncp": "2025-03-13T08:00:00"}));
    let replies = || {
        vec![
            page(&[contract(1), contract(2)], 3, 2),
            page(&[contract(3)], 3, 2),
            page(std::slice::from_ref(&other), 1, 1),
            nothing(),
        ]
    };
    let server = RawHttp::start(replies());
    let summary = taken_in(&house, &options(&server), "pncp:contratos/2025-03-12..2025-03-14").await.unwrap();
    assert_eq!((summary.contracts, summary.lake_version), (4, 1));
    let datasets: Vec<_> = summary.files.iter().map(|file| file.dataset.as_str()).collect();
    assert_eq!(datasets, ["pncp:contratos/2025-03-12", "pncp:contratos/2025-03-13"]);
    let asked = |day: u32, page: u32| {
        format!(
            "GET /api/consulta/v1/contratos?dataInicial=202503{day}&dataFinal=202503{day}&pagina={page}&tamanhoPagina=500 HTTP/1.1"
        )
    };
    assert_eq!(server.requests(), [asked(12, 1), asked(12, 2), asked(13, 1), asked(14, 1)]);
    let place = "SELECT source_file, source_line FROM contracts_all WHERE number = '003/2025'";
    assert_eq!(house.lines(place).await, ["pncp-contratos_2025-03-12_p00002.json|1"]);
    assert!(server.heads().iter().all(|head| !head.contains("chave-api-dados")), "PNCP gets nobody's key");
    // The same again changes nothing.
    let server = RawHttp::start(replies());
    let again = taken_in(&house, &options(&server), "pncp:contratos/2025-03-12..2025-03-14").await.unwrap();
    assert_eq!((again.unchanged.len(), again.lake_version), (2, 1));
}

#[tokio::test]
async fn what_passes_is_tried_again_and_nothing_is_half_visible() {
    let body = json!({"data": [contract(1)], "totalRegistros": 1, "totalPaginas": 1}).to_string();
    let whole = answer("200 OK", JSON, body.as_bytes());
    let half = whole[..whole.len() / 2].to_vec();
    let html = "Content-Type: text/html\r\n";
    let with_length = |length: usize| {
        let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        Reply::Bytes([head.as_bytes(), body.as_bytes()].concat())
    };
    let failures = [
        ("silence", Reply::Hang(Vec::new())),
        ("silence in the body", Reply::Hang(half.clone())),
        ("reset in the body", Reply::Reset(half)),
        ("closed at once", Reply::Bytes(Vec::new())),
        ("429 with HTML", Reply::Bytes(answer("429 Too Many Requests", html, BUSY))),
        ("500", Reply::Bytes(answer("500 Internal Server Error", JSON, b"{\"error\":\"JDBC\"}"))),
        ("503", Reply::Bytes(answer("503 Service Unavailable", "Retry-After: 0\r\n", b""))),
        ("longer than it is", with_length(body.len() + 10)),
        ("shorter than it is", with_length(body.len() - 40)),
        (
            "HTML in place of JSON",
            Reply::Bytes(answer("200 OK", html, b"<html><title>Human Verification</title></html>")),
        ),
        ("HTML that says it is JSON", Reply::Bytes(answer("200 OK", JSON, b"<html></html>"))),
        (
            "a wall",
            Reply::Bytes(answer("405 Method Not Allowed", html, b"<html><title>Human Verification</title></html>")),
        ),
        ("cut off", Reply::Bytes(answer("200 OK", JSON, &body.as_bytes()[..body.len() - 5]))),
    ];
    for (name, failure) in failures {
        let house = House::new().await;
        // On the second page: the first one is at hand by then.
        let first = page(&[contract(2)], 2, 2);
        let second = page(&[contract(1)], 2, 2);
        let server = RawHttp::start(vec![first.clone(), failure.clone(), second]);
        let summary = taken_in(&house, &options(&server), "pncp:contratos/2025-03-12").await;
        assert_eq!(summary.map(|summary| (summary.contracts, summary.lake_version)).ok(), Some((2, 1)), "{name}");
        assert_eq!(server.requests().len(), 3, "{name}");

        let house = House::new().await;
        let server = RawHttp::start(vec![first, failure]);
        let error = read(&house, &options(&server), "pncp:contratos/2025-03-12").await.unwrap_err();
        let said = error.to_string();
        assert!(matches!(error, FetchError::GaveUp { attempts: 3, .. }), "{name}: {said}");
        assert!(said.contains("pagina=2"), "{name}: {said}");
        assert_eq!((server.requests().len(), house.store.lake_version().await), (4, Ok(0)), "{name}");
        assert_eq!(fs::read_dir(house.directory.path().join("downloads")).unwrap().count(), 0, "{name}");
        if name == "a wall" {
            assert!(said.contains("HTTP 405") && said.contains("Human Verification"), "{said}");
        }
    }
    let house = House::new().await;
    let busy = Reply::Bytes(answer("429 Too Many Requests", "Content-Type: text/html\r\nRetry-After: 1\r\n", BUSY));
    let server = RawHttp::start(vec![busy, page(&[contract(1)], 1, 1)]);
    let begun = Instant::now();
    taken_in(&house, &options(&server), "pncp:contratos/2025-03-12").await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1), "as long as the server asked");
    // What the server will refuse again is not tried again.
    let server = RawHttp::start(vec![Reply::Bytes(answer(
        "422 Unprocessable Entity",
        JSON,
        b"{\"message\":\"Data invalida\"}",
    ))]);
    let error = read(&house, &options(&server), "pncp:contratos/2025-03-12").await.unwrap_err();
    assert!(
        matches!(error, FetchError::Refused { status: 422, .. }) && error.to_string().contains("Data invalida"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_list_that_changes_while_it_is_read_is_read_again() {
    let of = |sequences: &[u32], total, pages| {
        page(&sequences.iter().map(|n| contract(*n)).collect::<Vec<_>>(), total, pages)
    };
    let cases = [
        // One more came in between: the totals differ.
        ("grew", vec![of(&[1, 2], 3, 2), of(&[2, 3], 4, 2), of(&[1, 2], 4, 2), of(&[3, 4], 4, 2)], 4),
        // One went and one came: the totals agree, and the third was moved to a page that had been read.
        ("moved", vec![of(&[1, 2], 3, 2), of(&[2], 3, 2), of(&[1, 2], 3, 2), of(&[3], 3, 2)], 3),
        // Its last page was gone.
        ("shrank", vec![of(&[1, 2], 3, 2), nothing(), of(&[1, 2], 2, 1)], 2),
    ];
    for (name, replies, records) in cases {
        let house = House::new().await;
        let requests = replies.len();
        let server = RawHttp::start(replies);
        let summary = taken_in(&house, &options(&server), "pncp:contratos/2025-03-12").await.unwrap();
        assert_eq!((summary.contracts, summary.duplicates), (records, 0), "{name}");
        assert_eq!(server.requests().len(), requests, "{name}");
    }
    // One that never settles is no list to rely on.
    let house = House::new().await;
    let server = RawHttp::start(vec![of(&[1], 5, 1)]);
    let error = read(&house, &options(&server), "pncp:contratos/2025-03-12").await.unwrap_err();
    assert!(matches!(error, FetchError::Unstable { passes: 4, .. }), "{error}");
    assert!(error.to_string().contains("1 different records of 5"), "{error}");
    // Without a total there is no way to know when it ends.
    let server = RawHttp::start(vec![good("{\"data\":[]}")]);
    let error = read(&house, &options(&server), "pncp:contratos/2025-03-12").await.unwrap_err();
    assert!(error.to_string().contains("no totalRegistros"), "{error}");
}

#[tokio::test]
async fn filters_that_are_not_applied_are_noticed() {
    let house = House::new().await;
    let elsewhere = pncp_contract(9, "2025-03-12T00:01:19", &json!({"dataPublicacaoPncp": "2024-01-01T00:00:00"}));
    let server = RawHttp::start(vec![page(&[contract(1), elsewhere.clone()], 2, 1)]);
    let summary = taken_in(&house, &options(&server), "pncp:contratos/2025-03-12").await.unwrap();
    assert_eq!(summary.contracts, 1);
    let server = RawHttp::start(vec![page(&[elsewhere], 1, 1)]);
    let error = read(&house, &options(&server), "pncp:contratos/2025-03-12").await.unwrap_err();
    assert!(matches!(&error, FetchError::FilterIgnored { filter, .. } if filter.contains("2025-03-12")), "{error}");
}

#[tokio::test]
async fn tenders_come_by_modality_with_their_items() {
    let house = House::new().await;
    let items = json!([
        {"numeroItem": 1, "descricao": "Extintor", "quantidade": 2.5, "unidadeMedida": "un", "valorUnitarioEstimado": 10.01,
            "valorTotal": 25.03, "temResultado": true, "situacaoCompraItemNome": "Homologado"},
        {"numeroItem": 2, "descricao": "Sigiloso", "quantidade": 1, "valorUnitarioEstimado": 0.0, "valorTotal": 0.0, "temResultado": false},
        {"numeroItem": 3, "descricao": "Dividido", "quantidade": 1, "temResultado": true},
    ]);
    let result =
        |ni: &str| json!({"niFornecedor": ni, "tipoPessoa": "PJ", "nomeRazaoSocialFornecedor": "EMPRESA SINTÉTICA"});
    let server = RawHttp::start(vec![
        good(&json!([{"id": 6, "nome": "Pregão - Eletrônico"}, {"id": 8, "nome": "Dispensa"}]).to_string()),
        page(&[pncp_tender(13, &json!({}))], 1, 1),
        good(&items.to_string()),
        good(&json!([result("33000167000101")]).to_string()),
        good(&json!([result("33000167000101"), result("83102277000152")]).to_string()),
        good("[]"),
        nothing(),
    ]);
    let options = ApiOptions { items: true, ..options(&server) };
    let summary = taken_in(&house, &options, "pncp:contratacoes/2025-03-12").await.unwrap();
    assert_eq!((summary.tenders, summary.tender_items, summary.bids, summary.quarantined), (1, 3, 0, 0));
    let lines = server.requests();
    let begins = [
        "GET /api/pncp/v1/modalidades ",
        "GET /api/consulta/v1/contratacoes/publicacao?dataInicial=20250312&dataFinal=20250312&codigoModalidadeContratacao=6&pagina=1",
        "GET /api/pncp/v1/orgaos/83102277000152/compras/2025/13/itens?pagina=1",
        "GET /api/pncp/v1/orgaos/83102277000152/compras/2025/13/itens/1/resultados ",
        "GET /api/pncp/v1/orgaos/83102277000152/compras/2025/13/itens/3/resultados ",
        "GET /api/pncp/v1/orgaos/83102277000152/compras/2025/13/itens?pagina=2",
        "GET /api/consulta/v1/contratacoes/publicacao?dataInicial=20250312&dataFinal=20250312&codigoModalidadeContratacao=8&pagina=1",
    ];
    assert_eq!(lines.len(), begins.len());
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
    let rows = house
        .lines("SELECT item_id, tender_id, quantity, unit_price, total_value, winner_id FROM tender_items_all ORDER BY item_id")
        .await;
    let tender = "pncp-83102277000152-1-000013-2025";
    let expected = [
        format!("{tender}-item-1|{tender}|2.5000|10.01|25.03|33000167000101"),
        format!("{tender}-item-2|{tender}|1.0000|-|-|-"),
        // Two suppliers share it: nobody is said to have won it.
        format!("{tender}-item-3|{tender}|1.0000|-|-|-"),
    ];
    assert_eq!(rows, expected);
    assert_eq!(house.lines("SELECT count(*) FROM tenders_all t JOIN tender_items_all i ON i.tender_id = t.tender_id AND i.buyer_id = t.buyer_id").await, ["3"]);
}

/// A contract of the API of the Portal.
pub(crate) fn of_portal(id: u32, organ: &str) -> Value {
    json!({"id": id, "numero": format!("{id:05}2025"), "objeto": "Café", "modalidadeCompra": "Pregão",
        "unidadeGestora": {"codigo": "153163", "nome": "UFSC", "orgaoVinculado": {"codigoSIAFI": organ}},
        "dataAssinatura": "2025-03-03", "fornecedor": {"cnpjFormatado": "33.000.167/0001-01", "nome": "EMPRESA"},
        "valorInicialCompra": "1.234,50", "valorFinalCompra": 1234.5})
}

#[tokio::test]
async fn the_api_of_the_portal_is_read_to_its_empty_page() {
    let house = House::new().await;
    let list = |records: &[Value]| good(&json!(records).to_string());
    let reading = || {
        vec![
            list(&[of_portal(1, "26246"), of_portal(2, "26246")]),
            list(&[of_portal(3, "26246"), of_portal(4, "99999")]),
            list(&[]),
        ]
    };
    let server = RawHttp::start([reading(), reading()].concat());
    let text = "portal-api:contratos/26246/2025-03-01..2025-04-15";
    let summary = taken_in(&house, &options(&server), text).await.unwrap();
    assert_eq!(
        (summary.contracts, summary.files[0].dataset.as_str()),
        (3, "portal-api:contratos/26246_2025-03-01_2025-04-15")
    );
    assert_eq!(house.lines("SELECT sum(current_value) FROM contracts_all").await, ["3703.50"]);
    let lines = server.requests();
    assert_eq!(lines.len(), 6, "a list without a total is read until two readings agree");
    let line =
        "GET /api-de-dados/contratos?codigoOrgao=26246&dataInicial=01/03/2025&dataFinal=15/04/2025&pagina=3 HTTP/1.1";
    assert_eq!(lines[2], line);
    assert!(server.heads().iter().all(|head| head.contains("chave-api-dados: s3cr3t-key\r\n")));
    // One that moved on between the readings is read until it stands still.
    let shifted = || vec![list(&[of_portal(1, "26246")]), list(&[])];
    let server = RawHttp::start([shifted(), reading(), reading()].concat());
    let summary = taken_in(&house, &options(&server), text).await.unwrap();
    assert_eq!((server.requests().len(), summary.unchanged.len()), (8, 1));
    // An API that gives the same page whatever is asked for.
    let server = RawHttp::start(vec![list(&[of_portal(1, "26246")])]);
    let error = read(&house, &options(&server), text).await.unwrap_err();
    assert!(matches!(&error, FetchError::Unstable { detail, .. } if detail.contains("page 2 repeats")), "{error}");
    // Tenders of more than a month are asked for month by month.
    let server = RawHttp::start(vec![list(&[])]);
    let fetched = read(&house, &options(&server), "portal-api:licitacoes/26246/2025-01-15..2025-02-10").await.unwrap();
    assert_eq!((fetched.paths.len(), fetched.empty.len()), (0, 2));
    let lines = server.requests();
    assert!(
        lines[0].contains("licitacoes?codigoOrgao=26246&dataInicial=15/01/2025&dataFinal=31/01/2025&pagina=1"),
        "{lines:?}"
    );
    assert!(lines[1].contains("dataInicial=01/02/2025&dataFinal=10/02/2025"), "{lines:?}");
    // Nobody without a key, nobody with a wrong one, and no redirect that would carry it away.
    let keyless = ApiOptions { key: None, ..options(&server) };
    let error = read(&house, &keyless, text).await.unwrap_err().to_string();
    assert!(error.contains("portal_api_key") && error.contains("CIDADAO_PORTAL_API_KEY"), "{error}");
    for (status, headers) in
        [("401 Unauthorized", ""), ("403 Forbidden", ""), ("302 Found", "Location: http://127.0.0.1:9/\r\n")]
    {
        let server = RawHttp::start(vec![Reply::Bytes(answer(status, headers, b"{}"))]);
        let error = read(&house, &options(&server), text).await.unwrap_err();
        assert!(matches!(error, FetchError::Refused { .. }), "{status}: {error}");
        assert!(!error.to_string().contains("s3cr3t") && server.requests().len() == 1, "{status}");
    }
}

#[tokio::test]
async fn what_is_new_begins_before_what_the_lake_holds() {
    let house = House::new().await;
    let server = RawHttp::start(vec![page(&[contract(1)], 1, 1)]);
    let error = read(&house, &options(&server), "pncp:contratos/..2025-03-13").await.unwrap_err();
    assert!(error.to_string().contains("name the first day"), "{error}");
    taken_in(&house, &options(&server), "pncp:contratos/2025-03-12").await.unwrap();
    let server = RawHttp::start(vec![nothing(), page(&[contract(1), contract(2)], 2, 1), nothing()]);
    let options = ApiOptions { overlap_days: 1, ..options(&server) };
    let summary = taken_in(&house, &options, "pncp:contratos/..2025-03-13").await.unwrap();
    assert_eq!((summary.contracts, summary.lake_version), (2, 2));
    let days: Vec<String> = server.requests().iter().map(|line| line[43..51].to_owned()).collect();
    assert_eq!(days, ["20250311", "20250312", "20250313"]);
    // The day was replaced, not added to.
    assert_eq!(house.lines("SELECT count(*) FROM contracts_all").await, ["2"]);
}

#[tokio::test]
async fn a_service_that_fails_again_and_again_is_left_alone() {
    let house = House::new().await;
    let failure = Reply::Bytes(answer("500 Internal Server Error", "", b"JDBC"));
    let patient = |server: &RawHttp| {
        let mut options = options(server);
        options.pncp.attempts = 4;
        ApiOptions { breaker: (2, Duration::from_millis(300)), ..options }
    };
    let server = RawHttp::start(vec![failure.clone()]);
    let begun = Instant::now();
    let error = read(&house, &patient(&server), "pncp:contratos/2025-03-12").await.unwrap_err();
    assert!(matches!(error, FetchError::GaveUp { attempts: 4, .. }), "{error}");
    // The third attempt met the open breaker; the fourth was let through when it had waited.
    assert_eq!(server.requests().len(), 3);
    assert!(begun.elapsed() >= Duration::from_millis(280));
    let server = RawHttp::start(vec![failure.clone(), failure, page(&[contract(1)], 1, 1)]);
    let summary = taken_in(&house, &patient(&server), "pncp:contratos/2025-03-12").await.unwrap();
    assert_eq!((summary.contracts, server.requests().len()), (1, 3));
}

#[test]
fn the_command_reads_lists() {
    let directory = tempfile::tempdir().unwrap();
    let run = |server: &RawHttp, arguments: &[&str]| {
        let mut command = cidadao(&directory.path().join("data"));
        command.args([
            "--output",
            "json",
            "import",
            "--pncp-url",
            &server.url(""),
            "--portal-api-url",
            &server.url("/api-de-dados"),
        ]);
        command.args(arguments).output().unwrap()
    };
    let server = RawHttp::start(vec![page(&[contract(1), contract(2)], 2, 1), nothing()]);
    let summary = printed(&run(&server, &["pncp:contratos/2025-03-12..2025-03-13"]));
    assert_eq!((&summary["contracts"], &summary["lake_version"]), (&2.into(), &1.into()));
    assert_eq!(summary["ignored"], json!(["pncp:contratos/2025-03-13: nothing is published"]));
    let server = RawHttp::start(vec![nothing()]);
    let summary = printed(&run(&server, &["pncp:contratos/2025-03-14"]));
    assert_eq!((&summary["contracts"], &summary["lake_version"]), (&0.into(), &1.into()));
    let refused = run(&server, &["portal-api:contratos/26246/2025-03-01..2025-03-31"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("CIDADAO_PORTAL_API_KEY"), "{said}");
    let wrong = run(&server, &["pncp:contratos/2025-03"]);
    let said = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && said.contains("pncp:contratos/2025-03: the period must be days"), "{said}");
}
