//! `ContractService`.

use async_trait::async_trait;
use chrono::NaiveDate;
use tonic::{Request, Response, Status};

use super::caller::Caller;
use super::convert;
use super::errors::{ApiError, answer};
use super::pb::contract_service_server::ContractService;
use super::{Api, page, pb};
use crate::investigation::filter_violations;
use crate::lake::contracts::{self, ContractRow, PageKey};
use crate::model::{Filters, TaxIdKind, Violation, check_tax_id, fold};
use crate::sources::PortalQuery;

/// Contracts of a page where the request does not say.
const PAGE: usize = 50;
/// Most characters of a query.
const MAX_QUERY_CHARS: usize = 200;
/// Most days that the API of a source is asked for.
const MAX_SPAN_DAYS: i64 = 366;

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
        let fresh = is_fresh(request.freshness, &mut found);
        let arguments = serde_json::to_string(&(&terms, &filters, fresh))?;
        let binding = page::Binding::new("SearchContracts", &[&arguments]);
        let after = binding.position(&request.page_token, read_place, &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let published = match fresh {
            true => Some(self.api.fresh.read(&self.source_query(&filters).await?).await?),
            false => None,
        };
        let (read_time, unreadable_records) =
            published.as_ref().map_or((None, 0), |of| (Some(convert::timestamp(of.read_at)), of.unreadable));
        let api = self.api.clone();
        let page = self
            .api
            .on_engine(async move {
                let session = api.engine.session()?;
                match &published {
                    Some(published) => published.snapshot.register(&session).await?,
                    None => api.lake.snapshot(None).await?.register(&session).await?,
                }
                contracts::search(&session, &filters, &terms, false, after.as_ref(), size).await
            })
            .await?;
        let mut contracts: Vec<pb::Contract> = page.contracts.into_iter().map(convert::contract).collect();
        if let Some(read_time) = &read_time {
            contracts.iter_mut().for_each(|contract| read_at(contract, *read_time));
        }
        Ok(pb::SearchContractsResponse {
            contracts,
            next_page_token: page.next.map(|key| binding.token(&place(&key))).unwrap_or_default(),
            total_contracts: page.total,
            read_time,
            unreadable_records,
        })
    }

    async fn get(&self, request: pb::GetContractRequest) -> Result<pb::Contract, ApiError> {
        let mut found = Vec::new();
        let pb::GetContractRequest { contract_id, freshness } = request;
        if contract_id.is_empty() {
            found.push(Violation::new("contract_id", "must not be empty", &contract_id));
        }
        let fresh = is_fresh(freshness, &mut found);
        if !found.is_empty() {
            return Err(ApiError::Invalid(found));
        }
        let (api, id) = (self.api.clone(), contract_id.clone());
        let detail = self
            .api
            .on_engine(async move {
                let session = api.engine.session()?;
                api.lake.snapshot(None).await?.register(&session).await?;
                contracts::get(&session, &id).await
            })
            .await?;
        let mut detail = detail.ok_or(ApiError::NotFound { resource: "contract", id: contract_id })?;
        if !fresh {
            return Ok(convert::contract_detail(detail));
        }
        let published = self.api.fresh.read(&query_of(&detail.contract)?).await?;
        let (read_time, id) = (convert::timestamp(published.read_at), detail.contract.contract_id.clone());
        let api = self.api.clone();
        let now = self
            .api
            .on_engine(async move {
                let session = api.engine.session()?;
                published.snapshot.register(&session).await?;
                contracts::get(&session, &id).await
            })
            .await?;
        let Some(now) = now else {
            return Err(ApiError::NotFound { resource: "contract at its source", id: detail.contract.contract_id });
        };
        detail.contract = now.contract;
        let mut contract = convert::contract_detail(detail);
        read_at(&mut contract, read_time);
        Ok(contract)
    }

    /// What to ask the API of the Portal for, so that its answer holds all that passes the filters.
    async fn source_query(&self, filters: &Filters) -> Result<PortalQuery, ApiError> {
        if let Some(id) = &filters.supplier_id
            && check_tax_id(id).0 == TaxIdKind::Cnpj
        {
            return Ok(PortalQuery::Supplier { cnpj: id.clone() });
        }
        let invalid =
            |field: &str, rule: &str, value: &str| ApiError::Invalid(vec![Violation::new(field, rule, value)]);
        let Some(buyer) = filters.buyer_id.clone() else {
            let rule = "must have supplier_id, a CNPJ, or buyer_id with year or start_date and end_date, where freshness is SOURCE";
            return Err(invalid("filters", rule, ""));
        };
        let of_year = filters
            .year
            .and_then(|year| NaiveDate::from_ymd_opt(year, 1, 1).zip(NaiveDate::from_ymd_opt(year, 12, 31)));
        let first = filters.start_date.or(of_year.map(|(first, _)| first));
        let last = filters.end_date.or(of_year.map(|(_, last)| last));
        let (Some(first), Some(last)) = (first, last) else {
            let rule = "must have year, or start_date and end_date, where freshness is SOURCE";
            return Err(invalid("filters", rule, ""));
        };
        if (last - first).num_days() > MAX_SPAN_DAYS {
            let rule = format!("must be at most {MAX_SPAN_DAYS} days after the first day where freshness is SOURCE");
            return Err(invalid("filters.end_date", &rule, &last.to_string()));
        }
        let (api, unit) = (self.api.clone(), buyer.clone());
        let organ = self
            .api
            .on_engine(async move {
                let session = api.engine.session()?;
                api.lake.snapshot(None).await?.register(&session).await?;
                contracts::organ_of(&session, &unit).await
            })
            .await?;
        match organ {
            Some(code) => Ok(PortalQuery::Organ { code, first, last }),
            None => {
                let rule = "must be a UG of which the lake has contracts of the Portal, which say its organ, where freshness is SOURCE";
                Err(invalid("filters.buyer_id", rule, &buyer))
            }
        }
    }
}

/// Whether the API of the source is to be asked.
fn is_fresh(freshness: i32, found: &mut Vec<Violation>) -> bool {
    match pb::Freshness::try_from(freshness) {
        Ok(pb::Freshness::Source) => true,
        Ok(pb::Freshness::Unspecified | pb::Freshness::Lake) => false,
        Err(_) => {
            found.push(Violation::new("freshness", "must be FRESHNESS_LAKE or FRESHNESS_SOURCE", freshness));
            false
        }
    }
}

/// What to ask the API of the Portal for, so that its answer holds a contract.
fn query_of(contract: &ContractRow) -> Result<PortalQuery, ApiError> {
    let unasked = || ApiError::NoSourceApi { source: contract.source.source.clone() };
    if !contract.source.source.starts_with("portal") {
        return Err(unasked());
    }
    if let Some(supplier) = &contract.supplier
        && let (TaxIdKind::Cnpj, cnpj, _) = check_tax_id(&supplier.id)
    {
        return Ok(PortalQuery::Supplier { cnpj });
    }
    let days = contract.start_date.or(contract.signature_date);
    let days = days.map(|first| (first, contract.end_date.filter(|last| *last >= first).unwrap_or(first)));
    let organ = contract.organ_id.clone().zip(days);
    organ.map(|(code, (first, last))| PortalQuery::Organ { code, first, last }).ok_or_else(unasked)
}

/// Notes that a contract was read from the API of its source, and taken in by no import.
fn read_at(contract: &mut pb::Contract, read_time: prost_types::Timestamp) {
    contract.read_time = Some(read_time);
    if let Some(source) = &mut contract.source {
        source.import_id.clear();
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
        answer(&caller, self.get(request.into_inner()).await)
    }
}
