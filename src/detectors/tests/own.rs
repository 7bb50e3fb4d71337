//! Detectors of users: what is refused at the start, and what ends while it runs.

use std::path::Path;
use std::time::{Duration, Instant};

use super::catalogue::FORM;
use super::{Contract, Data};
use crate::detectors::{Catalogue, Detector, DetectorError, QueryLimits, Run};
use crate::model::Plan;

const LIMITS: QueryLimits = QueryLimits { time: Duration::from_secs(20), memory: 64 << 20 };

/// A file of the form of the tests, sound as it is.
fn sound() -> String {
    FORM.replace("OUTCOME", "'clear'").replace("REASON", "NULL").replace("SEVERITY", "NULL")
}

/// The same with another query.
fn with_query(sql: &str) -> String {
    format!("{}*/\n{sql}", sound().split_once("*/").unwrap().0)
}

/// The same, its one SELECT from something else.
fn from(relation: &str) -> String {
    sound().replace("FROM contracts WHERE", &format!("FROM {relation} WHERE"))
}

async fn load(files: &[(&str, &str)]) -> Result<Catalogue, DetectorError> {
    load_over(&Run::over_nothing(LIMITS).await.unwrap(), files).await
}

async fn load_over(run: &Run, files: &[(&str, &str)]) -> Result<Catalogue, DetectorError> {
    let directory = tempfile::tempdir().unwrap();
    for (name, file) in files {
        std::fs::write(directory.path().join(name), file).unwrap();
    }
    let mut catalogue = Catalogue::builtin().unwrap();
    catalogue.add_own(directory.path(), run).await?;
    Ok(catalogue)
}

#[tokio::test]
async fn a_directory_adds_what_is_sound_and_marks_it() {
    let other = sound().replace("id = \"mine\"", "id = \"another\"");
    let catalogue = load(&[("b.sql", &sound()), ("a.sql", &other), ("notes.txt", "nothing")]).await.unwrap();
    let builtin = Catalogue::builtin().unwrap();
    assert_eq!(catalogue.ids()[builtin.ids().len()..], ["another", "mine"], "behind the others, by file");
    for detector in catalogue.iter() {
        let own = ["another", "mine"].contains(&detector.id());
        assert_eq!(detector.header.user_made, own, "{}", detector.id());
        assert_eq!(detector.reference().user_made, own);
        assert_eq!(detector.header.tags.iter().any(|tag| tag == "user_made"), own);
    }
    assert_eq!(Catalogue::with_own(None, LIMITS).await.unwrap().ids(), builtin.ids());
    let missing = Catalogue::with_own(Some(Path::new("/no/such/directory")), LIMITS).await;
    assert!(matches!(missing, Err(DetectorError::Read { .. })));
}

#[tokio::test]
async fn what_is_unsound_is_refused_and_named() {
    let passwd = sound().replace("FROM contracts WHERE", "FROM '/etc/passwd' WHERE");
    let cte = |query: &str| {
        let select = sound().split_once("*/").unwrap().1.to_owned();
        with_query(&format!("WITH other AS ({query}) {}", select.trim()))
    };
    let least = |more: &str| sound().replace("value = \"10.00\",", &format!("value = \"10.00\", {more},"));
    let run = Run::over_nothing(LIMITS).await.unwrap();
    let mut wrong = Vec::new();
    let number = |text: &str| format!("CAST(length({text}) AS DECIMAL(18, 2))");
    let select = sound().split_once("*/").unwrap().1.trim().to_owned();
    // Each expression twice what the one before it is, in letters or in how often it reads the table.
    let chain = |last: usize, each: &dyn Fn(usize) -> String| {
        let ctes: Vec<_> = (1..=last).map(|n| format!("c{n} AS ({})", each(n))).collect();
        let first = "c0 AS (SELECT *, object_folded AS o FROM contracts)";
        with_query(&format!(
            "WITH {first}, {} {}",
            ctes.join(", "),
            select.replace("FROM contracts", &format!("FROM c{last}"))
        ))
    };
    let doubled = |last| chain(last, &|n| format!("SELECT * EXCLUDE (o), concat(o, o) AS o FROM c{}", n - 1));
    let again = |last| chain(last, &|n| format!("SELECT * FROM c{0} UNION ALL SELECT * FROM c{0}", n - 1));
    let evidence = |expression: &str| sound().replace("initial_value AS worth", &format!("{expression} AS worth"));
    for (file, words) in [
        // Ids.
        (sound().replace("id = \"mine\"", "id = \"amendment_cap\""), "is that of a built-in detector"),
        // Headers.
        (sound().replace("version = \"1\"\n", ""), "version"),
        (sound().replace("title = { pt = \"t\", en = \"t\" }", "title = { pt = \"t\", en = \"\" }"), "both languages"),
        (sound().replace("tags = []", "tags = []\nuser_made = false"), "user_made"),
        (sound().replace("tables = [\"contracts\"]", "tables = [\"contratos\"]"), "\"contratos\" is not known"),
        (sound().replace("tables = [\"contracts\"]", "tables = []"), "must name at least one"),
        (least("min = \"20\""), "beyond its min"),
        (least("not_above = \"x\""), "not_above \"x\""),
        // Columns.
        (sound().replace("initial_value AS worth", "inicial AS worth"), "inicial"),
        (sound().replace("initial_value AS worth", "initial_value"), "column worth is missing"),
        (sound().replace("in_scope,", "1 AS in_scope,"), "in_scope is not boolean"),
        // Files and other places.
        (passwd, "/etc/passwd"),
        (from("'s3://bucket/file.parquet'"), "s3://bucket/file.parquet"),
        (from("read_csv('/etc/passwd')"), "read_csv"),
        (from("range(1, 1000000000)"), "range(1, 1000000000)"),
        (from("generate_series(1, 9)"), "generate_series"),
        (from("TABLE(range(1, 9))"), "range"),
        (from("LATERAL range(1, 9)"), "range"),
        (from("information_schema.tables"), "information_schema.tables"),
        (from("contracts_all"), "\"contracts_all\""),
        (from("amendments"), "none of the header's tables"),
        (from("datafusion.public.contracts"), "none of the header's tables"),
        (cte("SELECT * FROM '/etc/passwd'"), "/etc/passwd"),
        (sound().replace("WHERE initial", "WHERE EXISTS (SELECT 1 FROM '/etc/passwd') AND initial"), "/etc/passwd"),
        // Statements.
        (with_query("COPY contracts TO '/tmp/stolen.csv'"), "must be a SELECT"),
        (with_query("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'"), "must be a SELECT"),
        (with_query("CREATE TABLE t AS SELECT 1"), "must be a SELECT"),
        (with_query("DROP TABLE contracts"), "must be a SELECT"),
        (with_query("INSERT INTO contracts SELECT * FROM contracts"), "must be a SELECT"),
        (with_query("DELETE FROM contracts"), "must be a SELECT"),
        (with_query("SET datafusion.execution.batch_size = 1"), "must be a SELECT"),
        (with_query("SHOW TABLES"), "must be a SELECT"),
        (with_query("EXPLAIN SELECT * FROM contracts"), "must be a SELECT"),
        (with_query("SELECT 1; SELECT 2"), "must be one statement"),
        (sound().trim_end().to_owned() + "; DROP TABLE contracts", "must be one statement"),
        (with_query(""), "must be one statement"),
        (with_query("SELEC 1"), "query"),
        (with_query("WITH RECURSIVE t AS (SELECT 1 AS a UNION ALL SELECT a FROM t) SELECT a FROM t"), "recursive"),
        // Chains, which whoever plans them follows level by level.
        (evidence(&format!("initial_value{}", " + 0".repeat(60_000))), "at most 10000 words"),
        (evidence(&format!("initial_value{}", " + 0".repeat(4_000))), "deeper than 200 levels"),
        (with_query(&format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(2_000))), "deeper than 200 levels"),
        // Functions.
        (evidence("CAST(random() * 100 AS DECIMAL(18, 2))"), "random does not give the same answer"),
        (evidence("CAST(date_part('year', now()) AS DECIMAL(18, 2))"), "now does not give the same answer"),
        (evidence("CAST(length(repeat('x', 1000000000)) AS DECIMAL(18, 2))"), "repeat is not for detectors"),
        (evidence("CAST(array_length(range(1, 1000000000)) AS DECIMAL(18, 2))"), "range is not for detectors"),
        (cte("INSERT INTO contracts SELECT * FROM contracts RETURNING *"), "must be a SELECT, in a WITH as well"),
        (cte("DELETE FROM contracts"), "must be a SELECT"),
        // Windows that put all of a table into every row.
        (evidence(&number("string_agg(object_folded, ',') OVER ()")), "string_agg … OVER is not for detectors"),
        (evidence(&number("string_agg(object_folded, ',') OVER (ORDER BY contract_id)")), "string_agg … OVER"),
        (evidence("CAST(array_length(array_agg(contract_id) OVER ()) AS DECIMAL(18, 2))"), "array_agg … OVER"),
        (
            evidence(&number("text_of_largest(object, CAST(initial_value AS DECIMAL(38, 6))) OVER ()")),
            "text_of_largest … OVER",
        ),
        (evidence("CAST(array_length(lag(make_array(object)) OVER ()) AS DECIMAL(18, 2))"), "lag … OVER"),
        // Values made of themselves again and again.
        (doubled(30), "would be made of more than 1000 values"),
        (evidence(&number("regexp_replace(object, '', object_folded, 'g')")), "regexp_replace: what it puts in"),
        (evidence(&number(&format!("regexp_replace(object, '', '{}', 'g')", "x".repeat(2_000)))), "more than 1000"),
        (evidence(&number("array_to_string(make_array(object), object)")), "array_to_string: what it puts in"),
        (again(12), "must not read more than 1000 tables and expressions"),
        // What the engine reads and does not heed.
        (from("contracts TABLESAMPLE SYSTEM (10)"), "TABLESAMPLE has no effect here"),
        (from("(SELECT * FROM contracts) AS some TABLESAMPLE (10 PERCENT)"), "TABLESAMPLE has no effect here"),
        (from("contracts WITH (NOLOCK)"), "a hint behind a table has no effect"),
        (from("contracts PARTITION (p1)"), "PARTITION has no effect"),
        (from("contracts LATERAL VIEW explode(make_array(1)) t AS x"), "LATERAL VIEW"),
        (sound().trim_end().to_owned() + " FOR UPDATE", "FOR UPDATE or FOR SHARE has no effect"),
        (sound().trim_end().to_owned() + " FETCH FIRST 5 ROWS WITH TIES", "FETCH"),
        (sound().trim_end().to_owned() + " SETTINGS max_threads = 1", "SETTINGS has no effect"),
        (sound().trim_end().to_owned() + " ORDER BY worth WITH FILL", "WITH FILL has no effect"),
        (sound().replace("SELECT contract_id", "SELECT /*+ NO_INDEX */ contract_id"), "a hint to the optimizer"),
        (from("contracts PREWHERE initial_value > 0"), "PREWHERE has no effect"),
        (cte("SELECT buyer_id, count(*) AS n FROM contracts GROUP BY buyer_id WITH ROLLUP"), "WITH ROLLUP"),
        (cte("SELECT * ILIKE '%id%' FROM contracts"), "ILIKE or AS behind *"),
        (evidence("abs(initial_value) FILTER (WHERE in_scope)"), "abs: FILTER has no effect"),
        (evidence("abs(initial_value) OVER (PARTITION BY buyer_id)"), "abs: OVER has no effect"),
        (evidence(&number("concat(DISTINCT object, object)")), "concat: DISTINCT or ALL has no effect"),
        (sound() + &" ".repeat(256 << 10), "at most 256 KiB"),
    ] {
        let Err(error) = load_over(&run, &[("one.sql", &file)]).await else {
            wrong.push(format!("{words}: nothing is refused"));
            continue;
        };
        let told = error.to_string();
        assert!(std::error::Error::source(&error).is_none(), "all of it is told once: {told}");
        if !told.contains(words) || !told.contains("one.sql: ") {
            wrong.push(format!("{words} is not in {told}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let twice = load(&[("a.sql", &sound()), ("b.sql", &sound())]).await.unwrap_err().to_string();
    assert!(twice.contains("b.sql") && twice.contains("another file"), "{twice}");
    assert!(!Path::new("/tmp/stolen.csv").exists());
    // What stands in a directory under the name of a file is no file.
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("d.sql")).unwrap();
    let error = Catalogue::with_own(Some(directory.path()), LIMITS).await.unwrap_err().to_string();
    assert!(error.contains("d.sql"), "{error}");
}

#[tokio::test]
async fn what_a_select_may_say_is_allowed() {
    let header =
        sound().replace("tables = [\"contracts\"]", "tables = [\"contracts\", \"amendments\", \"legal_limits\"]");
    let query = "WITH contracts AS (SELECT * FROM contracts), busy AS (
            SELECT buyer_id, count(*) AS n FROM amendments GROUP BY buyer_id
        )
        SELECT c.contract_id AS subject, 'clear' AS outcome, NULL AS reason, NULL AS severity, c.in_scope,
            make_array(c.contract_id) AS contract_ids, quantile8(CAST(c.initial_value AS DOUBLE), 0.5) OVER () AS worth
        FROM (SELECT * FROM contracts) c
        LEFT JOIN busy b ON b.buyer_id = c.buyer_id
        CROSS JOIN (SELECT max(value) AS most FROM legal_limits) l
        CROSS JOIN unnest(make_array(1)) AS one(x)
        WHERE c.initial_value >= $least AND EXISTS (SELECT 1 FROM amendments a WHERE a.buyer_id = c.buyer_id)";
    let query =
        query.replace("quantile8(CAST(c.initial_value AS DOUBLE), 0.5) OVER ()", "max(c.initial_value) OVER ()");
    let file = format!("{}*/\n{query}", header.split_once("*/").unwrap().0);
    let run = Run::over_nothing(LIMITS).await.unwrap();
    load_over(&run, &[("one.sql", &file)]).await.unwrap();
    for expression in [
        "max(length(object_folded)) OVER (PARTITION BY buyer_id)",
        "length(first_value(object_folded) OVER (PARTITION BY buyer_id ORDER BY signature_date, contract_id))",
        "length(lag(object) OVER (ORDER BY contract_id))",
        "row_number() OVER (ORDER BY contract_id)",
        "length(regexp_replace(object_folded, '[^a-z]+', ' ', 'g'))",
        "length(concat(object, ' ', object_folded, ' ', buyer_name))",
        "length(array_to_string(make_array(object, buyer_name), ', '))",
        "count(DISTINCT buyer_id) FILTER (WHERE in_scope) OVER ()",
    ] {
        let worth = format!("CAST({expression} AS DECIMAL(18, 2)) AS worth");
        load_over(&run, &[("one.sql", &sound().replace("initial_value AS worth", &worth))]).await.unwrap();
    }
    // The rows of a group, named by each of its contracts; and texts of a group.
    let query = "WITH groups AS (
            SELECT buyer_id, array_agg(contract_id ORDER BY contract_id) AS ids, string_agg(number, ', ') AS numbers,
                max(initial_value) AS most
            FROM contracts GROUP BY buyer_id
        )
        SELECT c.contract_id AS subject, 'clear' AS outcome, NULL AS reason, NULL AS severity, c.in_scope,
            g.ids AS contract_ids, g.most AS worth
        FROM contracts c JOIN groups g ON g.buyer_id = c.buyer_id WHERE g.most > $least";
    load_over(&run, &[("one.sql", &with_query(query))]).await.unwrap();
}

#[tokio::test]
async fn every_table_and_view_may_be_read() {
    let directory = tempfile::tempdir().unwrap();
    for name in crate::detectors::run::tables() {
        let query = format!(
            "SELECT 'x' AS subject, 'clear' AS outcome, NULL AS reason, NULL AS severity, true AS in_scope,
                make_array('x') AS contract_ids, CAST(count(*) AS DECIMAL(18, 2)) + $least AS worth FROM (SELECT * FROM {name})"
        );
        let file = with_query(&query).replace("tables = [\"contracts\"]", &format!("tables = [\"{name}\"]"));
        let file = file.replace("id = \"mine\"", &format!("id = \"mine_{name}\""));
        std::fs::write(directory.path().join(format!("{name}.sql")), file).unwrap();
    }
    Catalogue::with_own(Some(directory.path()), LIMITS).await.unwrap();
}

async fn run_over(contracts: usize, limits: QueryLimits) -> Run {
    let contracts = (0..contracts).map(|n| Contract::new(&n.to_string()).worth("20.00")).collect();
    let data = Data { contracts, ..Data::default() };
    Run::prepare(data.session(2), &Plan::default()).await.unwrap().limit_own(limits)
}

fn select(from: &str, worth: &str) -> Detector {
    let file = sound().replace("FROM contracts WHERE initial_value >= $least", from);
    Detector::own(&file.replace("initial_value AS worth", &format!("{worth} AS worth"))).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_without_end_is_dropped_and_others_run() {
    let run = run_over(3_000, QueryLimits { time: Duration::from_millis(700), ..LIMITS }).await;
    let endless = select(
        "FROM contracts WHERE initial_value >= $least AND (
            SELECT count(*) FROM contracts a, contracts b, contracts c WHERE a.object || b.object < c.object) > 0",
        "initial_value",
    );
    let begun = Instant::now();
    let error = run.attempt(&endless).await.unwrap_err();
    assert!(matches!(&error, DetectorError::Limit { .. }) && error.to_string().contains("0.7 s"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // In a run of many it is told, and ends nothing; one that does not stop is not begun again meanwhile.
    let ended = run.detector(&endless).await.unwrap();
    assert!(ended.findings.is_empty() && ended.summary.failed);
    let told = &ended.summary.warnings_en[0];
    assert!(ended.summary.warnings_pt[0].contains("mine"));
    assert!(told.contains("0.7 s") || told.contains("still works on a query"), "{told}");
    let catalogue = Catalogue::builtin().unwrap();
    let usual = run.detector(catalogue.get("value_jump").unwrap()).await.unwrap();
    assert_eq!((usual.summary.clear, usual.summary.failed), (3_000, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_wants_too_much_memory_is_dropped() {
    let run = run_over(3_000, QueryLimits { memory: 16 << 20, ..LIMITS }).await;
    let greedy = select(
        "FROM contracts, (SELECT array_agg(a.object || b.object || a.contract_id) AS all_of_them
            FROM contracts a, contracts b) every WHERE initial_value >= $least",
        "CAST(array_length(all_of_them) AS DECIMAL(18, 2))",
    );
    let error = run.attempt(&greedy).await.unwrap_err();
    assert!(error.to_string().contains("needed more than 16 MiB"), "{error}");
    assert!(run.detector(&greedy).await.unwrap().summary.failed);
}

#[tokio::test]
async fn answers_that_the_header_does_not_allow_end_the_detector_alone() {
    let run = run_over(3, LIMITS).await;
    let file = sound().replace("'clear' AS outcome", "'guilty' AS outcome");
    let ended = run.detector(&Detector::own(&file).unwrap()).await.unwrap();
    assert!(ended.summary.failed && ended.summary.warnings_en[0].contains("guilty"), "{:?}", ended.summary);
}

/// A detector whose query is two of these, each with an outcome of its own.
fn both(first: &str, second: &str) -> Detector {
    let (header, query) = FORM.split_once("*/").unwrap();
    let of = |outcome: &str| {
        let severity = if outcome == "'fired'" { "'low'" } else { "NULL" };
        query.replace("OUTCOME", outcome).replace("REASON", "NULL").replace("SEVERITY", severity)
    };
    Detector::own(&format!("{header}*/\n{} UNION ALL {}", of(first).trim(), of(second).trim())).unwrap()
}

#[tokio::test]
async fn a_subject_is_answered_for_once() {
    let run = run_over(3, LIMITS).await;
    for (first, second) in [("'fired'", "'fired'"), ("'fired'", "'clear'"), ("'clear'", "'clear'")] {
        let error = run.attempt(&both(first, second)).await.unwrap_err();
        let told = error.to_string();
        let named = (0..3).any(|n| told.contains(&format!("subject \"{n}\" is answered for twice")));
        assert!(matches!(error, DetectorError::Answer { .. }) && told.contains("detector mine") && named, "{told}");
        let ended = run.detector(&both(first, second)).await.unwrap();
        assert!(ended.summary.failed && ended.findings.is_empty() && ended.summary.fired == 0);
        assert!(ended.summary.warnings_pt[0].contains("is answered for twice"), "{:?}", ended.summary.warnings_pt);
    }
    // A subject that is a CPF is not shown.
    let file = sound().replace("contract_id AS subject", "'52998224725' AS subject");
    let told = run.attempt(&Detector::own(&file).unwrap()).await.unwrap_err().to_string();
    assert!(told.contains("***.982.247-**") && !told.contains("52998224725"), "{told}");
    let file = sound().replace("contract_id AS subject", "CAST(NULL AS VARCHAR) AS subject");
    let told = run.attempt(&Detector::own(&file).unwrap()).await.unwrap_err().to_string();
    assert!(told.contains("subject is null"), "{told}");
    // Of the product's own, what fired twice on the same rows.
    let twice = FORM.replace("OUTCOME", "'fired'").replace("REASON", "NULL").replace("SEVERITY", "'low'");
    let (header, query) = twice.split_once("*/").unwrap();
    let twice = Detector::parse(&format!("{header}*/\n{query} UNION ALL {query}")).unwrap();
    let told = run.detector(&twice).await.unwrap_err().to_string();
    assert!(told.contains("detector mine") && told.contains("fired twice, on the same rows"), "{told}");
}

#[tokio::test]
async fn what_is_counted_is_what_is_found() {
    let run = run_over(40, LIMITS).await;
    let ended = run.attempt(&both("CASE WHEN contract_id < '2' THEN 'fired' ELSE 'clear' END", "'fired'")).await;
    assert!(ended.is_err());
    let file = FORM.replace("OUTCOME", "'fired'").replace("REASON", "NULL").replace("SEVERITY", "'low'");
    let ended = run.attempt(&Detector::own(&file).unwrap()).await.unwrap();
    let ids: std::collections::BTreeSet<_> = ended.findings.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!((ended.summary.fired, ended.findings.len(), ids.len()), (40, 40, 40));
}

#[tokio::test]
async fn in_scope_is_that_of_the_rows() {
    let contracts = (0..3).map(|n| Contract::new(&n.to_string()).worth("20.00")).collect();
    let data = Data { contracts, ..Data::default() };
    let mut plan = Plan::default();
    plan.filters.buyer_id = Some("nobody".to_owned());
    let run = Run::prepare(data.session(2), &plan).await.unwrap().limit_own(LIMITS);
    assert_eq!(run.contracts_in_scope(), 0);
    let file = FORM.replace("OUTCOME", "'fired'").replace("REASON", "NULL").replace("SEVERITY", "'low'");
    assert_eq!(run.attempt(&Detector::own(&file).unwrap()).await.unwrap().summary.fired, 0);
    let all = Detector::own(&file.replace("in_scope,", "true AS in_scope,")).unwrap();
    let told = run.attempt(&all).await.unwrap_err().to_string();
    assert!(told.contains("detector mine") && told.contains("in_scope of subject \"0\" is true"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_a_window_holds_count_as_memory() {
    let window = select(
        "FROM (SELECT *, max(initial_value) OVER () AS most FROM
            (SELECT a.*, a.object || b.object AS both FROM contracts a, contracts b
             WHERE a.contract_id <> b.contract_id OR a.object <> b.object)) w
         WHERE initial_value >= $least AND both <> '' AND most > 0",
        "most",
    );
    let run = run_over(1_000, QueryLimits { memory: 16 << 20, ..LIMITS }).await;
    let error = run.attempt(&window).await.unwrap_err();
    assert!(error.to_string().contains("needed more than 16 MiB"), "{error}");
    let small =
        select("FROM (SELECT *, max(initial_value) OVER () AS most FROM contracts) w WHERE most >= $least", "most");
    assert_eq!(run.attempt(&small).await.unwrap().summary.clear, 1_000);
}

#[tokio::test]
async fn the_same_query_of_a_user_gives_other_ids() {
    let run = run_over(1, LIMITS).await;
    let file = FORM.replace("OUTCOME", "'fired'").replace("REASON", "NULL").replace("SEVERITY", "'low'");
    let own = run.detector(&Detector::own(&file).unwrap()).await.unwrap();
    let product = run.detector(&Detector::parse(&file).unwrap()).await.unwrap();
    assert!(own.findings[0].detector.user_made && own.findings[0].tags.contains(&"user_made".to_owned()));
    assert!(!product.findings[0].detector.user_made && product.findings[0].tags.is_empty());
    assert_ne!(own.findings[0].id, product.findings[0].id);
}
