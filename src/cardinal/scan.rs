//! A validating reader of one JSON text that builds nothing: the caller takes what it wants and
//! passes over the rest. What it accepts is what `serde_json` accepts for its `Value` (nesting to
//! 127, no lone surrogate, numbers of any size), because a line counts or does not count as a whole.

use std::borrow::Cow;

/// Text of a string: borrowed where nothing is escaped in it.
pub(super) type Text<'a> = Cow<'a, str>;

/// The text is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Invalid;

type Result<T> = std::result::Result<T, Invalid>;

/// Arrays and objects may lie in one another this deep.
const DEEPEST: u8 = 127;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// A position in a text.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: u8,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, depth: 0 }
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<()> {
        self.whitespace();
        if self.at == self.bytes.len() { Ok(()) } else { Err(Invalid) }
    }

    /// The first byte of the value that comes; 0 at the end of the text.
    #[inline]
    pub(super) fn next(&mut self) -> u8 {
        self.whitespace();
        self.peek()
    }

    /// Passes over the next value.
    #[inline]
    pub(super) fn skip(&mut self) -> Result<()> {
        match self.next() {
            b'"' => self.skip_string(),
            b'{' | b'[' => self.skip_nested(),
            _ => self.skip_scalar(),
        }
    }

    /// The next value if it is a string.
    #[inline]
    pub(super) fn text(&mut self) -> Result<Option<Text<'a>>> {
        if self.next() == b'"' { self.string().map(Some) } else { self.skip().map(|()| None) }
    }

    /// The digits of the next value if it is a number.
    #[inline]
    pub(super) fn number(&mut self) -> Result<Option<&'a str>> {
        if matches!(self.next(), b'-' | b'0'..=b'9') {
            let start = self.at;
            self.skip_number()?;
            Ok(Some(&self.text[start..self.at]))
        } else {
            self.skip().map(|()| None)
        }
    }

    /// Calls `each` with every key of the next value if it is an object; `each` takes or skips the
    /// value of the key. The answer is whether it was an object.
    #[inline]
    pub(super) fn object(&mut self, mut each: impl FnMut(&mut Self, &Text<'a>) -> Result<()>) -> Result<bool> {
        if self.next() != b'{' {
            return self.skip().map(|()| false);
        }
        self.enter()?;
        if self.next() == b'}' {
            self.leave();
            return Ok(true);
        }
        loop {
            if self.next() != b'"' {
                return Err(Invalid);
            }
            let key = self.string()?;
            self.colon()?;
            each(self, &key)?;
            match self.next() {
                b',' => self.at += 1,
                b'}' => {
                    self.leave();
                    return Ok(true);
                }
                _ => return Err(Invalid),
            }
        }
    }

    /// Calls `each` for every element of the next value if it is an array; `each` takes or skips
    /// the element. The answer is whether it was an array.
    #[inline]
    pub(super) fn array(&mut self, mut each: impl FnMut(&mut Self) -> Result<()>) -> Result<bool> {
        if self.next() != b'[' {
            return self.skip().map(|()| false);
        }
        self.enter()?;
        if self.next() == b']' {
            self.leave();
            return Ok(true);
        }
        loop {
            each(self)?;
            match self.next() {
                b',' => self.at += 1,
                b']' => {
                    self.leave();
                    return Ok(true);
                }
                _ => return Err(Invalid),
            }
        }
    }

    /// The next value, which is `true`, `false` or `null`.
    pub(super) fn literal(&mut self) -> Result<Option<bool>> {
        let first = self.next();
        self.skip_scalar()?;
        match first {
            b't' => Ok(Some(true)),
            b'f' => Ok(Some(false)),
            b'n' => Ok(None),
            _ => Err(Invalid),
        }
    }

    #[inline]
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    #[inline]
    fn whitespace(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\t' | b'\r') {
            self.at += 1;
        }
    }

    fn enter(&mut self) -> Result<()> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEEPEST { Err(Invalid) } else { Ok(()) }
    }

    fn leave(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    #[inline]
    fn colon(&mut self) -> Result<()> {
        if self.next() != b':' {
            return Err(Invalid);
        }
        self.at += 1;
        Ok(())
    }

    /// Passes over a key and its colon.
    #[inline]
    fn skip_key(&mut self) -> Result<()> {
        if self.next() != b'"' {
            return Err(Invalid);
        }
        self.skip_string()?;
        self.colon()
    }

    /// Passes over an array or an object without recursion: one bit for each that is open.
    fn skip_nested(&mut self) -> Result<()> {
        let mut objects: u128 = 0;
        let outside = self.depth;
        loop {
            match self.next() {
                b'"' => self.skip_string()?,
                b'{' => {
                    self.enter()?;
                    objects = objects << 1 | 1;
                    if self.next() != b'}' {
                        self.skip_key()?;
                        continue;
                    }
                    self.leave();
                    objects >>= 1;
                }
                b'[' => {
                    self.enter()?;
                    objects <<= 1;
                    if self.next() != b']' {
                        continue;
                    }
                    self.leave();
                    objects >>= 1;
                }
                _ => self.skip_scalar()?,
            }
            loop {
                if self.depth == outside {
                    return Ok(());
                }
                match (self.next(), objects & 1) {
                    (b',', kind) => {
                        self.at += 1;
                        if kind == 1 {
                            self.skip_key()?;
                        }
                        break;
                    }
                    (b'}', 1) | (b']', 0) => {
                        self.leave();
                        objects >>= 1;
                    }
                    _ => return Err(Invalid),
                }
            }
        }
    }

    fn skip_scalar(&mut self) -> Result<()> {
        let word: &[u8] = match self.peek() {
            b'-' | b'0'..=b'9' => return self.skip_number(),
            b't' => b"true",
            b'f' => b"false",
            b'n' => b"null",
            _ => return Err(Invalid),
        };
        if self.bytes[self.at..].starts_with(word) {
            self.at += word.len();
            Ok(())
        } else {
            Err(Invalid)
        }
    }

    #[inline]
    fn skip_number(&mut self) -> Result<()> {
        if self.peek() == b'-' {
            self.at += 1;
        }
        if self.peek() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        // A digit may not follow a leading zero.
        if self.peek().is_ascii_digit() { Err(Invalid) } else { Ok(()) }
    }

    #[inline]
    fn digits(&mut self) -> Result<()> {
        if !self.peek().is_ascii_digit() {
            return Err(Invalid);
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    /// Moves to the next quote, backslash or control character.
    #[inline]
    fn run(&mut self) {
        while let Some(word) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*word);
            let zero = |word: u64| word.wrapping_sub(ONES) & !word;
            let quote = zero(word ^ (0x22 * ONES));
            let backslash = zero(word ^ (0x5c * ONES));
            let control = word.wrapping_sub(0x20 * ONES) & !word;
            let found = (quote | backslash | control) & HIGH;
            if found != 0 {
                self.at += (found.trailing_zeros() / 8) as usize;
                return;
            }
            self.at += 8;
        }
        while !matches!(self.peek(), b'"' | b'\\' | 0..0x20) {
            self.at += 1;
        }
    }

    /// Passes over a string; stands at its opening quote.
    #[inline]
    fn skip_string(&mut self) -> Result<()> {
        self.at += 1;
        loop {
            self.run();
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    self.escape()?;
                }
                _ => return Err(Invalid),
            }
        }
    }

    /// Takes a string; stands at its opening quote.
    #[inline]
    fn string(&mut self) -> Result<Text<'a>> {
        let start = self.at + 1;
        self.at = start;
        self.run();
        if self.peek() == b'"' {
            let text = &self.text[start..self.at];
            self.at += 1;
            Ok(Cow::Borrowed(text))
        } else {
            self.escaped_string(start).map(Cow::Owned)
        }
    }

    #[cold]
    fn escaped_string(&mut self, start: usize) -> Result<String> {
        let mut out = self.text[start..self.at].to_owned();
        loop {
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    return Ok(out);
                }
                b'\\' => out.push(self.escape()?),
                _ => return Err(Invalid),
            }
            let from = self.at;
            self.run();
            out.push_str(&self.text[from..self.at]);
        }
    }

    /// The character that an escape stands for; stands at the backslash.
    fn escape(&mut self) -> Result<char> {
        self.at += 1;
        let kind = self.peek();
        self.at += 1;
        Ok(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.hex4()?;
                if !(0xd800..0xe000).contains(&unit) {
                    return char::from_u32(unit).ok_or(Invalid);
                }
                if unit >= 0xdc00 || self.bytes.get(self.at..self.at + 2) != Some(br"\u") {
                    return Err(Invalid);
                }
                self.at += 2;
                let low = self.hex4()?;
                if !(0xdc00..0xe000).contains(&low) {
                    return Err(Invalid);
                }
                char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)).ok_or(Invalid)?
            }
            _ => return Err(Invalid),
        })
    }

    fn hex4(&mut self) -> Result<u32> {
        let digits = self.bytes.get(self.at..self.at + 4).ok_or(Invalid)?;
        self.at += 4;
        digits.iter().try_fold(0, |value, digit| {
            let digit = char::from(*digit).to_digit(16).ok_or(Invalid)?;
            Ok(value << 4 | digit)
        })
    }
}
