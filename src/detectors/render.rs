//! Values of a query, and texts made of them.

use chrono::{NaiveDate, SecondsFormat};
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType,
};

use super::Header;
use super::header::{Bilingual, EvidenceColumn};
use crate::lake::schema;
use crate::model::{Money, mask_text};

/// A value of one row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    /// Units and how many of their digits are decimals.
    Decimal(i128, i8),
    Float(f64),
    Int(i64),
    Date(NaiveDate),
    Text(String),
    Truth(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Pt,
    En,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Brl,
    Amount,
    Percent,
    Ratio,
    Int,
    Date,
    Text,
}

#[derive(Debug, Clone)]
enum Part {
    Literal(String),
    Column(String, Format),
    Parameter(Value, Format),
    /// A parameter in full, as its unit says.
    Exact(String),
}

/// A text with places for values.
#[derive(Debug, Clone)]
pub(super) struct Template(Vec<Part>);

impl Value {
    /// The value of a column in a row.
    pub(super) fn of(batch: &RecordBatch, column: &str, row: usize) -> Result<Self, String> {
        let array = batch.column_by_name(column).ok_or_else(|| format!("column {column} is missing"))?;
        if array.is_null(row) {
            return Ok(Self::Null);
        }
        let slice = array.slice(row, 1);
        let to = |kind: &DataType| cast(&slice, kind).map_err(|error| format!("column {column}: {error}"));
        Ok(match array.data_type() {
            DataType::Decimal128(_, scale) => Self::Decimal(slice.as_primitive::<Decimal128Type>().value(0), *scale),
            DataType::Float32 | DataType::Float64 => {
                Self::Float(to(&DataType::Float64)?.as_primitive::<Float64Type>().value(0))
            }
            DataType::Date32 => Self::Date(
                slice
                    .as_primitive::<Date32Type>()
                    .value_as_date(0)
                    .ok_or_else(|| format!("column {column}: a day out of range"))?,
            ),
            DataType::Timestamp(..) => {
                let moment = to(&schema::MOMENT)?;
                let moment = moment.as_primitive::<TimestampMicrosecondType>().value_as_datetime(0);
                let moment = moment.ok_or_else(|| format!("column {column}: a moment out of range"))?;
                Self::Text(moment.and_utc().to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
            DataType::Boolean => Self::Truth(slice.as_boolean().value(0)),
            kind if kind.is_integer() => Self::Int(to(&DataType::Int64)?.as_primitive::<Int64Type>().value(0)),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Self::Text(to(&DataType::Utf8)?.as_string::<i32>().value(0).to_owned())
            }
            other => return Err(format!("column {column}: {other} cannot be shown")),
        })
    }

    /// The value in full: decimals are not rounded, dates are ISO, a CPF inside a text is masked.
    pub(super) fn exact(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Decimal(units, scale) => decimal(*units, *scale),
            Self::Float(number) => trimmed(*number),
            Self::Int(number) => number.to_string(),
            Self::Date(day) => day.to_string(),
            Self::Text(text) => mask_text(text).into_owned(),
            Self::Truth(truth) => truth.to_string(),
        })
    }

    /// The value of digits with at most one point.
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let units = format!("{whole}{fraction}").parse().ok()?;
        Some(Self::Decimal(units, i8::try_from(fraction.len()).ok()?))
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Decimal(units, scale) => Some(*units as f64 / 10f64.powi(i32::from(*scale))),
            Self::Float(number) => Some(*number),
            Self::Int(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// An amount of money, what is below a cent cut off.
    pub(super) fn money(&self) -> Option<Money> {
        match self {
            Self::Decimal(units, scale) => {
                let places = u32::from(scale.unsigned_abs());
                let factor = 10i128.checked_pow(places)?;
                Some(Money::from_cents(if *scale < 0 {
                    units.checked_mul(factor)?.checked_mul(100)?
                } else if *scale >= 2 {
                    units.div_euclid(factor / 100)
                } else {
                    units.checked_mul(100 / factor)?
                }))
            }
            Self::Int(number) => Some(Money::from_cents(i128::from(*number) * 100)),
            _ => None,
        }
    }
}

fn decimal(units: i128, scale: i8) -> String {
    let places = usize::from(scale.max(0).unsigned_abs());
    let zeros = "0".repeat(usize::from(scale.min(0).unsigned_abs()));
    let digits = units.unsigned_abs().to_string();
    let digits = format!("{digits:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    let sign = if units < 0 { "-" } else { "" };
    if places == 0 { format!("{sign}{whole}{zeros}") } else { format!("{sign}{whole}.{fraction}") }
}

fn trimmed(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn number(value: f64, places: usize, language: Language) -> String {
    let text = format!("{value:.places$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let (thousands, mark) = match language {
        Language::Pt => ('.', ','),
        Language::En => (',', '.'),
    };
    let mut out = String::from(sign);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(thousands);
        }
        out.push(digit);
    }
    if places > 0 {
        out.push(mark);
        out.push_str(fraction);
    }
    out
}

/// A number written in full, as it reads in Portuguese and in English: `ratio` as a percentage, no
/// digit of it lost. What is no number stands as it is.
pub(super) fn show_number(value: &str, unit: &str) -> (String, String) {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let Some(parsed) = Value::parse(value) else { return (value.to_owned(), value.to_owned()) };
    let places = fraction.trim_end_matches('0').len();
    let both = |format: &dyn Fn(Language) -> String| (format(Language::Pt), format(Language::En));
    match (unit, parsed.number()) {
        ("BRL", _) => both(&|language| Format::Brl.show(&parsed, None, language)),
        ("ratio", Some(share)) => {
            let (pt, en) = both(&|language| number(share * 100.0, places.saturating_sub(2), language));
            (format!("{pt} %"), format!("{en}%"))
        }
        ("days", Some(days)) => {
            let one = whole == "1" && places == 0;
            let (pt, en) = both(&|language| number(days, places, language));
            (format!("{pt} {}", if one { "dia" } else { "dias" }), format!("{en} {}", if one { "day" } else { "days" }))
        }
        (_, Some(count)) => both(&|language| number(count, places, language)),
        (_, None) => (value.to_owned(), value.to_owned()),
    }
}

impl Format {
    /// How a value of this unit is shown where no text says it.
    fn of_unit(unit: &str) -> Self {
        match unit {
            "BRL" => Self::Brl,
            "amount" => Self::Amount,
            "count" | "days" => Self::Int,
            "date" => Self::Date,
            "text" => Self::Text,
            _ => Self::Ratio,
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "brl" => Self::Brl,
            "amount" => Self::Amount,
            "percent" => Self::Percent,
            "ratio" => Self::Ratio,
            "int" => Self::Int,
            "date" => Self::Date,
            "text" => Self::Text,
            _ => return None,
        })
    }

    fn show(self, value: &Value, words: Option<&EvidenceColumn>, language: Language) -> String {
        let shown = match (self, value) {
            (Self::Brl, value) => value.money().map(|money| match language {
                Language::Pt => money.pt(),
                Language::En => money.en(),
            }),
            (Self::Amount, Value::Null) => None,
            (Self::Amount, value) => Some(Self::Brl.show(value, None, language).replacen("R$ ", "", 1)),
            (Self::Percent, value) => value.number().map(|share| match language {
                Language::Pt => format!("{} %", number(share * 100.0, 1, language)),
                Language::En => format!("{}%", number(share * 100.0, 1, language)),
            }),
            (Self::Ratio, value) => value.number().map(|ratio| number(ratio, 2, language)),
            (Self::Int, value) => value.number().map(|count| number(count, 0, language)),
            (Self::Date, Value::Date(day)) => Some(match language {
                Language::Pt => day.format("%d/%m/%Y").to_string(),
                Language::En => day.to_string(),
            }),
            (Self::Text, Value::Text(text)) => Some(match words.and_then(|column| column.words.get(text)) {
                Some(Bilingual { pt, .. }) if language == Language::Pt => pt.clone(),
                Some(Bilingual { en, .. }) => en.clone(),
                None => mask_text(text).into_owned(),
            }),
            _ => None,
        };
        shown.unwrap_or_else(|| "—".to_owned())
    }
}

impl Template {
    /// Reads a template; every place must name an evidence column, `amount` or a parameter.
    pub(super) fn parse(text: &str, header: &Header, language: Language) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            parts.push(Part::Literal(rest[..open].to_owned()));
            let close = rest[open..].find('}').ok_or("text: a { is not closed")? + open;
            let place = &rest[open + 1..close];
            let (name, format) = place.split_once('|').ok_or_else(|| format!("text: {{{place}}} has no format"))?;
            let known = name == "amount" || header.evidence.iter().any(|column| column.name == name);
            let parameter = header.parameter(name);
            if let (false, "exact", Some(parameter)) = (known, format, parameter) {
                let (pt, en) = show_number(&parameter.value, &parameter.unit);
                parts.push(Part::Exact(if language == Language::Pt { pt } else { en }));
                rest = &rest[close + 1..];
                continue;
            }
            let format = Format::parse(format).ok_or_else(|| format!("text: format {format:?} is not known"))?;
            parts.push(match (known, parameter) {
                (true, _) => Part::Column(name.to_owned(), format),
                (false, Some(parameter)) => {
                    let value = Value::parse(&parameter.value).ok_or_else(|| format!("parameter {name}: too long"))?;
                    Part::Parameter(value, format)
                }
                (false, None) => return Err(format!("text: {name:?} is neither evidence nor a parameter")),
            });
            rest = &rest[close + 1..];
        }
        parts.push(Part::Literal(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The text, where no place needs a row.
    pub(super) fn fixed(&self, header: &Header, language: Language) -> Result<String, String> {
        let column = self.0.iter().find_map(|part| match part {
            Part::Column(name, _) => Some(name),
            _ => None,
        });
        match column {
            Some(name) => Err(format!("text: {name:?} is no parameter, and only parameters may stand here")),
            None => Ok(self.render(header, &|_| Value::Null, language)),
        }
    }

    /// A value of an evidence column by itself, shown as the text shows it, or else as its unit says.
    pub(super) fn show(&self, column: &EvidenceColumn, value: &Value, language: Language) -> String {
        let said = self.0.iter().find_map(|part| match part {
            Part::Column(name, format) if *name == column.name => Some(*format),
            _ => None,
        });
        said.unwrap_or_else(|| Format::of_unit(&column.unit)).show(value, Some(column), language)
    }

    /// The text with the values of one row.
    pub(super) fn render(&self, header: &Header, values: &dyn Fn(&str) -> Value, language: Language) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(text) | Part::Exact(text) => out.push_str(text),
                Part::Parameter(value, format) => out.push_str(&format.show(value, None, language)),
                Part::Column(name, format) => {
                    let words = header.evidence.iter().find(|column| column.name == *name);
                    out.push_str(&format.show(&values(name), words, language));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_both_languages() {
        let show = |format: Format, value: Value| {
            (format.show(&value, None, Language::Pt), format.show(&value, None, Language::En))
        };
        let two = |pt: &str, en: &str| (pt.to_owned(), en.to_owned());
        assert_eq!(show(Format::Brl, Value::Decimal(123_456_789, 3)), two("R$ 123.456,78", "R$ 123,456.78"));
        assert_eq!(show(Format::Amount, Value::Decimal(123_456_789, 2)), two("1.234.567,89", "1,234,567.89"));
        assert_eq!(show(Format::Amount, Value::Null), two("—", "—"));
        assert_eq!(show(Format::Percent, Value::Float(0.3119)), two("31,2 %", "31.2%"));
        assert_eq!(show(Format::Percent, Value::Decimal(25, 2)), two("25,0 %", "25.0%"));
        assert_eq!(show(Format::Ratio, Value::Float(1234.5)), two("1.234,50", "1,234.50"));
        assert_eq!(show(Format::Int, Value::Int(-12_345)), two("-12.345", "-12,345"));
        let day = NaiveDate::from_ymd_opt(2024, 1, 31).unwrap();
        assert_eq!(show(Format::Date, Value::Date(day)), two("31/01/2024", "2024-01-31"));
        assert_eq!(show(Format::Text, Value::Null), two("—", "—"));
    }

    #[test]
    fn a_cpf_in_a_text_is_masked() {
        let text = Value::Text("FULANA DE TAL 52998224725".to_owned());
        assert_eq!(text.exact().unwrap(), "FULANA DE TAL ***.982.247-**");
        assert_eq!(Format::Text.show(&text, None, Language::Pt), "FULANA DE TAL ***.982.247-**");
    }

    #[test]
    fn numbers_read_as_their_unit_says() {
        let two = |pt: &str, en: &str| (pt.to_owned(), en.to_owned());
        assert_eq!(show_number("1000000.00", "BRL"), two("R$ 1.000.000,00", "R$ 1,000,000.00"));
        assert_eq!(show_number("0.25", "ratio"), two("25 %", "25%"));
        assert_eq!(show_number("0.0001", "ratio"), two("0,01 %", "0.01%"));
        assert_eq!(show_number("1.5", "factor"), two("1,5", "1.5"));
        assert_eq!(show_number("180", "days"), two("180 dias", "180 days"));
        assert_eq!(show_number("1", "days"), two("1 dia", "1 day"));
        assert_eq!(show_number("12000", "count"), two("12.000", "12,000"));
        assert_eq!(show_number("abc", "count"), two("abc", "abc"));
    }

    #[test]
    fn exact_values_and_cents() {
        assert_eq!(Value::Decimal(5, 2).exact().unwrap(), "0.05");
        assert_eq!(Value::Decimal(-12_345, 4).exact().unwrap(), "-1.2345");
        assert_eq!(Value::Decimal(7, 0).exact().unwrap(), "7");
        assert_eq!(Value::Float(1.5).exact().unwrap(), "1.5");
        assert_eq!(Value::Float(20.0).exact().unwrap(), "20");
        assert_eq!(Value::Null.exact(), None);
        assert_eq!(Value::Decimal(10_099, 4).money(), Some(Money::from_cents(100)));
        assert_eq!(Value::Decimal(3, 0).money(), Some(Money::from_cents(300)));
        assert_eq!(Value::Decimal(35, 1).money(), Some(Money::from_cents(350)));
    }
}
