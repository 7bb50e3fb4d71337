use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::fold;

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
    /// Whether rows of several imports stand in it.
    pub merged: bool,
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

/// Where people find the record of a row at its source: the page of a contract or a tender of PNCP (or that an item is
/// part of), or the download of the file of the Portal da Transparência that the row stands in. Only what the source
/// itself names so: an id of PNCP, and a file with its official name, of which the period is part.
pub fn official_page(id: &str, source: &str, file: &str) -> Option<String> {
    match source.split_once(':')? {
        ("pncp", _) => pncp_page(id),
        ("portal", _) => portal_page(source, file),
        _ => None,
    }
}

fn pncp_page(id: &str) -> Option<String> {
    let mut parts = id.strip_prefix("pncp-")?.split('-');
    let (cnpj, kind, sequence, year) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let page = match kind {
        "1" => "editais",
        "2" => "contratos",
        _ => return None,
    };
    let sequence = sequence.trim_start_matches('0');
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let known = cnpj.len() == 14 && cnpj.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (known && digits(sequence) && digits(year))
        .then(|| format!("https://pncp.gov.br/app/{page}/{cnpj}/{year}/{sequence}"))
}

/// Sources of the Portal's bulk files: the folded name of the file behind its period, the page of the data set, and how
/// many digits its period has, a month or a day.
const PORTAL_FILES: [(&str, &str, &str, usize); 13] = [
    ("portal:compras", "compras", "compras", 6),
    ("portal:itens", "itemcompra", "compras", 6),
    ("portal:termos-aditivos", "termoaditivo", "compras", 6),
    ("portal:apostilamentos", "apostilamento", "compras", 6),
    ("portal:licitacoes", "licitacao", "licitacoes", 6),
    ("portal:itens-licitacao", "itemlicitacao", "licitacoes", 6),
    ("portal:participantes", "participanteslicitacao", "licitacoes", 6),
    ("portal:empenhos", "empenhosrelacionados", "licitacoes", 6),
    ("portal:ceis", "ceis", "ceis", 8),
    ("portal:cnep", "cnep", "cnep", 8),
    ("portal:cepim", "cepim", "cepim", 8),
    ("portal:acordos-leniencia", "acordos", "acordos-leniencia", 8),
    ("portal:efeitos-leniencia", "efeitos", "acordos-leniencia", 8),
];

fn portal_page(source: &str, file: &str) -> Option<String> {
    let (_, name, data_set, length) = PORTAL_FILES.into_iter().find(|(known, ..)| *known == source)?;
    let (period, rest) = file.split_once('_')?;
    let official = fold(rest.strip_suffix(".csv")?) == name;
    let digits = period.len() == length && period.bytes().all(|byte| byte.is_ascii_digit());
    let day = if length == 6 { format!("{period}01") } else { period.to_owned() };
    let known = official && digits && NaiveDate::parse_from_str(&day, "%Y%m%d").is_ok();
    known.then(|| format!("https://portaldatransparencia.gov.br/download-de-dados/{data_set}/{period}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_pncp_are_found_on_the_web() {
        let at = |id| official_page(id, "pncp:contratos", "a.json");
        let contract = "https://pncp.gov.br/app/contratos/83102277000152/2025/18";
        assert_eq!(at("pncp-83102277000152-2-000018-2025").as_deref(), Some(contract));
        let tender = "https://pncp.gov.br/app/editais/83102277000152/2025/13";
        assert_eq!(at("pncp-83102277000152-1-000013-2025").as_deref(), Some(tender));
        assert_eq!(at("pncp-83102277000152-1-000013-2025-item-2").as_deref(), Some(tender));
        for id in [
            "portal-200-1-x",
            "ocds-x-1",
            "pncp-1",
            "pncp-83102277000152-0-000013-2025",
            "pncp-../x-2-000018-2025",
            "pncp-83102277000152-2-1?x-2025",
            "pncp-83102277000152-2-000018-20#5",
        ] {
            assert_eq!(at(id), None, "{id}");
        }
        assert_eq!(official_page("pncp-83102277000152-2-000018-2025", "ocds:x", "a.json"), None);
    }

    #[test]
    fn files_of_the_portal_are_found_on_the_web() {
        let at = |source, file| official_page("portal-1", source, file);
        let page = |rest: &str| Some(format!("https://portaldatransparencia.gov.br/download-de-dados/{rest}"));
        assert_eq!(at("portal:compras", "202401_Compras.csv"), page("compras/202401"));
        assert_eq!(at("portal:termos-aditivos", "202401_TermoAditivo.csv"), page("compras/202401"));
        assert_eq!(at("portal:participantes", "202312_ParticipantesLicitação.csv"), page("licitacoes/202312"));
        assert_eq!(at("portal:ceis", "20260706_CEIS.csv"), page("ceis/20260706"));
        assert_eq!(at("portal:efeitos-leniencia", "20260706_Efeitos.csv"), page("acordos-leniencia/20260706"));
        for (source, file) in [
            ("portal:compras", "Compras.csv"),
            ("portal:compras", "202413_Compras.csv"),
            ("portal:compras", "20240101_Compras.csv"),
            ("portal:compras", "202401_minhas.csv"),
            ("portal:compras", "202401_Compras.csv.zip"),
            ("portal:compras", "../202401_Compras.csv"),
            ("portal:ceis", "202607_CEIS.csv"),
            ("portal:ceis", "20260732_CEIS.csv"),
            ("portal:outra", "202401_Compras.csv"),
            ("portal-api:contratos", "202401_Compras.csv"),
            ("ocds:x", "202401_Compras.csv"),
        ] {
            assert_eq!(at(source, file), None, "{source} {file}");
        }
    }
}
