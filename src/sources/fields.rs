//! The fields of a record, and how their characters are told.

use encoding_rs::mem;

/// Characters of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// ISO-8859-1: a byte is a character.
    Latin1,
    /// UTF-8: a file that somebody saved again.
    Utf8,
}

/// The fields of one record, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    text: String,
    ends: Vec<usize>,
}

impl Fields {
    /// Number of fields.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The field at `index`; empty beyond the last.
    pub(crate) fn get(&self, index: usize) -> &str {
        let Some(&end) = self.ends.get(index) else { return "" };
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        &self.text[start..end]
    }

    /// Every field.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Takes out every field of a value.
    pub(super) fn blank(&mut self, value: &str) {
        if self.iter().any(|field| field == value) {
            let mut kept = Self::default();
            self.iter().for_each(|field| kept.push(if field == value { "" } else { field }));
            *self = kept;
        }
    }

    /// Bytes that it holds memory for.
    pub(crate) fn capacity(&self) -> usize {
        self.text.capacity()
    }

    /// All fields in one text, and where each ends in it: equal for equal records only.
    pub(crate) fn parts(&self) -> (&str, &[usize]) {
        (&self.text, &self.ends)
    }

    /// Appends a field.
    pub(super) fn push(&mut self, field: &str) {
        self.text.push_str(field);
        self.ends.push(self.text.len());
    }

    /// Takes the fields whose bytes end at `ends`, by way of `wide`; `None` if they are not of this encoding.
    ///
    /// A record of UTF-8 inside a file of ISO-8859-1 is told by its bytes: hardly any text of the latter that
    /// goes beyond ASCII happens to be valid UTF-8. The other way round nothing can be told.
    pub(super) fn decode(&mut self, bytes: &[u8], ends: &[usize], encoding: Encoding, wide: &mut String) -> Option<()> {
        self.ends.clear();
        self.text.clear();
        // The end of one field and the beginning of the next one may look like a letter together.
        let utf8 = std::str::from_utf8(bytes)
            .ok()
            .filter(|text| text.is_ascii() || ends.iter().all(|end| text.is_char_boundary(*end)));
        match (utf8, encoding) {
            (Some(text), _) => {
                self.text.push_str(text);
                self.ends.extend_from_slice(ends);
            }
            (None, Encoding::Utf8) => return None,
            (None, Encoding::Latin1) => {
                if wide.len() < bytes.len() * 2 {
                    *wide = "\0".repeat(bytes.len() * 2);
                }
                let length = mem::convert_latin1_to_str(bytes, wide);
                self.text.push_str(wide.get(..length)?);
                let (mut start, mut longer) = (0, 0);
                for &end in ends {
                    longer += bytes[start..end].iter().filter(|byte| !byte.is_ascii()).count();
                    self.ends.push(end + longer);
                    start = end;
                }
            }
        }
        Some(())
    }
}
