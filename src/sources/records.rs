//! Splits a published CSV file into records.
//!
//! The files are `;`-separated and quoted (those that somebody saved again `,`-separated), but not always
//! well: quotes inside a quoted field stand unescaped, a field may hold line breaks, a quote may never be closed. A quote therefore closes a
//! field only before a separator or the end of a line, and a record whose quote is still open is given up
//! as soon as a whole record follows it, so that one stray quote costs one row and not the rest of
//! the file. Memory is bounded by [`MAX_RECORD_BYTES`].

use std::io::{self, BufRead, BufReader, Read};

use memchr::memchr;

use super::fault::Reason;
use super::fields::{Encoding, Fields};

/// Longest record, and longest line, that is read.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 20;
/// How much of an unreadable record is kept to show.
const SHOWN_BYTES: usize = 1_024;

/// What [`Dialect::Resaved`] writes where nothing stands.
const NONE: &str = "NA";
const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// How a file writes fields and numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// As the sources publish: `;`, decimal comma, `DD/MM/AAAA`.
    Official,
    /// As statistics programs save: `,`, decimal point, days of ISO 8601, `NA` where nothing stands.
    Resaved,
}

impl Dialect {
    /// The one whose separator splits a header into more fields; the official one of equals.
    fn of_header(line: &[u8]) -> Self {
        let fields = |dialect: Self| {
            let mut splitter = Splitter::new(dialect);
            splitter.feed(line);
            splitter.ends.len()
        };
        if fields(Self::Resaved) > fields(Self::Official) { Self::Resaved } else { Self::Official }
    }

    const fn separator(self) -> u8 {
        match self {
            Self::Official => b';',
            Self::Resaved => b',',
        }
    }
}

/// What stands next in a file.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// A record and the line it begins on; who takes its text out of it leaves another one behind.
    Record(i64, &'a mut Fields),
    /// Something that is not a record, the line it begins on and its beginning.
    Unreadable(i64, Reason, String),
}

/// Where the splitter stands between two bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Bare,
    Quoted,
}

/// A record that is being put together, line by line.
#[derive(Debug)]
struct Splitter {
    dialect: Dialect,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    state: State,
}

impl Splitter {
    const fn new(dialect: Dialect) -> Self {
        Self { dialect, bytes: Vec::new(), ends: Vec::new(), state: State::FieldStart }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.state = State::FieldStart;
    }

    /// Takes one line with its end; true if the record is complete with it.
    fn feed(&mut self, line: &[u8]) -> bool {
        let content = line.strip_suffix(b"\n").unwrap_or(line);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        let separator = self.dialect.separator();
        let mut at = 0;
        while at < content.len() {
            let byte = content[at];
            match (self.state, byte) {
                (State::FieldStart, b'"') => self.state = State::Quoted,
                (State::FieldStart | State::Bare, _) if byte == separator => {
                    self.ends.push(self.bytes.len());
                    self.state = State::FieldStart;
                }
                (State::FieldStart | State::Bare, _) => {
                    let plain = memchr(separator, &content[at..]).unwrap_or(content.len() - at);
                    self.bytes.extend_from_slice(&content[at..at + plain]);
                    self.state = State::Bare;
                    at += plain;
                    continue;
                }
                (State::Quoted, _) => {
                    let Some(plain) = memchr(b'"', &content[at..]) else {
                        self.bytes.extend_from_slice(&content[at..]);
                        break;
                    };
                    self.bytes.extend_from_slice(&content[at..at + plain]);
                    at += plain;
                    match content.get(at + 1) {
                        None => self.state = State::Bare,
                        Some(next) if *next == separator => {
                            self.ends.push(self.bytes.len());
                            at += 1;
                            // As a rule the next field is quoted too.
                            match content.get(at + 1) {
                                Some(b'"') => at += 1,
                                _ => self.state = State::FieldStart,
                            }
                        }
                        Some(b'"') => {
                            self.bytes.push(b'"');
                            at += 1;
                        }
                        Some(_) => self.bytes.push(b'"'),
                    }
                }
            }
            at += 1;
        }
        if self.state == State::Quoted {
            self.bytes.extend_from_slice(&line[content.len()..]);
            return false;
        }
        self.ends.push(self.bytes.len());
        self.state = State::FieldStart;
        true
    }
}

/// A physical line.
#[derive(Debug)]
enum Line {
    Whole(i64, Vec<u8>),
    TooLong(i64, Vec<u8>),
}

/// What a line that is not blank begins.
enum Begun {
    /// A record: the line, and whether the record is complete with it.
    Record(i64, bool),
    /// A line that is too long, and its beginning.
    TooLong(i64, Vec<u8>),
}

/// Reads the records of a file one after the other.
#[derive(Debug)]
pub(crate) struct Records<R> {
    input: BufReader<R>,
    encoding: Encoding,
    line: i64,
    held: Option<Line>,
    spare: Vec<u8>,
    record: Splitter,
    quoted: bool,
    header: Fields,
    /// What is wrong with the header.
    damage: Option<&'static str>,
    fields: Fields,
    /// Room for a record of ISO-8859-1 as UTF-8.
    wide: String,
}

impl<R: Read> Records<R> {
    /// Opens a file and reads its header, the first line that is not blank; `None` if there is none.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn open(input: R) -> io::Result<Option<Self>> {
        let mut records = Self::begin(input)?;
        loop {
            match records.next_line()? {
                None => return Ok(None),
                Some(Line::Whole(_, line)) if is_blank(&line) => records.spare = line,
                Some(Line::TooLong(_, line) | Line::Whole(_, line)) => {
                    records.quoted = line.starts_with(b"\"");
                    records.record = Splitter::new(Dialect::of_header(&line));
                    let complete = records.record.feed(&line);
                    let text = line.strip_suffix(b"\n").unwrap_or(&line);
                    let text = text.strip_suffix(b"\r").unwrap_or(text);
                    if memchr(b'\r', text).is_some() {
                        records.damage = Some("has a carriage return inside: its lines end with CR alone");
                    } else if !complete {
                        records.damage = Some("has a quote that is not closed");
                    }
                    // Latin-1 letters beyond ASCII are no valid UTF-8, and every header has some.
                    if std::str::from_utf8(&records.record.bytes).is_ok_and(|text| !text.is_ascii()) {
                        records.encoding = Encoding::Utf8;
                    }
                    let Splitter { dialect, bytes, ends, .. } = &records.record;
                    if records.header.decode(bytes, ends, records.encoding, &mut records.wide).is_none() {
                        records.header.decode(bytes, ends, Encoding::Latin1, &mut records.wide);
                    }
                    if *dialect == Dialect::Resaved {
                        records.header.blank(NONE);
                    }
                    return Ok(Some(records));
                }
            }
        }
    }

    /// A file of which nothing was read but the mark of UTF-8.
    fn begin(input: R) -> io::Result<Self> {
        let mut records = Self {
            input: BufReader::with_capacity(1 << 16, input),
            encoding: Encoding::Latin1,
            line: 0,
            held: None,
            spare: Vec::new(),
            record: Splitter::new(Dialect::Official),
            quoted: false,
            header: Fields::default(),
            damage: None,
            fields: Fields::default(),
            wide: String::new(),
        };
        if records.input.fill_buf()?.starts_with(UTF8_BOM) {
            records.input.consume(UTF8_BOM.len());
            records.encoding = Encoding::Utf8;
        }
        Ok(records)
    }

    /// Opens a file without a header, whose columns are known by their place; `None` if nothing stands in it.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn without_header(input: R, columns: &[&str]) -> io::Result<Option<Self>> {
        let mut records = Self::begin(input)?;
        for column in columns {
            records.header.push(column);
        }
        loop {
            match records.next_line()? {
                None => return Ok(None),
                Some(Line::Whole(_, line)) if is_blank(&line) => records.spare = line,
                Some(first) => {
                    let (Line::Whole(_, line) | Line::TooLong(_, line)) = &first;
                    records.quoted = line.starts_with(b"\"");
                    records.held = Some(first);
                    return Ok(Some(records));
                }
            }
        }
    }

    /// The header.
    pub(crate) fn header(&self) -> &Fields {
        &self.header
    }

    /// What is wrong with the header, if no record can be told by it.
    pub(crate) fn damage(&self) -> Option<&'static str> {
        self.damage
    }

    /// How the file writes fields and numbers.
    pub(crate) fn dialect(&self) -> Dialect {
        self.record.dialect
    }

    /// The next record that is neither blank nor the header again.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn step(&mut self) -> io::Result<Option<Step<'_>>> {
        let start = loop {
            let (start, mut complete) = match self.begin_record()? {
                None => return Ok(None),
                Some(Begun::TooLong(start, line)) => {
                    return Ok(Some(Step::Unreadable(start, Reason::LineTooLong, self.shown(&line))));
                }
                Some(Begun::Record(start, complete)) => (start, complete),
            };
            while !complete {
                match self.continuation()? {
                    Ok(line) => {
                        complete = self.record.feed(&line);
                        self.spare = line;
                    }
                    Err(reason) => {
                        let shown = self.shown_record();
                        return Ok(Some(Step::Unreadable(start, reason, shown)));
                    }
                }
            }
            if memchr(0, &self.record.bytes).is_some() {
                let shown = self.shown_record();
                return Ok(Some(Step::Unreadable(start, Reason::NulByte, shown)));
            }
            let Splitter { dialect, bytes, ends, .. } = &self.record;
            if self.fields.decode(bytes, ends, self.encoding, &mut self.wide).is_none() {
                let shown = self.shown_record();
                return Ok(Some(Step::Unreadable(start, Reason::InvalidUtf8, shown)));
            }
            if *dialect == Dialect::Resaved {
                self.fields.blank(NONE);
            }
            if self.fields != self.header {
                break start;
            }
        };
        Ok(Some(Step::Record(start, &mut self.fields)))
    }

    /// Feeds the next line that is not blank to the record; `None` at the end of the file.
    fn begin_record(&mut self) -> io::Result<Option<Begun>> {
        self.record.clear();
        loop {
            // A line that is whole in what was read already need not be copied.
            if self.held.is_none()
                && let Some(end) = memchr(b'\n', self.input.buffer())
            {
                self.line += 1;
                let line = &self.input.buffer()[..=end];
                let begun = (!is_blank(line)).then(|| self.record.feed(line));
                self.input.consume(end + 1);
                match begun {
                    Some(complete) => return Ok(Some(Begun::Record(self.line, complete))),
                    None => continue,
                }
            }
            match self.next_line()? {
                None => return Ok(None),
                Some(Line::TooLong(start, line)) => return Ok(Some(Begun::TooLong(start, line))),
                Some(Line::Whole(_, line)) if is_blank(&line) => self.spare = line,
                Some(Line::Whole(start, line)) => {
                    let complete = self.record.feed(&line);
                    self.spare = line;
                    return Ok(Some(Begun::Record(start, complete)));
                }
            }
        }
    }

    /// The line that goes on with an open record, or why none does.
    fn continuation(&mut self) -> io::Result<Result<Vec<u8>, Reason>> {
        let (start, line) = match self.next_line()? {
            None => return Ok(Err(Reason::UnclosedQuote)),
            Some(long @ Line::TooLong(..)) => {
                self.held = Some(long);
                return Ok(Err(Reason::UnclosedQuote));
            }
            Some(Line::Whole(start, line)) => (start, line),
        };
        let reason = if is_whole(&line, self.header.len(), self.quoted, self.dialect().separator()) {
            Reason::UnclosedQuote
        } else if self.record.bytes.len() + line.len() > MAX_RECORD_BYTES {
            Reason::LineTooLong
        } else {
            return Ok(Ok(line));
        };
        self.held = Some(Line::Whole(start, line));
        Ok(Err(reason))
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.held.take() {
            return Ok(Some(line));
        }
        let mut line = std::mem::take(&mut self.spare);
        line.clear();
        let limit = MAX_RECORD_BYTES as u64;
        if (&mut self.input).take(limit).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if line.len() < MAX_RECORD_BYTES || line.ends_with(b"\n") {
            return Ok(Some(Line::Whole(self.line, line)));
        }
        self.skip_line()?;
        line.truncate(SHOWN_BYTES);
        Ok(Some(Line::TooLong(self.line, line)))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let available = self.input.fill_buf()?;
            let length = available.len();
            match memchr(b'\n', available) {
                Some(end) => {
                    self.input.consume(end + 1);
                    return Ok(());
                }
                None if length == 0 => return Ok(()),
                None => self.input.consume(length),
            }
        }
    }

    /// The beginning of the record, its fields apart: digits of two of them must not be taken for one number.
    fn shown_record(&self) -> String {
        let Splitter { dialect, bytes, ends, .. } = &self.record;
        let mut apart = Vec::with_capacity(2 * SHOWN_BYTES);
        let mut start = 0;
        for end in ends.iter().copied().chain([bytes.len()]) {
            if start > 0 || !apart.is_empty() {
                apart.push(dialect.separator());
            }
            apart.extend_from_slice(&bytes[start..end.min(start + SHOWN_BYTES)]);
            start = end;
            if apart.len() >= SHOWN_BYTES {
                break;
            }
        }
        self.shown(&apart)
    }

    fn shown(&self, bytes: &[u8]) -> String {
        let bytes = &bytes[..bytes.len().min(SHOWN_BYTES)];
        match self.encoding {
            Encoding::Latin1 => bytes.iter().copied().map(char::from).collect(),
            Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' '))
}

/// Whether a line is a record of `width` fields by the strict rules: quotes inside are doubled, and
/// where the header is quoted every field is. A line inside a field, up to the one that closes it,
/// is none unless the field holds a whole record word for word.
fn is_whole(line: &[u8], width: usize, quoted: bool, separator: u8) -> bool {
    let mut rest = line.strip_suffix(b"\n").unwrap_or(line);
    rest = rest.strip_suffix(b"\r").unwrap_or(rest);
    let mut fields = 0;
    loop {
        fields += 1;
        let end = match rest.strip_prefix(b"\"") {
            Some(mut inside) => loop {
                let Some(quote) = memchr(b'"', inside) else { return false };
                inside = &inside[quote + 1..];
                match inside.strip_prefix(b"\"") {
                    Some(after) => inside = after,
                    None => break inside,
                }
            },
            None if quoted => return false,
            None => {
                let end = memchr(separator, rest).unwrap_or(rest.len());
                if rest[..end].contains(&b'"') {
                    return false;
                }
                &rest[end..]
            }
        };
        match end.strip_prefix(&[separator]) {
            Some(after) => rest = after,
            None => return end.is_empty() && fields == width && width > 1,
        }
    }
}

#[cfg(test)]
mod tests;
