//! The description of the API, as it is served.

use std::process::Command;

use serde_json::json;

use super::{Answer, get, post, start};
use crate::server::TestServer;

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let server = TestServer::idle().await;
    let answer = get(&server, "/openapi.json").await;
    let api = answer.ok();
    assert_eq!(api["openapi"], "3.1.1");
    let printed = Command::new(env!("CARGO_BIN_EXE_cidadao")).arg("openapi").output().unwrap();
    assert!(printed.status.success() && printed.stderr.is_empty(), "{printed:?}");
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&printed.stdout).unwrap(), api);

    let page = get(&server, "/docs").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    for (path, served) in [("/openapi.json", &answer), ("/docs", &page)] {
        let url = server.url(path);
        let client = reqwest::Client::new();
        let head = Answer::of(client.head(&url)).await;
        assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
        assert_eq!(head.header("content-length"), served.text.len().to_string());
        assert!(!head.header("x-request-id").is_empty());
        let etag = served.header("etag");
        let known = Answer::of(client.get(&url).header("if-none-match", etag)).await;
        assert_eq!((known.status.as_u16(), known.text.as_str(), known.header("etag")), (304, "", etag));
        post(&server, path, &json!({})).await.problem(405, "UNIMPLEMENTED");
    }
    server.stop().await;
}

#[tokio::test]
async fn every_read_of_the_document_is_answered_as_it_says() {
    let server = TestServer::idle().await;
    let api = get(&server, "/openapi.json").await.ok();
    let id = start(&server).await;
    let mut asked = 0;
    for (path, item) in api["paths"].as_object().unwrap() {
        let Some(operation) = item.get("get") else { continue };
        let responses = operation["responses"].as_object().unwrap();
        // A stream of a job that waits does not end.
        if responses.contains_key("204") {
            continue;
        }
        let contract = "portal-153080-000122024-9f86d081884c";
        let path =
            path.replace("{investigation_id}", &id).replace("{analysis_id}", &id).replace("{contract_id}", contract);
        let path = path.replace("{detector_id}", "amendment_cap").replace("{finding_id}", "none");
        let answer = get(&server, &path).await;
        let status = answer.status.as_u16().to_string();
        let declared =
            responses.get(&status).unwrap_or_else(|| panic!("{path} answers {status}, which is not declared"));
        let declared = declared["$ref"].as_str().map_or(declared, |at| api.pointer(&at[1..]).unwrap());
        let kind = answer.header("content-type").split(';').next().unwrap();
        let schema = &declared["content"][kind]["schema"];
        assert!(!schema.is_null(), "{path} answers {status} with {kind}, which is not declared");
        if let Some(name) = schema["$ref"].as_str() {
            let schema = api.pointer(&name[1..]).unwrap();
            let body = answer.json();
            for required in schema["required"].as_array().into_iter().flatten() {
                assert!(!body[required.as_str().unwrap()].is_null(), "{path}: {required} is not in {body}");
            }
            for field in body.as_object().unwrap().keys() {
                assert!(schema["properties"].get(field).is_some(), "{path}: {field} is not declared");
            }
        }
        asked += 1;
    }
    assert!(asked >= 14, "{asked}");
    server.stop().await;
}
