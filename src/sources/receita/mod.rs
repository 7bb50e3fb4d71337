//! The register of companies: `Dados Abertos CNPJ` of the Receita Federal.
//!
//! Files without a header, `;`, every field quoted, ISO-8859-1 (at places Windows-1252), days as `AAAAMMDD` with `0` for
//! none. Fields are known by their place, so that a file counts as one of these only if its name *and* its rows say so, or
//! if all of its first rows do. The register is published each month as a whole, in up to ten parts of each kind.

mod activities;
mod companies;
mod contacts;
mod establishments;
mod partners;
mod regimes;
#[cfg(test)]
mod tests;
mod values;

use std::io;
use std::path::Path;

use chrono::NaiveDate;

use super::fields::Fields;
use super::portal::Layout;
use super::records::{Records, Step};
use crate::model::{Table, fold};

pub(crate) use activities::Activities;
pub(crate) use companies::Companies;
pub(crate) use establishments::Establishments;
pub(crate) use partners::Partners;
pub(crate) use regimes::Regimes;
use values::{day_of, is_code, is_day, is_root};

/// Rows that tell what a file is.
const FIRST_ROWS: usize = 20;
/// The layout exists since this year, so that the last digit of a year tells it until ten years later.
const FIRST_YEAR: i32 = 2021;

/// Kind of a file of the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `EMPRECSV`: companies, one row a root.
    Companies,
    /// `ESTABELE`: establishments, one row a CNPJ.
    Establishments,
    /// `SOCIOCSV`: partners and administrators.
    Partners,
    /// `SIMPLES`: who is and was under Simples and MEI.
    Regimes,
    /// `CNAECSV`: names of economic activities.
    Activities,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Companies, Self::Establishments, Self::Partners, Self::Regimes, Self::Activities];

    /// Source in the lake.
    pub(crate) const fn source(self) -> &'static str {
        match self {
            Self::Companies => "receita:empresas",
            Self::Establishments => "receita:estabelecimentos",
            Self::Partners => "receita:socios",
            Self::Regimes => "receita:simples",
            Self::Activities => "receita:cnaes",
        }
    }

    /// The table that its rows go to.
    pub(crate) const fn table(self) -> Table {
        match self {
            Self::Companies => Table::Companies,
            Self::Establishments => Table::Establishments,
            Self::Partners => Table::Partners,
            Self::Regimes => Table::TaxRegimes,
            Self::Activities => Table::Activities,
        }
    }

    /// Names of the columns, in their order.
    pub(crate) const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Companies => Companies::COLUMNS,
            Self::Establishments => Establishments::COLUMNS,
            Self::Partners => Partners::COLUMNS,
            Self::Regimes => Regimes::COLUMNS,
            Self::Activities => Activities::COLUMNS,
        }
    }

    /// What a part of the official name says that is between points, and what archives and files that somebody renamed
    /// are called.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Companies => ("EMPRECSV", "empresas"),
            Self::Establishments => ("ESTABELE", "estabelecimentos"),
            Self::Partners => ("SOCIOCSV", "socios"),
            Self::Regimes => ("SIMPLES", "simples"),
            Self::Activities => ("CNAECSV", "cnaes"),
        }
    }

    /// The kind that a name says: `K3241.K03200Y0.D31111.EMPRECSV`, `Empresas0.csv`, `Empresas0.zip`.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let official = name.to_ascii_uppercase();
        let stem = Path::new(name).file_stem()?.to_str()?;
        let renamed = fold(stem.trim_end_matches(|c: char| c.is_ascii_digit()));
        let is_renamed = [".csv", ".zip"].iter().any(|end| name.to_ascii_lowercase().ends_with(end));
        Self::ALL.into_iter().find(|kind| {
            let (part, word) = kind.names();
            official.split('.').skip(1).any(|own| own == part) || (is_renamed && renamed.trim() == word)
        })
    }

    /// Whether a row has the fields that the kind has. What a blank may stand for is left open.
    fn fits(self, row: &Fields) -> bool {
        let text = |place: usize| row.get(place).trim();
        let one_of = |place: usize, of: &[&str]| of.contains(&text(place));
        row.len() == self.columns().len()
            && match self {
                Self::Companies => {
                    is_root(text(0))
                        && is_code(text(2), 4)
                        && text(4).contains(',')
                        && one_of(5, &["", "00", "01", "03", "05"])
                }
                Self::Establishments => {
                    is_root(text(0))
                        && text(1).len() == 4
                        && is_code(text(2), 2)
                        && one_of(3, &["1", "2"])
                        && one_of(5, &["01", "02", "03", "04", "08", "1", "2", "3", "4", "8"])
                        && is_day(text(6))
                        && is_day(text(10))
                }
                Self::Partners => is_root(text(0)) && one_of(1, &["1", "2", "3"]) && is_day(text(5)),
                Self::Regimes => {
                    is_root(text(0))
                        && [1, 4].into_iter().all(|place| one_of(place, &["", "S", "N"]))
                        && [2, 3, 5, 6].into_iter().all(|place| is_day(text(place)))
                }
                Self::Activities => is_code(text(0), 7) && !text(1).is_empty(),
            }
    }

    /// The kind of a file that begins so: the one that its name says, if one of its first rows is of it; else the one that
    /// all of its first rows are of. Seven digits and a text are too little to go by without a name.
    ///
    /// # Errors
    /// If the beginning cannot be read.
    pub(crate) fn detect(named: Option<Self>, head: &[u8]) -> io::Result<Option<Self>> {
        let fits = |kind: Self| -> io::Result<(usize, usize)> {
            let Some(mut records) = Records::without_header(head, kind.columns())? else { return Ok((0, 0)) };
            let (mut fitting, mut seen) = (0, 0);
            while seen < FIRST_ROWS {
                let Some(step) = records.step()? else { break };
                seen += 1;
                fitting += usize::from(matches!(step, Step::Record(_, row) if kind.fits(row)));
            }
            Ok((fitting, seen))
        };
        if let Some(kind) = named {
            return Ok((fits(kind)?.0 > 0).then_some(kind));
        }
        for kind in Self::ALL.into_iter().filter(|kind| *kind != Self::Activities) {
            let (fitting, seen) = fits(kind)?;
            if seen > 0 && fitting == seen {
                return Ok(Some(kind));
            }
        }
        Ok(None)
    }
}

/// The dataset of a file: its source and its part of the month's ten, which the same part of another month replaces; of a
/// kind that has no parts its source alone.
pub(crate) fn dataset(kind: Kind, file_name: &str) -> String {
    if matches!(kind, Kind::Regimes | Kind::Activities) {
        return kind.source().to_owned();
    }
    let stem = Path::new(file_name).file_stem().map_or_else(|| file_name.into(), |stem| stem.to_string_lossy());
    let upper = file_name.to_ascii_uppercase();
    let official = upper.split('.').find_map(|own| own.strip_prefix("K03200Y"));
    let renamed = stem.strip_prefix(stem.trim_end_matches(|c: char| c.is_ascii_digit()));
    let is_number = |text: &&str| !text.is_empty() && text.len() < 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    let part =
        official.filter(is_number).or_else(|| renamed.filter(is_number).filter(|_| Kind::of_name(file_name).is_some()));
    format!("{}/{}", kind.source(), part.unwrap_or(&stem))
}

/// The day as of which a file was made: `D31111` of its official name is 2023-11-11. `None` if the name does not say.
pub(crate) fn edition_day(file_name: &str) -> Option<NaiveDate> {
    let day = file_name.split('.').find_map(|own| {
        let digits = own.strip_prefix(['D', 'd'])?;
        (digits.len() == 5 && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
    })?;
    let digits: u32 = day.parse().ok()?;
    let year = FIRST_YEAR + ((digits / 10_000) as i32 - FIRST_YEAR).rem_euclid(10);
    day_of(year.unsigned_abs() * 10_000 + digits % 10_000)
}

/// Whether a file or archive has one of the official names.
pub(crate) fn is_official(name: &str) -> bool {
    Kind::of_name(name).is_some()
}
