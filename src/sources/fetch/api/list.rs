//! A list in pages, read until it is known to be whole.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::super::super::Progress;
use super::super::super::answers::Page;
use super::super::super::ocds::json::{Scratch, View};
use super::super::FetchError;
use super::client::ApiClient;

/// Times that a list is read which changes while it is read.
const PASSES: u32 = 4;

/// A list that is asked for.
pub(super) struct List<'a> {
    /// Name of its files, without page and extension.
    pub(super) name: String,
    /// The address of a page.
    pub(super) url: &'a (dyn Fn(u64) -> String + Sync),
    /// The member that names a record.
    pub(super) id: &'static str,
    /// The filter that was asked for, for people, and whether a record passes it.
    pub(super) filter: String,
    pub(super) keep: &'a (dyn Fn(View<'_>) -> bool + Sync),
    /// Whether the envelope says how many records there are; without, a list ends with an empty page.
    pub(super) counted: bool,
    /// Pages with records that it may have; any number where nothing is said.
    pub(super) most_pages: Option<u64>,
}

/// What one reading of a list found.
#[derive(Default)]
struct Pass {
    ids: HashSet<[u8; 16]>,
    files: Vec<PathBuf>,
    kept: u64,
    dropped: u64,
    /// What did not agree.
    trouble: Option<String>,
}

impl List<'_> {
    /// Reads the list into files of `directory`, a page each: records that the filter lets through, as they were
    /// written. No files where there are no records.
    ///
    /// Records move from page to page while others are added. A list that says how many it has is read again
    /// until that many different ones were seen; one that does not, until two readings agree.
    pub(super) async fn read(
        &self,
        client: &ApiClient<'_>,
        directory: &Path,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Vec<PathBuf>, FetchError> {
        let mut before: Option<Pass> = None;
        let mut detail = String::new();
        for pass in 1..=PASSES {
            let now = self.pass(client, directory, progress).await?;
            let agrees = before.as_ref().is_some_and(|before| before.ids == now.ids);
            let settled = now.trouble.is_none() && (self.counted || now.ids.is_empty() || agrees);
            // What an earlier reading found and this one did not replace is of no page any more.
            for stale in before.iter().flat_map(|before| &before.files).filter(|path| !now.files.contains(path)) {
                fs::remove_file(stale).map_err(|cause| FetchError::Io { path: stale.clone(), cause })?;
            }
            if settled {
                if now.dropped > 0 {
                    let (dropped, kept) = (now.dropped, now.kept);
                    tracing::warn!(
                        list = self.name,
                        filter = self.filter,
                        dropped,
                        kept,
                        "the API gave what was not asked for"
                    );
                }
                return Ok(now.files);
            }
            detail = match (&now.trouble, &before) {
                (Some(trouble), _) => trouble.clone(),
                (None, Some(before)) => format!("{} records, then {}", before.ids.len(), now.ids.len()),
                (None, None) => String::new(),
            };
            if !detail.is_empty() {
                tracing::warn!(list = self.name, pass, detail, "the list changed while it was read and is read again");
            }
            before = Some(now);
        }
        Err(FetchError::Unstable { url: (self.url)(1), passes: PASSES, detail })
    }

    async fn pass(
        &self,
        client: &ApiClient<'_>,
        directory: &Path,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Pass, FetchError> {
        let mut pass = Pass::default();
        let mut total: Option<u64> = None;
        let mut bytes = 0;
        for number in 1_u64.. {
            let url = (self.url)(number);
            let Some(body) = client.get(&url, false).await? else {
                // A first page that is not there is an empty list.
                if total.is_some_and(|total| total != pass.ids.len() as u64) {
                    pass.trouble = Some(format!("{} of {} records", pass.ids.len(), total.unwrap_or_default()));
                }
                break;
            };
            bytes += body.len() as u64;
            let page = self.page(&url, &body, &mut pass)?;
            if let (Some(before), Some(now)) = (total, page.total)
                && before != now
            {
                pass.trouble = Some(format!("{before} records, then {now}"));
            }
            total = page.total.or(total);
            if let Some(limit) = self.most_pages.filter(|limit| page.records > 0 && number > *limit) {
                return Err(FetchError::TooManyPages { url: (self.url)(1), limit });
            }
            if !page.kept.is_empty() {
                let path = directory.join(format!("{}_p{number:05}.json", self.name));
                let text = [b"[", page.kept.join(&b",\n"[..]).as_slice(), b"]"].concat();
                fs::write(&path, text).map_err(|cause| FetchError::Io { path: path.clone(), cause })?;
                pass.files.push(path);
            }
            let file = format!("{} page {number}", self.name);
            progress(Progress { file, bytes_done: bytes, bytes_total: bytes, rows: pass.kept as i64 });
            if page.records == 0 || page.pages.is_some_and(|pages| number >= pages) {
                break;
            }
            if !self.counted && !page.new {
                pass.trouble = Some(format!("page {number} repeats what the pages before it had"));
                break;
            }
        }
        match total {
            Some(total) if pass.trouble.is_none() && total != pass.ids.len() as u64 => {
                pass.trouble = Some(format!("{} different records of {total}", pass.ids.len()));
            }
            _ => {}
        }
        Ok(pass)
    }

    fn page<'a>(&self, url: &str, body: &'a [u8], pass: &mut Pass) -> Result<Found<'a>, FetchError> {
        let unfit = |detail: &str| FetchError::Client { url: url.to_owned(), detail: detail.to_owned() };
        let page =
            Page::cut(body).filter(Page::is_envelope).ok_or_else(|| unfit("the answer has no list of records"))?;
        let mut found = Found { kept: Vec::new(), records: 0, new: false, total: None, pages: None };
        if self.counted {
            let mut scratch = Scratch::default();
            let document = scratch.parse(body).map_err(|error| unfit(&format!("no JSON: {error}")))?;
            let number = |name: &str| document.root().text_of(name).and_then(|text| text.parse::<u64>().ok());
            found.total = Some(number("totalRegistros").ok_or_else(|| unfit("the answer has no totalRegistros"))?);
            found.pages = Some(number("totalPaginas").ok_or_else(|| unfit("the answer has no totalPaginas"))?);
        }
        let mut scratch = Scratch::default();
        for text in page.records() {
            found.records += 1;
            let document = scratch.parse(text).map_err(|error| unfit(&format!("a record is no JSON: {error}")))?;
            let record = document.root();
            let id = record.text_of(self.id);
            let digest = Sha256::digest(id.as_deref().map_or(text, str::as_bytes));
            let mut short = [0; 16];
            short.copy_from_slice(&digest[..16]);
            found.new |= pass.ids.insert(short);
            if (self.keep)(record) {
                found.kept.push(text);
                pass.kept += 1;
            } else {
                pass.dropped += 1;
            }
        }
        if found.records > 0 && found.kept.is_empty() {
            return Err(FetchError::FilterIgnored { url: url.to_owned(), filter: self.filter.clone() });
        }
        Ok(found)
    }
}

/// What stands on a page.
struct Found<'a> {
    kept: Vec<&'a [u8]>,
    records: u64,
    /// Whether any of them was not seen before.
    new: bool,
    /// Records and pages that the list says it has.
    total: Option<u64>,
    pages: Option<u64>,
}
