//! Computes what a query names several times once.
//!
//! The engine puts the text of a common table expression in every place that names it, so that one that groups,
//! joins or orders rows is computed as often as it is named, times as often as what names it is. The rows of such
//! a one are kept for as long as the query runs.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::common::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, ObjectName, Query, SetExpr, Statement, Visit, With, visit_expressions, visit_relations,
};

use super::kept::{Kept, keep};
use super::run::only_select;

/// A query that is ready to run, and what it reads beside the tables of the session.
pub(super) struct Prepared {
    frame: DataFrame,
    context: SessionContext,
    tables: Vec<String>,
    /// Held until the query has run.
    kept: Vec<Kept>,
}

impl Prepared {
    /// Begins to run it.
    pub(super) async fn stream(&self) -> Result<SendableRecordBatchStream> {
        self.frame.clone().execute_stream().await
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        let (files, memory) =
            (self.kept.iter().filter(|kept| kept.in_file()).count(), self.kept.iter().map(Kept::memory));
        let memory: usize = memory.sum();
        tracing::debug!(tables = ?self.tables, files, memory, "rows that a detector kept are let go");
        for table in &self.tables {
            // Nobody else knows the name.
            let _ = self.context.deregister_table(table.as_str());
        }
    }
}

/// Computes the expressions of a query that it names several times, but for those that are to be `recomputed`; `name`
/// tells their rows from those of other queries.
///
/// # Errors
/// If the query is none that only reads, or fails.
pub(super) async fn prepare(
    context: &SessionContext,
    name: &str,
    sql: &str,
    recomputed: &[String],
) -> Result<Prepared> {
    let dialect = context.state().config().options().sql_parser.dialect;
    let statement = context.state().sql_to_statement(sql, &dialect)?;
    let (mut tables, mut kept) = (Vec::new(), Vec::new());
    let statement = match statement {
        Parsed::Statement(inner) => match *inner {
            Statement::Query(mut query) => {
                let mut once = Once { context, name, recomputed, tables: &mut tables, kept: &mut kept };
                once.keep(&mut query).await?;
                Parsed::Statement(Box::new(Statement::Query(query)))
            }
            other => Parsed::Statement(Box::new(other)),
        },
        other => other,
    };
    let frame = frame(context, statement).await?;
    Ok(Prepared { frame, context: context.clone(), tables, kept })
}

async fn frame(context: &SessionContext, statement: Parsed) -> Result<DataFrame> {
    let plan = context.state().statement_to_plan(statement).await?;
    only_select().verify_plan(&plan)?;
    context.execute_logical_plan(plan).await
}

struct Once<'a> {
    context: &'a SessionContext,
    name: &'a str,
    recomputed: &'a [String],
    tables: &'a mut Vec<String>,
    kept: &'a mut Vec<Kept>,
}

impl Once<'_> {
    /// Puts rows in the place of the expressions that are worth it.
    async fn keep(&mut self, query: &mut Query) -> Result<()> {
        let Some(with) = &query.with else { return Ok(()) };
        let mut dear = BTreeSet::new();
        for place in 0..with.cte_tables.len() {
            let Some(with) = &query.with else { return Ok(()) };
            let Some(cte) = with.cte_tables.get(place) else { return Ok(()) };
            let alias = cte.alias.name.value.clone();
            if with.recursive || cte.query.with.is_some() || !is_dear(&cte.query, &dear) {
                continue;
            }
            if self.recomputed.contains(&alias) || named(query, &alias) < 2 {
                dear.insert(alias);
                continue;
            }
            let mut own = (*cte.query).clone();
            let before = with.cte_tables.iter().take(place).cloned().collect::<Vec<_>>();
            if !before.is_empty() {
                own.with = Some(With { cte_tables: before, ..with.clone() });
            }
            let table = format!("{}_{alias}", self.name);
            let statement = Parsed::Statement(Box::new(Statement::Query(Box::new(own))));
            let rows = frame(self.context, statement).await?.execute_stream().await?;
            let (rows, kept) = keep(self.context, &table, rows).await?;
            self.context.deregister_table(table.as_str())?;
            self.context.register_table(table.as_str(), rows)?;
            self.kept.push(kept);
            let all = read_all(self.context, &table)?;
            self.tables.push(table);
            if let Some(cte) = query.with.as_mut().and_then(|with| with.cte_tables.get_mut(place)) {
                cte.query = all;
            }
        }
        Ok(())
    }
}

/// Whether a query does more than read rows of one table, or of an expression that does; `dear` are those that do.
fn is_dear(query: &Query, dear: &BTreeSet<String>) -> bool {
    let mut relations = 0;
    let reads_dear = visit_relations(query, |relation: &ObjectName| {
        relations += 1;
        if dear.contains(&relation.to_string()) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let orders = visit_expressions(query, |expression: &Expr| match expression {
        Expr::Function(function) if function.over.is_some() => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    reads_dear.is_break() || relations > 1 || orders.is_break() || groups(&query.body)
}

fn groups(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => match &select.group_by {
            GroupByExpr::Expressions(expressions, _) => !expressions.is_empty() || select.distinct.is_some(),
            GroupByExpr::All(_) => true,
        },
        SetExpr::Query(inner) => groups(&inner.body),
        SetExpr::SetOperation { .. } => true,
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
    use datafusion::arrow::array::RecordBatch;
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use futures::StreamExt as _;

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
        let prepared = prepare(&context, "test", QUERY, &[]).await.unwrap();
        assert_eq!(prepared.tables, ["test_sums"]);
        assert!(context.runtime_env().memory_pool.reserved() > 0);
        let expected = rows(context.sql(QUERY).await.unwrap().execute_stream().await).await;
        assert_eq!(rows(prepared.stream().await).await, expected);
        assert_eq!(expected.lines().count(), 7 + 4, "{expected}");
        drop(prepared);
        assert!(!context.table_exist("test_sums").unwrap());
        assert_eq!(context.runtime_env().memory_pool.reserved(), 0);

        // Where it does not fit, it goes to a file.
        let small = lake::session(4 << 20, 1).unwrap();
        let text = "WITH many AS (SELECT value, count(*) AS n FROM generate_series(1, 90000) GROUP BY value) \
                    SELECT count(*) AS n, sum(value) AS s FROM many WHERE value IN (SELECT value + 1 FROM many)";
        let prepared = prepare(&small, "test", text, &[]).await.unwrap();
        assert!(prepared.kept.iter().all(|kept| kept.in_file() && kept.memory() == 0));
        assert!(rows(prepared.stream().await).await.contains("| 89999 | 4050044999 |"));
    }

    #[tokio::test]
    async fn what_is_to_be_computed_again_is_not_kept() {
        let context = lake::session(64 << 20, 2).unwrap();
        let prepared = prepare(&context, "test", QUERY, &["sums".to_owned()]).await.unwrap();
        assert!(prepared.tables.is_empty());
        let expected = rows(context.sql(QUERY).await.unwrap().execute_stream().await).await;
        assert_eq!(rows(prepared.stream().await).await, expected);
    }

    #[tokio::test]
    async fn nothing_but_reading_is_allowed() {
        let context = lake::session(64 << 20, 1).unwrap();
        for text in ["CREATE TABLE t AS SELECT 1", "DROP TABLE t", "SET datafusion.execution.batch_size = 1"] {
            assert!(prepare(&context, "test", text, &[]).await.is_err(), "{text}");
        }
    }
}
