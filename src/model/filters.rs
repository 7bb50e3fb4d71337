use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::Money;

/// Procurement modality, as the bulk files tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Pregão without price registration.
    Pregao,
    /// Pregão for price registration.
    PregaoRegistroPreco,
    /// Concorrência.
    Concorrencia,
    /// Tomada de preços (Lei 8.666/1993).
    TomadaDePrecos,
    /// Convite (Lei 8.666/1993).
    Convite,
    /// Dispensa de licitação.
    DispensaLicitacao,
    /// Inexigibilidade.
    Inexigibilidade,
    /// The source does not say.
    NotInformed,
}

impl Modality {
    /// Every modality.
    pub const ALL: [Self; 8] = [
        Self::Pregao,
        Self::PregaoRegistroPreco,
        Self::Concorrencia,
        Self::TomadaDePrecos,
        Self::Convite,
        Self::DispensaLicitacao,
        Self::Inexigibilidade,
        Self::NotInformed,
    ];

    /// Name in the lake, in SQL and in REST.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pregao => "pregao",
            Self::PregaoRegistroPreco => "pregao_registro_preco",
            Self::Concorrencia => "concorrencia",
            Self::TomadaDePrecos => "tomada_de_precos",
            Self::Convite => "convite",
            Self::DispensaLicitacao => "dispensa_licitacao",
            Self::Inexigibilidade => "inexigibilidade",
            Self::NotInformed => "not_informed",
        }
    }

    /// Name in Portuguese.
    pub const fn pt(self) -> &'static str {
        match self {
            Self::Pregao => "pregão",
            Self::PregaoRegistroPreco => "pregão para registro de preços",
            Self::Concorrencia => "concorrência",
            Self::TomadaDePrecos => "tomada de preços",
            Self::Convite => "convite",
            Self::DispensaLicitacao => "dispensa de licitação",
            Self::Inexigibilidade => "inexigibilidade de licitação",
            Self::NotInformed => "não informada",
        }
    }

    /// Name in English, with the term of the law where English has none.
    pub const fn en(self) -> &'static str {
        match self {
            Self::Pregao => "pregão (reverse auction)",
            Self::PregaoRegistroPreco => "pregão for price registration",
            Self::Concorrencia => "concorrência (open tender)",
            Self::TomadaDePrecos => "tomada de preços (tender among registered suppliers)",
            Self::Convite => "convite (invited tender)",
            Self::DispensaLicitacao => "dispensa (waived tender)",
            Self::Inexigibilidade => "inexigibilidade (no competition possible)",
            Self::NotInformed => "not informed",
        }
    }

    /// The modality of a name in the lake.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|modality| modality.as_str() == name)
    }

    /// Whether there is no competition: a direct award (Lei 14.133/2021 art. 72).
    pub const fn is_direct_award(self) -> bool {
        matches!(self, Self::DispensaLicitacao | Self::Inexigibilidade)
    }
}

/// Which contracts a question is about. Every field narrows; the default is all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filters {
    /// Smallest current value, inclusive.
    pub min_value: Option<Money>,
    /// Largest current value, inclusive.
    pub max_value: Option<Money>,
    /// Words that the object must hold, one of the entries in full.
    pub categories: Vec<String>,
    /// Year of signature.
    pub year: Option<i32>,
    /// Any of these modalities; empty means all.
    pub modalities: Vec<Modality>,
    /// First day of signature, inclusive.
    pub start_date: Option<NaiveDate>,
    /// Last day of signature, inclusive.
    pub end_date: Option<NaiveDate>,
    /// Normalised tax id of the supplier.
    pub supplier_id: Option<String>,
    /// Code of the unidade gestora.
    pub buyer_id: Option<String>,
}

/// How one part of a query was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanNote {
    /// The words of the query.
    pub text: String,
    /// What they mean, in Portuguese.
    pub meaning_pt: String,
    /// What they mean, in English.
    pub meaning_en: String,
}

/// A parameter of a detector that a request sets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ParameterOverride {
    /// Id of the detector.
    pub detector: String,
    /// Name of the parameter.
    pub name: String,
    /// The value that counts, exact: digits with at most one point.
    pub value: String,
    /// The value of the detector's header; empty until a plan has it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub default: String,
}

/// How a query was understood, and what will be run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Filters in force.
    pub filters: Filters,
    /// Detector ids, in the order they run.
    pub detectors: Vec<String>,
    /// Parameters that differ from their defaults, by detector and name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<ParameterOverride>,
    /// Folded words that the object must hold, all of them.
    pub terms: Vec<String>,
    /// Only emergency contracts.
    pub emergency_only: bool,
    /// Match terms and categories in the items of a contract too.
    pub include_items: bool,
    /// First and last year of the contracts that serve as peers; `None` means every year.
    #[serde(default)]
    pub peer_years: Option<(i32, i32)>,
    /// How each part of the query was read.
    pub understood: Vec<PlanNote>,
    /// Parts of the query without effect.
    pub not_understood: Vec<String>,
    /// Version of the lake that is read; 0 until it is pinned.
    pub lake_version: i64,
}
