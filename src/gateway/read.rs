//! From JSON to a message. Names may be in snake_case or camelCase, enums short, in full or numbers; what is
//! not known is refused, with its place.

use std::cell::RefCell;
use std::fmt;

use prost_reflect::{DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer as _, MapAccess, SeqAccess, Visitor};

use super::problem::Refusal;
use super::scalar::{self, Unfit};
use crate::model::Violation;

/// Reads a message.
///
/// # Errors
/// [`Refusal`] with line and column.
pub(super) fn message(of: &MessageDescriptor, json: &[u8]) -> Result<DynamicMessage, Refusal> {
    let context = Context::default();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = MessageSeed { context: &context, of }.deserialize(&mut deserializer);
    read.and_then(|message| deserializer.end().map(|()| message)).map_err(|error| context.refusal(&error))
}

/// Reads the value of one field; `None` for null.
///
/// # Errors
/// [`Refusal`] with line and column.
pub(super) fn field(of: &FieldDescriptor, json: &[u8]) -> Result<Option<Value>, Refusal> {
    let context = Context::default();
    context.enter(of.name());
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = FieldSeed { context: &context, of }.deserialize(&mut deserializer);
    read.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| context.refusal(&error))
}

/// Where the reader stands, and what it found wrong there.
#[derive(Default)]
struct Context {
    path: RefCell<String>,
    broken: RefCell<Option<Violation>>,
}

impl Context {
    /// Goes into a field; the result is for [`Context::leave`].
    fn enter(&self, name: &str) -> usize {
        let mut path = self.path.borrow_mut();
        let before = path.len();
        if before > 0 {
            path.push('.');
        }
        path.push_str(name);
        before
    }

    fn enter_item(&self, at: usize) -> usize {
        let mut path = self.path.borrow_mut();
        let before = path.len();
        path.push_str(&format!("[{at}]"));
        before
    }

    fn leave(&self, before: usize) {
        self.path.borrow_mut().truncate(before);
    }

    fn fail<E: serde::de::Error>(&self, unfit: Unfit, value: &str) -> E {
        let (Unfit::Type(rule) | Unfit::Choice(rule)) = &unfit;
        let shown = Violation::new(self.path.borrow().clone(), rule.clone(), value);
        let error = E::custom(format_args!("{rule}, got {:?}", shown.value));
        if let Unfit::Choice(_) = unfit {
            *self.broken.borrow_mut() = Some(shown);
        }
        error
    }

    fn refusal(self, error: &serde_json::Error) -> Refusal {
        if let Some(violation) = self.broken.into_inner() {
            return Refusal::Invalid(violation);
        }
        let text = error.to_string();
        let what = text.strip_suffix(&format!(" at line {} column {}", error.line(), error.column())).unwrap_or(&text);
        Refusal::Json {
            field: self.path.into_inner(),
            what: what.to_owned(),
            line: error.line(),
            column: error.column(),
        }
    }
}

struct MessageSeed<'a> {
    context: &'a Context,
    of: &'a MessageDescriptor,
}

impl<'de> DeserializeSeed<'de> for MessageSeed<'_> {
    type Value = DynamicMessage;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<DynamicMessage, D::Error> {
        if self.of.full_name().starts_with("google.protobuf.") {
            let options = DeserializeOptions::new().deny_unknown_fields(true);
            return DynamicMessage::deserialize_with_options(self.of.clone(), deserializer, &options);
        }
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MessageSeed<'_> {
    type Value = DynamicMessage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DynamicMessage, A::Error> {
        let mut out = DynamicMessage::new(self.of.clone());
        let mut seen: Vec<u32> = Vec::new();
        while let Some(field) = map.next_key_seed(NameSeed { of: self.of })? {
            let before = self.context.enter(field.name());
            if seen.contains(&field.number()) {
                return Err(A::Error::custom("the field is there twice"));
            }
            seen.push(field.number());
            if let Some(value) = map.next_value_seed(FieldSeed { context: self.context, of: &field })? {
                if let Some(other) = taken(&out, &field) {
                    return Err(A::Error::custom(format_args!("only one of {} and this may be set", other.name())));
                }
                out.set_field(&field, value);
            }
            self.context.leave(before);
        }
        Ok(out)
    }
}

/// The member of a field's oneof that is set already.
pub(super) fn taken(message: &DynamicMessage, field: &FieldDescriptor) -> Option<FieldDescriptor> {
    let oneof = field.containing_oneof()?;
    oneof.fields().find(|other| other != field && message.has_field(other))
}

/// A field by either of its names.
pub(super) fn named(of: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    of.get_field_by_name(name).or_else(|| of.get_field_by_json_name(name))
}

struct NameSeed<'a> {
    of: &'a MessageDescriptor,
}

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = FieldDescriptor;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<FieldDescriptor, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = FieldDescriptor;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<FieldDescriptor, E> {
        named(self.of, name).ok_or_else(|| E::custom(format_args!("unknown field {name:?} of {}", self.of.name())))
    }
}

struct FieldSeed<'a> {
    context: &'a Context,
    of: &'a FieldDescriptor,
}

impl<'de> DeserializeSeed<'de> for FieldSeed<'_> {
    type Value = Option<Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for FieldSeed<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Option<Value>, E> {
        match self.of.kind() {
            Kind::Message(of) if of.full_name() == "google.protobuf.Value" && !self.of.is_list() => {
                let null = DynamicMessage::deserialize(of, ().into_deserializer())?;
                Ok(Some(Value::Message(null)))
            }
            _ => Ok(None),
        }
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Option<Value>, E> {
        self.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Value>, D::Error> {
        let kind = self.of.kind();
        if self.of.is_list() {
            return deserializer.deserialize_seq(ListVisitor { context: self.context, kind: &kind }).map(Some);
        }
        match &kind {
            Kind::Message(entry) if entry.is_map_entry() => {
                deserializer.deserialize_map(MapVisitor { context: self.context, entry }).map(Some)
            }
            kind => KindSeed { context: self.context, kind }.deserialize(deserializer).map(Some),
        }
    }
}

struct ListVisitor<'a> {
    context: &'a Context,
    kind: &'a Kind,
}

impl<'de> Visitor<'de> for ListVisitor<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        loop {
            let before = self.context.enter_item(out.len());
            let Some(item) = seq.next_element_seed(KindSeed { context: self.context, kind: self.kind })? else {
                self.context.leave(before);
                return Ok(Value::List(out));
            };
            self.context.leave(before);
            out.push(item);
        }
    }
}

struct MapVisitor<'a> {
    context: &'a Context,
    entry: &'a MessageDescriptor,
}

impl<'de> Visitor<'de> for MapVisitor<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let (keys, kind) = (self.entry.map_entry_key_field().kind(), self.entry.map_entry_value_field().kind());
        let mut out = std::collections::HashMap::new();
        while let Some(word) = map.next_key::<String>()? {
            let before = self.context.enter(&word);
            let key = scalar::read(&keys, &word).map_err(|unfit| self.context.fail::<A::Error>(unfit, &word))?;
            let key: MapKey = key.into_map_key().ok_or_else(|| A::Error::custom("the key of a map must be a word"))?;
            let value = map.next_value_seed(KindSeed { context: self.context, kind: &kind })?;
            if out.insert(key, value).is_some() {
                return Err(A::Error::custom("the key is there twice"));
            }
            self.context.leave(before);
        }
        Ok(Value::Map(out))
    }
}

struct KindSeed<'a> {
    context: &'a Context,
    kind: &'a Kind,
}

impl<'de> DeserializeSeed<'de> for KindSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.kind {
            Kind::Message(of) => {
                MessageSeed { context: self.context, of }.deserialize(deserializer).map(Value::Message)
            }
            Kind::String => deserializer.deserialize_str(self),
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl KindSeed<'_> {
    fn unfit<E: serde::de::Error>(&self, value: &dyn fmt::Display) -> E {
        let rule = match scalar::read(self.kind, "") {
            Err(Unfit::Type(rule)) => rule,
            _ => "must be a string".to_owned(),
        };
        self.context.fail(Unfit::Type(rule), &value.to_string())
    }

    fn integer<E: serde::de::Error>(&self, wide: i128) -> Result<Value, E> {
        let fits = match self.kind {
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => i32::try_from(wide).ok().map(Value::I32),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => i64::try_from(wide).ok().map(Value::I64),
            Kind::Uint32 | Kind::Fixed32 => u32::try_from(wide).ok().map(Value::U32),
            Kind::Uint64 | Kind::Fixed64 => u64::try_from(wide).ok().map(Value::U64),
            Kind::Enum(_) => i32::try_from(wide).ok().map(Value::EnumNumber),
            Kind::Double => Some(Value::F64(wide as f64)),
            Kind::Float => Some(Value::F32(wide as f32)),
            Kind::Bool | Kind::String | Kind::Bytes | Kind::Message(_) => None,
        };
        fits.ok_or_else(|| self.unfit(&wide))
    }
}

impl Visitor<'_> for KindSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::String => "a string",
            Kind::Bool => "true or false",
            Kind::Bytes => "a string of base64",
            Kind::Enum(_) => "the name of a value",
            Kind::Double | Kind::Float => "a number",
            Kind::Message(_) => "an object",
            _ => "an integer",
        })
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        if *self.kind == Kind::Bool { Ok(Value::Bool(value)) } else { Err(self.unfit(&value)) }
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.integer(i128::from(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.integer(i128::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        match self.kind {
            Kind::Double => Ok(Value::F64(value)),
            Kind::Float if (value as f32).is_finite() => Ok(Value::F32(value as f32)),
            // 1e3 and 5.0 are integers too; beyond 2^53 a float no longer says which one.
            _ if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => self.integer(value as i128),
            _ => Err(self.unfit(&value)),
        }
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Value, E> {
        if *self.kind == Kind::Bool {
            return Err(self.unfit(&word));
        }
        scalar::read(self.kind, word).map_err(|unfit| self.context.fail(unfit, word))
    }
}
