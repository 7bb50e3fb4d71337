//! What names a tender: the tables of tenders, of their items, participants and commitments, and the
//! contracts that came of them must come to the same id.

use std::borrow::Cow;

use super::contracts::modality;
use super::{Published, digest, first_hex, slug};
use crate::model::{Modality, fold};

/// Digits of the number of a tender: five of its sequence, four of its year.
const NUMBER_DIGITS: usize = 9;

/// The key of a tender: unit, number and modality. The number alone is not unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TenderRef<'a> {
    buyer_id: &'a str,
    number: Cow<'a, str>,
    modality: Cow<'a, str>,
}

impl<'a> TenderRef<'a> {
    /// The tender of published texts; the modality is told by its code, its name or both.
    ///
    /// Files that were saved again lost the zeros that a number begins with.
    pub(crate) fn new(buyer_id: &'a str, number: &'a str, code: &'a str, name: &'a str) -> Self {
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let number = match number.len() {
            length if digits && length < NUMBER_DIGITS => Cow::Owned(format!("{number:0>NUMBER_DIGITS$}")),
            _ => Cow::Borrowed(number),
        };
        // Some files write the codes with two digits.
        let code = code.trim_start_matches('0');
        let modality = match modality_of(code, name) {
            Modality::NotInformed if code.is_empty() => Cow::Owned(fold(name)),
            Modality::NotInformed => Cow::Borrowed(code),
            known => Cow::Borrowed(known.as_str()),
        };
        Self { buyer_id, number, modality }
    }

    /// Its id in the lake. Texts that an id cannot hold as they are add their hash to it.
    pub(crate) fn id(&self) -> String {
        let parts = [self.buyer_id, &self.number, &self.modality];
        let [buyer, number, modality] = parts.map(slug);
        let mut id = ["portal-", &buyer, "-", &number, "-tender-", &modality].concat();
        let plain = |text: &str| text.len() <= 40 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !parts.iter().all(|text| plain(text)) {
            id.push('-');
            id.push_str(&first_hex(&digest(parts)));
        }
        id
    }
}

/// The modality that a code or a name says.
pub(super) fn modality_of(code: &str, name: &str) -> Modality {
    let by_code = || match code.trim_start_matches('0') {
        "1" => Modality::Convite,
        "2" => Modality::TomadaDePrecos,
        "3" => Modality::Concorrencia,
        "5" => Modality::Pregao,
        "6" => Modality::DispensaLicitacao,
        "7" => Modality::Inexigibilidade,
        "9999" | "-99" => Modality::PregaoRegistroPreco,
        _ => Modality::NotInformed,
    };
    match modality(name) {
        Modality::NotInformed => by_code(),
        known => known,
    }
}

/// Codes that the source writes where it has none.
pub(in crate::sources) fn is_sentinel(code: &str) -> bool {
    matches!(code, "-1" | "-2" | "-3" | "-11")
}

impl<'a> Published<'a> {
    /// The tender that a row is of, from the columns of number, unit, code and name of the modality.
    pub(super) fn tender(
        self,
        number: usize,
        buyer: usize,
        code: usize,
        name: usize,
    ) -> Result<TenderRef<'a>, super::Fault> {
        let (number, buyer) = (self.required(number)?, self.required(buyer)?);
        let code = Some(self.text(code)).filter(|code| !is_sentinel(code)).unwrap_or_default();
        // Without either, tenders of several modalities would become one.
        let name = if code.is_empty() { self.required(name)? } else { self.text(name) };
        Ok(TenderRef::new(buyer, number, code, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_tender_gives_one_id() {
        let id = |number, code, name| TenderRef::new("154051", number, code, name).id();
        let expected = "portal-154051-000012019-tender-dispensa-licitacao";
        assert_eq!(id("000012019", "6", ""), expected);
        assert_eq!(id("12019", "", "DISPENSA DE LICITACAO"), expected);
        assert_eq!(id("000012019", "6", "Dispensa de Licitação"), expected);
        let registered = id("000032023", "9999", "");
        assert_eq!(id("32023", "-99", "Pregão - Registro de Preço"), registered);
        assert_eq!(id("32023", "05", ""), id("32023", "5", "Pregão"));
        assert_ne!(id("000032023", "5", "Pregão"), registered);
    }

    #[test]
    fn unknown_modalities_and_odd_numbers_stay_apart() {
        let id = |number, code, name| TenderRef::new("1", number, code, name).id();
        assert_ne!(id("1", "44", ""), id("1", "45", ""));
        assert_ne!(id("1", "", "Leilão"), id("1", "", "Concurso"));
        assert_ne!(id("1/2024", "5", ""), id("1-2024", "5", ""));
    }
}
