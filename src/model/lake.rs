use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A canonical table of the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Contracts.
    Contracts,
    /// Amendments of contracts.
    Amendments,
    /// Items of contracts.
    ContractItems,
    /// Tenders, direct awards among them.
    Tenders,
    /// Items of tenders, with who won them.
    TenderItems,
    /// Who took part in tenders, and with which bid.
    Bids,
    /// What registers say about suppliers.
    Suppliers,
    /// Entries of the lists of sanctions.
    Sanctions,
    /// Commitments and payments.
    Payments,
    /// Establishments of companies, as the register of companies has them.
    Establishments,
    /// The companies that they belong to.
    Companies,
    /// Which companies are, and were, under the regimes of the smallest: Simples and MEI.
    TaxRegimes,
    /// Partners and administrators of companies.
    Partners,
    /// The names of economic activities.
    Activities,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 14] = [
        Self::Contracts,
        Self::Amendments,
        Self::ContractItems,
        Self::Tenders,
        Self::TenderItems,
        Self::Bids,
        Self::Suppliers,
        Self::Sanctions,
        Self::Payments,
        Self::Establishments,
        Self::Companies,
        Self::TaxRegimes,
        Self::Partners,
        Self::Activities,
    ];

    /// Name in SQL and in paths.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contracts => "contracts",
            Self::Amendments => "amendments",
            Self::ContractItems => "contract_items",
            Self::Tenders => "tenders",
            Self::TenderItems => "tender_items",
            Self::Bids => "bids",
            Self::Suppliers => "suppliers",
            Self::Sanctions => "sanctions",
            Self::Payments => "payments",
            Self::Establishments => "establishments",
            Self::Companies => "companies",
            Self::TaxRegimes => "tax_regimes",
            Self::Partners => "partners",
            Self::Activities => "activities",
        }
    }

    /// Name of the column that tells its rows apart.
    pub const fn id_column(self) -> &'static str {
        match self {
            Self::Contracts => "contract_id",
            Self::Amendments => "amendment_id",
            Self::ContractItems | Self::TenderItems => "item_id",
            Self::Tenders => "tender_id",
            Self::Bids => "bid_id",
            Self::Suppliers => "supplier_id",
            Self::Sanctions => "sanction_id",
            Self::Payments => "payment_id",
            Self::Establishments => "establishment_id",
            Self::Companies => "company_id",
            Self::TaxRegimes => "regime_id",
            Self::Partners => "partner_id",
            Self::Activities => "activity_id",
        }
    }

    /// Whether it is part of the register of companies: far larger than all else, read for the companies of the other
    /// tables only, and published as a whole each month.
    pub const fn is_register(self) -> bool {
        matches!(self, Self::Establishments | Self::Companies | Self::TaxRegimes | Self::Partners | Self::Activities)
    }

    /// The table of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.as_str() == name)
    }
}

/// One Parquet file of the lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeFile {
    /// Table it belongs to.
    pub table: Table,
    /// Path, relative to the root of the lake.
    pub path: String,
    /// Rows.
    pub rows: i64,
    /// Size in bytes.
    pub bytes: i64,
}

/// One published file that was taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportRecord {
    /// Id (UUID v7, text).
    pub id: String,
    /// Source and period, for example `portal:compras/202401`: a later import of the same key
    /// replaces the rows of the earlier one.
    pub dataset: String,
    /// Name of the published file.
    pub file_name: String,
    /// SHA-256 of its bytes, in lower-case hex.
    pub content_hash: String,
    /// Counts: `rows`, `duplicates`, `superseded`, `quarantined`, `without_supplier`, ….
    pub counts: std::collections::BTreeMap<String, i64>,
    /// When.
    pub imported_at: DateTime<Utc>,
}

/// A version of the lake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LakeVersion {
    /// Number; they grow by one.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// What made it: `import`, `compact` or `rollback`.
    pub operation: String,
    /// The version that a rollback went back to.
    pub of_version: Option<i64>,
    /// Whether it is kept no longer: its files may be gone.
    pub expired: bool,
    /// Datasets that it added or replaced.
    pub datasets: Vec<String>,
}

/// A row that could not be taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedRow {
    /// File.
    pub file: String,
    /// Line, the header being line 1.
    pub line: i64,
    /// Column at fault; empty where the row as a whole is.
    pub column: String,
    /// Stable reason, snake_case.
    pub reason: String,
    /// The value at fault, at most 200 characters, with every run of 11 digits masked.
    pub value: String,
}

/// Where the source shows the record of a row to people, if that follows from its id: contracts and tenders of
/// PNCP, items of these.
pub fn published_at(id: &str) -> Option<String> {
    let mut parts = id.strip_prefix("pncp-")?.split('-');
    let (cnpj, kind, sequence, year) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let page = match kind {
        "1" => "editais",
        "2" => "contratos",
        _ => return None,
    };
    Some(format!("https://pncp.gov.br/app/{page}/{cnpj}/{year}/{}", sequence.trim_start_matches('0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_pncp_are_found_on_the_web() {
        let at = |id| published_at(id);
        let contract = "https://pncp.gov.br/app/contratos/83102277000152/2025/18";
        assert_eq!(at("pncp-83102277000152-2-000018-2025").as_deref(), Some(contract));
        let tender = "https://pncp.gov.br/app/editais/83102277000152/2025/13";
        assert_eq!(at("pncp-83102277000152-1-000013-2025").as_deref(), Some(tender));
        assert_eq!(at("pncp-83102277000152-1-000013-2025-item-2").as_deref(), Some(tender));
        for id in ["portal-200-1-x", "ocds-x-1", "pncp-1", "pncp-83102277000152-0-000013-2025"] {
            assert_eq!(at(id), None, "{id}");
        }
    }
}
