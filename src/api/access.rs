//! What each RPC asks of its caller, in one table.

use super::errors::ApiError;
use super::{Principal, Role};
use crate::auth::{AuthError, How};

/// What an RPC asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing, not even credentials.
    Nothing,
    /// A caller of at least this role.
    Role(Role),
    /// The same, and with credentials also where none are asked for: whoever happens to reach an open
    /// server, say a page in a browser on the same machine, must not make accounts and close it.
    Identified(Role),
}

use Need::Nothing;
const VIEWER: Need = Need::Role(Role::Viewer);
const ANALYST: Need = Need::Role(Role::Analyst);
const OPERATOR: Need = Need::Role(Role::Admin);
const ADMIN: Need = Need::Identified(Role::Admin);

/// Every RPC as (service, method, what it needs).
///
/// Health is open so that a load balancer needs no key; reflection is open because the API is public
/// anyway; a login is how one comes by credentials.
pub(super) const TABLE: &[(&str, &str, Need)] = &[
    ("cidadao.v1.InvestigationService", "StartInvestigation", ANALYST),
    ("cidadao.v1.InvestigationService", "BatchStartInvestigations", ANALYST),
    ("cidadao.v1.InvestigationService", "CancelInvestigation", ANALYST),
    ("cidadao.v1.InvestigationService", "ReviewFinding", ANALYST),
    ("cidadao.v1.InvestigationService", "ExplainFinding", VIEWER),
    ("cidadao.v1.InvestigationService", "GetInvestigation", VIEWER),
    ("cidadao.v1.InvestigationService", "ListInvestigations", VIEWER),
    ("cidadao.v1.InvestigationService", "WatchInvestigation", VIEWER),
    ("cidadao.v1.InvestigationService", "WatchInvestigations", VIEWER),
    ("cidadao.v1.InvestigationService", "GetInvestigationResults", VIEWER),
    ("cidadao.v1.InvestigationService", "GetInvestigationReport", VIEWER),
    ("cidadao.v1.AnalysisService", "StartAnalysis", ANALYST),
    ("cidadao.v1.AnalysisService", "GetAnalysis", VIEWER),
    ("cidadao.v1.AnalysisService", "GetAnalysisResults", VIEWER),
    ("cidadao.v1.AnalysisService", "WatchAnalysis", VIEWER),
    ("cidadao.v1.ContractService", "SearchContracts", VIEWER),
    ("cidadao.v1.ContractService", "GetContract", VIEWER),
    ("cidadao.v1.DetectorService", "ListDetectors", VIEWER),
    ("cidadao.v1.DetectorService", "GetDetector", VIEWER),
    ("cidadao.v1.DatasetService", "ImportDataset", OPERATOR),
    ("cidadao.v1.DatasetService", "UploadDataset", OPERATOR),
    ("cidadao.v1.DatasetService", "CancelImport", OPERATOR),
    ("cidadao.v1.DatasetService", "GetImport", VIEWER),
    ("cidadao.v1.DatasetService", "ListImports", VIEWER),
    ("cidadao.v1.DatasetService", "WatchImport", VIEWER),
    ("cidadao.v1.DatasetService", "ListDatasets", VIEWER),
    ("cidadao.v1.DatasetService", "GetDataset", VIEWER),
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
    found.map_or((Need::Role(Role::Admin), None), |(service, method, need)| (*need, Some((*service, *method))))
}

/// When a call needs credentials, as far as its RPC says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credentials {
    /// Never.
    Never,
    /// Where the server asks for them.
    WhereAsked,
    /// Also where the server asks nobody else for them.
    Always,
}

impl Credentials {
    /// What the RPC of a path needs, for example `/cidadao.v1.AuthService/Login`.
    pub fn of(path: &str) -> Self {
        match need(path).0 {
            Nothing => Self::Never,
            Need::Role(_) => Self::WhereAsked,
            Need::Identified(_) => Self::Always,
        }
    }
}

/// Whether a principal may call what has this need.
///
/// # Errors
/// Why not.
pub(super) fn check(need: Need, principal: &Principal) -> Result<(), ApiError> {
    let needed = match need {
        Nothing => return Ok(()),
        Need::Role(role) => role,
        Need::Identified(_) if principal.how == How::Local => return Err(ApiError::Auth(AuthError::Missing)),
        Need::Identified(role) => role,
    };
    if principal.role < needed {
        return Err(ApiError::RoleMissing { needed, role: principal.role });
    }
    Ok(())
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
            assert_eq!(need(path), (Need::Role(Role::Admin), None), "{path}");
        }
        assert_eq!(need("/cidadao.v1.AuthService/Login").0, Nothing);
    }

    #[test]
    fn a_role_may_what_the_one_before_it_may() {
        let of = |role| Principal { role, ..Principal::anonymous() };
        for (at, role) in Role::ALL.into_iter().enumerate() {
            for (needed_at, needed) in Role::ALL.into_iter().enumerate() {
                for need in [Need::Role(needed), Need::Identified(needed)] {
                    assert_eq!(check(need, &of(role)).is_ok(), at >= needed_at);
                }
            }
        }
        // Who is let in without credentials may everything but manage accounts.
        assert!(check(Need::Role(Role::Admin), &Principal::local()).is_ok());
        assert!(matches!(check(ADMIN, &Principal::local()), Err(ApiError::Auth(AuthError::Missing))));
    }
}
