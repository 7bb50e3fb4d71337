//! What became of a purchase, read from its published situation.

use super::words::{stem, tokens};
use crate::model::fold;

/// What became of a contract or a tender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SituationKind {
    /// It did not come about, or was undone from its beginning: cancelled, revoked, annulled, deserted, unsuccessful, withdrawn.
    CalledOff,
    /// It was ended before its time; what was done until then stands.
    Rescinded,
    /// It is put off.
    Suspended,
    /// Anything else, and what is not published.
    Stands,
}

impl SituationKind {
    /// Name in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CalledOff => "called_off",
            Self::Rescinded => "rescinded",
            Self::Suspended => "suspended",
            Self::Stands => "stands",
        }
    }
}

/// Beginnings of words, of the sources in Portuguese, English (the codes of OCDS) and Spanish.
const CALLED_OFF: [&str; 15] = [
    "cancel",
    "anulad",
    "anulac",
    "anulled",
    "annul",
    "revog",
    "revok",
    "desert",
    "desiert",
    "fracass",
    "frustrad",
    "withdrawn",
    "unsuccessful",
    "excluid",
    "exclusao",
];
const RESCINDED: [&str; 3] = ["rescin", "rescis", "distrat"];
/// What befell a part leaves the rest.
const IN_PART: [&str; 3] = ["parcial", "partial", "parte"];

/// Reads a published situation: the one list of words for every detector.
pub fn situation_kind(situation: Option<&str>) -> SituationKind {
    let folded = fold(situation.unwrap_or_default());
    let words = tokens(&folded);
    let any = |stems: &[&str]| words.iter().any(|word| stem(word, stems));
    if any(&IN_PART) {
        SituationKind::Stands
    } else if any(&CALLED_OFF) {
        SituationKind::CalledOff
    } else if any(&RESCINDED) {
        SituationKind::Rescinded
    } else if any(&["suspen"]) {
        SituationKind::Suspended
    } else {
        SituationKind::Stands
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn situations() {
        let is = |kind: &str, texts: &[&str]| {
            texts.iter().for_each(|text| assert_eq!(situation_kind(Some(text)).as_str(), kind, "{text}"));
        };
        is("called_off", &["Cancelado", "CANCELADA", "cancelled", "canceled", "Licitação revogada", "REVOGACAO"]);
        is("called_off", &["Anulada", "Evento de Anulação Publicado", "Deserta", "Licitação fracassada", "Frustrada"]);
        is("called_off", &["unsuccessful", "withdrawn", "Desierta", "Excluído", "Evento de Cancelamento Publicado"]);
        is("rescinded", &["Rescindido", "Rescisão unilateral", "Distratado"]);
        is("suspended", &["Suspensa", "Evento de Suspensão Publicado"]);
        is(
            "stands",
            &["", "Publicado", "Encerrado", "Não se aplica", "active", "complete", "terminated", "Exclusiva ME/EPP"],
        );
        is("stands", &["Parcialmente fracassada", "Revogada em parte", "Anual", "Homologada"]);
        assert_eq!(situation_kind(None), SituationKind::Stands);
    }
}
