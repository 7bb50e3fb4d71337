//! The catalogue over the API.

use cidadao::api::pb;
use cidadao::api::pb::detector_service_client::DetectorServiceClient;
use cidadao::detectors::{Catalogue, Scope};
use tonic::Code;

use super::{reason, refuses};
use crate::server::TestServer;

#[tokio::test]
async fn every_detector_is_listed_once_page_by_page() {
    let server = TestServer::idle().await;
    let mut client = DetectorServiceClient::new(server.channel());
    let all = client.list_detectors(pb::ListDetectorsRequest::default()).await.unwrap().into_inner();
    assert_eq!(all.next_page_token, "");
    let catalogue = Catalogue::builtin().unwrap();
    let ids: Vec<_> = all.detectors.iter().map(|detector| detector.detector_id.as_str()).collect();
    assert_eq!(ids, catalogue.ids(), "in the order in which they run");

    let mut paged = Vec::new();
    let mut request = pb::ListDetectorsRequest { page_size: 3, ..Default::default() };
    loop {
        let page = client.list_detectors(request.clone()).await.unwrap().into_inner();
        assert!((1..=3).contains(&page.detectors.len()));
        paged.extend(page.detectors);
        if page.next_page_token.is_empty() {
            break;
        }
        // A page may have another size than the one before.
        request = pb::ListDetectorsRequest { page_size: 2, page_token: page.next_page_token };
    }
    assert_eq!(paged, all.detectors);

    let refused =
        |page_size, page_token: &str| pb::ListDetectorsRequest { page_size, page_token: page_token.to_owned() };
    let status = client.list_detectors(refused(-1, "x")).await.unwrap_err();
    refuses(&status, &[("page_size", "-1"), ("page_token", "x")]);
}

#[tokio::test]
async fn a_detector_says_all_of_its_header() {
    let server = TestServer::idle().await;
    let mut client = DetectorServiceClient::new(server.channel());
    for detector in Catalogue::builtin().unwrap().iter() {
        let request = pb::GetDetectorRequest { detector_id: detector.id().to_owned() };
        let got = client.get_detector(request).await.unwrap().into_inner();
        let header = &detector.header;
        assert_eq!((&got.detector_id, &got.version), (&header.id, &header.version));
        assert_eq!((&got.title, &got.title_en), (&header.title.pt, &header.title.en));
        assert_eq!((&got.explanation, &got.explanation_en), (&header.explanation.pt, &header.explanation.en));
        assert_eq!((&got.reference, &got.legal_basis), (&header.reference, &header.legal_basis));
        assert_eq!((&got.tags, &got.groups, &got.tables), (&header.tags, &header.groups, &header.tables));
        assert_eq!((&got.severity_rule, &got.severity_rule_en), (&header.severity.pt, &header.severity.en));
        assert_eq!(got.false_positives, header.false_positives.pt);
        assert_eq!(got.false_positives_en, header.false_positives.en);
        assert_eq!(got.on_request, header.on_request);
        assert_eq!(got.scope() == pb::DetectorScope::Pattern, header.scope == Scope::Pattern);
        assert_eq!(got.strength().as_str_name(), format!("STRENGTH_{}", header.strength.as_str().to_uppercase()));
        let parameters: Vec<_> = got.parameters.iter().map(|one| (&one.name, &one.default_value, &one.unit)).collect();
        let expected: Vec<_> = header.parameters.iter().map(|one| (&one.name, &one.value, &one.unit)).collect();
        assert_eq!(parameters, expected);
        for (got, one) in got.parameters.iter().zip(&header.parameters) {
            assert_eq!((&got.label, &got.label_en), (&one.label.pt, &one.label.en));
            assert_eq!(got.legal_basis, one.legal_basis);
        }
        let reasons: Vec<_> = got.reasons.iter().map(|one| (&one.name, &one.text, &one.text_en)).collect();
        let expected: Vec<_> = header.reasons.iter().map(|(name, one)| (name, &one.pt, &one.en)).collect();
        assert_eq!(reasons, expected);
        let evidence: Vec<_> = got.evidence.iter().map(|one| (&one.name, &one.unit, &one.label)).collect();
        let expected: Vec<_> = header.evidence.iter().map(|one| (&one.name, &one.unit, &one.label.pt)).collect();
        assert_eq!(evidence, expected);
    }
    for id in ["none", "AMENDMENT_CAP", "' OR 1=1 --"] {
        let request = pb::GetDetectorRequest { detector_id: id.to_owned() };
        let status = client.get_detector(request).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "DETECTOR_NOT_FOUND"));
    }
    refuses(&client.get_detector(pb::GetDetectorRequest::default()).await.unwrap_err(), &[("detector_id", "\"\"")]);
}
