//! Computes what a query names several times once.
//!
//! The engine puts the text of a common table expression in every place that names it. One that groups rows is
//! cheap to keep and dear to compute again: its rows are kept for as long as the query runs, if they fit.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::MemTable;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{
    GroupByExpr, ObjectName, Query, SetExpr, Statement, Visit, With, visit_relations,
};
use futures::StreamExt as _;

use super::run::only_select;

/// Part of the memory of a session that the rows of one expression may take: more is computed again and again.
const MEMORY_PART: usize = 6;

/// A query that is ready to run, and what it reads beside the tables of the session.
pub(super) struct Prepared {
    frame: DataFrame,
    context: SessionContext,
    tables: Vec<String>,
    /// Held until the query has run.
    _memory: Vec<MemoryReservation>,
}

impl Prepared {
    /// Begins to run it.
    pub(super) async fn stream(&self) -> Result<SendableRecordBatchStream> {
        self.frame.clone().execute_stream().await
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        for table in &self.tables {
            // Nobody else knows the name.
            let _ = self.context.deregister_table(table.as_str());
        }
    }
}

/// Computes the expressions of a query that it names several times; `name` tells their rows from those of other
/// queries.
///
/// # Errors
/// If the query is none that only reads, or fails.
pub(super) async fn prepare(context: &SessionContext, name: &str, sql: &str) -> Result<Prepared> {
    let dialect = context.state().config().options().sql_parser.dialect;
    let statement = context.state().sql_to_statement(sql, &dialect)?;
    let (mut tables, mut memory) = (Vec::new(), Vec::new());
    let statement = match statement {
        Parsed::Statement(inner) => match *inner {
            Statement::Query(mut query) => {
                let mut once = Once { context, name, tables: &mut tables, memory: &mut memory };
                once.keep(&mut query).await?;
                Parsed::Statement(Box::new(Statement::Query(query)))
            }
            other => Parsed::Statement(Box::new(other)),
        },
        other => other,
    };
    let frame = frame(context, statement).await?;
    Ok(Prepared { frame, context: context.clone(), tables, _memory: memory })
}

async fn frame(context: &SessionContext, statement: Parsed) -> Result<DataFrame> {
    let plan = context.state().statement_to_plan(statement).await?;
    only_select().verify_plan(&plan)?;
    context.execute_logical_plan(plan).await
}

struct Once<'a> {
    context: &'a SessionContext,
    name: &'a str,
    tables: &'a mut Vec<String>,
    memory: &'a mut Vec<MemoryReservation>,
}

impl Once<'_> {
    /// Puts rows in the place of the expressions that are worth it.
    async fn keep(&mut self, query: &mut Query) -> Result<()> {
        let Some(with) = &query.with else { return Ok(()) };
        for place in 0..with.cte_tables.len() {
            let Some(with) = &query.with else { return Ok(()) };
            let Some(cte) = with.cte_tables.get(place) else { return Ok(()) };
            let alias = cte.alias.name.value.clone();
            if with.recursive || !groups(&cte.query) || cte.query.with.is_some() || named(query, &alias) < 2 {
                continue;
            }
            let mut own = (*cte.query).clone();
            let before = with.cte_tables.iter().take(place).cloned().collect::<Vec<_>>();
            if !before.is_empty() {
                own.with = Some(With { cte_tables: before, ..with.clone() });
            }
            let Some((rows, reservation)) = self.rows(own, &alias).await? else { continue };
            let table = format!("{}_{alias}", self.name);
            self.context.deregister_table(table.as_str())?;
            self.context.register_table(table.as_str(), Arc::new(rows))?;
            let kept = read_all(self.context, &table)?;
            self.tables.push(table);
            self.memory.push(reservation);
            if let Some(cte) = query.with.as_mut().and_then(|with| with.cte_tables.get_mut(place)) {
                cte.query = kept;
            }
        }
        Ok(())
    }

    /// The rows of an expression; `None` if they take too much memory.
    async fn rows(&self, query: Query, alias: &str) -> Result<Option<(MemTable, MemoryReservation)>> {
        let pool = Arc::clone(&self.context.runtime_env().memory_pool);
        let most = match pool.memory_limit() {
            MemoryLimit::Finite(bytes) => bytes / MEMORY_PART,
            MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
        };
        let memory = MemoryConsumer::new(format!("{}_{alias}", self.name)).register(&pool);
        let statement = Parsed::Statement(Box::new(Statement::Query(Box::new(query))));
        let mut stream = frame(self.context, statement).await?.execute_stream().await?;
        let schema = stream.schema();
        let mut batches: Vec<RecordBatch> = Vec::new();
        while let Some(batch) = stream.next().await {
            let batch = batch?;
            let bytes = batch.get_array_memory_size();
            if memory.size() + bytes > most || memory.try_grow(bytes).is_err() {
                return Ok(None);
            }
            batches.push(batch);
        }
        // As many partitions as there are processors would read at once.
        let threads = self.context.state().config().target_partitions().max(1);
        let mut partitions = vec![Vec::new(); threads];
        for (place, batch) in batches.into_iter().enumerate() {
            if let Some(partition) = partitions.get_mut(place % threads) {
                partition.push(batch);
            }
        }
        Ok(Some((MemTable::try_new(schema, partitions)?, memory)))
    }
}

/// Whether a query groups its rows.
fn groups(query: &Query) -> bool {
    match query.body.as_ref() {
        SetExpr::Select(select) => match &select.group_by {
            GroupByExpr::Expressions(expressions, _) => !expressions.is_empty(),
            GroupByExpr::All(_) => true,
        },
        _ => false,
    }
}

/// How often a query names a relation.
fn named(query: &impl Visit, name: &str) -> usize {
    let mut times = 0;
    let _: ControlFlow<()> = visit_relations(query, |relation: &ObjectName| {
        times += usize::from(relation.to_string() == name);
        ControlFlow::Continue(())
    });
    times
}

fn read_all(context: &SessionContext, table: &str) -> Result<Box<Query>> {
    let dialect = context.state().config().options().sql_parser.dialect;
    match context.state().sql_to_statement(&format!("SELECT * FROM {table}"), &dialect)? {
        Parsed::Statement(statement) => match *statement {
            Statement::Query(query) => Ok(query),
            other => Err(DataFusionError::Internal(format!("{other} is no query"))),
        },
        other => Err(DataFusionError::Internal(format!("{other} is no query"))),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;

    use super::*;
    use crate::lake;

    async fn rows(stream: Result<SendableRecordBatchStream>) -> String {
        let batches: Vec<RecordBatch> = stream.unwrap().map(Result::unwrap).collect().await;
        pretty_format_batches(&batches).unwrap().to_string()
    }

    const QUERY: &str = "
        WITH numbers AS (SELECT value, value % 7 AS part FROM generate_series(1, 1000)),
        sums AS (SELECT part, sum(value) AS sum FROM numbers GROUP BY part),
        largest AS (SELECT max(sum) AS sum FROM sums)
        SELECT s.part, s.sum, n.sum AS again, l.sum AS largest
        FROM sums s JOIN sums n ON n.part = s.part CROSS JOIN largest l ORDER BY s.part";

    #[tokio::test]
    async fn what_is_named_again_is_kept_while_it_fits() {
        let context = lake::session(64 << 20, 2).unwrap();
        let prepared = prepare(&context, "test", QUERY).await.unwrap();
        assert_eq!(prepared.tables, ["test_sums"]);
        assert!(context.runtime_env().memory_pool.reserved() > 0);
        let expected = rows(context.sql(QUERY).await.unwrap().execute_stream().await).await;
        assert_eq!(rows(prepared.stream().await).await, expected);
        assert_eq!(expected.lines().count(), 7 + 4, "{expected}");
        drop(prepared);
        assert!(!context.table_exist("test_sums").unwrap());
        assert_eq!(context.runtime_env().memory_pool.reserved(), 0);

        // Where it does not fit, it is computed again.
        let small = lake::session(4 << 10, 1).unwrap();
        let text = "WITH many AS (SELECT value, count(*) AS n FROM generate_series(1, 9000) GROUP BY value) \
                    SELECT count(*) FROM many WHERE value IN (SELECT value FROM many)";
        let error = prepare(&small, "test", text).await;
        assert!(error.is_err() || error.is_ok_and(|prepared| prepared.tables.is_empty()));
    }

    #[tokio::test]
    async fn nothing_but_reading_is_allowed() {
        let context = lake::session(64 << 20, 1).unwrap();
        for text in ["CREATE TABLE t AS SELECT 1", "DROP TABLE t", "SET datafusion.execution.batch_size = 1"] {
            assert!(prepare(&context, "test", text).await.is_err(), "{text}");
        }
    }
}
