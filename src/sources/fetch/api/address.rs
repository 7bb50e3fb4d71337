use std::fmt;

use chrono::{Datelike, Days, NaiveDate};

use super::super::super::ocds::values::parse_day;
use super::super::AddressError;

/// A list of PNCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PncpList {
    Contracts,
    Tenders,
}

impl PncpList {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Contracts => "contratos",
            Self::Tenders => "contratacoes",
        }
    }
}

/// A list of the API of the Portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PortalList {
    Contracts,
    Tenders,
}

impl PortalList {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Contracts => "contratos",
            Self::Tenders => "licitacoes",
        }
    }

    /// What its files and their directory begin with.
    pub(super) const fn source(self) -> &'static str {
        match self {
            Self::Contracts => "portal-api-contratos",
            Self::Tenders => "portal-api-licitacoes",
        }
    }
}

/// First and last day.
pub(super) type Span = (NaiveDate, NaiveDate);

/// What is asked of an API: `pncp:contratos/2025-03-01..2025-03-12`,
/// `portal-api:licitacoes/26246/2025-03-01..2025-03-12`.
///
/// Of PNCP the first day may be left out, `pncp:contratos/..2025-03-12`: what is new since the last import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiAddress(pub(super) Asked);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Pncp { list: PncpList, first: Option<NaiveDate>, last: Option<NaiveDate> },
    Portal { list: PortalList, organ: String, span: Span },
}

const PNCP_FORM: &str =
    "days of publication as 2025-03-01..2025-03-12, one day, or ..2025-03-12 for what is new since the last import";
const PORTAL_FORM: &str = "<SIAFI code of the organ>/<first day>..<last day>, as 26246/2025-03-01..2025-03-31";

impl ApiAddress {
    /// Whether PNCP is asked, not the API of the Portal.
    pub(in super::super) const fn is_of_pncp(&self) -> bool {
        matches!(self.0, Asked::Pncp { .. })
    }

    /// The address that a text is; `None` if it does not begin as one.
    ///
    /// # Errors
    /// [`AddressError`] if it begins as one and is none.
    pub fn parse(text: &str) -> Result<Option<Self>, AddressError> {
        let (pncp, rest) = match (text.strip_prefix("pncp:"), text.strip_prefix("portal-api:")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Ok(None),
        };
        let (name, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let unknown = |known| AddressError::UnknownList { text: text.to_owned(), name: name.to_owned(), known };
        let wrong = |form| AddressError::Period { text: text.to_owned(), form };
        if pncp {
            let list = [PncpList::Contracts, PncpList::Tenders].into_iter().find(|list| list.name() == name);
            let list = list.ok_or_else(|| unknown("contratos, contratacoes"))?;
            let (first, last) = range(rest).ok_or_else(|| wrong(PNCP_FORM))?;
            return Ok(Some(Self(Asked::Pncp { list, first, last })));
        }
        let list = [PortalList::Contracts, PortalList::Tenders].into_iter().find(|list| list.name() == name);
        let list = list.ok_or_else(|| unknown("contratos, licitacoes"))?;
        let asked = rest.split_once('/').and_then(|(organ, days)| {
            let code = !organ.is_empty() && organ.len() <= 10 && organ.bytes().all(|byte| byte.is_ascii_digit());
            match range(days).filter(|_| code)? {
                (Some(first), Some(last)) => Some(Asked::Portal { list, organ: organ.to_owned(), span: (first, last) }),
                _ => None,
            }
        });
        asked.map(|asked| Some(Self(asked))).ok_or_else(|| wrong(PORTAL_FORM))
    }

    /// The days of PNCP that are asked for. `datasets` are those of the lake: where no first day is named it is
    /// `overlap` days before the last day that they hold, for what is sent in late or corrected.
    pub(super) fn days(
        &self,
        datasets: &[String],
        overlap: u32,
        today: NaiveDate,
    ) -> Result<Option<(PncpList, Span)>, AddressError> {
        let Asked::Pncp { list, first, last } = &self.0 else { return Ok(None) };
        let source = format!("pncp:{}/", list.name());
        let held = datasets.iter().filter_map(|dataset| dataset.strip_prefix(&source)?.parse::<NaiveDate>().ok()).max();
        let since = held.and_then(|day| day.checked_sub_days(Days::new(u64::from(overlap))));
        let first = first.or(since).ok_or_else(|| AddressError::NothingBefore { text: self.to_string() })?;
        let last = last.unwrap_or(today);
        if first > last {
            return Err(AddressError::Backwards { text: self.to_string(), first, last });
        }
        Ok(Some((*list, (first, last))))
    }
}

/// `first..last`, `..last`, `..` or one day; `None` if it is neither, or runs backwards.
fn range(text: &str) -> Option<(Option<NaiveDate>, Option<NaiveDate>)> {
    let day = |text: &str| match text {
        "" => Some(None),
        text => parse_day(text).map(Some),
    };
    let Some((first, last)) = text.split_once("..") else {
        let one = day(text)??;
        return Some((Some(one), Some(one)));
    };
    let (first, last) = (day(first)?, day(last)?);
    let backwards = first.zip(last).is_some_and(|(first, last)| first > last);
    (!backwards && (first.is_none() || last.is_some())).then_some((first, last))
}

/// The parts of a span that lie within one month each: the API takes no longer ones.
pub(super) fn months((first, last): Span) -> Vec<Span> {
    let mut parts = Vec::new();
    let mut begin = first;
    while begin <= last {
        let next = match begin.month() {
            12 => NaiveDate::from_ymd_opt(begin.year() + 1, 1, 1),
            month => NaiveDate::from_ymd_opt(begin.year(), month + 1, 1),
        };
        let end = next.and_then(|next| next.pred_opt()).map_or(last, |end| end.min(last));
        parts.push((begin, end));
        match end.succ_opt() {
            Some(after) => begin = after,
            None => break,
        }
    }
    parts
}

impl fmt::Display for ApiAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |day: &Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
        match &self.0 {
            Asked::Pncp { list, first, last } => write!(f, "pncp:{}/{}..{}", list.name(), shown(first), shown(last)),
            Asked::Portal { list, organ, span: (first, last) } => {
                write!(f, "portal-api:{}/{organ}/{first}..{last}", list.name())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_name_a_list_and_days() {
        let days = |text: &str, datasets: &[&str]| {
            let datasets: Vec<String> = datasets.iter().map(|name| (*name).to_owned()).collect();
            let address = ApiAddress::parse(text).unwrap().unwrap();
            address.days(&datasets, 3, day("2025-03-20")).map(|found| found.map(|(_, span)| span))
        };
        let span = |first: &str, last: &str| Ok(Some((day(first), day(last))));
        assert_eq!(days("pncp:contratos/2025-03-01..2025-03-12", &[]), span("2025-03-01", "2025-03-12"));
        assert_eq!(days("pncp:contratacoes/2025-03-01", &[]), span("2025-03-01", "2025-03-01"));
        let held = [
            "pncp:contratos/2025-03-09",
            "pncp:contratos/2025-03-10",
            "pncp:contratacoes/2025-03-15",
            "pncp:contratos/p1",
        ];
        assert_eq!(days("pncp:contratos/..", &held), span("2025-03-07", "2025-03-20"));
        assert_eq!(days("pncp:contratos/..2025-03-12", &held), span("2025-03-07", "2025-03-12"));
        assert!(matches!(days("pncp:contratos/..2025-03-01", &held), Err(AddressError::Backwards { .. })));
        let error = days("pncp:contratos/..", &held[2..]).unwrap_err().to_string();
        assert!(error.contains("pncp:contratos/..") && error.contains("first day"), "{error}");
        assert_eq!(days("portal-api:contratos/26246/2025-01-01..2025-12-31", &[]), Ok(None));
        assert_eq!(ApiAddress::parse("portal:compras/202401"), Ok(None));
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_one_looks_like() {
        for text in ["pncp:", "pncp:atas/2025-03-01", "portal-api:ceis/1/2025-01-01..2025-01-02"] {
            assert!(matches!(ApiAddress::parse(text), Err(AddressError::UnknownList { .. })), "{text}");
        }
        for text in [
            "pncp:contratos",
            "pncp:contratos/",
            "pncp:contratos/2025-03-01..",
            "pncp:contratos/20250301",
            "pncp:contratos/2025-03-12..2025-03-01",
            "pncp:contratos/2025-02-30..2025-03-01",
            "portal-api:contratos/2025-03-01..2025-03-02",
            "portal-api:contratos/26246",
            "portal-api:contratos/../2025-03-01..2025-03-02",
            "portal-api:contratos/26246/..2025-03-02",
            "portal-api:contratos/26246/-022-02-12",
            "pncp:contratos/+025-03-01",
        ] {
            assert!(matches!(ApiAddress::parse(text), Err(AddressError::Period { .. })), "{text}");
        }
    }

    #[test]
    fn spans_are_cut_by_month() {
        let cut = months((day("2024-12-15"), day("2025-02-03")));
        let shown: Vec<_> = cut.iter().map(|(first, last)| format!("{first}..{last}")).collect();
        assert_eq!(shown, ["2024-12-15..2024-12-31", "2025-01-01..2025-01-31", "2025-02-01..2025-02-03"]);
    }
}
