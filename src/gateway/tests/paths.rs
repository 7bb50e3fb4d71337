use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::DescriptorPool;

use crate::gateway::binding::{BindingError, bindings};
use crate::gateway::problem::Refusal;
use crate::gateway::routes::{Matched, Routes};
use crate::gateway::template::{Overlap, Segment, Template};

fn template(text: &str) -> Template {
    Template::parse(text).unwrap()
}

fn find(templates: &[&str], path: &str) -> Option<(String, Vec<String>)> {
    let routes = Routes::new(templates.iter().map(|text| (Method::GET, template(text))));
    routes.find(&Method::GET, path).ok().map(|Matched { route, variables }| (templates[route].to_owned(), variables))
}

#[test]
fn a_template_is_taken_apart() {
    let parsed = template("/v1/{a.b=shelves/*}/{c}/x/{d=**}:read");
    let literal = |text: &str| Segment::Literal(text.to_owned());
    let expected = [literal("v1"), literal("shelves"), Segment::One, Segment::One, literal("x"), Segment::Rest];
    assert_eq!(parsed.segments(), expected);
    assert_eq!(parsed.verb(), Some("read"));
    let variables: Vec<_> = parsed.variables().iter().map(|one| (one.path.join("."), one.start, one.end)).collect();
    assert_eq!(variables, [("a.b".to_owned(), 1, 3), ("c".to_owned(), 3, 4), ("d".to_owned(), 5, 6)]);
}

#[test]
fn malformed_templates_say_where() {
    for (text, at) in [
        ("v1", 0),
        ("/", 1),
        ("/v1/", 4),
        ("/v1//x", 4),
        ("/{a", 3),
        ("/{a=}", 4),
        ("/{1a}", 2),
        ("/{a={b}}", 4),
        ("/{a}/{a}", 8),
        ("/a:", 3),
        ("/a:b:c", 4),
        ("/a b", 2),
        ("/**/x", 5),
        ("/a}", 2),
    ] {
        assert_eq!(Template::parse(text).unwrap_err().at, at, "{text}");
    }
}

#[test]
fn the_narrowest_route_wins() {
    let routes =
        ["/v1/{name}", "/v1/start", "/v1/{name}:cancel", "/v1:watch", "/v1/{name}/items/{item=a/*}", "/f/{path=**}"];
    let text = |text: &str| text.to_owned();
    assert_eq!(find(&routes, "/v1/start"), Some((text("/v1/start"), vec![])));
    assert_eq!(find(&routes, "/v1/x"), Some((text("/v1/{name}"), vec![text("x")])));
    assert_eq!(find(&routes, "/v1/x:cancel"), Some((text("/v1/{name}:cancel"), vec![text("x")])));
    // A colon that is no verb is part of the text.
    assert_eq!(find(&routes, "/v1/x:y"), Some((text("/v1/{name}"), vec![text("x:y")])));
    assert_eq!(find(&routes, "/v1:watch"), Some((text("/v1:watch"), vec![])));
    assert_eq!(
        find(&routes, "/v1/x/items/a/b%20c%2Fd"),
        Some((text("/v1/{name}/items/{item=a/*}"), vec![text("x"), text("a/b c%2Fd")]))
    );
    assert_eq!(find(&routes, "/v1/caf%C3%A9%2Fx"), Some((text("/v1/{name}"), vec![text("café/x")])));
    assert_eq!(find(&routes, "/f"), Some((text("/f/{path=**}"), vec![text("")])));
    assert_eq!(find(&routes, "/f/a/b"), Some((text("/f/{path=**}"), vec![text("a/b")])));
    for nothing in ["/v1/", "/v1//items/a/b", "/v1", "/", "", "/v2/x", "/v1/x/"] {
        assert_eq!(find(&routes, nothing), None, "{nothing}");
    }
}

#[test]
fn other_methods_and_bad_encoding_are_told() {
    let routes = Routes::new([(Method::GET, template("/a/{x}")), (Method::POST, template("/a/b"))]);
    let allow = |found| match found {
        Err(Refusal::Method { allow }) => allow,
        other => panic!("{other:?}"),
    };
    assert_eq!(allow(routes.find(&Method::DELETE, "/a/b")), "GET, HEAD, OPTIONS, POST");
    assert_eq!(allow(routes.find(&Method::POST, "/a/c")), "GET, HEAD, OPTIONS");
    assert_eq!(routes.find(&Method::HEAD, "/a/c").unwrap().route, 0);
    // A narrower path of another method does not hide this one.
    assert_eq!(routes.find(&Method::GET, "/a/b").unwrap().route, 0);
    assert!(matches!(routes.find(&Method::GET, "/a/%ff"), Err(Refusal::Encoding { .. })));
}

#[test]
fn templates_that_cross_are_told_from_those_within_another() {
    for (one, two, overlap) in [
        ("/a/{x}", "/a/{y}", Overlap::Same),
        ("/a/b", "/a/{y}", Overlap::Within),
        ("/a/{y}", "/a/b", Overlap::Around),
        ("/{x}/b", "/a/{y}", Overlap::Crossing),
        ("/a/b", "/a/c", Overlap::Apart),
        ("/a/b", "/a/b/c", Overlap::Apart),
        ("/a/{x}:v", "/a/{x}:w", Overlap::Apart),
        ("/a/{x}:v", "/a/start", Overlap::Apart),
        ("/a/{x}:v", "/a/{x}", Overlap::Within),
        ("/a/{x=**}", "/a/b/{c}", Overlap::Around),
        ("/a", "/a/{x=**}", Overlap::Within),
        ("/a/{x=**}:v", "/a/{y}", Overlap::Crossing),
    ] {
        assert_eq!(template(one).overlap(&template(two)), overlap, "{one} {two}");
    }
}

/// The descriptors of the API with one annotation changed.
fn with_rule(change: impl FnOnce(&mut prost_reflect::DynamicMessage)) -> Result<usize, BindingError> {
    let pool = DescriptorPool::decode(crate::api::pb::DESCRIPTORS).unwrap();
    let annotation = pool.get_extension_by_name("google.api.http").unwrap();
    let service = pool.get_service_by_name("cidadao.v1.InvestigationService").unwrap();
    let rpc = service.methods().find(|rpc| rpc.name() == "GetInvestigation").unwrap();
    let mut options = rpc.options();
    change(options.get_extension_mut(&annotation).as_message_mut().unwrap());
    let mut file = rpc.parent_service().parent_file().encode_to_vec();
    // Options that are said again are merged, and the last one wins: a second service of the same file would not be.
    let old = rpc.options().encode_to_vec();
    let new = options.encode_to_vec();
    let set = prost_types::FileDescriptorSet::decode(crate::api::pb::DESCRIPTORS).unwrap();
    assert!(set.file.iter().any(|one| one.name() == rpc.parent_service().parent_file().name()));
    file = replace(&file, &old, &new);
    let mut changed = DescriptorPool::new();
    for one in pool.files() {
        let bytes =
            if one.name() == "cidadao/v1/investigation_service.proto" { file.clone() } else { one.encode_to_vec() };
        changed.decode_file_descriptor_proto(bytes.as_slice()).unwrap();
    }
    bindings(&changed).map(|all| all.len())
}

/// Encoded bytes with one encoded part in the place of another, the lengths around it set right: the new part is
/// padded with an unknown field to the old length.
fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = bytes.windows(old.len()).position(|window| window == old).unwrap();
    let mut padded = new.to_vec();
    let missing = old.len().checked_sub(new.len()).unwrap();
    // Field 1000 with a string: two bytes of key, one of length.
    if missing > 0 {
        assert!(missing >= 3, "no room for padding");
        padded.extend([0xc2, 0x3e, u8::try_from(missing - 3).unwrap()]);
        padded.resize(old.len(), b' ');
    }
    [&bytes[..at], &padded, &bytes[at + old.len()..]].concat()
}

fn set(rule: &mut prost_reflect::DynamicMessage, name: &str, text: &str) {
    rule.set_field_by_name(name, prost_reflect::Value::String(text.to_owned()));
}

#[test]
fn annotations_that_cannot_be_served_are_refused() {
    let untouched = with_rule(|_| {}).unwrap();
    assert!(untouched > 15, "{untouched}");
    // Without the additional binding.
    assert_eq!(with_rule(|rule| rule.clear_field_by_name("additional_bindings")).unwrap(), untouched - 1);
    let refused = |change: fn(&mut prost_reflect::DynamicMessage)| {
        with_rule(|rule| {
            rule.clear_field_by_name("additional_bindings");
            change(rule);
        })
        .unwrap_err()
        .to_string()
    };
    let text = refused(|rule| set(rule, "get", "/api/v1/investigations/{nope}/status"));
    assert!(text.contains("GetInvestigation") && text.contains("GetInvestigationRequest.nope"), "{text}");
    let text = refused(|rule| set(rule, "get", "/api/{investigation_id"));
    assert!(text.contains("GetInvestigation: path template") && text.contains("byte 22"), "{text}");
    let text = refused(|rule| set(rule, "get", "/api/v1/investigations/{investigation_id}/results"));
    assert!(text.contains("GetInvestigation and") || text.contains("GetInvestigationResults"), "{text}");
    assert!(text.contains("match the same paths"), "{text}");
    let text = refused(|rule| set(rule, "body", "*"));
    assert!(text.contains("GET and DELETE must not have a body"), "{text}");
    let text = refused(|rule| set(rule, "response_body", "nope"));
    assert!(text.contains("Investigation.nope"), "{text}");
    let text = refused(|rule| rule.clear_field_by_name("get"));
    assert!(text.contains("must have one of"), "{text}");
}

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-c]", 2 => Just("*".to_owned()), 1 => "[a-z]{1,8}"]
}

/// Templates, some with variables and verbs.
fn templates() -> impl Strategy<Value = String> {
    let parts = prop::collection::vec((segment(), any::<bool>()), 1..5);
    (parts, any::<bool>(), prop::option::of("[a-c]")).prop_map(|(parts, open, verb)| {
        let mut text = String::new();
        for (at, (part, variable)) in parts.iter().enumerate() {
            text.push('/');
            text.push_str(&if *variable { format!("{{v{at}={part}}}") } else { part.clone() });
        }
        if open {
            text.push_str("/{rest=**}");
        }
        if let Some(verb) = verb {
            text = format!("{text}:{verb}");
        }
        text
    })
}

/// Whether a template matches a path, by trying it segment by segment.
fn matches(template: &Template, path: &str) -> bool {
    let path = match template.verb() {
        None => path,
        Some(verb) => match path.strip_suffix(&format!(":{verb}")) {
            Some(before) => before,
            None => return false,
        },
    };
    let parts: Vec<_> = path[1..].split('/').collect();
    let open = template.segments().last() == Some(&Segment::Rest);
    let fixed = template.segments().len() - usize::from(open);
    if parts.len() < fixed || !open && parts.len() != fixed {
        return false;
    }
    template.segments()[..fixed].iter().zip(&parts).all(|(segment, part)| match segment {
        Segment::Literal(text) => text == part,
        Segment::One => !part.is_empty(),
        Segment::Rest => false,
    })
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in "[/{}=.*:a-c_0]{0,24}|\\PC{0,24}") {
        if let Ok(parsed) = Template::parse(&text) {
            prop_assert_eq!(parsed.as_str(), text.as_str());
            for variable in parsed.variables() {
                prop_assert!(variable.start < variable.end && variable.end <= parsed.segments().len());
            }
        }
    }

    #[test]
    fn the_tree_finds_what_trying_each_finds(
        templates in prop::collection::vec(templates(), 1..6),
        path in "(/[a-c]{0,2}){1,5}(:[a-c])?",
    ) {
        let parsed: Vec<_> = templates.iter().map(|text| template(text)).collect();
        // Only sets that the start would accept.
        let mut kept: Vec<Template> = Vec::new();
        for one in parsed {
            if kept.iter().all(|other| !matches!(one.overlap(other), Overlap::Same | Overlap::Crossing)) {
                kept.push(one);
            }
        }
        let routes = Routes::new(kept.iter().map(|one| (Method::GET, one.clone())));
        let found = routes.find(&Method::GET, &path).ok().map(|matched| matched.route);
        let matching: Vec<_> = (0..kept.len()).filter(|at| matches(&kept[*at], &path)).collect();
        match found {
            None => prop_assert!(matching.is_empty(), "{:?} should match {}", matching, path),
            Some(found) => {
                prop_assert!(matching.contains(&found));
                // Nothing that matches lies within the one found.
                for other in matching.into_iter().filter(|other| *other != found) {
                    prop_assert_eq!(kept[found].overlap(&kept[other]), Overlap::Within);
                }
            }
        }
    }

    #[test]
    fn a_variable_gives_its_text_back(text in "\\PC{1,20}") {
        let path = format!("/v1/{}/x", utf8_percent_encode(&text, NON_ALPHANUMERIC));
        prop_assert_eq!(find(&["/v1/{id}/x"], &path), Some(("/v1/{id}/x".to_owned(), vec![text])));
    }
}
