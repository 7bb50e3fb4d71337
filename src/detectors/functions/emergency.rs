//! Whether a contract says that it was made in an emergency.

use super::legal_basis::{LegalBasisKind, legal_basis_kind};
use super::words::{before, stem, tokens};

/// What an emergency is the reason of: `contratacao emergencial`. Of anything else the word tells what it is for:
/// `atendimento medico emergencial`, `seguro com cobertura emergencial`.
const CONTRACTING: [&str; 16] = [
    "aquisic",
    "carater",
    "compra",
    "contratac",
    "contrato",
    "direta",
    "dispensa",
    "execuc",
    "fornecimento",
    "licitac",
    "obra",
    "reconstruc",
    "recuperac",
    "regime",
    "reparo",
    "situac",
];
/// What teaches, insures or plans for emergencies.
const PREPARING: [&str; 6] = ["capacitac", "palestra", "seguro", "simulac", "simulad", "treinament"];
/// What a calamity is the reason of.
const CAUSES: [&str; 10] =
    ["causad", "decorr", "decret", "devido", "enfrent", "estado", "funcao", "razao", "situac", "virtude"];
/// How far the word may stand behind `dispensa`.
const REACH: usize = 12;

/// Whether the legal basis is one of emergency, or the object says so.
///
/// Objects that say so: `contratacao emergencial`, `em carater de emergencia`, `situacao de emergencia`,
/// `dispensa … emergencia`, `emergencia sanitaria`, `emergencia de saude publica`, `estado de calamidade`. Names of
/// services and things do not: `urgencia e emergencia`, `iluminacao de emergencia`, `atendimento emergencial`; nor does
/// what prepares for one: `curso de resposta a calamidade publica`.
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
        "emergencial" | "emergenciais" => {
            let joined = matches!(before(&words, at, 2), "e" | "ou") && stem(before(&words, at, 3), &["obra"]);
            (stem(before(&words, at, 1), &CONTRACTING) || joined) && !prepares(&words)
        }
        "emergencialmente" => true,
        "emergencia" => is_emergency_noun(&words, at),
        "calamidade" => {
            let cause = before(&words, at, 1) == "por" || (1..=4).any(|back| stem(before(&words, at, back), &CAUSES));
            cause && !prepares(&words)
        }
        _ => false,
    })
}

fn prepares(words: &[&str]) -> bool {
    (0..words.len()).any(|at| {
        stem(words[at], &PREPARING) || (matches!(words[at], "curso" | "cursos") && before(words, at, 1) != "em")
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
    match bearer {
        "carater" | "situacao" if of => {
            let lead = before(words, at, 3);
            !matches!(lead, "para" | "caso" | "casos" | "eventual" | "qualquer" | "toda")
        }
        _ => {
            // Whose emergency it is, or what for, stands right before: `iluminacao de emergencia`.
            let from = at.saturating_sub(REACH);
            let reason = matches!(before(words, at, 1), "por" | "em")
                || (of && stem(bearer, &["motivo", "razao", "virtude", "hipotese", "caso", "fundamento"]));
            words[from..at].contains(&"dispensa") && reason
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
            "Serviço de transporte do SAMU, atendimento médico emergencial",
            "Locação de imóvel do Centro de Operações Emergenciais",
            "Seguro com cobertura emergencial",
            "Comunicação emergencial 193",
            "Curso de gestão em calamidade pública",
            "Capacitação para contratação emergencial",
            "Aeronaves para resposta a calamidade pública",
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
