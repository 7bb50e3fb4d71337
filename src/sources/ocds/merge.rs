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
mod tests {
    use super::super::json::Scratch;
    use super::*;

    /// Those tagged `compiled` are taken for such.
    fn compiled(releases: &[&str]) -> serde_json::Value {
        let releases = releases.iter().map(|text| {
            let mut scratch = Scratch::default();
            let document = scratch.parse(text.as_bytes()).unwrap();
            let state = document.root().text_of("tag").is_some_and(|tag| tag == "compiled");
            Release::of(document.root(), state, (0, 1)).unwrap()
        });
        serde_json::from_slice(&compile(releases.collect())).unwrap()
    }

    fn json(text: &str) -> serde_json::Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn later_values_win_null_removes_and_the_order_is_that_of_the_dates() {
        let result = compiled(&[
            r#"{"ocid":"a","id":"2","date":"2024-02-01T00:00:00-03:00","tag":["x"],"tender":{"title":"new","value":{"amount":5},"lots":null}}"#,
            r#"{"ocid":"a","id":"1","date":"2024-02-01T01:00:00Z","tender":{"title":"old","value":{"amount":4,"currency":"BRL"},"lots":[1,2],"n":null}}"#,
        ]);
        assert_eq!(result, json(r#"{"ocid":"a","tender":{"title":"new","value":{"amount":5,"currency":"BRL"}}}"#));
    }

    #[test]
    fn arrays_are_merged_by_id_unless_they_are_whole() {
        let result = compiled(&[
            r#"{"date":"2024-01-01","awards":[{"id":1,"status":"pending","suppliers":[{"id":"x"},{"id":"y"}]},{"title":"no id"}],"tag":["a"],"words":["a","b"]}"#,
            r#"{"date":"2024-01-02","awards":[{"id":"1","status":"active","suppliers":[{"id":"z"}]},{"id":"2"},{"title":"no id"}],"words":["c"]}"#,
        ]);
        let expected = r#"{"awards":[{"id":"1","status":"active","suppliers":[{"id":"z"}]},{"title":"no id"},{"id":"2"},{"title":"no id"}],"words":["c"]}"#;
        assert_eq!(result, json(expected));
        // Within one release the last one of the same id counts, as the reference implementation has it.
        let result = compiled(&[r#"{"awards":[{"id":"1","a":1,"b":1},{"id":"1","a":2}]}"#]);
        assert_eq!(result, json(r#"{"awards":[{"id":"1","a":2,"b":1}]}"#));
        // Empty arrays and objects change nothing.
        let result = compiled(&[
            r#"{"date":"2024-01-01","awards":[{"id":"1"}],"tender":{"a":1}}"#,
            r#"{"date":"2024-01-02","awards":[],"tender":{}}"#,
        ]);
        assert_eq!(result, json(r#"{"awards":[{"id":"1"}],"tender":{"a":1}}"#));
    }

    #[test]
    fn the_first_value_of_a_contract_is_kept() {
        let result = compiled(&[
            r#"{"date":"2024-01-03","contracts":[{"id":"1","value":{"amount":120.50}},{"id":"2","value":{"amount":7}}]}"#,
            r#"{"date":"2024-01-01","contracts":[{"id":"1","status":"pending"}]}"#,
            r#"{"date":"2024-01-02","contracts":[{"id":"1","value":{"amount":100.00}}]}"#,
        ]);
        assert_eq!(result["contracts"][0][FIRST_VALUE]["amount"], 100.0);
        assert_eq!(result["contracts"][0]["value"]["amount"], 120.5);
        assert_eq!(result["contracts"][1][FIRST_VALUE]["amount"], 7);
    }

    #[test]
    fn what_a_state_leaves_out_of_a_list_is_gone() {
        let result = compiled(&[
            r#"{"date":"2024-01-02","tag":"compiled","tender":{"items":[{"id":"3","unit":{"value":3}},{"id":"1","quantity":2}]},"awards":[]}"#,
            r#"{"date":"2024-01-01","tag":"tender","tender":{"title":"t","items":[{"id":"1","description":"a"},{"id":"2"},{"description":"no id"}]}}"#,
            // What happened at its date is in it.
            r#"{"date":"2024-01-02","tag":"tender","tender":{"items":[{"id":"4"}]}}"#,
            r#"{"date":"2024-01-01","tag":"award","awards":[{"id":"a","value":{"amount":1}}],"contracts":[{"id":"c","value":{"amount":5}}]}"#,
            r#"{"date":"2024-01-03","tag":"contract","contracts":[{"id":"c","value":{"amount":6}}]}"#,
        ]);
        let expected = r#"{"tender":{"title":"t","items":[{"id":"1","description":"a","quantity":2},{"id":"3","unit":{"value":3}}]},
            "awards":[{"id":"a","value":{"amount":1}}],
            "contracts":[{"id":"c","value":{"amount":6}," firstValue":{"amount":5}}]}"#;
        assert_eq!(result, json(expected));
        // A list that is empty says nothing, be it one that is replaced as a whole otherwise.
        let result = compiled(&[
            r#"{"date":"2024-01-01","awards":[{"id":"a","suppliers":[{"id":"s"}]}],"contracts":[{"id":"c","value":{"amount":5}}]}"#,
            r#"{"date":"2024-01-02","tag":"compiled","awards":[{"id":"a","suppliers":[]}],"contracts":[{"id":"d"}]}"#,
            // What comes back has the value that it had first.
            r#"{"date":"2024-01-03","contracts":[{"id":"c","value":{"amount":6}}]}"#,
        ]);
        let expected = r#"{"awards":[{"id":"a","suppliers":[{"id":"s"}]}],
            "contracts":[{"id":"d"},{"id":"c","value":{"amount":6}," firstValue":{"amount":5}}]}"#;
        assert_eq!(result, json(expected));
        // Lists within what has the same id, and objects that stand for a list of one.
        let result = compiled(&[
            r#"{"date":"2024-01-01","contracts":{"id":"c","items":[{"id":"1"},{"id":"2"}],"amendments":[{"id":"x"}]}}"#,
            r#"{"date":"2024-01-02","tag":"compiled","contracts":[{"id":"c","items":[{"id":"2","n":1}]}]}"#,
        ]);
        assert_eq!(result, json(r#"{"contracts":[{"id":"c","items":[{"id":"2","n":1}],"amendments":[{"id":"x"}]}]}"#));
    }

    #[test]
    fn odd_shapes_and_texts_survive() {
        let result = compiled(&[
            r#"{"date":"x","awards":{"id":"1","a":1},"t":"q\"\\\n\u0001é","n":1.10}"#,
            r#"{"date":"2024-01-02","awards":[{"id":"2"}],"t2":"𝄞"}"#,
            r#"{"date":"2024-01-03","awards":"none"}"#,
        ]);
        let one = compiled(&[
            r#"{"date":"2024-01-01","contracts":[{"id":"1","a":1},{"id":"2"}]}"#,
            r#"{"date":"2024-01-02","contracts":{"id":"1","b":2}}"#,
        ]);
        assert_eq!(one, json(r#"{"contracts":[{"id":"1","a":1,"b":2},{"id":"2"}]}"#));
        assert_eq!(result["awards"], "none");
        assert_eq!(result["t"], "q\"\\\n\u{1}é");
        assert_eq!(result["t2"], "𝄞");
    }

    #[test]
    fn members_that_come_and_go_are_found_again() {
        let letters: Vec<String> = ('a'..='z').map(|c| format!("\"{c}\":1")).collect();
        let all = letters.join(",");
        let result = compiled(&[
            &format!(r#"{{"date":"2024-01-01",{all}}}"#),
            r#"{"date":"2024-01-02","a":null,"z":null,"c":2,"b":null}"#,
            r#"{"date":"2024-01-03","b":3,"y":4,"a":null,"0":5}"#,
        ]);
        let object = result.as_object().unwrap();
        assert_eq!(object.len(), 25);
        for (key, value) in [("b", 3), ("c", 2), ("d", 1), ("x", 1), ("y", 4), ("0", 5)] {
            assert_eq!(object[key], value, "{key}");
        }
        assert!(object.get("a").is_none() && object.get("z").is_none());
    }

    #[test]
    fn what_repeats_is_merged_in_linear_time() {
        let rest: Vec<String> =
            (0..50_000).map(|n| format!(r#"{{"id":1,"k{n}":1,"l":[{{"id":{n}}}],"x":null}}"#)).collect();
        let result = compiled(&[&format!(r#"{{"awards":[{}]}}"#, rest.join(","))]);
        let awards = result["awards"].as_array().unwrap();
        assert_eq!((awards.len(), awards[0].as_object().unwrap().len()), (1, 50_002));
        assert_eq!(awards[0]["l"].as_array().unwrap().len(), 50_000);
    }
}
