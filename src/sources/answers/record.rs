//! One record of an answer, read member by member: what is there must be what it should be.

use std::borrow::Cow;
use std::cell::Cell;

use chrono::{NaiveDate, TimeDelta};

use super::super::fault::Reason;
use super::super::ocds::json::{Scalar, View};
use super::super::ocds::values::{Clock, Moment, parse_day, parse_decimal};
use super::super::pii::mask_text;
use super::super::portal::parse_date;

/// Hours that the clock of Brasília is behind UTC.
const BRASILIA_HOURS: i64 = 3;

/// Why a record is not taken in.
#[derive(Debug)]
pub(super) struct Fault {
    /// Path of the member at fault.
    pub(super) member: &'static str,
    pub(super) reason: Reason,
    pub(super) value: String,
}

/// A record. Members are named by their path: `unidadeOrgao.codigoUnidade`.
#[derive(Debug)]
pub(super) struct Record<'a> {
    root: View<'a>,
    rounded: Cell<i64>,
}

impl<'a> Record<'a> {
    pub(super) fn new(root: View<'a>) -> Self {
        Self { root, rounded: Cell::new(0) }
    }

    /// Numbers so far that had more decimals than the lake has.
    pub(super) fn rounded(&self) -> i64 {
        self.rounded.get()
    }

    /// A member that is not null.
    pub(super) fn at(&self, path: &str) -> Option<View<'a>> {
        path.split('.').try_fold(self.root, View::get)
    }

    /// A text without blanks around it, or a number as it was written; `None` if blank.
    pub(super) fn text(&self, path: &str) -> Option<Cow<'a, str>> {
        self.at(path).and_then(View::text)
    }

    /// The first of several members that says something: generations of an API name them differently.
    pub(super) fn first(&self, paths: &[&str]) -> Option<Cow<'a, str>> {
        paths.iter().find_map(|path| self.text(path))
    }

    /// A text that may name persons, CPFs masked.
    pub(super) fn masked(&self, paths: &[&str]) -> Option<String> {
        self.first(paths).map(|text| mask_text(&text).into_owned())
    }

    /// What no row can do without.
    pub(super) fn required(&self, paths: &[&'static str]) -> Result<Cow<'a, str>, Fault> {
        let member = paths.first().copied().unwrap_or_default();
        self.first(paths).ok_or_else(|| Fault { member, reason: Reason::RequiredBlank, value: String::new() })
    }

    pub(super) fn truth(&self, path: &str) -> bool {
        self.at(path).is_some_and(|value| value.scalar() == Scalar::Truth(true))
    }

    fn fault(&self, member: &'static str, reason: Reason) -> Fault {
        let value = self.text(member).map(Cow::into_owned).unwrap_or_default();
        Fault { member, reason, value }
    }

    /// A day: `AAAA-MM-DD`, with or without a time behind it, or `DD/MM/AAAA`.
    pub(super) fn day(&self, member: &'static str) -> Result<Option<NaiveDate>, Fault> {
        let Some(text) = self.text(member) else { return self.nothing(member, Reason::InvalidDate) };
        let day = parse_date(&text).or_else(|| {
            let timed = text.len() == 10 || text.as_bytes().get(10).is_some_and(|mark| matches!(mark, b'T' | b' '));
            text.get(..10).filter(|_| timed).and_then(parse_day)
        });
        day.map(Some).ok_or_else(|| self.fault(member, Reason::InvalidDate))
    }

    /// A moment of ISO 8601; without a time zone it is of the clock of Brasília.
    pub(super) fn moment(&self, member: &'static str) -> Result<Option<Moment>, Fault> {
        let Some(text) = self.text(member) else { return self.nothing(member, Reason::InvalidDate) };
        let zoned = text.get(11..).is_some_and(|time| time.contains(['Z', '+', '-']));
        let moment = Moment::parse(&text).and_then(|moment| {
            if zoned {
                return Some(moment);
            }
            let at = moment.at.checked_add_signed(TimeDelta::hours(BRASILIA_HOURS))?;
            Some(Moment { at, clock: if moment.clock == Clock::Day { Clock::ZonedDay } else { Clock::Zoned } })
        });
        moment.map(Some).ok_or_else(|| self.fault(member, Reason::InvalidDate))
    }

    /// An amount in cents, from the digits as they were written: a number, or a text with a decimal comma or point.
    pub(super) fn money(&self, member: &'static str) -> Result<Option<i128>, Fault> {
        self.decimal(member, 2, Reason::MalformedAmount, Reason::AmountTooLarge)
    }

    /// A quantity in ten-thousandths.
    pub(super) fn quantity(&self, member: &'static str) -> Result<Option<i128>, Fault> {
        self.decimal(member, 4, Reason::MalformedQuantity, Reason::QuantityTooLarge)
    }

    fn decimal(&self, member: &'static str, places: u32, bad: Reason, large: Reason) -> Result<Option<i128>, Fault> {
        let Some(value) = self.at(member) else { return Ok(None) };
        let plain = match value.scalar() {
            Scalar::Text(text) if text.trim().is_empty() => return Ok(None),
            Scalar::Text(text) => plain_decimal(text.trim()),
            _ => value.number().map(Cow::Borrowed),
        };
        let plain = plain.ok_or_else(|| self.fault(member, bad))?;
        match parse_decimal(&plain, places) {
            Some((units, rounded)) => {
                self.rounded.set(self.rounded.get() + i64::from(rounded));
                Ok(Some(units))
            }
            // A number as such, but not one that the lake holds.
            None if plain.parse::<f64>().is_ok() => Err(self.fault(member, large)),
            None => Err(self.fault(member, bad)),
        }
    }

    /// Nothing, unless the member is of a type that says nothing of the kind.
    fn nothing<T>(&self, member: &'static str, reason: Reason) -> Result<Option<T>, Fault> {
        match self.at(member).map(View::scalar) {
            None | Some(Scalar::Text(_)) => Ok(None),
            Some(_) => Err(self.fault(member, reason)),
        }
    }
}

/// A decimal as JSON would write it, from one as Brazilians or programs write it: `R$ 1.234.567,89`,
/// `1234,5`, `33780.0000`. `1.234` alone may be either, and is neither.
pub(in crate::sources) fn plain_decimal(text: &str) -> Option<Cow<'_, str>> {
    let text = text.strip_prefix("R$").map_or(text, str::trim_start);
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let grouped = |whole: &str| {
        let mut groups = whole.split('.');
        let first = groups.next().unwrap_or_default();
        (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3)
    };
    let plain = |whole: &str, fraction: &str| {
        let whole: String = whole.chars().filter(|c| *c != '.').collect();
        Some(Cow::Owned(if fraction.is_empty() {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{fraction}")
        }))
    };
    if let Some((whole, fraction)) = digits.split_once(',') {
        let fits = !fraction.is_empty() && (!whole.contains('.') || grouped(whole));
        return if fits { plain(whole, fraction) } else { None };
    }
    match digits.matches('.').count() {
        0 => plain(digits, ""),
        1 if grouped(digits) => None,
        1 => Some(Cow::Borrowed(text)),
        _ if grouped(digits) => plain(digits, ""),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ocds::json::Scratch;
    use super::*;

    fn with<T>(value: &str, read: impl FnOnce(&Record<'_>) -> T) -> T {
        let text = format!("{{\"a\":{{\"v\":{value}}}}}");
        let mut scratch = Scratch::default();
        let document = scratch.parse(text.as_bytes()).unwrap();
        read(&Record::new(document.root()))
    }

    fn money(value: &str) -> Result<(Option<i128>, i64), Reason> {
        with(value, |record| match record.money("a.v") {
            Ok(cents) => Ok((cents, record.rounded())),
            Err(fault) => Err(fault.reason),
        })
    }

    #[test]
    fn amounts_are_exact_however_they_are_written() {
        for (value, cents) in [
            ("39000.0", 3_900_000),
            ("33780.0000", 3_378_000),
            ("0.29", 29),
            // The nearest float of each of these is another amount of cents, or one of several.
            ("9007199254740993.01", 900_719_925_474_099_301),
            ("8388608.125e1", 8_388_608_125),
            ("0", 0),
            ("-1.5", -150),
            ("\"1.234.567,89\"", 123_456_789),
            ("\"R$ 1.234,56\"", 123_456),
            ("\"1234,5\"", 123_450),
            ("\"33780.0000\"", 3_378_000),
            ("\"1.234.567\"", 123_456_700),
            ("\"12\"", 1_200),
            ("\"-1.234,50\"", -123_450),
        ] {
            assert_eq!(money(value), Ok((Some(cents), 0)), "{value}");
        }
        assert_eq!(money("2.675"), Ok((Some(268), 1)));
        assert_eq!(money("1.0049999999999999"), Ok((Some(100), 1)));
        for value in ["null", "\"\"", "\" \""] {
            assert_eq!(money(value), Ok((None, 0)), "{value}");
        }
        for value in ["\"1.234\"", "\"1,234,5\"", "\"12.34,5\"", "\"abc\"", "\"1,\"", "true", "{}", "[1]", "\"R$\""] {
            assert_eq!(money(value), Err(Reason::MalformedAmount), "{value}");
        }
        for value in ["1e17", "\"99999999999999999,00\""] {
            assert_eq!(money(value), Err(Reason::AmountTooLarge), "{value}");
        }
    }

    #[test]
    fn days_and_moments_are_of_brasilia() {
        let day = |value: &str| with(value, |record| record.day("a.v").map(|day| day.map(|day| day.to_string())));
        for value in ["\"2025-03-12\"", "\"2025-03-12T23:59:59\"", "\"12/03/2025\""] {
            assert_eq!(day(value).unwrap().as_deref(), Some("2025-03-12"), "{value}");
        }
        assert_eq!((day("null").unwrap(), day("\"\"").unwrap()), (None, None));
        for value in ["\"2025-02-30\"", "\"20250312\"", "\"2025-03-12x\"", "\"03/2025\"", "5", "true", "{}"] {
            assert_eq!(day(value).unwrap_err().reason, Reason::InvalidDate, "{value}");
        }
        let moment = |value: &str| {
            let moment = with(value, |record| record.moment("a.v").unwrap().unwrap());
            format!("{} {}", moment.at.to_rfc3339(), moment.clock.as_str())
        };
        assert_eq!(moment("\"2025-03-12T23:30:00\""), "2025-03-13T02:30:00+00:00 zoned");
        assert_eq!(moment("\"2025-03-12T23:30:00Z\""), "2025-03-12T23:30:00+00:00 zoned");
        assert_eq!(moment("\"2025-03-12T23:30:00-03:00\""), "2025-03-13T02:30:00+00:00 zoned");
        assert_eq!(moment("\"2025-03-12T00:00:00\""), "2025-03-12T03:00:00+00:00 zoned_day");
        assert_eq!(moment("\"2025-03-12\""), "2025-03-12T03:00:00+00:00 zoned_day");
    }
}
