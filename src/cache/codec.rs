//! How a value becomes bytes. The first byte names the form, so that bytes of another form, or of
//! another program, count as missing instead of being taken for a value.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The form of stored values. Neither can hold code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Codec {
    /// JSON: can be read with `redis-cli`. Integers, texts and decimals written as text are exact.
    #[default]
    Json,
    /// MessagePack with field names, so that a struct may gain fields; smaller, and exact for
    /// floats too.
    Binary,
}

impl Codec {
    /// Neither byte occurs in UTF-8: a text of another program is never taken for a value.
    const fn tag(self) -> u8 {
        match self {
            Self::Json => 0xfa,
            Self::Binary => 0xfb,
        }
    }

    /// The bytes of a value, or why it has none in this form.
    pub(super) fn encode<T: Serialize>(self, value: &T) -> Result<Vec<u8>, String> {
        let mut bytes = vec![self.tag()];
        match self {
            Self::Json => serde_json::to_writer(&mut bytes, value).map_err(|error| error.to_string())?,
            Self::Binary => rmp_serde::encode::write_named(&mut bytes, value).map_err(|error| error.to_string())?,
        }
        Ok(bytes)
    }

    /// The value of bytes, or why they are none of this form and type.
    pub(super) fn decode<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, String> {
        let Some((tag, mut rest)) = bytes.split_first().filter(|(tag, _)| **tag == self.tag()) else {
            return Err(format!("the first byte must be {:#04x}, got {:?}", self.tag(), bytes.first()));
        };
        match self {
            Self::Json => serde_json::from_slice(rest).map_err(|error| error.to_string()),
            Self::Binary => {
                let value = T::deserialize(&mut rmp_serde::Deserializer::new(&mut rest));
                let value = value.map_err(|error| error.to_string())?;
                if rest.is_empty() { Ok(value) } else { Err(format!("{} bytes follow tag {tag:#04x}", rest.len())) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    const BOTH: [Codec; 2] = [Codec::Json, Codec::Binary];

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Old {
        name: String,
        cents: i64,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct New {
        #[serde(default)]
        tags: Vec<String>,
        cents: i64,
        name: String,
    }

    #[test]
    fn a_struct_may_gain_fields() {
        for codec in BOTH {
            let bytes = codec.encode(&Old { name: "Órgão".to_owned(), cents: i64::MIN }).unwrap();
            let new = New { tags: Vec::new(), cents: i64::MIN, name: "Órgão".to_owned() };
            assert_eq!(codec.decode::<New>(&bytes).unwrap(), new);
            assert_eq!(codec.decode::<Old>(&codec.encode(&new).unwrap()).unwrap().cents, i64::MIN);
        }
    }

    #[test]
    fn other_bytes_are_no_value() {
        let value = [1_u8, 2, 3];
        for (codec, other) in [(Codec::Json, Codec::Binary), (Codec::Binary, Codec::Json)] {
            let bytes = codec.encode(&value).unwrap();
            assert!(other.decode::<[u8; 3]>(&bytes).is_err());
            assert!(codec.decode::<String>(&bytes).is_err());
            assert!(codec.decode::<[u8; 3]>(&bytes[..bytes.len() - 1]).is_err(), "cut short");
            assert!(codec.decode::<[u8; 3]>(&[&bytes[..], b"1"].concat()).is_err(), "with a tail");
            assert!(codec.decode::<[u8; 3]>(&bytes[1..]).is_err(), "without a tag");
            assert!(codec.decode::<[u8; 3]>(b"").is_err());
            assert!(codec.encode(&BTreeMap::from([((1, 2), 3)])).is_err() || codec == Codec::Binary);
        }
        // What Python's pickle and plain JSON begin with.
        for foreign in [&b"\x80\x04\x95"[..], b"[1,2,3]", b"\xff\xff"] {
            assert!(BOTH.iter().all(|codec| codec.decode::<[u8; 3]>(foreign).is_err()));
        }
    }

    proptest! {
        #[test]
        fn values_come_back(texts: Vec<String>, numbers: Vec<Option<i64>>, float in proptest::num::f64::NORMAL) {
            for codec in BOTH {
                let bytes = codec.encode(&(&texts, &numbers)).unwrap();
                let back: (Vec<String>, Vec<Option<i64>>) = codec.decode(&bytes).unwrap();
                prop_assert_eq!(back, (texts.clone(), numbers.clone()));
            }
            let bytes = Codec::Binary.encode(&float).unwrap();
            prop_assert_eq!(Codec::Binary.decode::<f64>(&bytes).unwrap(), float);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            for codec in BOTH {
                let tagged = [&[codec.tag()], &bytes[..]].concat();
                let _ = codec.decode::<New>(&tagged);
                let _ = codec.decode::<Vec<Option<String>>>(&tagged);
            }
        }
    }
}
