use std::time::Duration;

use super::files::Files;
use super::{Lake, LakeError};
use crate::model::LakeFile;

/// How long the removal of files is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Files that are written and of no version yet; dropped before they are, they are removed.
#[derive(Debug)]
pub(crate) struct Written {
    place: Files,
    files: Vec<LakeFile>,
    committing: bool,
}

impl Written {
    /// None yet.
    pub(crate) fn of(lake: &Lake) -> Self {
        Self::at(lake.files().clone())
    }

    /// None yet, of a lake that is there.
    pub(crate) const fn at(place: Files) -> Self {
        Self { place, files: Vec::new(), committing: false }
    }

    /// There are more.
    pub(crate) fn add(&mut self, files: impl IntoIterator<Item = LakeFile>) {
        self.files.extend(files);
    }

    /// There are those of another one.
    pub(crate) fn take_over(&mut self, mut other: Self) {
        self.files.append(&mut other.files);
    }

    /// Notices a file that was taken for an orphan: an import that takes hours beside another one.
    ///
    /// # Errors
    /// [`LakeError::Io`] or [`LakeError::Object`] names it.
    pub(crate) async fn check(&self) -> Result<(), LakeError> {
        self.place.check(&self.files).await
    }

    /// From here on nobody can tell whether the manifest knows the files: they stay.
    pub(crate) const fn commit(&mut self) {
        self.committing = true;
    }

    /// The manifest said for sure that it does not know them.
    pub(crate) const fn refused(&mut self) {
        self.committing = false;
    }

    /// Removes those that are not to be committed.
    pub(crate) fn discard(&mut self, gone: impl Fn(&LakeFile) -> bool) {
        let (gone, rest) = std::mem::take(&mut self.files).into_iter().partition(gone);
        self.files = rest;
        drop(self.place.abandon(&gone));
    }
}

impl Written {
    /// Removes all of them, and waits for it as long as somebody would who was told that it failed.
    pub(crate) async fn give_up(&mut self) {
        let files = std::mem::take(&mut self.files);
        if let Some(removal) = self.place.abandon(&files) {
            // It goes on in the background.
            let _ = tokio::time::timeout(PATIENCE, removal).await;
        }
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if self.committing {
            self.place.forget(&self.files);
        } else {
            drop(self.place.abandon(&self.files));
        }
    }
}
