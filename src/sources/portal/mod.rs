//! Bulk files of the Portal da Transparência (CGU).
//!
//! Columns are found by their folded names, in any order; a column that is not named here is
//! ignored. ISO-8859-1, `;`, decimal comma, `DD/MM/AAAA`.

mod amendments;
mod contracts;
mod items;
mod notes;
mod values;

use std::path::Path;

use sha2::{Digest, Sha256};

use super::fault::{Fault, Reason};
use super::pii::{PiiKey, hex};
use super::records::Fields;
use crate::lake::{LakeError, TableWriter};
use crate::model::{Table, fold};

pub(crate) use amendments::Amendments;
pub(crate) use contracts::{Contracts, modality};
pub(crate) use items::Items;
pub(crate) use notes::Notes;

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
    /// `Apostilamento`: notes on them; counted, no canonical table holds them yet.
    Notes,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Contracts, Self::Items, Self::Amendments, Self::Notes];

    /// Source in the lake.
    pub(crate) const fn source(self) -> &'static str {
        match self {
            Self::Contracts => "portal:compras",
            Self::Items => "portal:itens",
            Self::Amendments => "portal:termos-aditivos",
            Self::Notes => "portal:apostilamentos",
        }
    }

    /// What the summary of an import calls its rows.
    pub(crate) const fn counted_as(self) -> &'static str {
        match self {
            Self::Contracts => Table::Contracts.as_str(),
            Self::Items => Table::ContractItems.as_str(),
            Self::Amendments => Table::Amendments.as_str(),
            Self::Notes => NOTES,
        }
    }

    const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Contracts => Contracts::COLUMNS,
            Self::Items => Items::COLUMNS,
            Self::Amendments => Amendments::COLUMNS,
            Self::Notes => Notes::COLUMNS,
        }
    }

    /// The kind that a file name says: `202401_Compras.csv`, `compras.csv`.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let stem = name.to_ascii_lowercase().strip_suffix(".csv")?.to_owned();
        let stem = period(&stem).map_or(stem.as_str(), |period| &stem[period.len() + 1..]);
        Some(match stem {
            "compras" => Self::Contracts,
            "itemcompra" => Self::Items,
            "termoaditivo" => Self::Amendments,
            "apostilamento" => Self::Notes,
            _ => return None,
        })
    }

    /// The kind that a header says: the one whose columns are all there.
    pub(crate) fn of_header(header: &Fields) -> Option<Self> {
        let names: Vec<String> = header.iter().map(fold).collect();
        Self::ALL.into_iter().find(|kind| kind.columns().iter().all(|column| names.iter().any(|name| name == column)))
    }
}

/// The dataset of a file: its source and its month, or its source and its name.
pub(crate) fn dataset(kind: Kind, file_name: &str) -> String {
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

/// Where a row comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Provenance<'a> {
    pub(crate) file: &'a str,
    pub(crate) line: i64,
    pub(crate) import_id: &'a str,
    pub(crate) id: &'a str,
    pub(crate) status: &'a str,
}

/// The columns of a file that a layout reads, by position in the file.
#[derive(Debug, Clone)]
pub(crate) struct ColumnMap(Vec<usize>);

impl ColumnMap {
    /// Finds `columns` in a header.
    ///
    /// # Errors
    /// The folded name of the first column that is missing or stands there twice, and how often.
    pub(crate) fn locate(header: &Fields, columns: &[&'static str]) -> Result<Self, (&'static str, usize)> {
        let names: Vec<String> = header.iter().map(fold).collect();
        let locate = |column: &&'static str| {
            let mut places = (0..names.len()).filter(|place| names[*place] == *column);
            match (places.next(), places.count()) {
                (Some(place), 0) => Ok(place),
                (Some(_), more) => Err((*column, more + 1)),
                (None, _) => Err((*column, 0)),
            }
        };
        columns.iter().map(locate).collect::<Result<_, _>>().map(Self)
    }

    /// Position in the file of a column of the layout.
    pub(crate) fn place(&self, column: usize) -> usize {
        self.0.get(column).copied().unwrap_or(usize::MAX)
    }
}

/// One record, read through the columns of a layout.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Published<'a> {
    pub(crate) fields: &'a Fields,
    pub(crate) columns: &'a ColumnMap,
}

impl<'a> Published<'a> {
    /// The text of a column as published.
    fn raw(&self, column: usize) -> &'a str {
        self.fields.get(self.columns.place(column))
    }

    /// The text of a column, without blanks around it.
    fn text(&self, column: usize) -> &'a str {
        self.raw(column).trim()
    }

    /// The text of a column; `None` if blank.
    fn optional(&self, column: usize) -> Option<&'a str> {
        Some(self.text(column)).filter(|text| !text.is_empty())
    }

    /// The text of a column that no row can do without.
    fn required(&self, column: usize) -> Result<&'a str, Fault> {
        self.optional(column).ok_or(Fault { column, reason: Reason::RequiredBlank })
    }
}

/// How one kind of file becomes rows of a canonical table.
pub(crate) trait Layout {
    /// Folded names of the columns that it reads.
    const COLUMNS: &'static [&'static str];
    /// The table; `None` where rows are only counted.
    const TABLE: Option<Table>;
    /// A row that can be taken in.
    type Row<'a>;

    /// Reads a record.
    fn read<'a>(published: Published<'a>) -> Result<Self::Row<'a>, Fault>;

    /// The id of a row, and for a table whose later rows replace earlier ones the identity that
    /// they share; it may be finer than the id.
    fn id(row: &Self::Row<'_>) -> (String, Option<u128>);

    /// Whether the row names no supplier although its kind has one.
    fn without_supplier(_row: &Self::Row<'_>) -> bool {
        false
    }

    /// Writes a row.
    fn write(
        row: &Self::Row<'_>,
        from: Provenance<'_>,
        key: &PiiKey,
        writer: &mut TableWriter,
    ) -> Result<(), LakeError>;
}

/// SHA-256 of texts, told apart by their lengths.
fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn first_hex(digest: &[u8; 32]) -> String {
    hex(&digest[..4])
}

/// A published code as part of an id that stands in URLs.
fn slug(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// The description of an item or the object of a contract folded, without the word that only says
/// that it is the object.
fn fold_object(object: &str) -> String {
    let folded = fold(object);
    match folded.split_once(' ') {
        Some(("objeto" | "objetivo", rest)) => rest.to_owned(),
        _ if matches!(folded.as_str(), "objeto" | "objetivo") => String::new(),
        _ => folded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_kind_and_dataset() {
        assert_eq!(Kind::of_name("202401_Compras.csv"), Some(Kind::Contracts));
        assert_eq!(Kind::of_name("TERMOADITIVO.CSV"), Some(Kind::Amendments));
        assert_eq!(Kind::of_name("202413_Compras.csv"), None);
        assert_eq!(Kind::of_name("labels.csv"), None);
        assert_eq!(Kind::of_name("Compras"), None);
        assert_eq!(dataset(Kind::Contracts, "202401_Compras.csv"), "portal:compras/202401");
        assert_eq!(dataset(Kind::Items, "meus itens.csv"), "portal:itens/meus itens");
        assert_eq!(dataset(Kind::Items, "20240_1.csv"), "portal:itens/20240_1");
    }

    #[test]
    fn the_word_object_is_dropped_once() {
        assert_eq!(fold_object("Objeto: Aquisição de café"), "aquisicao de cafe");
        assert_eq!(fold_object("OBJETIVO: PRORROGAÇÃO"), "prorrogacao");
        assert_eq!(fold_object("Objetos de arte"), "objetos de arte");
        assert_eq!(fold_object("Objeto:"), "");
    }

    #[test]
    fn digests_tell_parts_apart() {
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
        assert_eq!(slug("12/2024 é"), "12-2024--");
    }
}
