use std::fmt;

use chrono::{DateTime, Days, FixedOffset, NaiveDate, Utc};

/// How often a data set is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Every {
    Month,
    Day,
}

/// The data sets that can be taken in: name in addresses and at the Portal, and how often it is published.
const DATA_SETS: [(&str, Every); 6] = [
    ("compras", Every::Month),
    ("licitacoes", Every::Month),
    ("ceis", Every::Day),
    ("cnep", Every::Day),
    ("cepim", Every::Day),
    ("acordos-leniencia", Every::Day),
];

/// Hours that Brasília is behind UTC.
pub(super) const BRASILIA_HOURS: i32 = -3;

/// What a published file is named by: `portal:<data set>/<AAAAMM or AAAAMMDD>`. A list of sanctions may go
/// without its day: the latest one is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    data_set: &'static str,
    period: Option<String>,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No such data set.
    #[error("{text}: there is no data set {name:?}; there are {}", names())]
    UnknownDataSet {
        /// The address.
        text: String,
        /// The name in it.
        name: String,
    },
    /// An API has no such list.
    #[error("{text}: there is no list {name:?}; there are {known}")]
    UnknownList {
        /// The address.
        text: String,
        /// The name in it.
        name: String,
        /// Those that there are.
        known: &'static str,
    },
    /// Nothing was imported before that an import could go on from.
    #[error("{text}: the lake holds no day of this list: name the first day")]
    NothingBefore {
        /// The address.
        text: String,
    },
    /// The days run backwards.
    #[error("{text}: the last day {last} is before the first, {first}")]
    Backwards {
        /// The address.
        text: String,
        /// First day.
        first: NaiveDate,
        /// Last day.
        last: NaiveDate,
    },
    /// The period is missing or malformed.
    #[error("{text}: the period must be {form}")]
    Period {
        /// The address.
        text: String,
        /// What it must look like.
        form: &'static str,
    },
}

fn names() -> String {
    DATA_SETS.map(|(name, _)| name).join(", ")
}

impl Address {
    /// The address that a text is; `None` if it does not begin as one.
    ///
    /// # Errors
    /// [`AddressError`] if it begins as one and is none.
    pub fn parse(text: &str) -> Result<Option<Self>, AddressError> {
        let Some(rest) = text.strip_prefix("portal:") else { return Ok(None) };
        let (name, period) = rest.split_once('/').map_or((rest, None), |(name, period)| (name, Some(period)));
        let known = DATA_SETS.into_iter().find(|(known, _)| *known == name);
        let (data_set, every) =
            known.ok_or_else(|| AddressError::UnknownDataSet { text: text.to_owned(), name: name.to_owned() })?;
        let day = |text: &str| {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            digits && text.len() == 8 && NaiveDate::parse_from_str(text, "%Y%m%d").is_ok()
        };
        let (fits, form) = match every {
            Every::Month => (period.is_some_and(|month| day(&format!("{month}01"))), "a month, AAAAMM, as 202401"),
            Every::Day => (period.is_none_or(day), "a day, AAAAMMDD, as 20260706, or left out with its slash"),
        };
        if !fits {
            return Err(AddressError::Period { text: text.to_owned(), form });
        }
        Ok(Some(Self { data_set, period: period.map(ToOwned::to_owned) }))
    }

    /// The periods to look for, one after the other until one is there.
    pub(super) fn periods(&self, now: DateTime<Utc>, look_back: u32) -> Vec<String> {
        if let Some(period) = &self.period {
            return vec![period.clone()];
        }
        let zone = FixedOffset::east_opt(BRASILIA_HOURS * 3_600);
        let today = zone.map_or_else(|| now.date_naive(), |zone| now.with_timezone(&zone).date_naive());
        let days = (0..=u64::from(look_back)).filter_map(|back| today.checked_sub_days(Days::new(back)));
        days.map(|day| day.format("%Y%m%d").to_string()).collect()
    }

    pub(super) fn url(&self, base: &str, period: &str) -> String {
        format!("{}/{}/{period}", base.trim_end_matches('/'), self.data_set)
    }

    /// Name of the archive once it lies here.
    pub(super) fn file_name(&self, period: &str) -> String {
        format!("{period}_{}.zip", self.data_set)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "portal:{}", self.data_set)?;
        self.period.iter().try_for_each(|period| write!(f, "/{period}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_data_set_and_a_period() {
        let of = |text: &str| Address::parse(text).unwrap().unwrap();
        let address = of("portal:compras/202401");
        assert_eq!(address.url("https://a/b/", "202401"), "https://a/b/compras/202401");
        assert_eq!(
            (address.to_string().as_str(), address.file_name("202401").as_str()),
            ("portal:compras/202401", "202401_compras.zip")
        );
        assert_eq!(of("portal:ceis/20260706").periods(DateTime::default(), 3), ["20260706"]);
        // Midnight in Brasília is three in the morning.
        let night = "2026-03-01T02:59:59Z".parse().unwrap();
        assert_eq!(of("portal:ceis").periods(night, 2), ["20260228", "20260227", "20260226"]);
        assert_eq!(Address::parse("202401_Compras.zip"), Ok(None));
        for text in ["portal:", "portal:despesas/202401", "portal:../202401", "portal:Compras/202401"] {
            assert!(matches!(Address::parse(text), Err(AddressError::UnknownDataSet { .. })), "{text}");
        }
        for text in [
            "portal:compras",
            "portal:compras/",
            "portal:compras/202413",
            "portal:compras/20240101",
            "portal:compras/202401/..",
            "portal:licitacoes/2024-1",
            "portal:ceis/",
            "portal:ceis/202401",
            "portal:ceis/20240231",
        ] {
            assert!(matches!(Address::parse(text), Err(AddressError::Period { .. })), "{text}");
        }
        let error = Address::parse("portal:ceaf").unwrap_err().to_string();
        assert!(error.contains("portal:ceaf") && error.contains("acordos-leniencia"), "{error}");
    }
}
