//! Which ground for a direct award a legal basis names.

use std::borrow::Cow;

use super::words::{after, before, tokens};
use crate::model::fold;

/// The ground that a legal basis names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LegalBasisKind {
    /// Lei 14.133/2021 art. 75 I: small works, engineering, upkeep of vehicles.
    ValueWorks14133,
    /// Lei 14.133/2021 art. 75 II: small purchases and other services.
    ValueGoods14133,
    /// Lei 14.133/2021 art. 75 VIII: emergency or public calamity.
    Emergency14133,
    /// Lei 8.666/1993 art. 24 I: small works and engineering.
    ValueWorks8666,
    /// Lei 8.666/1993 art. 24 II: small purchases and other services.
    ValueGoods8666,
    /// Lei 8.666/1993 art. 24 IV: emergency or public calamity.
    Emergency8666,
    /// Lei 13.303/2016, or the rules of a state company made under it.
    StateCompany,
    /// A basis is stated and is none of these.
    Other,
    /// Nothing is stated.
    Unknown,
}

impl LegalBasisKind {
    /// Name in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ValueWorks14133 => "14133_value_works",
            Self::ValueGoods14133 => "14133_value_goods",
            Self::Emergency14133 => "14133_emergency",
            Self::ValueWorks8666 => "8666_value_works",
            Self::ValueGoods8666 => "8666_value_goods",
            Self::Emergency8666 => "8666_emergency",
            Self::StateCompany => "13303",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }
}

/// The law that governs a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LegalRegime {
    /// Lei 14.133/2021.
    L14133,
    /// Lei 8.666/1993, with Lei 10.520/2002, which it completes (art. 9 of the latter).
    L8666,
    /// Lei 13.303/2016, or the rules of a state company made under it.
    StateCompany,
    /// A law for one emergency, with terms and caps of its own: Lei 13.979/2020 and Lei 14.217/2021 (covid), Lei
    /// 14.981/2024 and the MP 1.221/2024 before it (calamities).
    Emergency,
    /// Another law, or several.
    Other,
    /// Nothing is stated.
    Unknown,
}

impl LegalRegime {
    /// Name in SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::L14133 => "14133",
            Self::L8666 => "8666",
            Self::StateCompany => "13303",
            Self::Emergency => "emergency",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }
}

/// Reads the law from a published legal basis; from the object only where no basis is given and the
/// object names one law by its number (`lei … 14.133`).
pub fn legal_regime(legal_basis: Option<&str>, object: Option<&str>) -> LegalRegime {
    let basis = legal_basis.map(fold).unwrap_or_default();
    if !is_blank(&basis) {
        return regime_of(&tokens(&basis), |_, _| true).unwrap_or(LegalRegime::Other);
    }
    let Some(object) = object.filter(|text| cites_something(text)) else { return LegalRegime::Unknown };
    let folded = if is_folded(object) { Cow::Borrowed(object) } else { Cow::Owned(fold(object)) };
    let named = |words: &[&str], at: usize| {
        words[at].starts_with("lei") || (1..=3).any(|back| matches!(before(words, at, back), "lei" | "leis"))
    };
    regime_of(&tokens(&folded), named).unwrap_or(LegalRegime::Unknown)
}

/// The one law whose number stands in a text, at a place that `counts`; `None` without any.
fn regime_of(words: &[&str], counts: impl Fn(&[&str], usize) -> bool) -> Option<LegalRegime> {
    if is_state_company(words) {
        return Some(LegalRegime::StateCompany);
    }
    let any = |high, low| (0..words.len()).any(|at| law_number(words, at, high, low) && counts(words, at));
    let measure = |at| (1..=4).any(|back| matches!(before(words, at, back), "mp" | "provisoria"));
    let of_measure = |high, low| {
        (0..words.len()).any(|at| law_number(words, at, high, low) && (measure(at) || words[at].starts_with("mp")))
    };
    if any("13", "979") || any("14", "217") || any("14", "981") || of_measure("1", "221") || of_measure("1", "047") {
        return Some(LegalRegime::Emergency);
    }
    match (any("14", "133"), any("8", "666") || any("10", "520")) {
        (true, true) => Some(LegalRegime::Other),
        (true, false) => Some(LegalRegime::L14133),
        (false, true) => Some(LegalRegime::L8666),
        (false, false) => None,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Law {
    L14133,
    L8666,
    Another,
}

/// Reads the ground from a published legal basis; from the object only where no basis is given and
/// the object itself cites an article on direct awards with its law, or Lei 13.303/2016.
///
/// A text that names two different grounds, or an article without its law, is [`LegalBasisKind::Other`].
pub fn legal_basis_kind(legal_basis: Option<&str>, object: Option<&str>) -> LegalBasisKind {
    let basis = legal_basis.map(fold).unwrap_or_default();
    if !is_blank(&basis) {
        let words = tokens(&basis);
        return if is_state_company(&words) {
            LegalBasisKind::StateCompany
        } else {
            ground(&words).unwrap_or(LegalBasisKind::Other)
        };
    }
    let Some(object) = object.filter(|text| cites_something(text)) else { return LegalBasisKind::Unknown };
    let folded = if is_folded(object) { Cow::Borrowed(object) } else { Cow::Owned(fold(object)) };
    let words = tokens(&folded);
    if is_state_company(&words) && words.iter().any(|word| word.starts_with("art")) {
        return LegalBasisKind::StateCompany;
    }
    ground(&words).unwrap_or(LegalBasisKind::Unknown)
}

fn is_blank(folded: &str) -> bool {
    matches!(folded, "" | "nao se aplica" | "sem informacao" | "nao informado" | "fundamento legal" | "3" | "undefined")
        || folded.contains("protegida por sigilo")
}

/// Cheap test that spares most objects the reading.
fn cites_something(text: &str) -> bool {
    ["666", "133", "303", "979", "981", "217", "221", "047", "RLCE", "rlce", "RILC", "rilc"]
        .iter()
        .any(|mark| text.contains(mark))
}

fn is_folded(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b' ')
}

fn is_state_company(words: &[&str]) -> bool {
    (0..words.len()).any(|at| {
        law_number(words, at, "13", "303")
            // A slip that is published: "Lei 133303/16".
            || words[at] == "133303"
            || matches!(words[at], "rilc" | "rlce")
    })
}

/// Whether a law's number stands here: in one word (`14133`, `lei14133`) or in two (`14 133`).
fn law_number(words: &[&str], at: usize, high: &str, low: &str) -> bool {
    let word = words[at];
    let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    if let Some(rest) = digits.strip_prefix(high) {
        // A year may cling to the number: "14133 2021" is two words, "1413321" is not a law.
        return rest == low || (rest.is_empty() && after(words, at, 1) == low);
    }
    false
}

/// A law that stands at a place, if one does.
fn law_at(words: &[&str], at: usize) -> Option<Law> {
    if law_number(words, at, "14", "133") {
        return Some(Law::L14133);
    }
    if law_number(words, at, "8", "666") {
        return Some(Law::L8666);
    }
    let law = matches!(words[at], "lei" | "leis" | "lc" | "decreto" | "in" | "constituicao" | "rdc" | "portaria");
    let own = (1..=4).any(|ahead| {
        at + ahead < words.len()
            && (law_number(words, at + ahead, "14", "133") || law_number(words, at + ahead, "8", "666"))
    });
    (law && !own).then_some(Law::Another)
}

/// The one ground that the citations of articles name: `None` if no article on direct awards is cited.
fn ground(words: &[&str]) -> Option<LegalBasisKind> {
    let mut found: Option<LegalBasisKind> = None;
    for at in 0..words.len() {
        let Some((article, end)) = article_at(words, at) else { continue };
        let kind = match (article, law_of(words, at, end)) {
            (75, Some(Law::L14133)) => match inciso(words, at, end) {
                Some(1) => LegalBasisKind::ValueWorks14133,
                Some(2) => LegalBasisKind::ValueGoods14133,
                Some(8) => LegalBasisKind::Emergency14133,
                _ => LegalBasisKind::Other,
            },
            (24, Some(Law::L8666)) => match inciso(words, at, end) {
                Some(1) => LegalBasisKind::ValueWorks8666,
                Some(2) => LegalBasisKind::ValueGoods8666,
                Some(4) => LegalBasisKind::Emergency8666,
                _ => LegalBasisKind::Other,
            },
            (74, Some(Law::L14133)) | (25, Some(Law::L8666)) => LegalBasisKind::Other,
            _ => continue,
        };
        found = match found {
            Some(earlier) if earlier != kind => return Some(LegalBasisKind::Other),
            _ => Some(kind),
        };
    }
    found
}

/// The article that is cited at a place, and the place behind its number.
fn article_at(words: &[&str], at: usize) -> Option<(u32, usize)> {
    let word = words[at];
    if matches!(word, "art" | "artigo" | "arts" | "artigos") {
        let number = after(words, at, 1).trim_end_matches('o');
        return number.parse().ok().map(|article| (article, at + 2));
    }
    let number = word.strip_prefix("artigo").or_else(|| word.strip_prefix("art"))?;
    number.parse().ok().map(|article| (article, at + 1))
}

/// The law that an article belongs to: the one right behind its citation (`… da Lei 14.133`), else
/// the last one before it, else the next one before another article.
fn law_of(words: &[&str], start: usize, end: usize) -> Option<Law> {
    let next_article = (end..words.len()).find(|at| article_at(words, *at).is_some()).unwrap_or(words.len());
    let behind = (end..next_article).find_map(|at| law_at(words, at).map(|law| (at, law)));
    if let Some((at, law)) = behind {
        let linked = (1..=5).any(|back| {
            at.checked_sub(back).is_some_and(|place| place >= end && matches!(words[place], "da" | "do" | "de"))
        });
        if linked || at == end {
            return Some(law);
        }
    }
    let ahead = (0..start).rev().find_map(|at| law_at(words, at));
    ahead.or(behind.map(|(_, law)| law))
}

/// The inciso of an article: the one behind it, or `inciso X do art. N` before it; `None` if there
/// is none or more than one.
fn inciso(words: &[&str], start: usize, end: usize) -> Option<u32> {
    let mut at = end;
    while matches!(after(words, at, 0), "o" | "caput" | "inciso" | "incisos" | "inc" | "incs" | "no" | "n") {
        at += 1;
    }
    if let Some(number) = numeral(after(words, at, 0)) {
        let more = matches!(after(words, at, 1), "e" | "ou") && numeral(after(words, at, 2)).is_some();
        let listed = numeral(after(words, at, 1)).is_some();
        return (!more && !listed).then_some(number);
    }
    let named = matches!(before(words, start, 3), "inciso" | "inc") && matches!(before(words, start, 1), "do" | "da");
    let many = matches!(before(words, start, 3), "e" | "ou");
    if named && !many { numeral(before(words, start, 2)) } else { None }
}

/// A Roman numeral up to XVIII, as the incisos of these articles have.
fn numeral(word: &str) -> Option<u32> {
    const NUMERALS: [&str; 18] = [
        "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv", "xvi", "xvii",
        "xviii",
    ];
    (1u32..).zip(NUMERALS).find(|(_, numeral)| *numeral == word).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::{legal_basis_kind, legal_regime};

    #[test]
    fn the_law_of_a_contract() {
        for (basis, law) in [
            ("Lei 14.133/2021, Art. 28, I", "14133"),
            ("LEI Nº 14.133, DE 1º DE ABRIL DE 2021", "14133"),
            ("Lei 8.666/93 e Lei 10.520/2002", "8666"),
            ("Lei 10.520/2002", "8666"),
            ("Lei 8.666/1993 c/c Lei 14.133/2021", "other"),
            ("LEIS:10520/02,13303/16, 12305/10LCs: 123/06", "13303"),
            ("RILC CBTU", "13303"),
            ("Lei 12.462/2011", "other"),
            ("Lei 13.979/2020, art. 4", "emergency"),
            ("Lei nº 14.981/2024, art. 2", "emergency"),
            ("Art. 75, VIII, da Lei 14.133/2021 c/c MP 1.221/2024", "emergency"),
            ("", "unknown"),
            ("Não se aplica", "unknown"),
        ] {
            assert_eq!(legal_regime(Some(basis), None).as_str(), law, "{basis}");
        }
        for (object, law) in [
            ("NOS TERMOS DO ARTIGO 92, INCISOS I E II, DA LEI Nº 14.133/2021", "14133"),
            ("contratacao nos termos da lei federal no 8 666 93", "8666"),
            ("Aquisição de 8.666 unidades", "unknown"),
            ("Contrato regido pela Lei 13.979/2020", "emergency"),
            ("Aquisição de 1.221 unidades", "unknown"),
            ("Aquisição de livros", "unknown"),
        ] {
            assert_eq!(legal_regime(None, Some(object)).as_str(), law, "{object}");
        }
        assert_eq!(legal_regime(Some("Lei 14.133/2021"), Some("lei 8.666")).as_str(), "14133");
    }

    fn of(basis: &str) -> &'static str {
        legal_basis_kind(Some(basis), None).as_str()
    }

    #[test]
    fn grounds() {
        for (basis, kind) in [
            ("Lei 14.133/2021, Art. 75, I", "14133_value_works"),
            ("Lei 14.133/2021, Art. 75, II", "14133_value_goods"),
            ("Art. 75, inciso II, da Lei nº 14.133/2021", "14133_value_goods"),
            ("Fundamento Legal: inciso II do art. 75 da Lei 14.133, de 1º de abril de 2021", "14133_value_goods"),
            ("ARTIGO 75, INC. VIII DA LEI Nº 14.133, DE 1º DE ABRIL DE 2021", "14133_emergency"),
            ("Lei14133/2021 artigo75, caput, inciso VIII", "14133_emergency"),
            ("Lei 14.133/2021, Art. 75, II c/c Lei Complementar 123/2006", "14133_value_goods"),
            ("Art. 24, I, da Lei 8.666/93", "8666_value_works"),
            ("LEI 8666/93, ART. 24, INCISO II", "8666_value_goods"),
            ("Art. 24, inciso IV da Lei nº 8.666/1993", "8666_emergency"),
            ("Art. 24, inciso XIII, da Lei 8.666/1993", "other"),
            ("Lei 14.133/2021, Art. 75, XV", "other"),
            ("Lei 14.133/2021, Art. 74, I", "other"),
            ("Lei 14.133/2021, Art. 28, I", "other"),
            ("Lei 14.133/2021", "other"),
            ("Art. 75, I e II, da Lei 14.133/2021", "other"),
            ("Art. 75, II, da Lei 14.133/2021 e art. 75, VIII, da Lei 14.133/2021", "other"),
            ("Art. 24, II", "other"),
            ("Art. 1º da Lei 8.958/1994 c/c art. 24, XIII, da Lei 8.666/93", "other"),
            ("Art. 75, II, da Lei 13.303/2016", "13303"),
            ("LEI N¿ 13.303/2016, ART. 28 C/C ART. 32, INCISO IV", "13303"),
            ("art.30, Caput da Lei 133303/16 e conformidade LC nº 123/06", "13303"),
            ("Art. 29, Inciso II da Lei 13..303/2016", "13303"),
            ("Lei13303/2016/Decr8945/2016, LC123/2006", "13303"),
            ("RILC CBTU", "13303"),
            ("", "unknown"),
            ("  ", "unknown"),
            ("Não se aplica", "unknown"),
            ("Informação protegida por sigilo nos termos da legislação vigente", "unknown"),
        ] {
            assert_eq!(of(basis), kind, "{basis}");
        }
    }

    #[test]
    fn objects_speak_only_where_the_basis_is_silent() {
        let of = |object: &str| legal_basis_kind(None, Some(object)).as_str();
        assert_eq!(of("FUNDAMENTO LEGAL: ARTIGO 75, INC. VIII DA LEI Nº 14.133, DE 1º DE ABRIL"), "14133_emergency");
        assert_eq!(of("fundamento legal artigo 75 inc viii da lei no 14 133 de 1o de abril"), "14133_emergency");
        assert_eq!(of("DISPENSA DE ACORDO COM O ART. 24, INCISO XIII, DA LEI 8.666/1993"), "other");
        assert_eq!(of("COM FULCRO NO ARTIGO25, INCISO II DA LEI 8666/93"), "other");
        assert_eq!(of("CONFORME INCISO IV DO ART. 79 DO RLCE 2.0"), "13303");
        assert_eq!(of("NOS TERMOS DO ARTIGO 92, INCISOS I E II, DA LEI Nº 14.133/2021"), "unknown");
        assert_eq!(of("Aquisição de 8.666 unidades"), "unknown");
        assert_eq!(of("CLÁUSULA PRIMEIRA - OBJETO (ART. 92, I E II)"), "unknown");
        assert_eq!(legal_basis_kind(None, None).as_str(), "unknown");
        let basis = Some("Lei 14.133/2021, Art. 75, II");
        assert_eq!(legal_basis_kind(basis, Some("art 24 iv da lei 8666")).as_str(), "14133_value_goods");
    }
}
