//! Detectors that users bring: what their queries may say, and how much they may use.
//!
//! A query is parsed and planned before anything runs: one SELECT over the tables that the header names, without
//! functions that read the clock, throw dice or make large values of small ones. While it runs it has a memory
//! of its own, and a time after which it is dropped.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, TableReference};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParser, Statement as Parsed};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Query, SetExpr, Statement, TableFactor, Visit as _, Visitor};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use futures::StreamExt as _;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::run::{only_select, tables};
use super::{Detector, DetectorError};
use crate::model::DetectorSummary;

/// Largest file of a detector, in bytes.
pub(super) const MAX_FILE: u64 = 256 << 10;
/// Most subjects that a detector of a user's own may fire on in one run.
pub(super) const MAX_FIRED: usize = 100_000;
/// Most words, numbers and marks of a query; those of this version have two thousand at most.
const MAX_TOKENS: usize = 10_000;
/// Deepest nesting of a query: what plans it calls itself for each level. A chain, `a + b + c`, is nested too.
const MAX_DEPTH: usize = 200;
/// Stack that the longest chain of so many tokens is read with.
const STACK_BYTES: usize = 64 << 20;
/// Functions whose result may be far larger than what they are given.
const AMPLIFIERS: [&str; 9] =
    ["array_repeat", "array_resize", "arrow_cast", "generate_series", "lpad", "range", "repeat", "replace", "rpad"];

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

/// Checks the query of a detector without planning it: one SELECT, of nothing but the tables of its header.
///
/// # Errors
/// The rule, and what breaks it.
pub(super) fn check_statement(detector: &Detector) -> Result<(), String> {
    let tokens = Tokenizer::new(&GenericDialect {}, detector.sql()).tokenize();
    let tokens = tokens.map_err(|error| format!("query: {error}"))?;
    if tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).count() > MAX_TOKENS {
        return Err(format!("query: must have at most {MAX_TOKENS} words and marks"));
    }
    // A long chain is nested deeply before anybody can refuse it.
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("own-check".to_owned()).stack_size(STACK_BYTES);
        let checking = thread.spawn_scoped(scope, || check_parsed(detector));
        let checking = checking.map_err(|error| format!("query: got no thread: {error}"))?;
        checking.join().map_err(|_| "query: broke off the parser".to_owned())?
    })
}

fn check_parsed(detector: &Detector) -> Result<(), String> {
    let known = tables();
    let header = &detector.header;
    if let Some(unknown) = header.tables.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("tables: {unknown:?} is not known; known are {}", known.join(", ")));
    }
    if header.tables.is_empty() {
        return Err("tables must name at least one".to_owned());
    }
    let mut parsed = DFParser::parse_sql(detector.sql()).map_err(|error| format!("query: {error}"))?;
    let (Some(statement), None) = (parsed.pop_front(), parsed.pop_front()) else {
        return Err("query: must be one statement".to_owned());
    };
    let Parsed::Statement(inner) = &statement else {
        return Err("query: must be a SELECT".to_owned());
    };
    let Statement::Query(query) = inner.as_ref() else {
        return Err("query: must be a SELECT".to_owned());
    };
    if let ControlFlow::Break(message) = query.visit(&mut Relations::default()) {
        return Err(format!("query: {message}"));
    }
    let (read, _) = resolve_table_references(&statement, true).map_err(|error| format!("query: {error}"))?;
    for table in read {
        match &table {
            TableReference::Bare { table } if header.tables.iter().any(|name| **name == **table) => {}
            other => return Err(format!("query: reads {:?}, which is none of the header's tables", other.to_string())),
        }
    }
    Ok(())
}

/// Refuses what is read other than by the name of a table, and what is nested too deeply.
#[derive(Default)]
struct Relations {
    depth: usize,
}

impl Relations {
    fn enter(&mut self, levels: usize) -> ControlFlow<String> {
        self.depth += levels;
        if self.depth > MAX_DEPTH {
            return ControlFlow::Break(format!("must not be nested deeper than {MAX_DEPTH} levels"));
        }
        ControlFlow::Continue(())
    }
}

/// How many set operations are chained, `a UNION b UNION c`.
fn chained(query: &Query) -> usize {
    let (mut body, mut levels) = (query.body.as_ref(), 0);
    while let SetExpr::SetOperation { left, .. } = body {
        (body, levels) = (left.as_ref(), levels + 1);
    }
    levels
}

impl Visitor for Relations {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        if query.with.as_ref().is_some_and(|with| with.recursive) {
            return ControlFlow::Break("must not be recursive".to_owned());
        }
        self.enter(1 + chained(query))
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        self.depth -= 1 + chained(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, _: &SqlExpr) -> ControlFlow<String> {
        self.enter(1)
    }

    fn post_visit_expr(&mut self, _: &SqlExpr) -> ControlFlow<String> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            TableFactor::Table { args: None, .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. } => ControlFlow::Continue(()),
            other => ControlFlow::Break(format!("must read tables, not {:?}", other.to_string())),
        }
    }
}

/// Checks what a query was planned as: the same rows always give the same answers, and no value grows beyond
/// what it is made of.
///
/// # Errors
/// The rule, and what breaks it.
pub(super) fn check_plan(plan: &LogicalPlan) -> Result<(), DataFusionError> {
    let refuse = |rule: String| Err(DataFusionError::Plan(rule));
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| match part {
                Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => {
                    refuse(format!("{} does not give the same answer every time", call.name()))
                }
                Expr::ScalarFunction(call) if AMPLIFIERS.contains(&call.name()) => {
                    refuse(format!("{} is not for detectors: what it makes may be of any size", call.name()))
                }
                _ => Ok(TreeNodeRecursion::Continue),
            })
        })
    })?;
    Ok(())
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
            let plan = frame.create_physical_plan().await?;
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
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let text = format!("{error}{cause}").replace(['\n', '\r'], " ");
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
