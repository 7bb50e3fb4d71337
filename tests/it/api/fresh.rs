//! Contracts as the API of the Portal has them now, from a server that speaks as it does.

use std::fs;

use cidadao::api::pb::{self, Freshness};
use cidadao::lake::Lake;
use cidadao::sources::{self, ImportOptions, PiiKey};
use serde_json::{Value, json};
use tonic::{Code, Status};

use super::{reason, refuses};
use crate::lake::answers::pncp_contract;
use crate::lake::api::{good, of_portal};
use crate::server::TestServer;
use crate::support::raw_http::{RawHttp, Reply, answer};

const OTHER_CNPJ: &str = "83.102.277/0001-52";

fn list(records: &[Value]) -> Reply {
    good(&json!(records).to_string())
}

/// A list of one page, which is read until two readings agree.
fn read_twice(records: &[Value]) -> Vec<Reply> {
    vec![list(records), list(&[]), list(records), list(&[])]
}

fn changed(mut contract: Value, member: &str, value: Value) -> Value {
    contract[member] = value;
    contract
}

/// A server with contracts 1 and 9 of the Portal and one of PNCP in its lake.
async fn server_over(api: &RawHttp, key: Option<&str>) -> TestServer {
    let server = TestServer::configured(|settings| {
        settings.portal_api_url = Some(api.url("/api-de-dados"));
        settings.portal_api_key = key.map(|key| key.to_owned().into());
    })
    .await;
    let directory = server.directory().join("files");
    fs::create_dir_all(&directory).unwrap();
    let other = json!({"cnpjFormatado": OTHER_CNPJ, "nome": "OUTRA"});
    let portal = json!([of_portal(1, "26246"), changed(of_portal(9, "26246"), "fornecedor", other)]);
    fs::write(directory.join("portal.json"), portal.to_string()).unwrap();
    let pncp = json!({"data": [pncp_contract(1, "2025-03-12T00:01:19", &json!({}))]});
    fs::write(directory.join("pncp.json"), pncp.to_string()).unwrap();
    let lake = Lake::new(server.directory().join("data/lake"), server.store().clone());
    let pii_key = PiiKey::load_or_create(&server.directory().join("data/pii.key")).unwrap();
    sources::import(&[directory], &lake, server.store(), &pii_key, ImportOptions::default(), &|_| {}).await.unwrap();
    server
}

fn of_unit(freshness: Freshness) -> pb::SearchContractsRequest {
    let filters = pb::ContractFilters {
        buyer_id: "153163".to_owned(),
        start_date: "2025-03-01".to_owned(),
        end_date: "2025-04-15".to_owned(),
        ..Default::default()
    };
    pb::SearchContractsRequest { filters: Some(filters), freshness: freshness as i32, ..Default::default() }
}

async fn search(
    server: &TestServer,
    request: pb::SearchContractsRequest,
) -> Result<pb::SearchContractsResponse, Status> {
    server.contracts().search_contracts(request).await.map(tonic::Response::into_inner)
}

async fn get(server: &TestServer, id: &str, freshness: Freshness) -> Result<pb::Contract, Status> {
    let request = pb::GetContractRequest { contract_id: id.to_owned(), freshness: freshness as i32 };
    server.contracts().get_contract(request).await.map(tonic::Response::into_inner)
}

fn values(page: &pb::SearchContractsResponse) -> Vec<(&str, &str)> {
    page.contracts.iter().map(|one| (one.number.as_str(), one.current_value.as_str())).collect()
}

#[tokio::test]
async fn the_source_is_asked_once_and_the_lake_stays_as_it_is() {
    let raised = changed(of_portal(1, "26246"), "valorFinalCompra", json!("2.000,00"));
    let new = changed(of_portal(2, "26246"), "objeto", json!("Café de CPF 529.982.247-25"));
    let elsewhere = changed(of_portal(3, "26246"), "dataAssinatura", json!("2024-12-30"));
    let broken = changed(of_portal(4, "26246"), "valorFinalCompra", json!("muito"));
    let of_organ = [raised.clone(), new, elsewhere, broken, of_portal(5, "99999")];
    let api = RawHttp::start([read_twice(&of_organ), read_twice(&[raised]), vec![list(&[])]].concat());
    let server = server_over(&api, Some("s3cr3t-key")).await;

    let of_lake = search(&server, of_unit(Freshness::Lake)).await.unwrap();
    assert_eq!(values(&of_lake), [("000012025", "1234.50"), ("000092025", "1234.50")]);
    assert!(of_lake.read_time.is_none() && of_lake.contracts.iter().all(|one| one.read_time.is_none()));
    assert!(api.requests().is_empty(), "the lake needs nobody");

    // What the filters do not let through is not shown, whatever the API gives.
    let now = search(&server, of_unit(Freshness::Source)).await.unwrap();
    assert_eq!(values(&now), [("000012025", "2000.00"), ("000022025", "1234.50")]);
    assert_eq!((now.total_contracts, now.unreadable_records), (2, 1));
    assert!(now.read_time.is_some() && now.contracts.iter().all(|one| one.read_time == now.read_time));
    let source = now.contracts[0].source.clone().unwrap();
    assert_eq!(
        (source.source.as_str(), source.file.as_str(), source.line, source.import_id.as_str()),
        ("portal-api:contratos", "portal-api-contratos_now_p00001.json", 1, "")
    );
    assert!(!format!("{now:?}").contains("529.982.247-25"), "CPFs are masked");
    let asked = "GET /api-de-dados/contratos?codigoOrgao=26246&dataInicial=01/03/2025&dataFinal=15/04/2025&pagina=";
    let lines = api.requests();
    assert!(lines.len() == 4 && lines.iter().all(|line| line.starts_with(asked)), "{lines:?}");
    assert!(api.heads().iter().all(|head| head.contains("chave-api-dados: s3cr3t-key\r\n")));

    // For a while the same answer serves other filters and pages too.
    let mut dear = of_unit(Freshness::Source);
    dear.filters.as_mut().unwrap().min_value = Some(1_500.0);
    assert_eq!(values(&search(&server, dear).await.unwrap()), [("000012025", "2000.00")]);
    let first =
        search(&server, pb::SearchContractsRequest { page_size: 1, ..of_unit(Freshness::Source) }).await.unwrap();
    let token = first.next_page_token.clone();
    let on = pb::SearchContractsRequest { page_size: 1, page_token: token.clone(), ..of_unit(Freshness::Source) };
    assert_eq!(values(&search(&server, on.clone()).await.unwrap()), [("000022025", "1234.50")]);
    let of_other = pb::SearchContractsRequest { freshness: Freshness::Lake as i32, ..on };
    refuses(&search(&server, of_other).await.unwrap_err(), &[("page_token", &token[..100])]);
    assert_eq!(api.requests().len(), 4);

    // One contract is asked for by its supplier.
    let id = of_lake.contracts[0].contract_id.clone();
    assert_eq!(get(&server, &id, Freshness::Unspecified).await.unwrap().current_value, "1234.50");
    for _ in 0..2 {
        let one = get(&server, &id, Freshness::Source).await.unwrap();
        assert_eq!((one.contract_id.as_str(), one.current_value.as_str()), (id.as_str(), "2000.00"));
        assert!(one.read_time.is_some() && one.source.unwrap().import_id.is_empty());
    }
    let lines = api.requests();
    assert_eq!(lines.len(), 8);
    assert_eq!(lines[4], "GET /api-de-dados/contratos/cpf-cnpj?cpfCnpj=33000167000101&pagina=1 HTTP/1.1");
    // So is what the source shows no more.
    let gone = get(&server, &of_lake.contracts[1].contract_id, Freshness::Source).await.unwrap_err();
    assert_eq!((gone.code(), reason(&gone)), (Code::NotFound, "CONTRACT_NOT_AT_SOURCE".to_owned()));
    let unknown = get(&server, "0-0", Freshness::Source).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown)), (Code::NotFound, "CONTRACT_NOT_FOUND".to_owned()));

    let again = search(&server, of_unit(Freshness::Lake)).await.unwrap();
    assert_eq!(again, of_lake);
    assert_eq!(server.store().lake_version().await, Ok(1));
    let left = fs::read_dir(server.directory().join("data")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| !name.starts_with("download-")), "{left:?}");
}

#[tokio::test]
async fn what_the_source_cannot_be_asked_is_said() {
    let pages = (1..=41).map(|id| list(&[of_portal(id, "26246")])).collect();
    let api = RawHttp::start(pages);
    let server = server_over(&api, Some("s3cr3t-key")).await;
    let of = |filters: pb::ContractFilters| pb::SearchContractsRequest {
        filters: Some(filters),
        ..of_unit(Freshness::Source)
    };
    let unit = || of_unit(Freshness::Source).filters.unwrap();
    let cases = [
        (pb::SearchContractsRequest { freshness: 7, ..Default::default() }, "freshness", "7"),
        (of(pb::ContractFilters { category: "obra".to_owned(), ..Default::default() }), "filters", "supplier_id"),
        (of(pb::ContractFilters { end_date: String::new(), ..unit() }), "filters", "end_date"),
        (of(pb::ContractFilters { start_date: "2024-01-01".to_owned(), ..unit() }), "filters.end_date", "2025-04-15"),
        (of(pb::ContractFilters { buyer_id: "999999".to_owned(), ..unit() }), "filters.buyer_id", "999999"),
    ];
    for (request, field, value) in cases {
        refuses(&search(&server, request).await.unwrap_err(), &[(field, value)]);
    }
    assert!(api.requests().is_empty());
    let of_pncp = search(&server, pb::SearchContractsRequest { query: "extintores".to_owned(), ..Default::default() });
    let of_pncp = of_pncp
        .await
        .unwrap()
        .contracts
        .into_iter()
        .chain(search(&server, pb::SearchContractsRequest::default()).await.unwrap().contracts);
    let of_pncp = of_pncp.filter(|one| one.source.as_ref().unwrap().source.starts_with("pncp")).last().unwrap();
    let refused = get(&server, &of_pncp.contract_id, Freshness::Source).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "SOURCE_WITHOUT_API".to_owned()));
    let long = search(&server, of_unit(Freshness::Source)).await.unwrap_err();
    assert_eq!((long.code(), reason(&long)), (Code::FailedPrecondition, "SOURCE_LIST_TOO_LONG".to_owned()));
    assert_eq!(api.requests().len(), 41);

    let keyless = server_over(&api, None).await;
    let refused = search(&keyless, of_unit(Freshness::Source)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused)), (Code::FailedPrecondition, "SOURCE_KEY_MISSING".to_owned()));
    let cases = [
        (answer("401 Unauthorized", "", b"{}"), Code::FailedPrecondition, "SOURCE_REFUSED"),
        (answer("500 Internal Server Error", "", b"{\"error\":\"JDBC\"}"), Code::Unavailable, "SOURCE_UNAVAILABLE"),
    ];
    for (reply, code, expected) in cases {
        let api = RawHttp::start(vec![Reply::Bytes(reply)]);
        let server = server_over(&api, Some("s3cr3t-key")).await;
        let refused = search(&server, of_unit(Freshness::Source)).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (code, expected), "{refused:?}");
        assert!(!format!("{refused:?}").contains("s3cr3t"));
        // A failure is not kept.
        let before = api.requests().len();
        search(&server, of_unit(Freshness::Source)).await.unwrap_err();
        assert!(api.requests().len() > before);
    }
}
