//! Who buys and who sells, read from their names.

use super::legal_basis::{LegalRegime, legal_regime};
use super::words::{has_word, tokens};
use crate::model::fold;

const PUBLIC: [&str; 26] = [
    "municipio",
    "prefeitura",
    "prefeitura municipal",
    "camara municipal",
    "governo",
    "estado de",
    "estado do",
    "estado da",
    "uniao federal",
    "distrito federal",
    "universidade federal",
    "universidade estadual",
    "instituto federal",
    "ministerio",
    "secretaria",
    "autarquia",
    "tribunal",
    "departamento nacional",
    "departamento estadual",
    "superintendencia",
    "servico autonomo de agua",
    "exercito",
    "marinha do brasil",
    "fundacao universidade",
    "comando da aeronautica",
    "imprensa nacional",
];
/// Names of state companies: words that only these have, and those of federal ones that say it in no word.
const STATE_COMPANIES: [&str; 28] = [
    "empresa",
    "companhia",
    "cia",
    "s a",
    "sa",
    "economia mista",
    "sociedade",
    "caixa economica",
    "petrobras",
    "petroleo brasileiro",
    "eletrobras",
    "furnas",
    "eletronorte",
    "serpro",
    "dataprev",
    "infraero",
    "correios",
    "casa da moeda",
    "embrapa",
    "conab",
    "codevasf",
    "ebserh",
    "telebras",
    "finep",
    "financiadora",
    "valec",
    "hospital de clinicas de porto alegre",
    "hospital nossa senhora da conceicao",
];
const COMPANY: [&str; 7] = ["ltda", "eireli", "epp", "me", "mei", "sa", "cia"];

/// Whether a supplier is a public body: an id that is no tax id (the code of a unidade gestora), or
/// the name of one without the ending of a company.
pub fn is_public_body(supplier_kind: Option<&str>, supplier_name: Option<&str>) -> bool {
    if supplier_kind == Some("other") {
        return true;
    }
    let Some(name) = supplier_name else { return false };
    let folded = fold(name);
    if folded == "uniao" {
        return true;
    }
    let company = tokens(&folded).iter().any(|word| COMPANY.contains(word)) || folded.ends_with(" s a");
    !company && PUBLIC.iter().any(|phrase| has_word(&folded, phrase))
}

/// Whether a buyer is a state company, which contracts under Lei 13.303/2016: its legal basis says so, or, where that cites
/// no other general law, its name or that of its organ.
pub fn is_state_company(buyer_name: Option<&str>, organ_name: Option<&str>, legal_basis: Option<&str>) -> bool {
    match legal_regime(legal_basis, None) {
        LegalRegime::StateCompany => true,
        LegalRegime::L14133 => false,
        _ => [buyer_name, organ_name].into_iter().flatten().any(|name| names_state_company(&fold(name))),
    }
}

fn names_state_company(folded: &str) -> bool {
    let bank = has_word(folded, "banco") && !has_word(folded, "banco central");
    bank || STATE_COMPANIES.iter().any(|phrase| has_word(folded, phrase))
}

/// What [`cnpj_unfit`] gives.
#[cfg(test)]
pub const CNPJ_UNFIT: [&str; 4] = ["supplier_secret", "supplier_is_person", "no_tax_id", "tax_id_invalid"];

/// Why a supplier cannot be looked up in the register of companies, as the reason of a detector; `None` for one with a
/// CNPJ whose check digits are right.
pub fn cnpj_unfit(key: Option<&str>, kind: Option<&str>, check: Option<&str>) -> Option<&'static str> {
    match (key, kind, check) {
        (None, ..) => Some("supplier_secret"),
        (_, Some("cpf"), _) => Some("supplier_is_person"),
        (_, Some("cnpj"), Some("valid")) => None,
        (_, Some("cnpj"), _) => Some("tax_id_invalid"),
        _ => Some("no_tax_id"),
    }
}

/// One competitor, whichever of its establishments acts: of a CNPJ whose check digits are right the root, else what tells
/// persons apart.
pub fn company_of<'a>(kind: Option<&str>, check: Option<&str>, key: Option<&'a str>) -> Option<&'a str> {
    match (kind, check) {
        (Some("cnpj"), Some("valid")) => key.map(|key| key.get(..8).unwrap_or(key)),
        _ => key,
    }
}

/// Whether a buyer's ceilings for small purchases are doubled: a public consortium, an agency qualified as executive (Lei
/// 14.133/2021 art. 75 §2; Lei 8.666/1993 art. 24 §1), under the latter also a state company; or the legal basis cites
/// that paragraph.
///
/// The one federal executive agency is INMETRO; published names are cut at 45 characters.
pub fn has_doubled_ceiling(buyer_name: Option<&str>, legal_basis: Option<&str>) -> bool {
    let folded = fold(buyer_name.unwrap_or_default());
    let named = |phrases: &[&str]| phrases.iter().any(|phrase| has_word(&folded, phrase));
    // Whoever buys as a consortium is a public one, whatever its name leaves out; builders do not buy by dispensa.
    if named(&["consorcio", "inmetro", "instituto nacional de metrologia"])
        || folded.starts_with("inst nacional de metrologia")
        || folded.starts_with("inst nac de metrologia")
    {
        return true;
    }
    match legal_regime(legal_basis, None) {
        LegalRegime::L14133 => cites_paragraph(legal_basis, "2"),
        LegalRegime::L8666 => {
            names_state_company(&folded)
                || cites_paragraph(legal_basis, "1")
                || legal_basis.is_some_and(|basis| has_word(&fold(basis), "paragrafo unico"))
        }
        _ => false,
    }
}

/// Whether a text cites a paragraph by its number: `§ 1º`, `parágrafo 1º`.
fn cites_paragraph(text: Option<&str>, number: &str) -> bool {
    let folded = fold(&text.unwrap_or_default().replace('§', " paragrafo "));
    let words = tokens(&folded);
    words.windows(2).any(|pair| pair[0].starts_with("paragrafo") && pair[1].trim_end_matches('o') == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_bodies() {
        for name in
            ["MUNICÍPIO DE SANTOS", "Universidade Federal de Goiás", "ESTADO DO PARÁ", "União", "Prefeitura de Belém"]
        {
            assert!(is_public_body(Some("cnpj"), Some(name)), "{name}");
        }
        for name in ["UNIAO COMERCIO DE ALIMENTOS LTDA", "ESTADO DE MINAS S.A.", "PREFEITURA TINTAS LTDA", "ACME"] {
            assert!(!is_public_body(Some("cnpj"), Some(name)), "{name}");
        }
        assert!(is_public_body(Some("other"), Some("ACME")));
        assert!(!is_public_body(None, None));
    }

    #[test]
    fn suppliers_that_the_register_cannot_have() {
        let unfit = |kind, check| cnpj_unfit(Some("key"), Some(kind), Some(check));
        assert_eq!(unfit("cnpj", "valid"), None);
        assert_eq!(unfit("cnpj", "invalid"), Some("tax_id_invalid"));
        assert_eq!(unfit("cpf", "valid"), Some("supplier_is_person"));
        assert_eq!(unfit("other", "not_applicable"), Some("no_tax_id"));
        assert_eq!(cnpj_unfit(None, None, None), Some("supplier_secret"));
    }

    #[test]
    fn doubled_ceilings() {
        let doubled = |name: &str, basis: Option<&str>| has_doubled_ceiling(Some(name), basis);
        for name in [
            "CONSÓRCIO PÚBLICO INTERMUNICIPAL DE SAÚDE",
            "CONSORCIO INTERMUNICIPAL DE SAUDE",
            "INSTITUTO NACIONAL DE METROLOGIA, QUALIDADE E",
            "INMETRO",
        ] {
            assert!(doubled(name, None), "{name}");
        }
        for basis in [None, Some("Lei 14.133/2021, art. 75, II"), Some("Lei 8.666/1993, art. 24, II")] {
            assert!(!doubled("MINISTÉRIO DA SAÚDE", basis), "{basis:?}");
        }
        let of_8666 = "Lei 8.666/1993, art. 24, II";
        assert!(doubled("COMPANHIA DOCAS DO CEARA", Some(of_8666)));
        assert!(!doubled("COMPANHIA DOCAS DO CEARA", Some("Lei 14.133/2021, art. 75, II")));
        for paragraph in ["§ 1º", "§1º", "parágrafo 1º", "parágrafo único"] {
            assert!(doubled("UNIDADE", Some(&format!("{of_8666}, {paragraph}"))), "{paragraph}");
        }
        // Of the new law the first paragraph says how purchases are added up.
        assert!(!doubled("UNIDADE", Some("Lei 14.133/2021, art. 75, II, § 1º")));
        assert!(doubled("UNIDADE", Some("Lei 14.133/2021, art. 75, II e § 2º")));
        assert!(!has_doubled_ceiling(None, None));
    }

    #[test]
    fn state_companies() {
        for name in ["EMPRESA BRASIL DE COMUNICACAO", "COMPANHIA DOCAS", "BANCO DO BRASIL SA", "PETROBRAS", "SERPRO"] {
            assert!(is_state_company(Some(name), None, None), "{name}");
            assert!(is_state_company(Some("UNIDADE"), Some(name), Some("Lei 10.520/2002")), "{name}");
            assert!(!is_state_company(Some(name), None, Some("Lei 14.133/2021, art. 28, I")), "{name}");
        }
        for name in ["BANCO CENTRAL DO BRASIL", "MINISTÉRIO DA SAÚDE", "UNIVERSIDADE FEDERAL DE GOIÁS"] {
            assert!(!is_state_company(Some(name), Some(name), None), "{name}");
        }
        assert!(is_state_company(Some("UNIDADE"), None, Some("Lei 13.303/2016, art. 28")));
        assert!(!is_state_company(None, None, None));
    }

    #[test]
    fn establishments_of_one_company() {
        assert_eq!(company_of(Some("cnpj"), Some("valid"), Some("11222333000181")), Some("11222333"));
        assert_eq!(company_of(Some("cnpj"), Some("invalid"), Some("11222333000180")), Some("11222333000180"));
        assert_eq!(company_of(Some("cpf"), Some("valid"), Some("cpf:0a1b2c3d4e")), Some("cpf:0a1b2c3d4e"));
        assert_eq!(company_of(None, None, None), None);
    }
}
