//! The real binary from outside: a real month, planted labels, grpcurl, SIGKILL.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{RedisServer, free_port, program};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) fn cidadao(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cidadao"));
    command
        .arg("--data-dir")
        .arg(data)
        .env_remove("DATABASE_URL")
        .env_remove("REDIS_URL")
        .env_remove("CIDADAO_LAKE_URL")
        .env("CIDADAO_LOG", "warn");
    command
}

#[track_caller]
pub(crate) fn ok(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {stderr}", output.status);
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
pub(crate) fn json(output: &Output) -> Value {
    let text = ok(output);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A running server, killed when dropped.
pub(crate) struct Server {
    child: Child,
    grpc: u16,
    metrics: u16,
}

impl Server {
    fn start(data: &Path) -> Self {
        Self::of(cidadao(data))
    }

    pub(crate) fn of(mut command: Command) -> Self {
        let (grpc, metrics) = (free_port(), free_port());
        let child = command
            .args(["serve", "--lease-seconds", "2", "--http-addr", "127.0.0.1:0"])
            .args(["--grpc-addr", &format!("127.0.0.1:{grpc}"), "--metrics-addr", &format!("127.0.0.1:{metrics}")])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, grpc, metrics };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", grpc)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "the server does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed by the test already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    let found = path.exists().then_some(path.clone());
    if found.is_none() {
        eprintln!("skipped: {} is not here", path.display());
    }
    found
}

/// One published file as rows of column name → value, read by nothing but the csv crate.
fn published(path: &Path) -> Vec<BTreeMap<String, String>> {
    let latin1: String = std::fs::read(path).unwrap().into_iter().map(char::from).collect();
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(latin1.as_bytes());
    let header = reader.headers().unwrap().clone();
    reader
        .records()
        .map(|record| header.iter().map(str::to_owned).zip(record.unwrap().iter().map(str::to_owned)).collect())
        .collect()
}

fn cents(published: &str) -> i128 {
    let (whole, fraction) = published.split_once(',').unwrap_or((published, ""));
    let fraction = format!("{fraction:0<2}");
    assert!(fraction[2..].chars().all(|digit| digit == '0'));
    format!("{whole}{}", &fraction[..2]).parse().unwrap()
}

#[test]
fn a_real_month_is_taken_in_and_every_large_increase_is_judged() {
    let Some(month) = shared("cgu-compras-202401") else { return };
    let data = tempfile::tempdir().unwrap();
    let import = || json(&cidadao(data.path()).args(["import", "--output", "json"]).arg(&month).output().unwrap());
    let summary = import();
    assert_eq!(summary["contracts"], 3_484);
    assert_eq!(summary["without_supplier"], 74);
    assert_eq!(summary["items"], 11_287);
    assert_eq!(summary["amendments"], 669);
    assert_eq!((&summary["quarantined"], &summary["duplicates"]), (&Value::from(0), &Value::from(1)));
    let again = import();
    assert_eq!(again["lake_version"], summary["lake_version"], "importing again changes nothing");
    assert_eq!(again["contracts"], 0);

    let server = Server::start(data.path());
    let result = json(
        &cidadao(data.path())
            .args(["investigate", "contratos", "--watch", "--output", "json", "--server", &server.url()])
            .output()
            .unwrap(),
    );
    assert_eq!(result["status"], "completed");
    let findings = result["findings"].as_array().unwrap();
    assert!(!findings.is_empty());

    // No finding about suppliers rests on a contract without one.
    let rows = published(&month.join("202401_Compras.csv"));
    let secret: BTreeSet<(String, String)> = rows
        .iter()
        .filter(|row| row["Código Contratado"] == "-11")
        .map(|row| (row["Código UG"].clone(), row["Número do Contrato"].clone()))
        .collect();
    assert_eq!(secret.len(), 74);
    for finding in findings.iter().filter(|f| f["type"] == "supplier_share_of_buyer" || f["type"] == "invalid_tax_id") {
        for row in finding["evidence"]["rows"].as_array().unwrap() {
            assert!(row["columns"]["supplier_id"].as_str().is_some_and(|id| !id.is_empty()), "{row}");
        }
    }

    // Every contract above 125 % is fired or not evaluable with a reason.
    let large = rows
        .iter()
        .filter(|row| {
            cents(&row["Valor Final Compra"]) * 100 > cents(&row["Valor Inicial Compra"]) * 125
                && cents(&row["Valor Inicial Compra"]) > 0
        })
        .count();
    assert_eq!(large, 37);
    let detect = json(
        &cidadao(data.path())
            .args(["detect", "--only", "amendment_cap", "--output", "json"])
            .arg(&month)
            .output()
            .unwrap(),
    );
    let summary = &detect["detectors"][0];
    let count = |outcome: &str, skip: &[&str]| -> i64 {
        summary["reasons"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|reason| reason["outcome"] == outcome && !skip.contains(&reason["reason"].as_str().unwrap()))
            .map(|reason| reason["count"].as_i64().unwrap())
            .sum()
    };
    // Contracts without an initial value or with netted reductions are not among the 37.
    let judged = summary["fired"].as_i64().unwrap()
        + count("not_evaluable", &["no_initial_value", "reductions_may_hide_additions", "regime_not_covered"]);
    assert_eq!(judged, 37);
}

#[test]
fn the_demo_shows_findings_and_stops() {
    let data = tempfile::tempdir().unwrap();
    let output = cidadao(data.path())
        .args(["demo", "--exit", "--rows", "2000"])
        .args(["--grpc-addr", "127.0.0.1:0", "--http-addr", "127.0.0.1:0", "--metrics-addr", "127.0.0.1:0"])
        .output()
        .unwrap();
    let text = ok(&output);
    for detector in ["amendment_cap", "splitting_sum", "supplier_share_of_buyer", "high_value_direct_award"] {
        assert!(text.contains(detector), "{detector} is not in {text}");
    }
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("100%") || told.contains("detector:"), "progress is shown: {told}");
}

fn grpcurl() -> Option<PathBuf> {
    let on_path = program("grpcurl");
    if on_path.is_none() {
        assert!(std::env::var_os("CIDADAO_REQUIRE_ALL").is_none(), "grpcurl is not here");
        eprintln!("skipped: grpcurl is not here");
    }
    on_path
}

/// JSON objects that stand one after another, as grpcurl prints a stream.
fn stream(text: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(text).into_iter::<Value>().map(Result::unwrap).collect()
}

fn sequences(events: &[Value]) -> Vec<i64> {
    events.iter().map(|event| event["sequence"].as_str().unwrap().parse().unwrap()).collect()
}

#[test]
fn an_operator_with_grpcurl_can_do_everything() {
    let Some(grpcurl) = grpcurl() else { return };
    let data = tempfile::tempdir().unwrap();
    let month = data.path().join("month");
    ok(&cidadao(data.path()).args(["sample", "--rows", "3000", "--out"]).arg(&month).output().unwrap());
    ok(&cidadao(data.path()).arg("import").arg(&month).output().unwrap());
    let server = Server::start(data.path());
    let address = format!("127.0.0.1:{}", server.grpc);
    let call = |arguments: &[&str]| Command::new(&grpcurl).arg("-plaintext").args(arguments).output().unwrap();
    let rpc =
        |body: &str, method: &str| call(&["-emit-defaults", "-d", body, &address, &format!("cidadao.v1.{method}")]);

    let services = ok(&call(&[&address, "list"]));
    for name in ["InvestigationService", "AnalysisService", "ContractService", "HealthService"] {
        assert!(services.contains(&format!("cidadao.v1.{name}")), "{services}");
    }
    assert!(services.contains("grpc.health.v1.Health"));
    let described = ok(&call(&[&address, "describe", "cidadao.v1.InvestigationService"]));
    assert!(described.contains("rpc WatchInvestigation"), "{described}");

    let started =
        json(&rpc(r#"{"query": "contratos acima de 10 mil reais"}"#, "InvestigationService/StartInvestigation"));
    let id = started["investigationId"].as_str().unwrap();
    assert_eq!(started["plan"]["filters"]["minValue"], 10_000.0);
    let watch = |after: i64| {
        let body = format!(r#"{{"investigation_id": "{id}", "after_sequence": {after}}}"#);
        stream(&ok(&rpc(&body, "InvestigationService/WatchInvestigation")))
    };
    let events = watch(0);
    let all = sequences(&events);
    assert_eq!(all, (1..=i64::try_from(all.len()).unwrap()).collect::<Vec<_>>(), "gapless");
    let stages: BTreeSet<_> = events.iter().map(|event| event["stage"].as_str().unwrap().to_owned()).collect();
    assert!(stages.contains("plan"), "{stages:?}");
    assert_eq!(stages.iter().filter(|stage| stage.starts_with("detector:")).count(), 37, "{stages:?}");
    assert_eq!(events.last().unwrap()["kind"], "EVENT_KIND_FINISHED");
    let half = all[all.len() / 2];
    assert_eq!(sequences(&watch(half)), all[all.len() / 2 + 1..], "resumed: none twice, none missing");

    let body = format!(r#"{{"investigation_id": "{id}"}}"#);
    let results = json(&rpc(&body, "InvestigationService/GetInvestigationResults"));
    assert_eq!(results["status"], "JOB_STATE_COMPLETED");
    assert!(!results["findings"].as_array().unwrap().is_empty());
    let health = json(&rpc("{}", "HealthService/GetHealth"));
    assert_eq!(health["status"], "HEALTH_STATE_HEALTHY", "{health}");
    let refused = rpc(r#"{"query": "", "filters": {"min_value": -1}}"#, "InvestigationService/StartInvestigation");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("InvalidArgument") && told.contains("query") && told.contains("filters.min_value"), "{told}");

    let mut metrics = String::new();
    let mut connection = TcpStream::connect(("127.0.0.1", server.metrics)).unwrap();
    std::io::Write::write_all(&mut connection, b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .unwrap();
    connection.read_to_string(&mut metrics).unwrap();
    for name in [
        "agent_execution_seconds_bucket",
        "active_investigations_total",
        "database_connections_active",
        "cache_hit_rate_percent",
        "api_errors_total",
        "cidadao_ai_app_info",
        "grpc_server_handled_total",
        "grpc_server_handling_seconds_bucket",
    ] {
        assert!(metrics.contains(name), "{name} is not exposed");
    }
}

/// Ids of findings and of events of an investigation, read over gRPC by the binary itself.
fn results(data: &Path, server: &Server, request_id: &str) -> Value {
    json(
        &cidadao(data)
            .args(["investigate", "contratos", "--watch", "--output", "json", "--server", &server.url()])
            .args(["--request-id", request_id])
            .output()
            .unwrap(),
    )
}

#[test]
fn a_killed_server_loses_and_doubles_nothing() {
    let data = tempfile::tempdir().unwrap();
    let month = data.path().join("month");
    ok(&cidadao(data.path()).args(["sample", "--rows", "30000", "--out"]).arg(&month).output().unwrap());
    ok(&cidadao(data.path()).arg("import").arg(&month).output().unwrap());
    let undisturbed = {
        let server = Server::start(data.path());
        results(data.path(), &server, "00000000-0000-4000-8000-000000000001")
    };
    let ids = |result: &Value| -> Vec<String> {
        result["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap().to_owned()).collect()
    };
    assert!(!ids(&undisturbed).is_empty());

    let request = "00000000-0000-4000-8000-000000000002";
    let mut server = Server::start(data.path());
    let mut start = cidadao(data.path());
    start.args(["investigate", "contratos", "--server", &server.url(), "--request-id", request]);
    let id = ok(&start.output().unwrap()).trim().to_owned();
    // Killed again and again until it has ended in spite of that.
    let begun = Instant::now();
    let mut kills = 0;
    loop {
        std::thread::sleep(Duration::from_millis(300 + 170 * kills));
        server.child.kill().unwrap();
        drop(server);
        kills += 1;
        server = Server::start(data.path());
        if kills == 3 {
            break;
        }
    }
    let disturbed = results(data.path(), &server, request);
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!(disturbed["investigation_id"], id.as_str(), "the same request is the same investigation");
    assert_eq!(disturbed["status"], "completed");
    assert_eq!(ids(&disturbed), ids(&undisturbed), "findings are those of a run without faults");
    let unique: BTreeSet<_> = ids(&disturbed).into_iter().collect();
    assert_eq!(unique.len(), ids(&disturbed).len(), "no finding twice");
    let sequences = events(&server, &id);
    assert_eq!(
        sequences,
        (1..=i64::try_from(sequences.len()).unwrap()).collect::<Vec<_>>(),
        "no event lost or doubled"
    );
}

/// Sequences of the whole log of an investigation.
#[test]
fn a_redis_that_goes_and_comes_is_told_of_once_without_its_password() {
    let Some(mut redis) = RedisServer::get() else { return };
    let secure = |redis: &RedisServer| redis.cli(&["CONFIG", "SET", "requirepass", "hunter2"]);
    secure(&redis);
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("log");
    let mut command = cidadao(data.path());
    command
        .env("REDIS_URL", redis.url().replace("//", "//default:hunter2@"))
        .env("CIDADAO_LOG", "info,cidadao=trace")
        .stderr(std::fs::File::create(&path).unwrap());
    let server = Server::of(command);
    let log = || std::fs::read_to_string(&path).unwrap();
    let told = |text: &str| {
        let start = Instant::now();
        while !log().contains(text) {
            assert!(start.elapsed() < Duration::from_secs(60), "{text:?} is not in the log: {}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    redis.stop();
    told("Redis does not answer");
    redis.start();
    // Until it wants its password again, it refuses one: it is not back.
    std::thread::sleep(Duration::from_secs(2));
    secure(&redis);
    told("Redis answers again");
    drop(server);
    let log = log();
    for text in ["Redis does not answer", "Redis answers again"] {
        assert_eq!(log.matches(text).count(), 1, "{log}");
    }
    let help =
        ok(&cidadao(data.path()).env("REDIS_URL", "redis://:hunter2@h").args(["serve", "--help"]).output().unwrap());
    assert!(help.contains("--redis-url") && !help.contains("hunter2") && !log.contains("hunter2"), "{help}{log}");
}

fn events(server: &Server, id: &str) -> Vec<i64> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut client = cidadao::api::client::Client::connect(&server.url(), None).await.unwrap();
        let mut sequences = Vec::new();
        client.follow(id, |event| sequences.push(event.sequence)).await.unwrap();
        sequences
    })
}

#[test]
fn the_catalogue_is_shown_without_a_server() {
    let data = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| cidadao(data.path()).arg("detectors").args(arguments).output().unwrap();
    let listed = json(&run(&["list", "--output", "json"]));
    let ids: Vec<_> = listed.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, cidadao::detectors::Catalogue::builtin().unwrap().ids());
    let table = ok(&run(&["list", "--language", "en"]));
    assert!(ids.iter().all(|id| table.contains(id.as_str())) && table.contains("on request"), "{table}");
    let shown = ok(&run(&["show", "amendment_cap"]));
    for part in
        ["cap = 0.25 ratio", "set by Lei 14.133/2021 art. 125", "OCP R069", "near_cap (clear)", "contract_amendments"]
    {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert_eq!(json(&run(&["show", "amendment_cap", "--output", "json"])), listed[0]);
    let unknown = run(&["show", "none"]);
    let said = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(!unknown.status.success() && said.contains("\"none\"") && said.contains("amendment_cap"), "{said}");
}

#[test]
fn parameters_are_set_on_the_command_line() {
    let data = tempfile::tempdir().unwrap();
    let sample = data.path().join("sample");
    ok(&cidadao(data.path()).args(["sample", "--rows", "200", "--out"]).arg(&sample).output().unwrap());
    let detect = |arguments: &[&str]| {
        let only = ["detect", "--only", "high_value_direct_award", "--output", "json"];
        cidadao(data.path()).args(only).args(arguments).arg(&sample).output().unwrap()
    };
    let (usual, lower) = (json(&detect(&[])), json(&detect(&["--param", "high_value_direct_award.min_value=1000"])));
    assert!(usual["plan"].get("parameters").is_none(), "{}", usual["plan"]);
    assert_eq!(lower["plan"]["parameters"][0]["value"], "1000.00");
    assert_eq!(lower["plan"]["parameters"][0]["default"], "1000000.00");
    assert!(lower["detectors"][0]["fired"].as_i64() > usual["detectors"][0]["fired"].as_i64());
    for (given, words) in [
        ("high_value_direct_award.min_value", "DETECTOR.NAME=VALUE"),
        ("high_value_direct_award.min=1", "min_value, short_term_days"),
        ("high_value_direct_award.min_value=1.001", "at most 2 decimals"),
        ("amendment_cap.cap=0.5", "must be a detector that the request runs"),
    ] {
        let refused = detect(&["--param", given]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(words), "{given}: {said}");
    }
}

/// The commands of a page of the documentation, one a line, by their arguments.
fn commands(page: &str) -> Vec<Vec<String>> {
    let lines = page.lines().filter_map(|line| line.trim().strip_prefix("cidadao "));
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn the_five_minute_example_does_what_its_page_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let page = read("docs/own-detectors.md");
    let quoted: String = page.lines().map(|line| line.strip_prefix("   ").unwrap_or(line).to_owned() + "\n").collect();
    assert!(quoted.contains(&read("docs/examples/round_value.sql")), "the page quotes another file");

    let data = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(root.join("docs"), data.path().join("docs")).unwrap();
    let run = |arguments: &[String]| cidadao(data.path()).args(arguments).current_dir(data.path()).output().unwrap();
    let commands = commands(&page);
    assert_eq!(commands.len(), 5);
    let outputs: Vec<String> = commands[..4].iter().map(|command| ok(&run(command))).collect();
    for words in
        ["initial_value % CAST('50000.00' AS DECIMAL(7, 2)) = 0", "-- tables: contracts", "-- plan", "TableScan"]
    {
        assert!(outputs[1].contains(words), "{words} is not in {}", outputs[1]);
    }
    let with_json = |command: &[String]| json(&run(&[command, &["--output".to_owned(), "json".to_owned()]].concat()));
    let (usual, wider) = (with_json(&commands[2]), with_json(&commands[3]));
    let fired = |of: &Value| of["detectors"][0]["fired"].as_i64().unwrap();
    assert!(fired(&usual) > fired(&wider) && fired(&wider) > 0, "{} {}", fired(&usual), fired(&wider));
    let finding = &usual["findings"][0];
    assert_eq!(
        (finding["type"].as_str(), finding["detector"]["user_made"].as_bool()),
        (Some("round_value"), Some(true))
    );
    let text = finding["description"].as_str().unwrap();
    assert!(text.contains("múltiplo exato de R$ 50.000,00"), "{text}");
    assert_eq!(with_json(&commands[1])[0]["tables"][0], "contracts");
}

#[test]
fn a_server_runs_detectors_of_its_users_and_outlives_a_bad_one() {
    let data = tempfile::tempdir().unwrap();
    let own = data.path().join("own");
    std::fs::create_dir(&own).unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/round_value.sql");
    let file = std::fs::read_to_string(example).unwrap();
    std::fs::write(own.join("round_value.sql"), &file).unwrap();
    let endless = file.replace("id = \"round_value\"", "id = \"endless\"").replace(
        "FROM judged",
        "FROM judged WHERE (SELECT count(*) FROM contracts a, contracts b, contracts c WHERE a.object || b.object < c.object) > 0",
    );
    std::fs::write(own.join("endless.sql"), endless).unwrap();
    let sample = data.path().join("sample");
    ok(&cidadao(data.path()).args(["sample", "--rows", "3000", "--out"]).arg(&sample).output().unwrap());
    ok(&cidadao(data.path()).arg("import").arg(&sample).output().unwrap());
    let mut command = cidadao(data.path());
    command.arg("--detectors-dir").arg(&own).args(["--own-detector-seconds", "1"]);
    let server = Server::of(command);
    let investigate = || {
        let arguments = ["investigate", "contratos", "--watch", "--output", "json", "--server"];
        let only = ["--only", "endless,round_value,high_value_direct_award"];
        json(&cidadao(data.path()).args(arguments).arg(server.url()).args(only).output().unwrap())
    };
    let result = investigate();
    assert_eq!(result["status"], "completed");
    let types: BTreeSet<&str> =
        result["findings"].as_array().unwrap().iter().map(|finding| finding["type"].as_str().unwrap()).collect();
    assert_eq!(types, BTreeSet::from(["high_value_direct_award", "round_value"]));
    let id = result["investigation_id"].as_str().unwrap();
    let report = ok(&cidadao(data.path()).args(["report", id, "--server", &server.url()]).output().unwrap());
    assert!(report.contains("O detector próprio endless não chegou ao fim") && report.contains("1 s"), "{report}");
    assert!(report.contains(r"round\_value: Detector próprio de quem opera este servidor"), "{report}");
    // Not taken over: another time it may come to its end.
    assert_ne!(investigate()["investigation_id"], result["investigation_id"]);

    // A server does not start with a file that breaks a rule.
    std::fs::write(own.join("evil.sql"), file.replace("FROM contracts", "FROM '/etc/passwd'")).unwrap();
    let refused = cidadao(data.path()).arg("serve").arg("--detectors-dir").arg(&own).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("evil.sql") && said.contains("/etc/passwd"), "{said}");
}
