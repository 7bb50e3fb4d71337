//! Who buys and who sells, read from their names.

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

/// Whether a buyer's ceilings for small purchases are doubled: a public consortium, or an agency
/// qualified as executive (Lei 14.133/2021 art. 75 §2; Lei 8.666/1993 art. 24 §1).
///
/// The one federal executive agency is INMETRO; published names are cut at 45 characters.
pub fn has_doubled_ceiling(buyer_name: &str) -> bool {
    let folded = fold(buyer_name);
    ["consorcio publico", "inmetro", "instituto nacional de metrologia"].iter().any(|phrase| has_word(&folded, phrase))
        || folded.starts_with("inst nacional de metrologia")
        || folded.starts_with("inst nac de metrologia")
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
        assert!(has_doubled_ceiling("CONSÓRCIO PÚBLICO INTERMUNICIPAL DE SAÚDE"));
        assert!(has_doubled_ceiling("INSTITUTO NACIONAL DE METROLOGIA, QUALIDADE E"));
        assert!(has_doubled_ceiling("INMETRO"));
        assert!(!has_doubled_ceiling("CONSÓRCIO CONSTRUTOR ALFA"));
        assert!(!has_doubled_ceiling("MINISTÉRIO DA SAÚDE"));
    }
}
