//! Amounts of money as people write them in Portuguese.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use crate::model::Money;

const WORDS: [(&str, i128); 48] = [
    ("um", 1),
    ("uma", 1),
    ("dois", 2),
    ("duas", 2),
    ("tres", 3),
    ("quatro", 4),
    ("cinco", 5),
    ("seis", 6),
    ("sete", 7),
    ("oito", 8),
    ("nove", 9),
    ("dez", 10),
    ("onze", 11),
    ("doze", 12),
    ("treze", 13),
    ("catorze", 14),
    ("quatorze", 14),
    ("quinze", 15),
    ("dezesseis", 16),
    ("dezessete", 17),
    ("dezoito", 18),
    ("dezenove", 19),
    ("vinte", 20),
    ("trinta", 30),
    ("quarenta", 40),
    ("cinquenta", 50),
    ("sessenta", 60),
    ("setenta", 70),
    ("oitenta", 80),
    ("noventa", 90),
    ("cem", 100),
    ("cento", 100),
    ("duzentos", 200),
    ("duzentas", 200),
    ("trezentos", 300),
    ("trezentas", 300),
    ("quatrocentos", 400),
    ("quatrocentas", 400),
    ("quinhentos", 500),
    ("quinhentas", 500),
    ("seiscentos", 600),
    ("seiscentas", 600),
    ("setecentos", 700),
    ("setecentas", 700),
    ("oitocentos", 800),
    ("oitocentas", 800),
    ("novecentos", 900),
    ("novecentas", 900),
];

const UNITS: [(&str, i128); 7] = [
    ("mil", 1_000),
    ("milhao", 1_000_000),
    ("milhoes", 1_000_000),
    ("mi", 1_000_000),
    ("bilhao", 1_000_000_000),
    ("bilhoes", 1_000_000_000),
    ("bi", 1_000_000_000),
];

fn any(table: &[(&str, i128)], values: RangeInclusive<i128>) -> String {
    let words: Vec<_> = table.iter().filter(|(_, value)| values.contains(value)).map(|(word, _)| *word).collect();
    format!(r"(?:{})\b", words.join("|"))
}

/// A number without a unit, as a pattern: digits, or words such as `duzentos e cinquenta`.
pub(super) static NUMBER: LazyLock<String> = LazyLock::new(|| {
    let digits = r"(?:[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]{1,2})?|[0-9]+(?:[.,][0-9]+)?)";
    let (small, tens, hundreds) = (any(&WORDS, 1..=19), any(&WORDS, 20..=99), any(&WORDS, 100..=999));
    let below_hundred = format!(r"(?:{tens}(?:\s+e\s+{small})?|{small})");
    format!(r"(?:{digits}|{hundreds}(?:\s+e\s+{below_hundred})?|{below_hundred}|meio\b)(?:\s+e\s+mei[oa]\b)?")
});

/// An amount as a pattern: a number with its unit, or a sum with ever smaller units, as in
/// `r$ 1.234,56`, `50 mil reais`, `1 milhao e 500 mil`, `2 milhoes e meio`.
pub(super) static AMOUNT: LazyLock<String> = LazyLock::new(|| {
    let number = &*NUMBER;
    let of = |value: i128| format!(r"{number}\s*{}", any(&UNITS, value..=value));
    let (thousands, millions, billions) = (of(1_000), of(1_000_000), of(1_000_000_000));
    let and = r"(?:\s*,|\s+e)?\s+";
    let half = r"(?:\s+e\s+meio\b)?";
    // At most three digits after the last unit: "1 milhão e 500", but "1 milhão" and "2023".
    let rest = format!(r"(?:\s+e\s+(?:[0-9]{{1,3}}(?:,[0-9]{{1,2}})?\b|{}))?", any(&WORDS, 100..=999));
    let sum = [
        format!("{billions}(?:{and}{millions})?(?:{and}{thousands})?{half}{rest}"),
        format!("{millions}(?:{and}{thousands})?{half}{rest}"),
        format!("{thousands}{rest}"),
        format!(r"mil\b{rest}\s+reais"),
        number.clone(),
    ]
    .join("|");
    format!(r"(?:r\$\s*)?(?:{sum})(?:\s*(?:de\s+)?reais)?\b")
});

/// Runs of letters, and runs of digits with their marks.
fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_ascii_digit() && !c.is_alphabetic());
        let digits = rest.starts_with(|c: char| c.is_ascii_digit());
        let end = rest.find(|c: char| if digits { !numeric(c) } else { !c.is_alphabetic() }).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        rest = after;
        // The comma of "1 milhão, 200 mil" is no decimal mark.
        Some(token.trim_end_matches(['.', ','])).filter(|token| !token.is_empty())
    })
}

fn value_of(table: &[(&str, i128)], word: &str) -> Option<i128> {
    table.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
}

/// The first unit word of an amount, empty where it has none.
pub(super) fn unit(text: &str) -> &str {
    tokens(text).find(|token| value_of(&UNITS, token).is_some()).unwrap_or("")
}

/// Whether the text says that it is money.
pub(super) fn has_unit(text: &str) -> bool {
    text.trim_start().starts_with("r$") || !unit(text).is_empty() || text.trim_end().ends_with("reais")
}

/// Four bare digits that may be a year.
pub(super) fn year(text: &str) -> Option<i32> {
    let bare = text.trim();
    let year = if bare.len() == 4 { bare.parse().ok()? } else { return None };
    (1990..=2100).contains(&year).then_some(year)
}

/// Reads an amount exactly; `None` where it says nothing certain, as "1 milhão e 500" does.
pub(super) fn amount(text: &str) -> Option<Money> {
    let mut cents: i128 = 0;
    let mut last_unit = None;
    // Digits and how many of them are decimals.
    let mut current: Option<(i128, u32)> = None;
    for token in tokens(text).filter(|token| !matches!(*token, "e" | "de" | "r" | "reais")) {
        if let Some(unit) = value_of(&UNITS, token) {
            if last_unit.is_some_and(|last| unit >= last) {
                return None;
            }
            let bare = (unit == 1_000 && last_unit.is_none()).then_some((1, 0));
            cents = cents.checked_add(scaled(current.take().or(bare)?, unit)?)?;
            last_unit = Some(unit);
        } else if matches!(token, "meio" | "meia") {
            match (current, last_unit) {
                (Some((units, 0)), _) => current = Some((units.checked_mul(10)?.checked_add(5)?, 1)),
                (Some(_), _) => return None,
                (None, Some(unit)) => cents = cents.checked_add(scaled((5, 1), unit)?)?,
                (None, None) => current = Some((5, 1)),
            }
        } else if let Some(value) = value_of(&WORDS, token) {
            current = Some(match current {
                None => (value, 0),
                Some((units, 0)) if (units % 100 == 0 && value < 100) || (units % 10 == 0 && value < 10) => {
                    (units + value, 0)
                }
                Some(_) => return None,
            });
        } else if current.is_none() {
            current = Some(digits(token)?);
        } else {
            return None;
        }
    }
    if let Some(number) = current {
        // People say "um milhão e quinhentos" for 1.500.000 as well as for 1.000.500.
        if last_unit.is_some() && !text.trim_end().ends_with("reais") {
            return None;
        }
        cents = cents.checked_add(scaled(number, 1)?)?;
    } else if last_unit.is_none() {
        return None;
    }
    (cents <= Money::MAX_CENTS).then(|| Money::from_cents(cents))
}

/// A number times its unit, in cents; `None` if it has a fraction of a cent.
fn scaled((units, decimals): (i128, u32), unit: i128) -> Option<i128> {
    let cents = units.checked_mul(unit)?.checked_mul(100)?;
    let divisor = 10i128.checked_pow(decimals)?;
    (cents % divisor == 0).then_some(cents / divisor)
}

/// Digits and how many of them are decimals. "1.234" groups thousands, "1.5" has a decimal point; a
/// comma always is the decimal mark.
fn digits(text: &str) -> Option<(i128, u32)> {
    let grouped = text.split('.').skip(1).all(|group| group.split(',').next().is_some_and(|g| g.len() == 3));
    let plain = if grouped { text.replace('.', "") } else { text.to_owned() };
    let (whole, fraction) = plain.split_once([',', '.']).unwrap_or((&plain, ""));
    if whole.len() + fraction.len() > 24 {
        return None;
    }
    Some((format!("{whole}{fraction}").parse().ok()?, u32::try_from(fraction.len()).ok()?))
}
