//! A JSON document, cut into its records without being parsed.

use std::ops::Range;

use super::super::ocds::split::{Skipper, elements, is_blank, members};

const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// A page of records: an envelope, an array, or one record alone.
#[derive(Debug)]
pub(crate) struct Page<'a> {
    text: &'a [u8],
    records: Vec<Range<usize>>,
    whole: bool,
    envelope: bool,
    description: bool,
}

impl<'a> Page<'a> {
    /// Cuts a text, or the beginning of one; `None` if it is neither an object nor an array.
    pub(crate) fn cut(text: &'a [u8]) -> Option<Self> {
        let text = text.strip_prefix(UTF8_BOM).unwrap_or(text);
        let start = text.iter().position(|byte| !is_blank(*byte))?;
        let length = Skipper::default().feed(&text[start..]);
        let end = length.map_or(text.len(), |length| start + length);
        let whole = length.is_some() && text[end..].iter().all(|byte| is_blank(*byte));
        let mut page = Self { text, records: Vec::new(), whole, envelope: false, description: false };
        let mut list = None;
        match text[start] {
            b'[' => list = Some(start..end),
            b'{' => {
                members(text, start..end, &mut |key, value| match key {
                    b"\"data\"" if text.get(value.start) == Some(&b'[') => list = Some(value),
                    b"\"swagger\"" | b"\"openapi\"" => page.description = true,
                    _ => {}
                });
            }
            _ => return None,
        }
        match list {
            Some(list) => {
                page.envelope = true;
                elements(text, list, &mut |record| page.records.push(record));
            }
            None => page.records.push(start..end),
        }
        Some(page)
    }

    /// Whether the document ends where its text does.
    pub(crate) const fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether the records stand in a list.
    pub(crate) const fn is_envelope(&self) -> bool {
        self.envelope
    }

    /// Whether it describes an API: Swagger, OpenAPI.
    pub(super) const fn is_description(&self) -> bool {
        self.description
    }

    /// The records, as they were written.
    pub(crate) fn records(&self) -> impl Iterator<Item = &'a [u8]> {
        self.records.iter().map(|range| &self.text[range.clone()])
    }
}

/// The text of a member of a record, as it was written; the last one where it is repeated.
pub(crate) fn member<'a>(record: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let key = format!("\"{name}\"");
    let mut found = None;
    members(record, 0..record.len(), &mut |own, value| {
        if own == key.as_bytes() {
            found = record.get(value);
        }
    });
    found
}
