use std::collections::BTreeMap;

use super::pii;
use crate::model::{QuarantinedRow, TaxIdKind, check_tax_id, mask_cpf};

/// Rows in quarantine that are kept in full, per file; the others are only counted.
///
/// A file of another kind than its name says fails in every row: a sample of them tells as much.
pub const MAX_KEPT: usize = 10_000;
/// Characters of a value that are kept.
const MAX_VALUE_CHARS: usize = 200;

/// Why a row is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    WrongFieldCount,
    NulByte,
    LineTooLong,
    UnclosedQuote,
    InvalidUtf8,
    RequiredBlank,
    InvalidDate,
    MalformedAmount,
    SubCentAmount,
    AmountTooLarge,
    MalformedQuantity,
    QuantityTooPrecise,
    QuantityTooLarge,
    InvalidJson,
    NotAnObject,
    LinkedReleases,
    MalformedId,
    UnknownCode,
}

impl Reason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::WrongFieldCount => "wrong_field_count",
            Self::NulByte => "nul_byte",
            Self::LineTooLong => "line_too_long",
            Self::UnclosedQuote => "unclosed_quote",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::RequiredBlank => "required_blank",
            Self::InvalidDate => "invalid_date",
            Self::MalformedAmount => "malformed_amount",
            Self::SubCentAmount => "sub_cent_amount",
            Self::AmountTooLarge => "amount_too_large",
            Self::MalformedQuantity => "malformed_quantity",
            Self::QuantityTooPrecise => "quantity_too_precise",
            Self::QuantityTooLarge => "quantity_too_large",
            Self::InvalidJson => "invalid_json",
            Self::NotAnObject => "not_an_object",
            Self::LinkedReleases => "linked_releases",
            Self::MalformedId => "malformed_id",
            Self::UnknownCode => "unknown_code",
        }
    }
}

/// What is wrong with a row, and in which of the columns its layout reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) column: usize,
    pub(crate) reason: Reason,
}

/// The rows of one file that could not be taken in.
#[derive(Debug, Default)]
pub(crate) struct Quarantine {
    pub(crate) rows: Vec<QuarantinedRow>,
    pub(crate) by_reason: BTreeMap<&'static str, i64>,
}

impl Quarantine {
    pub(crate) fn add(&mut self, file: &str, line: i64, column: &str, reason: Reason, value: &str) {
        *self.by_reason.entry(reason.as_str()).or_default() += 1;
        if self.rows.len() < MAX_KEPT {
            // Masked before it is cut, so that no part of a CPF is left over at the end; and after it, as a part of a
            // longer number may look like one.
            let masked = pii::mask_every_run(value);
            let masked = match check_tax_id(&masked) {
                (TaxIdKind::Cpf, normal, _) if !normal.contains('*') => mask_cpf(&normal).into(),
                _ => masked,
            };
            let cut: String = masked.chars().take(MAX_VALUE_CHARS).map(shown).collect();
            let value = pii::mask_every_run(&cut).chars().take(MAX_VALUE_CHARS).collect();
            self.rows.push(QuarantinedRow {
                file: file.to_owned(),
                line,
                column: column.chars().map(shown).collect(),
                reason: reason.as_str().to_owned(),
                value,
            });
        }
    }

    pub(crate) fn total(&self) -> i64 {
        self.by_reason.values().sum()
    }
}

/// PostgreSQL holds no NUL in a text.
const fn shown(c: char) -> char {
    if c == '\0' { char::REPLACEMENT_CHARACTER } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_a_cpf_as_a_whole_is_masked_however_it_is_written() {
        let mut quarantine = Quarantine::default();
        for value in ["529.982247-25", "52-998-224725", " 529 982 247 25 ", "16-13-5282714"] {
            quarantine.add("a.json", 1, "", Reason::NotAnObject, value);
        }
        let kept = quarantine.rows.iter().map(|row| row.value.as_str());
        assert_eq!(
            kept.collect::<Vec<_>>(),
            ["***.982.247-**", "***.982.247-**", " ***.982.247-** ", "***.352.827-**"]
        );
    }

    #[test]
    fn what_is_shown_holds_no_cpf_wherever_it_is_cut() {
        for number in ["52998224725", "52998224725054151", "152998224725054151"] {
            for before in MAX_VALUE_CHARS - number.len() - 2..=MAX_VALUE_CHARS {
                let mut quarantine = Quarantine::default();
                let value = format!("{}\0{number}", "é".repeat(before));
                quarantine.add("a.csv", 2, "CPF", Reason::InvalidDate, &value);
                let kept = &quarantine.rows[0].value;
                assert!(kept.chars().count() <= MAX_VALUE_CHARS && !kept.contains('\0'), "{kept}");
                assert_eq!(pii::mask_every_run(kept), kept.as_str(), "{before}");
            }
        }
    }
}
