use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Table;

/// What the rows of one import are worth: what was left out, and what of the rest is missing, wrong or
/// doubtful. Stored with the import.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct QualityReport {
    /// Rows taken in, duplicates and superseded ones with them; of OCDS, releases and records.
    pub rows: i64,
    /// Of these, those that repeat an earlier one to the letter.
    pub duplicates: i64,
    /// Rows that could not be taken in.
    pub quarantined: i64,
    /// The same, by reason.
    pub quarantined_by_reason: BTreeMap<String, i64>,
    /// Numbers with more decimals than the lake has, rounded half up.
    pub amounts_rounded: i64,
    /// Values of another type than their standard says, left out of rows that were taken in.
    pub values_unreadable: i64,
    /// The tables that the import has rows of.
    pub tables: Vec<TableQuality>,
}

/// What the rows of one table of an import are worth. All counts but the first four are of current rows alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableQuality {
    /// The table.
    pub table: Table,
    /// Rows, whatever their status.
    pub rows: i64,
    /// Rows that repeat another one to the letter.
    pub duplicates: i64,
    /// Rows that a later one with the same key replaces.
    pub superseded: i64,
    /// Rows that tell of no spending; reports of before they were counted have none.
    #[serde(default)]
    pub not_spending: i64,
    /// Rows whose source writes a placeholder in place of a value, by what is missing.
    pub sentinels: BTreeMap<String, i64>,
    /// Rows with a CPF or CNPJ whose check digits are wrong.
    pub invalid_ids: i64,
    /// Rows with a value that can hardly be right, by rule; a row may break several.
    pub implausible: BTreeMap<String, i64>,
    /// Rows whose contract or tender the lake does not hold; none where the table has no such rows.
    pub orphans: Option<i64>,
    /// How many rows have a value in each column, in the order of the schema.
    pub coverage: Vec<Coverage>,
}

/// How much of a column is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The column.
    pub column: String,
    /// Current rows with a value: neither null nor an empty text.
    pub filled: i64,
}

/// How much of a column the rows that count in a version of the lake have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedColumn {
    /// Table and column, as `contracts.signature_date`.
    pub column: String,
    /// Rows with a value.
    pub filled: i64,
    /// Rows.
    pub rows: i64,
}

impl PublishedColumn {
    /// Table and column of a name as `contracts.signature_date`.
    pub fn parse(name: &str) -> Option<(Table, &str)> {
        let (table, column) = name.split_once('.')?;
        Some((Table::parse(table)?, column))
    }

    /// What reports of imports say of a column; `None` if they know of no row of its table.
    pub fn of(reports: &[QualityReport], name: &str) -> Option<Self> {
        let (table, column) = Self::parse(name)?;
        let of_table = || reports.iter().flat_map(|report| &report.tables).filter(|own| own.table == table);
        let coverage = of_table().flat_map(|own| &own.coverage).filter(|own| own.column == column);
        let (filled, rows) = (coverage.map(|own| own.filled).sum(), of_table().map(TableQuality::current).sum());
        (rows > 0).then(|| Self { column: name.to_owned(), filled, rows })
    }
}

impl TableQuality {
    /// Rows that count.
    pub const fn current(&self) -> i64 {
        self.rows - self.duplicates - self.superseded - self.not_spending
    }

    /// Share of the current rows that a column has a value in, 0 to 1; 0 where there are no rows.
    pub fn share(&self, coverage: &Coverage) -> f64 {
        if self.current() == 0 { 0.0 } else { coverage.filled as f64 / self.current() as f64 }
    }
}

impl QualityReport {
    /// Rows of all tables that `count` counts.
    fn sum(&self, count: impl Fn(&TableQuality) -> i64) -> i64 {
        self.tables.iter().map(count).sum()
    }

    /// Placeholders in place of values, in all tables.
    pub fn sentinels(&self) -> i64 {
        self.sum(|table| table.sentinels.values().sum())
    }

    /// Tax ids that fail their check digits, in all tables.
    pub fn invalid_ids(&self) -> i64 {
        self.sum(|table| table.invalid_ids)
    }

    /// Values that can hardly be right, in all tables.
    pub fn implausible(&self) -> i64 {
        self.sum(|table| table.implausible.values().sum())
    }

    /// Rows whose contract or tender is not there, in all tables.
    pub fn orphans(&self) -> i64 {
        self.sum(|table| table.orphans.unwrap_or(0))
    }

    /// Rows that a later one replaces, in all tables.
    pub fn superseded(&self) -> i64 {
        self.sum(|table| table.superseded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_several_imports_are_added_up() {
        let table = |rows, duplicates, filled| TableQuality {
            table: Table::Contracts,
            rows,
            duplicates,
            superseded: 0,
            not_spending: 1,
            sentinels: BTreeMap::new(),
            invalid_ids: 0,
            implausible: BTreeMap::new(),
            orphans: None,
            coverage: vec![Coverage { column: "signature_date".to_owned(), filled }],
        };
        let reports: Vec<QualityReport> = [(11, 0, 10), (8, 2, 3)]
            .map(|(rows, duplicates, filled)| QualityReport {
                tables: vec![table(rows, duplicates, filled)],
                ..QualityReport::default()
            })
            .into();
        let of = |name: &str| PublishedColumn::of(&reports, name).map(|one| (one.filled, one.rows));
        assert_eq!(of("contracts.signature_date"), Some((13, 15)));
        assert_eq!(of("contracts.legal_basis"), Some((0, 15)));
        assert_eq!([of("tenders.period_end"), of("contracts"), of("x.y")], [None; 3]);
    }
}
