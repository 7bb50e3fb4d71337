//! Queries of calls, on the threads of the query engine.

use std::future::Future;

use tokio::task::AbortHandle;

use super::Api;
use super::errors::ApiError;

impl Api {
    /// Runs a query on the threads of the engine, so that a long one holds up no other call; it ends
    /// when its caller goes away.
    pub(super) async fn on_engine<T: Send + 'static, E: Into<ApiError> + Send + 'static>(
        &self,
        query: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let task = self.engine.handle.spawn(query);
        let _abort = AbortOnDrop(task.abort_handle());
        task.await.map_err(ApiError::Panicked)?.map_err(Into::into)
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
