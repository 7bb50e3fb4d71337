//! The functions of one row, for SQL.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, ListBuilder, StringArray, StringBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};

use super::{
    amendment_kinds, has_doubled_ceiling, has_word, is_emergency, is_public_body, is_reform, is_vehicle_maintenance,
    legal_basis_kind, object_type,
};
use crate::model::{cnpj_check_digits, fold, mask_cpf};

/// A function of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// `amendment_kinds(object_folded)`: list of [`super::AmendmentKind`] names.
    AmendmentKinds,
    /// `cnpj_expected_digits(id)`: the check digits that the first 12 characters ask for.
    CnpjExpectedDigits,
    /// `fold(text)`: [`crate::model::fold`].
    Fold,
    /// `has_doubled_ceiling(buyer_name)`.
    HasDoubledCeiling,
    /// `has_word(folded, word)`.
    HasWord,
    /// `is_emergency(legal_basis, object_folded)`.
    IsEmergency,
    /// `is_public_body(supplier_kind, supplier_name)`.
    IsPublicBody,
    /// `is_reform(object_folded)`.
    IsReform,
    /// `is_vehicle_maintenance(object_folded)`.
    IsVehicleMaintenance,
    /// `legal_basis_kind(legal_basis, object)`: name of a [`super::LegalBasisKind`].
    LegalBasisKind,
    /// `log10(x)`; null unless x is above zero.
    Log10,
    /// `object_type(object_folded, main_item_folded)`: name of an [`super::ObjectType`].
    ObjectType,
    /// `pow10(x)`: ten to the power of x.
    Pow10,
    /// `show_tax_id(kind, id)`: [`show_tax_id`].
    ShowTaxId,
}

/// A tax id as it may be shown: a CPF is masked, everything else is as it is.
pub fn show_tax_id(kind: Option<&str>, id: &str) -> String {
    if kind == Some("cpf") && !id.contains('*') { mask_cpf(id) } else { id.to_owned() }
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 14] = [
        Self::AmendmentKinds,
        Self::CnpjExpectedDigits,
        Self::Fold,
        Self::HasDoubledCeiling,
        Self::HasWord,
        Self::IsEmergency,
        Self::IsPublicBody,
        Self::IsReform,
        Self::IsVehicleMaintenance,
        Self::LegalBasisKind,
        Self::Log10,
        Self::ObjectType,
        Self::Pow10,
        Self::ShowTaxId,
    ];

    /// Name in SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AmendmentKinds => "amendment_kinds",
            Self::CnpjExpectedDigits => "cnpj_expected_digits",
            Self::Fold => "fold",
            Self::HasDoubledCeiling => "has_doubled_ceiling",
            Self::HasWord => "has_word",
            Self::IsEmergency => "is_emergency",
            Self::IsPublicBody => "is_public_body",
            Self::IsReform => "is_reform",
            Self::IsVehicleMaintenance => "is_vehicle_maintenance",
            Self::LegalBasisKind => "legal_basis_kind",
            Self::Log10 => "log10",
            Self::ObjectType => "object_type",
            Self::Pow10 => "pow10",
            Self::ShowTaxId => "show_tax_id",
        }
    }

    /// The function for a session.
    pub fn udf(self) -> ScalarUDF {
        let signature = match self.arguments() {
            None => Signature::exact(vec![DataType::Float64], Volatility::Immutable),
            Some(count) => {
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

    /// How many texts it takes; `None` for a function of one number.
    const fn arguments(self) -> Option<usize> {
        match self {
            Self::Log10 | Self::Pow10 => None,
            Self::AmendmentKinds
            | Self::CnpjExpectedDigits
            | Self::Fold
            | Self::HasDoubledCeiling
            | Self::IsReform
            | Self::IsVehicleMaintenance => Some(1),
            Self::HasWord
            | Self::IsEmergency
            | Self::IsPublicBody
            | Self::LegalBasisKind
            | Self::ObjectType
            | Self::ShowTaxId => Some(2),
        }
    }

    fn return_type(self) -> DataType {
        match self {
            Self::Log10 | Self::Pow10 => DataType::Float64,
            Self::AmendmentKinds => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
            Self::HasDoubledCeiling
            | Self::HasWord
            | Self::IsEmergency
            | Self::IsPublicBody
            | Self::IsReform
            | Self::IsVehicleMaintenance => DataType::Boolean,
            Self::CnpjExpectedDigits | Self::Fold | Self::LegalBasisKind | Self::ObjectType | Self::ShowTaxId => {
                DataType::Utf8
            }
        }
    }

    fn of_texts(self, texts: &[Texts<'_>], rows: usize) -> ArrayRef {
        let one = |row: usize| texts[0].get(row);
        let two = |row: usize| texts.get(1).and_then(|texts| texts.get(row));
        let truth = |test: &dyn Fn(usize) -> Option<bool>| -> ArrayRef {
            Arc::new((0..rows).map(test).collect::<BooleanArray>())
        };
        match self {
            Self::HasWord => truth(&|row| Some(has_word(one(row)?, two(row)?))),
            Self::HasDoubledCeiling => truth(&|row| Some(has_doubled_ceiling(one(row).unwrap_or_default()))),
            Self::IsEmergency => truth(&|row| Some(is_emergency(one(row), two(row)))),
            Self::IsPublicBody => truth(&|row| Some(is_public_body(one(row), two(row)))),
            Self::IsReform => truth(&|row| Some(is_reform(one(row).unwrap_or_default()))),
            Self::IsVehicleMaintenance => truth(&|row| Some(is_vehicle_maintenance(one(row).unwrap_or_default()))),
            Self::LegalBasisKind => {
                let names = (0..rows).map(|row| Some(legal_basis_kind(one(row), two(row)).as_str()));
                Arc::new(names.collect::<StringArray>())
            }
            Self::ObjectType => {
                Arc::new((0..rows).map(|row| Some(object_type(one(row), two(row)).as_str())).collect::<StringArray>())
            }
            Self::Fold => Arc::new((0..rows).map(|row| one(row).map(fold)).collect::<StringArray>()),
            Self::ShowTaxId => {
                let shown = (0..rows).map(|row| two(row).map(|id| show_tax_id(one(row), id)));
                Arc::new(shown.collect::<StringArray>())
            }
            Self::CnpjExpectedDigits => {
                Arc::new((0..rows).map(|row| one(row).and_then(expected_digits)).collect::<StringArray>())
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
            Self::Log10 | Self::Pow10 => Arc::new(Float64Array::new_null(rows)),
        }
    }

    fn of_numbers(self, numbers: &Float64Array) -> Float64Array {
        let apply = |number: f64| match self {
            Self::Log10 if number > 0.0 => Some(number.log10()),
            Self::Pow10 => Some(10f64.powf(number)),
            _ => None,
        };
        numbers.iter().map(|number| number.and_then(apply)).collect()
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
        let array: ArrayRef = if self.function.arguments().is_none() {
            let numbers = args.args[0].to_array(args.number_rows)?;
            Arc::new(self.function.of_numbers(numbers.as_primitive::<Float64Type>()))
        } else {
            let texts = args.args.iter().map(Texts::of).collect::<Result<Vec<_>>>()?;
            self.function.of_texts(&texts, args.number_rows)
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
