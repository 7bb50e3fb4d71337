use super::*;

#[test]
fn files_are_known_by_their_records() {
    let contract = r#"{"numeroControlePNCP":"x","niFornecedor":"1"}"#;
    let tender = r#"{"numeroControlePNCP":"x","objetoCompra":"1"}"#;
    let of = |text: &str| detect(text.as_bytes());
    let is = |kind| Some(Detected::Records(kind));
    assert_eq!(of(&format!("\u{feff} {{\"data\":[{contract}],\"totalRegistros\":1}}")), is(Kind::PncpContracts));
    assert_eq!(of(&format!("[{tender},{contract}]")), is(Kind::PncpTenders));
    assert_eq!(of(tender), is(Kind::PncpTenders));
    assert_eq!(of(r#"{"unidadeGestora":{},"fornecedor":{}}"#), is(Kind::PortalContracts));
    assert_eq!(of(r#"[{"unidadeGestora":{},"licitacao":{}}]"#), is(Kind::PortalTenders));
    // The head of a page that goes on, in the middle of its second record.
    assert_eq!(of(&format!("{{\"data\":[{contract},{{\"numeroCon")), is(Kind::PncpContracts));
    assert!(matches!(of(r#"{"swagger":"2.0","paths":{}}"#), Some(Detected::NoData(why)) if why.contains("Swagger")));
    assert!(matches!(of(r#"{"data":[],"empty":true}"#), Some(Detected::NoData("a page without records"))));
    assert!(matches!(of("[]"), Some(Detected::NoData(_))));
    for text in ["", "a;b\n1;2", "<html></html>", "{}", "[1]", r#"{"ocid":"ocds-1"}"#, r#"{"status":500,"error":"x"}"#]
    {
        assert_eq!(of(text), None, "{text}");
    }
}

#[test]
fn a_page_is_whole_or_it_is_not() {
    let whole = |text: &str| Page::cut(text.as_bytes()).map(|page| (page.is_whole(), page.records().count()));
    assert_eq!(whole(r#"{"data":[{"a":1},{"b":2}],"totalRegistros":7,"totalPaginas":2}"#), Some((true, 2)));
    assert_eq!(whole(r#"{"data":[{"a":1},{"b":"#), Some((false, 2)));
    assert_eq!(whole(r#"[{"a":1}] [{"b":2}]"#), Some((false, 1)));
    assert_eq!(whole(r#"{"a":1}"#), Some((true, 1)));
    assert_eq!(whole("5"), None);
}
