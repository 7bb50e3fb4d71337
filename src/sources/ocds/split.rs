//! Cuts a JSON text into releases and records, without parsing them.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memchr2;
use memchr::memmem::Finder;

/// Arrays in arrays and packages in packages that are looked into.
const MAX_NESTING: usize = 4;

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

/// Calls `visit` with the place of each element of the array that `range` begins with.
pub(in crate::sources) fn elements(bytes: &[u8], range: Range<usize>, visit: &mut dyn FnMut(Range<usize>)) {
    let bytes = bytes.get(..range.end).unwrap_or_default();
    let mut at = skip_blanks(bytes, range.start + 1);
    while at < bytes.len() && bytes[at] != b']' {
        let end = value_end(bytes, at);
        if end > at {
            visit(at..end);
            at = skip_blanks(bytes, end);
        } else if bytes[at] != b',' {
            // Nothing after it can be told apart.
            return visit(at..bytes.len());
        }
        if bytes.get(at) == Some(&b',') {
            at = skip_blanks(bytes, at + 1);
        }
    }
}

/// Calls `visit` with key, quotes and all, and place of each member of the object that `range`
/// begins with.
pub(in crate::sources) fn members(bytes: &[u8], range: Range<usize>, visit: &mut dyn FnMut(&[u8], Range<usize>)) {
    let bytes = bytes.get(..range.end).unwrap_or_default();
    let mut at = skip_blanks(bytes, range.start + 1);
    while bytes.get(at) == Some(&b'"') {
        let key = at..value_end(bytes, at);
        at = skip_blanks(bytes, key.end);
        if bytes.get(at) != Some(&b':') {
            return;
        }
        at = skip_blanks(bytes, at + 1);
        let end = value_end(bytes, at);
        if end == at {
            return;
        }
        visit(&bytes[key], at..end);
        at = skip_blanks(bytes, end);
        if bytes.get(at) == Some(&b',') {
            at = skip_blanks(bytes, at + 1);
        }
    }
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
        Some(b'[') => Some(range.clone()),
        Some(b'{') if may_be_package(&bytes[range.clone()]) => package(bytes, range.clone()),
        _ => None,
    };
    match inside {
        Some(array) => elements(bytes, array, &mut |element| nested(bytes, element, nesting - 1, emit)),
        None => emit(range),
    }
}

/// Whether an object may be a package: a quick look that spares most releases a closer one.
fn may_be_package(bytes: &[u8]) -> bool {
    static LISTS: LazyLock<[Finder<'_>; 2]> = LazyLock::new(|| ["\"releases\"", "\"records\""].map(Finder::new));
    LISTS.iter().any(|list| list.find(bytes).is_some())
}

/// The array of a package. An object with an `ocid` or a compiled release of its own is a record,
/// whatever it lists.
fn package(bytes: &[u8], range: Range<usize>) -> Option<Range<usize>> {
    let (mut releases, mut records, mut record) = (None, None, false);
    members(bytes, range, &mut |key, value| match key {
        b"\"ocid\"" => record = true,
        b"\"compiledRelease\"" => record |= bytes.get(value.start) == Some(&b'{'),
        b"\"records\"" if bytes.get(value.start) == Some(&b'[') => records = Some(value),
        b"\"releases\"" if bytes.get(value.start) == Some(&b'[') => releases = Some(value),
        _ => {}
    });
    match records {
        Some(records) => Some(records),
        None => releases.filter(|_| !record),
    }
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
