//! `prepare`: corrects compiled releases so that the indicators can read them, and lists what is wrong with them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::io;

use super::release::double;
use super::settings::Prepare;
use super::tree::{Object, Tree};

const BID_STATUSES: [&str; 5] = ["invited", "pending", "valid", "disqualified", "withdrawn"];
const AWARD_STATUSES: [&str; 4] = ["pending", "active", "cancelled", "unsuccessful"];

/// Something that is wrong with a release, as a row of the list of errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issue {
    pub(super) ocid: String,
    pub(super) path: &'static str,
    /// Places in the arrays of the path, with `.` between them.
    pub(super) indexes: String,
    pub(super) value: String,
    pub(super) rule: &'static str,
}

/// The roles of the parties, by their ids.
type Roles<'a> = HashMap<Cow<'a, str>, BTreeSet<Cow<'a, str>>>;

/// How ids of organizations are written, and the role they have there.
struct Organization<'s> {
    prefix: &'s str,
    role: &'static str,
}

struct Corrector<'a> {
    settings: &'a Prepare,
    ocid: String,
    issues: Vec<Issue>,
    roles: Roles<'a>,
}

/// Corrects a release; the answer is what is wrong with it. `moved` is false where auctions could not be moved.
pub(super) fn correct<'a>(settings: &'a Prepare, release: &mut Object<'a>) -> io::Result<(Vec<Issue>, bool)> {
    let mut corrector =
        Corrector { settings, ocid: cell(release.get("ocid"))?, issues: Vec::new(), roles: Roles::default() };
    corrector.parties(release);
    let buyer = Organization { prefix: &settings.buyer_prefix, role: "buyer" };
    if let Some(object) = release.get_mut("buyer").and_then(Tree::object_mut) {
        corrector.organization(object, &buyer);
    }
    if let Some(tender) = release.get_mut("tender").and_then(Tree::object_mut) {
        let entity = Organization { prefix: &settings.buyer_prefix, role: "procuringEntity" };
        if let Some(object) = tender.get_mut("procuringEntity").and_then(Tree::object_mut) {
            corrector.organization(object, &entity);
        }
        if let Some(separator) = &settings.split_details
            && let Some(Tree::Text(details)) = tender.get_mut("procurementMethodDetails")
        {
            let end = details.find(separator.as_str()).unwrap_or(details.len());
            *details = Cow::Owned(details[..end].trim_end().to_owned());
        }
    }
    let moved = !settings.move_auctions || move_auctions(release);
    if let Some(details) = release.get_mut("bids").and_then(Tree::object_mut).and_then(|bids| bids.get_mut("details"))
        && let Tree::Array(bids) = details
    {
        for (at, bid) in bids.iter_mut().enumerate() {
            corrector.bid(bid, at);
        }
    }
    let cancelled = if settings.status_by_contracts { cancelled_by_contracts(release) } else { HashMap::new() };
    if let Some(awards) = release.get_mut("awards").and_then(Tree::array_mut) {
        for (at, award) in awards.iter_mut().enumerate() {
            corrector.award(award, at, &cancelled);
        }
    }
    corrector.party_roles(release);
    Ok((corrector.issues, moved))
}

/// A value as a cell of a table.
fn cell(value: Option<&Tree<'_>>) -> io::Result<String> {
    match value {
        None | Some(Tree::Null) => Ok(String::new()),
        Some(Tree::Text(text)) => Ok(text.clone().into_owned()),
        Some(other) => {
            let mut out = Vec::new();
            other.write(&mut out)?;
            Ok(String::from_utf8_lossy(&out).into_owned())
        }
    }
}

/// A number as text, where ids are compared as text.
fn number_to_text(object: &mut Object<'_>, key: &str) {
    if let Some(value) = object.get_mut(key)
        && let Tree::Number(digits) = value
    {
        *value = Tree::Text(std::mem::take(digits));
    }
}

/// An object where OCDS has an array of them.
fn object_to_array(object: &mut Object<'_>, key: &str) {
    if let Some(value) = object.get_mut(key)
        && value.object().is_some()
    {
        let object = std::mem::replace(value, Tree::Null);
        *value = Tree::Array(vec![object]);
    }
}

/// `auctions[].stages[].bids[]` become `bids.details`; `false` where there are bids already.
fn move_auctions(release: &mut Object<'_>) -> bool {
    let occupied = release.get("bids").is_some();
    let Some(auctions) = release.get_mut("auctions") else { return true };
    if occupied {
        return false;
    }
    let Some(auctions) = auctions.array_mut() else { return true };
    let mut details = Vec::new();
    for auction in auctions.iter_mut().filter_map(Tree::object_mut) {
        let stages = auction.get_mut("stages").and_then(Tree::array_mut);
        for stage in stages.into_iter().flatten().filter_map(Tree::object_mut) {
            if let Some(bids) = stage.take("bids")
                && let Tree::Array(bids) = bids
            {
                details.extend(bids);
            }
        }
    }
    let mut bids = Object::default();
    bids.set("details", Tree::Array(details));
    release.set("bids", Tree::Object(bids));
    true
}

/// The awards that have contracts, and whether all of these are cancelled.
fn cancelled_by_contracts(release: &mut Object<'_>) -> HashMap<String, bool> {
    let mut cancelled = HashMap::new();
    let contracts = release.get_mut("contracts").and_then(Tree::array_mut);
    for contract in contracts.into_iter().flatten().filter_map(Tree::object_mut) {
        number_to_text(contract, "awardID");
        if let Some(award) = contract.get("awardID").and_then(Tree::text) {
            let this = contract.get("status").and_then(Tree::text) == Some("cancelled");
            *cancelled.entry(award.to_owned()).or_insert(true) &= this;
        }
    }
    cancelled
}

impl<'a> Corrector<'a> {
    fn issue(&mut self, path: &'static str, indexes: String, value: &str, rule: &'static str) {
        self.issues.push(Issue { ocid: self.ocid.clone(), path, indexes, value: value.to_owned(), rule });
    }

    /// Ids of parties, and the roles they say they have.
    fn parties(&mut self, release: &mut Object<'a>) {
        self.organizations(release, "parties", None);
        if !self.settings.party_roles {
            return;
        }
        let parties = release.get_mut("parties").and_then(Tree::array_mut);
        for party in parties.into_iter().flatten().filter_map(|party| party.object()) {
            let Some(Tree::Text(id)) = party.get("id") else { continue };
            let mut known = BTreeSet::new();
            if let Some(Tree::Array(roles)) = party.get("roles") {
                known.extend(roles.iter().filter_map(|role| match role {
                    Tree::Text(role) => Some(role.clone()),
                    _ => None,
                }));
            }
            self.roles.insert(id.clone(), known);
        }
    }

    /// Writes the roles that the references gave to the parties.
    fn party_roles(&self, release: &mut Object<'a>) {
        if !self.settings.party_roles {
            return;
        }
        let parties = release.get_mut("parties").and_then(Tree::array_mut);
        for party in parties.into_iter().flatten().filter_map(Tree::object_mut) {
            let roles = party.get("id").and_then(Tree::text).and_then(|id| self.roles.get(id));
            if let Some(roles) = roles.filter(|roles| !roles.is_empty()) {
                party.set("roles", Tree::Array(roles.iter().cloned().map(Tree::Text).collect()));
            }
        }
    }

    fn organization(&mut self, object: &mut Object<'a>, organization: &Organization<'_>) {
        number_to_text(object, "id");
        let Some(Tree::Text(id)) = object.get_mut("id") else { return };
        if self.settings.redact_ids.contains(&**id) {
            object.take("id");
            return;
        }
        if !id.starts_with(organization.prefix) {
            *id = Cow::Owned(format!("{}{id}", organization.prefix));
        }
        if let Some(roles) = self.roles.get_mut(id) {
            roles.insert(Cow::Borrowed(organization.role));
        }
    }

    fn organizations(&mut self, object: &mut Object<'a>, key: &str, organization: Option<&Organization<'_>>) {
        object_to_array(object, key);
        let none = Organization { prefix: "", role: "" };
        let list = object.get_mut(key).and_then(Tree::array_mut);
        for entry in list.into_iter().flatten().filter_map(Tree::object_mut) {
            self.organization(entry, organization.unwrap_or(&none));
        }
    }

    fn bid(&mut self, bid: &mut Tree<'a>, at: usize) {
        if let Some(object) = bid.object_mut() {
            if let Some(value) = object.get_mut("value").and_then(Tree::object_mut) {
                self.bid_value(value, at);
            }
            self.schemes(object, at, "/bids/details[]/items[]/classification/scheme", false);
        }
        let default = self.settings.bid_status.as_deref();
        self.status(bid, at, "/bids/details[]/status", default, &self.settings.bid_statuses, &BID_STATUSES);
        let tenderer = Organization { prefix: &self.settings.supplier_prefix, role: "tenderer" };
        if let Some(object) = bid.object_mut() {
            self.organizations(object, "tenderers", Some(&tenderer));
        }
    }

    fn bid_value(&mut self, value: &mut Object<'a>, at: usize) {
        if let Some(Tree::Number(digits)) = value.get("amount")
            && let Some(amount) = double(digits)
        {
            if self.settings.redact_amounts.contains(&amount) {
                value.take("amount");
            } else if amount == 0.0 {
                self.issue("/bids/details[]/value/amount", at.to_string(), "", "is zero");
            }
        }
        if value.get("currency").is_none() {
            match &self.settings.currency {
                Some(currency) => value.set("currency", Tree::Text(Cow::Borrowed(currency))),
                None => self.issue("/bids/details[]/value/currency", at.to_string(), "", "not set"),
            }
        }
    }

    fn schemes(&mut self, object: &mut Object<'a>, at: usize, path: &'static str, with_ids: bool) {
        let items = object.get_mut("items").and_then(Tree::array_mut);
        for (place, item) in items.into_iter().flatten().enumerate() {
            let classification = item.object_mut().and_then(|item| item.get_mut("classification"));
            let Some(classification) = classification.and_then(Tree::object_mut) else { continue };
            if with_ids {
                number_to_text(classification, "id");
            }
            if classification.get("scheme").is_none() {
                match &self.settings.classification_scheme {
                    Some(scheme) => classification.set("scheme", Tree::Text(Cow::Borrowed(scheme))),
                    None => self.issue(path, format!("{at}.{place}"), "", "not set"),
                }
            }
        }
    }

    fn status(
        &mut self,
        tree: &mut Tree<'a>,
        at: usize,
        path: &'static str,
        default: Option<&'a str>,
        codes: &'a HashMap<String, String>,
        known: &[&str],
    ) {
        if tree.object().is_none_or(|object| object.get("status").is_none()) {
            match default {
                Some(default) if matches!(tree, Tree::Object(_) | Tree::Null) => {
                    if *tree == Tree::Null {
                        *tree = Tree::Object(Object::default());
                    }
                    if let Some(object) = tree.object_mut() {
                        object.set("status", Tree::Text(Cow::Borrowed(default)));
                    }
                }
                _ => self.issue(path, at.to_string(), "", "not set"),
            }
        }
        if let Some(Tree::Text(status)) = tree.object_mut().and_then(|object| object.get_mut("status")) {
            if let Some(code) = codes.get(&**status) {
                *status = Cow::Borrowed(code);
            }
            if !known.contains(&&**status) {
                let status = status.clone();
                self.issue(path, at.to_string(), &status, "invalid");
            }
        }
    }

    fn award(&mut self, award: &mut Tree<'a>, at: usize, cancelled: &HashMap<String, bool>) {
        if let Some(object) = award.object_mut() {
            number_to_text(object, "id");
            self.schemes(object, at, "/awards[]/items[]/classification/scheme", true);
        }
        let default = self.settings.award_status.as_deref();
        self.status(award, at, "/awards[]/status", default, &self.settings.award_statuses, &AWARD_STATUSES);
        let supplier = Organization { prefix: &self.settings.supplier_prefix, role: "supplier" };
        if let Some(object) = award.object_mut() {
            if object.get("id").and_then(Tree::text).and_then(|id| cancelled.get(id)) == Some(&true) {
                object.set("status", Tree::Text(Cow::Borrowed("cancelled")));
            }
            self.organizations(object, "suppliers", Some(&supplier));
        }
    }
}
