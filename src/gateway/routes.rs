//! From the path of a request to its route.

use std::borrow::Cow;
use std::collections::HashMap;

use http::Method;
use percent_encoding::percent_decode_str;

use super::problem::Refusal;
use super::template::{Segment, Template};

/// Routes by path. Of several that match, the narrowest wins; there is always one, see [`Template::overlap`].
#[derive(Debug, Default)]
pub(super) struct Routes {
    nodes: Vec<Node>,
    routes: Vec<(Method, Template)>,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, usize>,
    one: Option<usize>,
    /// Routes that end here, and those that end in `**` here.
    ends: Vec<usize>,
    rests: Vec<usize>,
}

/// A route and the text of its variables.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Matched {
    /// Index of the route, in the order of their insertion.
    pub(super) route: usize,
    /// The text of each variable, in the order of the template.
    pub(super) variables: Vec<String>,
}

impl Routes {
    /// Routes of these templates, by their order.
    pub(super) fn new(templates: impl IntoIterator<Item = (Method, Template)>) -> Self {
        let mut routes = Self { nodes: vec![Node::default()], routes: Vec::new() };
        for (method, template) in templates {
            routes.insert(method, template);
        }
        routes
    }

    fn insert(&mut self, method: Method, template: Template) {
        let route = self.routes.len();
        let mut at = 0;
        for segment in template.segments() {
            let fresh = self.nodes.len();
            let next = match segment {
                Segment::Literal(text) => *self.nodes[at].literals.entry(text.clone()).or_insert(fresh),
                Segment::One => *self.nodes[at].one.get_or_insert(fresh),
                Segment::Rest => break,
            };
            if next == fresh {
                self.nodes.push(Node::default());
            }
            at = next;
        }
        let node = &mut self.nodes[at];
        if template.segments().last() == Some(&Segment::Rest) { &mut node.rests } else { &mut node.ends }.push(route);
        self.routes.push((method, template));
    }

    /// The route of a request.
    ///
    /// # Errors
    /// [`Refusal::NoRoute`], [`Refusal::Method`] with the methods that the path takes, or
    /// [`Refusal::Encoding`].
    pub(super) fn find(&self, method: &Method, path: &str) -> Result<Matched, Refusal> {
        // A HEAD is the GET without its body.
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let Some(path) = path.strip_prefix('/') else { return Err(Refusal::NoRoute) };
        let mut segments: Vec<&str> = path.split('/').collect();
        let mut allowed: Vec<&Method> = Vec::new();
        let last = segments.len() - 1;
        // What comes after a colon is first taken as a verb: such a template is the narrower one.
        if let Some((before, verb)) = segments[last].rsplit_once(':') {
            let whole = std::mem::replace(&mut segments[last], before);
            if let Some(route) = self.walk(0, &segments, Some(verb), method, &mut allowed) {
                return self.matched(route, &segments);
            }
            segments[last] = whole;
        }
        match self.walk(0, &segments, None, method, &mut allowed) {
            Some(route) => self.matched(route, &segments),
            None if allowed.is_empty() => Err(Refusal::NoRoute),
            None => Err(Refusal::Method { allow: allow(&allowed) }),
        }
    }

    fn walk<'a>(
        &'a self,
        at: usize,
        segments: &[&str],
        verb: Option<&str>,
        method: &Method,
        allowed: &mut Vec<&'a Method>,
    ) -> Option<usize> {
        let node = &self.nodes[at];
        let Some((segment, rest)) = segments.split_first() else {
            return self
                .among(&node.ends, verb, method, allowed)
                .or_else(|| self.among(&node.rests, verb, method, allowed));
        };
        let text: Cow<'_, str> = if segment.contains('%') {
            percent_decode_str(segment).decode_utf8().unwrap_or_default()
        } else {
            (*segment).into()
        };
        if let Some(next) = node.literals.get(text.as_ref())
            && let Some(found) = self.walk(*next, rest, verb, method, allowed)
        {
            return Some(found);
        }
        if let Some(next) = node.one.filter(|_| !segment.is_empty())
            && let Some(found) = self.walk(next, rest, verb, method, allowed)
        {
            return Some(found);
        }
        self.among(&node.rests, verb, method, allowed)
    }

    /// The one of these routes that has this verb and method; the methods of the others are noted.
    fn among<'a>(
        &'a self,
        ends: &[usize],
        verb: Option<&str>,
        method: &Method,
        allowed: &mut Vec<&'a Method>,
    ) -> Option<usize> {
        let routes = ends.iter().map(|end| (*end, &self.routes[*end]));
        let mut of_verb = routes.filter(|(_, (_, template))| template.verb() == verb);
        of_verb
            .find(|(_, (takes, _))| {
                allowed.push(takes);
                takes == method
            })
            .map(|(route, _)| route)
    }

    fn matched(&self, route: usize, segments: &[&str]) -> Result<Matched, Refusal> {
        let template = &self.routes[route].1;
        let open = template.segments().last() == Some(&Segment::Rest);
        let mut variables = Vec::with_capacity(template.variables().len());
        for variable in template.variables() {
            let to_end = open && variable.end == template.segments().len();
            let end = if to_end { segments.len() } else { variable.end };
            let parts = &segments[variable.start..end];
            let several = variable.end - variable.start > 1 || to_end;
            let mut text = String::new();
            for (at, part) in parts.iter().enumerate() {
                if at > 0 {
                    text.push('/');
                }
                text.push_str(&decode(part, several)?);
            }
            variables.push(text);
        }
        Ok(Matched { route, variables })
    }
}

/// Decodes a segment. In a variable of several segments an encoded slash stays encoded, so that it is not taken for
/// one that parts segments.
fn decode(part: &str, several: bool) -> Result<Cow<'_, str>, Refusal> {
    if !part.contains('%') {
        return Ok(part.into());
    }
    let bad = |_| Refusal::Encoding { text: crate::model::Violation::new("", "", part).value };
    if !several {
        return percent_decode_str(part).decode_utf8().map_err(bad);
    }
    let mut pieces = Vec::new();
    for piece in part.split_inclusive("%2F").flat_map(|piece| piece.split_inclusive("%2f")) {
        let (piece, slash) = match piece.len().checked_sub(3) {
            Some(at) if piece.as_bytes()[at..].eq_ignore_ascii_case(b"%2f") => piece.split_at(at),
            _ => (piece, ""),
        };
        pieces.push(percent_decode_str(piece).decode_utf8().map_err(bad)?);
        pieces.push(slash.into());
    }
    Ok(pieces.concat().into())
}

fn allow(methods: &[&Method]) -> String {
    let mut names: Vec<_> = methods.iter().map(|method| method.as_str()).collect();
    if names.contains(&"GET") {
        names.push("HEAD");
    }
    names.push("OPTIONS");
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
