//! Reads a file of JSON in blocks of whole releases and records, in bounded memory: JSON Lines, one
//! document however large, or documents one after the other.

use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use memchr::{memchr, memchr_iter, memrchr};

use super::split::{self, Skipper, is_blank};

/// How much is held at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Bytes of a block, about.
    pub(super) block: usize,
    /// Longest line, release or record.
    pub(super) unit: usize,
}

impl Sizes {
    /// Bytes that room is made for before a block is read.
    fn room(self) -> usize {
        self.block.min(SIZES.block) + PROBE_BYTES
    }
}

/// The longest records that are published have some megabytes.
pub(super) const SIZES: Sizes = Sizes { block: 2 << 20, unit: 32 << 20 };
/// Bytes of what is too long that are kept to show.
const SHOWN_BYTES: usize = 1_024;
/// Bytes beyond the last one that a reader must have room for, so that it need not make any to see the end.
const PROBE_BYTES: usize = 64;
const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// A piece of a file.
#[derive(Debug)]
pub(super) struct Block {
    /// Which of the files of the import.
    pub(super) part: usize,
    bytes: Arc<Vec<u8>>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// Lines, the first of which is this one.
    Lines { first: i64, longest: usize },
    /// Units and their places in the file.
    Units(Vec<(Range<usize>, i64)>),
    /// The beginning of something that is too long.
    TooLong(i64),
}

/// A release or record, or what stands in the place of one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit<'a> {
    /// Its text.
    Text(&'a [u8]),
    /// Its beginning; it is too long to be read.
    TooLong(&'a [u8]),
}

impl Block {
    pub(super) fn len(&self) -> usize {
        match &self.content {
            Content::Units(units) => units.iter().map(|(range, _)| range.len()).sum(),
            Content::Lines { .. } | Content::TooLong(_) => self.bytes.len(),
        }
    }

    /// Calls `visit` with each unit and its line, in a file that is not of lines its place.
    pub(super) fn units(&self, visit: &mut dyn FnMut(i64, Unit<'_>)) {
        let bytes = self.bytes.as_slice();
        match &self.content {
            Content::Units(units) => {
                for (range, place) in units {
                    visit(*place, Unit::Text(&bytes[range.clone()]));
                }
            }
            Content::TooLong(place) => visit(*place, Unit::TooLong(bytes)),
            Content::Lines { first, longest } => {
                let mut start = 0;
                for (line, end) in (*first..).zip(memchr_iter(b'\n', bytes).chain([bytes.len()])) {
                    let text = &bytes[start.min(end)..end];
                    start = end + 1;
                    let begin = text.iter().position(|byte| !is_blank(*byte)).unwrap_or(text.len());
                    let close = text.iter().rposition(|byte| !is_blank(*byte)).map_or(begin, |at| at + 1);
                    if close - begin > *longest {
                        visit(line, Unit::TooLong(&text[begin..begin + SHOWN_BYTES.min(*longest)]));
                    } else if begin < close {
                        split::units(text, begin..close, &mut |range| visit(line, Unit::Text(&text[range])));
                    }
                }
            }
        }
    }
}

/// What has been read and not yet been used.
struct Window<'a> {
    reader: &'a mut dyn Read,
    sizes: Sizes,
    bytes: Vec<u8>,
    start: usize,
    ended: bool,
}

impl Window<'_> {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Reads on; false at the end of the file.
    fn fill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.reserve(self.sizes.room());
        let read = self.reader.take(self.sizes.block as u64).read_to_end(&mut self.bytes)?;
        self.ended = read < self.sizes.block;
        Ok(read > 0)
    }

    /// Takes the next bytes; what is there beyond them is kept.
    fn take(&mut self, bytes: usize) -> Vec<u8> {
        let end = (self.start + bytes).min(self.bytes.len());
        // Large blocks are handed on rather than copied; what is left of them is less than a unit, as a rule.
        if self.start == 0 && self.bytes.len() < 2 * end {
            let mut rest = Vec::with_capacity(self.bytes.len() - end + self.sizes.room());
            rest.extend_from_slice(&self.bytes[end..]);
            self.bytes.truncate(end);
            return std::mem::replace(&mut self.bytes, rest);
        }
        let taken = self.bytes[self.start..end].to_vec();
        self.start = end;
        taken
    }

    fn skip(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.bytes.len());
    }

    /// Skips what stands between values; false at the end of the file.
    fn skip_separators(&mut self) -> io::Result<bool> {
        loop {
            let blank = self.rest().iter().take_while(|byte| is_blank(**byte) || **byte == b',').count();
            self.skip(blank);
            if !self.rest().is_empty() {
                return Ok(true);
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// How long the value is that begins here; `None` if it is cut off or longer than a unit may be.
    fn value(&mut self) -> io::Result<Option<usize>> {
        let mut skipper = Skipper::default();
        let mut seen = 0;
        loop {
            if let Some(more) = skipper.feed(&self.rest()[seen..]) {
                return Ok(Some(seen + more).filter(|length| *length <= self.sizes.unit));
            }
            seen = self.rest().len();
            if seen > self.sizes.unit || !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Skips the value that begins here, however long it is.
    fn skip_value(&mut self) -> io::Result<()> {
        let mut skipper = Skipper::default();
        loop {
            if let Some(length) = skipper.feed(self.rest()) {
                // Something must be skipped, or the caller would stand still.
                self.skip(length.max(1));
                return Ok(());
            }
            self.skip(usize::MAX - self.start);
            if !self.fill()? {
                return Ok(());
            }
        }
    }
}

/// Reads a file; `emit` is given block after block and says whether to go on.
///
/// # Errors
/// If the file cannot be read.
pub(super) fn blocks(part: usize, reader: &mut dyn Read, emit: &mut dyn FnMut(Block) -> bool) -> io::Result<()> {
    blocks_of(SIZES, part, reader, emit)
}

pub(super) fn blocks_of(
    sizes: Sizes,
    part: usize,
    reader: &mut dyn Read,
    emit: &mut dyn FnMut(Block) -> bool,
) -> io::Result<()> {
    let mut window = Window { reader, sizes, bytes: Vec::new(), start: 0, ended: false };
    while window.rest().len() < UTF8_BOM.len() && window.fill()? {}
    if window.rest().starts_with(UTF8_BOM) {
        window.skip(UTF8_BOM.len());
    }
    if is_lines(window.rest(), window.ended) {
        lines(part, &mut window, emit)
    } else {
        documents(part, &mut window, emit)
    }
}

/// Whether the beginning of a file is of lines each of which is a value: most of those that are
/// whole, whether or not one of them is damaged.
pub(super) fn is_lines(head: &[u8], ended: bool) -> bool {
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).peekable();
    let (mut whole, mut others) = (0, 0);
    while let Some(line) = lines.next() {
        if line.is_empty() || (lines.peek().is_none() && !ended) {
            continue;
        }
        let is_value =
            matches!(line[0], b'{' | b'[') && Skipper::default().feed(line) == Some(line.len()) && line.len() > 2;
        if is_value {
            whole += 1;
        } else {
            others += 1;
        }
    }
    // One line alone may be a package, which is better taken apart.
    whole > others && whole > 1
}

fn lines(part: usize, window: &mut Window<'_>, emit: &mut dyn FnMut(Block) -> bool) -> io::Result<()> {
    let mut line = 1;
    loop {
        while memrchr(b'\n', window.rest()).is_none() && window.rest().len() <= window.sizes.unit && window.fill()? {}
        let rest = window.rest();
        let lines = Content::Lines { first: line, longest: window.sizes.unit };
        let (content, end) = match memrchr(b'\n', rest) {
            Some(end) => (lines, end + 1),
            None if rest.len() > window.sizes.unit => (Content::TooLong(line), SHOWN_BYTES.min(window.sizes.unit)),
            None if rest.is_empty() => return Ok(()),
            None => (lines, rest.len()),
        };
        let too_long = matches!(content, Content::TooLong(_));
        let bytes = Arc::new(window.take(end));
        line += memchr_iter(b'\n', &bytes).count() as i64;
        if !emit(Block { part, bytes, content }) {
            return Ok(());
        }
        if too_long {
            line += 1;
            loop {
                if let Some(end) = memchr(b'\n', window.rest()) {
                    window.skip(end + 1);
                    break;
                }
                window.skip(usize::MAX - window.start);
                if !window.fill()? {
                    return Ok(());
                }
            }
        }
        if window.rest().len() < window.sizes.block {
            window.fill()?;
        }
    }
}

fn documents(part: usize, window: &mut Window<'_>, emit: &mut dyn FnMut(Block) -> bool) -> io::Result<()> {
    let mut place = 1;
    while window.skip_separators()? {
        let going_on = match window.value()? {
            // A bracket too many, say: nothing after it can be told apart.
            Some(0) => {
                while window.rest().len() < SHOWN_BYTES && window.fill()? {}
                let rest = window.rest();
                let bytes = Arc::new(rest[..rest.len().min(SHOWN_BYTES)].to_vec());
                let whole = 0..bytes.len();
                emit(Block { part, bytes, content: Content::Units(vec![(whole, place)]) });
                return Ok(());
            }
            Some(length) => document(part, window, length, &mut place, emit),
            None => large_document(part, window, &mut place, emit)?,
        };
        if !going_on {
            return Ok(());
        }
    }
    Ok(())
}

/// A document that is at hand as a whole.
fn document(
    part: usize,
    window: &mut Window<'_>,
    length: usize,
    place: &mut i64,
    emit: &mut dyn FnMut(Block) -> bool,
) -> bool {
    let block = window.sizes.block;
    let bytes = Arc::new(window.take(length));
    let mut found = Vec::new();
    split::units(&bytes, 0..length, &mut |range| {
        found.push((range, *place));
        *place += 1;
    });
    let mut units = Vec::new();
    let mut size = 0;
    for unit in found {
        size += unit.0.len();
        units.push(unit);
        if size >= block {
            size = 0;
            let content = Content::Units(std::mem::take(&mut units));
            if !emit(Block { part, bytes: Arc::clone(&bytes), content }) {
                return false;
            }
        }
    }
    units.is_empty() || emit(Block { part, bytes, content: Content::Units(units) })
}

/// A document that is longer than a unit may be, or cut off: the elements of its array, or of its
/// arrays of releases and records.
fn large_document(
    part: usize,
    window: &mut Window<'_>,
    place: &mut i64,
    emit: &mut dyn FnMut(Block) -> bool,
) -> io::Result<bool> {
    let first = window.rest().first().copied();
    window.skip(1);
    if first == Some(b'[') {
        return elements(part, window, place, emit);
    }
    if first != Some(b'{') {
        window.skip(usize::MAX - window.start);
        return Ok(true);
    }
    while window.skip_separators()? {
        match window.rest().first() {
            Some(b'"') => {}
            // The end of the object, or something that is no object.
            _ => {
                window.skip(1);
                return Ok(true);
            }
        }
        let Some(length) = window.value()? else {
            window.skip_value()?;
            continue;
        };
        let listed = matches!(&window.rest()[..length], b"\"releases\"" | b"\"records\"");
        window.skip(length);
        if !window.skip_separators()? || window.rest().first() != Some(&b':') {
            continue;
        }
        window.skip(1);
        if !window.skip_separators()? {
            break;
        }
        if listed && window.rest().first() == Some(&b'[') {
            window.skip(1);
            if !elements(part, window, place, emit)? {
                return Ok(false);
            }
        } else {
            window.skip_value()?;
        }
    }
    Ok(true)
}

/// The elements of an array, up to its end.
fn elements(
    part: usize,
    window: &mut Window<'_>,
    place: &mut i64,
    emit: &mut dyn FnMut(Block) -> bool,
) -> io::Result<bool> {
    let mut bytes = Vec::new();
    let mut units = Vec::new();
    let mut going_on = true;
    while going_on && window.skip_separators()? {
        if window.rest().first() == Some(&b']') {
            window.skip(1);
            break;
        }
        match window.value()? {
            Some(0) => {
                window.skip(1);
                continue;
            }
            Some(length) => {
                let start = bytes.len();
                bytes.extend_from_slice(&window.rest()[..length]);
                window.skip(length);
                split::units(&bytes, start..start + length, &mut |range| {
                    units.push((range, *place));
                    *place += 1;
                });
            }
            None => {
                let rest = window.rest();
                let cut_off = window.ended && rest.len() <= window.sizes.unit;
                let shown = rest[..rest.len().min(SHOWN_BYTES)].to_vec();
                let whole = 0..shown.len();
                let content = if cut_off { Content::Units(vec![(whole, *place)]) } else { Content::TooLong(*place) };
                *place += 1;
                window.skip_value()?;
                if !units.is_empty() {
                    let (bytes, units) = (std::mem::take(&mut bytes), std::mem::take(&mut units));
                    going_on = emit(Block { part, bytes: Arc::new(bytes), content: Content::Units(units) });
                }
                going_on = going_on && emit(Block { part, bytes: Arc::new(shown), content });
            }
        }
        if bytes.len() >= window.sizes.block && going_on {
            let (bytes, units) = (std::mem::take(&mut bytes), std::mem::take(&mut units));
            going_on = emit(Block { part, bytes: Arc::new(bytes), content: Content::Units(units) });
        }
    }
    if going_on && !units.is_empty() {
        going_on = emit(Block { part, bytes: Arc::new(bytes), content: Content::Units(units) });
    }
    Ok(going_on)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_of(sizes: Sizes, text: &[u8]) -> Vec<(i64, String)> {
        let mut found = Vec::new();
        blocks_of(sizes, 0, &mut &text[..], &mut |block| {
            block.units(&mut |line, unit| match unit {
                Unit::Text(text) => found.push((line, String::from_utf8_lossy(text).into_owned())),
                Unit::TooLong(text) => found.push((line, format!("too long: {}", text.len()))),
            });
            true
        })
        .unwrap();
        found
    }

    fn read(text: &[u8]) -> Vec<(i64, String)> {
        read_of(SIZES, text)
    }

    fn at(found: &[(i64, String)]) -> Vec<(i64, &str)> {
        found.iter().map(|(line, text)| (*line, text.as_str())).collect()
    }

    #[test]
    fn lines_and_documents_are_told_apart() {
        assert_eq!(
            at(&read(b"\xef\xbb\xbf{\"a\":1}\n\n {\"a\":2}\r\n{\"a\":3}")),
            [(1, "{\"a\":1}"), (3, "{\"a\":2}"), (4, "{\"a\":3}")]
        );
        assert_eq!(
            at(&read(b"{\"releases\":[{\"a\":1},{\"a\":2}]}\n{\"a\":3}\n")),
            [(1, "{\"a\":1}"), (1, "{\"a\":2}"), (2, "{\"a\":3}")]
        );
        assert_eq!(at(&read(b"{\n\"records\": [\n{\"a\":1},\n{\"a\":2}\n]}\n")), [(1, "{\"a\":1}"), (2, "{\"a\":2}")]);
        assert_eq!(
            at(&read(b"{\"a\":1}{\"a\":2}  [{\"a\":3}]")),
            [(1, "{\"a\":1}"), (2, "{\"a\":2}"), (3, "{\"a\":3}")]
        );
        // A damaged line costs one line.
        assert_eq!(read(b"{\"a\":1\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}").len(), 4);
        assert_eq!(at(&read(b"[{\"a\":1},{\"a\":")), [(1, "{\"a\":1}"), (2, "{\"a\":")]);
        assert_eq!(at(&read(b"}{")), [(1, "}{")]);
        for block in 1..9 {
            let found = read_of(Sizes { block, unit: 300 }, b"{\"a\":1} } {\"a\":2}");
            assert_eq!(at(&found), [(1, "{\"a\":1}"), (2, "} {\"a\":2}")], "{block}");
        }
        assert_eq!(read(b""), []);
        assert_eq!(read(b" \n "), []);
    }

    #[test]
    fn whatever_the_sizes_the_units_are_the_same() {
        let release = format!("{{\"ocid\":\"x\",\"t\":\"{}\"}}", "y\\\"".repeat(10));
        let body = vec![release.as_str(); 50].join(",\n");
        for text in [
            format!("[{body}]"),
            format!("{{\"uri\":\"[\",\"extensions\":[\"{{\"],\"releases\":[{body}],\"license\":{{\"a\":[1]}}}}"),
            body.replace(",\n", "\n"),
            // Two packages, line by line, each too long to be read at once.
            format!("{{\"releases\":[{body}]}}\n{{\"records\":[{body}]}}\n"),
        ] {
            for sizes in [7, 64, 1_000, 100_000].map(|block| Sizes { block, unit: 300 }) {
                let found = read_of(sizes, text.as_bytes());
                assert_eq!(found.len(), 50 * (1 + text.matches("records").count()), "{sizes:?} {text}");
                assert!(found.iter().zip(1..).all(|((place, text), expected)| *place == expected && *text == release));
            }
        }
    }

    #[test]
    fn what_is_too_long_costs_itself() {
        let long = format!("{{\"t\":\"{}\"}}", "y".repeat(2_000));
        for block in [16, 100, 10_000] {
            let sizes = Sizes { block, unit: 200 };
            let text = format!("{{\"a\":1}}\n{{\"a\":2}}\n{long}\n{{\"a\":4}}\n");
            assert_eq!(
                at(&read_of(sizes, text.as_bytes())),
                [(1, "{\"a\":1}"), (2, "{\"a\":2}"), (3, "too long: 200"), (4, "{\"a\":4}")]
            );
            let text = format!("[{{\"a\":1}},{long},{{\"a\":3}}]");
            let found = read_of(sizes, text.as_bytes());
            assert_eq!(found.len(), 3, "{block}");
            assert!(found[1].1.starts_with("too long") && found[2].1 == "{\"a\":3}");
        }
    }
}
