//! What the query of a user's own detector may say: one SELECT over the tables that the header names, without a
//! clause that the engine reads and does not heed.

use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::thread;

use datafusion::common::TableReference;
use datafusion::execution::FunctionRegistry as _;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParser, Statement as Parsed};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArguments, GroupByExpr, ObjectName, OrderByKind, Query, Select, SelectItem, SetExpr,
    Statement, TableFactor, Visit, Visitor, WildcardAdditionalOptions, visit_relations,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::run::tables;
use super::{Detector, functions};

/// Most words, numbers and marks of a query; those of this version have two thousand at most.
const MAX_TOKENS: usize = 10_000;
/// Deepest nesting of a query: what plans it calls itself for each level. A chain, `a + b + c`, is nested too.
const MAX_DEPTH: usize = 200;
/// Most tables and expressions that a query reads, each as often as what names it is read: it is planned in full.
const MAX_RELATIONS: usize = 1_000;
/// Stack that the longest chain of so many tokens is read with.
const STACK_BYTES: usize = 64 << 20;

/// Checks the query of a detector without planning it.
///
/// # Errors
/// The field, the rule, and what breaks it.
pub(super) fn check(detector: &Detector) -> Result<(), String> {
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
    if let ControlFlow::Break(message) = query.visit(&mut Rules::new()) {
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

/// Refuses what is read other than by the name of a table, what is nested too deeply or named too often, and clauses
/// without an effect.
struct Rules {
    depth: usize,
    /// Functions of single values: what is said of many has no effect on them.
    scalar: BTreeSet<String>,
    /// How many relations each common table expression reads, those of the ones that it names among them.
    sizes: HashMap<String, usize>,
}

impl Rules {
    fn new() -> Self {
        let context = SessionContext::new();
        functions::register(&context);
        Self { depth: 0, scalar: context.udfs().into_iter().collect(), sizes: HashMap::new() }
    }

    fn enter(&mut self, levels: usize) -> ControlFlow<String> {
        self.depth += levels;
        if self.depth > MAX_DEPTH {
            return ControlFlow::Break(format!("must not be nested deeper than {MAX_DEPTH} levels"));
        }
        ControlFlow::Continue(())
    }

    /// How many relations a query, or a part of it, reads.
    fn size(&self, of: &impl Visit) -> usize {
        let mut size = 0_usize;
        let _: ControlFlow<()> = visit_relations(of, |relation: &ObjectName| {
            let named = relation.to_string().to_lowercase();
            size = size.saturating_add(self.sizes.get(&named).copied().unwrap_or(1));
            ControlFlow::Continue(())
        });
        size
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

/// The first of the clauses that is there.
fn refuse_any<const N: usize>(clauses: [(bool, &str); N]) -> ControlFlow<String> {
    match clauses.into_iter().find(|(there, _)| *there) {
        Some((_, clause)) => ControlFlow::Break(format!("{clause} has no effect here, and must be left out")),
        None => ControlFlow::Continue(()),
    }
}

/// Whether a query, or a part of it, writes.
fn writes(body: &SetExpr) -> bool {
    match body {
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => true,
        SetExpr::SetOperation { right, .. } => writes(right),
        _ => false,
    }
}

fn filters_names(item: &SelectItem) -> bool {
    let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item else { return false };
    let WildcardAdditionalOptions { opt_ilike, opt_alias, .. } = options;
    opt_ilike.is_some() || opt_alias.is_some()
}

/// Clauses of a call that count for functions of many values alone.
fn clause_of_many(call: &Function) -> Option<&'static str> {
    let FunctionArguments::List(list) = &call.args else { return None };
    [
        (call.over.is_some(), "OVER"),
        (call.filter.is_some(), "FILTER"),
        (!call.within_group.is_empty(), "WITHIN GROUP"),
        (call.null_treatment.is_some(), "IGNORE or RESPECT NULLS"),
        (list.duplicate_treatment.is_some(), "DISTINCT or ALL"),
        (!list.clauses.is_empty(), "ORDER BY"),
    ]
    .into_iter()
    .find_map(|(there, clause)| there.then_some(clause))
}

impl Visitor for Rules {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        if query.with.as_ref().is_some_and(|with| with.recursive) {
            return ControlFlow::Break("must not be recursive".to_owned());
        }
        if writes(&query.body) {
            return ControlFlow::Break("must be a SELECT, in a WITH as well".to_owned());
        }
        let filled = query.order_by.as_ref().is_some_and(|order| match &order.kind {
            OrderByKind::Expressions(expressions) => expressions.iter().any(|one| one.with_fill.is_some()),
            OrderByKind::All(_) => false,
        });
        refuse_any([
            (!query.locks.is_empty(), "FOR UPDATE or FOR SHARE"),
            (query.for_clause.is_some(), "FOR XML, JSON or BROWSE"),
            (query.settings.is_some(), "SETTINGS"),
            (query.format_clause.is_some(), "FORMAT"),
            (filled, "WITH FILL"),
        ])?;
        self.enter(1 + chained(query))
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        self.depth -= 1 + chained(query);
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let (name, size) = (cte.alias.name.to_string().to_lowercase(), self.size(&cte.query));
            // Of two with the same name the larger counts.
            let known = self.sizes.entry(name).or_default();
            *known = size.max(*known);
        }
        if self.size(&query.body) > MAX_RELATIONS {
            return ControlFlow::Break(format!(
                "must not read more than {MAX_RELATIONS} tables and expressions, each as often as what names it is read"
            ));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        let modifiers = match &select.group_by {
            GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers) => modifiers,
        };
        let global = select.from.iter().flat_map(|table| &table.joins).any(|join| join.global);
        refuse_any([
            (!select.optimizer_hints.is_empty(), "a hint to the optimizer"),
            (select.select_modifiers.is_some(), "a modifier of SELECT"),
            (select.value_table_mode.is_some(), "SELECT AS VALUE or AS STRUCT"),
            (select.exclude.is_some(), "EXCLUDE behind the columns"),
            (select.projection.iter().any(filters_names), "ILIKE or AS behind *"),
            (global, "GLOBAL"),
            (select.prewhere.is_some(), "PREWHERE"),
            (!select.connect_by.is_empty(), "CONNECT BY or START WITH"),
            (!modifiers.is_empty(), "WITH ROLLUP, CUBE or TOTALS"),
            (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        ])
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<String> {
        if let Expr::Function(call) = expression
            && let Some(clause) = clause_of_many(call)
            && self.scalar.contains(&call.name.to_string().to_lowercase())
        {
            return ControlFlow::Break(format!("{}: {clause} has no effect here, and must be left out", call.name));
        }
        self.enter(1)
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<String> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            TableFactor::Table {
                args: None,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
                ..
            } => refuse_any([
                (sample.is_some(), "TABLESAMPLE"),
                (!with_hints.is_empty() || !index_hints.is_empty(), "a hint behind a table"),
                (version.is_some(), "a version of a table"),
                (*with_ordinality, "WITH ORDINALITY"),
                (!partitions.is_empty(), "PARTITION"),
                (json_path.is_some(), "a path behind a table"),
            ]),
            TableFactor::Derived { sample, .. } => refuse_any([(sample.is_some(), "TABLESAMPLE")]),
            TableFactor::NestedJoin { .. } | TableFactor::UNNEST { .. } => ControlFlow::Continue(()),
            other => ControlFlow::Break(format!("must read tables, not {:?}", other.to_string())),
        }
    }
}
