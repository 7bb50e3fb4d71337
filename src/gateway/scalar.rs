//! Values written as one word: in a path, in a query, in a JSON string.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use prost_reflect::{DynamicMessage, EnumDescriptor, Kind, MessageDescriptor, Value};
use serde::de::IntoDeserializer as _;

use super::names;

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a word is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It is of another type, which is malformed.
    Type(String),
    /// It is none of the values that there are, which breaks a rule.
    Choice(String),
}

/// The value of a kind that a word stands for.
pub(super) fn read(kind: &Kind, word: &str) -> Result<Value, Unfit> {
    let unfit = |rule: &str| Unfit::Type(rule.to_owned());
    Ok(match kind {
        Kind::String => Value::String(word.to_owned()),
        Kind::Bool => match word {
            _ if word.eq_ignore_ascii_case("true") => Value::Bool(true),
            _ if word.eq_ignore_ascii_case("false") => Value::Bool(false),
            _ => return Err(unfit("must be true or false")),
        },
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
            Value::I32(word.parse().map_err(|_| unfit("must be a 32-bit integer"))?)
        }
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
            Value::I64(word.parse().map_err(|_| unfit("must be a 64-bit integer"))?)
        }
        Kind::Uint32 | Kind::Fixed32 => {
            Value::U32(word.parse().map_err(|_| unfit("must be a 32-bit integer, not negative"))?)
        }
        Kind::Uint64 | Kind::Fixed64 => {
            Value::U64(word.parse().map_err(|_| unfit("must be a 64-bit integer, not negative"))?)
        }
        Kind::Double => Value::F64(number(word).ok_or_else(|| unfit("must be a number"))?),
        Kind::Float => {
            let wide = number(word).ok_or_else(|| unfit("must be a number"))?;
            let narrow = wide as f32;
            if narrow.is_infinite() && wide.is_finite() {
                return Err(unfit("must be a number of single precision"));
            }
            Value::F32(narrow)
        }
        Kind::Bytes => {
            let standard = word.replace('-', "+").replace('_', "/");
            Value::Bytes(LENIENT.decode(standard).map_err(|_| unfit("must be base64"))?.into())
        }
        Kind::Enum(of) => Value::EnumNumber(choice(of, word)?),
        Kind::Message(of) => Value::Message(message(of, word)?),
    })
}

/// The number of an enum value by its name or number.
pub(super) fn choice(of: &EnumDescriptor, word: &str) -> Result<i32, Unfit> {
    names::number(of, word)
        .or_else(|| word.parse().ok())
        .ok_or_else(|| Unfit::Choice(format!("must be one of {}", names::choices(of).join(", "))))
}

fn number(word: &str) -> Option<f64> {
    match word {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // What Rust reads beside numbers are words of these letters: inf, nan, infinity.
        _ if word.contains(['n', 'N']) => None,
        _ => word.parse().ok().filter(|value: &f64| value.is_finite()),
    }
}

/// A message that is one word in JSON: a time, a duration, a field mask, a wrapper.
fn message(of: &MessageDescriptor, word: &str) -> Result<DynamicMessage, Unfit> {
    let wrapped = of.full_name().starts_with("google.protobuf.") && of.full_name().ends_with("Value");
    if let Some(field) = of.get_field_by_name("value").filter(|field| wrapped && field.kind().as_message().is_none()) {
        let mut out = DynamicMessage::new(of.clone());
        out.set_field(&field, read(&field.kind(), word)?);
        return Ok(out);
    }
    let rule = match of.full_name() {
        "google.protobuf.Timestamp" => "must be a time as 2024-01-31T12:00:00Z",
        "google.protobuf.Duration" => "must be a duration in seconds as 1.5s",
        "google.protobuf.FieldMask" => "must be names of fields with commas between them",
        _ => return Err(Unfit::Type("must be an object".to_owned())),
    };
    let words: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = word.into_deserializer();
    DynamicMessage::deserialize(of.clone(), words).map_err(|_| Unfit::Type(rule.to_owned()))
}
