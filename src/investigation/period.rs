//! Spans of days as a question names them.

use chrono::{Datelike, NaiveDate};

use crate::model::MONTHS;

/// Days of signature, both ends inclusive; an end that is not named is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: Option<NaiveDate>,
    pub(super) last: Option<NaiveDate>,
}

impl Span {
    /// Whole years.
    pub(super) fn years(first: i32, last: i32) -> Self {
        Self { first: NaiveDate::from_ymd_opt(first, 1, 1), last: NaiveDate::from_ymd_opt(last, 12, 31) }
    }

    /// Whole months, each as its folded name and its year; `None` if one is not of the calendar.
    pub(super) fn months(first: (&str, &str), last: (&str, &str)) -> Option<Self> {
        let (first, last) = (month(first)?, month(last)?);
        let last = last.checked_add_months(chrono::Months::new(1))?.pred_opt();
        Some(Self { first: Some(first), last })
    }

    /// The year, if the span is one of the calendar.
    pub(super) fn year(&self) -> Option<i32> {
        let year = self.first?.year();
        (*self == Self::years(year, year)).then_some(year)
    }

    fn is_empty(&self) -> bool {
        matches!((self.first, self.last), (Some(first), Some(last)) if last < first)
    }

    /// What the span says of a contract, in Portuguese and in English.
    pub(super) fn meaning(&self) -> (String, String) {
        if let Some(year) = self.year() {
            return (format!("assinatura em {year}"), format!("signed in {year}"));
        }
        let pt = |day: NaiveDate| day.format("%d/%m/%Y").to_string();
        match (self.first, self.last) {
            (Some(first), Some(last)) if first == last => {
                (format!("assinatura em {}", pt(first)), format!("signed on {first}"))
            }
            (Some(first), Some(last)) => {
                (format!("assinatura de {} a {}", pt(first), pt(last)), format!("signed from {first} to {last}"))
            }
            (Some(first), None) => {
                (format!("assinatura desde {} (inclusive)", pt(first)), format!("signed since {first} (inclusive)"))
            }
            (None, Some(last)) => {
                (format!("assinatura até {} (inclusive)", pt(last)), format!("signed until {last} (inclusive)"))
            }
            (None, None) => ("qualquer data de assinatura".to_owned(), "signed on any day".to_owned()),
        }
    }
}

fn month((name, year): (&str, &str)) -> Option<NaiveDate> {
    let number = (1u32..).zip(MONTHS).find(|(_, known)| *known == name)?.0;
    NaiveDate::from_ymd_opt(year.parse().ok()?, number, 1)
}

/// A day written `dd/mm/aaaa` or `aaaa-mm-dd`.
pub(super) fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%d/%m/%Y").or_else(|_| NaiveDate::parse_from_str(text, "%Y-%m-%d")).ok()
}

/// The one span that several make: spans with two ends must follow each other without a gap, open
/// ones narrow them. `None` where that leaves no day, a gap or a doubt.
pub(super) fn joined(spans: &[Span]) -> Option<Span> {
    let mut closed: Vec<_> = spans.iter().filter_map(|span| span.first.zip(span.last)).collect();
    closed.sort_unstable();
    closed.dedup();
    let mut whole = Span { first: None, last: None };
    for (first, last) in closed {
        match whole.last {
            // Two spans that overlap may mean both or what they share.
            Some(before) if before.succ_opt() != Some(first) => return None,
            Some(_) => whole.last = Some(last),
            None => whole = Span { first: Some(first), last: Some(last) },
        }
    }
    for span in spans.iter().filter(|span| span.first.is_none() || span.last.is_none()) {
        whole.first = whole.first.max(span.first);
        whole.last = match (whole.last, span.last) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    (!whole.is_empty()).then_some(whole)
}
