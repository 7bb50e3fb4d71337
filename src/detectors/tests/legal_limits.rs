use super::day;
use crate::detectors::limits::{Comparison, LegalLimits};

/// limit, regime, last day of the old value, old value, new value.
type Change = (&'static str, &'static str, &'static str, Option<&'static str>, Option<&'static str>);

const CHANGES: [Change; 30] = [
    ("dispensa_goods", "8666", "2018-07-18", Some("8000.00"), Some("17600.00")),
    ("dispensa_works", "8666", "2018-07-18", Some("15000.00"), Some("33000.00")),
    ("dispensa_goods", "8666", "2020-05-06", Some("17600.00"), Some("50000.00")),
    ("dispensa_works", "8666", "2020-05-06", Some("33000.00"), Some("100000.00")),
    ("dispensa_goods", "8666", "2020-12-31", Some("50000.00"), Some("17600.00")),
    ("dispensa_works", "8666", "2020-12-31", Some("100000.00"), Some("33000.00")),
    ("dispensa_goods", "8666", "2023-12-30", Some("17600.00"), None),
    ("dispensa_works", "8666", "2023-12-30", Some("33000.00"), None),
    ("dispensa_goods", "14133", "2021-03-31", None, Some("50000.00")),
    ("dispensa_works", "14133", "2021-03-31", None, Some("100000.00")),
    ("dispensa_goods", "14133", "2021-12-31", Some("50000.00"), Some("54020.41")),
    ("dispensa_works", "14133", "2021-12-31", Some("100000.00"), Some("108040.82")),
    ("dispensa_goods", "14133", "2022-12-31", Some("54020.41"), Some("57208.33")),
    ("dispensa_works", "14133", "2022-12-31", Some("108040.82"), Some("114416.65")),
    ("dispensa_goods", "14133", "2023-12-31", Some("57208.33"), Some("59906.02")),
    ("dispensa_works", "14133", "2023-12-31", Some("114416.65"), Some("119812.02")),
    ("dispensa_goods", "14133", "2024-12-31", Some("59906.02"), Some("62725.59")),
    ("dispensa_works", "14133", "2024-12-31", Some("119812.02"), Some("125451.15")),
    ("dispensa_goods", "14133", "2025-12-31", Some("62725.59"), Some("65492.11")),
    ("dispensa_works", "14133", "2025-12-31", Some("125451.15"), Some("130984.20")),
    ("dispensa_goods", "14133", "2026-12-31", Some("65492.11"), None),
    ("vehicle_maintenance", "14133", "2021-12-31", Some("8000.00"), Some("8643.27")),
    ("vehicle_maintenance", "14133", "2022-12-31", Some("8643.27"), Some("9153.33")),
    ("vehicle_maintenance", "14133", "2023-12-31", Some("9153.33"), Some("9584.97")),
    ("vehicle_maintenance", "14133", "2024-12-31", Some("9584.97"), Some("10036.10")),
    ("vehicle_maintenance", "14133", "2025-12-31", Some("10036.10"), Some("10478.74")),
    ("small_purchase", "14133", "2024-12-31", Some("11981.20"), Some("12545.11")),
    ("small_purchase", "14133", "2025-12-31", Some("12545.11"), Some("13098.41")),
    ("amendment_cap", "8666", "2023-12-30", Some("0.25"), None),
    ("amendment_cap_reform", "14133", "2021-03-31", None, Some("0.50")),
];

#[test]
fn every_limit_changes_on_its_day() {
    let limits = LegalLimits::builtin().unwrap();
    for (limit, regime, last, old, new) in CHANGES {
        let last = day(last);
        let on = |day| limits.on(limit, regime, day).map(|found| found.value.as_str());
        assert_eq!(on(last), old, "{limit} {regime} {last}");
        assert_eq!(on(last.succ_opt().unwrap()), new, "{limit} {regime} after {last}");
    }
}

#[test]
fn terms_factors_and_comparisons() {
    let limits = LegalLimits::builtin().unwrap();
    let on = |limit, regime, text| limits.on(limit, regime, day(text)).map(|found| found.value.as_str());
    assert_eq!(on("emergency_term", "8666", "2020-06-01"), Some("180"));
    assert_eq!(on("emergency_term", "14133", "2030-06-01"), Some("365"));
    assert_eq!(on("doubled_ceiling_factor", "14133", "2024-01-01"), Some("2"));
    assert_eq!(on("doubled_ceiling_factor", "8666", "2010-01-01"), Some("2"));
    assert_eq!(on("amendment_cap", "14133", "2040-01-01"), Some("0.25"));
    for row in limits.all() {
        if row.limit.starts_with("dispensa") {
            let expected = if row.regime == "14133" { Comparison::Below } else { Comparison::UpTo };
            assert_eq!(row.comparison, expected, "{}", row.id);
        }
        assert!(!row.act.is_empty() && !row.article.is_empty(), "{}", row.id);
        // Findings quote them in both languages.
        assert!(!format!("{} {}", row.act, row.article).contains(" with "), "{}", row.id);
        assert_eq!(limits.by_id(&row.id), Some(row));
    }
}

#[test]
fn every_day_of_14133_has_both_ceilings() {
    let limits = LegalLimits::builtin().unwrap();
    let mut date = day("2021-04-01");
    while date <= day("2026-12-31") {
        for limit in ["dispensa_goods", "dispensa_works", "vehicle_maintenance", "small_purchase"] {
            assert!(limits.on(limit, "14133", date).is_some(), "{limit} {date}");
        }
        date = date.succ_opt().unwrap();
    }
}

#[test]
fn the_table_in_sql_has_every_row() {
    let limits = LegalLimits::builtin().unwrap();
    let batch = limits.batch().unwrap();
    assert_eq!(batch.num_rows(), limits.all().len());
    assert_eq!(batch.num_columns(), 10);
}
