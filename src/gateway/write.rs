//! From protobuf bytes straight to JSON, by tables that are made once from the descriptors: no message is built.
//!
//! Names are those of the fields (snake_case), enums are spelt short, 64-bit integers are strings. A field without
//! presence is always written; one with presence only where it is set. The keys of a map are sorted, so that the
//! same message is the same text.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat};
use prost::encoding::{DecodeContext, WireType, decode_key, skip_field};
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, SerializeOptions,
};
use serde::Serialize;

use super::names;
use super::wire::{Raw, WireError, mismatch, raw, zigzag};

/// Writes messages of one pool as JSON.
#[derive(Debug)]
pub(super) struct Writer {
    messages: Vec<Message>,
    enums: Vec<HashMap<i32, Box<[u8]>>>,
    index: HashMap<String, usize>,
}

#[derive(Debug)]
enum Form {
    Fields(Vec<Field>),
    Timestamp,
    Duration,
    /// Written by prost-reflect.
    Other(MessageDescriptor),
}

#[derive(Debug)]
struct Message {
    form: Form,
}

#[derive(Debug)]
struct Field {
    number: u32,
    /// `"name":`
    key: Box<[u8]>,
    kind: Scalar,
    shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Written only where it is set.
    Optional,
    /// Its default is written where it is not set.
    Implicit,
    List,
    Map,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scalar {
    Double,
    Float,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Sint32,
    Sint64,
    Fixed32,
    Fixed64,
    Sfixed32,
    Sfixed64,
    Bool,
    Text,
    Bytes,
    Message(usize),
    Enum(usize),
}

#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    field: usize,
    raw: Raw<'a>,
}

/// Names the field that makes up an answer, and how to find it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    message: usize,
    field: Option<usize>,
}

impl Writer {
    /// Tables for every message of a pool.
    pub(super) fn new(pool: &DescriptorPool) -> Self {
        let index: HashMap<_, _> =
            pool.all_messages().enumerate().map(|(at, message)| (message.full_name().to_owned(), at)).collect();
        let enums: HashMap<_, _> =
            pool.all_enums().enumerate().map(|(at, one)| (one.full_name().to_owned(), at)).collect();
        let messages = pool.all_messages().map(|message| Message { form: form(&message, &index, &enums) }).collect();
        Self { messages, enums: pool.all_enums().map(|one| spellings(&one)).collect(), index }
    }

    /// Where the messages of a type, or one field of them, are written; `None` for a type of another pool.
    pub(super) fn place(&self, of: &MessageDescriptor, field: Option<&FieldDescriptor>) -> Option<Place> {
        let message = *self.index.get(of.full_name())?;
        let field = match (field, &self.messages[message].form) {
            (None, _) => None,
            (Some(field), Form::Fields(fields)) => Some(fields.iter().position(|one| one.number == field.number())?),
            (Some(_), _) => return None,
        };
        Some(Place { message, field })
    }

    /// Appends an encoded message as JSON.
    ///
    /// # Errors
    /// [`WireError`] if the bytes are no such message.
    pub(super) fn write(&self, place: Place, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
        let mut stack = Vec::with_capacity(64);
        let Place { message, field: Some(only) } = place else {
            return self.message(place.message, bytes, out, &mut stack);
        };
        let Form::Fields(fields) = &self.messages[message].form else {
            return self.message(message, bytes, out, &mut stack);
        };
        parse(fields, bytes, &mut stack)?;
        stack.retain(|entry| entry.field == only);
        let field = &fields[only];
        if stack.is_empty() && field.shape == Shape::Optional {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        let end = stack.len();
        self.field(field, 0, end, out, &mut stack)
    }

    fn message<'a>(
        &self,
        message: usize,
        bytes: &'a [u8],
        out: &mut Vec<u8>,
        stack: &mut Vec<Entry<'a>>,
    ) -> Result<(), WireError> {
        let fields = match &self.messages[message].form {
            Form::Fields(fields) => fields,
            Form::Timestamp => return timestamp(bytes, out),
            Form::Duration => return duration(bytes, out),
            Form::Other(descriptor) => return other(descriptor, bytes, out),
        };
        let base = stack.len();
        parse(fields, bytes, stack)?;
        // Our own encoder writes fields in their order; another one need not.
        if !stack[base..].is_sorted_by_key(|entry| entry.field) {
            stack[base..].sort_by_key(|entry| entry.field);
        }
        let (end, mut at) = (stack.len(), base);
        out.push(b'{');
        let empty = out.len();
        for (number, field) in fields.iter().enumerate() {
            let start = at;
            while at < end && stack[at].field == number {
                at += 1;
            }
            if start == at && field.shape == Shape::Optional {
                continue;
            }
            if out.len() > empty {
                out.push(b',');
            }
            out.extend_from_slice(&field.key);
            self.field(field, start, at, out, stack)?;
        }
        out.push(b'}');
        stack.truncate(base);
        Ok(())
    }

    /// The value of a field whose occurrences are `stack[start..end]`.
    fn field<'a>(
        &self,
        field: &Field,
        start: usize,
        end: usize,
        out: &mut Vec<u8>,
        stack: &mut Vec<Entry<'a>>,
    ) -> Result<(), WireError> {
        match field.shape {
            Shape::List => {
                out.push(b'[');
                for at in start..end {
                    if at > start {
                        out.push(b',');
                    }
                    let raw = stack[at].raw;
                    self.value(field.kind, Some(raw), out, stack)?;
                }
                out.push(b']');
                Ok(())
            }
            Shape::Map => self.map(field.kind, &stack[start..end], out),
            Shape::Optional | Shape::Implicit => match field.kind {
                // A message that comes in parts is what the parts say together.
                Scalar::Message(inner) if end - start > 1 => {
                    let mut whole = Vec::new();
                    for entry in &stack[start..end] {
                        whole.extend_from_slice(entry.raw.bytes()?);
                    }
                    self.message(inner, &whole, out, &mut Vec::new())
                }
                kind => {
                    let last = stack[start..end].last().map(|entry| entry.raw);
                    self.value(kind, last, out, stack)
                }
            },
        }
    }

    fn map(&self, entry: Scalar, entries: &[Entry<'_>], out: &mut Vec<u8>) -> Result<(), WireError> {
        let Scalar::Message(entry) = entry else { return Err(WireError("a map has no entries".into())) };
        let Form::Fields(fields) = &self.messages[entry].form else {
            return Err(WireError("a map has no entries".into()));
        };
        let [key, value] = fields.as_slice() else { return Err(WireError("an entry has a key and a value".into())) };
        let mut pairs = Vec::with_capacity(entries.len());
        for entry in entries {
            let mut stack = Vec::new();
            parse(fields, entry.raw.bytes()?, &mut stack)?;
            let last = |field| stack.iter().rev().find(|entry| entry.field == field).map(|entry| entry.raw);
            let mut text = Vec::new();
            self.value(key.kind, last(0), &mut text, &mut Vec::new())?;
            if text.first() != Some(&b'"') {
                text.insert(0, b'"');
                text.push(b'"');
            }
            pairs.push((text, last(1)));
        }
        // The last one of a key wins.
        pairs.reverse();
        pairs.sort_by(|one, two| one.0.cmp(&two.0));
        pairs.dedup_by(|one, two| one.0 == two.0);
        out.push(b'{');
        for (at, (text, raw)) in pairs.into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&text);
            out.push(b':');
            self.value(value.kind, raw, out, &mut Vec::new())?;
        }
        out.push(b'}');
        Ok(())
    }

    /// A value, or the default of its kind.
    fn value<'a>(
        &self,
        kind: Scalar,
        raw: Option<Raw<'a>>,
        out: &mut Vec<u8>,
        stack: &mut Vec<Entry<'a>>,
    ) -> Result<(), WireError> {
        let raw = raw.unwrap_or_else(|| kind.default());
        match kind {
            Scalar::Double => float(f64::from_bits(raw.fixed64()?), out),
            Scalar::Float => float(f32::from_bits(raw.fixed32()?), out),
            Scalar::Int32 => push(&(raw.varint()? as i32), out),
            Scalar::Uint32 => push(&(raw.varint()? as u32), out),
            Scalar::Sint32 => push(&(zigzag(raw.varint()?) as i32), out),
            Scalar::Fixed32 => push(&raw.fixed32()?, out),
            Scalar::Sfixed32 => push(&raw.fixed32()?.cast_signed(), out),
            Scalar::Int64 => quoted(&raw.varint()?.cast_signed(), out),
            Scalar::Uint64 => quoted(&raw.varint()?, out),
            Scalar::Sint64 => quoted(&zigzag(raw.varint()?), out),
            Scalar::Fixed64 => quoted(&raw.fixed64()?, out),
            Scalar::Sfixed64 => quoted(&raw.fixed64()?.cast_signed(), out),
            Scalar::Bool => push(&(raw.varint()? != 0), out),
            Scalar::Text => {
                let text = std::str::from_utf8(raw.bytes()?).map_err(|error| WireError(error.to_string().into()))?;
                push(text, out);
            }
            Scalar::Bytes => {
                out.push(b'"');
                out.extend_from_slice(STANDARD.encode(raw.bytes()?).as_bytes());
                out.push(b'"');
            }
            Scalar::Message(message) => return self.message(message, raw.bytes()?, out, stack),
            Scalar::Enum(one) => {
                let number = raw.varint()? as i32;
                match self.enums[one].get(&number) {
                    Some(name) => out.extend_from_slice(name),
                    // A value of a later version.
                    None => push(&number, out),
                }
            }
        }
        Ok(())
    }
}

fn form(message: &MessageDescriptor, index: &HashMap<String, usize>, enums: &HashMap<String, usize>) -> Form {
    match message.full_name() {
        "google.protobuf.Timestamp" => return Form::Timestamp,
        "google.protobuf.Duration" => return Form::Duration,
        "google.protobuf.Any"
        | "google.protobuf.FieldMask"
        | "google.protobuf.Struct"
        | "google.protobuf.ListValue" => {
            return Form::Other(message.clone());
        }
        name if name.starts_with("google.protobuf.") && name.ends_with("Value") => return Form::Other(message.clone()),
        _ => {}
    }
    let mut fields: Vec<_> = message.fields().map(|field| table(&field, index, enums)).collect();
    fields.sort_by_key(|field| field.number);
    Form::Fields(fields)
}

fn table(field: &FieldDescriptor, index: &HashMap<String, usize>, enums: &HashMap<String, usize>) -> Field {
    let kind = match field.kind() {
        Kind::Double => Scalar::Double,
        Kind::Float => Scalar::Float,
        Kind::Int32 => Scalar::Int32,
        Kind::Int64 => Scalar::Int64,
        Kind::Uint32 => Scalar::Uint32,
        Kind::Uint64 => Scalar::Uint64,
        Kind::Sint32 => Scalar::Sint32,
        Kind::Sint64 => Scalar::Sint64,
        Kind::Fixed32 => Scalar::Fixed32,
        Kind::Fixed64 => Scalar::Fixed64,
        Kind::Sfixed32 => Scalar::Sfixed32,
        Kind::Sfixed64 => Scalar::Sfixed64,
        Kind::Bool => Scalar::Bool,
        Kind::String => Scalar::Text,
        Kind::Bytes => Scalar::Bytes,
        // Both indexes are of the pool that the field is of.
        Kind::Message(message) => Scalar::Message(index[message.full_name()]),
        Kind::Enum(one) => Scalar::Enum(enums[one.full_name()]),
    };
    let shape = if field.is_map() {
        Shape::Map
    } else if field.is_list() {
        Shape::List
    } else if field.supports_presence() {
        Shape::Optional
    } else {
        Shape::Implicit
    };
    let mut key = Vec::new();
    push(field.name(), &mut key);
    key.push(b':');
    Field { number: field.number(), key: key.into(), kind, shape }
}

fn spellings(of: &EnumDescriptor) -> HashMap<i32, Box<[u8]>> {
    let mut out = HashMap::new();
    for value in of.values() {
        let mut text = Vec::new();
        push(&names::short(&value), &mut text);
        // The first name of a number is its name.
        out.entry(value.number()).or_insert_with(|| text.into());
    }
    out
}

impl Scalar {
    const fn wire_type(self) -> WireType {
        match self {
            Self::Double | Self::Fixed64 | Self::Sfixed64 => WireType::SixtyFourBit,
            Self::Float | Self::Fixed32 | Self::Sfixed32 => WireType::ThirtyTwoBit,
            Self::Text | Self::Bytes | Self::Message(_) => WireType::LengthDelimited,
            Self::Int32
            | Self::Int64
            | Self::Uint32
            | Self::Uint64
            | Self::Sint32
            | Self::Sint64
            | Self::Bool
            | Self::Enum(_) => WireType::Varint,
        }
    }

    const fn default(self) -> Raw<'static> {
        match self.wire_type() {
            WireType::SixtyFourBit => Raw::Fixed64(0),
            WireType::ThirtyTwoBit => Raw::Fixed32(0),
            WireType::Varint => Raw::Varint(0),
            WireType::LengthDelimited | WireType::StartGroup | WireType::EndGroup => Raw::Bytes(&[]),
        }
    }
}

/// Appends what stands in the bytes of a message, in their order; fields of a later version are left out.
fn parse<'a>(fields: &[Field], mut bytes: &'a [u8], stack: &mut Vec<Entry<'a>>) -> Result<(), WireError> {
    let mut guess = 0;
    while !bytes.is_empty() {
        let (number, wire_type) = decode_key(&mut bytes)?;
        if fields.get(guess).is_none_or(|field| field.number != number) {
            let Ok(found) = fields.binary_search_by_key(&number, |field| field.number) else {
                skip_field(wire_type, number, &mut bytes, DecodeContext::default())?;
                continue;
            };
            guess = found;
        }
        let (field, kind) = (guess, fields[guess].kind);
        if fields[guess].shape != Shape::List {
            guess += 1;
        }
        if wire_type == kind.wire_type() {
            let raw = raw(wire_type, &mut bytes)?;
            stack.push(Entry { field, raw });
        } else if wire_type == WireType::LengthDelimited {
            let mut packed = raw(wire_type, &mut bytes)?.bytes()?;
            while !packed.is_empty() {
                stack.push(Entry { field, raw: raw(kind.wire_type(), &mut packed)? });
            }
        } else {
            return Err(mismatch());
        }
    }
    Ok(())
}

fn push<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    // Nothing that is written here can fail: neither memory nor these types have errors.
    drop(serde_json::to_writer(out, value));
}

fn quoted<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    out.push(b'"');
    push(value, out);
    out.push(b'"');
}

fn float<T: Serialize + Into<f64> + Copy>(value: T, out: &mut Vec<u8>) {
    let wide: f64 = value.into();
    if wide.is_finite() {
        push(&value, out);
    } else if wide.is_nan() {
        push("NaN", out);
    } else {
        push(if wide > 0.0 { "Infinity" } else { "-Infinity" }, out);
    }
}

fn timestamp(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
    let time: prost_types::Timestamp = prost::Message::decode(bytes)?;
    let nanos = u32::try_from(time.nanos).map_err(|_| WireError("a time has negative nanoseconds".into()))?;
    let time =
        DateTime::from_timestamp(time.seconds, nanos).ok_or_else(|| WireError("a time is out of range".into()))?;
    push(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true), out);
    Ok(())
}

fn duration(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
    let time: prost_types::Duration = prost::Message::decode(bytes)?;
    let sign = if time.seconds < 0 || time.nanos < 0 { "-" } else { "" };
    let (seconds, nanos) = (time.seconds.unsigned_abs(), time.nanos.unsigned_abs());
    let text = match nanos {
        0 => format!("{sign}{seconds}s"),
        _ if nanos % 1_000_000 == 0 => format!("{sign}{seconds}.{:03}s", nanos / 1_000_000),
        _ if nanos % 1_000 == 0 => format!("{sign}{seconds}.{:06}s", nanos / 1_000),
        _ => format!("{sign}{seconds}.{nanos:09}s"),
    };
    push(&text, out);
    Ok(())
}

fn other(descriptor: &MessageDescriptor, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), WireError> {
    let message = DynamicMessage::decode(descriptor.clone(), bytes)?;
    let options = SerializeOptions::new().use_proto_field_name(true).skip_default_fields(false);
    let start = out.len();
    if let Err(error) = message.serialize_with_options(&mut serde_json::Serializer::new(&mut *out), &options) {
        out.truncate(start);
        // What an `Any` holds may be of a type that this pool does not know.
        if descriptor.full_name() != "google.protobuf.Any" {
            return Err(WireError(error.to_string().into()));
        }
        let any: prost_types::Any = prost::Message::decode(bytes)?;
        push(&serde_json::json!({"@type": any.type_url, "value": STANDARD.encode(&any.value)}), out);
    }
    Ok(())
}
