//! Each clause of each definition, and what holds for all of them.

mod coverage;
mod fences;
mod input;
mod prepare;
mod releases;
mod settings;

use std::num::NonZero;

use serde_json::{Value, json};

use super::{Effort, Notice, Settings, indicators};

fn effort(threads: usize, block: usize) -> Effort {
    Effort { threads: NonZero::new(threads).unwrap(), block: NonZero::new(block).unwrap() }
}

/// Results, and what was told.
#[track_caller]
fn run_text(settings: &str, text: &[u8], effort: Effort) -> (Value, Vec<String>) {
    let mut told = Vec::new();
    let settings = Settings::parse(settings).unwrap();
    let results = indicators(text, &settings, true, effort, |notice: Notice| told.push(notice.to_string())).unwrap();
    (serde_json::to_value(results).unwrap(), told)
}

#[track_caller]
fn run(settings: &str, releases: &[Value]) -> Value {
    let lines: Vec<String> = releases.iter().map(Value::to_string).collect();
    run_text(settings, lines.join("\n").as_bytes(), effort(2, 512)).0
}

/// The values of an indicator in a group, by id.
#[track_caller]
fn values(results: &Value, group: &str, code: &str) -> Vec<(String, f64)> {
    let ids = results.get(group).and_then(Value::as_object).into_iter().flatten();
    ids.filter_map(|(id, codes)| Some((id.clone(), codes.get(code)?.as_f64().unwrap_or(f64::NAN)))).collect()
}

/// The ids that an indicator flags in a group.
#[track_caller]
fn ids(results: &Value, group: &str, code: &str) -> Vec<String> {
    values(results, group, code).into_iter().map(|(id, _)| id).collect()
}

fn bid(tenderer: &str, status: &str, amount: f64) -> Value {
    json!({"status": status, "tenderers": [{"id": tenderer}], "value": {"amount": amount, "currency": "BRL"}})
}

fn award(supplier: &str) -> Value {
    json!({"status": "active", "suppliers": [{"id": supplier}]})
}

fn release(ocid: &str, bids: &[Value], awards: &[Value]) -> Value {
    json!({"ocid": ocid, "bids": {"details": bids}, "awards": awards})
}

/// The value with another at a pointer; a step that is missing is made.
fn with(mut value: Value, pointer: &str, new: impl Into<Value>) -> Value {
    let mut at = &mut value;
    for key in pointer.split('/').skip(1) {
        at = match key.parse::<usize>() {
            Ok(place) => &mut at[place],
            Err(_) => &mut at[key],
        };
    }
    *at = new.into();
    value
}
