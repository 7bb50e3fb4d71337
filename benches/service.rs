//! What a call and a job cost, beside what they could cost at best: a bare tonic server that
//! answers a constant, and a loop of single updates on the same database. One run, as ratios.
//!
//! `benches/service.sh` brings up the PostgreSQL that it takes from `DATABASE_URL`.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::io::Write as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use cidadao::api::pb;
use cidadao::api::pb::investigation_service_client::InvestigationServiceClient;
use cidadao::app::{App, Listeners};
use cidadao::config::{Config, Settings};
use cidadao::jobs::{Finish, JobContext, JobFailure, JobHandler, Jobs, JobsOptions};
use cidadao::model::{Counts, JobKind, JobState, NewJob, Priority};
use cidadao::store::{Store, StoreOptions};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use futures::future::{join_all, try_join_all};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::{Channel, Endpoint, Server};
use tonic_prost::ProstCodec;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Client = InvestigationServiceClient<Channel>;

/// Calls at the same time, and the connections they share.
const CALLERS: usize = 16;
const CONNECTIONS: usize = 4;
const WARM: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);
/// Jobs that do nothing, and workers that do them.
const JOBS: usize = 2_000;
const WORKERS: usize = 8;

/// A server that answers every call of the service with the same investigation.
#[derive(Clone)]
struct Constant(pb::Investigation);

impl NamedService for Constant {
    const NAME: &'static str = "cidadao.v1.InvestigationService";
}

impl UnaryService<pb::StartInvestigationRequest> for Constant {
    type Response = pb::Investigation;
    type Future = Ready<Result<tonic::Response<pb::Investigation>, tonic::Status>>;

    fn call(&mut self, _request: tonic::Request<pb::StartInvestigationRequest>) -> Self::Future {
        ready(Ok(tonic::Response::new(self.0.clone())))
    }
}

impl tower::Service<http::Request<Body>> for Constant {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let constant = self.clone();
        Box::pin(async move {
            let codec = ProstCodec::<pb::Investigation, pb::StartInvestigationRequest>::default();
            Ok(Grpc::new(codec).unary(constant, request).await)
        })
    }
}

/// Calls a second, and how long they took.
struct Rate {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

/// Prints a line.
fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

fn print(name: &str, rate: &Rate, bare: Option<&Rate>) -> std::io::Result<()> {
    let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
    let ratio = bare.map_or_else(String::new, |bare| {
        let (speed, slow) = (rate.per_second / bare.per_second, rate.p99.as_secs_f64() / bare.p99.as_secs_f64());
        format!("   {speed:.2} of bare tonic's rate, {slow:.1} times its p99")
    });
    let (per_second, p50, p99) = (rate.per_second, ms(rate.p50), ms(rate.p99));
    say(&format!("{name:<34} {per_second:>8.0} /s   p50 {p50:>6.2} ms   p99 {p99:>6.2} ms{ratio}"))
}

async fn clients(address: &str) -> Result<Vec<Client>, Failure> {
    let connect = || async { Ok::<_, Failure>(Endpoint::from_shared(address.to_owned())?.connect().await?) };
    let channels = try_join_all((0..CONNECTIONS).map(|_| connect())).await?;
    Ok(channels.into_iter().map(InvestigationServiceClient::new).collect())
}

/// Calls from all callers at once, over and over.
async fn measure<F, T>(
    clients: &[Client],
    call: impl Fn(Client, usize) -> F + Clone + Send + Sync + 'static,
) -> Result<Rate, Failure>
where
    F: Future<Output = Result<T, tonic::Status>> + Send,
    T: Send,
{
    let begin = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let (client, call) = (clients[caller % clients.len()].clone(), call.clone());
        tokio::spawn(async move {
            let mut took = Vec::new();
            for n in 0.. {
                let start = Instant::now();
                if start - begin > WARM + MEASURED {
                    break;
                }
                call(client.clone(), n * CALLERS + caller).await?;
                if start - begin > WARM {
                    took.push(start.elapsed());
                }
            }
            Ok::<_, tonic::Status>(took)
        })
    });
    let mut all = Vec::new();
    for took in join_all(callers).await {
        all.extend(took??);
    }
    all.sort_unstable();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
    Ok(Rate { per_second: all.len() as f64 / MEASURED.as_secs_f64(), p50: at(0.5), p99: at(0.99) })
}

fn request() -> pb::StartInvestigationRequest {
    pb::StartInvestigationRequest {
        query: "contratos emergenciais acima de 1 milhão".to_owned(), ..Default::default()
    }
}

async fn start(mut client: Client) -> Result<pb::Investigation, tonic::Status> {
    client.start_investigation(request()).await.map(tonic::Response::into_inner)
}

async fn bare(constant: pb::Investigation) -> Result<(String, CancellationToken), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let stop = CancellationToken::new();
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = Server::builder()
        .add_service(Constant(constant))
        .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
    tokio::spawn(serving);
    Ok((address, stop))
}

async fn calls(database: &str, url: String, bare_rate: &mut Option<Rate>) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let settings =
        Settings { database_url: Some(url), data_dir: Some(directory.path().to_owned()), ..Settings::default() };
    let mut app = App::build(&Config::resolve(settings)?).await?;
    // Starts and reads alone: nobody does the jobs meanwhile.
    app.without_workers();
    let server = app.spawn(Listeners::loopback().await?)?;
    let ours = clients(&format!("http://{}", server.grpc_addr)).await?;
    let one = start(ours[0].clone()).await?;
    if bare_rate.is_none() {
        let (address, stop) = bare(one.clone()).await?;
        let rate = measure(&clients(&address).await?, |client, _| start(client)).await?;
        stop.cancel();
        print("bare tonic, a constant", &rate, None)?;
        *bare_rate = Some(rate);
    }
    let rate = measure(&ours, |client, _| start(client)).await?;
    print(&format!("StartInvestigation on {database}"), &rate, bare_rate.as_ref())?;
    let id = Arc::new(one.investigation_id);
    let get = move |mut client: Client, _| {
        let investigation_id = id.as_ref().clone();
        async move { client.get_investigation(pb::GetInvestigationRequest { investigation_id }).await }
    };
    let rate = measure(&ours, get).await?;
    print(&format!("GetInvestigation on {database}"), &rate, bare_rate.as_ref())?;
    server.stop().await?;
    Ok(())
}

/// A job that does nothing.
struct Nothing;

#[async_trait]
impl JobHandler for Nothing {
    fn kind(&self) -> JobKind {
        JobKind::Investigation
    }

    async fn run(&self, _ctx: &mut JobContext) -> Result<Finish, JobFailure> {
        Ok(Finish {
            output: serde_json::Value::Null,
            counts: Counts::default(),
            stage: "done".to_owned(),
            message_pt: "fim".to_owned(),
            message_en: "end".to_owned(),
        })
    }
}

async fn queue(url: &str) -> Result<f64, Failure> {
    let store = Store::connect(&StoreOptions::new(url)).await?;
    let jobs = Jobs::new(store.clone(), JobsOptions { workers: WORKERS, ..JobsOptions::default() });
    let new = |owner: usize| NewJob {
        kind: JobKind::Investigation,
        owner: format!("bench-{owner}"),
        request_id: None,
        payload: serde_json::json!({ "query": "contratos" }),
        remote: "bench".to_owned(),
        priority: Priority::High,
        timeout: None,
    };
    for n in 0..JOBS {
        jobs.start(new(n % 10)).await?;
    }
    let stop = CancellationToken::new();
    let begin = Instant::now();
    let working = tokio::spawn({
        let (jobs, stop) = (jobs.clone(), stop.clone());
        async move { jobs.run(vec![Arc::new(Nothing)], stop).await }
    });
    let ended = || {
        let completed = |(_, state, count): (_, JobState, u64)| if state == JobState::Completed { count } else { 0 };
        jobs.worker_stats().finished.into_iter().map(completed).sum::<u64>()
    };
    while ended() < JOBS as u64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = begin.elapsed();
    stop.cancel();
    working.await?;
    Ok(JOBS as f64 / took.as_secs_f64())
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS bench_counter (id INTEGER PRIMARY KEY, n BIGINT NOT NULL);";
const UPDATE: &str = "UPDATE bench_counter SET n = n + 1 WHERE id = ";

/// Updates a second of one row a connection, each a transaction of its own.
async fn updates_postgres(url: &str) -> Result<f64, Failure> {
    let mut conn = AsyncPgConnection::establish(url).await?;
    conn.batch_execute(TABLE).await?;
    for id in 0..WORKERS {
        conn.batch_execute(&format!("INSERT INTO bench_counter VALUES ({id}, 0) ON CONFLICT DO NOTHING")).await?;
    }
    let begin = Instant::now();
    let loops = (0..WORKERS).map(|id| {
        let url = url.to_owned();
        tokio::spawn(async move {
            let mut conn = AsyncPgConnection::establish(&url).await?;
            let mut done = 0_u32;
            while begin.elapsed() < MEASURED {
                diesel_async::RunQueryDsl::execute(diesel::sql_query(format!("{UPDATE}{id}")), &mut conn).await?;
                done += 1;
            }
            Ok::<_, Failure>(done)
        })
    });
    let mut done = 0;
    for one in join_all(loops).await {
        done += one??;
    }
    Ok(f64::from(done) / begin.elapsed().as_secs_f64())
}

/// The same in SQLite, which has one writer.
fn updates_sqlite(path: &str) -> Result<f64, Failure> {
    let mut conn = SqliteConnection::establish(path)?;
    conn.batch_execute("PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    conn.batch_execute(TABLE)?;
    conn.batch_execute("INSERT INTO bench_counter VALUES (0, 0) ON CONFLICT DO NOTHING")?;
    let begin = Instant::now();
    let mut done = 0_u32;
    while begin.elapsed() < MEASURED {
        diesel::RunQueryDsl::execute(diesel::sql_query(format!("{UPDATE}0")), &mut conn)?;
        done += 1;
    }
    Ok(f64::from(done) / begin.elapsed().as_secs_f64())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let sqlite = directory.path().join("bench.db").display().to_string();
    let postgres = std::env::var("DATABASE_URL").ok();
    let mut bare = None;
    say(&format!("{CALLERS} callers on {CONNECTIONS} connections, callers and server in one process"))?;
    calls("SQLite", format!("sqlite:{sqlite}"), &mut bare).await?;
    if let Some(url) = &postgres {
        calls("PostgreSQL", url.clone(), &mut bare).await?;
    }
    say(&format!("\nempty jobs, {WORKERS} workers, two transactions a job, beside single-statement updates"))?;
    let report = |database: &str, jobs: f64, updates: f64| {
        let ratio = jobs / updates;
        say(&format!("{database:<12} {jobs:>6.0} jobs/s   {updates:>6.0} updates/s   {ratio:.2} jobs an update"))
    };
    let path = sqlite.clone();
    let updates = tokio::task::spawn_blocking(move || updates_sqlite(&path)).await??;
    report("SQLite", queue(&format!("sqlite:{sqlite}")).await?, updates)?;
    if let Some(url) = &postgres {
        let updates = updates_postgres(url).await?;
        report("PostgreSQL", queue(url).await?, updates)?;
    }
    Ok(())
}
