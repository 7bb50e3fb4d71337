//! A JSON value whose numbers keep their digits and whose objects keep the order of their keys.

use std::borrow::Cow;
use std::collections::HashMap;

use super::scan::{Invalid, Scanner, Text};

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree<'a> {
    Null,
    Bool(bool),
    /// As it was written, but an exponent has a small `e` and a sign.
    Number(Text<'a>),
    Text(Text<'a>),
    Array(Vec<Tree<'a>>),
    Object(Object<'a>),
}

/// Keys and values in order; of a key that repeats, the last value in the first place.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Object<'a> {
    pub(super) members: Vec<(Text<'a>, Tree<'a>)>,
}

/// Up to so many keys are looked through rather than looked up while an object is read.
const FEW: usize = 16;

impl<'a> Object<'a> {
    pub(super) fn get(&self, key: &str) -> Option<&Tree<'a>> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Tree<'a>> {
        self.members.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Sets the value of a key; a new key comes last.
    pub(super) fn set(&mut self, key: &'static str, value: Tree<'a>) {
        match self.get_mut(key) {
            Some(old) => *old = value,
            None => self.members.push((Cow::Borrowed(key), value)),
        }
    }

    /// Takes a key out; the last takes its place, as in Cardinal's output.
    pub(super) fn take(&mut self, key: &str) -> Option<Tree<'a>> {
        let at = self.members.iter().position(|(name, _)| name == key)?;
        Some(self.members.swap_remove(at).1)
    }
}

impl<'a> Tree<'a> {
    /// Reads a line.
    pub(super) fn read(line: &'a str) -> Result<Self, Invalid> {
        let mut scanner = Scanner::new(line);
        let tree = value(&mut scanner)?;
        scanner.end()?;
        Ok(tree)
    }

    pub(super) fn object(&self) -> Option<&Object<'a>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    pub(super) fn object_mut(&mut self) -> Option<&mut Object<'a>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    pub(super) fn array_mut(&mut self) -> Option<&mut Vec<Self>> {
        if let Self::Array(array) = self { Some(array) } else { None }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Writes it without white space.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> std::io::Result<()> {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Number(digits) => out.extend_from_slice(digits.as_bytes()),
            Self::Text(text) => write_text(text, out)?,
            Self::Array(array) => {
                out.push(b'[');
                for (at, element) in array.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    element.write(out)?;
                }
                out.push(b']');
            }
            Self::Object(object) => {
                out.push(b'{');
                for (at, (key, value)) in object.members.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_text(key, out)?;
                    out.push(b':');
                    value.write(out)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    serde_json::to_writer(out, text).map_err(std::io::Error::from)
}

fn value<'a>(scanner: &mut Scanner<'a>) -> Result<Tree<'a>, Invalid> {
    Ok(match scanner.next() {
        b'"' => scanner.text()?.map_or(Tree::Null, Tree::Text),
        b'-' | b'0'..=b'9' => scanner.number()?.map_or(Tree::Null, |digits| Tree::Number(number(digits))),
        b'[' => {
            let mut array = Vec::new();
            scanner.array(|scanner| {
                array.push(value(scanner)?);
                Ok(())
            })?;
            Tree::Array(array)
        }
        b'{' => {
            let mut object = Object::default();
            let mut places: HashMap<Text<'a>, usize> = HashMap::new();
            scanner.object(|scanner, key| {
                let value = value(scanner)?;
                let members = &mut object.members;
                let place = if members.len() <= FEW {
                    members.iter().position(|(name, _)| name == key)
                } else {
                    if places.is_empty() {
                        places.extend(members.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)));
                    }
                    places.get(key).copied()
                };
                match place {
                    Some(place) => members[place].1 = value,
                    None => {
                        if !places.is_empty() {
                            places.insert(key.clone(), members.len());
                        }
                        members.push((key.clone(), value));
                    }
                }
                Ok(())
            })?;
            Tree::Object(object)
        }
        _ => scanner.literal()?.map_or(Tree::Null, Tree::Bool),
    })
}

/// A number as Cardinal writes it.
fn number(digits: &str) -> Text<'_> {
    match digits.split_once(['e', 'E']) {
        Some((before, exponent)) => {
            let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
            Cow::Owned(format!("{before}e{sign}{exponent}"))
        }
        None => Cow::Borrowed(digits),
    }
}
