//! Protobuf's wire format, read without copying.

use std::borrow::Cow;

use prost::encoding::{WireType, decode_key, decode_varint};

/// Bytes that are no message of their type: a defect of whoever encoded them.
#[derive(Debug, thiserror::Error)]
#[error("a message cannot be read: {0}")]
pub(super) struct WireError(pub(super) Cow<'static, str>);

impl From<prost::DecodeError> for WireError {
    fn from(error: prost::DecodeError) -> Self {
        Self(error.to_string().into())
    }
}

/// A value as it stands in the bytes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Raw<'a> {
    Varint(u64),
    Fixed32(u32),
    Fixed64(u64),
    Bytes(&'a [u8]),
}

impl<'a> Raw<'a> {
    pub(super) fn varint(self) -> Result<u64, WireError> {
        if let Self::Varint(value) = self { Ok(value) } else { Err(mismatch()) }
    }

    pub(super) fn fixed32(self) -> Result<u32, WireError> {
        if let Self::Fixed32(value) = self { Ok(value) } else { Err(mismatch()) }
    }

    pub(super) fn fixed64(self) -> Result<u64, WireError> {
        if let Self::Fixed64(value) = self { Ok(value) } else { Err(mismatch()) }
    }

    pub(super) fn bytes(self) -> Result<&'a [u8], WireError> {
        if let Self::Bytes(value) = self { Ok(value) } else { Err(mismatch()) }
    }
}

pub(super) fn mismatch() -> WireError {
    WireError("a field has another wire type than its own".into())
}

/// The next value of a wire type; `bytes` then begin after it.
///
/// # Errors
/// [`WireError`] if they end early.
pub(super) fn raw<'a>(wire_type: WireType, bytes: &mut &'a [u8]) -> Result<Raw<'a>, WireError> {
    let short = || WireError("a message ends early".into());
    Ok(match wire_type {
        WireType::Varint => Raw::Varint(decode_varint(bytes)?),
        WireType::SixtyFourBit => {
            let (head, rest) = bytes.split_first_chunk().ok_or_else(short)?;
            *bytes = rest;
            Raw::Fixed64(u64::from_le_bytes(*head))
        }
        WireType::ThirtyTwoBit => {
            let (head, rest) = bytes.split_first_chunk().ok_or_else(short)?;
            *bytes = rest;
            Raw::Fixed32(u32::from_le_bytes(*head))
        }
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(bytes)?).map_err(|_| short())?;
            let (head, rest) = bytes.split_at_checked(length).ok_or_else(short)?;
            *bytes = rest;
            Raw::Bytes(head)
        }
        WireType::StartGroup | WireType::EndGroup => return Err(WireError("groups are not used".into())),
    })
}

/// The last value of an integer or enum field that stands in the bytes of a message; 0 if there is none.
pub(super) fn integer(number: u32, mut bytes: &[u8]) -> i64 {
    let mut out = 0;
    while let Ok((found, wire_type)) = decode_key(&mut bytes) {
        let Ok(value) = raw(wire_type, &mut bytes) else { break };
        if let (true, Raw::Varint(value)) = (found == number, value) {
            out = value.cast_signed();
        }
    }
    out
}

/// The first of these fields that stands in the bytes of a message.
pub(super) fn which(numbers: &[u32], mut bytes: &[u8]) -> Option<u32> {
    while !bytes.is_empty() {
        let (found, wire_type) = decode_key(&mut bytes).ok()?;
        if numbers.contains(&found) {
            return Some(found);
        }
        raw(wire_type, &mut bytes).ok()?;
    }
    None
}

/// A signed integer out of its zigzag form.
pub(super) const fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}
