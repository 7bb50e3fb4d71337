//! Detectors that users bring: how much their queries may use. While one runs it has a memory of its own, and a time
//! after which it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionContext;
use futures::StreamExt as _;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::with_causes;
use super::held::account_windows;
use super::run::only_select;
use super::{Detector, DetectorError};
use crate::model::DetectorSummary;

/// Largest file of a detector, in bytes.
pub(super) const MAX_FILE: u64 = 256 << 10;
/// Most subjects that a detector of a user's own may fire on in one run.
pub(super) const MAX_FIRED: usize = 100_000;

/// How much one query of a user's own detector may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLimits {
    /// Time from its start to its last row.
    pub time: Duration,
    /// Memory, in bytes; beyond it, it spills to disk where it can, and else ends.
    pub memory: usize,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), memory: 512 << 20 }
    }
}

/// How many queries of a detector were given up and have not ended yet: a query stops where it waits for something,
/// and some work on for long without waiting.
pub(super) type Overdue = Arc<AtomicI64>;

const RUNNING: u8 = 0;
const ENDED: u8 = 1;
const GIVEN_UP: u8 = 2;

/// The answers of a query that has limits, batch by batch.
#[derive(Debug)]
pub(super) struct Answers {
    batches: mpsc::Receiver<RecordBatch>,
    ended: oneshot::Receiver<Result<(), DataFusionError>>,
    state: Arc<AtomicU8>,
    overdue: Overdue,
    stop: CancellationToken,
    deadline: Instant,
    limits: QueryLimits,
    detector: String,
}

impl Answers {
    /// Begins a query on a thread of its own, with a memory of its own: the threads of other queries stay free
    /// whatever it does. A detector has no more than one query that was given up.
    pub(super) fn begin(
        context: &SessionContext,
        detector: &Detector,
        limits: QueryLimits,
    ) -> Result<Self, DetectorError> {
        let (sender, batches) = mpsc::channel(1);
        let (ending, ended) = oneshot::channel();
        let answers = Self {
            batches,
            ended,
            state: Arc::new(AtomicU8::new(RUNNING)),
            overdue: Arc::clone(detector.overdue()),
            stop: CancellationToken::new(),
            deadline: Instant::now() + limits.time,
            limits,
            detector: detector.id().to_owned(),
        };
        if answers.overdue.load(Ordering::SeqCst) > 0 {
            answers.state.store(ENDED, Ordering::SeqCst);
            return Err(answers.limit("still works on a query that took too long before".to_owned()));
        }
        let (context, sql, stop) = (context.clone(), detector.sql().to_owned(), answers.stop.clone());
        let query = async move {
            let frame = context.sql_with_options(&sql, only_select()).await?;
            let plan = account_windows(frame.create_physical_plan().await?)?;
            let mut stream = execute_stream(plan, task(&context, limits.memory)?)?;
            while let Some(batch) = stream.next().await {
                if sender.send(batch?).await.is_err() {
                    break;
                }
            }
            Ok::<(), DataFusionError>(())
        };
        let running = Running { state: Arc::clone(&answers.state), overdue: Arc::clone(&answers.overdue) };
        let work = move || {
            let result = runtime::Builder::new_current_thread().enable_all().build().map(|runtime| {
                runtime.block_on(async {
                    tokio::select! {
                        result = query => result,
                        () = stop.cancelled() => Ok(()),
                    }
                })
            });
            // Before it is told: whoever hears of it may begin the next one.
            drop(running);
            // Nobody listens to one that was given up.
            let _ = ending.send(result.unwrap_or_else(|error| Err(error.into())));
        };
        match thread::Builder::new().name(format!("own-{}", detector.id())).spawn(work) {
            Ok(_) => Ok(answers),
            Err(error) => {
                answers.state.store(ENDED, Ordering::SeqCst);
                Err(answers.limit(format!("got no thread: {error}")))
            }
        }
    }

    /// The next batch; `None` after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>, DetectorError> {
        match tokio::time::timeout_at(self.deadline, self.batches.recv()).await {
            Ok(Some(batch)) => return Ok(Some(batch)),
            Ok(None) => {}
            Err(_) => return Err(self.late()),
        }
        // All batches are sent: it has ended, well or not.
        match tokio::time::timeout_at(self.deadline, &mut self.ended).await {
            Ok(Ok(Ok(()))) => Ok(None),
            Ok(Ok(Err(error))) => Err(self.failed(error)),
            Ok(Err(_)) => Err(self.limit("broke off the query engine".to_owned())),
            Err(_) => Err(self.late()),
        }
    }

    /// Ends a detector that fires too often to be of use.
    pub(super) fn check_fired(&self, fired: usize) -> Result<(), DetectorError> {
        if fired > MAX_FIRED { Err(self.limit(format!("fired more than {MAX_FIRED} times"))) } else { Ok(()) }
    }

    fn late(&self) -> DetectorError {
        self.limit(format!("took longer than {} s", self.limits.time.as_secs_f64()))
    }

    fn limit(&self, message: String) -> DetectorError {
        DetectorError::Limit { detector: self.detector.clone(), message }
    }

    fn failed(&self, error: DataFusionError) -> DetectorError {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => {
                self.limit(format!("needed more than {} MiB of memory", self.limits.memory >> 20))
            }
            _ => DetectorError::query(format!("detector {}", self.detector))(error),
        }
    }
}

impl Drop for Answers {
    /// Gives the query up, unless it has ended.
    fn drop(&mut self) {
        self.stop.cancel();
        let given_up = self.state.compare_exchange(RUNNING, GIVEN_UP, Ordering::SeqCst, Ordering::SeqCst);
        if given_up.is_ok() {
            self.overdue.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A query on its thread, to the end of it, be that a panic.
#[derive(Debug)]
struct Running {
    state: Arc<AtomicU8>,
    overdue: Overdue,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.state.swap(ENDED, Ordering::SeqCst) == GIVEN_UP {
            self.overdue.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// What a detector that came to no end did: nothing, and why.
pub(super) fn failed(detector: &Detector, error: &DetectorError) -> DetectorSummary {
    let (id, why) = (detector.id(), reason(error));
    DetectorSummary {
        detector: detector.reference(),
        title_pt: detector.header.title.pt.clone(),
        title_en: detector.header.title.en.clone(),
        fired: 0,
        clear: 0,
        not_evaluable: 0,
        reasons: Vec::new(),
        warnings_pt: vec![format!("O detector próprio {id} não chegou ao fim e não avaliou nada: {why}.")],
        warnings_en: vec![format!("The own detector {id} came to no end and judged nothing: {why}.")],
        failed: true,
    }
}

/// Why a detector failed, on one line.
fn reason(error: &DetectorError) -> String {
    let text = with_causes(error);
    match text.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn task(context: &SessionContext, memory: usize) -> Result<Arc<TaskContext>, DataFusionError> {
    let runtime = RuntimeEnvBuilder::from_runtime_env(&context.runtime_env());
    let runtime = runtime.with_memory_pool(Arc::new(FairSpillPool::new(memory))).build_arc()?;
    Ok(Arc::new(TaskContext::from(context).with_runtime(runtime)))
}
