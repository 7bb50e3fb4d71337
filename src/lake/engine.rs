use datafusion::prelude::SessionContext;
use tokio::runtime::Handle;

use super::{LakeError, session};

/// Where queries of the lake run, and within which limits: on threads of their own, so that none
/// holds up a call.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The threads.
    pub handle: Handle,
    /// Most memory of one query, in bytes; beyond it, it spills to disk.
    pub memory: usize,
    /// Threads of one query.
    pub threads: usize,
}

impl Engine {
    /// A session within the limits.
    ///
    /// # Errors
    /// If the spill directory cannot be made.
    pub fn session(&self) -> Result<SessionContext, LakeError> {
        session(self.memory, self.threads)
    }
}
