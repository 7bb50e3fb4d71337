use proptest::prelude::*;

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

#[test]
fn whatever_a_member_holds_a_record_is_read_or_refused() {
    let organ = r#""orgaoEntidade":{"cnpj":"83102277000152","esferaId":"M"},"unidadeOrgao":{"codigoUnidade":"1"}"#;
    let bases = [
        (
            Kind::PncpContracts,
            format!(
                r#"{{"numeroControlePNCP":"83102277000152-2-000018/2025",{organ},"niFornecedor":"1","tipoPessoa":"PF","receita":false,
                "dataAssinatura":"2025-03-11","dataPublicacaoPncp":"2025-03-12T00:01:18","dataAtualizacao":"2025-03-12T00:01:19",
                "valorInicial":1.5,"valorGlobal":2,"objetoContrato":"x","categoriaProcesso":{{"nome":"Obras"}}}}"#
            ),
        ),
        (
            Kind::PncpTenders,
            format!(
                r#"{{"numeroControlePNCP":"83102277000152-1-000018/2025",{organ},"modalidadeNome":"Pregão","modalidadeId":6,
                "srp":true,"amparoLegal":{{"nome":"x"}},"dataAberturaProposta":"2025-03-12T08:00:00","valorTotalEstimado":0.0}}"#
            ),
        ),
        (
            Kind::PncpItems,
            format!(
                r#"{{"numeroControlePNCP":"83102277000152-1-000018/2025",{organ},"item":{{"numeroItem":1}},"resultados":[{{}}]}}"#
            ),
        ),
        (
            Kind::PortalContracts,
            r#"{"numero":"1","unidadeGestora":{"codigo":"2"},"fornecedor":{"nome":"x"},"compra":{"numero":"3"},
            "modalidadeCompra":"Pregão","dataAssinatura":"11/03/2025","valorInicialCompra":"1.234,50"}"#
                .to_owned(),
        ),
        (
            Kind::PortalTenders,
            r#"{"licitacao":{"numero":"1"},"unidadeGestora":{"codigo":"2"},"modalidadeLicitacao":{"descricao":"Convite"},
            "situacaoCompra":"x","municipio":{"uf":{"sigla":"SC"}},"dataAbertura":"2025-03-12","valor":1}"#
                .to_owned(),
        ),
    ];
    let others =
        ["null", "true", "0", "-1.5e300", r#""""#, r#""x""#, r#""é\u0000""#, r#""2025-13-45""#, "[]", "{}", "[[{}]]"];
    let mut scratch = Scratch::default();
    for (kind, base) in bases {
        let record: serde_json::Value = serde_json::from_str(&base).unwrap();
        let mut read = |text: &str| kind.read(scratch.parse(text.as_bytes()).unwrap().root()).map(|row| row.id);
        assert!(read(&base).is_ok(), "{kind:?}");
        for name in record.as_object().unwrap().keys() {
            for other in others {
                let mut changed = record.clone();
                changed[name] = serde_json::from_str(other).unwrap();
                match read(&changed.to_string()) {
                    Ok(id) => assert!(!id.is_empty(), "{kind:?} {name} {other}"),
                    Err(fault) => assert!(!fault.member.is_empty(), "{kind:?} {name} {other}"),
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_cut_or_refused(text in "[\\[\\]{}\",:a-z0-9 \\\\]{0,120}") {
        let _ = detect(text.as_bytes());
        if let Some(page) = Page::cut(text.as_bytes()) {
            for record in page.records() {
                let _ = member(record, "a");
            }
        }
    }
}
