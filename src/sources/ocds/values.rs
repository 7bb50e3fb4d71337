//! Amounts, quantities, days and moments as publishers write them.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Timelike as _, Utc};

use super::json::{Scalar, View};
use crate::model::Money;

/// Largest number of units of the lake's `Decimal128(18, …)`.
const MAX_UNITS: i128 = Money::MAX_CENTS;
/// Digits of a number that are looked at; an amount of more is too large, whatever they are.
const MAX_DIGITS: usize = 400;
/// Amounts below it, in units, are exact as a float that is the nearest one of so many units.
const EXACT_UNITS: f64 = 1e14;

/// What could not be taken over to the letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Numbers with more decimals than the lake has, rounded half up.
    pub(super) rounded: i64,
    /// Values that are of another type than the standard says, or out of range, and were left out.
    pub(super) unreadable: i64,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.rounded += other.rounded;
        self.unreadable += other.unreadable;
    }

    /// A number in units of its last of `places` decimals; `None` if there is none.
    fn decimal(&mut self, value: Option<View<'_>>, places: u32) -> Option<i128> {
        let value = value?;
        let units = match value.scalar() {
            Scalar::Text(text) if text.trim().is_empty() => return None,
            Scalar::Text(text) => parse_decimal(text.trim(), places),
            Scalar::Integer(number) => number
                .checked_mul(10_i128.pow(places))
                .filter(|units| units.abs() <= MAX_UNITS)
                .map(|units| (units, false)),
            Scalar::Float(number) => match exact_units(number, places) {
                Some(units) => Some((units, false)),
                None => value.number().and_then(|text| parse_decimal(text, places)),
            },
            _ => None,
        };
        match units {
            Some((units, rounded)) => {
                self.rounded += i64::from(rounded);
                Some(units)
            }
            None => {
                self.unreadable += 1;
                None
            }
        }
    }

    /// An amount in cents.
    pub(super) fn money(&mut self, value: Option<View<'_>>) -> Option<i128> {
        self.decimal(value, 2)
    }

    /// A quantity in ten-thousandths.
    pub(super) fn quantity(&mut self, value: Option<View<'_>>) -> Option<i128> {
        self.decimal(value, 4)
    }

    /// A count.
    pub(super) fn count(&mut self, value: Option<View<'_>>) -> Option<i64> {
        self.decimal(value, 0).and_then(|count| i64::try_from(count).ok())
    }

    /// The day of a date or of a moment, as it was published: not turned to another time zone.
    pub(super) fn day(&mut self, value: Option<View<'_>>) -> Option<NaiveDate> {
        let text = value?.text()?;
        let day = text.get(..10).and_then(parse_day);
        self.unreadable += i64::from(day.is_none());
        day
    }

    /// A moment, and what kind of moment its text is.
    pub(super) fn moment(&mut self, value: Option<View<'_>>) -> Option<Moment> {
        let text = value?.text()?;
        let moment = Moment::parse(&text);
        self.unreadable += i64::from(moment.is_none());
        moment
    }
}

/// The units of a float where they are beyond doubt: the float is the one that is nearest to so
/// many units, and so far from half a unit that no text of a number that reads as it rounds otherwise.
fn exact_units(number: f64, places: u32) -> Option<i128> {
    let scale = f64::from(10_u32.pow(places));
    let units = (number * scale).round();
    (units.abs() < EXACT_UNITS && units / scale == number).then_some(units as i128)
}

/// A JSON number in units of its last of `places` decimals, and whether it had to be rounded: half
/// a unit goes up, away from zero.
pub(in crate::sources) fn parse_decimal(text: &str, places: u32) -> Option<(i128, bool)> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = whole.bytes().chain(fraction.bytes());
    if whole.is_empty()
        || whole.len() + fraction.len() > MAX_DIGITS
        || !digits.clone().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    // Digits before the place of the last unit; what is beyond them is rounded.
    let kept = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::from(places);
    let all = i64::try_from(whole.len() + fraction.len()).ok()?;
    let mut units: i128 = 0;
    for digit in digits.clone().chain(std::iter::repeat(b'0')).take(usize::try_from(kept.clamp(0, all)).ok()?) {
        units = units.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        if units > MAX_UNITS {
            return None;
        }
    }
    for _ in all..kept {
        if units == 0 {
            break;
        }
        units = units.checked_mul(10).filter(|units| *units <= MAX_UNITS)?;
    }
    let beyond = usize::try_from(kept.max(0)).ok()?;
    let rounded = digits.clone().skip(beyond).any(|digit| digit != b'0');
    if kept >= 0 && digits.clone().nth(beyond).is_some_and(|digit| digit >= b'5') {
        units += 1;
    }
    (units <= MAX_UNITS).then_some((if negative { -units } else { units }, rounded))
}

pub(in crate::sources) fn parse_day(text: &str) -> Option<NaiveDate> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0_u32, |number, b| b.is_ascii_digit().then(|| number * 10 + u32::from(b - b'0')))
    };
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = i32::try_from(number(0, 4)?).ok().filter(|year| *year > 0)?;
    NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)
}

/// What kind of moment a published text is: two of them can be compared only as far as their kinds allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sources) enum Clock {
    /// With a time zone: an instant.
    Zoned,
    /// Without one: of a clock that only the publisher knows.
    Local,
    /// A day alone. A time of 00:00:00 without a zone or of UTC is none, and neither is 23:59 of UTC: that is how the
    /// standard has days written where a moment is asked for.
    Day,
    /// 00:00:00 of another zone: a day alone, in that zone.
    ZonedDay,
}

impl Clock {
    /// As the lake writes it.
    pub(in crate::sources) const fn as_str(self) -> &'static str {
        match self {
            Self::Zoned => "zoned",
            Self::Local => "local",
            Self::Day => "day",
            Self::ZonedDay => "zoned_day",
        }
    }

    fn of_zoned(moment: DateTime<FixedOffset>) -> Self {
        let utc = moment.offset().local_minus_utc() == 0;
        match moment.time() {
            NaiveTime::MIN if utc => Self::Day,
            NaiveTime::MIN => Self::ZonedDay,
            time if utc && (time.hour(), time.minute()) == (23, 59) => Self::Day,
            _ => Self::Zoned,
        }
    }
}

/// A moment as it was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sources) struct Moment {
    /// In UTC; without a time zone it is taken for UTC, without a time for the day's beginning.
    pub(in crate::sources) at: DateTime<Utc>,
    pub(in crate::sources) clock: Clock,
}

impl Moment {
    /// The moment of a text of ISO 8601.
    pub(in crate::sources) fn parse(text: &str) -> Option<Self> {
        let day = text.get(..10).and_then(parse_day)?;
        if text.len() == 10 {
            return Some(Self { at: day.and_time(NaiveTime::MIN).and_utc(), clock: Clock::Day });
        }
        let formats = ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%dT%H:%M%#z"];
        let with_zone = || formats.iter().find_map(|format| DateTime::parse_from_str(text, format).ok());
        if let Some(moment) = DateTime::parse_from_rfc3339(text).ok().or_else(with_zone) {
            return Some(Self { at: moment.to_utc(), clock: Clock::of_zoned(moment) });
        }
        let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
        let moment = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?;
        let clock = if moment.time() == NaiveTime::MIN { Clock::Day } else { Clock::Local };
        Some(Self { at: moment.and_utc(), clock })
    }
}

/// When the moment of a text of ISO 8601 is, in UTC.
pub(in crate::sources) fn parse_moment(text: &str) -> Option<DateTime<Utc>> {
    Moment::parse(text).map(|moment| moment.at)
}

#[cfg(test)]
mod tests {
    use super::super::json::Scratch;
    use super::*;
    use proptest::prelude::*;

    fn money(text: &str) -> (Option<i128>, Tally) {
        let text = format!("{{\"v\":{text}}}");
        let mut scratch = Scratch::default();
        let document = scratch.parse(text.as_bytes()).unwrap();
        let mut tally = Tally::default();
        let cents = tally.money(document.root().get("v"));
        (cents, tally)
    }

    #[test]
    fn amounts_are_read_from_their_text() {
        for (text, cents) in [
            ("0", 0),
            ("203179.71", 20_317_971),
            ("-0.1", -10),
            ("1e3", 100_000),
            ("1.5E+2", 15_000),
            ("12e-1", 120),
            ("0.29", 29),
            ("9999999999999999.99", 999_999_999_999_999_999),
            ("9007199254740993", 900_719_925_474_099_300),
            ("90071992547409.93", 9_007_199_254_740_993),
            ("\" 12.30 \"", 1_230),
            ("1.10000000", 110),
        ] {
            assert_eq!(money(text), (Some(cents), Tally::default()), "{text}");
        }
        for (text, cents) in [
            ("2.675", 268),
            ("-2.675", -268),
            ("1.005", 101),
            ("0.004", 0),
            ("0.1249999999999999999", 12),
            ("0.125", 13),
            ("9.999", 1_000),
            ("5e-3", 1),
            ("4e-3", 0),
            ("5e-30", 0),
        ] {
            assert_eq!(money(text), (Some(cents), Tally { rounded: 1, unreadable: 0 }), "{text}");
        }
        for text in
            ["1e16", "1e300", "\"abc\"", "\"1,5\"", "true", "{}", "[1]", "9999999999999999.995", "\"1e999999999999\""]
        {
            assert_eq!(money(text), (None, Tally { rounded: 0, unreadable: 1 }), "{text}");
        }
        assert_eq!(money("\"\""), (None, Tally::default()));
        assert_eq!(money("null"), (None, Tally::default()));
    }

    #[test]
    fn moments_are_read_in_the_forms_that_are_published() {
        let at = |text: &str| parse_moment(text).map(|at| at.to_rfc3339());
        assert_eq!(at("2017-08-08T08:24:33-04:00").as_deref(), Some("2017-08-08T12:24:33+00:00"));
        assert_eq!(at("2011-03-10T05:00:00.000000Z").as_deref(), Some("2011-03-10T05:00:00+00:00"));
        assert_eq!(at("2011-02-26T22:06:51").as_deref(), Some("2011-02-26T22:06:51+00:00"));
        assert_eq!(at("2011-02-26 22:06:51").as_deref(), Some("2011-02-26T22:06:51+00:00"));
        assert_eq!(at("2011-02-26").as_deref(), Some("2011-02-26T00:00:00+00:00"));
        assert_eq!(at("2011-02-26T10:00:00+0300").as_deref(), Some("2011-02-26T07:00:00+00:00"));
        assert_eq!(at("2011-02-26T10:00Z").as_deref(), Some("2011-02-26T10:00:00+00:00"));
        for text in ["", "2011-02-30", "0000-01-01", "26/02/2011", "2011-02-26T99:00:00Z", "çççççççççççç"] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn the_kind_of_a_moment_is_kept() {
        for (clock, texts) in [
            (
                "zoned",
                &["2024-03-20T10:00:00Z", "2024-03-20T10:00Z", "2024-03-20T10:00-03:00", "2024-03-20T00:00:01-03:00"][..],
            ),
            ("zoned", &["2024-03-20T23:59:59-03:00", "2024-03-20T03:00:00.000Z", "2024-03-20T10:00:00+0300"]),
            ("local", &["2024-03-20T10:00:00", "2024-03-20 10:00:00", "2024-03-20T10:00", "2024-03-20T23:59:59"]),
            ("day", &["2024-03-20", "2024-03-20T00:00:00", "2024-03-20T00:00:00Z", "2024-03-20T00:00:00.000+00:00"]),
            ("day", &["2024-03-20T23:59:59Z", "2024-03-20T23:59:00+00:00", "2024-03-20T00:00"]),
            ("zoned_day", &["2024-03-20T00:00:00-03:00", "2024-03-20T00:00:00.000+0200"]),
        ] {
            for text in texts {
                assert_eq!(Moment::parse(text).map(|moment| moment.clock.as_str()), Some(clock), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_amount_of_cents_comes_back(cents in -999_999_999_999_999_999_i128..=999_999_999_999_999_999) {
            let text = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
            prop_assert_eq!(money(&text), (Some(cents), Tally::default()));
        }

        #[test]
        fn decimals_round_as_their_digits_say(whole in 0_u64..1_000_000_000_000, fraction in "[0-9]{1,22}", exponent in -5_i32..5) {
            let text = format!("{whole}.{fraction}e{exponent}");
            // By hand: shift the point, cut, look at the next digit.
            let digits = format!("{}{whole:012}{fraction}{}", "0".repeat(8), "0".repeat(12));
            let point = usize::try_from(8 + 12 + exponent + 2).unwrap() + whole.to_string().len().saturating_sub(12);
            let units: i128 = digits[..point].parse().unwrap();
            let up = digits.as_bytes()[point] >= b'5';
            prop_assert_eq!(money(&text).0, Some(units + i128::from(up)));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = parse_decimal(&text, 2);
            let _ = parse_moment(&text);
        }
    }
}
