//! The functions of one row, for SQL.

use std::sync::Arc;

use chrono::NaiveDate;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, ListBuilder, StringArray,
    StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, Date32Type, Field, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::calendar::{Calendar, anniversary, nth_working_day, working_days};
use super::{
    amendment_kinds, binomial_tail, brings_income, chi_square_tail, cnpj_unfit, company_of, first_digit,
    has_doubled_ceiling, has_word, is_emergency, is_public_body, is_reform, is_specific_item, is_state_company,
    is_vehicle_maintenance, legal_basis_kind, legal_regime, names_other_parts, object_type, situation_kind,
    text_similarity,
};
use crate::model::{cnpj_check_digits, fold, mask_cpf};

/// A function of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// `amendment_kinds(object_folded)`: list of [`super::AmendmentKind`] names.
    AmendmentKinds,
    /// `anniversary(day, years)`: [`anniversary`].
    Anniversary,
    /// `binomial_tail(k, n, p)`: [`binomial_tail`].
    BinomialTail,
    /// `brings_income(object_folded, criterion)`: [`brings_income`].
    BringsIncome,
    /// `chi_square_tail(x, df)`: [`chi_square_tail`].
    ChiSquareTail,
    /// `cnpj_expected_digits(id)`: the check digits that the first 12 characters ask for.
    CnpjExpectedDigits,
    /// `cnpj_unfit(supplier_key, supplier_kind, supplier_check)`: [`cnpj_unfit`].
    CnpjUnfit,
    /// `company_of(kind, check, key)`: [`company_of`].
    CompanyOf,
    /// `first_digit(number)`: of a number written out, [`first_digit`].
    FirstDigit,
    /// `fold(text)`: [`crate::model::fold`].
    Fold,
    /// `has_doubled_ceiling(buyer_name, legal_basis)`.
    HasDoubledCeiling,
    /// `has_word(folded, word)`.
    HasWord,
    /// `is_emergency(legal_basis, object_folded)`.
    IsEmergency,
    /// `is_public_body(supplier_kind, supplier_name)`.
    IsPublicBody,
    /// `is_reform(object_folded)`.
    IsReform,
    /// `is_specific_item(description_folded, details)`: [`is_specific_item`].
    IsSpecificItem,
    /// `is_state_company(buyer_name, organ_name, legal_basis)`: [`is_state_company`].
    IsStateCompany,
    /// `is_vehicle_maintenance(object_folded)`.
    IsVehicleMaintenance,
    /// `legal_basis_kind(legal_basis, object)`: name of a [`super::LegalBasisKind`].
    LegalBasisKind,
    /// `legal_regime(legal_basis, object)`: name of a [`super::LegalRegime`].
    LegalRegime,
    /// `log10(x)`; null unless x is above zero.
    Log10,
    /// `names_other_parts(folded, folded)`: [`names_other_parts`].
    NamesOtherParts,
    /// `nth_office_day(from, n)`: [`nth_working_day`] of [`Calendar::Office`].
    NthOfficeDay,
    /// `object_type(object_folded, main_item_folded)`: name of an [`super::ObjectType`].
    ObjectType,
    /// `office_days(after, to)`: [`working_days`] of [`Calendar::Office`].
    OfficeDays,
    /// `pow10(x)`: ten to the power of x.
    Pow10,
    /// `show_tax_id(kind, id)`: [`show_tax_id`].
    ShowTaxId,
    /// `situation_kind(situation)`: name of a [`super::SituationKind`].
    SituationKind,
    /// `text_similarity(folded, folded)`: [`text_similarity`].
    TextSimilarity,
    /// `working_days(after, to)`: [`working_days`] of [`Calendar::Holidays`].
    WorkingDays,
}

/// What a function takes.
enum Arguments {
    Texts(usize),
    Numbers(usize),
    /// Days and numbers of days.
    Days(&'static [DataType]),
}

/// A tax id as it may be shown: a CPF is masked, everything else is as it is.
pub fn show_tax_id(kind: Option<&str>, id: &str) -> String {
    if kind == Some("cpf") && !id.contains('*') { mask_cpf(id) } else { id.to_owned() }
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 30] = [
        Self::AmendmentKinds,
        Self::Anniversary,
        Self::BinomialTail,
        Self::BringsIncome,
        Self::ChiSquareTail,
        Self::CnpjExpectedDigits,
        Self::CnpjUnfit,
        Self::CompanyOf,
        Self::FirstDigit,
        Self::Fold,
        Self::HasDoubledCeiling,
        Self::HasWord,
        Self::IsEmergency,
        Self::IsPublicBody,
        Self::IsReform,
        Self::IsSpecificItem,
        Self::IsStateCompany,
        Self::IsVehicleMaintenance,
        Self::LegalBasisKind,
        Self::LegalRegime,
        Self::Log10,
        Self::NamesOtherParts,
        Self::NthOfficeDay,
        Self::ObjectType,
        Self::OfficeDays,
        Self::Pow10,
        Self::ShowTaxId,
        Self::SituationKind,
        Self::TextSimilarity,
        Self::WorkingDays,
    ];

    /// Name in SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AmendmentKinds => "amendment_kinds",
            Self::Anniversary => "anniversary",
            Self::BinomialTail => "binomial_tail",
            Self::BringsIncome => "brings_income",
            Self::ChiSquareTail => "chi_square_tail",
            Self::CnpjExpectedDigits => "cnpj_expected_digits",
            Self::CnpjUnfit => "cnpj_unfit",
            Self::CompanyOf => "company_of",
            Self::FirstDigit => "first_digit",
            Self::Fold => "fold",
            Self::HasDoubledCeiling => "has_doubled_ceiling",
            Self::HasWord => "has_word",
            Self::IsEmergency => "is_emergency",
            Self::IsPublicBody => "is_public_body",
            Self::IsReform => "is_reform",
            Self::IsSpecificItem => "is_specific_item",
            Self::IsStateCompany => "is_state_company",
            Self::IsVehicleMaintenance => "is_vehicle_maintenance",
            Self::LegalBasisKind => "legal_basis_kind",
            Self::LegalRegime => "legal_regime",
            Self::Log10 => "log10",
            Self::NamesOtherParts => "names_other_parts",
            Self::NthOfficeDay => "nth_office_day",
            Self::ObjectType => "object_type",
            Self::OfficeDays => "office_days",
            Self::Pow10 => "pow10",
            Self::ShowTaxId => "show_tax_id",
            Self::SituationKind => "situation_kind",
            Self::TextSimilarity => "text_similarity",
            Self::WorkingDays => "working_days",
        }
    }

    /// The function for a session.
    pub fn udf(self) -> ScalarUDF {
        let signature = match self.arguments() {
            Arguments::Numbers(count) => Signature::exact(vec![DataType::Float64; count], Volatility::Immutable),
            Arguments::Days(kinds) => Signature::exact(kinds.to_vec(), Volatility::Immutable),
            Arguments::Texts(count) => {
                // Plain and view strings are read as they come; anything else is cast to text.
                let same = |kind: DataType| TypeSignature::Exact(vec![kind; count]);
                Signature::one_of(
                    vec![same(DataType::Utf8View), same(DataType::Utf8), TypeSignature::String(count)],
                    Volatility::Immutable,
                )
            }
        };
        ScalarUDF::from(Scalar { function: self, signature })
    }

    const fn arguments(self) -> Arguments {
        match self {
            Self::Log10 | Self::Pow10 => Arguments::Numbers(1),
            Self::ChiSquareTail => Arguments::Numbers(2),
            Self::BinomialTail => Arguments::Numbers(3),
            Self::Anniversary | Self::NthOfficeDay => Arguments::Days(&[DataType::Date32, DataType::Int64]),
            Self::OfficeDays | Self::WorkingDays => Arguments::Days(&[DataType::Date32, DataType::Date32]),
            Self::AmendmentKinds
            | Self::CnpjExpectedDigits
            | Self::FirstDigit
            | Self::Fold
            | Self::IsReform
            | Self::IsVehicleMaintenance
            | Self::SituationKind => Arguments::Texts(1),
            Self::BringsIncome
            | Self::HasDoubledCeiling
            | Self::HasWord
            | Self::IsEmergency
            | Self::IsPublicBody
            | Self::IsSpecificItem
            | Self::LegalBasisKind
            | Self::LegalRegime
            | Self::NamesOtherParts
            | Self::ObjectType
            | Self::ShowTaxId
            | Self::TextSimilarity => Arguments::Texts(2),
            Self::CnpjUnfit | Self::CompanyOf | Self::IsStateCompany => Arguments::Texts(3),
        }
    }

    fn return_type(self) -> DataType {
        match self {
            Self::BinomialTail | Self::ChiSquareTail | Self::Log10 | Self::Pow10 | Self::TextSimilarity => {
                DataType::Float64
            }
            Self::FirstDigit | Self::OfficeDays | Self::WorkingDays => DataType::Int64,
            Self::Anniversary | Self::NthOfficeDay => DataType::Date32,
            Self::AmendmentKinds => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
            Self::BringsIncome
            | Self::HasDoubledCeiling
            | Self::HasWord
            | Self::IsEmergency
            | Self::IsPublicBody
            | Self::IsReform
            | Self::IsSpecificItem
            | Self::IsStateCompany
            | Self::IsVehicleMaintenance
            | Self::NamesOtherParts => DataType::Boolean,
            Self::CnpjExpectedDigits
            | Self::CnpjUnfit
            | Self::CompanyOf
            | Self::Fold
            | Self::LegalBasisKind
            | Self::LegalRegime
            | Self::ObjectType
            | Self::ShowTaxId
            | Self::SituationKind => DataType::Utf8,
        }
    }

    fn of_texts(self, texts: &[Texts<'_>], rows: usize) -> ArrayRef {
        let one = |row: usize| texts[0].get(row);
        let two = |row: usize| texts.get(1).and_then(|texts| texts.get(row));
        let three = |row: usize| texts.get(2).and_then(|texts| texts.get(row));
        let truth = |test: &dyn Fn(usize) -> Option<bool>| -> ArrayRef {
            Arc::new((0..rows).map(test).collect::<BooleanArray>())
        };
        match self {
            Self::HasWord => truth(&|row| Some(has_word(one(row)?, two(row)?))),
            Self::NamesOtherParts => truth(&|row| Some(names_other_parts(one(row)?, two(row)?))),
            Self::BringsIncome => truth(&|row| Some(brings_income(one(row), two(row)))),
            Self::IsStateCompany => truth(&|row| Some(is_state_company(one(row), two(row), three(row)))),
            Self::HasDoubledCeiling => truth(&|row| Some(has_doubled_ceiling(one(row), two(row)))),
            Self::IsEmergency => truth(&|row| Some(is_emergency(one(row), two(row)))),
            Self::IsPublicBody => truth(&|row| Some(is_public_body(one(row), two(row)))),
            Self::IsReform => truth(&|row| Some(is_reform(one(row).unwrap_or_default()))),
            Self::IsSpecificItem => {
                truth(&|row| Some(is_specific_item(one(row).unwrap_or_default(), two(row).unwrap_or_default())))
            }
            Self::IsVehicleMaintenance => truth(&|row| Some(is_vehicle_maintenance(one(row).unwrap_or_default()))),
            Self::LegalBasisKind => {
                let names = (0..rows).map(|row| Some(legal_basis_kind(one(row), two(row)).as_str()));
                Arc::new(names.collect::<StringArray>())
            }
            Self::LegalRegime => {
                Arc::new((0..rows).map(|row| Some(legal_regime(one(row), two(row)).as_str())).collect::<StringArray>())
            }
            Self::FirstDigit => Arc::new((0..rows).map(|row| one(row).and_then(first_digit)).collect::<Int64Array>()),
            Self::TextSimilarity => {
                let alike = (0..rows).map(|row| Some(text_similarity(one(row)?, two(row)?)));
                Arc::new(alike.collect::<Float64Array>())
            }
            Self::ObjectType => {
                Arc::new((0..rows).map(|row| Some(object_type(one(row), two(row)).as_str())).collect::<StringArray>())
            }
            Self::SituationKind => {
                Arc::new((0..rows).map(|row| Some(situation_kind(one(row)).as_str())).collect::<StringArray>())
            }
            Self::Fold => Arc::new((0..rows).map(|row| one(row).map(fold)).collect::<StringArray>()),
            Self::ShowTaxId => {
                let shown = (0..rows).map(|row| two(row).map(|id| show_tax_id(one(row), id)));
                Arc::new(shown.collect::<StringArray>())
            }
            Self::CnpjExpectedDigits => {
                Arc::new((0..rows).map(|row| one(row).and_then(expected_digits)).collect::<StringArray>())
            }
            Self::CnpjUnfit => {
                let reasons = (0..rows).map(|row| cnpj_unfit(one(row), two(row), three(row)));
                Arc::new(reasons.collect::<StringArray>())
            }
            Self::CompanyOf => {
                let companies = (0..rows).map(|row| company_of(one(row), two(row), three(row)));
                Arc::new(companies.collect::<StringArray>())
            }
            Self::AmendmentKinds => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for row in 0..rows {
                    for kind in amendment_kinds(one(row).unwrap_or_default()) {
                        lists.values().append_value(kind.as_str());
                    }
                    lists.append(true);
                }
                Arc::new(lists.finish())
            }
            Self::Anniversary
            | Self::BinomialTail
            | Self::ChiSquareTail
            | Self::Log10
            | Self::NthOfficeDay
            | Self::OfficeDays
            | Self::Pow10
            | Self::WorkingDays => Arc::new(Float64Array::new_null(rows)),
        }
    }

    /// Null where an argument is.
    fn of_numbers(self, numbers: &[ArrayRef], rows: usize) -> ArrayRef {
        let columns: Vec<&Float64Array> = numbers.iter().map(AsArray::as_primitive::<Float64Type>).collect();
        let apply = |row: usize| {
            let x = |at: usize| columns.get(at).filter(|column| column.is_valid(row)).map(|column| column.value(row));
            let first = x(0)?;
            match self {
                Self::Log10 => (first > 0.0).then(|| first.log10()),
                Self::Pow10 => Some(10f64.powf(first)),
                Self::ChiSquareTail => chi_square_tail(first, x(1)?),
                Self::BinomialTail => binomial_tail(first, x(1)?, x(2)?),
                _ => None,
            }
        };
        Arc::new((0..rows).map(apply).collect::<Float64Array>())
    }

    /// Null where an argument is.
    fn of_days(self, arguments: &[ArrayRef], rows: usize) -> ArrayRef {
        let day = |at: usize, row: usize| -> Option<NaiveDate> {
            let days: &Date32Array = arguments.get(at)?.as_primitive_opt::<Date32Type>()?;
            days.is_valid(row).then(|| days.value_as_date(row)).flatten()
        };
        let number = |row: usize| -> Option<i64> {
            let numbers: &Int64Array = arguments.get(1)?.as_primitive_opt::<Int64Type>()?;
            numbers.is_valid(row).then(|| numbers.value(row))
        };
        let count = |calendar: Calendar| -> ArrayRef {
            let counted = (0..rows).map(|row| Some(working_days(day(0, row)?, day(1, row)?, calendar)));
            Arc::new(counted.collect::<Int64Array>())
        };
        let made = |make: &dyn Fn(NaiveDate, i64) -> Option<NaiveDate>| -> ArrayRef {
            let epoch = |day: NaiveDate| i32::try_from((day - NaiveDate::default()).num_days()).ok();
            Arc::new((0..rows).map(|row| epoch(make(day(0, row)?, number(row)?)?)).collect::<Date32Array>())
        };
        match self {
            Self::Anniversary => made(&|from, years| anniversary(from, i32::try_from(years).ok()?)),
            Self::NthOfficeDay => made(&|from, count| nth_working_day(from, count, Calendar::Office)),
            Self::OfficeDays => count(Calendar::Office),
            _ => count(Calendar::Holidays),
        }
    }
}

fn expected_digits(id: &str) -> Option<String> {
    let digits = cnpj_check_digits(id.get(..12)?)?;
    Some(digits.iter().map(|digit| char::from(*digit)).collect())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Scalar {
    function: Function,
    signature: Signature,
}

impl ScalarUDFImpl for Scalar {
    fn name(&self) -> &'static str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.function.return_type())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = || args.args.iter().map(|value| value.to_array(args.number_rows)).collect::<Result<Vec<_>>>();
        let array = match self.function.arguments() {
            Arguments::Numbers(_) => self.function.of_numbers(&arrays()?, args.number_rows),
            Arguments::Days(_) => self.function.of_days(&arrays()?, args.number_rows),
            Arguments::Texts(_) => {
                let texts = args.args.iter().map(Texts::of).collect::<Result<Vec<_>>>()?;
                self.function.of_texts(&texts, args.number_rows)
            }
        };
        Ok(ColumnarValue::Array(array))
    }
}

/// A column of texts, in any of Arrow's layouts, or one text for every row.
enum Texts<'a> {
    Plain(&'a StringArray),
    View(&'a datafusion::arrow::array::StringViewArray),
    Large(&'a datafusion::arrow::array::LargeStringArray),
    One(Option<&'a str>),
}

impl<'a> Texts<'a> {
    fn of(value: &'a ColumnarValue) -> Result<Self> {
        match value {
            ColumnarValue::Array(array) => match array.data_type() {
                DataType::Utf8 => Ok(Self::Plain(array.as_string())),
                DataType::Utf8View => Ok(Self::View(array.as_string_view())),
                DataType::LargeUtf8 => Ok(Self::Large(array.as_string())),
                other => exec_err!("expected text, found {other}"),
            },
            ColumnarValue::Scalar(
                ScalarValue::Utf8(text) | ScalarValue::Utf8View(text) | ScalarValue::LargeUtf8(text),
            ) => Ok(Self::One(text.as_deref())),
            ColumnarValue::Scalar(ScalarValue::Null) => Ok(Self::One(None)),
            ColumnarValue::Scalar(other) => exec_err!("expected text, found {}", other.data_type()),
        }
    }

    fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Plain(array) => array.is_valid(row).then(|| array.value(row)),
            Self::View(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Large(array) => array.is_valid(row).then(|| array.value(row)),
            Self::One(text) => *text,
        }
    }
}
