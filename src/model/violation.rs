use serde::{Deserialize, Serialize};

use super::mask_text;

/// One thing wrong with a request: which field, which rule, which value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Path of the field, for example `filters.min_value`.
    pub field: String,
    /// The rule, in words.
    pub rule: String,
    /// The value received, at most 100 characters.
    pub value: String,
}

impl Violation {
    /// A violation; CPFs of the value are masked, and it is cut to 100 characters.
    pub fn new(field: impl Into<String>, rule: impl Into<String>, value: impl ToString) -> Self {
        let value = mask_text(&value.to_string()).into_owned();
        let value = match value.char_indices().nth(100) {
            Some((at, _)) => format!("{}…", &value[..at]),
            None => value,
        };
        Self { field: field.into(), rule: rule.into(), value }
    }
}
