//! Path variables and query parameters onto the fields of a request.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};

use super::binding::{Binding, RequestBody, is_text};
use super::problem::Refusal;
use super::read::{named, taken};
use super::scalar::{self, Unfit};
use crate::model::Violation;

/// Deepest nesting of a parameter's name.
const MAX_DEPTH: usize = 16;

/// Fills what a path variable binds.
///
/// # Errors
/// [`Refusal`] if the text is no value of the field.
pub(super) fn bind(request: &mut DynamicMessage, path: &[FieldDescriptor], text: &str) -> Result<(), Refusal> {
    let Some((leaf, outer)) = path.split_last() else { return Ok(()) };
    let value =
        scalar::read(&leaf.kind(), text).map_err(|unfit| refusal("path variable", &dotted(path), unfit, text))?;
    if let Some(message) = enter(request, outer) {
        message.set_field(leaf, value);
    }
    Ok(())
}

/// Fills what the parameters of a query name.
///
/// # Errors
/// [`Refusal`] with the name of the parameter.
pub(super) fn fill(request: &mut DynamicMessage, binding: &Binding, query: &str) -> Result<(), Refusal> {
    let mut seen: Vec<Vec<FieldDescriptor>> = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decode(name)?, decode(value)?);
        let unknown = || Refusal::Parameter { name: name.to_string(), rule: "is not known here".to_owned() };
        let path = resolve(request, &name).ok_or_else(unknown)?;
        let Some((leaf, outer)) = path.split_last() else { return Err(unknown()) };
        match &binding.body {
            RequestBody::Whole => {
                let rule = "is not taken here: the body holds everything".to_owned();
                return Err(Refusal::Parameter { name: name.to_string(), rule });
            }
            RequestBody::Field(body) if path.first() == Some(body) => {
                let rule = "is not taken here: the body holds it".to_owned();
                return Err(Refusal::Parameter { name: name.to_string(), rule });
            }
            RequestBody::None | RequestBody::Field(_) => {}
        }
        if binding.variables.contains(&path) {
            let rule = "is not taken here: the path holds it".to_owned();
            return Err(Refusal::Parameter { name: name.to_string(), rule });
        }
        let word = scalar::read(&leaf.kind(), &value)
            .map_err(|unfit| refusal("query parameter", &dotted(&path), unfit, &value))?;
        let Some(message) = enter(request, outer) else { return Err(unknown()) };
        if leaf.is_list() {
            if let Some(list) = message.get_field_mut(leaf).as_list_mut() {
                list.push(word);
            }
            continue;
        }
        if seen.contains(&path) {
            return Err(Refusal::Parameter { name: name.to_string(), rule: "may be given only once".to_owned() });
        }
        if let Some(other) = taken(message, leaf) {
            let rule = format!("may not be given beside {}", other.name());
            return Err(Refusal::Parameter { name: name.to_string(), rule });
        }
        message.set_field(leaf, word);
        seen.push(path);
    }
    Ok(())
}

/// The fields that a dotted name leads through, the last of which is one word.
fn resolve(request: &DynamicMessage, name: &str) -> Option<Vec<FieldDescriptor>> {
    let mut message = Some(prost_reflect::ReflectMessage::descriptor(request));
    let mut path: Vec<FieldDescriptor> = Vec::new();
    for part in name.split('.') {
        let field = named(message.as_ref()?, part)?;
        if field.is_map() || path.len() == MAX_DEPTH {
            return None;
        }
        message = match field.kind() {
            Kind::Message(inner) if !is_text(&inner) => Some(inner).filter(|_| !field.is_list()),
            _ => None,
        };
        path.push(field);
    }
    let leaf = path.last()?.kind();
    let word = leaf.as_message().is_none_or(is_text);
    (message.is_none() && word).then_some(path)
}

/// The message at the end of a path, made where it is not there.
fn enter<'a>(request: &'a mut DynamicMessage, path: &[FieldDescriptor]) -> Option<&'a mut DynamicMessage> {
    path.iter().try_fold(request, |message, field| match message.get_field_mut(field) {
        Value::Message(inner) => Some(inner),
        _ => None,
    })
}

fn refusal(what: &'static str, name: &str, unfit: Unfit, value: &str) -> Refusal {
    match unfit {
        Unfit::Choice(rule) => Refusal::Invalid(Violation::new(name, rule, value)),
        Unfit::Type(rule) => Refusal::Word { what, violation: Violation::new(name, rule, value) },
    }
}

fn dotted(path: &[FieldDescriptor]) -> String {
    path.iter().map(FieldDescriptor::name).collect::<Vec<_>>().join(".")
}

fn decode(text: &str) -> Result<Cow<'_, str>, Refusal> {
    let spaced: Cow<'_, str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    let bad = |_| Refusal::Encoding { text: Violation::new("", "", text).value };
    match spaced {
        Cow::Borrowed(text) => percent_decode_str(text).decode_utf8().map_err(bad),
        Cow::Owned(text) => Ok(Cow::Owned(percent_decode_str(&text).decode_utf8().map_err(bad)?.into_owned())),
    }
}
