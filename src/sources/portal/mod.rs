//! Bulk files of the Portal da Transparência (CGU).
//!
//! Columns are found by their folded names, in any order; a column that is not named here is
//! ignored. ISO-8859-1, `;`, decimal comma, `DD/MM/AAAA`; files that somebody saved again are read too
//! ([`Dialect::Resaved`]).

mod amendments;
mod commitments;
mod contracts;
mod items;
mod participants;
mod sanctions;
mod tender_items;
mod tender_ref;
mod tenders;
#[cfg(test)]
mod tests;
mod values;

use std::borrow::Cow;
use std::path::Path;

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use super::fault::{Fault, Reason};
use super::fields::Fields;
use super::pii::{PiiKey, hex};
use super::records::Dialect;
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Table, fold, trimmed};

pub(crate) use amendments::{Amendments, Notes};
pub(crate) use commitments::Commitments;
pub(crate) use contracts::{ContractKey, Contracts, modality};
pub(crate) use items::Items;
pub(crate) use participants::Participants;
pub(crate) use sanctions::{Agreements, Effects, Impediments, Sanctions};
pub(crate) use tender_items::TenderItems;
pub(crate) use tender_ref::TenderRef;
pub(in crate::sources) use tender_ref::is_sentinel;
pub(crate) use tenders::Tenders;
pub(in crate::sources) use values::parse_date;
#[cfg(feature = "fuzzing")]
pub(in crate::sources) use values::parse_quantity;

/// What the summary of an import calls notes on contracts.
pub(crate) const NOTES: &str = "apostilamentos";

/// Kind of a bulk file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `Compras`: contracts.
    Contracts,
    /// `ItemCompra`: their items.
    Items,
    /// `TermoAditivo`: their amendments.
    Amendments,
    /// `Apostilamento`: notes on them, in the table of amendments.
    Notes,
    /// `Licitação`: tenders.
    Tenders,
    /// `ItemLicitação`: their items and who won them.
    TenderItems,
    /// `ParticipantesLicitação`: who took part in them.
    Participants,
    /// `EmpenhosRelacionados`: commitments that they gave rise to.
    Commitments,
    /// `CEIS`: who may not contract.
    Ceis,
    /// `CNEP`: who was punished under Lei 12.846/2013.
    Cnep,
    /// `CEPIM`: non-profits that may get no transfers.
    Cepim,
    /// `Acordos`: leniency agreements.
    Agreements,
    /// `Efeitos`: what these bring about.
    Effects,
}

impl Kind {
    /// In the order in which a header is compared: of the two lists of sanctions, that with a column of fines
    /// first.
    const ALL: [Self; 13] = [
        Self::Contracts,
        Self::Items,
        Self::Amendments,
        Self::Notes,
        Self::Participants,
        Self::TenderItems,
        Self::Tenders,
        Self::Commitments,
        Self::Cnep,
        Self::Ceis,
        Self::Cepim,
        Self::Agreements,
        Self::Effects,
    ];

    /// Source in the lake.
    pub(crate) const fn source(self) -> &'static str {
        match self {
            Self::Contracts => "portal:compras",
            Self::Items => "portal:itens",
            Self::Amendments => "portal:termos-aditivos",
            Self::Notes => "portal:apostilamentos",
            Self::Tenders => "portal:licitacoes",
            Self::TenderItems => "portal:itens-licitacao",
            Self::Participants => "portal:participantes",
            Self::Commitments => "portal:empenhos",
            Self::Ceis => "portal:ceis",
            Self::Cnep => "portal:cnep",
            Self::Cepim => "portal:cepim",
            Self::Agreements => "portal:acordos-leniencia",
            Self::Effects => "portal:efeitos-leniencia",
        }
    }

    /// What the summary of an import calls its rows.
    pub(crate) const fn counted_as(self) -> &'static str {
        match self {
            Self::Contracts => Table::Contracts.as_str(),
            Self::Items => Table::ContractItems.as_str(),
            Self::Amendments => Table::Amendments.as_str(),
            Self::Notes => NOTES,
            Self::Tenders => Table::Tenders.as_str(),
            Self::TenderItems => Table::TenderItems.as_str(),
            Self::Participants => Table::Bids.as_str(),
            Self::Commitments => Table::Payments.as_str(),
            Self::Ceis | Self::Cnep | Self::Cepim | Self::Agreements | Self::Effects => Table::Sanctions.as_str(),
        }
    }

    /// Whether a file is the whole list as of its day, and not what was published in its month.
    pub(crate) const fn is_snapshot(self) -> bool {
        matches!(self, Self::Ceis | Self::Cnep | Self::Cepim | Self::Agreements | Self::Effects)
    }

    /// Whether a header has every column that the kind cannot do without.
    fn fits(self, header: &Fields) -> bool {
        match self {
            Self::Contracts => ColumnMap::locate::<Contracts>(header).is_ok(),
            Self::Items => ColumnMap::locate::<Items>(header).is_ok(),
            Self::Amendments => ColumnMap::locate::<Amendments>(header).is_ok(),
            Self::Notes => ColumnMap::locate::<Notes>(header).is_ok(),
            Self::Tenders => ColumnMap::locate::<Tenders>(header).is_ok(),
            Self::TenderItems => ColumnMap::locate::<TenderItems>(header).is_ok(),
            Self::Participants => ColumnMap::locate::<Participants>(header).is_ok(),
            Self::Commitments => ColumnMap::locate::<Commitments>(header).is_ok(),
            Self::Ceis => ColumnMap::locate::<Sanctions>(header).is_ok(),
            Self::Cnep => Self::Ceis.fits(header) && header.iter().any(|name| fold(name) == "valor da multa"),
            Self::Cepim => ColumnMap::locate::<Impediments>(header).is_ok(),
            Self::Agreements => ColumnMap::locate::<Agreements>(header).is_ok(),
            Self::Effects => ColumnMap::locate::<Effects>(header).is_ok(),
        }
    }

    /// The kind that a file name says: `202401_Compras.csv`, `compras.csv`.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let lower = name.to_ascii_lowercase();
        let stem = lower.strip_suffix(".csv")?;
        let own = period(stem).or_else(|| snapshot_day(stem)).map_or(stem, |period| &stem[period.len() + 1..]);
        Some(match fold(own).as_str() {
            "compras" => Self::Contracts,
            "itemcompra" => Self::Items,
            "termoaditivo" => Self::Amendments,
            "apostilamento" => Self::Notes,
            "licitacao" => Self::Tenders,
            "itemlicitacao" => Self::TenderItems,
            "participanteslicitacao" => Self::Participants,
            "empenhosrelacionados" => Self::Commitments,
            "ceis" => Self::Ceis,
            "cnep" => Self::Cnep,
            "cepim" => Self::Cepim,
            "acordos" => Self::Agreements,
            "efeitos" => Self::Effects,
            _ => return None,
        })
    }

    /// The kind that a header says: the one whose columns are all there.
    pub(crate) fn of_header(header: &Fields) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.fits(header))
    }
}

/// The dataset of a file: its source and its month, or its source and its name; of a list that is
/// published as a whole its source alone, for the list of a day replaces that of the day before.
pub(crate) fn dataset(kind: Kind, file_name: &str) -> String {
    if kind.is_snapshot() {
        return kind.source().to_owned();
    }
    let stem = Path::new(file_name).file_stem().map_or_else(|| file_name.into(), |stem| stem.to_string_lossy());
    format!("{}/{}", kind.source(), period(&stem).unwrap_or(&stem))
}

/// `AAAAMM` of a name that begins `AAAAMM_`.
fn period(stem: &str) -> Option<&str> {
    let (period, _) = stem.split_once('_')?;
    let month = period.get(4..)?;
    let digits = period.len() == 6 && period.bytes().all(|byte| byte.is_ascii_digit());
    (digits && ("01"..="12").contains(&month)).then_some(period)
}

/// `AAAAMMDD` of a name that begins `AAAAMMDD_`: the day of a list that is published as a whole.
pub(crate) fn snapshot_day(name: &str) -> Option<&str> {
    let (day, _) = name.split_once('_')?;
    (day.len() == 8 && NaiveDate::parse_from_str(day, "%Y%m%d").is_ok()).then_some(day)
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provenance<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: i64,
    pub(crate) import_id: &'a str,
    pub(crate) id: &'a str,
    pub(crate) status: &'a str,
}

/// Place of a column that a file does not have.
const ABSENT: usize = usize::MAX;

/// The columns of a file that a layout reads, by position in the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct ColumnMap(Vec<usize>);

impl ColumnMap {
    /// Finds the columns of a layout in a header; one of its other names stands for a column whose usual name
    /// is not there.
    ///
    /// # Errors
    /// The folded name of the first column that is missing or stands there twice, and how often.
    pub(crate) fn locate<L: Layout>(header: &Fields) -> Result<Self, (&'static str, usize)> {
        let names: Vec<String> = header.iter().map(fold).collect();
        let locate = |column: &&'static str| {
            let others = L::OTHER_NAMES.iter().filter(|(usual, _)| usual == column).map(|(_, other)| other);
            for name in std::iter::once(column).chain(others) {
                let mut places = (0..names.len()).filter(|place| names[*place] == *name);
                match (places.next(), places.count()) {
                    (Some(place), 0) => return Ok(place),
                    (Some(_), more) => return Err((*column, more + 1)),
                    (None, _) => {}
                }
            }
            if L::OPTIONAL.contains(column) { Ok(ABSENT) } else { Err((*column, 0)) }
        };
        L::COLUMNS.iter().map(locate).collect::<Result<_, _>>().map(Self)
    }

    /// Position in the file of a column of the layout.
    pub(crate) fn place(&self, column: usize) -> usize {
        self.0.get(column).copied().unwrap_or(ABSENT)
    }
}

/// One record, read through the columns of a layout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Published<'a> {
    pub(crate) fields: &'a Fields,
    pub(crate) columns: &'a ColumnMap,
    pub(crate) dialect: Dialect,
}

impl<'a> Published<'a> {
    /// The text of a column as published.
    fn raw(&self, column: usize) -> &'a str {
        self.fields.get(self.columns.place(column))
    }

    /// Whether the file has a column that it may lack.
    fn has(&self, column: usize) -> bool {
        self.columns.place(column) != ABSENT
    }

    /// The text of a column, without blanks around it.
    pub(in crate::sources) fn text(&self, column: usize) -> &'a str {
        trimmed(self.raw(column))
    }

    /// The text of a column; `None` if blank.
    fn optional(&self, column: usize) -> Option<&'a str> {
        Some(self.text(column)).filter(|text| !text.is_empty())
    }

    /// The text of a column that no row can do without.
    pub(in crate::sources) fn required(&self, column: usize) -> Result<&'a str, Fault> {
        self.optional(column).ok_or(Fault { column, reason: Reason::RequiredBlank })
    }
}

/// How one kind of file becomes rows of a canonical table.
pub(crate) trait Layout {
    /// Folded names of the columns that it reads.
    const COLUMNS: &'static [&'static str];
    /// Names that files of other years or hands give to some of them: the usual one, another one.
    const OTHER_NAMES: &'static [(&'static str, &'static str)] = &[];
    /// Those of the columns that a file may lack.
    const OPTIONAL: &'static [&'static str] = &[];
    /// Whether a row as a whole may name a natural person, so that none is shown where it is left aside.
    const NAMES_PERSONS: bool = false;
    /// The table of its rows.
    const TABLE: Table;
    /// A row that can be taken in.
    type Row<'a>;

    /// Reads a record.
    fn read<'a>(published: Published<'a>) -> Result<Self::Row<'a>, Fault>;

    /// The id of a row, and for a table whose later rows replace earlier ones the identity that
    /// they share; it may be finer than the id, so that rows of one identity have one id.
    fn id(row: &Self::Row<'_>) -> (String, Option<u128>);

    /// Whether a row that is equal to an earlier one to the letter repeats it. Where rows have no key of their
    /// own, they may tell of things that happen to be equal.
    fn repeats(_row: &Self::Row<'_>) -> bool {
        true
    }

    /// Whether the row names no supplier although its kind has one.
    fn without_supplier(_row: &Self::Row<'_>) -> bool {
        false
    }

    /// Writes a row.
    fn write(row: &Self::Row<'_>, from: Provenance<'_>, key: &PiiKey, writer: &mut RowBuilder)
    -> Result<(), LakeError>;
}

/// SHA-256 of texts, told apart by their lengths.
pub(in crate::sources) fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
    // One call on one buffer: many small ones cost more than the hash.
    let mut text = Vec::with_capacity(512);
    for part in parts {
        text.extend_from_slice(&(part.len() as u64).to_le_bytes());
        text.extend_from_slice(part.as_bytes());
    }
    Sha256::digest(&text).into()
}

/// The first half of a digest, as a number to compare by.
pub(in crate::sources) fn first_128(digest: &[u8; 32]) -> u128 {
    digest.iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// Names that the source writes where it gives none.
pub(in crate::sources) fn is_withheld(name: &str) -> bool {
    // Hardly any name is so short that it could be one of these words, or begins like them.
    let begins = |name: &str| matches!(name.chars().find(|c| c.is_alphanumeric()), Some('s' | 'S'));
    name.len() <= 32 && begins(name) && matches!(fold(name).as_str(), "sem informacao" | "sigiloso")
}

fn first_hex(digest: &[u8; 32]) -> String {
    hex(&digest[..4])
}

/// Like [`first_hex`], for tables with so many rows of one parent that eight digits would meet.
fn long_hex(digest: &[u8; 32]) -> String {
    hex(&digest[..8])
}

/// A published code as part of an id that stands in URLs.
fn slug(text: &str) -> Cow<'_, str> {
    if text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Cow::Borrowed(text);
    }
    text.chars().take(40).map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// The description of an item or the object of a contract folded, without the word that only says
/// that it is the object.
pub(in crate::sources) fn fold_object(object: &str) -> String {
    let folded = fold(object);
    match folded.split_once(' ') {
        Some(("objeto" | "objetivo", rest)) => rest.to_owned(),
        _ if matches!(folded.as_str(), "objeto" | "objetivo") => String::new(),
        _ => folded,
    }
}
