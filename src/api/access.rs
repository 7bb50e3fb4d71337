//! What each RPC asks of its caller, in one table.

use super::{Principal, Role};

/// What an RPC asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing, not even credentials.
    Nothing,
    /// A caller of at least this role.
    Role(Role),
}

use Need::Nothing;
const VIEWER: Need = Need::Role(Role::Viewer);
const ANALYST: Need = Need::Role(Role::Analyst);
const ADMIN: Need = Need::Role(Role::Admin);

/// Every RPC as (service, method, what it needs).
///
/// Health is open so that a load balancer needs no key; reflection is open because the API is public
/// anyway; a login is how one comes by credentials.
pub(super) const TABLE: &[(&str, &str, Need)] = &[
    ("cidadao.v1.InvestigationService", "StartInvestigation", ANALYST),
    ("cidadao.v1.InvestigationService", "BatchStartInvestigations", ANALYST),
    ("cidadao.v1.InvestigationService", "CancelInvestigation", ANALYST),
    ("cidadao.v1.InvestigationService", "GetInvestigation", VIEWER),
    ("cidadao.v1.InvestigationService", "ListInvestigations", VIEWER),
    ("cidadao.v1.InvestigationService", "WatchInvestigation", VIEWER),
    ("cidadao.v1.InvestigationService", "WatchInvestigations", VIEWER),
    ("cidadao.v1.InvestigationService", "GetInvestigationResults", VIEWER),
    ("cidadao.v1.InvestigationService", "GetInvestigationReport", VIEWER),
    ("cidadao.v1.AnalysisService", "StartAnalysis", ANALYST),
    ("cidadao.v1.AnalysisService", "CancelAnalysis", ANALYST),
    ("cidadao.v1.AnalysisService", "GetAnalysis", VIEWER),
    ("cidadao.v1.AnalysisService", "GetAnalysisResults", VIEWER),
    ("cidadao.v1.AnalysisService", "WatchAnalysis", VIEWER),
    ("cidadao.v1.ContractService", "SearchContracts", VIEWER),
    ("cidadao.v1.ContractService", "GetContract", VIEWER),
    ("cidadao.v1.AuthService", "Login", Nothing),
    ("cidadao.v1.AuthService", "WhoAmI", VIEWER),
    ("cidadao.v1.AuthService", "CreateApiKey", ADMIN),
    ("cidadao.v1.AuthService", "ListApiKeys", ADMIN),
    ("cidadao.v1.AuthService", "RevokeApiKey", ADMIN),
    ("cidadao.v1.AuthService", "CreateUser", ADMIN),
    ("cidadao.v1.AuthService", "ListUsers", ADMIN),
    ("cidadao.v1.AuthService", "DisableUser", ADMIN),
    ("cidadao.v1.HealthService", "GetHealth", Nothing),
    ("cidadao.v1.HealthService", "WatchHealth", Nothing),
    ("grpc.health.v1.Health", "Check", Nothing),
    ("grpc.health.v1.Health", "List", Nothing),
    ("grpc.health.v1.Health", "Watch", Nothing),
    ("grpc.reflection.v1.ServerReflection", "ServerReflectionInfo", Nothing),
    ("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo", Nothing),
];

/// What the RPC of a path needs, and its path as it is declared. One that nobody declares needs the
/// highest role: it is closed until the table says otherwise.
pub(super) fn need(path: &str) -> (Need, Option<(&'static str, &'static str)>) {
    let found = path
        .strip_prefix('/')
        .and_then(|path| path.split_once('/'))
        .and_then(|(service, method)| TABLE.iter().find(|(of, name, _)| *of == service && *name == method));
    found.map_or((ADMIN, None), |(service, method, need)| (*need, Some((*service, *method))))
}

/// Whether a principal has the role.
pub(super) fn allows(need: Need, principal: &Principal) -> bool {
    match need {
        Nothing => true,
        Need::Role(role) => principal.role >= role,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;
    use crate::api::pb;

    #[test]
    fn every_rpc_of_the_server_has_one_entry() {
        let sets: [&[u8]; 4] = [
            pb::DESCRIPTORS,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ];
        let mut declared = BTreeSet::new();
        for file in sets.into_iter().flat_map(|set| FileDescriptorSet::decode(set).unwrap().file) {
            for service in &file.service {
                for method in &service.method {
                    declared.insert((format!("{}.{}", file.package(), service.name()), method.name().to_owned()));
                }
            }
        }
        let listed: Vec<_> =
            TABLE.iter().map(|(service, method, _)| ((*service).to_owned(), (*method).to_owned())).collect();
        assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), declared);
        assert_eq!(listed.len(), declared.len(), "an RPC is listed twice");
    }

    #[test]
    fn what_nobody_declares_is_closed() {
        for path in ["", "/", "/x", "/cidadao.v1.AuthService/Logins", "cidadao.v1.AuthService/Login", "/a/b/c"] {
            assert_eq!(need(path), (ADMIN, None), "{path}");
        }
        assert_eq!(need("/cidadao.v1.AuthService/Login").0, Nothing);
    }

    #[test]
    fn a_role_may_what_the_one_before_it_may() {
        let of = |role| Principal { role, ..Principal::anonymous() };
        for (at, role) in Role::ALL.into_iter().enumerate() {
            for (needed_at, needed) in Role::ALL.into_iter().enumerate() {
                assert_eq!(allows(Need::Role(needed), &of(role)), at >= needed_at);
            }
        }
    }
}
