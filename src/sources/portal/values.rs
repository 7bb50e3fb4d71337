//! Dates, amounts and quantities as the bulk files write them.

use chrono::NaiveDate;

use super::super::records::Dialect;
use super::{Fault, Published, Reason};
use crate::model::{Money, MoneyError};

/// Largest quantity of the lake's `Decimal128(18, 4)`, in ten-thousandths.
const MAX_QUANTITY: i128 = 999_999_999_999_999_999;

impl Published<'_> {
    /// A date `DD/MM/AAAA`, or of ISO 8601 in a file that was saved again; `None` if blank.
    pub(super) fn date(&self, column: usize) -> Result<Option<NaiveDate>, Fault> {
        let Some(text) = self.optional(column) else { return Ok(None) };
        let resaved = || text.parse().ok().filter(|_| self.dialect == Dialect::Resaved && text.len() == 10);
        parse_date(text).or_else(resaved).map(Some).ok_or(Fault { column, reason: Reason::InvalidDate })
    }

    /// An amount; `None` if blank.
    pub(in crate::sources) fn money(&self, column: usize) -> Result<Option<Money>, Fault> {
        let Some(text) = self.optional(column) else { return Ok(None) };
        let read = match self.dialect {
            Dialect::Official => Money::parse_comma(text),
            Dialect::Resaved => text.parse(),
        };
        read.map(Some).map_err(|error| {
            let reason = match error {
                MoneyError::Malformed(_) => Reason::MalformedAmount,
                MoneyError::SubCent(_) => Reason::SubCentAmount,
                MoneyError::TooLarge(_) => Reason::AmountTooLarge,
            };
            Fault { column, reason }
        })
    }

    /// A quantity in ten-thousandths; `None` if blank.
    pub(super) fn quantity(&self, column: usize) -> Result<Option<i128>, Fault> {
        let Some(text) = self.optional(column) else { return Ok(None) };
        let mark = match self.dialect {
            Dialect::Official => ',',
            Dialect::Resaved => '.',
        };
        parse_quantity(text, mark).map(Some).map_err(|reason| Fault { column, reason })
    }
}

pub(in crate::sources) fn parse_date(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0, |number: u32, b| b.is_ascii_digit().then(|| number * 10 + u32::from(b - b'0')))
    };
    if bytes.len() != 10 || bytes[2] != b'/' || bytes[5] != b'/' {
        return None;
    }
    let year = i32::try_from(number(6, 10)?).ok().filter(|year| *year > 0)?;
    NaiveDate::from_ymd_opt(year, number(3, 5)?, number(0, 2)?)
}

pub(in crate::sources) fn parse_quantity(text: &str, mark: char) -> Result<i128, Reason> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once(mark).unwrap_or((digits, ""));
    if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(Reason::MalformedQuantity);
    }
    if fraction.bytes().skip(4).any(|b| b != b'0') {
        return Err(Reason::QuantityTooPrecise);
    }
    let mut quantity = 0;
    for digit in whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(4)) {
        quantity = quantity * 10 + i128::from(digit - b'0');
        if quantity > MAX_QUANTITY {
            return Err(Reason::QuantityTooLarge);
        }
    }
    Ok(if negative { -quantity } else { quantity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_days_of_the_calendar_only() {
        assert_eq!(parse_date("29/02/2024"), NaiveDate::from_ymd_opt(2024, 2, 29));
        assert_eq!(parse_date("27/12/2073"), NaiveDate::from_ymd_opt(2073, 12, 27));
        for text in
            ["29/02/2023", "00/00/0000", "01/01/0000", "1/1/2024", "2024-01-01", "01/01/24", "01/13/2024", "ab/cd/efgh"]
        {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn reads_quantities_to_four_decimals() {
        assert_eq!(parse_quantity("870000000", ','), Ok(8_700_000_000_000));
        assert_eq!(parse_quantity("1,5", ','), Ok(15_000));
        assert_eq!(parse_quantity("-0,00010", ','), Ok(-1));
        assert_eq!(parse_quantity("99999999999999,9999", ','), Ok(MAX_QUANTITY));
        assert_eq!(parse_quantity("1.5", '.'), Ok(15_000));
        assert_eq!(parse_quantity("100000000000000", ','), Err(Reason::QuantityTooLarge));
        assert_eq!(parse_quantity("0,00001", ','), Err(Reason::QuantityTooPrecise));
        for text in ["", "-", ",5", "1.5", "1,5,0", "1e3", "+1"] {
            assert_eq!(parse_quantity(text, ','), Err(Reason::MalformedQuantity), "{text}");
        }
    }
}
