use serde::{Deserialize, Serialize};

/// Kind of a supplier's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxIdKind {
    /// Company: 14 characters, the first 12 letters or digits (IN RFB 2.229/2024).
    Cnpj,
    /// Natural person: 11 digits.
    Cpf,
    /// What the source gives for a foreign supplier (`EX…`, `ESTRANGEIRO_…`).
    Foreign,
    /// The source keeps the supplier secret or gives none (`-11`, `Sigiloso`, blank).
    Secret,
    /// Anything else.
    Other,
}

impl TaxIdKind {
    /// Name in the lake and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cnpj => "cnpj",
            Self::Cpf => "cpf",
            Self::Foreign => "foreign",
            Self::Secret => "secret",
            Self::Other => "other",
        }
    }
}

/// Whether the check digits of an id are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxIdCheck {
    /// They are.
    Valid,
    /// They are not.
    Invalid,
    /// The id has none, or is masked.
    NotApplicable,
}

impl TaxIdCheck {
    /// Name in the lake.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// Reads a published id: its kind, its normalised form (no punctuation, upper case; empty for
/// [`TaxIdKind::Secret`]) and whether its check digits are right.
///
/// An id all of one character is invalid even where the arithmetic holds (`00000000000000`).
pub fn check_tax_id(published: &str) -> (TaxIdKind, String, TaxIdCheck) {
    let text = published.trim();
    // What is published as it should be, which is nearly everything.
    if text.len() == 14 && text.bytes().all(|b| b.is_ascii_digit()) {
        return (TaxIdKind::Cnpj, text.to_owned(), check(text, cnpj_check_digits(&text[..12])));
    }
    let text = text.to_uppercase();
    if text.is_empty() || matches!(text.as_str(), "-11" | "-1" | "-2" | "-3" | "SIGILOSO" | "SEM INFORMAÇÃO") {
        return (TaxIdKind::Secret, String::new(), TaxIdCheck::NotApplicable);
    }
    let bare: String = text.chars().filter(|c| !matches!(c, '.' | '-' | '/' | ' ')).collect();
    // A CNPJ of letters may begin so too.
    if (bare.starts_with("EX") && !is_valid_cnpj(&bare)) || bare.starts_with("ESTRANGEIRO") {
        return (TaxIdKind::Foreign, text, TaxIdCheck::NotApplicable);
    }
    if bare.len() == 11 && bare.contains('*') && bare.bytes().all(|b| b == b'*' || b.is_ascii_digit()) {
        return (TaxIdKind::Cpf, text, TaxIdCheck::NotApplicable);
    }
    let digits = |from: &str| from.bytes().all(|b| b.is_ascii_digit());
    if bare.len() == 14 && bare.bytes().take(12).all(|b| b.is_ascii_alphanumeric()) && digits(&bare[12..]) {
        let right = cnpj_check_digits(&bare[..12]);
        let check = check(&bare, right);
        return (TaxIdKind::Cnpj, bare, check);
    }
    if bare.len() == 11 && digits(&bare) {
        let right = cpf_check_digits(&bare[..9]);
        let check = check(&bare, right);
        return (TaxIdKind::Cpf, bare, check);
    }
    (TaxIdKind::Other, text, TaxIdCheck::NotApplicable)
}

/// Whether an id ends with the digits that are right; one of a single character is never valid.
fn check(bare: &str, right: Option<[u8; 2]>) -> TaxIdCheck {
    let same = bare.bytes().all(|b| b == bare.as_bytes()[0]);
    match right {
        Some(digits) if !same && bare.as_bytes().ends_with(&digits) => TaxIdCheck::Valid,
        _ => TaxIdCheck::Invalid,
    }
}

fn is_valid_cnpj(bare: &str) -> bool {
    bare.get(..12).and_then(cnpj_check_digits).is_some_and(|digits| bare.as_bytes()[12..] == digits)
}

/// The two check digits (ASCII) of the first 12 characters of a CNPJ; `None` if they are not 12
/// upper-case letters or digits.
///
/// Modulo 11 with the weights 5,4,3,2,9…2 and 6,5,4,3,2,9…2; the value of a character is its ASCII
/// code less 48 (IN RFB 2.229/2024, annex).
pub fn cnpj_check_digits(base: &str) -> Option<[u8; 2]> {
    let valid = base.len() == 12 && base.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    valid.then(|| mod_11(base, |place_from_right| 2 + place_from_right % 8))
}

/// The two check digits (ASCII) of the first 9 digits of a CPF; `None` if they are not 9 digits.
///
/// Modulo 11 with the weights 10…2 and 11…2.
pub fn cpf_check_digits(base: &str) -> Option<[u8; 2]> {
    let valid = base.len() == 9 && base.bytes().all(|b| b.is_ascii_digit());
    valid.then(|| mod_11(base, |place_from_right| 2 + place_from_right))
}

fn mod_11(base: &str, weight: impl Fn(u32) -> u32) -> [u8; 2] {
    let values = || base.bytes().rev().map(|b| u32::from(b - b'0'));
    let digit = |values: &mut dyn Iterator<Item = u32>| {
        let sum: u32 = (0u32..).zip(values).map(|(place, value)| value * weight(place)).sum();
        match sum % 11 {
            rest if rest < 2 => 0,
            rest => 11 - rest,
        }
    };
    let first = digit(&mut values());
    let second = digit(&mut std::iter::once(first).chain(values()));
    // Both are below ten by construction.
    [first, second].map(|digit| b'0' + digit as u8)
}

/// A CPF with only its six middle digits shown: `***.456.789-**`. Anything else than 11 digits
/// gives a mask without digits.
pub fn mask_cpf(cpf: &str) -> String {
    if cpf.len() == 11 && cpf.bytes().all(|b| b.is_ascii_digit()) {
        format!("***.{}.{}-**", &cpf[3..6], &cpf[6..9])
    } else {
        "***.***.***-**".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_vectors_hold() {
        assert_eq!(cnpj_check_digits("12ABC34501DE"), Some(*b"35"));
        assert_eq!(cnpj_check_digits("000000000001"), Some(*b"91"));
        assert_eq!(check_tax_id("12.ABC.345/01DE-35").2, TaxIdCheck::Valid);
        assert_eq!(check_tax_id("12ABC34501DE36").2, TaxIdCheck::Invalid);
        assert_eq!(check_tax_id("00000000000000").2, TaxIdCheck::Invalid);
        assert_eq!(cpf_check_digits("529982247"), Some(*b"25"));
    }

    #[test]
    fn sentinels_and_foreigners_are_not_tax_ids() {
        assert_eq!(check_tax_id("-11").0, TaxIdKind::Secret);
        assert_eq!(check_tax_id("  ").0, TaxIdKind::Secret);
        assert_eq!(check_tax_id("EX2548312").0, TaxIdKind::Foreign);
        assert_eq!(check_tax_id(".EX9////3.EX9.0////99///99//99").0, TaxIdKind::Foreign);
        let [one, two] = cnpj_check_digits("EX1234560001").unwrap().map(char::from);
        assert_eq!(check_tax_id(&format!("EX.123.456/0001-{one}{two}")).0, TaxIdKind::Cnpj);
        assert_eq!(check_tax_id("EX12345600010").0, TaxIdKind::Foreign);
        assert_eq!(check_tax_id("ESTRANGEIRO_US_ARMY_CORPS_OF_ENGINEERS").0, TaxIdKind::Foreign);
        assert_eq!(check_tax_id("115406").0, TaxIdKind::Other);
        assert_eq!(check_tax_id("***.456.789-**").2, TaxIdCheck::NotApplicable);
        assert_eq!(check_tax_id("ÃÃÃÃÃÃÃ").0, TaxIdKind::Other);
    }

    #[test]
    fn masks_cpf() {
        assert_eq!(mask_cpf("12345678909"), "***.456.789-**");
        assert_eq!(mask_cpf("çççççççççç"), "***.***.***-**");
    }
}
