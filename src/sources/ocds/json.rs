//! A parsed JSON document, walked by place: numbers keep the text that they were written as.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;
use std::ops::Range;

use memchr::{memchr, memmem};
use simd_json::{Buffers, INPUT_PADDING, Node, StaticNode, Tape};

use crate::model::trimmed;

/// A document.
#[derive(Debug)]
pub(in crate::sources) struct Document<'a> {
    tape: Tape<'a>,
    /// Where the memory of the tape goes in the end.
    home: &'a mut Vec<Node<'static>>,
    /// The text, as it was before it was parsed.
    raw: &'a [u8],
    /// Of every number its place, and where its text begins and ends, once somebody asks for one.
    numbers: OnceCell<Vec<(usize, Range<usize>)>>,
    /// Whether a text of it may hold a NUL.
    may_hold_nul: bool,
}

/// What a parser needs again and again.
#[derive(Default)]
pub(in crate::sources) struct Scratch {
    text: Vec<u8>,
    buffers: Buffers,
    tape: Vec<Node<'static>>,
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

impl Scratch {
    /// Parses a text.
    ///
    /// # Errors
    /// If it is no JSON, or not UTF-8.
    pub(in crate::sources) fn parse<'a>(&'a mut self, raw: &'a [u8]) -> Result<Document<'a>, simd_json::Error> {
        // The parser unescapes in place, and looks some bytes ahead.
        self.text.clear();
        self.text.reserve(raw.len() + INPUT_PADDING);
        self.text.extend_from_slice(raw);
        self.text.resize(raw.len() + INPUT_PADDING, 0);
        let mut tape = Tape(std::mem::take(&mut self.tape)).reset();
        simd_json::fill_tape_padded(&mut self.text, raw.len(), &mut self.buffers, &mut tape)?;
        // Written as it is, it would be no JSON.
        let may_hold_nul = may_escape(raw, "\\u0000");
        Ok(Document { tape, home: &mut self.tape, raw, numbers: OnceCell::new(), may_hold_nul })
    }
}

impl Drop for Document<'_> {
    fn drop(&mut self) {
        *self.home = Tape(std::mem::take(&mut self.tape.0)).reset().0;
    }
}

impl<'a> Document<'a> {
    /// The value that it holds.
    pub(in crate::sources) fn root(&'a self) -> View<'a> {
        View { document: self, at: 0 }
    }

    fn node(&self, at: usize) -> Option<&Node<'a>> {
        self.tape.0.get(at)
    }

    /// How many nodes the value at a place takes.
    fn size(&self, at: usize) -> usize {
        match self.node(at) {
            Some(Node::Object { count, .. } | Node::Array { count, .. }) => count + 1,
            _ => 1,
        }
    }

    /// The text of the number at a place: the parser keeps the order of numbers, and nothing else
    /// of their text.
    fn number(&self, at: usize) -> Option<&'a str> {
        let numbers = self.numbers.get_or_init(|| {
            let places = self.tape.0.iter().enumerate().filter(|(_, node)| is_number(node)).map(|(at, _)| at);
            places.zip(numbers(self.raw)).collect()
        });
        let place = numbers.binary_search_by_key(&at, |(own, _)| *own).ok()?;
        let (_, text) = numbers.get(place)?;
        std::str::from_utf8(self.raw.get(text.clone())?).ok()
    }
}

/// Whether an escape, backslash and all, stands in a text; most texts have no backslash.
pub(super) fn may_escape(text: &[u8], escape: &str) -> bool {
    memchr(b'\\', text).is_some_and(|at| memmem::find(&text[at..], escape.as_bytes()).is_some())
}

const fn is_number(node: &Node<'_>) -> bool {
    matches!(node, Node::Static(StaticNode::I64(_) | StaticNode::U64(_) | StaticNode::F64(_)))
}

/// Where all numbers of a JSON text begin and end, in order.
fn numbers(raw: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(byte) = raw.get(at) {
            match byte {
                b'"' => at += super::split::Skipper::default().feed(&raw[at..])?,
                b'-' | b'0'..=b'9' => {
                    let digit = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                    let length = raw[at..].iter().take_while(digit).count();
                    at += length;
                    return Some(at - length..at);
                }
                _ => at += 1,
            }
        }
        None
    })
}

/// A text as a database can hold it: a NUL becomes the mark of something unreadable.
pub(in crate::sources) fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// A value of a document.
#[derive(Debug, Clone, Copy)]
pub(in crate::sources) struct View<'a> {
    document: &'a Document<'a>,
    at: usize,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::sources) enum Scalar<'a> {
    Null,
    Truth(bool),
    Integer(i128),
    /// A number with a fraction or an exponent.
    Float(f64),
    Text(&'a str),
    Object,
    Array,
}

impl<'a> View<'a> {
    pub(in crate::sources) fn scalar(self) -> Scalar<'a> {
        match self.document.node(self.at) {
            Some(Node::String(text)) => Scalar::Text(text),
            Some(Node::Object { .. }) => Scalar::Object,
            Some(Node::Array { .. }) => Scalar::Array,
            Some(Node::Static(StaticNode::Bool(truth))) => Scalar::Truth(*truth),
            Some(Node::Static(StaticNode::I64(number))) => Scalar::Integer(i128::from(*number)),
            Some(Node::Static(StaticNode::U64(number))) => Scalar::Integer(i128::from(*number)),
            Some(Node::Static(StaticNode::F64(number))) => Scalar::Float(*number),
            Some(Node::Static(StaticNode::Null)) | None => Scalar::Null,
        }
    }

    pub(in crate::sources) fn is_object(self) -> bool {
        matches!(self.document.node(self.at), Some(Node::Object { .. }))
    }

    pub(in crate::sources) fn is_null(self) -> bool {
        matches!(self.document.node(self.at), Some(Node::Static(StaticNode::Null)) | None)
    }

    /// The members of an object, in order; none of anything else.
    pub(in crate::sources) fn members(self) -> impl Iterator<Item = (&'a str, View<'a>)> {
        let left = match self.document.node(self.at) {
            Some(Node::Object { len, .. }) => *len,
            _ => 0,
        };
        let mut at = self.at + 1;
        (0..left).map_while(move |_| {
            let Some(Node::String(key)) = self.document.node(at) else { return None };
            let value = View { document: self.document, at: at + 1 };
            at += 1 + self.document.size(at + 1);
            Some((*key, value))
        })
    }

    /// The elements of an array; an object stands for an array of one, as some publishers write it.
    pub(in crate::sources) fn elements(self) -> impl Iterator<Item = View<'a>> {
        let (left, mut at) = match self.document.node(self.at) {
            Some(Node::Array { len, .. }) => (*len, self.at + 1),
            Some(Node::Object { .. }) => (1, self.at),
            _ => (0, self.at),
        };
        (0..left).map(move |_| {
            let element = View { document: self.document, at };
            at += self.document.size(at);
            element
        })
    }

    /// A member that is not null; the last one where a key is repeated.
    // Inlined, so that a key that is known is compared as a number and not byte by byte.
    #[inline]
    pub(in crate::sources) fn get(self, key: &str) -> Option<View<'a>> {
        let mut found = None;
        for (own, value) in self.members() {
            if own == key {
                found = Some(value);
            }
        }
        found.filter(|value| !value.is_null())
    }

    /// What [`View::get`] finds of several members, in one walk.
    #[inline(always)]
    pub(in crate::sources) fn pick<const N: usize>(self, keys: [&str; N]) -> [Option<View<'a>>; N] {
        let mut found = [None; N];
        for (own, value) in self.members() {
            for (place, key) in found.iter_mut().zip(keys) {
                if own == key {
                    *place = Some(value);
                }
            }
        }
        found.map(|value| value.filter(|value| !value.is_null()))
    }

    /// The elements of a member.
    #[inline]
    pub(in crate::sources) fn list(self, key: &str) -> impl Iterator<Item = View<'a>> {
        self.get(key).into_iter().flat_map(View::elements)
    }

    /// A text without blanks around it and without NULs, or a number as it was written; `None` if blank or neither.
    pub(in crate::sources) fn text(self) -> Option<Cow<'a, str>> {
        match self.document.node(self.at)? {
            Node::String(text) => {
                let text = Some(trimmed(text)).filter(|text| !text.is_empty());
                text.map(|text| if self.document.may_hold_nul { without_nul(text) } else { Cow::Borrowed(text) })
            }
            Node::Static(StaticNode::I64(number)) => Some(Cow::Owned(number.to_string())),
            Node::Static(StaticNode::U64(number)) => Some(Cow::Owned(number.to_string())),
            Node::Static(StaticNode::F64(_)) => self.number().map(Cow::Borrowed),
            _ => None,
        }
    }

    /// The text of a member.
    #[inline]
    pub(in crate::sources) fn text_of(self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key).and_then(View::text)
    }

    /// The number as it was written.
    pub(in crate::sources) fn number(self) -> Option<&'a str> {
        match self.scalar() {
            Scalar::Integer(_) | Scalar::Float(_) => self.document.number(self.at),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_a_document() {
        let text = br#"{"a":[1,{"b":"x -3"},[2,[3]]],"n":null,"c":" y ","d":1.50,"d":-2.5e3,"e":12345678901234567890}"#;
        let mut scratch = Scratch::default();
        let document = scratch.parse(text).unwrap();
        let root = document.root();
        assert_eq!(root.members().map(|(key, _)| key).collect::<String>(), "ancdde");
        assert_eq!(root.list("a").count(), 3);
        assert_eq!(root.list("a").nth(1).unwrap().text_of("b").as_deref(), Some("x -3"));
        assert_eq!(root.list("a").nth(2).unwrap().elements().count(), 2);
        assert_eq!(root.text_of("c").as_deref(), Some("y"));
        assert!(root.get("n").is_none());
        assert_eq!(root.text_of("d").as_deref(), Some("-2.5e3"));
        assert_eq!(root.text_of("e").as_deref(), Some("12345678901234567890"));
        assert_eq!(root.get("e").unwrap().number(), Some("12345678901234567890"));
        assert_eq!(root.elements().count(), 1);
        assert_eq!(root.get("c").unwrap().elements().count(), 0);
        assert!(Scratch::default().parse(b"{\"a\":}").is_err());
        assert!(Scratch::default().parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn a_text_holds_no_nul() {
        let mut scratch = Scratch::default();
        let document = scratch.parse(br#"{"a":"x\u0000y","b":"c:\\u0000","c":"\u0000"}"#).unwrap();
        let of = |key: &str| document.root().text_of(key);
        assert_eq!(of("a").as_deref(), Some("x\u{fffd}y"));
        assert_eq!(of("b").as_deref(), Some("c:\\u0000"));
        assert_eq!(of("c").as_deref(), Some("\u{fffd}"));
    }

    #[test]
    fn the_numbers_of_a_large_document_are_found_in_linear_time() {
        let text = format!("[{}1.25]", "0.123456789,".repeat(200_000));
        let mut scratch = Scratch::default();
        let document = scratch.parse(text.as_bytes()).unwrap();
        let mut numbers = document.root().elements().map(|number| number.number().unwrap());
        assert!(numbers.by_ref().take(200_000).all(|number| number == "0.123456789"));
        assert_eq!((numbers.next(), numbers.next()), (Some("1.25"), None));
    }
}
