//! Cuts a JSON text into releases and records, without parsing them.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memchr2;
use memchr::memmem::Finder;

/// Arrays in arrays and packages in packages that are looked into.
const MAX_NESTING: usize = 4;
/// Bytes of an array or package without an end that are shown.
const SHOWN_BYTES: usize = 1_024;

/// Finds where a JSON value ends; it is fed block by block.
#[derive(Debug, Default)]
pub(in crate::sources) struct Skipper {
    depth: usize,
    in_string: bool,
    escaped: bool,
    scalar: bool,
}

impl Skipper {
    /// How many bytes of the block still belong to the value, once it ends in this block. The first
    /// block begins with the first byte of the value; 0 means that no value begins there.
    pub(in crate::sources) fn feed(&mut self, block: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(byte) = block.get(at) {
            if self.in_string {
                if self.escaped {
                    self.escaped = false;
                    at += 1;
                    continue;
                }
                at += memchr2(b'"', b'\\', &block[at..])?;
                if block[at] == b'\\' {
                    self.escaped = true;
                } else {
                    self.in_string = false;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                at += 1;
                continue;
            }
            match byte {
                b'"' | b'{' | b'[' if self.scalar => return Some(at),
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth <= 1 => return Some(at + self.depth),
                b'}' | b']' => self.depth -= 1,
                b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return Some(at),
                _ if self.depth == 0 => self.scalar = true,
                _ => {}
            }
            at += 1;
        }
        None
    }
}

/// Whether a byte stands between values.
pub(in crate::sources) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn skip_blanks(bytes: &[u8], at: usize) -> usize {
    at + bytes.get(at..).unwrap_or_default().iter().take_while(|byte| is_blank(**byte)).count()
}

/// Where the value ends that begins at `at`; the end of the text where it is cut off.
fn value_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + Skipper::default().feed(rest).unwrap_or(rest.len())
}

/// What is left of a range when an array or object in it has been cut into its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sources) enum Left {
    /// It ends with the bracket.
    Nothing,
    /// What is wrong with it is in the last part that was visited.
    Visited,
    /// Something begins here that is none of its parts; the end of the range: only the bracket is missing.
    At(usize),
}

/// Calls `visit` with the place of each element of the array that `range` begins with.
pub(in crate::sources) fn elements(bytes: &[u8], range: Range<usize>, visit: &mut dyn FnMut(Range<usize>)) -> Left {
    let bytes = bytes.get(..range.end).unwrap_or_default();
    let mut at = skip_blanks(bytes, range.start + 1);
    while at < bytes.len() && bytes[at] != b']' {
        let rest = &bytes[at..];
        match Skipper::default().feed(rest) {
            // It is cut off.
            None => {
                visit(at..bytes.len());
                return Left::Visited;
            }
            Some(0) if rest[0] != b',' => {
                // Nothing after it can be told apart.
                visit(at..bytes.len());
                return Left::Visited;
            }
            Some(0) => {}
            Some(length) => {
                visit(at..at + length);
                at = skip_blanks(bytes, at + length);
            }
        }
        if bytes.get(at) == Some(&b',') {
            at = skip_blanks(bytes, at + 1);
        }
    }
    after(bytes, at)
}

/// What is left where the closing bracket is to be at `at`.
fn after(bytes: &[u8], at: usize) -> Left {
    let next = skip_blanks(bytes, at + 1);
    if at < bytes.len() && next >= bytes.len() { Left::Nothing } else { Left::At(next.min(bytes.len())) }
}

/// Calls `visit` with key, quotes and all, and place of each member of the object that `range`
/// begins with.
pub(in crate::sources) fn members(
    bytes: &[u8],
    range: Range<usize>,
    visit: &mut dyn FnMut(&[u8], Range<usize>),
) -> Left {
    let bytes = bytes.get(..range.end).unwrap_or_default();
    let mut at = skip_blanks(bytes, range.start + 1);
    while bytes.get(at) == Some(&b'"') {
        let key = at..value_end(bytes, at);
        at = skip_blanks(bytes, key.end);
        if bytes.get(at) != Some(&b':') {
            return Left::At(at);
        }
        at = skip_blanks(bytes, at + 1);
        let end = value_end(bytes, at);
        if end == at {
            return Left::At(at);
        }
        visit(&bytes[key], at..end);
        at = skip_blanks(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at = skip_blanks(bytes, at + 1);
        }
    }
    if bytes.get(at) == Some(&b'}') || at >= bytes.len() { after(bytes, at) } else { Left::At(at) }
}

/// Calls `emit` with the place of every release and record in the JSON value that `range` holds:
/// the elements of arrays and packages, one by one. What is neither is one unit: the parser will
/// tell what is wrong with it.
pub(super) fn units(bytes: &[u8], range: Range<usize>, emit: &mut dyn FnMut(Range<usize>)) {
    nested(bytes, range, MAX_NESTING, emit);
}

fn nested(bytes: &[u8], range: Range<usize>, nesting: usize, emit: &mut dyn FnMut(Range<usize>)) {
    let inside = match bytes.get(range.start) {
        _ if nesting == 0 => None,
        Some(b'[') => Some((vec![range.clone()], Left::Nothing)),
        Some(b'{') if may_be_package(&bytes[range.clone()]) => package(bytes, range.clone()),
        _ => None,
    };
    match inside {
        Some((arrays, after)) => {
            let mut within = Left::Nothing;
            for array in arrays {
                within = elements(bytes, array, &mut |element| nested(bytes, element, nesting - 1, emit));
            }
            // What follows an array without an end is within it.
            match if within == Left::Nothing { after } else { within } {
                Left::Nothing | Left::Visited => {}
                // Whatever it is, it is not lost in silence. As a rule something that is no JSON.
                Left::At(at) if at < range.end => {
                    let separators = bytes[at..range.end].iter().take_while(|byte| is_blank(**byte) || **byte == b',');
                    let start = (at + separators.count()).min(range.end - 1);
                    nested(bytes, start..range.end, nesting - 1, emit);
                }
                // So little of it is none, for it has no end.
                Left::At(_) => emit(range.start..range.end.min(range.start + SHOWN_BYTES)),
            }
        }
        None => emit(range),
    }
}

/// Whether an object may be a package: a quick look that spares most releases a closer one.
fn may_be_package(bytes: &[u8]) -> bool {
    static LISTS: LazyLock<[Finder<'_>; 2]> = LazyLock::new(|| ["\"releases\"", "\"records\""].map(Finder::new));
    LISTS.iter().any(|list| list.find(bytes).is_some())
}

/// The arrays of a package, and what is left of it. An object with an `ocid` or a compiled release of its own is a record,
/// whatever it lists.
fn package(bytes: &[u8], range: Range<usize>) -> Option<(Vec<Range<usize>>, Left)> {
    let (mut arrays, mut has_records, mut record) = (Vec::new(), false, false);
    let after = members(bytes, range, &mut |key, value| match key {
        b"\"ocid\"" => record = true,
        b"\"compiledRelease\"" => record |= bytes.get(value.start) == Some(&b'{'),
        b"\"records\"" | b"\"releases\"" if bytes.get(value.start) == Some(&b'[') => {
            has_records |= key == b"\"records\"";
            arrays.push(value);
        }
        _ => {}
    });
    Some((arrays, after)).filter(|(arrays, _)| !arrays.is_empty() && (has_records || !record))
}

/// Calls `found` with each value of a key `ocid` in the text, at whatever depth, without its quotes
/// and still escaped.
pub(super) fn ocids<'a>(bytes: &'a [u8], found: &mut dyn FnMut(&'a [u8])) {
    // Inside a string the quotes would stand escaped.
    static OCID: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new("\"ocid\""));
    for key in OCID.find_iter(bytes) {
        let colon = skip_blanks(bytes, key + 6);
        if bytes.get(colon) != Some(&b':') {
            continue;
        }
        let value = skip_blanks(bytes, colon + 1);
        if bytes.get(value) == Some(&b'"') {
            let end = value_end(bytes, value);
            found(&bytes[value + 1..end.saturating_sub(1).max(value + 1)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        units(text.as_bytes(), 0..text.len(), &mut |range| found.push(range));
        found.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn values_end_where_they_end_whatever_the_blocks() {
        for (text, end) in
            [(r#"{"a":"}\"]","b":[{}]} x"#, 21), (r#""a\\" "#, 5), ("12.5e3,", 6), ("[]", 2), ("true}", 4), ("1\"", 1)]
        {
            for size in 1..=text.len() {
                let mut skipper = Skipper::default();
                let mut done = 0;
                let ends = text.as_bytes().chunks(size).find_map(|block| {
                    let ended = skipper.feed(block).map(|n| done + n);
                    done += block.len();
                    ended
                });
                assert_eq!(ends, Some(end), "{text} in blocks of {size}");
            }
        }
        assert_eq!(Skipper::default().feed(b"{\"a\":1"), None);
        assert_eq!(Skipper::default().feed(b",1"), Some(0));
        assert_eq!(Skipper::default().feed(b"]"), Some(0));
    }

    #[test]
    fn packages_and_arrays_are_cut_and_records_are_not() {
        assert_eq!(cut(r#"{"ocid":"a","tender":{"releases":[1]}}"#).len(), 1);
        assert_eq!(
            cut(r#"{"uri":"releases","releases": [ {"ocid":"a"} , {"ocid":"b"}]}"#),
            [r#"{"ocid":"a"}"#, r#"{"ocid":"b"}"#]
        );
        assert_eq!(cut(r#"[{"ocid":"a"},{"releases":[{"ocid":"b"},{"ocid":"c"}]}]"#).len(), 3);
        assert_eq!(cut(r#"{"records":[{"ocid":"a","releases":[{},{}]}]}"#), [r#"{"ocid":"a","releases":[{},{}]}"#]);
        assert_eq!(cut(r#"{"releases":[{},{}],"ocid":"a"}"#).len(), 1);
        assert_eq!(cut(r#"{"releases":[{"ocid":"a"}],"compiledRelease":{"ocid":"a"}}"#).len(), 1);
        assert_eq!(cut(r#"{"releases":{"a":1}}"#).len(), 1);
        assert_eq!(cut("[]"), [""; 0]);
        assert_eq!(cut("[1,,2]"), ["1", "2"]);
        assert_eq!(cut("[,{},,,{},]"), ["{}", "{}"]);
        assert_eq!(cut("[{}:{}]"), ["{}", ":{}]"]);
        assert_eq!(cut(r#"{"releases":[{"ocid""#), [r#"{"ocid""#]);
        assert_eq!(cut(r#"{"releases":[{"a":1}],"records":[{"b":1}],"releases":[{"c":1}]}"#).len(), 3);
        // What is no part of it is told, and so is an end that is missing.
        assert_eq!(cut(r#"{"releases":[{}] x}"#), ["{}", "x}"]);
        assert_eq!(cut(r#"{"releases":[{}],"a":1} x"#), ["{}", "x"]);
        assert_eq!(cut(r#"{"releases":[{}],"a"}"#), ["{}", "}"]);
        assert_eq!(cut(r#"{"releases":[{}],"a":}"#), ["{}", "}"]);
        assert_eq!(cut("[{}] {}"), ["{}", "{}"]);
        assert_eq!(cut(r#"{"releases":[{}]},{"releases":[{},{}]}"#), ["{}"; 3]);
        assert_eq!(cut("[{},"), ["{}", "[{},"]);
        assert_eq!(cut("["), ["["]);
        assert_eq!(cut(r#"{"releases":[{}"#), ["{}", r#"{"releases":[{}"#]);
        assert_eq!(cut(r#"{"releases":[{}],"#), ["{}", r#"{"releases":[{}],"#]);
        assert_eq!(cut(r#"[{"releases":[{}]},{"releases":[{}]"#), ["{}", "{}", r#"{"releases":[{}]"#]);
    }

    #[test]
    fn ocids_are_found_as_keys_only() {
        let find = |text: &'static str| {
            let mut found = Vec::new();
            ocids(text.as_bytes(), &mut |ocid| found.push(std::str::from_utf8(ocid).unwrap()));
            found
        };
        assert_eq!(find(r#"{"ocid" : "ocds-1","x":{"ocid":"b\"c"}}"#), ["ocds-1", "b\\\"c"]);
        assert_eq!(find(r#"{"title":"the \"ocid\":\"x\" of","k":"ocid","ocid":7}"#), [""; 0]);
        assert_eq!(find(r#"{"ocid":""#), [""]);
    }
}
