//! Starts an investigation, follows it and prints what it found.

use cidadao_client::{Client, Error, Kind, Watch, v1};
use futures_util::TryStreamExt as _;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or("http://localhost:50051".to_owned());
    let client = Client::new(address)?;

    let request = v1::StartInvestigationRequest {
        query: "contratos emergenciais acima de 1 milhão".to_owned(),
        filters: Some(v1::ContractFilters { year: Some(2024), ..Default::default() }),
        ..Default::default()
    };
    let id = client.start_investigation(request).await?.investigation_id;
    // Reconnects by itself, and goes on after the last event that came.
    let mut events = client.watch_investigation(&id, Watch::default());
    while let Some(event) = events.try_next().await? {
        println!("{:3.0}%  {}", 100.0 * event.fraction, event.message_en);
    }
    let request = v1::GetInvestigationResultsRequest { investigation_id: id, ..Default::default() };
    let mut findings = client.findings(request);
    while let Some(finding) = findings.try_next().await? {
        println!("{:?} {} {:?}", finding.severity(), finding.title_en, finding.contract_ids);
    }

    match client.start_investigation(v1::StartInvestigationRequest::default()).await {
        Err(Error::Call(refused)) if refused.kind == Kind::InvalidArgument => {
            println!("{}", refused.field_violations[0].field);
        }
        other => println!("{other:?}"),
    }
    Ok(())
}
