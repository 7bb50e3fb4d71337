//! JSON whose objects keep the order in which they were written: a document is read by people, in the
//! order of the contract and not of the alphabet.

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;

/// A JSON value in the making.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// A value that is no object, or whose inner order does not matter.
    Leaf(Value),
    /// A list.
    List(Vec<Node>),
    /// An object; keys are unique.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// An object without entries.
    pub(super) const fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// Sets an entry of an object, in the place of one with this key if there is one.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Node>) {
        let value = value.into();
        if let Self::Object(entries) = self {
            match entries.iter_mut().find(|(name, _)| name == key) {
                Some((_, old)) => *old = value,
                None => entries.push((key.to_owned(), value)),
            }
        }
    }

    /// The same with an entry more.
    pub(super) fn with(mut self, key: &str, value: impl Into<Node>) -> Self {
        self.set(key, value);
        self
    }

    /// The same with an entry more, if there is something to say.
    pub(super) fn maybe(self, key: &str, value: Option<impl Into<Node>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Lays the entries of an object over those of this one.
    pub(super) fn overlay(mut self, entries: &Value) -> Self {
        for (key, value) in entries.as_object().into_iter().flatten() {
            self.set(key, value.clone());
        }
        self
    }

    /// The entry of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            Self::Leaf(_) | Self::List(_) => None,
        }
    }

    /// Whether it is an object without entries or a list without items.
    pub(super) const fn is_empty(&self) -> bool {
        match self {
            Self::Leaf(_) => false,
            Self::List(items) => items.is_empty(),
            Self::Object(entries) => entries.is_empty(),
        }
    }
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        match value {
            Value::Object(entries) => {
                Self::Object(entries.into_iter().map(|(key, value)| (key, value.into())).collect())
            }
            leaf => Self::Leaf(leaf),
        }
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Leaf(text.into())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Leaf(text.into())
    }
}

impl From<bool> for Node {
    fn from(value: bool) -> Self {
        Self::Leaf(value.into())
    }
}

impl<T: Into<Node>> From<Vec<T>> for Node {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Leaf(value) => value.serialize(serializer),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}
