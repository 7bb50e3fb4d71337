//! Compiles the releases of one process (OCDS 1.1, "Merging").
//!
//! Releases are taken in the order of their dates. A later value replaces an earlier one, null
//! removes it, objects are merged member by member, arrays of objects by the `id` of their
//! elements; an array that holds anything else, or that the schema marks `wholeListMerge`, is
//! replaced as a whole. `id`, `date` and `tag` of a release are of the release, not of the process.
//!
//! A compiled release among them is a state, not an event: an element that its lists leave out is no
//! longer there. Publishers number the same items anew in each state, so merging by `id` alone would
//! keep all of them. A list that it does not have, or has empty, says nothing: there are publishers
//! whose later states do not repeat awards and contracts.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use super::json::{Scalar, View};
use super::values::parse_moment;

/// Arrays of objects that are replaced as a whole, as the release schema of OCDS 1.1 marks them.
const WHOLE_LISTS: [&str; 5] =
    ["additionalClassifications", "additionalIdentifiers", "changes", "suppliers", "tenderers"];
/// Members of a release that are not of the process (`omitWhenMerged`).
const OF_THE_RELEASE: [&str; 3] = ["id", "date", "tag"];
/// Member of a compiled contract that keeps the value that its first release gave it. No published
/// key begins with a blank.
pub(super) const FIRST_VALUE: &str = " firstValue";

/// A value that can be changed; numbers keep their text.
#[derive(Debug, Clone)]
enum Value {
    Null,
    Truth(bool),
    Number(String),
    Text(String),
    Array(List),
    Object(Members),
}

/// Elements of an array, in order. Where those with an `id` are is found out as far as it is asked for.
#[derive(Debug, Clone, Default)]
struct List {
    elements: Vec<Value>,
    places: HashMap<String, usize>,
    placed: usize,
}

impl List {
    fn of(elements: Vec<Value>) -> Self {
        Self { elements, ..Self::default() }
    }

    /// Leaves only the elements whose ids another list has.
    fn keep_those_of(&mut self, others: &[Value]) {
        let ids: HashSet<String> = others.iter().filter_map(id_of).collect();
        let elements = std::mem::take(&mut self.elements);
        *self = Self::of(elements.into_iter().filter(|own| id_of(own).is_some_and(|id| ids.contains(&id))).collect());
    }

    /// The last element with an id.
    fn find(&mut self, id: &str) -> Option<&mut Value> {
        for (place, element) in self.elements.iter().enumerate().skip(self.placed) {
            if let Some(id) = id_of(element) {
                self.places.insert(id, place);
            }
        }
        self.placed = self.elements.len();
        self.places.get(id).and_then(|place| self.elements.get_mut(*place))
    }
}

/// Members of an object. Where those of a large one are is found out as far as it is asked for.
#[derive(Debug, Clone, Default)]
struct Members {
    members: Vec<(String, Value)>,
    places: HashMap<String, usize>,
    placed: usize,
}

/// Up to so many members are looked through rather than looked up.
const FEW: usize = 16;

impl Members {
    fn of(members: Vec<(String, Value)>) -> Self {
        Self { members, ..Self::default() }
    }

    /// Where a member is.
    fn place(&mut self, key: &str) -> Option<usize> {
        if self.members.len() <= FEW {
            return self.members.iter().position(|(own, _)| own == key);
        }
        for (place, (own, _)) in self.members.iter().enumerate().skip(self.placed) {
            self.places.insert(own.clone(), place);
        }
        self.placed = self.members.len();
        self.places.get(key).copied()
    }

    /// Takes a member out; the last one takes its place.
    fn remove(&mut self, place: usize) {
        let (gone, _) = self.members.swap_remove(place);
        self.places.remove(&gone);
        match self.members.get(place) {
            Some((moved, _)) if place < self.placed => drop(self.places.insert(moved.clone(), place)),
            _ => {}
        }
        self.placed = self.placed.min(self.members.len());
    }

    fn get(&self, key: &str) -> Option<&Value> {
        self.members.iter().find(|(own, _)| own == key).map(|(_, value)| value)
    }

    fn id(&self) -> Option<String> {
        match self.get("id") {
            Some(Value::Text(id)) => Some(id.trim().to_owned()).filter(|id| !id.is_empty()),
            Some(Value::Number(id)) => Some(id.clone()),
            _ => None,
        }
    }
}

impl From<View<'_>> for Value {
    fn from(view: View<'_>) -> Self {
        match view.scalar() {
            Scalar::Null => Self::Null,
            Scalar::Truth(truth) => Self::Truth(truth),
            Scalar::Integer(number) => Self::Number(number.to_string()),
            Scalar::Float(_) => Self::Number(view.number().unwrap_or("null").to_owned()),
            Scalar::Text(text) => Self::Text(text.to_owned()),
            Scalar::Array => Self::Array(List::of(view.elements().map(Self::from).collect())),
            Scalar::Object => {
                Self::Object(Members::of(view.members().map(|(key, value)| (key.to_owned(), value.into())).collect()))
            }
        }
    }
}

/// A release or compiled release as it is to be merged.
#[derive(Debug, Clone)]
pub(super) struct Release {
    /// `None` comes before all others.
    pub(super) date: Option<DateTime<Utc>>,
    /// Whether it is a compiled one: a state of the process, not something that happened.
    compiled: bool,
    content: Members,
    /// File and line.
    at: (usize, i64),
}

impl Release {
    /// The release that an object holds; `None` if it is no object.
    pub(super) fn of(view: View<'_>, compiled: bool, at: (usize, i64)) -> Option<Self> {
        let date = view.text_of("date").and_then(|date| parse_moment(&date));
        match Value::from(view) {
            Value::Object(content) => Some(Self { date, compiled, content, at }),
            _ => None,
        }
    }

    /// A state holds what happened at its date.
    fn order(&self) -> (Option<DateTime<Utc>>, bool) {
        (self.date, self.compiled)
    }
}

/// File and line of the release that counts last.
pub(super) fn latest(releases: &[Release]) -> Option<(usize, i64)> {
    releases.iter().max_by_key(|release| release.order()).map(|release| release.at)
}

/// Compiles releases of one process; returns the text of the compiled release.
pub(super) fn compile(mut releases: Vec<Release>) -> Vec<u8> {
    releases.sort_by_key(Release::order);
    let mut compiled = Members::default();
    let mut first_values = HashMap::new();
    for mut release in releases {
        release.content.members.retain(|(key, _)| !OF_THE_RELEASE.contains(&key.as_str()));
        note_first_values(&mut release.content, &compiled, &mut first_values);
        merge(&mut compiled, release.content, release.compiled);
    }
    let mut out = Vec::new();
    write_members(&compiled, &mut out);
    out
}

/// Notes the value of contracts that the process does not have: the one that their first release gave them, unless they were
/// amended by then. `firsts` remembers it, for a contract may be gone for a while.
fn note_first_values(release: &mut Members, compiled: &Members, firsts: &mut HashMap<String, Option<Value>>) {
    let known: HashSet<String> = match compiled.get("contracts") {
        Some(Value::Array(contracts)) => contracts.elements.iter().filter_map(contract_with_value).collect(),
        _ => HashSet::new(),
    };
    let Some((_, contracts)) = release.members.iter_mut().find(|(key, _)| key == "contracts") else { return };
    // A single contract may stand without its array.
    let contracts = match contracts {
        Value::Array(contracts) => contracts.elements.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    for contract in contracts {
        let Some(id) = contract_with_value(contract).filter(|id| !known.contains(id)) else { continue };
        let Value::Object(contract) = contract else { continue };
        let first =
            firsts.entry(id).or_insert_with(|| contract.get("value").filter(|_| !is_amended(contract)).cloned());
        if let Some(value) = first {
            contract.members.push((FIRST_VALUE.to_owned(), value.clone()));
        }
    }
}

/// Whether an amendment says anything: some publishers write an empty one into every contract.
fn is_amended(contract: &Members) -> bool {
    let says = |amendment: &Value| match amendment {
        Value::Object(members) => members.members.iter().any(|(_, value)| match value {
            Value::Null => false,
            Value::Text(text) => !text.is_empty(),
            Value::Array(array) => !array.elements.is_empty(),
            Value::Object(object) => !object.members.is_empty(),
            Value::Truth(_) | Value::Number(_) => true,
        }),
        _ => false,
    };
    let several = |value: &Value| matches!(value, Value::Array(array) if array.elements.iter().any(says));
    ["amendments", "amendment"].iter().any(|key| contract.get(key).is_some_and(|value| says(value) || several(value)))
}

/// The id of a contract that says its value.
fn contract_with_value(contract: &Value) -> Option<String> {
    let Value::Object(contract) = contract else { return None };
    match contract.get("value") {
        Some(Value::Object(value)) if matches!(value.get("amount"), Some(Value::Number(_) | Value::Text(_))) => {
            contract.id()
        }
        _ => None,
    }
}

/// Merges into an object what a release says of it; `state`: elements that its lists leave out are gone.
fn merge(output: &mut Members, input: Members, state: bool) {
    for (key, value) in input.members {
        let place = output.place(&key);
        if state && place.is_some() && matches!(&value, Value::Array(list) if list.elements.is_empty()) {
            continue;
        }
        match (place.and_then(|place| output.members.get_mut(place)), value) {
            (Some(_), Value::Null) => place.into_iter().for_each(|place| output.remove(place)),
            (Some((_, Value::Object(old))), Value::Object(new)) => merge(old, new, state),
            (Some((_, old)), Value::Array(new)) if is_identified(&key, &new.elements) => merge_list(old, new, state),
            // An object that stands for a list of one.
            (Some((_, old)), Value::Object(new)) if is_list(&key, old) => {
                merge_list(old, List::of(vec![Value::Object(new)]), state);
            }
            (Some((_, old)), new) => *old = new,
            (None, Value::Null) => {}
            (None, new) => {
                let new = match new {
                    Value::Object(new) => Value::Object(cleaned(new)),
                    Value::Array(new) if is_identified(&key, &new.elements) => {
                        let mut list = Value::Array(List::default());
                        merge_list(&mut list, new, false);
                        list
                    }
                    new => new,
                };
                output.members.push((key, new));
            }
        }
    }
}

/// An object without members that are null, at any depth.
fn cleaned(object: Members) -> Members {
    let mut cleaned = Members::default();
    merge(&mut cleaned, object, false);
    cleaned
}

/// Whether an array is merged by the ids of its elements.
fn is_identified(key: &str, array: &[Value]) -> bool {
    !WHOLE_LISTS.contains(&key) && array.iter().all(|element| matches!(element, Value::Object(_)))
}

/// Whether a value is an array that is merged by the ids of its elements, and has any.
fn is_list(key: &str, value: &Value) -> bool {
    matches!(value, Value::Array(list) if !list.elements.is_empty() && is_identified(key, &list.elements))
}

fn id_of(value: &Value) -> Option<String> {
    match value {
        Value::Object(members) => members.id(),
        _ => None,
    }
}

fn merge_list(output: &mut Value, input: List, state: bool) {
    if !matches!(output, Value::Array(_)) {
        // An object that stood for an array of one.
        let one = std::mem::replace(output, Value::Array(List::default()));
        if let (Value::Array(list), Value::Object(_)) = (&mut *output, &one) {
            list.elements.push(one);
        }
    }
    let Value::Array(list) = output else { return };
    if state {
        list.keep_those_of(&input.elements);
    }
    for value in input.elements {
        let own = id_of(&value);
        let Value::Object(new) = value else { continue };
        match own.and_then(|id| list.find(&id)) {
            Some(Value::Object(old)) => merge(old, new, state),
            _ => list.elements.push(Value::Object(cleaned(new))),
        }
    }
}

fn write_members(object: &Members, out: &mut Vec<u8>) {
    out.push(b'{');
    for (place, (key, value)) in object.members.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_text(key, out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Truth(truth) => out.extend_from_slice(truth.to_string().as_bytes()),
        Value::Number(text) => out.extend_from_slice(text.as_bytes()),
        Value::Text(text) => write_text(text, out),
        Value::Object(object) => write_members(object, out),
        Value::Array(array) => {
            out.push(b'[');
            for (place, element) in array.elements.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write(element, out);
            }
            out.push(b']');
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in text.chars() {
        let escaped: Cow<'static, str> = match c {
            '"' => Cow::Borrowed("\\\""),
            '\\' => Cow::Borrowed("\\\\"),
            c if c < ' ' => Cow::Owned(format!("\\u{:04x}", u32::from(c))),
            c => {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        out.extend_from_slice(escaped.as_bytes());
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests;
