//! Amounts of money as people write them in Portuguese.

use crate::model::Money;

/// A number with its unit: `r$ 1.234,56`, `50 mil reais`, `1,5 milhao`, `dois milhoes`.
pub(super) const AMOUNT: &str = r"(?:r\$\s*)?(?:\d{1,3}(?:\.\d{3})+(?:,\d{1,2})?|\d+(?:[.,]\d+)?|meio|um|uma|dois|duas|tres|quatro|cinco|seis|sete|oito|nove|dez|vinte|trinta|quarenta|cinquenta|sessenta|setenta|oitenta|noventa|cem|duzentos|trezentos|quatrocentos|quinhentos)\b\s*(?:mil|milhao|milhoes|mi|bilhao|bilhoes|bi)?\b\s*(?:de\s+)?(?:reais)?\b";

pub(super) enum Number {
    Amount(Money),
    Year(i32),
}

/// The unit word of an amount, empty where it has none.
pub(super) fn unit(text: &str) -> &str {
    const UNITS: [&str; 8] = ["mil", "milhao", "milhoes", "mi", "bilhao", "bilhoes", "bi", "reais"];
    text.split_whitespace().find(|word| UNITS.contains(word)).unwrap_or("")
}

/// Whether the text says that it is money.
pub(super) fn has_unit(text: &str) -> bool {
    text.trim_start().starts_with("r$") || !unit(text).is_empty()
}

pub(super) fn number(text: &str) -> Option<Number> {
    let bare = text.trim();
    if bare.len() == 4
        && let Ok(year) = bare.parse::<i32>()
        && (1990..=2100).contains(&year)
    {
        return Some(Number::Year(year));
    }
    amount(text).map(Number::Amount)
}

/// Reads an amount exactly: digits with a decimal mark or a number word, times its unit.
pub(super) fn amount(text: &str) -> Option<Money> {
    const WORDS: [(&str, i128); 25] = [
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
        ("vinte", 20),
        ("trinta", 30),
        ("quarenta", 40),
        ("cinquenta", 50),
        ("sessenta", 60),
        ("setenta", 70),
        ("oitenta", 80),
        ("noventa", 90),
        ("cem", 100),
        ("duzentos", 200),
        ("trezentos", 300),
        ("quatrocentos", 400),
        ("quinhentos", 500),
    ];
    let text = text.trim().trim_start_matches("r$").trim_start();
    let first = text.split_whitespace().next()?;
    let scale: i128 = match unit(text) {
        "mil" => 1_000,
        "milhao" | "milhoes" | "mi" => 1_000_000,
        "bilhao" | "bilhoes" | "bi" => 1_000_000_000,
        _ => 1,
    };
    let scaled = |units: i128, decimals: u32| {
        let cents = units.checked_mul(scale)?.checked_mul(100)?;
        let divisor = 10i128.checked_pow(decimals)?;
        (cents % divisor == 0 && cents / divisor <= Money::MAX_CENTS).then(|| Money::from_cents(cents / divisor))
    };
    if first == "meio" {
        return scaled(5, 1);
    }
    if let Some((_, units)) = WORDS.iter().find(|(word, _)| *word == first) {
        return scaled(*units, 0);
    }
    let digits = first.trim_end_matches(|c: char| c.is_alphabetic());
    // "1.234" groups thousands, "1.5" has a decimal point; a comma always is the decimal mark.
    let grouped = digits.split('.').skip(1).all(|group| group.split(',').next().is_some_and(|g| g.len() == 3));
    let plain = if grouped { digits.replace('.', "") } else { digits.to_owned() };
    let (whole, fraction) = plain.split_once([',', '.']).unwrap_or((&plain, ""));
    if whole.len() + fraction.len() > 24 {
        return None;
    }
    let units: i128 = format!("{whole}{fraction}").parse().ok()?;
    scaled(units, u32::try_from(fraction.len()).ok()?)
}
