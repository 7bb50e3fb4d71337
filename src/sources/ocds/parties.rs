//! Who is who in a release: organisations by the id that they are referred to with.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use super::super::person::Person;
use super::super::pii::PiiKey;
use super::OcdsMap;
use super::json::View;
use super::process::{masked, text};
use crate::model::{TaxIdCheck, TaxIdKind, check_tax_id};

/// The parties of a release.
#[derive(Debug)]
pub(super) struct Parties<'a> {
    by_id: OcdsMap<Cow<'a, str>, usize>,
    all: Vec<Party<'a>>,
}

#[derive(Debug)]
struct Party<'a> {
    view: View<'a>,
    roles: Option<View<'a>>,
    /// Whether it says all that a reference to it could add.
    complete: bool,
    /// Whether [`Parties::first_mention`] was asked of it.
    mentioned: Cell<bool>,
    /// Who it is, once somebody has asked: most parties are referred to again and again.
    known: OnceCell<Option<Rc<Organisation<'a>>>>,
}

/// An organisation or person, as far as it may be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Organisation<'a> {
    /// What the release refers to it with; tells organisations of one release apart.
    pub(super) reference: Cow<'a, str>,
    pub(super) published: Option<Cow<'a, str>>,
    pub(super) id: Option<String>,
    pub(super) key: Option<String>,
    pub(super) kind: TaxIdKind,
    pub(super) check: TaxIdCheck,
    pub(super) name: Option<Cow<'a, str>>,
}

impl<'a> Parties<'a> {
    pub(super) fn of(release: View<'a>) -> Self {
        let mut found = Self { by_id: OcdsMap::default(), all: Vec::new() };
        for view in release.list("parties") {
            let [id, identifier, name, roles] = view.pick(["id", "identifier", "name", "roles"]);
            let complete = identifier.is_some() && text(name).is_some();
            if let Some(id) = text(id) {
                found.by_id.insert(id, found.all.len());
            }
            found.all.push(Party { view, roles, complete, mentioned: Cell::new(false), known: OnceCell::new() });
        }
        found
    }

    /// The first party with a role.
    pub(super) fn with_role(&self, role: &str) -> Option<View<'a>> {
        self.all_with_role(role).next()
    }

    /// The parties with a role.
    pub(super) fn all_with_role(&self, role: &str) -> impl Iterator<Item = View<'a>> {
        let has = move |party: &&Party<'a>| {
            party.roles.into_iter().flat_map(View::elements).any(|own| own.text().as_deref() == Some(role))
        };
        self.all.iter().filter(has).map(|party| party.view)
    }

    /// The party that a reference is to; the reference itself where it is none: releases of OCDS 1.0
    /// say all there is in place.
    pub(super) fn party(&self, reference: View<'a>) -> View<'a> {
        self.listed(reference).map_or(reference, |party| party.view)
    }

    fn listed(&self, reference: View<'a>) -> Option<&Party<'a>> {
        reference.text_of("id").and_then(|id| self.by_id.get(&id)).and_then(|place| self.all.get(*place))
    }

    /// Who a reference is to; `None` if it names nobody.
    pub(super) fn organisation(&self, reference: View<'a>, key: &PiiKey) -> Option<Rc<Organisation<'a>>> {
        match self.listed(reference) {
            Some(party) if party.complete => {
                party.known.get_or_init(|| Organisation::of(party.view, reference, key).map(Rc::new)).clone()
            }
            Some(party) => Organisation::of(party.view, reference, key).map(Rc::new),
            None => Organisation::of(reference, reference, key).map(Rc::new),
        }
    }

    /// [`Parties::organisation`] of a reference, unless this was asked before of a reference to the same party.
    pub(super) fn first_mention(&self, reference: View<'a>, key: &PiiKey) -> Option<Rc<Organisation<'a>>> {
        let again = self.listed(reference).is_some_and(|party| party.complete && party.mentioned.replace(true));
        if again { None } else { self.organisation(reference, key) }
    }
}

impl<'a> Organisation<'a> {
    /// Who a party is that `reference` is to.
    fn of(party: View<'a>, reference: View<'a>, key: &PiiKey) -> Option<Self> {
        let [own, identifier, name] = party.pick(["id", "identifier", "name"]);
        let identifier = identifier.or_else(|| reference.get("identifier"));
        let identified = identifier.map(|identifier| identifier.pick(["scheme", "id", "legalName"]));
        let [scheme, id, legal_name] = identified.unwrap_or_default().map(text);
        let own = reference.text_of("id").or_else(|| text(own));
        let name = text(name).or_else(|| reference.text_of("name")).or(legal_name);
        let published = id.or_else(|| own.clone());
        let Some(published) = published else {
            let name = name?;
            return Some(Self {
                reference: name.clone(),
                published: None,
                id: None,
                key: None,
                kind: TaxIdKind::Secret,
                check: TaxIdCheck::NotApplicable,
                name: masked(Some(name)),
            });
        };
        let person = person(scheme.as_deref(), &published, name.as_deref());
        let shown = match person.published_id() {
            Some(Cow::Owned(shown)) => Some(Cow::Owned(shown)),
            Some(Cow::Borrowed(_)) => Some(published.clone()),
            None => None,
        };
        Some(Self {
            published: shown,
            id: person.id().map(Cow::into_owned),
            key: person.key(key).map(Cow::into_owned),
            kind: person.kind,
            check: person.check,
            reference: own.unwrap_or_else(|| published.clone()),
            name: masked(name),
        })
    }
}

/// The person of an id. Brazilian ids are normalised: where the scheme says so, or where there is no
/// scheme and the check digits are right. All others are kept as published, behind their scheme.
fn person<'p>(scheme: Option<&str>, id: &'p str, name: Option<&'p str>) -> Person<'p> {
    let (scheme, bare) = match (scheme, id.strip_prefix("BR-CNPJ-").or_else(|| id.strip_prefix("BR-CPF-"))) {
        (None, Some(bare)) => (Some("BR"), bare),
        (scheme, _) => (scheme, id),
    };
    let begins = |text: &str, with: &str| text.get(..with.len()).is_some_and(|own| own.eq_ignore_ascii_case(with));
    let is_brazilian = |scheme: &str| {
        ["BR", "CNPJ", "CPF"].iter().any(|own| scheme.eq_ignore_ascii_case(own)) || begins(scheme, "BR-")
    };
    match scheme {
        Some(scheme) if is_brazilian(scheme) => {
            let behind = Some(bare).filter(|bare| begins(bare, scheme)).and_then(|bare| bare.get(scheme.len()..));
            let bare = behind.and_then(|behind| behind.strip_prefix('-')).unwrap_or(bare);
            let person = Person::brazilian(bare, name);
            Person { published: id, ..person }
        }
        None => match check_tax_id(bare) {
            (
                kind @ (TaxIdKind::Cnpj | TaxIdKind::Cpf),
                normal,
                check @ (TaxIdCheck::Valid | TaxIdCheck::NotApplicable),
            ) => Person { published: id, kind, normal, check, name },
            (kind @ (TaxIdKind::Secret | TaxIdKind::Foreign), normal, check) => {
                Person { published: id, kind, normal, check, name }
            }
            _ => Person {
                published: id,
                kind: TaxIdKind::Other,
                normal: id.to_owned(),
                check: TaxIdCheck::NotApplicable,
                name,
            },
        },
        Some(scheme) => {
            let normal = if id.starts_with(scheme) { id.to_owned() } else { format!("{scheme}-{id}") };
            Person { published: id, kind: TaxIdKind::Foreign, normal, check: TaxIdCheck::NotApplicable, name }
        }
    }
}

/// Several organisations that act together, as one: each of them alone did not win what they won.
pub(super) fn together(mut members: Vec<Rc<Organisation<'_>>>) -> Option<Rc<Organisation<'_>>> {
    if members.len() < 2 {
        return members.pop();
    }
    members.sort_by(|a, b| a.reference.cmp(&b.reference));
    members.dedup_by(|a, b| a.reference == b.reference);
    if members.len() < 2 {
        return members.pop();
    }
    let joined = |part: for<'o> fn(&'o Organisation<'_>) -> Option<&'o str>| {
        let parts: Option<Vec<&str>> = members.iter().map(|one| part(one)).collect();
        parts.map(|parts| parts.join("; "))
    };
    Some(Rc::new(Organisation {
        reference: Cow::Owned(members.iter().map(|one| one.reference.as_ref()).collect::<Vec<_>>().join("; ")),
        published: joined(|one| one.published.as_deref()).map(Cow::Owned),
        id: joined(|one| one.id.as_deref()),
        key: joined(|one| one.key.as_deref()).map(|keys| format!("group:{keys}")),
        kind: TaxIdKind::Other,
        check: TaxIdCheck::NotApplicable,
        name: joined(|one| Some(one.name.as_deref().unwrap_or_default())).map(Cow::Owned),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::json::Scratch;
    use super::*;

    const KEY: PiiKey = PiiKey::from_bytes([7; 32]);

    /// Kind, id, key and name.
    type Who = (TaxIdKind, Option<String>, Option<String>, Option<String>);

    fn who(release: &str) -> Option<Who> {
        let mut scratch = Scratch::default();
        let document = scratch.parse(release.as_bytes()).unwrap();
        let parties = Parties::of(document.root());
        let one = parties.organisation(document.root().get("buyer")?, &KEY)?;
        assert!(!one.key.as_deref().unwrap_or_default().contains("52998224725"));
        Some((one.kind, one.id.clone(), one.key.clone(), one.name.as_deref().map(str::to_owned)))
    }

    #[test]
    fn organisations_are_found_by_reference_and_normalised_by_scheme() {
        let texts = |texts: [&str; 3]| texts.map(|text| Some(text.to_owned()));
        let [id, key, name] = texts(["33000167000101", "33000167000101", "Empresa"]);
        let party = r#"{"buyer":{"id":"p1"},"parties":[{"id":"p1","name":"Empresa","identifier":{"scheme":"BR-CNPJ","id":"33.000.167/0001-01"}}]}"#;
        assert_eq!(who(party), Some((TaxIdKind::Cnpj, id.clone(), key.clone(), name.clone())));
        let bare = r#"{"buyer":{"id":"BR-CNPJ-33000167000101","name":"Empresa"}}"#;
        assert_eq!(who(bare), Some((TaxIdKind::Cnpj, id, key, name)));
        let [id, key, name] = texts(["MD-IDNO-1003600012345", "foreign:MD-IDNO-1003600012345", "Firma"]);
        let foreign = r#"{"buyer":{"id":"x","name":"Firma","identifier":{"scheme":"MD-IDNO","id":1003600012345}}}"#;
        assert_eq!(who(foreign), Some((TaxIdKind::Foreign, id, key, name)));
        let hash = who(r#"{"buyer":{"id":"5cb15dcd7f43ba4d","name":"A"}}"#).unwrap();
        assert_eq!((hash.0, hash.2.as_deref()), (TaxIdKind::Other, Some("other:5cb15dcd7f43ba4d")));
        let person = who(r#"{"buyer":{"id":"52998224725","name":"Fulano 52998224725"}}"#).unwrap();
        assert_eq!((person.0, person.1.as_deref()), (TaxIdKind::Cpf, Some("***.982.247-**")));
        assert_eq!(person.3.as_deref(), Some("Fulano ***.982.247-**"));
        let unnamed = who(r#"{"buyer":{"name":"Sem código"}}"#).unwrap();
        assert_eq!((unnamed.0, unnamed.2), (TaxIdKind::Secret, None));
        assert_eq!(who(r#"{"buyer":{"id":""}}"#), None);
        assert_eq!(who(r#"{"buyer":"x"}"#), None);
    }

    #[test]
    fn a_group_is_nobody_of_its_members() {
        let one = |id: &'static str| {
            Rc::new(Organisation {
                reference: Cow::Borrowed(id),
                published: Some(Cow::Borrowed(id)),
                id: Some(id.to_owned()),
                key: Some(id.to_owned()),
                kind: TaxIdKind::Cnpj,
                check: TaxIdCheck::Valid,
                name: None,
            })
        };
        assert_eq!(together(vec![one("a"), one("a")]), Some(one("a")));
        assert_eq!(together(Vec::new()), None);
        let group = together(vec![one("b"), one("a")]).unwrap();
        assert_eq!((group.key.as_deref(), group.kind), (Some("group:a; b"), TaxIdKind::Other));
    }
}
