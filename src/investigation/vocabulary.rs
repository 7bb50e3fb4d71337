//! The words that the planner knows: patterns over folded text, and what each of them means.

use std::sync::LazyLock;

use regex::Regex;

use super::amount::{AMOUNT, NUMBER};
use crate::model::{MONTHS, Modality};

/// What is looked for in a question, in the order of the fields.
pub(super) struct Rules {
    pub(super) cnpj: Regex,
    /// A CPF, which a request holds masked only.
    pub(super) cpf: Regex,
    pub(super) buyer: Regex,
    /// Numbers that are no amount: shares, counts, approximations.
    pub(super) not_money: [Regex; 2],
    pub(super) counted: Regex,
    pub(super) between: Regex,
    pub(super) days: Regex,
    pub(super) months: Regex,
    pub(super) years: Regex,
    pub(super) at_least: [Regex; 2],
    pub(super) at_most: [Regex; 2],
    pub(super) month: Regex,
    pub(super) exact: Regex,
    pub(super) year: Regex,
    pub(super) emergency: Regex,
    pub(super) modalities: Vec<(Regex, &'static [Modality])>,
    pub(super) detectors: Vec<(Regex, &'static str)>,
    /// A comparison with something that is no amount.
    pub(super) comparison: Regex,
}

impl Rules {
    /// The rules of values and times.
    pub(super) fn quantities(&self) -> impl Iterator<Item = &Regex> {
        let pairs = self.not_money.iter().chain(&self.at_least).chain(&self.at_most);
        let single = [&self.counted, &self.between, &self.days, &self.months, &self.years, &self.month, &self.year];
        pairs.chain(single)
    }

    /// The rules of what contracts are called.
    pub(super) fn named(&self) -> impl Iterator<Item = &Regex> {
        self.modalities.iter().map(|(rule, _)| rule).chain([&self.emergency])
    }
}

/// A pattern of this program's own.
#[expect(clippy::unwrap_used, reason = "constant patterns, compiled by every test")]
pub(super) fn constant(pattern: String) -> Regex {
    Regex::new(&pattern).unwrap()
}

pub(super) static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let regex = constant;
    let (amount, number) = (&*AMOUNT, &*NUMBER);
    let month = MONTHS.join("|");
    let year = "(?:19|20)[0-9][0-9]";
    let day = "[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}|[0-9]{4}-[0-9]{2}-[0-9]{2}";
    let above = r"acima d[aeo]s?|maior(?:es)? (?:do )?que|mais (?:de|do que|que)|superior(?:es)? a[os]?|ultrapass(?:a|am|em|ando|aram)|exced(?:e|em|am|endo|eram)|superam?|pass(?:a|am|em|ando|aram) d[aeo]s?|a partir d[aeo]s?|desde|pelo menos|ao menos|no minimo|minimo de";
    let below =
        r"abaixo d[aeo]s?|menor(?:es)? (?:do )?que|menos (?:de|do que|que)|inferior(?:es)? a[os]?|no maximo|maximo de";
    let at_least = format!(r"(?:\b(?:{above})|>=?)\s*(?:(?:o\s+)?valor de\s+)?");
    let at_most = format!(r"(?:\b(?:ate|{below})|<=?)\s*(?:(?:o\s+)?valor de\s+)?");
    let compared = format!(r"({at_least}|{at_most}|\b(?:entre|de)\s+)?");
    let percent = r"(?:\s*%|\s+(?:por\s?cento|porcento|pontos percentuais)\b)";
    let counted = "(?:dias?|mes|meses|anos?|semanas?|horas?|vezes|contratos?|compras?|(?:termos? )?aditivos?|fornecedor(?:es)?|empresas?|itens|item|orgaos?|unidades?)";
    let modality = |pattern: &str, modalities: &'static [Modality]| (regex(format!(r"\b(?:{pattern})\b")), modalities);
    let hint = |pattern: &str, detector| (regex(format!(r"\b(?:{pattern})\b")), detector);
    Rules {
        cnpj: regex(
            r"\b(?:cnpj\s*:?\s*)?([0-9a-z]{2}\.[0-9a-z]{3}\.[0-9a-z]{3}/[0-9a-z]{4}-[0-9]{2}|[0-9]{14})\b".into(),
        ),
        cpf: regex(r"(?:\bcpf\s*:?\s*)?(\*{3}\.[0-9]{3}\.[0-9]{3}-\*{2})".into()),
        buyer: regex(r"\b(?:ug|uasg|unidade gestora)\s*:?\s*([0-9]{6})\b".into()),
        not_money: [
            regex(format!(r"{compared}\b(?:{number}{percent}?\s+(?:a|e|ate)\s+)?{number}{percent}")),
            regex(format!(
                r"\b(?:cerca de|aproximadamente|mais ou menos|em torno de|por volta de|proximos? de|quase|uns)\s+{amount}"
            )),
        ],
        counted: regex(format!(r"{compared}\b({number})\s+{counted}\b")),
        between: regex(format!(
            r"\b(valor(?:es)?\s+)?(?:entre\s+({amount})\s*\b(?:e|ate|a)|(?:a partir\s+)?d(?:e|esde)\s+({amount})\s*\b(?:ate|a))\s+({amount})"
        )),
        days: regex(format!(
            r"({at_least}|{at_most})?\b(?:(?:entre|de|em|no dia|dia)\s+)*({day})\b(?:\s+(?:a|e|ate)\s+({day})\b)?"
        )),
        months: regex(format!(
            r"\b(entre\s+|de\s+|desde\s+)?({month})(?:\s*(?:de|/)?\s*({year}))?\s+(a|ate|e)\s+({month})\s*(?:de|/)?\s*({year})\b"
        )),
        years: regex(format!(
            r"\b((?:(?:a partir|entre|desde|de|em|dos?|nos?|os|anos?|periodo|exercicios?)\s+)*)({year})(?:\s+(a|ate|e)\s+|\s*[-–/]\s*)(?:o ano de\s+)?({year})\b"
        )),
        at_least: [
            regex(format!("{at_least}({amount})")),
            regex(format!(r"\b({amount})\s+(?:ou mais|para cima|em diante)\b")),
        ],
        at_most: [regex(format!("{at_most}({amount})")), regex(format!(r"\b({amount})\s+(?:ou menos|para baixo)\b"))],
        comparison: regex(format!(r"(?:\b(?:{above}|{below})\b|[<>]=?)(?:\s+[\p{{L}}\p{{N}}]+)?")),
        month: regex(format!(r"\b({month})\s*(?:de|/)?\s*({year})\b")),
        exact: regex(format!(r"\b(?:valor(?:es)?\s+(?:de|igual a)\s+)?({amount})")),
        year: regex(format!(r"\b(?:(?:em|de|no ano de|ano de|ano)\s+)?({year})\b")),
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
            hint("duplicidades?", "duplicates"),
            hint(
                "(?:(?:de |por |com )?(?:fornecedor(?:es)?|empresas?) )?(?:sancionad[oa]s?|inidone[oa]s?|impedid[oa]s? de contratar)",
                "sanctioned_supplier",
            ),
            hint("sobreprecos?", "item_price_outlier"),
            hint("(?:lei de )?benford", "benford"),
            hint("faixas? de risco", "value_risk"),
        ],
    }
});

/// Words that carry no filter.
pub(super) const STOP_WORDS: &[&str] = &[
    "a",
    "ano",
    "anos",
    "ao",
    "aos",
    "apenas",
    "as",
    "assinada",
    "assinadas",
    "assinado",
    "assinados",
    "celebrado",
    "celebrados",
    "cnpj",
    "cnpjs",
    "com",
    "como",
    "compra",
    "compras",
    "contratacao",
    "contratacoes",
    "contratada",
    "contratadas",
    "contratado",
    "contratados",
    "contratante",
    "contratantes",
    "contrato",
    "contratos",
    "contudo",
    "cpf",
    "cuja",
    "cujas",
    "cujo",
    "cujos",
    "da",
    "das",
    "de",
    "do",
    "dos",
    "e",
    "em",
    "empresa",
    "empresas",
    "encontre",
    "entre",
    "entretanto",
    "feita",
    "feitas",
    "feito",
    "feitos",
    "firmado",
    "firmados",
    "foi",
    "foram",
    "fornecedor",
    "fornecedora",
    "fornecedoras",
    "fornecedores",
    "gestora",
    "gestoras",
    "ha",
    "investigar",
    "investigue",
    "liste",
    "mas",
    "modalidade",
    "modalidades",
    "montante",
    "mostre",
    "na",
    "nas",
    "no",
    "nos",
    "o",
    "objeto",
    "orgao",
    "orgaos",
    "os",
    "ou",
    "para",
    "pela",
    "pelas",
    "pelo",
    "pelos",
    "periodo",
    "por",
    "porem",
    "publica",
    "publicas",
    "publico",
    "publicos",
    "quais",
    "qual",
    "que",
    "quero",
    "reais",
    "realizada",
    "realizadas",
    "realizado",
    "realizados",
    "sao",
    "seja",
    "sejam",
    "sim",
    "so",
    "sobre",
    "somente",
    "tal",
    "tambem",
    "tem",
    "the",
    "toda",
    "todas",
    "todavia",
    "todo",
    "todos",
    "totais",
    "total",
    "uasg",
    "ug",
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
