//! The HTTP bindings of the RPCs, read from their `google.api.http` annotations.

use std::collections::HashSet;

use http::Method;
use prost::Message as _;
use prost_reflect::{
    DescriptorError, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor,
};
use prost_types::FileDescriptorSet;

use super::openapi::PageError;
use super::template::{Overlap, Template, TemplateError};

/// Name of the annotation.
const ANNOTATION: &str = "google.api.http";

/// What the HTTP body of a request fills.
#[derive(Debug, Clone, PartialEq)]
pub enum RequestBody {
    /// There is none; what the path does not bind comes from the query.
    None,
    /// `*`: everything that the path does not bind. There are no query parameters.
    Whole,
    /// One field; the rest comes from the query.
    Field(FieldDescriptor),
}

/// One route of an RPC.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The RPC.
    pub rpc: MethodDescriptor,
    /// Whether it is one of the `additional_bindings`.
    pub additional: bool,
    /// HTTP method.
    pub method: Method,
    /// Path.
    pub template: Template,
    /// For each variable of the template, in its order, the fields that lead from the request to
    /// the one that it fills.
    pub variables: Vec<Vec<FieldDescriptor>>,
    /// What the body of the request fills.
    pub body: RequestBody,
    /// The field that makes up the body of the answer; the whole answer if `None`.
    pub response_body: Option<FieldDescriptor>,
}

impl Binding {
    /// The route in words, for errors and logs: `GET /api/v1/contracts of cidadao.v1.ContractService.SearchContracts`.
    pub fn describe(&self) -> String {
        format!("{} {} of {}", self.method, self.template, self.rpc.full_name())
    }

    /// Fields of the request that query parameters may fill, each with the fields that lead to it;
    /// nested ones are not among them, see [`query_parameters`].
    pub fn query_fields(&self) -> Vec<FieldDescriptor> {
        let bound = |field: &FieldDescriptor| {
            self.variables.iter().any(|path| path.len() == 1 && path[0] == *field)
                || matches!(&self.body, RequestBody::Field(body) if body == field)
        };
        match self.body {
            RequestBody::Whole => Vec::new(),
            RequestBody::None | RequestBody::Field(_) => {
                self.rpc.input().fields().filter(|field| !bound(field)).collect()
            }
        }
    }
}

/// Every query parameter of a binding, as the path of its fields: `[filters, min_value]` is
/// `filters.min_value`. Messages are taken apart, those with a JSON form of their own (times, durations,
/// wrappers, field masks) are not. Maps, lists of messages and messages within themselves have no parameter.
pub fn query_parameters(binding: &Binding) -> Vec<Vec<FieldDescriptor>> {
    let mut out = Vec::new();
    for field in binding.query_fields() {
        collect(&mut vec![field], &mut out);
    }
    out.retain(|path| !binding.variables.contains(path));
    out
}

fn collect(path: &mut Vec<FieldDescriptor>, out: &mut Vec<Vec<FieldDescriptor>>) {
    let Some(field) = path.last() else { return };
    match field.kind() {
        Kind::Message(_) if field.is_map() => {}
        Kind::Message(message) if !is_text(&message) => {
            let within_itself = path[..path.len() - 1].iter().any(|outer| outer.kind() == field.kind());
            if field.is_list() || within_itself {
                return;
            }
            for inner in message.fields() {
                path.push(inner);
                collect(path, out);
                path.pop();
            }
        }
        _ => out.push(path.clone()),
    }
}

/// Whether a message is one word in JSON, so that a path or a query can hold it.
pub fn is_text(message: &MessageDescriptor) -> bool {
    let Some(name) = message.full_name().strip_prefix("google.protobuf.") else { return false };
    matches!(name, "Timestamp" | "Duration" | "FieldMask")
        || name.ends_with("Value") && !matches!(name, "Value" | "ListValue")
}

/// Why the annotations cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BindingError {
    /// The descriptors are malformed: a defect of the build.
    #[error("descriptor set: {0}")]
    Descriptors(#[from] DescriptorError),
    /// The same, of the details of errors.
    #[error("descriptor set of error details: {0}")]
    Details(#[from] prost::DecodeError),
    /// A path template is malformed.
    #[error("{rpc}: {cause}")]
    Template {
        /// Full name of the RPC.
        rpc: String,
        /// Where and why.
        cause: TemplateError,
    },
    /// An annotation breaks a rule.
    #[error("{rpc}: {rule}, got {value:?}")]
    Invalid {
        /// Full name of the RPC.
        rpc: String,
        /// The rule.
        rule: &'static str,
        /// The value.
        value: String,
    },
    /// The description of the API cannot be served: a defect of the build.
    #[error(transparent)]
    Pages(#[from] PageError),
    /// Some paths match two templates, and none of the two is the narrower one.
    #[error("{one} and {two} match the same paths")]
    Ambiguous {
        /// A route.
        one: String,
        /// Another one.
        two: String,
    },
}

/// A pool of the API's descriptors, with the details that errors may carry.
///
/// # Errors
/// [`BindingError::Descriptors`] or [`BindingError::Details`], defects of the build.
pub fn pool() -> Result<DescriptorPool, BindingError> {
    let mut pool = DescriptorPool::decode(crate::api::pb::DESCRIPTORS)?;
    let mut details = FileDescriptorSet::decode(tonic_types::pb::FILE_DESCRIPTOR_SET)?;
    // The API declares some of these messages itself, in files of other names.
    details.file.retain(|file| {
        let known = |name: &str| pool.get_message_by_name(&format!("{}.{name}", file.package())).is_some();
        !file.message_type.iter().any(|message| known(message.name()))
    });
    pool.add_file_descriptor_set(details)?;
    Ok(pool)
}

/// Every binding of every service of a pool, in the order of their declaration.
///
/// # Errors
/// [`BindingError`]: a malformed template, a field that does not exist or cannot be bound, or two routes that
/// match the same paths.
pub fn bindings(pool: &DescriptorPool) -> Result<Vec<Binding>, BindingError> {
    let Some(annotation) = pool.get_extension_by_name(ANNOTATION) else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    for rpc in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let options = rpc.options();
        if !options.has_extension(&annotation) {
            continue;
        }
        let rule = options.get_extension(&annotation);
        let Some(rule) = rule.as_message() else { continue };
        out.push(Reader { rpc: &rpc, additional: false }.read(rule)?);
        for more in list(rule, "additional_bindings") {
            out.push(Reader { rpc: &rpc, additional: true }.read(&more)?);
        }
    }
    refuse_ambiguous(&out)?;
    Ok(out)
}

fn refuse_ambiguous(bindings: &[Binding]) -> Result<(), BindingError> {
    for (at, one) in bindings.iter().enumerate() {
        for two in bindings[..at].iter().filter(|two| two.method == one.method) {
            match two.template.overlap(&one.template) {
                Overlap::Apart | Overlap::Within | Overlap::Around => {}
                Overlap::Same | Overlap::Crossing => {
                    return Err(BindingError::Ambiguous { one: two.describe(), two: one.describe() });
                }
            }
        }
    }
    Ok(())
}

struct Reader<'a> {
    rpc: &'a MethodDescriptor,
    additional: bool,
}

impl Reader<'_> {
    fn invalid(&self, rule: &'static str, value: &str) -> BindingError {
        BindingError::Invalid { rpc: self.rpc.full_name().to_owned(), rule, value: value.to_owned() }
    }

    fn read(&self, rule: &DynamicMessage) -> Result<Binding, BindingError> {
        if self.rpc.is_client_streaming() {
            return Err(self.invalid("an RPC that the client streams to has no HTTP form", self.rpc.name()));
        }
        if self.additional && !list(rule, "additional_bindings").is_empty() {
            return Err(self.invalid("an additional binding must not have further ones", self.rpc.name()));
        }
        let (method, path) = self.pattern(rule)?;
        let template = Template::parse(&path)
            .map_err(|cause| BindingError::Template { rpc: self.rpc.full_name().to_owned(), cause })?;
        let mut variables = Vec::new();
        for variable in template.variables() {
            variables.push(self.variable(&variable.path)?);
        }
        let body = self.body(&text(rule, "body"), &method, &variables)?;
        let response_body = match text(rule, "response_body").as_str() {
            "" => None,
            name => Some(self.field(&self.rpc.output(), name)?),
        };
        Ok(Binding {
            rpc: self.rpc.clone(),
            additional: self.additional,
            method,
            template,
            variables,
            body,
            response_body,
        })
    }

    fn pattern(&self, rule: &DynamicMessage) -> Result<(Method, String), BindingError> {
        let methods = [
            ("get", Method::GET),
            ("put", Method::PUT),
            ("post", Method::POST),
            ("delete", Method::DELETE),
            ("patch", Method::PATCH),
        ];
        methods
            .into_iter()
            .find(|(name, _)| rule.has_field_by_name(name))
            .map(|(name, method)| (method, text(rule, name)))
            .ok_or_else(|| self.invalid("a rule must have one of get, put, post, delete, patch", &rule.to_string()))
    }

    fn body(
        &self,
        selector: &str,
        method: &Method,
        variables: &[Vec<FieldDescriptor>],
    ) -> Result<RequestBody, BindingError> {
        if !selector.is_empty() && matches!(*method, Method::GET | Method::DELETE) {
            return Err(self.invalid("GET and DELETE must not have a body", selector));
        }
        match selector {
            "" => Ok(RequestBody::None),
            "*" => Ok(RequestBody::Whole),
            name => {
                let field = self.field(&self.rpc.input(), name)?;
                if variables.iter().any(|path| path.first() == Some(&field)) {
                    return Err(self.invalid("a field must not be bound by path and body", name));
                }
                Ok(RequestBody::Field(field))
            }
        }
    }

    fn field(&self, of: &MessageDescriptor, name: &str) -> Result<FieldDescriptor, BindingError> {
        of.get_field_by_name(name).ok_or_else(|| self.invalid("must name a field", &format!("{}.{name}", of.name())))
    }

    fn variable(&self, path: &[String]) -> Result<Vec<FieldDescriptor>, BindingError> {
        let mut message = Some(self.rpc.input());
        let mut fields = Vec::new();
        let mut seen = HashSet::new();
        for name in path {
            let of = message.ok_or_else(|| self.invalid("only a message has fields", &path.join(".")))?;
            let field = self.field(&of, name)?;
            if field.is_list() || field.is_map() {
                return Err(self.invalid("a path must not bind a list or a map", &path.join(".")));
            }
            if !seen.insert(field.full_name().to_owned()) {
                return Err(self.invalid("a path must not bind a message within itself", &path.join(".")));
            }
            message = field.kind().as_message().filter(|message| !is_text(message)).cloned();
            fields.push(field);
        }
        match message {
            None => Ok(fields),
            Some(_) => Err(self.invalid("a path must not bind a message", &path.join("."))),
        }
    }
}

fn text(rule: &DynamicMessage, name: &str) -> String {
    rule.get_field_by_name(name).and_then(|value| value.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

fn list(rule: &DynamicMessage, name: &str) -> Vec<DynamicMessage> {
    let value = rule.get_field_by_name(name);
    let items = value.as_ref().and_then(|value| value.as_list()).unwrap_or_default();
    items.iter().filter_map(|item| item.as_message().cloned()).collect()
}
