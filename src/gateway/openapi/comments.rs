//! The comments of the contract, by the path of what they stand before.

use std::collections::HashMap;

use prost_reflect::{
    DescriptorPool, EnumDescriptor, EnumValueDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor,
    MethodDescriptor, OneofDescriptor, ServiceDescriptor,
};

use crate::gateway::names;

/// Every comment of a pool.
#[derive(Debug)]
pub(super) struct Comments {
    texts: HashMap<(String, Vec<i32>), String>,
}

impl Comments {
    pub(super) fn of(pool: &DescriptorPool) -> Self {
        let mut texts = HashMap::new();
        for file in pool.files() {
            let proto = file.file_descriptor_proto();
            for location in proto.source_code_info.iter().flat_map(|info| &info.location) {
                let text = tidy(location.leading_comments());
                if !text.is_empty() {
                    texts.insert((file.name().to_owned(), location.path.clone()), text);
                }
            }
        }
        Self { texts }
    }

    fn at(&self, file: &FileDescriptor, path: &[i32]) -> Option<String> {
        self.texts.get(&(file.name().to_owned(), path.to_owned())).cloned()
    }

    pub(super) fn service(&self, of: &ServiceDescriptor) -> Option<String> {
        self.at(&of.parent_file(), of.path())
    }

    pub(super) fn method(&self, of: &MethodDescriptor) -> Option<String> {
        self.at(&of.parent_file(), of.path())
    }

    pub(super) fn message(&self, of: &MessageDescriptor) -> Option<String> {
        self.at(&of.parent_file(), of.path())
    }

    pub(super) fn oneof(&self, of: &OneofDescriptor) -> Option<String> {
        self.at(&of.parent_file(), of.path())
    }

    /// The comment of a field; values of its enum are spelt as JSON spells them.
    pub(super) fn field(&self, of: &FieldDescriptor) -> Option<String> {
        let text = self.at(&of.parent_file(), of.path())?;
        Some(match of.kind() {
            Kind::Enum(values) => spelt(&text, &values),
            _ => text,
        })
    }

    /// The comment of an enum; its values are spelt as JSON spells them.
    pub(super) fn enumeration(&self, of: &EnumDescriptor) -> Option<String> {
        Some(spelt(&self.at(&of.parent_file(), of.path())?, of))
    }

    /// The comment of an enum value; others of the enum are spelt as JSON spells them.
    pub(super) fn value(&self, of: &EnumValueDescriptor) -> Option<String> {
        Some(spelt(&self.at(&of.parent_file(), of.path())?, of.parent_enum()))
    }
}

/// Lines of a paragraph become one; paragraphs stay apart.
fn tidy(comment: &str) -> String {
    let mut paragraphs = vec![String::new()];
    for line in comment.lines().map(str::trim) {
        match paragraphs.last_mut() {
            Some(last) if !line.is_empty() => {
                if !last.is_empty() {
                    last.push(' ');
                }
                last.push_str(line);
            }
            _ => paragraphs.push(String::new()),
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n\n")
}

/// Between backticks, a value of the enum in capitals becomes its spelling in JSON: the callers of
/// REST never see the other one.
fn spelt(text: &str, of: &EnumDescriptor) -> String {
    let parts: Vec<String> = text
        .split('`')
        .enumerate()
        .map(|(at, part)| {
            let capitals = part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
            let value = if at % 2 == 1 && capitals { names::number(of, part) } else { None };
            value.and_then(|number| of.get_value(number)).map_or_else(|| part.to_owned(), |value| names::short(&value))
        })
        .collect();
    parts.join("`")
}

/// The first sentence of a text, without its full stop.
pub(super) fn first_sentence(text: &str) -> &str {
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    let end = paragraph.match_indices(". ").map(|(at, _)| at).find(|at| {
        // Not the stop of an abbreviation or of a number.
        paragraph[at + 2..].starts_with(char::is_uppercase)
    });
    paragraph[..end.unwrap_or(paragraph.len())].trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_paragraphs_of_one_line() {
        assert_eq!(tidy(" One\n two.\n\n Three.\n"), "One two.\n\nThree.");
        assert_eq!(tidy(""), "");
        assert_eq!(tidy("\n\n x"), "x");
    }

    #[test]
    fn the_first_sentence_ends_where_a_new_one_begins() {
        assert_eq!(first_sentence("Reads it. NOT_FOUND if not."), "Reads it");
        assert_eq!(first_sentence("Asks art. 28 of the law."), "Asks art. 28 of the law");
        assert_eq!(first_sentence("One\n\nTwo. Three."), "One");
        assert_eq!(first_sentence("Ends when it ends; 1.5 s later."), "Ends when it ends; 1.5 s later");
    }

    #[test]
    fn values_in_comments_are_spelt_as_json_spells_them() {
        let pool = crate::gateway::binding::pool().unwrap();
        let comments = Comments::of(&pool);
        let source = pool.get_enum_by_name("cidadao.v1.DataSource").unwrap();
        assert_eq!(comments.value(&source.default_value()).unwrap(), "Not set: taken as `contracts`.");
        let finding = pool.get_message_by_name("cidadao.v1.Finding").unwrap();
        let outcome = finding.get_field_by_name("outcome").unwrap();
        assert_eq!(comments.field(&outcome).unwrap(), "Always `fired` here.");
        let unit = pool.get_message_by_name("cidadao.v1.EvidenceValue").unwrap().get_field_by_name("unit").unwrap();
        assert!(comments.field(&unit).unwrap().contains("`BRL`"));
    }

    #[test]
    fn everything_of_the_contract_has_a_comment() {
        let pool = crate::gateway::binding::pool().unwrap();
        let comments = Comments::of(&pool);
        let ours = |name: &str| name.starts_with("cidadao.");
        let mut silent = Vec::new();
        for service in pool.services().filter(|service| ours(service.full_name())) {
            if comments.service(&service).is_none() {
                silent.push(service.full_name().to_owned());
            }
            let methods = service.methods().filter(|method| comments.method(method).is_none());
            silent.extend(methods.map(|method| method.full_name().to_owned()));
        }
        for message in pool.all_messages().filter(|message| ours(message.full_name()) && !message.is_map_entry()) {
            if comments.message(&message).is_none() {
                silent.push(message.full_name().to_owned());
            }
            let fields = message.fields().filter(|field| comments.field(field).is_none());
            silent.extend(fields.map(|field| field.full_name().to_owned()));
        }
        for of in pool.all_enums().filter(|of| ours(of.full_name())) {
            let values = of.values().filter(|value| comments.value(value).is_none());
            silent.extend(values.map(|value| value.full_name().to_owned()));
        }
        assert!(silent.is_empty(), "{silent:#?}");
    }
}
