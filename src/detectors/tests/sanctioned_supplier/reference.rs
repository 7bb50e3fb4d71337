//! What a sanction of known kind means, said in plain words of the law and with no query.

use super::*;

pub(super) const KINDS: [((&str, &str), &str); 9] = [
    (FINE, "nothing"),
    (("Declaração de Inidoneidade com prazo determinado", "LEI 14133 - ART. 156, IV"), "everywhere"),
    (TCU, "federal"),
    (IMPEDIMENT, "entity"),
    (TRADING_FLOOR, "entity"),
    (SUSPENSION, "disputed"),
    (CARTEL, "as listed"),
    (IMPROBITY, "as listed once final"),
    (STATE_COMPANY, "body"),
];
pub(super) const SCOPES: [&str; 4] = ["", EVERYWHERE, IN_ENTITY, IN_BODY];

#[derive(PartialEq, Clone, Copy)]
enum Covers {
    Yes,
    No,
    Unknown,
}

fn entity(contract: &Contract, sanction: &Sanction) -> Covers {
    if body(contract, sanction) {
        return Covers::Yes;
    }
    match (contract.sphere.as_deref(), sanction.sphere) {
        (Some("federal"), "federal") => Covers::Yes,
        (None, _) | (_, "") => Covers::Unknown,
        (Some(own), other) if own == other => Covers::Unknown,
        _ => Covers::No,
    }
}

fn body(contract: &Contract, sanction: &Sanction) -> bool {
    contract.buyer_name == "MINISTERIO DA SAUDE" && sanction.body == "Ministério da Saúde"
}

fn at_body(contract: &Contract, sanction: &Sanction) -> Covers {
    match entity(contract, sanction) {
        _ if body(contract, sanction) => Covers::Yes,
        Covers::No => Covers::No,
        _ => Covers::Unknown,
    }
}

/// The answer for one contract and one sanction.
fn pair(contract: &Contract, sanction: &Sanction, meaning: &str) -> (&'static str, Option<Severity>) {
    let clear = ("clear", None);
    let listed = match sanction.scope {
        "" => None,
        EVERYWHERE => Some(Covers::Yes),
        IN_ENTITY => Some(entity(contract, sanction)),
        _ => Some(at_body(contract, sanction)),
    };
    let legal = match meaning {
        "nothing" => return clear,
        "everywhere" => Some(Covers::Yes),
        "federal" => Some(match contract.sphere.as_deref() {
            Some("federal") => Covers::Yes,
            None => Covers::Unknown,
            _ => Covers::No,
        }),
        "entity" => Some(entity(contract, sanction)),
        "body" => Some(at_body(contract, sanction)),
        "disputed" => body(contract, sanction).then_some(Covers::Yes),
        _ => None,
    };
    let disputed = meaning == "disputed" && legal.is_none();
    let covers = match (legal, listed) {
        (Some(Covers::No), _) => return clear,
        _ if disputed => Covers::Unknown,
        (Some(Covers::Yes), None | Some(Covers::Yes)) | (None, Some(Covers::Yes)) => Covers::Yes,
        (None, Some(Covers::No)) => return clear,
        _ => Covers::Unknown,
    };
    let signed = contract.signed.unwrap();
    let Some(start) = sanction.start else { return ("sanction_without_start", None) };
    if signed < start || sanction.end.is_some_and(|end| signed > end) {
        return clear;
    }
    if disputed {
        return ("suspension_scope_disputed", None);
    }
    if covers == Covers::Unknown {
        return ("scope_unclear", None);
    }
    if sanction.end.is_none() && (meaning != "everywhere" || signed > start + Days::new(730)) {
        return ("open_ended", None);
    }
    if sanction.published.is_some_and(|published| published > signed) {
        return ("published_later", None);
    }
    if meaning == "as listed once final" && sanction.judged.is_none_or(|judged| judged > signed) {
        return ("judgment_not_final", None);
    }
    let national = meaning == "everywhere" || (meaning.starts_with("as listed") && sanction.scope == EVERYWHERE);
    let severity = match (sanction.person.as_str(), national) {
        ("@2", _) => Severity::Medium,
        (_, true) => Severity::Critical,
        _ => Severity::High,
    };
    ("fired", Some(severity))
}

pub(super) fn judge(case: &Case, meanings: &[&str]) -> (String, Option<Severity>) {
    let answers =
        case.sanctions.iter().zip(meanings).map(|(sanction, meaning)| pair(&case.contract, sanction, meaning));
    let answers: Vec<_> = answers.collect();
    if let Some((verdict, severity)) =
        answers.iter().filter(|(verdict, _)| *verdict == "fired").max_by_key(|(_, severity)| *severity)
    {
        return ((*verdict).to_owned(), *severity);
    }
    // Of several reasons, any may be told.
    let reasons: Vec<_> = answers.iter().map(|(verdict, _)| *verdict).filter(|verdict| *verdict != "clear").collect();
    (if reasons.is_empty() { "clear".to_owned() } else { reasons.join(" or ") }, None)
}
