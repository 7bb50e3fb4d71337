use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A throw-away PostgreSQL server, one for the test process. It ends with the process, however
/// that ends: its watchdog reads from a pipe that then closes.
#[derive(Debug)]
pub(crate) struct Cluster {
    binaries: PathBuf,
    port: u16,
    databases: AtomicU32,
    /// Holds the pipe.
    watchdog: Child,
}

static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();

impl Cluster {
    pub(crate) async fn get() -> Option<&'static Self> {
        let started = tokio::task::spawn_blocking(|| CLUSTER.get_or_init(Self::any));
        started.await.expect("the cluster starts").as_ref()
    }

    /// A server that no other test uses, to be restarted.
    pub(crate) async fn private() -> Option<Self> {
        tokio::task::spawn_blocking(Self::any).await.expect("the cluster starts")
    }

    fn any() -> Option<Self> {
        let Some(binaries) = binaries() else {
            super::skip("PostgreSQL (initdb)");
            return None;
        };
        // Another process may take the port in between.
        let started = (0..5).find_map(|_| Self::start(&binaries));
        Some(started.expect("PostgreSQL starts"))
    }

    /// Ends the server as an operator does who is in a hurry, and starts it again; returns at once.
    pub(crate) fn restart(&mut self) {
        let pipe = self.watchdog.stdin.as_mut().expect("the pipe is open");
        pipe.write_all(b"restart\n").expect("the watchdog reads");
    }

    fn start(binaries: &Path) -> Option<Self> {
        let directory = tempfile::Builder::new().prefix("cidadao-pg-").tempdir().ok()?.keep();
        if is_root() {
            assert!(run(Command::new("chown").arg("postgres").arg(&directory)), "chown {}", directory.display());
        }
        let data = directory.join("data");
        let mut initdb = unprivileged(&binaries.join("initdb"));
        initdb.args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--username=cidadao", "-D"]);
        assert!(run(initdb.arg(&data)), "initdb in {}", data.display());
        let port = super::free_port();
        // fsync is off: what these tests kill is never the database.
        let script = "trap '' INT TERM; start() { \"$1\"/postgres -D \"$2\"/data -p \"$3\" -k \"$2\" \
            -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off -c synchronous_commit=off \
            -c max_connections=400 -c shared_buffers=32MB & server=$!; }; \
            start \"$@\"; while read -r line; do kill -INT $server; wait $server; start \"$@\"; done; \
            kill -QUIT $server; wait $server; rm -rf \"$2\"";
        let log = File::create(directory.join("log")).ok()?;
        let errors = log.try_clone().ok()?;
        let mut watchdog = unprivileged(Path::new("sh"));
        watchdog.args(["-c", script, "watchdog"]).arg(binaries).arg(&directory).arg(port.to_string());
        let child = watchdog.stdin(Stdio::piped()).stdout(log).stderr(errors).current_dir("/").spawn().ok()?;
        let cluster = Self { binaries: binaries.to_owned(), port, databases: AtomicU32::new(0), watchdog: child };
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if run(cluster.tool("pg_isready").arg("-q")) {
                return Some(cluster);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        eprintln!("{}", std::fs::read_to_string(directory.join("log")).unwrap_or_default());
        None
    }

    /// A database of its own for a test; its URL.
    pub(crate) fn create_database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut createdb = self.tool("createdb");
        assert!(run(createdb.args(["-U", "cidadao", &name])), "createdb {name}");
        format!("postgres://cidadao@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs a statement in a database of this cluster, as its superuser.
    pub(crate) fn execute(&self, url: &str, sql: &str) {
        let mut psql = Command::new(self.binaries.join("psql"));
        assert!(run(psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, url])), "psql {sql}");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command
    }
}

fn run(command: &mut Command) -> bool {
    let output = command.stdin(Stdio::null()).output().expect("the command starts");
    if !output.status.success() && !output.stderr.is_empty() {
        eprintln!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

/// PostgreSQL refuses to run as root.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program).current_dir("/");
    command
}

/// Where initdb is: in the PATH, or where Debian keeps it, the newest version first.
fn binaries() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut debian: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .map(|versions| versions.flatten().map(|version| version.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    places.extend(debian.into_iter().rev());
    let found = places.into_iter().map(|place| place.join("initdb")).find(|initdb| initdb.is_file())?;
    // A link in the PATH stands for the directory that it points into.
    Some(found.canonicalize().ok()?.parent()?.to_owned())
}
