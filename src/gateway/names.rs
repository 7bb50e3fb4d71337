//! How enum values are spelt in JSON: short and in lower case, without the name of their type.

use prost_reflect::{EnumDescriptor, EnumValueDescriptor};

/// The spelling of a value on output: `INVESTIGATION_TYPE_ANOMALY_DETECTION` of `InvestigationType` is
/// `anomaly_detection`. A value without the name of its type in front is only put into lower case.
pub fn short(value: &EnumValueDescriptor) -> String {
    let prefix = prefix(value.parent_enum());
    let name = value.name();
    let rest = name.strip_prefix(prefix.as_str()).filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    rest.unwrap_or(name).to_ascii_lowercase()
}

/// The number that a caller means by a word: the short or the full name, in any case.
pub fn number(of: &EnumDescriptor, word: &str) -> Option<i32> {
    of.values()
        .find(|value| value.name().eq_ignore_ascii_case(word) || short(value).eq_ignore_ascii_case(word))
        .map(|value| value.number())
}

/// Every spelling that [`short`] gives for an enum, in the order of its declaration, without the one of the value
/// that stands for "not set".
pub fn choices(of: &EnumDescriptor) -> Vec<String> {
    of.values().map(|value| short(&value)).filter(|name| name != "unspecified").collect()
}

/// `JobState` → `JOB_STATE_`.
fn prefix(of: &EnumDescriptor) -> String {
    let mut out = String::new();
    let mut before = '_';
    for c in of.name().chars() {
        if c.is_ascii_uppercase() && !before.is_ascii_uppercase() && before != '_' {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
        before = c;
    }
    out.push('_');
    out
}
