//! `ContractService`.

use async_trait::async_trait;
use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::convert;
use super::errors::{ApiError, answer};
use super::pb::contract_service_server::ContractService;
use super::{Api, page, pb};
use crate::investigation::filter_violations;
use crate::lake;
use crate::lake::contracts::{self, PageKey};
use crate::model::{Violation, fold};

/// Contracts of a page where the request does not say.
const PAGE: usize = 50;
/// Most characters of a query.
const MAX_QUERY_CHARS: usize = 200;

#[derive(Debug, Clone)]
pub(super) struct Service {
    api: Api,
}

impl Service {
    pub(super) const fn new(api: Api) -> Self {
        Self { api }
    }

    async fn search(&self, request: pb::SearchContractsRequest) -> Result<pb::SearchContractsResponse, ApiError> {
        let mut found = Vec::new();
        let length = request.query.chars().count();
        if length > MAX_QUERY_CHARS {
            let rule = format!("must have at most {MAX_QUERY_CHARS} characters, has {length}");
            found.push(Violation::new("query", rule, &request.query));
        }
        let terms: Vec<String> = fold(&request.query).split_whitespace().map(ToOwned::to_owned).collect();
        if terms.is_empty() && !request.query.is_empty() {
            found.push(Violation::new("query", "must hold a letter or a digit", &request.query));
        }
        let filters = convert::filters_from_pb(request.filters.unwrap_or_default(), "filters", &mut found);
        filter_violations(&filters, "filters", &mut found);
        let size = page::size(request.page_size, PAGE, &mut found);
        let arguments = serde_json::to_string(&(&terms, &filters))?;
        let binding = page::Binding::new("SearchContracts", &[&arguments]);
        let after = binding.position(&request.page_token, read_place, &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let api = self.api.clone();
        let page = self
            .api
            .on_engine(async move {
                let session = lake::session(api.engine.memory, api.engine.threads)?;
                api.lake.snapshot(None).await?.register(&session).await?;
                contracts::search(&session, &filters, &terms, false, after.as_ref(), size).await
            })
            .await?;
        Ok(pb::SearchContractsResponse {
            contracts: page.contracts.into_iter().map(convert::contract).collect(),
            next_page_token: page.next.map(|key| binding.token(&place(&key))).unwrap_or_default(),
            total_contracts: page.total,
        })
    }

    async fn get(&self, contract_id: String) -> Result<pb::Contract, ApiError> {
        if contract_id.is_empty() {
            let violation = Violation::new("contract_id", "must not be empty", contract_id);
            return Err(ApiError::Invalid(vec![violation]));
        }
        let (api, id) = (self.api.clone(), contract_id.clone());
        let detail = self
            .api
            .on_engine(async move {
                let session = lake::session(api.engine.memory, api.engine.threads)?;
                api.lake.snapshot(None).await?.register(&session).await?;
                contracts::get(&session, &id).await
            })
            .await?;
        detail.map(convert::contract_detail).ok_or(ApiError::NotFound { resource: "contract", id: contract_id })
    }
}

fn place(key: &PageKey) -> String {
    let value = key.current_value.map(|value| value.to_string()).unwrap_or_default();
    format!("{value}|{}", key.contract_id)
}

fn read_place(text: &str) -> Option<PageKey> {
    let (value, id) = text.split_once('|')?;
    let current_value = if value.is_empty() { None } else { Some(value.parse().ok()?) };
    Some(PageKey { current_value, contract_id: id.to_owned() })
}

#[async_trait]
impl ContractService for Service {
    async fn search_contracts(
        &self,
        request: Request<pb::SearchContractsRequest>,
    ) -> Result<Response<pb::SearchContractsResponse>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.search(request.into_inner()).await)
    }

    async fn get_contract(&self, request: Request<pb::GetContractRequest>) -> Result<Response<pb::Contract>, Status> {
        let caller = Caller::of(&request);
        answer(&caller, self.get(request.into_inner().contract_id).await)
    }
}
