//! Going back to an earlier version, and letting go of those that nobody needs.

use std::time::Duration;

use serde::Serialize;

use super::{Lake, LakeError};
use crate::model::AuditEntry;
use crate::store::{Expiry, StoreError};

/// Versions that were the latest within this time are kept in any case: whoever has just begun to read one is not
/// known to the manifest.
pub const LEAST_KEPT: Duration = Duration::from_secs(60 * 60);

/// What a vacuum did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Vacuumed {
    /// Versions that are kept no longer.
    pub versions: Vec<i64>,
    /// Files that are gone.
    pub files: usize,
    /// Their size in bytes.
    pub bytes: i64,
    /// The oldest version that is kept.
    pub oldest_version: i64,
    /// Further files that are gone: leftovers of imports that crashed, of no version.
    pub leftovers: usize,
}

fn audit(action: &str, details: serde_json::Value) -> AuditEntry {
    AuditEntry {
        actor: "cli".to_owned(),
        action: action.to_owned(),
        resource: "lake".to_owned(),
        remote: "cli".to_owned(),
        result: "ok".to_owned(),
        details,
    }
}

/// Makes a version that holds what an earlier one holds; returns its number. Nothing is deleted.
///
/// # Errors
/// [`LakeError::NoSuchVersion`], [`LakeError::Manifest`] if it is the latest, [`LakeError::Io`] or [`LakeError::Object`] if one of its
/// files is not there.
pub async fn roll_back(lake: &Lake, version: i64) -> Result<i64, LakeError> {
    lake.files().check(lake.snapshot(Some(version)).await?.files()).await?;
    match lake.store().roll_back(version, audit("lake.rolled_back", serde_json::json!({ "to": version }))).await {
        Err(StoreError::NotFound { .. }) => {
            Err(LakeError::NoSuchVersion { asked: version, latest: lake.store().lake_version().await? })
        }
        result => Ok(result?),
    }
}

/// Lets go of old versions and deletes the files that no other one has, and what crashed imports left. With `dry` it only tells which.
///
/// A version is kept that was the latest within `expiry.keep` (at least [`LEAST_KEPT`]), that is one of the latest
/// `expiry.keep_versions`, or that is not older than one which a job reads that has not ended.
///
/// # Errors
/// [`LakeError`]; the versions may then be let go of and some of the files be left, which the next call deletes.
pub async fn vacuum(lake: &Lake, expiry: Expiry, dry: bool) -> Result<Vacuumed, LakeError> {
    let expiry = Expiry { keep: expiry.keep.max(LEAST_KEPT), ..expiry };
    let details = serde_json::json!({ "keep_seconds": expiry.keep.as_secs(), "keep_versions": expiry.keep_versions });
    let entry = (!dry).then(|| audit("lake.vacuumed", details));
    let expired = lake.store().expire_versions(expiry, entry).await?;
    let done = Vacuumed {
        versions: expired.versions,
        files: expired.files.len(),
        bytes: expired.files.iter().map(|file| file.bytes).sum(),
        oldest_version: expired.oldest,
        leftovers: lake.leftovers().await?.len(),
    };
    if dry {
        return Ok(done);
    }
    let paths: Vec<String> = expired.files.into_iter().map(|file| file.path).collect();
    lake.files().remove(&paths).await?;
    lake.store().forget_files(paths, expired.oldest).await?;
    lake.remove_orphans().await?;
    Ok(done)
}
