//! Working days of Brazil.
//!
//! National holidays: Lei 662/1949 (1 January, 1 May, 7 September, 15 November, 25 December), Lei
//! 1.266/1950 (21 April), Lei 6.802/1980 (12 October, from 1980), Lei 10.607/2002 (2 November, from
//! 2003), Lei 14.759/2023 (20 November, from 2024) and Good Friday (Lei 9.093/1995 art. 2). States and
//! municipalities have more, which are not known here.

use chrono::{Datelike, Days, NaiveDate, Weekday};

/// Which weekdays do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Calendar {
    /// National holidays: the fewest free days, so the most working days.
    Holidays,
    /// Also the days on which federal offices are usually closed (`pontos facultativos`): Carnival to
    /// Ash Wednesday, Corpus Christi, 28 October, 24 and 31 December. Lei 14.133/2021 art. 183 III counts
    /// only days on which the office works: a deadline of the administration by this calendar is the
    /// latest one.
    Office,
}

/// Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876); `None` outside the years
/// that a date can hold.
pub fn easter(year: i32) -> Option<NaiveDate> {
    let (a, b, c) = (year.rem_euclid(19), year.div_euclid(100), year.rem_euclid(100));
    let (d, e) = (b.div_euclid(4), b.rem_euclid(4));
    let g = (8 * b + 13).div_euclid(25);
    let h = (19 * a + b - d - g + 15).rem_euclid(30);
    let (i, k) = (c.div_euclid(4), c.rem_euclid(4));
    let l = (32 + 2 * e + 2 * i - h - k).rem_euclid(7);
    let m = (a + 11 * h + 19 * l).div_euclid(433);
    let month = (h + l - 7 * m + 90).div_euclid(25);
    let day = (h + l - 7 * m + 33 * month + 19).rem_euclid(32);
    NaiveDate::from_ymd_opt(year, month.try_into().ok()?, day.try_into().ok()?)
}

/// Whether a day is a national holiday.
pub fn is_holiday(day: NaiveDate) -> bool {
    let year = day.year();
    match (day.month(), day.day()) {
        (1 | 5, 1) | (9, 7) | (11, 15) | (12, 25) => true,
        (4, 21) if year >= 1951 => true,
        (10, 12) => year >= 1980,
        (11, 2) => year >= 2003,
        (11, 20) => year >= 2024,
        (3 | 4, _) => from_easter(day) == Some(-2),
        _ => false,
    }
}

fn from_easter(day: NaiveDate) -> Option<i64> {
    Some((day - easter(day.year())?).num_days())
}

/// Whether a day counts as a working day.
pub fn is_working_day(day: NaiveDate, calendar: Calendar) -> bool {
    if matches!(day.weekday(), Weekday::Sat | Weekday::Sun) || is_holiday(day) {
        return false;
    }
    let optional = || match (day.month(), day.day()) {
        (10, 28) | (12, 24 | 31) => true,
        (2..=6, _) => matches!(from_easter(day), Some(-48..=-46 | 60)),
        _ => false,
    };
    calendar == Calendar::Holidays || !optional()
}

/// Working days after one day up to another, which counts itself; 0 if it is not after the first.
pub fn working_days(after: NaiveDate, to: NaiveDate, calendar: Calendar) -> i64 {
    if to <= after {
        return 0;
    }
    // Monday to Friday of whole weeks, then the rest one by one, then what is free.
    let days = (to - after).num_days();
    let rest = days % 7;
    let weekdays = days / 7 * 5 + (0..rest).filter(|back| is_weekday(to, *back)).count() as i64;
    let free = (after.year()..=to.year()).flat_map(|year| free_days(year, calendar));
    weekdays - free.filter(|day| *day > after && *day <= to).count() as i64
}

fn is_weekday(day: NaiveDate, back: i64) -> bool {
    (i64::from(day.weekday().num_days_from_monday()) - back).rem_euclid(7) < 5
}

/// The weekdays of a year that do not count.
fn free_days(year: i32, calendar: Calendar) -> impl Iterator<Item = NaiveDate> {
    const FIXED: [(u32, u32); 12] = [
        (1, 1),
        (4, 21),
        (5, 1),
        (9, 7),
        (10, 12),
        (10, 28),
        (11, 2),
        (11, 15),
        (11, 20),
        (12, 24),
        (12, 25),
        (12, 31),
    ];
    const MOVING: [i64; 5] = [-48, -47, -46, -2, 60];
    let fixed = FIXED.into_iter().filter_map(move |(month, day)| NaiveDate::from_ymd_opt(year, month, day));
    let sunday = easter(year);
    let moving = MOVING.into_iter().filter_map(move |days| sunday?.checked_add_signed(chrono::TimeDelta::days(days)));
    let weekday = |day: &NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let mut days: Vec<NaiveDate> =
        fixed.chain(moving).filter(weekday).filter(|day| !is_working_day(*day, calendar)).collect();
    // Good Friday may be 21 April.
    days.sort_unstable();
    days.dedup();
    days.into_iter()
}

/// The working day number `count` from a day on, which counts itself if it is one; `None` unless
/// `count` is from 1 to 1,000.
pub fn nth_working_day(from: NaiveDate, count: i64, calendar: Calendar) -> Option<NaiveDate> {
    if !(1..=1_000).contains(&count) {
        return None;
    }
    let mut left = count;
    let mut day = from;
    loop {
        if is_working_day(day, calendar) {
            left -= 1;
            if left == 0 {
                return Some(day);
            }
        }
        day = day.checked_add_days(Days::new(1))?;
    }
}

/// The same day so many years later; 1 March where that year has no 29 February (Código Civil art. 132 §3).
pub fn anniversary(day: NaiveDate, years: i32) -> Option<NaiveDate> {
    let year = day.year().checked_add(years)?;
    day.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn easter_sundays() {
        for text in [
            "1961-04-02",
            "2000-04-23",
            "2008-03-23",
            "2011-04-24",
            "2023-04-09",
            "2024-03-31",
            "2025-04-20",
            "2038-04-25",
        ] {
            assert_eq!(easter(day(text).year()), Some(day(text)));
        }
    }

    #[test]
    fn holidays_hold_from_the_year_of_their_law() {
        for text in [
            "2024-01-01",
            "2024-03-29",
            "2024-04-21",
            "2024-05-01",
            "2024-09-07",
            "2024-10-12",
            "2024-11-02",
            "2024-11-15",
            "2024-11-20",
            "2024-12-25",
        ] {
            assert!(is_holiday(day(text)), "{text}");
        }
        for text in ["2023-11-20", "2002-11-02", "1979-10-12", "2024-02-13", "2024-03-31", "2024-05-30", "2024-07-09"] {
            assert!(!is_holiday(day(text)), "{text}");
        }
        for text in ["2003-11-02", "1980-10-12", "2026-04-03"] {
            assert!(is_holiday(day(text)), "{text}");
        }
    }

    #[test]
    fn offices_close_on_more_days() {
        for text in ["2024-02-12", "2024-02-13", "2024-02-14", "2024-05-30", "2024-10-28", "2024-12-24", "2024-12-31"] {
            assert!(is_working_day(day(text), Calendar::Holidays), "{text}");
            assert!(!is_working_day(day(text), Calendar::Office), "{text}");
        }
        assert!(is_working_day(day("2024-02-15"), Calendar::Office));
    }

    #[test]
    fn days_are_counted_after_the_first() {
        let count = |after, to| working_days(day(after), day(to), Calendar::Holidays);
        assert_eq!(count("2024-01-05", "2024-01-05"), 0);
        assert_eq!(count("2024-01-05", "2024-01-07"), 0);
        assert_eq!(count("2024-01-05", "2024-01-08"), 1);
        assert_eq!(count("2024-01-08", "2024-01-05"), 0);
        // 20 November 2024 is a Wednesday; 2023 it was a Monday like others.
        assert_eq!(count("2024-11-18", "2024-11-22"), 3);
        assert_eq!(count("2023-11-17", "2023-11-24"), 5);
        // Good Friday of 2000 was 21 April, which frees one day, not two.
        assert_eq!(count("2000-04-16", "2000-04-22"), 4);
        assert_eq!(working_days(day("2024-02-09"), day("2024-02-16"), Calendar::Office), 2);
    }

    #[test]
    fn the_fifth_working_day_of_a_month() {
        let fifth = |from| nth_working_day(day(from), 5, Calendar::Holidays).unwrap();
        assert_eq!(fifth("2024-01-01"), day("2024-01-08"));
        assert_eq!(fifth("2024-02-01"), day("2024-02-07"));
        assert_eq!(fifth("2023-05-01"), day("2023-05-08"));
        assert_eq!(nth_working_day(day("2024-01-01"), 0, Calendar::Office), None);
        assert_eq!(nth_working_day(day("2024-01-01"), 1_001, Calendar::Office), None);
    }

    #[test]
    fn a_year_ends_on_its_day() {
        assert_eq!(anniversary(day("2024-01-10"), 1), Some(day("2025-01-10")));
        assert_eq!(anniversary(day("2024-02-29"), 1), Some(day("2025-03-01")));
        assert_eq!(anniversary(day("2023-02-28"), 1), Some(day("2024-02-28")));
    }

    proptest! {
        #[test]
        fn counting_agrees_with_walking(from in 0i64..30_000, span in 0i64..900, office: bool) {
            let calendar = if office { Calendar::Office } else { Calendar::Holidays };
            let after = day("1975-01-01") + chrono::TimeDelta::days(from);
            let to = after + chrono::TimeDelta::days(span);
            let walked = after.iter_days().skip(1).take_while(|day| *day <= to).filter(|day| is_working_day(*day, calendar)).count() as i64;
            prop_assert_eq!(working_days(after, to, calendar), walked);
            if (1..=1_000).contains(&walked) {
                let last = nth_working_day(after + Days::new(1), walked, calendar).unwrap();
                prop_assert!(last <= to && working_days(last, to, calendar) == 0);
            }
        }
    }
}
