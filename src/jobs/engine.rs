//! Work that keeps a processor busy runs on a runtime of its own, so that requests are answered in
//! milliseconds whatever is being computed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use super::{JobContext, JobFailure};

/// Runs a future on another runtime; it is dropped as soon as the job is to stop. Of an error `lake_is_away` says whether the lake
/// could not be read: the job is then tried again.
///
/// # Errors
/// [`JobFailure`]: stopped, or what the future says, in the public words "the query engine failed".
pub async fn on_engine<T: Send + 'static>(
    engine: &Handle,
    ctx: &JobContext,
    work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    lake_is_away: fn(&(dyn std::error::Error + 'static)) -> bool,
) -> Result<T, JobFailure> {
    let task = AbortOnDrop(engine.spawn(work));
    tokio::select! {
        ended = task => match ended {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) if lake_is_away(error.as_ref()) => {
                Err(JobFailure::transient("LAKE_UNAVAILABLE", "the lake cannot be read", format!("{error:#}")))
            }
            Ok(Err(error)) => Err(JobFailure::permanent("ENGINE_FAILED", "the query engine failed", format!("{error:#}"))),
            Err(error) => Err(JobFailure::permanent("ENGINE_FAILED", "the query engine stopped", error)),
        },
        () = ctx.cancelled().cancelled() => Err(JobFailure::Stopped),
    }
}

/// A task that ends when nobody waits for it any more.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Future for AbortOnDrop<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
