//! Answers of APIs, kept as files: pages of PNCP, and answers of the REST API of the Portal da Transparência.
//!
//! A file is one JSON document: a page (`{"data": […]}`), an array, or one record. As of bulk files the
//! first pass decides which records count, the second writes them; what is kept in memory is one page
//! and a few dozen bytes a record.

mod page;
mod pncp;
mod portal;
mod record;
mod row;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::io::Read;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::ImportError;
use super::fault::{Quarantine, Reason};
use super::file::Target;
use super::input::Input;
use super::ocds::json::{Scratch, View};
use super::pii::hex;
use super::portal::Provenance;
use crate::lake::{TableWriter, schema};
use crate::model::{LakeFile, Table, TableQuality};
pub(crate) use page::{Page, member};
pub(crate) use pncp::ControlNumber;
#[cfg(feature = "fuzzing")]
pub(in crate::sources) use record::plain_decimal;
use record::{Fault, Record};
use row::{Content, Row};

/// Longest document; pages that are published have less than two megabytes.
pub(crate) const MAX_BYTES: u64 = 64 << 20;

/// What an API answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// PNCP, `/v1/contratos`: contracts.
    PncpContracts,
    /// PNCP, `/v1/contratacoes/publicacao`: tenders, direct awards among them.
    PncpTenders,
    /// PNCP, items of tenders with their results.
    PncpItems,
    /// Portal da Transparência, `/contratos`: contracts.
    PortalContracts,
    /// Portal da Transparência, `/licitacoes`: tenders.
    PortalTenders,
}

impl Kind {
    /// Source in the lake.
    pub(crate) const fn source(self) -> &'static str {
        match self {
            Self::PncpContracts => "pncp:contratos",
            Self::PncpTenders => "pncp:contratacoes",
            Self::PncpItems => "pncp:itens",
            Self::PortalContracts => "portal-api:contratos",
            Self::PortalTenders => "portal-api:licitacoes",
        }
    }

    /// The table that its records are rows of.
    pub(crate) const fn table(self) -> Table {
        match self {
            Self::PncpContracts | Self::PortalContracts => Table::Contracts,
            Self::PncpTenders | Self::PortalTenders => Table::Tenders,
            Self::PncpItems => Table::TenderItems,
        }
    }

    /// Whether PNCP publishes it.
    pub(crate) const fn is_pncp(self) -> bool {
        matches!(self, Self::PncpContracts | Self::PncpTenders | Self::PncpItems)
    }

    /// The kind of a record, by the members that it has.
    fn of_record(record: View<'_>) -> Option<Self> {
        let has = |names: &[&str]| names.iter().any(|name| record.members().any(|(own, _)| own == *name));
        if has(&pncp::OWN_NUMBER) {
            return match () {
                () if has(&["item"]) => Some(Self::PncpItems),
                () if has(&["objetoContrato", "numeroContratoEmpenho", "niFornecedor"]) => Some(Self::PncpContracts),
                () if has(&["objetoCompra", "modalidadeId", "numeroCompra"]) => Some(Self::PncpTenders),
                () => None,
            };
        }
        if has(&["unidadeGestora"]) {
            return match () {
                () if has(&["fornecedor", "valorInicialCompra", "dataAssinatura"]) => Some(Self::PortalContracts),
                () if has(&["licitacao", "modalidadeLicitacao", "situacaoCompra"]) => Some(Self::PortalTenders),
                () => None,
            };
        }
        None
    }

    fn read(self, record: View<'_>) -> Result<Row, Fault> {
        if !record.is_object() {
            return Err(Fault { member: "", reason: Reason::NotAnObject, value: String::new() });
        }
        let record = &Record::new(record);
        match self {
            Self::PncpContracts => pncp::contract(record),
            Self::PncpTenders => pncp::tender(record),
            Self::PncpItems => pncp::item(record),
            Self::PortalContracts => portal::contract(record),
            Self::PortalTenders => portal::tender(record),
        }
    }
}

/// What the beginning of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detected {
    Records(Kind),
    /// Of these APIs, but no data; why.
    NoData(&'static str),
}

/// What the beginning of a file is, if it is of one of these APIs.
pub(crate) fn detect(head: &[u8]) -> Option<Detected> {
    let page = Page::cut(head)?;
    let mut scratch = Scratch::default();
    for record in page.records() {
        let Ok(document) = scratch.parse(record) else { continue };
        let root = document.root();
        if let Some(kind) = Kind::of_record(root) {
            return Some(Detected::Records(kind));
        }
        break;
    }
    match () {
        () if page.is_description() => Some(Detected::NoData("the description of an API (Swagger), no data")),
        () if page.is_envelope() && page.records().next().is_none() => Some(Detected::NoData("a page without records")),
        () => None,
    }
}

/// What the first pass found out about the files of a dataset.
#[derive(Debug)]
pub(crate) struct Scan {
    /// SHA-256 of all their bytes, in lower-case hex.
    pub(crate) content_hash: String,
    plan: Vec<Planned>,
    pub(crate) duplicates: i64,
    pub(crate) superseded: i64,
    pub(crate) without_supplier: i64,
    pub(crate) not_spending: i64,
    pub(crate) rounded: i64,
    pub(crate) quarantine: Quarantine,
}

impl Scan {
    /// Records that are taken in, duplicates and superseded ones with them.
    pub(crate) fn rows(&self) -> i64 {
        self.plan.len() as i64
    }
}

/// What becomes of one record.
#[derive(Debug)]
struct Planned {
    status: &'static str,
    /// Records before it that have the same id but are not of the same thing.
    occurrence: u32,
    /// Start of the hash of the record, to notice a file that changes between the passes.
    content: u64,
}

/// A record at its place.
struct Place<'a> {
    file: &'a str,
    /// Which record of its file, the first being 1.
    number: i64,
    text: &'a [u8],
}

/// What is done with each record.
type Visit<'a> = dyn FnMut(&Place<'_>, Result<Row, Fault>) -> Result<(), ImportError> + 'a;

/// Gives every record of the files to `visit`, in their order, read or with what is wrong with it.
fn each(
    input: &Input,
    kind: Kind,
    report: &mut dyn FnMut(u64, i64),
    visit: &mut Visit<'_>,
) -> Result<String, ImportError> {
    let mut hash = Sha256::new();
    let mut scratch = Scratch::default();
    let (mut done, mut seen) = (0, 0);
    for source in &input.sources {
        let mut bytes = Vec::new();
        source.read(|reader| {
            reader.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| source.failed(error))?;
            Ok(())
        })?;
        let damaged = |detail: &str| ImportError::Document { file: source.name.clone(), detail: detail.to_owned() };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(damaged("larger than 64 MiB, which no page of an API is"));
        }
        hash.update(&bytes);
        if input.sources.len() > 1 {
            hash.update((bytes.len() as u64).to_le_bytes());
        }
        let page = Page::cut(&bytes).filter(Page::is_whole);
        let page = page.ok_or_else(|| damaged("cut off, or more than one JSON document"))?;
        for (number, text) in (1..).zip(page.records()) {
            let place = Place { file: &source.name, number, text };
            let read = match scratch.parse(text) {
                Ok(document) => kind.read(document.root()),
                Err(_) => {
                    let value = String::from_utf8_lossy(&text[..text.len().min(1_024)]).into_owned();
                    Err(Fault { member: "", reason: Reason::InvalidJson, value })
                }
            };
            seen += i64::from(read.is_ok());
            visit(&place, read)?;
        }
        done += bytes.len() as u64;
        report(done, seen);
    }
    Ok(hex(&hash.finalize()))
}

fn first_128(text: &[u8]) -> u128 {
    Sha256::digest(text).iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// What is known of a thing so far.
struct Latest {
    index: usize,
    occurrence: u32,
    updated: Option<DateTime<Utc>>,
}

/// First pass: hashes the files, tells good records from bad ones and the one that counts from others.
///
/// # Errors
/// If a file cannot be read, or is no whole JSON document.
pub(crate) fn scan(input: &Input, kind: Kind, report: &mut dyn FnMut(u64, i64)) -> Result<Scan, ImportError> {
    let mut plan: Vec<Planned> = Vec::new();
    let mut contents = HashSet::new();
    let mut latest: HashMap<u128, Latest> = HashMap::new();
    let mut occurrences: HashMap<u128, u32> = HashMap::new();
    let mut quarantine = Quarantine::default();
    let (mut duplicates, mut superseded, mut without_supplier, mut not_spending, mut rounded) = (0, 0, 0, 0, 0);
    let content_hash = each(input, kind, report, &mut |place, read| {
        let row = match read {
            Ok(row) => row,
            Err(fault) => {
                quarantine.add(place.file, place.number, fault.member, fault.reason, &fault.value);
                return Ok(());
            }
        };
        let content = first_128(place.text);
        let known = latest.get_mut(&row.identity);
        let mut status = if row.spending { schema::CURRENT } else { schema::NOT_SPENDING };
        let occurrence = match &known {
            Some(known) => known.occurrence,
            None => {
                let next = occurrences.entry(first_128(row.id.as_bytes())).or_default();
                *next += 1;
                *next - 1
            }
        };
        let repeats = !contents.insert(content);
        match known {
            _ if repeats => {
                status = schema::DUPLICATE;
                duplicates += 1;
            }
            Some(known) if row.updated < known.updated => {
                status = schema::SUPERSEDED;
                superseded += 1;
            }
            known => {
                if let Some(replaced) = known.and_then(|known| plan.get_mut(known.index)) {
                    replaced.status = schema::SUPERSEDED;
                    superseded += 1;
                }
                latest.insert(row.identity, Latest { index: plan.len(), occurrence, updated: row.updated });
            }
        }
        if let Content::Contract(contract) = &row.content {
            without_supplier += i64::from(contract.supplier.person().kind == crate::model::TaxIdKind::Secret);
        }
        not_spending += i64::from(!row.spending);
        rounded += row.rounded;
        // The upper half, which is as good as any.
        plan.push(Planned { status, occurrence, content: (content >> 64) as u64 });
        Ok(())
    })?;
    Ok(Scan { content_hash, plan, duplicates, superseded, without_supplier, not_spending, rounded, quarantine })
}

/// Second pass: writes `<root>/<table>/<import_id>.parquet`; `None` if there are no rows.
///
/// # Errors
/// If a file cannot be read again as it was, or the lake cannot be written.
pub(crate) fn write(
    input: &Input,
    kind: Kind,
    scan: &Scan,
    target: Target<'_>,
    report: &mut dyn FnMut(u64, i64),
) -> Result<Option<(LakeFile, Option<TableQuality>)>, ImportError> {
    if scan.plan.is_empty() {
        return Ok(None);
    }
    let changed = || ImportError::FileChanged { file: input.name.clone() };
    let Target { root, import_id, key, today } = target;
    let mut writer = TableWriter::create(root, kind.table(), import_id)?.counting(today)?;
    let mut plan = scan.plan.iter();
    let content_hash = each(input, kind, report, &mut |place, read| {
        let Ok(row) = read else { return Ok(()) };
        let planned = plan.next().filter(|planned| planned.content == (first_128(place.text) >> 64) as u64);
        let planned = planned.ok_or_else(changed)?;
        let id = match planned.occurrence {
            0 => row.id.clone(),
            more => format!("{}-{}", row.id, more + 1),
        };
        let from = Provenance { file: place.file, line: place.number, import_id, id: &id, status: planned.status };
        Ok(row.write(kind.source(), from, key, &mut writer)?)
    })?;
    if content_hash != scan.content_hash {
        return Err(changed());
    }
    Ok(Some(writer.finish_counted()?))
}
