use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount in reais, exact to the cent. The lake keeps it as `Decimal128(18, 2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i128);

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not digits with one optional sign and one optional decimal mark.
    #[error("{0:?} is not a decimal number")]
    Malformed(String),
    /// More than two decimals that are not zero.
    #[error("{0:?} has a fraction of a cent")]
    SubCent(String),
    /// Does not fit 18 digits.
    #[error("{0:?} has more than 16 digits before the decimal mark")]
    TooLarge(String),
}

impl Money {
    /// Largest amount of the lake's `Decimal128(18, 2)`, in cents.
    pub const MAX_CENTS: i128 = 999_999_999_999_999_999;

    /// An amount of so many cents.
    pub const fn from_cents(cents: i128) -> Self {
        Self(cents)
    }

    /// The amount in cents.
    pub const fn cents(self) -> i128 {
        self.0
    }

    /// Reads a published amount with a decimal comma and no thousands separator (`2588,9700`).
    ///
    /// # Errors
    /// [`MoneyError`] names the text; a non-zero fraction of a cent is refused, never rounded.
    pub fn parse_comma(text: &str) -> Result<Self, MoneyError> {
        Self::parse(text, b',')
    }

    fn parse(text: &str, mark: u8) -> Result<Self, MoneyError> {
        let malformed = || MoneyError::Malformed(text.to_owned());
        let bytes = text.trim().as_bytes();
        let (negative, digits) = match bytes.split_first() {
            Some((b'-', rest)) => (true, rest),
            Some(_) => (false, bytes),
            None => return Err(malformed()),
        };
        let (whole, fraction) = match digits.iter().position(|b| *b == mark) {
            Some(at) => (&digits[..at], &digits[at + 1..]),
            None => (digits, &[][..]),
        };
        if whole.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
            return Err(malformed());
        }
        if fraction.iter().skip(2).any(|b| *b != b'0') {
            return Err(MoneyError::SubCent(text.to_owned()));
        }
        let mut cents: u64 = 0;
        let padded = [fraction.first().copied().unwrap_or(b'0'), fraction.get(1).copied().unwrap_or(b'0')];
        for digit in whole.iter().chain(&padded) {
            // The largest amount has 18 digits: one more still fits.
            cents = cents * 10 + u64::from(digit - b'0');
            if i128::from(cents) > Self::MAX_CENTS {
                return Err(MoneyError::TooLarge(text.to_owned()));
            }
        }
        let cents = i128::from(cents);
        Ok(Self(if negative { -cents } else { cents }))
    }

    /// The amount as Brazilians write it: `R$ 1.234,56`.
    pub fn pt(self) -> String {
        self.grouped('.', ',')
    }

    /// The amount as written in English: `R$ 1,234.56`.
    pub fn en(self) -> String {
        self.grouped(',', '.')
    }

    fn grouped(self, separator: char, mark: char) -> String {
        let whole = (self.0.unsigned_abs() / 100).to_string();
        let sign = if self.0 < 0 { "-" } else { "" };
        format!("{sign}R$ {}{mark}{:02}", thousands(&whole, separator), self.0.unsigned_abs() % 100)
    }
}

/// Digits in groups of three: `1234567` becomes `1.234.567`.
pub fn thousands(digits: &str, separator: char) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

impl fmt::Display for Money {
    /// The exact decimal with a point and two decimals: `1234.56`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}.{:02}", self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads a decimal with a point (`1234.56`).
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Self::parse(text, b'.')
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_published_amounts_exactly() {
        assert_eq!(Money::parse_comma("2588,9700"), Ok(Money(258_897)));
        assert_eq!(Money::parse_comma("0,00"), Ok(Money(0)));
        assert_eq!(Money::parse_comma("-460542,00"), Ok(Money(-46_054_200)));
        assert_eq!(Money::parse_comma("7"), Ok(Money(700)));
        assert_eq!(Money::parse_comma("7,5"), Ok(Money(750)));
        assert_eq!("9999999999999999.99".parse(), Ok(Money(Money::MAX_CENTS)));
    }

    #[test]
    fn refuses_what_is_not_an_amount() {
        for text in ["", "-", "1.234,56", "1,2,3", "R$ 5", "1e3", "١,0", ",5", "--1"] {
            assert!(matches!(Money::parse_comma(text), Err(MoneyError::Malformed(_))), "{text:?}");
        }
        assert!(matches!(Money::parse_comma("1,001"), Err(MoneyError::SubCent(_))));
        assert!(matches!(Money::parse_comma("10000000000000000,00"), Err(MoneyError::TooLarge(_))));
        assert!(matches!(Money::parse_comma(&"9".repeat(400)), Err(MoneyError::TooLarge(_))));
    }

    #[test]
    fn writes_amounts() {
        let amount = Money(-123_456_789);
        assert_eq!(amount.to_string(), "-1234567.89");
        assert_eq!(amount.pt(), "-R$ 1.234.567,89");
        assert_eq!(amount.en(), "-R$ 1,234,567.89");
        assert_eq!(Money(5).pt(), "R$ 0,05");
        assert_eq!(serde_json::to_string(&Money(100)).unwrap(), "\"1.00\"");
    }
}
