//! Runs detectors over the tables of the lake.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::DataFusionError;
use datafusion::datasource::MemTable;
use datafusion::execution::context::SQLOptions;
use datafusion::functions::expr_fn::date_part;
use datafusion::functions_aggregate::expr_fn::{bool_or, count};
use datafusion::logical_expr::{Expr, JoinType, col, lit};
use datafusion::prelude::{DataFrame, SessionContext};
use futures::StreamExt;

use super::aside::{self, Aside};
use super::catalogue::{IDS, REQUIRED};
use super::evidence::{self, Fired};
use super::functions::{self, Function};
use super::kept::{Kept, keep};
use super::limits::LegalLimits;
use super::own::{self, Answers, QueryLimits};
use super::render::Value;
use super::{Detector, DetectorError, Parameter, growth, once, scope};
use crate::lake::schema::{self, CURRENT};
use crate::lake::{self, LakeError, LakeSnapshot};
use crate::model::{AppliedLimit, DetectorSummary, Finding, Outcome, Plan, ReasonCount, Severity, Table, mask_text};

/// Share of the judged subjects above which a detector warns that it says little.
const WARNING_SHARE: f64 = 0.20;
/// Judged subjects from which the share means something.
const WARNING_LEAST: i64 = 20;

/// What several detectors read, made of the tables.
pub(super) const VIEWS: [(&str, &str); 19] = [
    ("shared_numbers", include_str!("views/shared_numbers.sql")),
    ("contract_amendments", include_str!("views/contract_amendments.sql")),
    ("small_purchases", include_str!("views/small_purchases.sql")),
    ("lines_of_business", include_str!("views/lines_of_business.sql")),
    ("comparable_items", include_str!("views/comparable_items.sql")),
    ("competitions", include_str!("views/competitions.sql")),
    ("lot_bids", include_str!("views/lot_bids.sql")),
    ("lots", include_str!("views/lots.sql")),
    ("lot_offers", include_str!("views/lot_offers.sql")),
    ("register_content", include_str!("views/register_content.sql")),
    ("register_roots", include_str!("views/register_roots.sql")),
    ("establishments", include_str!("views/establishments.sql")),
    ("companies", include_str!("views/companies.sql")),
    ("tax_regimes", include_str!("views/tax_regimes.sql")),
    ("partners", include_str!("views/partners.sql")),
    ("activities", include_str!("views/activities.sql")),
    ("contact_uses", include_str!("views/contact_uses.sql")),
    ("bidding_companies", include_str!("views/bidding_companies.sql")),
    ("bidder_links", include_str!("views/bidder_links.sql")),
];

/// The detector whose parameters say what [`VIEWS`]' `comparable_items` holds.
const ITEM_PRICES: &str = include_str!("sql/item_price_outlier.sql");

/// Those of the views that are small beside what they are made of: computed once a run, when the first
/// detector that names them runs. One that reads another stands behind it.
const MADE_ONCE: [&str; 17] = [
    "shared_numbers",
    "contract_amendments",
    "small_purchases",
    "lines_of_business",
    "comparable_items",
    "competitions",
    "lots",
    "lot_offers",
    "register_roots",
    "establishments",
    "companies",
    "tax_regimes",
    "partners",
    "activities",
    "contact_uses",
    "bidding_companies",
    "bidder_links",
];

/// A session in which detectors can run: one plan over one state of the lake.
pub struct Run {
    context: SessionContext,
    limits: &'static LegalLimits,
    aside: Aside,
    tenders_in_scope: i64,
    /// [`VIEWS`], the parameters of the plan in them.
    views: Vec<(&'static str, String)>,
    /// How much a user's own detector may use.
    own: QueryLimits,
    /// Which of [`MADE_ONCE`] are there.
    made: tokio::sync::Mutex<BTreeMap<&'static str, Kept>>,
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("contracts_in_scope", &self.contracts_in_scope())
            .field("tenders_in_scope", &self.tenders_in_scope)
            .finish_non_exhaustive()
    }
}

/// What one detector did.
#[derive(Debug, Clone, PartialEq)]
pub struct DetectorRun {
    /// Counts, reasons and warnings.
    pub summary: DetectorSummary,
    /// Findings, most severe first, then by subject.
    pub findings: Vec<Finding>,
}

impl Run {
    /// Makes the tables and functions of the detectors known to a session that has `<table>_all` of
    /// every [`Table`] (columns of [`crate::lake::schema`]).
    ///
    /// `contracts` has the current rows of purchases that came about, in reais, and `in_scope`: limits and shares are in reais,
    /// and neither a currency nor a rate is guessed. What is left out is counted as not evaluable. `tenders` has the current
    /// rows in whatever currency, and `in_scope`. The other tables have the current rows, those of the register of companies of companies that supply or bid; `legal_limits` is [`LegalLimits`];
    /// `covered_months` has the months whose file of contracts was taken in, each as year × 12 +
    /// month − 1; the rest are views of these (`src/detectors/views`).
    ///
    /// # Errors
    /// [`DetectorError::Query`] if a table is missing or cannot be read.
    pub async fn prepare(context: SessionContext, plan: &Plan) -> Result<Self, DetectorError> {
        functions::register(&context);
        let limits = LegalLimits::builtin()?;
        let views = views(plan)?;
        let failed = DetectorError::query("tables of the detectors");
        let aside = register(&context, plan, limits, &views).await.map_err(failed)?;
        let tenders_in_scope = count_tenders(&context).await.map_err(DetectorError::query("tenders in scope"))?;
        let (own, made) = (QueryLimits::default(), tokio::sync::Mutex::default());
        Ok(Self { context, limits, aside, tenders_in_scope, views, own, made })
    }

    /// Sets how much a user's own detector may use.
    #[must_use]
    pub fn limit_own(mut self, limits: QueryLimits) -> Self {
        self.own = limits;
        self
    }

    /// A run over tables without rows: what detectors can be checked against.
    ///
    /// # Errors
    /// [`DetectorError::Query`] if the engine cannot be set up.
    pub async fn over_nothing(limits: QueryLimits) -> Result<Self, DetectorError> {
        let failed =
            |error: LakeError| DetectorError::query("tables without rows")(DataFusionError::External(Box::new(error)));
        let session = lake::session(limits.memory, 1).map_err(failed)?;
        LakeSnapshot::from_files(PathBuf::new(), Vec::new()).register(&session).await.map_err(failed)?;
        Ok(Self::prepare(session, &Plan::default()).await?.limit_own(limits))
    }

    /// How many contracts the plan is about, those that no detector judges among them.
    pub fn contracts_in_scope(&self) -> i64 {
        self.aside.in_scope()
    }

    /// How many tenders, direct awards among them, the plan is about.
    pub const fn tenders_in_scope(&self) -> i64 {
        self.tenders_in_scope
    }

    /// The session, for further questions about the same contracts.
    pub const fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Runs one detector. Dropping the future stops the query. A user's own detector that comes to no end does
    /// not end the run: its summary has `failed`, and a warning that says why.
    ///
    /// # Errors
    /// [`DetectorError::Query`] if the engine fails, [`DetectorError::Answer`] if the query answers
    /// what the header does not allow; of a user's own detector only if the lake cannot be read.
    pub async fn detector(&self, detector: &Detector) -> Result<DetectorRun, DetectorError> {
        match self.attempt(detector).await {
            Err(error) if detector.header.user_made && !lake::is_away(&error) => {
                tracing::warn!(detector = detector.id(), %error, "a user's detector came to no end");
                Ok(DetectorRun { summary: own::failed(detector, &error), findings: Vec::new() })
            }
            ended => ended,
        }
    }

    /// Runs one detector; whatever goes wrong is an error.
    ///
    /// # Errors
    /// As [`Self::detector`], and [`DetectorError::Limit`] of a user's own detector.
    pub async fn attempt(&self, detector: &Detector) -> Result<DetectorRun, DetectorError> {
        let (summary, fired) = match self.tallied(detector).await {
            Err(error) if error.is_out_of_memory() && !detector.header.user_made => {
                tracing::warn!(detector = detector.id(), %error, "runs again with joins that spill to disk");
                let _spilling = SpillingJoins::begin(&self.context);
                self.tallied(detector).await?
            }
            ended => ended?,
        };
        let findings = evidence::findings(&self.context, self.limits, detector, fired).await?;
        Ok(DetectorRun { summary, findings })
    }

    async fn tallied(&self, detector: &Detector) -> Result<(DetectorSummary, Vec<Fired>), DetectorError> {
        let mut tally = Tally::new(detector);
        let broken = |message| DetectorError::Answer { detector: detector.id().to_owned(), message };
        if detector.header.user_made {
            let mut answers = Answers::begin(&self.context, detector, self.own)?;
            while let Some(batch) = answers.next().await? {
                tally.add(&batch).map_err(broken)?;
                answers.check_fired(tally.fired.len())?;
            }
        } else {
            self.answer(detector, &mut tally).await?;
        }
        for (reason, contracts) in self.aside.of(&detector.header) {
            tally.count(Outcome::NotEvaluable, Some(reason), contracts);
        }
        Ok(tally.finish())
    }

    async fn answer(&self, detector: &Detector, tally: &mut Tally<'_>) -> Result<(), DetectorError> {
        // Whatever it judges is, or is made of, a tender that the plan is about.
        if self.tenders_in_scope == 0 && detector.header.tables.iter().any(|table| table == "competitions") {
            return Ok(());
        }
        let failed = || DetectorError::query(format!("detector {}", detector.id()));
        self.make_tables_of(detector).await.map_err(failed())?;
        let prepared = once::prepare(&self.context, detector.id(), detector.sql(), &detector.header.recomputed)
            .await
            .map_err(failed())?;
        let mut stream = prepared.stream().await.map_err(failed())?;
        while let Some(batch) = stream.next().await {
            tally
                .add(&batch.map_err(failed())?)
                .map_err(|message| DetectorError::Answer { detector: detector.id().to_owned(), message })?;
        }
        Ok(())
    }

    /// Puts the rows of the views that a detector shares with others in their place.
    async fn make_tables_of(&self, detector: &Detector) -> datafusion::common::Result<()> {
        let sql_of = |name: &str| self.views.iter().find(|(view, _)| *view == name).map_or("", |(_, sql)| sql.as_str());
        let mut needed: BTreeSet<&str> = BTreeSet::new();
        for name in MADE_ONCE.into_iter().rev() {
            let named = detector.header.tables.iter().any(|table| table == name);
            if named || needed.iter().any(|reader| sql_of(reader).contains(name)) {
                needed.insert(name);
            }
        }
        let mut made = self.made.lock().await;
        for name in MADE_ONCE {
            if made.contains_key(name) || !needed.contains(name) {
                continue;
            }
            // Planned anew: a view that it reads may have become a table.
            let sql = sql_of(name);
            let rows = self.context.sql(sql).await?.execute_stream().await?;
            let (rows, kept) = keep(&self.context, name, rows).await?;
            self.context.deregister_table(name)?;
            self.context.register_table(name, rows)?;
            made.insert(name, kept);
        }
        Ok(())
    }
}

/// While it lives, queries of a session join by sorting, which takes long and spills to disk: a join by hashing has
/// one side in memory as a whole.
struct SpillingJoins<'a>(&'a SessionContext);

impl<'a> SpillingJoins<'a> {
    fn begin(context: &'a SessionContext) -> Self {
        prefer_hash_joins(context, false);
        Self(context)
    }
}

impl Drop for SpillingJoins<'_> {
    fn drop(&mut self) {
        prefer_hash_joins(self.0, true);
    }
}

pub(super) fn prefer_hash_joins(context: &SessionContext, prefer: bool) {
    context.state_ref().write().config_mut().options_mut().optimizer.prefer_hash_join = prefer;
}

/// A query may read, and nothing else.
pub(super) fn only_select() -> SQLOptions {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false)
}

/// Names of the tables and views that a query may read.
pub(super) fn tables() -> Vec<&'static str> {
    let views = VIEWS.iter().map(|(name, _)| *name);
    let own = Table::ALL.into_iter().filter(|table| !table.is_register()).map(Table::as_str);
    own.chain(["legal_limits", "covered_months"]).chain(views).collect()
}

/// The queries of [`VIEWS`] for a plan.
fn views(plan: &Plan) -> Result<Vec<(&'static str, String)>, DetectorError> {
    let items = Detector::parse(ITEM_PRICES)?;
    let values: Vec<_> = plan.parameters.iter().filter(|one| one.detector == items.id()).collect();
    let items = items.with(&values)?;
    VIEWS.iter().map(|(name, sql)| Ok((*name, items.header.bind(sql)?))).collect()
}

async fn register(
    context: &SessionContext,
    plan: &Plan,
    limits: &LegalLimits,
    views: &[(&'static str, String)],
) -> datafusion::common::Result<Aside> {
    for name in tables() {
        context.deregister_table(name)?;
    }
    let current = || col("row_status").eq(lit(CURRENT));
    let scoped = [Table::Contracts, Table::Tenders];
    // The tables of the register are views: of companies that supply or bid alone.
    let whole = |table: &Table| !scoped.contains(table) && !table.is_register();
    for name in Table::ALL.into_iter().filter(whole).map(Table::as_str) {
        let rows = context.table(format!("{name}_all")).await?.filter(current())?;
        context.register_table(name, rows.into_view())?;
    }
    let batch = limits.batch()?;
    context.register_table("legal_limits", Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))?;

    context.register_table("covered_months", covered_months(context, plan).await?.into_view())?;

    let mut contracts = aside::told_apart(context).await?;
    if let Some((first, last)) = plan.peer_years {
        let year = date_part(lit("year"), col("signature_date"));
        contracts = contracts.filter(year.between(lit(first), lit(last)))?;
    }
    let columns: Vec<Expr> = schema::of(Table::Contracts).fields().iter().map(|field| col(field.name())).collect();
    let words = scope::words(plan);
    let contracts = if plan.include_items && !words.is_empty() {
        let keys = [("buyer_id", "item_buyer_id"), ("contract_number", "item_contract_number")];
        let found = words_of_items(context, Table::ContractItems, &keys, &words).await?;
        contracts.join(found, JoinType::Left, &["buyer_id", "number"], &keys.map(|(_, name)| name), None)?
    } else {
        contracts
    };
    let contracts = contracts.with_column("in_scope", scope::predicate(plan))?;
    let aside = aside::counted(contracts.clone(), plan).await?;
    let view = contracts.filter(aside::judged())?.select(columns.into_iter().chain([col("in_scope")]))?;
    context.register_table("contracts", view.into_view())?;
    context.register_table("tenders", tenders(context, plan, &words).await?.into_view())?;
    for (name, sql) in views {
        let view = context.sql(sql).await?;
        context.register_table(*name, view.into_view())?;
    }
    Ok(aside)
}

/// The months of which all contracts are at hand: the Portal's files hold what was published in the
/// month that their name begins with. Of the years that the plan leaves out, none are.
async fn covered_months(context: &SessionContext, plan: &Plan) -> datafusion::common::Result<DataFrame> {
    let months = context
        .sql(
            "SELECT DISTINCT \
                 TRY_CAST(substr(source_file, 1, 4) AS INT) * 12 + TRY_CAST(substr(source_file, 5, 2) AS INT) - 1 AS month \
             FROM (SELECT DISTINCT source_file FROM contracts_all WHERE source = 'portal:compras') \
             WHERE regexp_like(source_file, '^[0-9]{4}(0[1-9]|1[0-2])_')",
        )
        .await?;
    match plan.peer_years {
        Some((first, last)) => months.filter((col("month") / lit(12)).between(lit(first), lit(last))),
        None => Ok(months),
    }
}

/// The current tenders with `in_scope`. Unlike contracts they are of any currency: what compares amounts
/// has to look at it.
async fn tenders(context: &SessionContext, plan: &Plan, words: &[String]) -> datafusion::common::Result<DataFrame> {
    let mut tenders = context.table("tenders_all").await?.filter(col("row_status").eq(lit(CURRENT)))?;
    if let Some((first, last)) = plan.peer_years {
        let year = date_part(lit("year"), lake::filters::tender_day());
        tenders = tenders.filter(year.between(lit(first), lit(last)))?;
    }
    let columns: Vec<Expr> = tenders.schema().fields().iter().map(|field| col(field.name())).collect();
    if plan.include_items && !words.is_empty() {
        let keys = [("tender_id", "item_tender_id")];
        let found = words_of_items(context, Table::TenderItems, &keys, words).await?;
        tenders = tenders.join(found, JoinType::Left, &["tender_id"], &["item_tender_id"], None)?;
    }
    if let Some(id) = &plan.filters.supplier_id {
        let by = |table: &'static str, column: &'static str| async move {
            let rows = context.table(table).await?.filter(lake::filters::supplier(id, column))?;
            rows.select(vec![col("tender_id").alias("taken_part_in")])
        };
        let part = by("bids", "bidder_id").await?.union(by("tender_items", "winner_id").await?)?.distinct()?;
        let part = part.with_column(lake::filters::OF_SUPPLIER, lit(true))?;
        tenders = tenders.join(part, JoinType::Left, &["tender_id"], &["taken_part_in"], None)?;
    }
    tenders.select(columns.into_iter().chain([scope::tender_predicate(plan).alias("in_scope")]))
}

/// Which of the words the items hold, by the columns of `keys` (each with the name it gets); what has
/// none of them is left out.
async fn words_of_items(
    context: &SessionContext,
    table: Table,
    keys: &[(&str, &str)],
    words: &[String],
) -> datafusion::common::Result<DataFrame> {
    let holds = |word: &String| Function::HasWord.udf().call(vec![col("description_folded"), lit(word.as_str())]);
    let any = words.iter().map(holds).reduce(Expr::or).unwrap_or_else(|| lit(false));
    let keys = keys.iter().map(|(column, name)| col(*column).alias(*name)).collect();
    let found =
        words.iter().enumerate().map(|(place, word)| bool_or(holds(word)).alias(scope::item_column(place))).collect();
    let frame = context.table(table.as_str()).await?.filter(any)?.aggregate(keys, found)?;
    let schema = Arc::clone(frame.schema().inner());
    let rows = MemTable::try_new(schema, vec![frame.collect().await?])?;
    context.read_table(Arc::new(rows))
}

async fn count_tenders(context: &SessionContext) -> datafusion::common::Result<i64> {
    let counted = context.table("tenders").await?.filter(col("in_scope"))?;
    let batches = counted.aggregate(vec![], vec![count(lit(1)).alias("rows")])?.collect().await?;
    let value = batches.first().map(|batch| batch.column(0));
    Ok(value.map_or(0, |column| column.as_primitive::<datafusion::arrow::datatypes::Int64Type>().value(0)))
}

/// Counts answers and keeps what fired.
struct Tally<'a> {
    detector: &'a Detector,
    counts: BTreeMap<(Outcome, Option<String>), i64>,
    fired: Vec<Fired>,
    /// Of a user's own detector, what its subjects hash to.
    subjects: HashSet<u64>,
}

impl<'a> Tally<'a> {
    fn new(detector: &'a Detector) -> Self {
        Self { detector, counts: BTreeMap::new(), fired: Vec::new(), subjects: HashSet::new() }
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let (subjects, outcomes) = (texts(batch, "subject")?, texts(batch, "outcome")?);
        let (reasons, severities) = (texts(batch, "reason")?, texts(batch, "severity")?);
        let in_scope = column(batch, "in_scope")?;
        let in_scope = in_scope.as_boolean_opt().ok_or("column in_scope is not boolean")?;
        let ids: Vec<_> =
            IDS.iter().filter_map(|(name, table)| Some((*name, *table, batch.column_by_name(name)?))).collect();
        let limits = batch.column_by_name("limits");
        for row in 0..batch.num_rows() {
            if in_scope.is_null(row) {
                return Err("in_scope is null".to_owned());
            }
            if self.detector.header.user_made {
                self.tell_apart(text(&subjects, row).ok_or("subject is null")?)?;
            }
            if !in_scope.value(row) {
                continue;
            }
            let outcome = text(&outcomes, row).ok_or("outcome is null")?;
            let outcome = Outcome::parse(outcome).ok_or_else(|| format!("outcome {outcome:?} is not known"))?;
            let reason = text(&reasons, row);
            self.check(outcome, reason)?;
            self.count(outcome, reason, 1);
            let severity = text(&severities, row);
            if outcome != Outcome::Fired {
                if let Some(severity) = severity {
                    return Err(format!("severity {severity:?} without a finding"));
                }
                continue;
            }
            let severity = severity.ok_or("fired without a severity")?;
            let mut rows = BTreeMap::new();
            for (name, table, column) in &ids {
                let ids = strings(column, row, name)?;
                if !ids.is_empty() {
                    rows.insert(*table, ids);
                }
            }
            if rows.is_empty() {
                return Err("fired without the ids of any row".to_owned());
            }
            let evidence = self.detector.header.evidence.iter();
            self.fired.push(Fired {
                subject: text(&subjects, row).ok_or("subject is null")?.to_owned(),
                severity: Severity::parse(severity).ok_or_else(|| format!("severity {severity:?} is not known"))?,
                ids: rows,
                amount: match batch.column_by_name("amount") {
                    Some(_) => Value::of(batch, "amount", row)?,
                    None => Value::Null,
                },
                limits: limits.map_or(Ok(Vec::new()), |ids| strings(ids, row, "limits"))?,
                values: evidence.map(|column| Value::of(batch, &column.name, row)).collect::<Result<_, _>>()?,
            });
        }
        Ok(())
    }

    /// Whatever judges a subject twice counts it twice, be the answers the same or at odds.
    fn tell_apart(&mut self, subject: &str) -> Result<(), String> {
        let mut hasher = DefaultHasher::new();
        subject.hash(&mut hasher);
        if self.subjects.insert(hasher.finish()) {
            return Ok(());
        }
        Err(format!("subject {:?} is answered for twice; each may have one row", mask_text(subject)))
    }

    fn check(&self, outcome: Outcome, reason: Option<&str>) -> Result<(), String> {
        match (outcome, reason) {
            (Outcome::Fired, Some(reason)) => Err(format!("fired with the reason {reason:?}")),
            (Outcome::NotEvaluable, None) => Err("not_evaluable without a reason".to_owned()),
            (_, None) => Ok(()),
            (_, Some(name)) => match self.detector.header.reasons.get(name) {
                Some(reason) if reason.outcome == outcome => Ok(()),
                Some(_) => Err(format!("reason {name:?} does not go with {}", outcome.as_str())),
                None => Err(format!("reason {name:?} is not in the header")),
            },
        }
    }

    fn count(&mut self, outcome: Outcome, reason: Option<&str>, more: i64) {
        // A key is made only for what is new: most rows are not.
        let known = self.counts.iter_mut().find(|((kind, name), _)| *kind == outcome && name.as_deref() == reason);
        match known {
            Some((_, count)) => *count += more,
            None => {
                self.counts.insert((outcome, reason.map(str::to_owned)), more);
            }
        }
    }

    fn finish(self) -> (DetectorSummary, Vec<Fired>) {
        let total =
            |outcome: Outcome| self.counts.iter().filter(|((kind, _), _)| *kind == outcome).map(|(_, n)| n).sum();
        let header = &self.detector.header;
        let reasons = self.counts.iter().filter_map(|((outcome, name), count)| {
            let name = name.as_ref()?;
            let reason = header.reasons.get(name)?;
            Some(ReasonCount {
                outcome: *outcome,
                reason: name.clone(),
                text_pt: reason.pt.clone(),
                text_en: reason.en.clone(),
                count: *count,
                published: Vec::new(),
            })
        });
        let mut summary = DetectorSummary {
            detector: self.detector.reference(),
            title_pt: header.title.pt.clone(),
            title_en: header.title.en.clone(),
            fired: total(Outcome::Fired),
            clear: total(Outcome::Clear),
            not_evaluable: total(Outcome::NotEvaluable),
            reasons: reasons.collect(),
            warnings_pt: Vec::new(),
            warnings_en: Vec::new(),
            failed: false,
        };
        let overridden = |language: fn(&AppliedLimit) -> (&str, &str)| {
            let limits: Vec<_> = header.overridden().map(Parameter::applied).collect();
            let shown: Vec<_> = limits.iter().map(language).map(|(label, text)| format!("{label}: {text}")).collect();
            (!shown.is_empty()).then(|| shown.join("; "))
        };
        if let (Some(pt), Some(en)) = (
            overridden(|limit| (&limit.label_pt, &limit.text_pt)),
            overridden(|limit| (&limit.label_en, &limit.text_en)),
        ) {
            summary.warnings_pt.push(format!("O detector {} rodou com parâmetros alterados: {pt}.", header.id));
            summary.warnings_en.push(format!("Detector {} ran with parameters overridden: {en}.", header.id));
        }
        let share = summary.base_rate();
        if summary.fired + summary.clear >= WARNING_LEAST && share > WARNING_SHARE {
            let percent = format!("{:.1}", share * 100.0);
            summary.warnings_pt.push(format!(
                "O detector {} aponta {} % dos casos avaliados: um indício tão frequente diz pouco sobre cada um.",
                header.id,
                percent.replace('.', ",")
            ));
            summary.warnings_en.push(format!(
                "Detector {} fires on {percent}% of the subjects judged: a flag that common says little about each.",
                header.id
            ));
        }
        (summary, self.fired)
    }
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef, String> {
    batch.column_by_name(name).ok_or_else(|| format!("column {name} is missing"))
}

fn texts(batch: &RecordBatch, name: &str) -> Result<ArrayRef, String> {
    cast(column(batch, name)?, &DataType::Utf8).map_err(|error| format!("column {name}: {error}"))
}

fn text(array: &ArrayRef, row: usize) -> Option<&str> {
    let array: &StringArray = array.as_string_opt::<i32>()?;
    array.is_valid(row).then(|| array.value(row))
}

fn strings(array: &ArrayRef, row: usize, name: &str) -> Result<Vec<String>, String> {
    let wanted = DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)));
    if array.is_null(row) {
        return Ok(Vec::new());
    }
    let one = cast(&array.slice(row, 1), &wanted).map_err(|error| format!("column {name}: {error}"))?;
    let list = one.as_list_opt::<i32>().ok_or_else(|| format!("column {name} is no list"))?.value(0);
    let list = list.as_string_opt::<i32>().ok_or_else(|| format!("column {name} is no list of texts"))?;
    if list.null_count() > 0 {
        return Err(format!("column {name} holds a null"));
    }
    Ok(list.iter().flatten().map(str::to_owned).collect())
}

impl Run {
    /// How the engine would run a detector's query, in words.
    ///
    /// # Errors
    /// [`DetectorError::Query`] if it cannot be planned.
    pub async fn plan(&self, detector: &Detector) -> Result<String, DetectorError> {
        let failed = || DetectorError::query(format!("detector {}", detector.id()));
        let frame = self.context.sql_with_options(detector.sql(), only_select()).await.map_err(failed())?;
        Ok(frame.into_optimized_plan().map_err(failed())?.display_indent().to_string())
    }

    /// Checks a detector against tables that should be small: its query is planned, and has the columns that its
    /// header names. What a built-in one shares with others is made as for a run; a user's own is run as well.
    ///
    /// # Errors
    /// [`DetectorError::Query`] if it cannot be planned, [`DetectorError::Answer`] if a column is missing.
    pub async fn check(&self, detector: &Detector) -> Result<(), DetectorError> {
        let failed = || DetectorError::query(format!("detector {}: query", detector.id()));
        if !detector.header.user_made {
            self.make_tables_of(detector).await.map_err(failed())?;
        }
        let frame = self.context.sql_with_options(detector.sql(), only_select()).await.map_err(failed())?;
        if detector.header.user_made {
            growth::check(frame.logical_plan())
                .map_err(|message| DetectorError::Definition { detector: detector.id().to_owned(), message })?;
        }
        let has = |name: &str| frame.schema().fields().iter().any(|field| field.name() == name);
        let evidence = detector.header.evidence.iter().map(|column| column.name.as_str());
        let missing = REQUIRED.into_iter().chain(evidence).find(|name| !has(name));
        let broken = |message| DetectorError::Answer { detector: detector.id().to_owned(), message };
        if let Some(name) = missing {
            return Err(broken(format!("column {name} is missing")));
        }
        if !IDS.iter().any(|(name, _)| has(name)) {
            let names = IDS.map(|(name, _)| name).join(", ");
            return Err(broken(format!("one of the columns {names} is missing")));
        }
        let in_scope = frame.schema().fields().iter().find(|field| field.name() == "in_scope");
        if in_scope.is_none_or(|field| *field.data_type() != DataType::Boolean) {
            return Err(broken("column in_scope is not boolean".to_owned()));
        }
        frame.create_physical_plan().await.map_err(failed())?;
        if detector.header.user_made {
            self.attempt(detector).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_hashing_has_no_memory_for_is_joined_by_sorting() {
        let session = lake::session(24 << 20, 2).unwrap();
        // Two sides in two partitions each set as much aside, by default 10 MB.
        session.state_ref().write().config_mut().options_mut().execution.sort_spill_reservation_bytes = 1 << 20;
        let sql = "
            WITH numbers AS (SELECT value, 'the number ' || value AS text FROM generate_series(1, 1000000))
            SELECT count(*) AS n FROM numbers a LEFT JOIN numbers b ON b.text = a.text WHERE b.value = a.value";
        let count = async || -> datafusion::common::Result<i64> {
            let batches = session.sql(sql).await?.collect().await?;
            Ok(batches[0].column(0).as_primitive::<datafusion::arrow::datatypes::Int64Type>().value(0))
        };
        let error = DetectorError::query("count")(count().await.unwrap_err());
        assert!(error.is_out_of_memory(), "{error:?}");
        let spilling = SpillingJoins::begin(&session);
        assert_eq!(count().await.unwrap(), 1_000_000);
        drop(spilling);
        assert!(count().await.is_err());
    }
}
