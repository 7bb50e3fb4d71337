//! Lists of APIs by their address: `pncp:contratos/2025-03-01..2025-03-12` is read to its last page, and taken in
//! as if the pages lay here.

mod address;
mod breaker;
mod client;
mod items;
mod list;
mod now;
mod portal;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Days, FixedOffset, NaiveDate, Utc};

use super::super::Progress;
use super::super::answers::Page;
use super::super::ocds::json::{Scratch, View};
use super::address::BRASILIA_HOURS;
use super::{FetchError, FetchOptions, Fetched, own_directory};
use crate::cache::{Bucket, Rate};
use crate::secret::Secret;
pub use address::ApiAddress;
use address::{Asked, PncpList, PortalList, Span, months};
use breaker::Breaker;
use client::ApiClient;
use list::List;
pub use now::{PortalNow, PortalQuery};
use portal::of_organ;

/// Where PNCP answers, unless a mirror is configured.
pub const PNCP: &str = "https://pncp.gov.br";
/// Where the API of the Portal da Transparência answers, unless a mirror is configured.
pub const PORTAL_API: &str = "https://api.portaldatransparencia.gov.br/api-de-dados";

/// Contracts of PNCP on a page; it has as many at most.
const CONTRACTS_PAGE: u32 = 500;
/// Tenders of PNCP on a page: what it gives where nothing is said.
const TENDERS_PAGE: u32 = 50;

/// How lists are read.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// PNCP; its base is the host, without a path.
    pub pncp: FetchOptions,
    /// The API of the Portal.
    pub portal: FetchOptions,
    /// The key of that.
    pub key: Option<Secret>,
    /// How often PNCP may be asked.
    pub pncp_bucket: Bucket,
    /// How often the API of the Portal may be asked.
    pub portal_bucket: Bucket,
    /// Failures, one after the other, after which a service is left alone, and for how long.
    pub breaker: (u32, Duration),
    /// Whether items and results of the tenders of PNCP are read too: a request for each tender, and one for
    /// each item with a result.
    pub items: bool,
    /// Codes of the modalities whose tenders are read; none means all that PNCP lists.
    pub modalities: Vec<u32>,
    /// Days before the last one in the lake that are read again.
    pub overlap_days: u32,
}

impl ApiOptions {
    /// PNCP publishes no limit; more than about one request a second is answered with 429.
    pub const PNCP_RATE: Rate = Rate::always(60);
    /// What the Portal allows a key (CGU: 90 requests a minute by day, 300 from midnight to six).
    pub const PORTAL_RATE: Rate = Rate { day: 90, night: 300 };
    /// Failures, one after the other, after which a service is left alone, and for how long.
    pub const BREAKER: (u32, Duration) = (5, Duration::from_secs(30));

    /// The usual patience, with buckets of this process alone.
    pub fn of(pncp: impl Into<String>, portal: impl Into<String>) -> Self {
        Self {
            pncp: FetchOptions::of(pncp),
            portal: FetchOptions::of(portal),
            key: None,
            pncp_bucket: Bucket::new("pncp", Self::PNCP_RATE, None),
            portal_bucket: Bucket::new("portal-api", Self::PORTAL_RATE, None),
            breaker: Self::BREAKER,
            items: false,
            modalities: Vec::new(),
            overlap_days: 3,
        }
    }
}

/// Reads the lists of addresses, each to its last page, into a directory of their own under `directory`.
///
/// A day of PNCP, and a month or span of an organ of the Portal, becomes a dataset of its own, which a later
/// import replaces. `datasets` are those that the lake holds.
///
/// # Errors
/// [`FetchError`]; nothing is kept then.
pub async fn fetch_lists(
    addresses: &[ApiAddress],
    directory: &Path,
    options: &ApiOptions,
    datasets: &[String],
    now: DateTime<Utc>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Fetched, FetchError> {
    let own = own_directory(directory)?;
    let mut reader = Reader { root: own.path(), options, progress, paths: Vec::new(), empty: Vec::new() };
    let zone = FixedOffset::east_opt(BRASILIA_HOURS * 3_600);
    let today = zone.map_or_else(|| now.date_naive(), |zone| now.with_timezone(&zone).date_naive());
    let breaker = |service: &str| Arc::new(Breaker::new(service, options.breaker.0, options.breaker.1));
    let pncp = ApiClient::new(&options.pncp, &options.pncp_bucket, breaker("pncp"), None)?;
    let mut portal: Option<ApiClient<'_>> = None;
    for address in addresses {
        if let Some((list, span)) = address.days(datasets, options.overlap_days, today)? {
            reader.pncp(&pncp, list, span).await?;
        }
        if let Asked::Portal { list, organ, span } = &address.0 {
            if portal.is_none() {
                let key = options.key.as_ref().ok_or(FetchError::KeyMissing)?;
                let (limits, bucket) = (&options.portal, &options.portal_bucket);
                portal = Some(ApiClient::new(limits, bucket, breaker("portal-api"), Some(key))?);
            }
            if let Some(client) = &portal {
                reader.portal(client, *list, organ, *span).await?;
            }
        }
    }
    let Reader { paths, empty, .. } = reader;
    Ok(Fetched { paths, empty, _directory: own })
}

struct Reader<'a> {
    root: &'a Path,
    options: &'a ApiOptions,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
    paths: Vec<PathBuf>,
    empty: Vec<String>,
}

impl Reader<'_> {
    /// The directory of a dataset.
    fn begin(&self, source: &str, dataset: &str) -> Result<PathBuf, FetchError> {
        let path = self.root.join(source).join(dataset);
        fs::create_dir_all(&path).map_err(|cause| FetchError::Io { path: path.clone(), cause })?;
        Ok(path)
    }

    fn end(&mut self, path: PathBuf, shown: String, any: bool) {
        // One that was asked for twice is read twice and taken in once.
        if any && !self.paths.contains(&path) {
            self.paths.push(path);
        } else if !any {
            self.empty.push(format!("{shown}: nothing is published"));
        }
    }

    /// Days of PNCP, one after the other.
    async fn pncp(&mut self, client: &ApiClient<'_>, list: PncpList, (first, last): Span) -> Result<(), FetchError> {
        let modalities = match list {
            PncpList::Contracts => vec![None],
            PncpList::Tenders if self.options.modalities.is_empty() => modalities(client).await?,
            PncpList::Tenders => self.options.modalities.iter().copied().map(Some).collect(),
        };
        let mut next = Some(first);
        while let Some(day) = next.filter(|day| *day <= last) {
            next = day.checked_add_days(Days::new(1));
            let directory = self.begin(&format!("pncp-{}", list.name()), &day.to_string())?;
            let mut any = false;
            for modality in &modalities {
                any |= self.pncp_day(client, list, *modality, day, &directory).await?;
            }
            self.end(directory, format!("pncp:{}/{day}", list.name()), any);
        }
        Ok(())
    }

    async fn pncp_day(
        &self,
        client: &ApiClient<'_>,
        list: PncpList,
        modality: Option<u32>,
        day: NaiveDate,
        directory: &Path,
    ) -> Result<bool, FetchError> {
        let date = day.format("%Y%m%d");
        let base = format!("{}/api/consulta/v1", client.base());
        let range = format!("dataInicial={date}&dataFinal={date}");
        let url = |page: u64| match modality {
            None => format!("{base}/contratos?{range}&pagina={page}&tamanhoPagina={CONTRACTS_PAGE}"),
            Some(code) => format!(
                "{base}/contratacoes/publicacao?{range}&codigoModalidadeContratacao={code}&pagina={page}&tamanhoPagina={TENDERS_PAGE}"
            ),
        };
        let keep = |record: View<'_>| {
            let published = record.text_of("dataPublicacaoPncp");
            let published = published.and_then(|text| text.get(..10)?.parse::<NaiveDate>().ok());
            // One second beside midnight is no filter that was ignored.
            let on_day = published.is_none_or(|published| (published - day).num_days().abs() <= 1);
            let own = record.text_of("modalidadeId");
            on_day && modality.is_none_or(|code| own.is_none_or(|own| own == code.to_string()))
        };
        let kind = modality.map(|code| format!("_m{code}")).unwrap_or_default();
        let name = format!("pncp-{}_{day}{kind}", list.name());
        let of_kind = modality.map(|code| format!(", modalidadeId {code}")).unwrap_or_default();
        let filter = format!("dataPublicacaoPncp {day}{of_kind}");
        let wanted = List {
            name: name.clone(),
            url: &url,
            id: "numeroControlePNCP",
            filter,
            keep: &keep,
            counted: true,
            most_pages: None,
        };
        let files = wanted.read(client, directory, self.progress).await?;
        if self.options.items && list == PncpList::Tenders {
            items::read(client, directory, &name, &files).await?;
        }
        Ok(!files.is_empty())
    }

    /// What the Portal has of an organ: tenders month by month, which is the most that it gives at once.
    async fn portal(
        &mut self,
        client: &ApiClient<'_>,
        list: PortalList,
        organ: &str,
        span: Span,
    ) -> Result<(), FetchError> {
        let spans = match list {
            PortalList::Contracts => vec![span],
            PortalList::Tenders => months(span),
        };
        for (first, last) in spans {
            let dataset = format!("{organ}_{first}_{last}");
            let directory = self.begin(list.source(), &dataset)?;
            let name = format!("{}_{dataset}", list.source());
            let wanted = of_organ(list, organ, (first, last));
            let files = wanted.read(client, name, None, &directory, self.progress).await?;
            self.end(directory, format!("portal-api:{}/{dataset}", list.name()), !files.is_empty());
        }
        Ok(())
    }
}

/// The codes of the modalities that PNCP lists.
async fn modalities(client: &ApiClient<'_>) -> Result<Vec<Option<u32>>, FetchError> {
    let url = format!("{}/api/pncp/v1/modalidades", client.base());
    let unfit = |detail: &str| FetchError::Client { url: url.clone(), detail: detail.to_owned() };
    let body = client.get(&url, false).await?.unwrap_or_default();
    let mut codes = Vec::new();
    let mut scratch = Scratch::default();
    for record in Page::cut(&body).iter().flat_map(Page::records) {
        let document = scratch.parse(record).map_err(|_| unfit("a modality is no JSON"))?;
        let code = document.root().text_of("id").and_then(|text| text.parse().ok());
        codes.push(Some(code.ok_or_else(|| unfit("a modality without an id"))?));
    }
    if codes.is_empty() { Err(unfit("no modalities")) } else { Ok(codes) }
}
