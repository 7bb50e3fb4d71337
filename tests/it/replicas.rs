//! Several processes of the real binary on one PostgreSQL and one Redis, while things go wrong.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cidadao::api::pb;
use cidadao::api::pb::investigation_service_client::InvestigationServiceClient;
use cidadao::cache::{Hint, Hints};
use cidadao::investigation::Request;
use cidadao::model::JobKind;
use cidadao::store::{Store, StoreOptions};
use futures::future::{BoxFuture, join_all};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::Notify;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::support::samples::{completed, job, queued, step};
use crate::support::{Cluster, RedisServer, eventually, free_port};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(400);

type Investigations = InvestigationServiceClient<Channel>;

fn signal(name: &str, child: &Child) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success(), "kill -{name}");
}

/// A process of the real binary that can be killed and started again on its ports.
struct Replica {
    environment: Vec<(&'static str, String)>,
    data: PathBuf,
    grpc: u16,
    metrics: u16,
    log: PathBuf,
    child: Child,
}

impl Replica {
    fn start(data: &Path, environment: &[(&'static str, String)]) -> Self {
        let (grpc, metrics) = (free_port(), free_port());
        let log = data.join(format!("replica-{grpc}.log"));
        let environment = environment.to_vec();
        let child = Self::spawn(data, &environment, grpc, metrics, &log);
        Self { environment, data: data.to_owned(), grpc, metrics, log, child }
    }

    fn spawn(data: &Path, environment: &[(&'static str, String)], grpc: u16, metrics: u16, log: &Path) -> Child {
        let log = File::options().create(true).append(true).open(log).expect("a log file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_cidadao"));
        command.arg("--data-dir").arg(data).arg("serve").args(["--grpc-addr", &format!("127.0.0.1:{grpc}")]);
        command.args(["--http-addr", "127.0.0.1:0", "--metrics-addr", &format!("127.0.0.1:{metrics}")]);
        command.env("CIDADAO_LOG", "warn");
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::null()).stderr(log).spawn().expect("the binary starts")
    }

    fn kill(&mut self) {
        // It may have ended by itself, if the database was away when it started.
        let _gone = self.child.kill();
        self.child.wait().expect("waited for");
    }

    fn restart(&mut self) {
        self.kill();
        self.child = Self::spawn(&self.data, &self.environment, self.grpc, self.metrics, &self.log);
    }

    /// Starts it again if it has ended.
    fn revive(&mut self) {
        if self.child.try_wait().expect("asked").is_some() {
            self.restart();
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("the log is read")
    }

    async fn listens(&self) {
        eventually("the replica listens", async || TcpStream::connect(("127.0.0.1", self.grpc)).is_ok()).await;
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A directory with a lake, a database, and what replicas are told.
struct House {
    data: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
}

impl House {
    fn new(database: String, redis: Option<String>, rows: u32) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let mut environment = vec![("DATABASE_URL", database), ("CIDADAO_LEASE_SECONDS", "2".to_owned())];
        environment.push(("CIDADAO_MAX_ATTEMPTS", "100".to_owned()));
        environment.push(("CIDADAO_ENGINE_MEMORY_MIB", "256".to_owned()));
        environment.extend(redis.map(|url| ("REDIS_URL", url)));
        let house = Self { data, environment };
        let month = house.data.path().join("month");
        let sample = ["sample", "--seed", "3", "--rows", &rows.to_string(), "--out"];
        house.run(|command| command.args(sample).arg(&month));
        house.run(|command| command.arg("import").arg(&month));
        house
    }

    fn run(&self, arguments: impl FnOnce(&mut Command) -> &mut Command) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cidadao"));
        command.arg("--data-dir").arg(self.data.path()).env("CIDADAO_LOG", "warn");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = arguments(&mut command).output().expect("the binary runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    fn replica(&self) -> Replica {
        Replica::start(self.data.path(), &self.environment)
    }
}

fn client(url: &str) -> Investigations {
    let endpoint = Endpoint::from_shared(url.to_owned()).expect("a URL");
    let endpoint = endpoint.connect_timeout(Duration::from_secs(2)).http2_keep_alive_interval(Duration::from_secs(5));
    InvestigationServiceClient::new(endpoint.connect_lazy()).max_decoding_message_size(64 << 20)
}

fn asked(query: &str, request_id: String, allow_cached: bool) -> pb::StartInvestigationRequest {
    let options = pb::InvestigationOptions { allow_cached: Some(allow_cached), ..Default::default() };
    pb::StartInvestigationRequest { query: query.to_owned(), options: Some(options), request_id, ..Default::default() }
}

fn new_request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Whether another try, maybe at another replica, may do better.
fn passes(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Cancelled | Code::DeadlineExceeded
    )
}

/// Calls one of the clients, chosen by `choose`, until it answers.
async fn persistently<T>(
    clients: &[Investigations],
    choose: &Mutex<StdRng>,
    call: impl Fn(Investigations) -> BoxFuture<'static, Result<T, Status>>,
) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let at = choose.lock().expect("not poisoned").random_range(0..clients.len());
        let status = match tokio::time::timeout(Duration::from_secs(20), call(clients[at].clone())).await {
            Ok(Ok(answer)) => return answer,
            Ok(Err(status)) => status,
            Err(_) => Status::deadline_exceeded("no answer"),
        };
        assert!(passes(&status), "{status:?}");
        assert!(Instant::now() < deadline, "{status:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Follows a job to its end over whatever replicas are there; the sequences in the order they came.
async fn subscribe(clients: &[Investigations], choose: &Mutex<StdRng>, id: &str) -> Vec<i64> {
    let mut seen: Vec<i64> = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "{id} has not ended; seen: {seen:?}");
        let at = choose.lock().expect("not poisoned").random_range(0..clients.len());
        let request = pb::WatchInvestigationRequest {
            investigation_id: id.to_owned(),
            after_sequence: seen.last().copied().unwrap_or(0),
        };
        let status = match clients[at].clone().watch_investigation(request).await {
            Ok(stream) => {
                let mut stream = stream.into_inner();
                loop {
                    match tokio::time::timeout(Duration::from_secs(30), stream.message()).await {
                        Ok(Ok(Some(event))) => {
                            if event.kind() != pb::EventKind::Heartbeat {
                                seen.push(event.sequence);
                            }
                            if event.kind() == pb::EventKind::Finished {
                                return seen;
                            }
                        }
                        Ok(Ok(None)) => break Status::unavailable("the stream ended early"),
                        Ok(Err(status)) => break status,
                        Err(_) => panic!("{id}: neither event nor heartbeat for 30 s"),
                    }
                }
            }
            Err(status) => status,
        };
        assert!(passes(&status), "{status:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Every finding of a job that has completed.
async fn findings(clients: &[Investigations], choose: &Mutex<StdRng>, id: &str) -> Vec<pb::Finding> {
    let request =
        pb::GetInvestigationResultsRequest { investigation_id: id.to_owned(), page_size: 1_000, ..Default::default() };
    let page = persistently(clients, choose, |mut client| {
        let request = request.clone();
        Box::pin(async move { Ok(client.get_investigation_results(request).await?.into_inner()) })
    })
    .await;
    assert_eq!(page.status(), pb::JobState::Completed, "{id}");
    assert!(page.next_page_token.is_empty(), "one page holds them all");
    page.findings
}

fn chooser(seed: u64) -> Mutex<StdRng> {
    Mutex::new(StdRng::seed_from_u64(seed))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_while_everything_fails_in_turn() {
    const JOBS: usize = 200;
    const QUERIES: usize = 10;
    const QUICK: [&str; 3] = ["amendment_cap", "high_value_direct_award", "invalid_tax_id"];
    let (Some(mut cluster), Some(mut redis)) = (Cluster::private().await, RedisServer::get()) else { return };
    let house = House::new(cluster.create_database(), Some(redis.url()), 300);
    let queries: Vec<String> = (0..QUERIES).map(|n| format!("contratos acima de {} mil", 10 * n)).collect();
    // One in ten runs every detector; the others those that are quick without optimisation.
    let asked = |n: usize, allow_cached| {
        let detectors = if n.is_multiple_of(QUERIES) { &[][..] } else { &QUICK };
        let mut request = asked(&queries[n % QUERIES], new_request_id(), allow_cached);
        request.options.get_or_insert_default().detectors = detectors.iter().map(ToString::to_string).collect();
        request
    };

    // What a run without faults finds.
    let mut expected = Vec::new();
    {
        let calm = house.replica();
        calm.listens().await;
        let (clients, choose) = ([client(&calm.url())], chooser(0));
        for n in 0..QUERIES {
            let started = clients[0].clone().start_investigation(asked(n, false)).await;
            let id = started.expect("started").into_inner().investigation_id;
            subscribe(&clients, &choose, &id).await;
            expected.push(findings(&clients, &choose, &id).await);
        }
        assert!(expected.iter().any(|findings| !findings.is_empty()));
    }

    let replicas: Arc<Vec<Mutex<Replica>>> = Arc::new((0..3).map(|_| Mutex::new(house.replica())).collect());
    let clients: Arc<Vec<Investigations>> =
        Arc::new(replicas.iter().map(|replica| client(&replica.lock().expect("held").url())).collect());
    let choose = Arc::new(chooser(20_240_117));

    let trouble = {
        let replicas = Arc::clone(&replicas);
        tokio::task::spawn_blocking(move || {
            let mut random = StdRng::seed_from_u64(7);
            for second in 0..60 {
                match second {
                    10 | 35 => redis.stop(),
                    20 | 45 => redis.start(),
                    30 => cluster.restart(),
                    _ => {}
                }
                for replica in replicas.iter() {
                    replica.lock().expect("held").revive();
                }
                replicas[random.random_range(0..3)].lock().expect("held").restart();
                std::thread::sleep(Duration::from_secs(1));
            }
            for replica in replicas.iter() {
                replica.lock().expect("held").revive();
            }
            (redis, cluster)
        })
    };
    let work = (0..JOBS).map(|n| {
        let (clients, choose) = (Arc::clone(&clients), Arc::clone(&choose));
        let request = asked(n, n.is_multiple_of(3));
        tokio::spawn(async move {
            // All of them within the minute of trouble.
            tokio::time::sleep(Duration::from_millis(280 * n as u64)).await;
            let id = persistently(&clients, &choose, |mut client| {
                let request = request.clone();
                Box::pin(async move { Ok(client.start_investigation(request).await?.into_inner().investigation_id) })
            })
            .await;
            let seen = subscribe(&clients, &choose, &id).await;
            (n, id, seen)
        })
    });
    let ended = join_all(work).await;
    let _servers = trouble.await.expect("the trouble ends");

    let mut ids = BTreeMap::new();
    let mut interrupted = 0;
    for ended in ended {
        let (n, id, seen) = ended.expect("no panic");
        assert_eq!(seen, (1..=seen.len() as i64).collect::<Vec<_>>(), "{id}: each event once, in order");
        let get = pb::GetInvestigationRequest { investigation_id: id.clone() };
        let job = persistently(&clients, &choose, |mut client| {
            let get = get.clone();
            Box::pin(async move { Ok(client.get_investigation(get).await?.into_inner()) })
        })
        .await;
        assert_eq!(job.status(), pb::JobState::Completed, "{id}: {:?}", job.error);
        assert_eq!(job.last_sequence, seen.len() as i64, "{id}");
        interrupted += i32::from(job.attempt > 1);
        let replayed = subscribe(&clients, &choose, &id).await;
        assert_eq!(replayed, seen, "{id}: the log says the same again");
        let found = findings(&clients, &choose, &id).await;
        assert!(found == expected[n % QUERIES], "{id}: other findings than without faults");
        assert!(ids.insert(id, n).is_none(), "no job stands for two");
    }
    assert!(interrupted > 0, "the trouble hit something");
    println!("{JOBS} investigations, {interrupted} of them interrupted at least once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_slept_past_its_lease_commits_nothing() {
    let Some(cluster) = Cluster::get().await else { return };
    let house = House::new(cluster.create_database(), None, 4_000);
    let sleeper = house.replica();
    sleeper.listens().await;
    let (clients, choose) = ([client(&sleeper.url())], chooser(1));
    let started = clients[0].clone().start_investigation(asked("contratos", new_request_id(), false)).await;
    let id = started.expect("started").into_inner().investigation_id;
    let watch = pb::WatchInvestigationRequest { investigation_id: id.clone(), after_sequence: 0 };
    let mut events = clients[0].clone().watch_investigation(watch).await.expect("watched").into_inner();
    while events.message().await.expect("an event").expect("not the end").stage != "plan" {}
    signal("STOP", &sleeper.child);

    let waker = house.replica();
    waker.listens().await;
    let clients = [client(&waker.url())];
    let seen = subscribe(&clients, &choose, &id).await;
    let found = findings(&clients, &choose, &id).await;
    signal("CONT", &sleeper.child);
    let dropped = "another worker has the job";
    eventually("the sleeper sees that it came late", async || sleeper.log().contains(dropped)).await;

    assert_eq!(subscribe(&clients, &choose, &id).await, seen);
    assert!(findings(&clients, &choose, &id).await == found);
    let undisturbed = clients[0].clone().start_investigation(asked("contratos", new_request_id(), false)).await;
    let undisturbed = undisturbed.expect("started").into_inner().investigation_id;
    assert_eq!(subscribe(&clients, &choose, &undisturbed).await, seen, "as many events as without the sleep");
    assert!(findings(&clients, &choose, &undisturbed).await == found, "the same findings");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_callers_with_one_request_id_start_one_job() {
    let Some(cluster) = Cluster::get().await else { return };
    let house = House::new(cluster.create_database(), None, 100);
    let replicas = [house.replica(), house.replica(), house.replica()];
    for replica in &replicas {
        replica.listens().await;
    }
    let request_id = new_request_id();
    let starts = (0..50).map(|n: usize| {
        let mut client = client(&replicas[n % 3].url());
        let request = asked("contratos", request_id.clone(), true);
        tokio::spawn(async move { client.start_investigation(request).await.expect("started").into_inner() })
    });
    let answers: Vec<pb::Investigation> =
        join_all(starts).await.into_iter().map(|one| one.expect("no panic")).collect();
    for answer in &answers {
        assert_eq!(answer.investigation_id, answers[0].investigation_id);
        assert_eq!(
            (&answer.query, &answer.options, &answer.request_id),
            (&answers[0].query, &answers[0].options, &request_id)
        );
        assert_eq!(answer.create_time, answers[0].create_time);
    }
    let mut client = client(&replicas[1].url());
    let listed =
        client.list_investigations(pb::ListInvestigationsRequest::default()).await.expect("listed").into_inner();
    assert_eq!(listed.investigations.len(), 1);
    let other = client.start_investigation(asked("outra coisa", request_id, true)).await.expect_err("refused");
    assert_eq!(other.code(), Code::AlreadyExists);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_told_to_end_hands_over_and_says_so() {
    let Some(cluster) = Cluster::get().await else { return };
    let house = House::new(cluster.create_database(), None, 4_000).with("CIDADAO_GRACE_SECONDS", "20");
    let mut first = house.replica();
    first.listens().await;
    let clients = [client(&first.url())];
    let started = clients[0].clone().start_investigation(asked("contratos", new_request_id(), false)).await;
    let id = started.expect("started").into_inner().investigation_id;
    let watch = pb::WatchInvestigationRequest { investigation_id: id.clone(), after_sequence: 0 };
    let mut events = clients[0].clone().watch_investigation(watch).await.expect("watched").into_inner();
    let mut last;
    loop {
        let event = events.message().await.expect("an event").expect("not the end");
        last = event.sequence;
        if event.stage == "plan" {
            break;
        }
    }
    let health = Endpoint::from_shared(first.url()).expect("a URL").connect().await.expect("connected");
    let mut health = tonic_health::pb::health_client::HealthClient::new(health);
    let mut ready = health.watch(tonic_health::pb::HealthCheckRequest::default()).await.expect("watched").into_inner();
    assert_eq!(ready.message().await.expect("a state").expect("one").status, 1);

    signal("TERM", &first.child);
    let told = Instant::now();
    assert_eq!(ready.message().await.expect("a state").expect("one").status, 2, "not ready any more");
    // Not ready comes first: for a moment it still takes calls.
    let get = pb::GetInvestigationRequest { investigation_id: id.clone() };
    clients[0].clone().get_investigation(get).await.expect("answered while it drains");
    // The stream goes on for what is committed until then, and ends as a server that stops ends it.
    let cut = loop {
        match events.message().await {
            Ok(Some(event)) => last = event.sequence.max(last),
            Ok(None) => panic!("the stream ended as if the job had"),
            Err(status) => break status,
        }
    };
    assert_eq!(cut.code(), Code::Unavailable, "{cut:?}");
    let exit = tokio::task::spawn_blocking(move || first.child.wait().expect("it ends")).await.expect("no panic");
    assert!(exit.success(), "{exit}");
    assert!(told.elapsed() < Duration::from_secs(25), "within the grace period and the time for calls to end");

    let second = house.replica();
    second.listens().await;
    let (clients, choose) = ([client(&second.url())], chooser(2));
    let seen = subscribe(&clients, &choose, &id).await;
    assert_eq!(seen, (1..=seen.len() as i64).collect::<Vec<_>>());
    assert!(seen.len() as i64 > last);
    assert!(!findings(&clients, &choose, &id).await.is_empty());
    let job = clients[0].clone().get_investigation(pb::GetInvestigationRequest { investigation_id: id }).await;
    assert_eq!(job.expect("read").into_inner().attempt, 1, "a hand-over is no failed attempt");
}

/// Memory of a process that is in RAM, in bytes.
fn resident(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

fn percentile(sorted: &[i64], share: f64) -> i64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_subscribers_see_every_event() {
    const SUBSCRIBERS: usize = 2_000;
    const STREAMS_OF_A_CONNECTION: usize = 100;
    const STEPS: i32 = 100;
    let Some(redis) = RedisServer::get() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite:{}", directory.path().join("cidadao.db").display());
    // This process is the worker: it has the job before the replica can take it.
    let store = Store::connect(&StoreOptions::new(&url)).await.expect("the store opens");
    let hints = Hints::over(&redis.connect().await);
    let payload = serde_json::to_value(Request::of_query("contratos")).expect("JSON");
    let id = store.create_job(job("local", None, payload), queued()).await.expect("stored").0.id;
    let lease = Duration::from_secs(3_600);
    let held = store.claim_job("test", lease, &[JobKind::Investigation]).await.expect("a claim").expect("a job");
    let environment = [("DATABASE_URL", url), ("REDIS_URL", redis.url())];
    let replica = Replica::start(directory.path(), &environment);
    replica.listens().await;

    let watch = pb::WatchInvestigationRequest { investigation_id: id.clone(), after_sequence: 0 };
    // What the first subscriber brings into memory is not the price of one more.
    let mut first = client(&replica.url()).watch_investigation(watch.clone()).await.expect("watched").into_inner();
    first.message().await.expect("an event");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = resident(&replica.child);
    let (ready, all_ready) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let mut subscribers = Vec::new();
    for _ in 0..SUBSCRIBERS / STREAMS_OF_A_CONNECTION {
        let connection = client(&replica.url());
        for _ in 0..STREAMS_OF_A_CONNECTION {
            let (mut connection, watch) = (connection.clone(), watch.clone());
            let (ready, all_ready) = (Arc::clone(&ready), Arc::clone(&all_ready));
            subscribers.push(tokio::spawn(async move {
                let mut stream = connection.watch_investigation(watch).await.expect("watched").into_inner();
                let (mut sequences, mut delays) = (Vec::new(), Vec::new());
                loop {
                    let event = stream.message().await.expect("no error").expect("not the end");
                    if event.kind() == pb::EventKind::Heartbeat {
                        continue;
                    }
                    let at = event.event_time.expect("a time");
                    let delay =
                        chrono::Utc::now().timestamp_micros() - (at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000);
                    sequences.push(event.sequence);
                    if event.sequence == 2 && ready.fetch_add(1, Ordering::SeqCst) + 1 == SUBSCRIBERS {
                        all_ready.notify_one();
                    }
                    if event.sequence > 2 {
                        delays.push(delay);
                    }
                    if event.kind() == pb::EventKind::Finished {
                        return (sequences, delays);
                    }
                }
            }));
        }
    }
    all_ready.notified().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let idle = resident(&replica.child);
    let each = idle.saturating_sub(before) / SUBSCRIBERS as u64;
    println!("{SUBSCRIBERS} idle subscribers: {} KiB each", each / 1024);
    assert!(each < 32 << 10, "{each} bytes for an idle subscriber");

    // From here on `first` is the one that never reads.
    for n in 1..=STEPS {
        store.commit_step(&held.id, held.lease_token, step(n)).await.expect("committed");
        hints.publish(Hint::Job(id.clone()));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store.finish_job(&held.id, held.lease_token, completed(&held)).await.expect("finished");
    hints.publish(Hint::Job(id.clone()));
    let mut delays = Vec::new();
    for subscriber in subscribers {
        let (sequences, delayed) = subscriber.await.expect("no panic");
        assert_eq!(sequences, (1..=i64::from(STEPS) + 3).collect::<Vec<_>>());
        delays.extend(delayed);
    }
    delays.sort_unstable();
    let (half, most) = (percentile(&delays, 0.5) / 1_000, percentile(&delays, 0.99) / 1_000);
    println!("from commit to receipt: p50 {half} ms, p99 {most} ms");
    let after = resident(&replica.child);
    println!("memory: {} MiB before, {} idle, {} after", before >> 20, idle >> 20, after >> 20);
    assert!(after < idle + (16 << 20), "the one that never reads costs no growing memory");
    drop(first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_question_is_answered_from_what_is_known() {
    let (Some(cluster), Some(redis)) = (Cluster::get().await, RedisServer::get()) else { return };
    let house = House::new(cluster.create_database(), Some(redis.url()), 200);
    let replicas = [house.replica(), house.replica()];
    for replica in &replicas {
        replica.listens().await;
    }
    let choose = chooser(3);
    let ask = async |at: usize, query: &str, allow_cached| {
        let clients = [client(&replicas[at].url())];
        let started = clients[0].clone().start_investigation(asked(query, new_request_id(), allow_cached)).await;
        let id = started.expect("started").into_inner().investigation_id;
        let events = subscribe(&clients, &choose, &id).await.len();
        let get = pb::GetInvestigationRequest { investigation_id: id.clone() };
        let ended = clients[0].clone().get_investigation(get).await.expect("read").into_inner();
        (ended, events, findings(&clients, &choose, &id).await)
    };
    let (run, events, found) = ask(0, "contratos", true).await;
    assert!(run.cached_from.is_empty() && events > 8 && !found.is_empty());
    // Another wording of the same plan, at another replica.
    let (same, events, taken_over) = ask(1, "contratos!", true).await;
    assert_eq!(same.cached_from, run.investigation_id);
    assert_eq!((events, taken_over == found, same.counts), (4, true, run.counts));
    for (query, allow_cached) in [("contratos", false), ("contratos acima de 1 real", true)] {
        assert!(ask(1, query, allow_cached).await.0.cached_from.is_empty(), "{query}");
    }
    // What was computed last is what is taken over next.
    assert_ne!(ask(0, "contratos", true).await.0.cached_from, "");
    let other = house.data.path().join("other");
    house.run(|command| command.args(["sample", "--seed", "9", "--rows", "150", "--out"]).arg(&other));
    house.run(|command| command.arg("import").arg(&other));
    let (fresh, ..) = ask(0, "contratos", true).await;
    assert!(fresh.cached_from.is_empty(), "after an import it is another question");
    assert!(fresh.plan.expect("a plan").lake_version > run.plan.expect("a plan").lake_version);
}
