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

    /// Skips the value that begins here, however long it is; false if it is cut off.
    fn skip_value(&mut self) -> io::Result<bool> {
        let mut skipper = Skipper::default();
        loop {
            if let Some(length) = skipper.feed(self.rest()) {
                // Something must be skipped, or the caller would stand still.
                self.skip(length.max(1));
                return Ok(true);
            }
            self.skip(usize::MAX - self.start);
            if !self.fill()? {
                return Ok(false);
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

/// How the reading of a value that is taken apart came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// With the bracket that closes it.
    Closed,
    /// With the file, or with something that is no JSON.
    CutOff,
    /// The same, and what stands there has been given away.
    Told,
    /// Nobody wants more.
    Unwanted,
}

/// A document that is longer than a unit may be, or cut off: the elements of its array, or of its
/// arrays of releases and records. What has none of them, or no end, is told as one that cannot be read.
fn large_document(
    part: usize,
    window: &mut Window<'_>,
    place: &mut i64,
    emit: &mut dyn FnMut(Block) -> bool,
) -> io::Result<bool> {
    let rest = window.rest();
    let shown = rest[..rest.len().min(SHOWN_BYTES)].to_vec();
    let (end, listed) = match shown.first() {
        Some(b'[') => {
            window.skip(1);
            (elements(part, window, place, emit)?, true)
        }
        Some(b'{') => {
            window.skip(1);
            lists(part, window, place, emit)?
        }
        _ => (if window.skip_value()? { End::Closed } else { End::CutOff }, false),
    };
    let content = match end {
        End::Unwanted => return Ok(false),
        End::Told => return Ok(true),
        End::Closed if listed => return Ok(true),
        End::Closed => Content::TooLong(*place),
        // Without its end it is no JSON.
        End::CutOff => Content::Units(vec![(0..shown.len(), *place)]),
    };
    *place += 1;
    Ok(emit(Block { part, bytes: Arc::new(shown), content }))
}

/// The elements of the arrays of releases and records of an object; also whether it has one.
fn lists(
    part: usize,
    window: &mut Window<'_>,
    place: &mut i64,
    emit: &mut dyn FnMut(Block) -> bool,
) -> io::Result<(End, bool)> {
    let mut found = false;
    while window.skip_separators()? {
        match window.rest().first() {
            Some(b'"') => {}
            Some(b'}') => {
                window.skip(1);
                return Ok((End::Closed, found));
            }
            // It is no object.
            _ => {
                window.skip(1);
                return Ok((End::CutOff, found));
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
            found = true;
            window.skip(1);
            let end = elements(part, window, place, emit)?;
            if end != End::Closed {
                return Ok((end, found));
            }
        } else {
            window.skip_value()?;
        }
    }
    Ok((End::CutOff, found))
}

/// The elements of an array, up to its end.
fn elements(
    part: usize,
    window: &mut Window<'_>,
    place: &mut i64,
    emit: &mut dyn FnMut(Block) -> bool,
) -> io::Result<End> {
    let mut bytes = Vec::new();
    let mut units = Vec::new();
    let mut going_on = true;
    let mut end = End::CutOff;
    while going_on && window.skip_separators()? {
        if window.rest().first() == Some(&b']') {
            window.skip(1);
            end = End::Closed;
            break;
        }
        match window.value()? {
            // Nothing after it can be told apart.
            Some(0) => {
                while window.rest().len() < SHOWN_BYTES && window.fill()? {}
                let rest = window.rest();
                let start = bytes.len();
                bytes.extend_from_slice(&rest[..rest.len().min(SHOWN_BYTES)]);
                units.push((start..bytes.len(), *place));
                *place += 1;
                end = End::Told;
                break;
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
                let closed = window.skip_value()?;
                if !units.is_empty() {
                    let (bytes, units) = (std::mem::take(&mut bytes), std::mem::take(&mut units));
                    going_on = emit(Block { part, bytes: Arc::new(bytes), content: Content::Units(units) });
                }
                going_on = going_on && emit(Block { part, bytes: Arc::new(shown), content });
                if !closed {
                    end = End::Told;
                    break;
                }
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
    Ok(if going_on { end } else { End::Unwanted })
}

#[cfg(test)]
mod tests;
