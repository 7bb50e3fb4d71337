//! The INI dialect of Cardinal's settings: `;` and `#` start a comment at the start of a line only, `=` or `:`
//! parts a key from its value, quotes may hold a value, `\` escapes.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use super::settings::SettingsError;

/// Keys and values by section; keys before the first section are in the section without a name.
pub(super) type Sections = BTreeMap<String, BTreeMap<String, String>>;

/// Reads a text. Of a section or a key that repeats, the last counts.
pub(super) fn parse(text: &str) -> Result<Sections, SettingsError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { chars: text.chars().peekable(), line: 1, column: 0 };
    let mut sections = Sections::new();
    let mut section = String::new();
    let mut key = String::new();
    reader.skip(char::is_whitespace);
    while let Some(next) = reader.peek() {
        // What has no end is read to the last line.
        let begun = reader.line;
        match next {
            ';' | '#' if reader.column == 0 => reader.skip(|c| c != '\n'),
            ';' | '#' => return Err(reader.error("a comment stands at the start of its line")),
            '[' => {
                reader.bump();
                section = reader.until(|c| c == ']')?.ok_or_else(|| error(begun, "a section ends with ]"))?;
                section = section.trim().to_owned();
                reader.bump();
                sections.insert(section.clone(), BTreeMap::new());
            }
            '=' | ':' if key.is_empty() => return Err(reader.error("a value has a key before it")),
            '=' | ':' => {
                reader.bump();
                reader.skip(|c| c.is_whitespace() && !end_of_line(c));
                let value = reader.value()?;
                sections.entry(section.clone()).or_default().insert(std::mem::take(&mut key), value.trim().to_owned());
            }
            _ => {
                let read = reader.until(|c| matches!(c, '=' | ':'))?;
                let read = read.filter(|key| !key.trim().contains('\n'));
                key = read.ok_or_else(|| error(begun, "a key has = and a value after it"))?.trim().to_owned();
            }
        }
        reader.skip(char::is_whitespace);
    }
    Ok(sections)
}

fn end_of_line(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

const fn error(line: usize, rule: &'static str) -> SettingsError {
    SettingsError::Syntax { line, rule }
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    line: usize,
    /// Characters of the line before the next one.
    column: usize,
}

impl Reader<'_> {
    fn error(&self, rule: &'static str) -> SettingsError {
        error(self.line, rule)
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().copied()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.chars.next();
        match next {
            Some('\n') => {
                self.line += 1;
                self.column = 0;
            }
            Some(_) => self.column += 1,
            None => {}
        }
        next
    }

    fn skip(&mut self, which: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&which) {
            self.bump();
        }
    }

    fn value(&mut self) -> Result<String, SettingsError> {
        let mut value = String::new();
        if let Some(quote) = self.peek().filter(|c| matches!(c, '"' | '\'')) {
            let begun = self.line;
            self.bump();
            value = self.until(|c| c == quote)?.ok_or_else(|| error(begun, "a quoted value ends with its quote"))?;
            self.bump();
        }
        let (rest, _) = self.part(end_of_line)?;
        Ok(value + &rest)
    }

    /// The text before the next of these characters; `None` if there is none.
    fn until(&mut self, end: impl Fn(char) -> bool) -> Result<Option<String>, SettingsError> {
        let (text, ended) = self.part(end)?;
        Ok(ended.then_some(text))
    }

    /// The text before the next of these characters, and whether there is one.
    fn part(&mut self, end: impl Fn(char) -> bool) -> Result<(String, bool), SettingsError> {
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Ok((text, false)),
                Some(c) if end(c) => return Ok((text, true)),
                Some('\\') => {
                    self.bump();
                    text.extend(self.escape()?);
                }
                Some(c) => {
                    self.bump();
                    text.push(c);
                }
            }
        }
    }

    /// What an escape stands for: nothing, if it is the end of a line.
    fn escape(&mut self) -> Result<Option<char>, SettingsError> {
        let begun = self.line;
        let Some(kind) = self.bump() else { return Err(error(begun, "\\ stands before a character")) };
        Ok(Some(match kind {
            '0' => '\0',
            'a' => '\u{7}',
            'b' => '\u{8}',
            't' => '\t',
            'r' => '\r',
            'n' => '\n',
            '\n' => return Ok(None),
            'x' => {
                let digits: String = (0..4).map_while(|_| self.bump()).collect();
                let code = if digits.len() == 4 { u32::from_str_radix(&digits, 16).ok() } else { None };
                code.and_then(char::from_u32).ok_or_else(|| error(begun, "\\x has four hexadecimal digits"))?
            }
            other => other,
        }))
    }
}
