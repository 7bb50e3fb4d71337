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
    let directory = tempfile::tempdir().unwrap();
    for (name, file) in files {
        std::fs::write(directory.path().join(name), file).unwrap();
    }
    Catalogue::with_own(Some(directory.path()), LIMITS).await
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
    let mut wrong = Vec::new();
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
        (sound() + &" ".repeat(256 << 10), "at most 256 KiB"),
    ] {
        let Err(error) = load(&[("one.sql", &file)]).await else {
            wrong.push(format!("{words}: nothing is refused"));
            continue;
        };
        let mut told = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(one) = cause {
            told = format!("{told}: {one}");
            cause = one.source();
        }
        if !told.contains(words) || !(told.contains("one.sql") || told.contains("mine")) {
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
    load(&[("one.sql", &file)]).await.unwrap();
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
