//! Items of the tenders of PNCP, each with its results.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::super::answers::{ControlNumber, Page, member};
use super::super::super::ocds::json::{Scalar, Scratch};
use super::super::FetchError;
use super::client::ApiClient;

/// Items that are asked for at once.
const PAGE: usize = 500;

/// Reads the items of the tenders that `pages` hold into files beside them, a file for each page.
pub(super) async fn read(
    client: &ApiClient<'_>,
    directory: &Path,
    name: &str,
    pages: &[PathBuf],
) -> Result<(), FetchError> {
    for (number, path) in (1..).zip(pages) {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |cause| FetchError::Io { path, cause }
        };
        let bytes = fs::read(path).map_err(io(path))?;
        let mut found: Vec<Vec<u8>> = Vec::new();
        for tender in Page::cut(&bytes).iter().flat_map(Page::records) {
            of_tender(client, tender, &mut found).await?;
        }
        if !found.is_empty() {
            let path = directory.join(format!("{name}_itens_p{number:05}.json"));
            let text = [b"[", found.join(&b",\n"[..]).as_slice(), b"]"].concat();
            fs::write(&path, text).map_err(io(&path))?;
        }
    }
    Ok(())
}

async fn of_tender(client: &ApiClient<'_>, tender: &[u8], found: &mut Vec<Vec<u8>>) -> Result<(), FetchError> {
    let own = member(tender, "numeroControlePNCP").unwrap_or(b"null");
    let text: String = serde_json::from_slice(own).unwrap_or_default();
    // One that has no such number goes to quarantine when it is taken in.
    let Some(number) = ControlNumber::parse(&text) else { return Ok(()) };
    let sequence = number.sequence.trim_start_matches('0');
    let base = format!("{}/api/pncp/v1/orgaos/{}/compras/{}/{sequence}/itens", client.base(), number.cnpj, number.year);
    let mut seen: HashSet<String> = HashSet::new();
    for page in 1.. {
        let url = format!("{base}?pagina={page}&tamanhoPagina={PAGE}");
        let Some(body) = client.get(&url, true).await? else {
            if page == 1 {
                tracing::warn!(url, "a tender without items");
            }
            break;
        };
        let unfit = |detail: String| FetchError::Client { url: url.clone(), detail };
        let mut new = false;
        for item in Page::cut(&body).iter().flat_map(Page::records) {
            let (place, has_result) = {
                let mut scratch = Scratch::default();
                let document = scratch.parse(item).map_err(|error| unfit(format!("an item is no JSON: {error}")))?;
                let root = document.root();
                let place = root.text_of("numeroItem").and_then(|text| text.parse::<u64>().ok());
                let has = root.get("temResultado").is_some_and(|has| has.scalar() == Scalar::Truth(true));
                (place.ok_or_else(|| unfit("an item without numeroItem".to_owned()))?, has)
            };
            if !seen.insert(place.to_string()) {
                continue;
            }
            new = true;
            let results = match has_result {
                true => client.get(&format!("{base}/{place}/resultados"), true).await?,
                false => None,
            };
            found.push(together(tender, own, item, results.as_deref()));
        }
        // An API that ignores the page gives the same one for ever.
        if !new {
            break;
        }
    }
    Ok(())
}

/// One record of what is told in three places: the tender, its item, the results of that.
fn together(tender: &[u8], own: &[u8], item: &[u8], results: Option<&[u8]>) -> Vec<u8> {
    let of_tender = |name: &str| member(tender, name).unwrap_or(b"null");
    let results = results.filter(|results| Page::cut(results).is_some_and(|page| page.is_envelope()));
    [
        b"{\"numeroControlePNCP\":",
        own,
        b",\"orgaoEntidade\":",
        of_tender("orgaoEntidade"),
        b",\"unidadeOrgao\":",
        of_tender("unidadeOrgao"),
        b",\"item\":",
        item,
        b",\"resultados\":",
        results.unwrap_or(b"[]"),
        b"}",
    ]
    .concat()
}
