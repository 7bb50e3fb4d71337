//! Path templates of `google.api.http`: `/v1/{name=shelves/*}/books/**:read`.
//!
//! ```text
//! template = "/" segments [ ":" literal ]
//! segments = segment { "/" segment }
//! segment  = "*" | "**" | literal | "{" field { "." field } [ "=" segments ] "}"
//! ```
//!
//! `*` is one segment, not empty; `**` is any number of them, and may only stand last.

use std::fmt;

/// A piece of a template between two slashes, variables taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// This text.
    Literal(String),
    /// `*`: one segment.
    One,
    /// `**`: all that follow.
    Rest,
}

/// A variable: the field that takes the text of some segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Path of the field from the request, for example `["filters", "year"]`.
    pub path: Vec<String>,
    /// First of its segments, an index into [`Template::segments`].
    pub start: usize,
    /// The one after its last.
    pub end: usize,
}

/// A parsed path template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    segments: Vec<Segment>,
    variables: Vec<Variable>,
    verb: Option<String>,
}

/// Why a template is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path template {template:?}, byte {at}: {rule}")]
pub struct TemplateError {
    /// The template.
    pub template: String,
    /// Where, in bytes from its start.
    pub at: usize,
    /// The rule that it breaks.
    pub rule: &'static str,
}

/// How the paths of two templates stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// No path matches both.
    Apart,
    /// The first one is part of the second.
    Within,
    /// The second one is part of the first.
    Around,
    /// They are the same.
    Same,
    /// Some paths match both, and each has paths of its own.
    Crossing,
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    /// [`TemplateError`] says where and why.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parser = Parser { text, at: 0, segments: Vec::new(), variables: Vec::new() };
        parser.expect('/', "must start with a slash")?;
        parser.segments(false)?;
        let mut verb = None;
        if parser.eat(':') {
            verb = Some(parser.literal()?);
        }
        if parser.at < text.len() {
            return Err(parser.error("must end here"));
        }
        let last = parser.segments.len() - 1;
        if parser.segments[..last].contains(&Segment::Rest) {
            return Err(parser.error("** may only be the last segment"));
        }
        Ok(Self { text: text.to_owned(), segments: parser.segments, variables: parser.variables, verb })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Its segments, those of variables among them.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Its variables, in the order of their segments.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// What stands after the colon.
    pub fn verb(&self) -> Option<&str> {
        self.verb.as_deref()
    }

    /// How the paths that this template matches stand to those of another one.
    pub fn overlap(&self, other: &Self) -> Overlap {
        let mut narrower = [false, false];
        match (&self.verb, &other.verb) {
            (Some(one), Some(two)) if one != two => return Overlap::Apart,
            (Some(_), None) if other.ends_literally() => return Overlap::Apart,
            (None, Some(_)) if self.ends_literally() => return Overlap::Apart,
            (Some(_), None) => narrower[0] = true,
            (None, Some(_)) => narrower[1] = true,
            _ => {}
        }
        let mut at = 0;
        loop {
            match (self.segments.get(at), other.segments.get(at)) {
                (None, None) => break,
                (Some(Segment::Rest), Some(Segment::Rest)) => break,
                (_, Some(Segment::Rest)) => {
                    narrower[0] = true;
                    break;
                }
                (Some(Segment::Rest), _) => {
                    narrower[1] = true;
                    break;
                }
                (None, Some(_)) | (Some(_), None) => return Overlap::Apart,
                (Some(Segment::Literal(one)), Some(Segment::Literal(two))) if one != two => return Overlap::Apart,
                (Some(Segment::Literal(_)), Some(Segment::One)) => narrower[0] = true,
                (Some(Segment::One), Some(Segment::Literal(_))) => narrower[1] = true,
                (Some(_), Some(_)) => {}
            }
            at += 1;
        }
        match narrower {
            [false, false] => Overlap::Same,
            [true, false] => Overlap::Within,
            [false, true] => Overlap::Around,
            [true, true] => Overlap::Crossing,
        }
    }

    /// Whether the last segment is a literal, which holds no colon.
    fn ends_literally(&self) -> bool {
        matches!(self.segments.last(), Some(Segment::Literal(_)))
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    segments: Vec<Segment>,
    variables: Vec<Variable>,
}

impl Parser<'_> {
    fn error(&self, rule: &'static str) -> TemplateError {
        TemplateError { template: self.text.to_owned(), at: self.at, rule }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn eat(&mut self, c: char) -> bool {
        let there = self.rest().starts_with(c);
        if there {
            self.at += c.len_utf8();
        }
        there
    }

    fn expect(&mut self, c: char, rule: &'static str) -> Result<(), TemplateError> {
        if self.eat(c) { Ok(()) } else { Err(self.error(rule)) }
    }

    fn segments(&mut self, within_variable: bool) -> Result<(), TemplateError> {
        loop {
            if self.eat('*') {
                let segment = if self.eat('*') { Segment::Rest } else { Segment::One };
                self.segments.push(segment);
            } else if self.rest().starts_with('{') {
                if within_variable {
                    return Err(self.error("a variable must not hold another one"));
                }
                self.at += 1;
                self.variable()?;
            } else {
                let literal = self.literal()?;
                self.segments.push(Segment::Literal(literal));
            }
            if !self.eat('/') {
                return Ok(());
            }
        }
    }

    fn variable(&mut self) -> Result<(), TemplateError> {
        let mut path = vec![self.ident()?];
        while self.eat('.') {
            path.push(self.ident()?);
        }
        let start = self.segments.len();
        if self.eat('=') {
            self.segments(true)?;
        } else {
            self.segments.push(Segment::One);
        }
        self.expect('}', "a variable must end with a brace")?;
        if self.variables.iter().any(|variable| variable.path == path) {
            return Err(self.error("a field must not be bound twice"));
        }
        self.variables.push(Variable { path, start, end: self.segments.len() });
        Ok(())
    }

    fn ident(&mut self) -> Result<String, TemplateError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return Err(self.error("a field must start with a letter"));
        }
        let ident = rest[..end].to_owned();
        self.at += end;
        Ok(ident)
    }

    fn literal(&mut self) -> Result<String, TemplateError> {
        let rest = self.rest();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()+,;@".contains(c);
        let end = rest.find(|c: char| !fits(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.error("a segment must be *, **, a variable or letters, digits and -._~!$&'()+,;@"));
        }
        let literal = rest[..end].to_owned();
        self.at += end;
        Ok(literal)
    }
}
