//! Whether a contract says that it was made in an emergency.

use super::legal_basis::{LegalBasisKind, legal_basis_kind};
use super::words::{before, stem, tokens};

/// What bears the word without being an emergency: `iluminacao de emergencia`, `chuveiro emergencial`.
const EQUIPMENT: [&str; 30] = [
    "alarme",
    "atendiment",
    "auxilio",
    "bloco",
    "botao",
    "botoes",
    "brigad",
    "bomba",
    "bombas",
    "chuveiro",
    "contato",
    "energia",
    "escada",
    "gerador",
    "iluminac",
    "kit",
    "lampada",
    "lava",
    "luminari",
    "luz",
    "luzes",
    "maca",
    "parada",
    "plano",
    "porta",
    "pronto",
    "saida",
    "sala",
    "sinalizac",
    "veiculo",
];
/// How far the word may stand behind `dispensa`.
const REACH: usize = 12;

/// Whether the legal basis is one of emergency, or the object says so.
///
/// Objects that say so: `emergencial(is)`, `em carater de emergencia`, `situacao de emergencia`,
/// `dispensa … emergencia`, `emergencia sanitaria`, `emergencia de saude publica`, `calamidade
/// publica`. Names of services and things do not: `urgencia e emergencia`, `iluminacao de
/// emergencia`, `chuveiro emergencial`.
pub fn is_emergency(legal_basis: Option<&str>, object_folded: Option<&str>) -> bool {
    let basis = legal_basis_kind(legal_basis, object_folded);
    matches!(basis, LegalBasisKind::Emergency14133 | LegalBasisKind::Emergency8666)
        || object_folded.is_some_and(says_emergency)
}

fn says_emergency(folded: &str) -> bool {
    if !folded.contains("emergenc") && !folded.contains("calamidade") {
        return false;
    }
    let words = tokens(folded);
    (0..words.len()).any(|at| match words[at] {
        "emergencial" | "emergenciais" => !stem(before(&words, at, 1), &EQUIPMENT),
        "emergencialmente" => true,
        "emergencia" => is_emergency_noun(&words, at),
        "calamidade" => {
            words.get(at + 1).is_some_and(|word| matches!(*word, "publica")) || before(&words, at, 2) == "estado"
        }
        _ => false,
    })
}

fn is_emergency_noun(words: &[&str], at: usize) -> bool {
    let next = words.get(at + 1).copied().unwrap_or("");
    let joined = matches!(before(words, at, 1), "e" | "ou")
        || next.starts_with("urgencia")
        || before(words, at, 1).starts_with("urgencia");
    if joined {
        return false;
    }
    if next == "sanitaria" || words.get(at + 1..at + 4) == Some(&["de", "saude", "publica"]) {
        return true;
    }
    let of = matches!(before(words, at, 1), "de" | "da" | "do");
    let bearer = before(words, at, if of { 2 } else { 1 });
    if stem(bearer, &EQUIPMENT) {
        return false;
    }
    match bearer {
        "carater" | "situacao" if of => {
            let lead = before(words, at, 3);
            !matches!(lead, "para" | "caso" | "casos" | "eventual" | "qualquer" | "toda")
        }
        _ => {
            let from = at.saturating_sub(REACH);
            words[from..at].contains(&"dispensa")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_emergency;
    use crate::model::fold;

    fn says(object: &str) -> bool {
        is_emergency(None, Some(&fold(object)))
    }

    #[test]
    fn emergencies() {
        for object in [
            "Objeto: Contratação emergencial pelo período fixo de 90 dias de pessoa jurídica",
            "Objeto: Contratação, em caráter emergencial, de serviços de televisão",
            "Execução das obras e serviços emergenciais decorrentes da ruptura do talude na BR-290",
            "Aquisição em caráter de emergência de glutamina",
            "Em razão da situação de emergência declarada pelo Decreto 12/2024",
            "Dispensa de licitação por emergência",
            "Enfrentamento da emergência sanitária",
            "Enfrentamento da emergência de saúde pública de importância internacional",
            "Estado de calamidade pública no Rio Grande do Sul",
        ] {
            assert!(says(object), "{object}");
        }
        assert!(is_emergency(Some("Lei 14.133/2021, Art. 75, VIII"), Some("aquisicao de lonas")));
        assert!(is_emergency(Some("Art. 24, IV, Lei 8.666/93"), None));
        assert!(is_emergency(
            None,
            Some(&fold("Fundamento legal: artigo 75, inc. VIII da Lei nº 14.133, de 1º de abril"))
        ));
    }

    #[test]
    fn names_of_things_and_services() {
        for object in [
            "Serviços médicos de urgência e emergência em regime de 24 horas",
            "atendimento de emergência/urgência em regime de 24 (vinte e quatro) horas",
            "Aquisição de chuveiro emergencial AI304 tubo",
            "Obras para execução de escada de emergência do campus Porto Alegre",
            "Aquisição de luminárias de emergência e placas de saída de emergência",
            "Plano de emergência e SPDA aprovados no corpo de bombeiros",
            "Retrofit do sistema de geração de energia elétrica com gerador de emergência",
            "Formação de brigada de emergência",
            "Dispensa de licitação para aquisição de iluminação de emergência",
            "Vigilância de emergências de saúde pública em regiões de fronteira",
            "Dispensa para serviços de urgência e emergência",
            "Treinamento para situação de emergência",
            "Aquisição de livros",
            "",
        ] {
            assert!(!says(object), "{object}");
        }
        assert!(!is_emergency(Some("Lei 14.133/2021, Art. 75, II"), Some("aquisicao de lonas")));
        assert!(!is_emergency(None, None));
    }
}
