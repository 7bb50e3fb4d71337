//! What REST costs beside gRPC, and beside grpc-gateway before the same server: calls a second, times, and the
//! processor time that each process spent on a call. One run, as ratios.
//!
//! The server is a process of its own, so that its time is not that of the callers; so is the gateway, which
//! `benches/rest.sh` builds and names in `CIDADAO_GRPC_GATEWAY`.

use std::future::Future;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cidadao::api::pb;
use cidadao::api::pb::investigation_service_client::InvestigationServiceClient;
use cidadao::app::{App, Listeners};
use cidadao::config::{Config, Settings};
use futures::future::join_all;
use http::header::CONTENT_TYPE;
use tonic::transport::{Channel, Endpoint};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Callers at the same time, each on a connection of its own.
const CALLERS: usize = 16;
const WARM: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);
/// Rounds over all targets, one after the other, so that a slow moment does not fall on one of them alone.
const ROUNDS: usize = 3;
/// The argument that makes this binary the server.
const SERVE: &str = "--serve-for-bench";
/// Clock ticks a second in `/proc`: fixed for programs, whatever the kernel uses itself.
const TICKS: f64 = 100.0;
const QUERY: &str = "contratos emergenciais acima de 1 milhão";

/// Prints a line.
fn say(line: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{line}")
}

/// A child that ends with this value, and the first line that it printed.
struct Process(Child, String);

impl Process {
    fn start(command: &mut Command) -> Result<Self, Failure> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or("a child without output")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self(child, line.trim().to_owned()))
    }

    /// Seconds that it has spent on all processors, by itself and in the kernel.
    fn seconds(&self) -> Result<f64, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The name, in parentheses, may hold spaces; utime and stime are fields 14 and 15 of all.
        let (_, rest) = stat.rsplit_once(')').ok_or("no name in stat")?;
        let field = |number: usize| -> Result<f64, Failure> {
            Ok(rest.split_whitespace().nth(number - 3).ok_or("stat is short")?.parse()?)
        };
        Ok((field(14)? + field(15)?) / TICKS)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A caller with its connections.
#[derive(Clone)]
struct Caller {
    grpc: InvestigationServiceClient<Channel>,
    http: reqwest::Client,
}

impl Caller {
    async fn connect(grpc: &str) -> Result<Self, Failure> {
        let channel = Endpoint::from_shared(format!("http://{grpc}"))?.connect().await?;
        let http = reqwest::Client::builder().http1_only().no_proxy().build()?;
        Ok(Self { grpc: InvestigationServiceClient::new(channel), http })
    }

    async fn start(mut self) -> Result<String, Failure> {
        let request = pb::StartInvestigationRequest { query: QUERY.to_owned(), ..Default::default() };
        Ok(self.grpc.start_investigation(request).await?.into_inner().investigation_id)
    }

    async fn get(mut self, investigation_id: String) -> Result<String, Failure> {
        let request = pb::GetInvestigationRequest { investigation_id };
        Ok(self.grpc.get_investigation(request).await?.into_inner().investigation_id)
    }

    async fn http_start(self, address: String) -> Result<String, Failure> {
        let request = self.http.post(format!("http://{address}/api/v1/investigations/start"));
        let body = serde_json::to_vec(&serde_json::json!({ "query": QUERY }))?;
        id_of(request.header(CONTENT_TYPE, "application/json").body(body)).await
    }

    async fn http_get(self, address: String, id: String) -> Result<String, Failure> {
        id_of(self.http.get(format!("http://{address}/api/v1/investigations/{id}/status"))).await
    }
}

/// The id in the answer, without the work of reading all of it: the callers share the machine.
async fn id_of(request: reqwest::RequestBuilder) -> Result<String, Failure> {
    let body = request.send().await?.error_for_status()?.bytes().await?;
    let text = std::str::from_utf8(&body)?;
    let (_, rest) = text.split_once("\"investigation_id\"").ok_or("an answer without an id")?;
    let id = rest.trim_start_matches([':', ' ', '"']).split('"').next();
    Ok(id.unwrap_or_default().to_owned())
}

/// What one kind of call to one target took.
#[derive(Default)]
struct Cost {
    took: Vec<Duration>,
    wall: Duration,
    /// Seconds of processor of the server and of the gateway.
    server: f64,
    gateway: f64,
}

impl Cost {
    fn calls(&self) -> f64 {
        self.took.len() as f64
    }

    fn per_second(&self) -> f64 {
        self.calls() / self.wall.as_secs_f64()
    }

    /// Calls for each second of a processor, of all processes that the call goes through.
    fn per_core(&self) -> f64 {
        self.calls() / (self.server + self.gateway)
    }

    fn at(&self, share: f64) -> Duration {
        self.took[((self.took.len() - 1) as f64 * share) as usize]
    }

    fn print(&self, name: &str) -> std::io::Result<()> {
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        let us = |seconds: f64| seconds / self.calls() * 1e6;
        let (per_second, p50, p99) = (self.per_second(), ms(self.at(0.5)), ms(self.at(0.99)));
        let (server, gateway, per_core) = (us(self.server), us(self.gateway), self.per_core());
        say(&format!(
            "{name:<14} {per_second:>7.0} /s   p50 {p50:>6.2} ms   p99 {p99:>7.2} ms   processor {server:>5.0} µs server \
             {gateway:>5.0} µs gateway   {per_core:>7.0} calls a core and second"
        ))
    }
}

/// Calls from all callers at once, over and over, for a while.
async fn repeat<F>(callers: &[Caller], call: impl Fn(Caller) -> F, length: Duration) -> Result<Vec<Duration>, Failure>
where
    F: Future<Output = Result<String, Failure>>,
{
    let begin = Instant::now();
    let (call, mut all) = (&call, Vec::new());
    let loops = callers.iter().map(|caller| async move {
        let mut took = Vec::new();
        while begin.elapsed() < length {
            let start = Instant::now();
            let id = call(caller.clone()).await?;
            took.push(start.elapsed());
            if id.is_empty() {
                return Err("an empty id".into());
            }
        }
        Ok::<_, Failure>(took)
    });
    for took in join_all(loops).await {
        all.append(&mut took?);
    }
    Ok(all)
}

/// The processes whose time is counted.
struct Stage {
    server: Process,
    gateway: Option<Process>,
    callers: Vec<Caller>,
}

impl Stage {
    async fn measure<F>(&self, cost: &mut Cost, call: impl Fn(Caller) -> F) -> Result<(), Failure>
    where
        F: Future<Output = Result<String, Failure>>,
    {
        repeat(&self.callers, &call, WARM).await?;
        let spent = || -> Result<_, Failure> {
            Ok((self.server.seconds()?, self.gateway.as_ref().map_or(Ok(0.0), Process::seconds)?))
        };
        let ((server, gateway), begin) = (spent()?, Instant::now());
        cost.took.append(&mut repeat(&self.callers, &call, MEASURED).await?);
        cost.wall += begin.elapsed();
        let after = spent()?;
        cost.server += after.0 - server;
        cost.gateway += after.1 - gateway;
        Ok(())
    }
}

fn compare(name: &str, mut costs: [Option<Cost>; 3]) -> std::io::Result<()> {
    say(&format!("\n{name}"))?;
    for (cost, target) in costs.iter_mut().zip(["gRPC", "REST", "grpc-gateway"]) {
        if let Some(cost) = cost {
            cost.took.sort_unstable();
            cost.print(target)?;
        }
    }
    let [Some(grpc), Some(rest), gateway] = costs else { return Ok(()) };
    let (speed, core) = (rest.per_second() / grpc.per_second(), rest.per_core() / grpc.per_core());
    say(&format!("REST over gRPC: {speed:.2} of the rate, {core:.2} of the calls a core"))?;
    if let Some(gateway) = gateway {
        let (speed, core) = (rest.per_second() / gateway.per_second(), rest.per_core() / gateway.per_core());
        // What is spent on turning JSON into a call and back, beside what the call itself costs.
        let call = grpc.server / grpc.calls();
        let ours = rest.server / rest.calls() - call;
        let theirs = (gateway.server + gateway.gateway) / gateway.calls() - call;
        let (ours_us, theirs_us) = (ours * 1e6, theirs * 1e6);
        say(&format!("REST over grpc-gateway: {speed:.2} times the rate, {core:.2} times the calls a core"))?;
        say(&format!("on top of gRPC: {ours_us:.0} µs a call for REST, {theirs_us:.0} µs for grpc-gateway"))?;
    }
    Ok(())
}

/// The server: takes calls, does no jobs, and prints its two addresses.
async fn serve() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let settings = Settings { data_dir: Some(directory.path().to_owned()), ..Settings::default() };
    let mut app = App::build(&Config::resolve(settings)?).await?;
    app.without_workers();
    let server = app.spawn(Listeners::loopback().await?)?;
    say(&format!("{} {}", server.grpc_addr, server.http_addr))?;
    // Until it is killed.
    std::future::pending().await
}

async fn bench() -> Result<(), Failure> {
    let server = Process::start(Command::new(std::env::current_exe()?).arg(SERVE))?;
    let (grpc, rest) = server.1.split_once(' ').ok_or("the server printed no addresses")?;
    let (grpc, rest) = (grpc.to_owned(), rest.to_owned());
    let gateway = match std::env::var_os("CIDADAO_GRPC_GATEWAY") {
        Some(path) => Some(Process::start(Command::new(path).arg(&grpc))?),
        None => None,
    };
    let mut callers = Vec::new();
    for _ in 0..CALLERS {
        callers.push(Caller::connect(&grpc).await?);
    }
    let stage = Stage { server, gateway, callers };
    let caller = &stage.callers[0];
    let id = caller.clone().start().await?;
    let mut http = vec![rest];
    http.extend(stage.gateway.as_ref().map(|gateway| gateway.1.clone()));
    for address in &http {
        let same = caller.clone().http_get(address.clone(), id.clone()).await?;
        if same != id {
            return Err(format!("{address} answers with {same} for {id}").into());
        }
    }
    say(&format!(
        "{CALLERS} callers, each on a connection of its own, {ROUNDS} rounds of {} s, SQLite",
        MEASURED.as_secs()
    ))?;
    let fresh = || [Some(Cost::default()), Some(Cost::default()), stage.gateway.as_ref().map(|_| Cost::default())];
    let (mut reads, mut starts) = (fresh(), fresh());
    for _ in 0..ROUNDS {
        if let Some(cost) = &mut reads[0] {
            stage.measure(cost, |caller| caller.get(id.clone())).await?;
        }
        for (cost, address) in reads[1..].iter_mut().flatten().zip(&http) {
            stage.measure(cost, |caller| caller.http_get(address.clone(), id.clone())).await?;
        }
        if let Some(cost) = &mut starts[0] {
            stage.measure(cost, Caller::start).await?;
        }
        for (cost, address) in starts[1..].iter_mut().flatten().zip(&http) {
            stage.measure(cost, |caller| caller.http_start(address.clone())).await?;
        }
    }
    compare("GetInvestigation", reads)?;
    compare("StartInvestigation", starts)?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    if std::env::args().any(|argument| argument == SERVE) { serve().await } else { bench().await }
}
