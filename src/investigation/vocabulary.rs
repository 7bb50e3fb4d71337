//! The words that the planner knows: patterns over folded text, and what each of them means.

use std::sync::LazyLock;

use regex::Regex;

use super::amount::AMOUNT;
use crate::model::Modality;

pub(super) const MONTHS: [&str; 12] = [
    "janeiro",
    "fevereiro",
    "marco",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
    "dezembro",
];

pub(super) struct Rules {
    pub(super) cnpj: Regex,
    pub(super) buyer: Regex,
    pub(super) between: Regex,
    pub(super) at_least: Regex,
    pub(super) at_most: Regex,
    pub(super) month: Regex,
    pub(super) exact: Regex,
    pub(super) year: Regex,
    pub(super) emergency: Regex,
    pub(super) modalities: Vec<(Regex, &'static [Modality])>,
    pub(super) detectors: Vec<(Regex, &'static str)>,
}

pub(super) static RULES: LazyLock<Rules> = LazyLock::new(|| {
    // Every pattern is a constant that the tests compile.
    #[expect(clippy::unwrap_used, reason = "constant patterns, compiled by every test")]
    let regex = |pattern: String| Regex::new(&pattern).unwrap();
    let month = MONTHS.join("|");
    let modality = |pattern: &str, modalities: &'static [Modality]| (regex(format!(r"\b(?:{pattern})\b")), modalities);
    let hint = |pattern: &str, detector| (regex(format!(r"\b(?:{pattern})\b")), detector);
    Rules {
        cnpj: regex(r"\b(?:cnpj\s*:?\s*)?([0-9a-z]{2}\.[0-9a-z]{3}\.[0-9a-z]{3}/[0-9a-z]{4}-\d{2}|\d{14})\b".into()),
        buyer: regex(r"\b(?:ug|uasg|unidade gestora)\s*:?\s*(\d{6})\b".into()),
        between: regex(format!(r"\bentre\s+({AMOUNT})\s*e\s+({AMOUNT})")),
        at_least: regex(format!(
            r"(?:\b(?:acima de|maior(?:es)? (?:que|do que)|mais de|superior(?:es)? a|a partir de|desde|pelo menos|no minimo|minimo de)|>=?)\s*(?:o valor de\s+)?({AMOUNT})"
        )),
        at_most: regex(format!(
            r"(?:\b(?:ate|abaixo de|menor(?:es)? (?:que|do que)|menos de|inferior(?:es)? a|no maximo|maximo de)|<=?)\s*(?:o valor de\s+)?({AMOUNT})"
        )),
        month: regex(format!(r"\b({month})\s*(?:de|/)?\s*((?:19|20)\d\d)\b")),
        exact: regex(format!(r"\b(?:valor(?:es)?\s+(?:de|igual a)\s+)?({AMOUNT})")),
        year: regex(r"\b(?:(?:em|de|no ano de|ano de|ano)\s+)?((?:19|20)\d\d)\b".into()),
        emergency: regex(r"\b(?:emergenciais|emergencial|emergencialmente|(?:de\s+|por\s+)?emergencias?)\b".into()),
        modalities: vec![
            modality(
                "sem licitacao|sem licitacoes|contratacao direta|contratacoes diretas|compra direta|compras diretas",
                &[Modality::DispensaLicitacao, Modality::Inexigibilidade],
            ),
            modality(
                "(?:por |com )?dispensas?(?: de licitacao| de licitacoes)?|dispensad[oa]s? de licitacao",
                &[Modality::DispensaLicitacao],
            ),
            modality(
                "(?:por |com )?inexigibilidades?(?: de licitacao| de licitacoes)?|inexigive(?:l|is)",
                &[Modality::Inexigibilidade],
            ),
            modality(
                "(?:pregao|pregoes) (?:por|para|de) registro de precos?|registros? de precos?",
                &[Modality::PregaoRegistroPreco],
            ),
            modality(
                "(?:pregao|pregoes)(?: eletronicos?| presencia(?:l|is))?",
                &[Modality::Pregao, Modality::PregaoRegistroPreco],
            ),
            modality("concorrencias?(?: publicas?| eletronicas?)?", &[Modality::Concorrencia]),
            modality("tomadas? de precos?", &[Modality::TomadaDePrecos]),
            modality("cartas? convites?|convites?", &[Modality::Convite]),
        ],
        detectors: vec![
            hint("fracionamentos?(?: de (?:despesas?|compras?))?|fracionad[oa]s?", "splitting_sum"),
            hint("(?:com )?(?:termos? )?aditivos?(?: acima do limite)?|aditivad[oa]s?", "amendment_cap"),
            hint("concentracao(?: de fornecedor(?:es)?)?|fornecedor(?:es)? dominantes?", "supplier_share_of_buyer"),
            hint("(?:com )?valor(?:es)? atipicos?|(?:com )?valor(?:es)? discrepantes?", "contract_value_outlier"),
            hint("cnpjs? invalidos?", "invalid_tax_id"),
        ],
    }
});

/// Words that carry no filter.
pub(super) const STOP_WORDS: &[&str] = &[
    "a",
    "ao",
    "aos",
    "as",
    "assinado",
    "assinados",
    "com",
    "como",
    "compra",
    "compras",
    "contratacao",
    "contratacoes",
    "contratado",
    "contratados",
    "contrato",
    "contratos",
    "da",
    "das",
    "de",
    "do",
    "dos",
    "e",
    "em",
    "encontre",
    "entre",
    "feita",
    "feitas",
    "feito",
    "feitos",
    "foi",
    "foram",
    "ha",
    "investigar",
    "investigue",
    "liste",
    "mostre",
    "na",
    "nas",
    "no",
    "nos",
    "o",
    "objeto",
    "os",
    "ou",
    "para",
    "pela",
    "pelas",
    "pelo",
    "pelos",
    "por",
    "publica",
    "publicas",
    "publico",
    "publicos",
    "quais",
    "qual",
    "que",
    "quero",
    "realizada",
    "realizadas",
    "realizado",
    "realizados",
    "sao",
    "sobre",
    "the",
    "toda",
    "todas",
    "todo",
    "todos",
    "um",
    "uma",
    "valor",
    "valores",
    "ver",
    "verifique",
];

/// Words that judge: no published row says them of itself, so as a filter they would hide everything.
pub(super) const JUDGEMENTS: &[&str] = &[
    "anomalia",
    "anomalias",
    "cartel",
    "conluio",
    "corrupcao",
    "corruptos",
    "desvio",
    "desvios",
    "fraude",
    "fraudes",
    "fraudulentos",
    "ilegais",
    "ilegal",
    "indicio",
    "indicios",
    "irregular",
    "irregulares",
    "irregularidade",
    "irregularidades",
    "lavagem",
    "licitacao",
    "licitacoes",
    "propina",
    "sobrepreco",
    "superfaturado",
    "superfaturados",
    "superfaturamento",
    "suspeita",
    "suspeitas",
    "suspeito",
    "suspeitos",
];
