//! The real binary: found, fed with a sample, started, killed.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Rows of the sample: enough for an investigation to take half a second, so that a kill lands inside it.
const ROWS: &str = "5000";

/// A server over a data directory of its own; it keeps its ports when it is started again, and is killed when
/// it is dropped.
#[derive(Debug)]
pub(crate) struct Product {
    directory: TempDir,
    grpc: String,
    metrics: String,
    process: Child,
}

/// The binary that CIDADAO_BIN names, or the one that `cargo build` leaves.
fn binary() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if let Some(named) = std::env::var_os("CIDADAO_BIN") {
        // Cargo runs tests in the directory of their package; who named it stood elsewhere.
        let named = PathBuf::from(named);
        return if named.is_absolute() { named } else { root.join(named) };
    }
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&cargo.stdout).unwrap();
    Path::new(metadata["target_directory"].as_str().unwrap()).join("debug/cidadao")
}

/// An address that nobody listens on. Its port is below those that the system gives to connections (from 32,768): none
/// takes it before a server does.
pub(crate) fn free_address() -> String {
    let addresses = std::iter::repeat_with(|| format!("127.0.0.1:{}", fastrand::u16(10_000..30_000)));
    addresses.take(1_000).find(|address| TcpListener::bind(address).is_ok()).unwrap()
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(binary());
    command.arg("--data-dir").arg(directory.join("data")).stdout(Stdio::null());
    command
}

/// A directory with the sample taken in, made once a run; servers get copies of it.
fn prepared() -> &'static Path {
    static PREPARED: OnceLock<PathBuf> = OnceLock::new();
    PREPARED.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("product");
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        let month = directory.join("month");
        run(command(&directory).args(["sample", "--rows", ROWS, "--seed", "1", "--out"]).arg(&month));
        run(command(&directory).arg("import").arg(&month));
        directory
    })
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

impl Product {
    pub(crate) fn start() -> Self {
        let directory = TempDir::new().unwrap();
        run(Command::new("cp").arg("-R").arg(prepared().join("data")).arg(directory.path()));
        let (grpc, metrics) = (free_address(), free_address());
        let process = serve(directory.path(), &grpc, &metrics);
        Self { directory, grpc, metrics, process }
    }

    /// The one that tests share which leave it alive; it lives as long as one of them runs.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Product>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap();
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start());
            *shared = Arc::downgrade(&server);
            server
        })
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// Ends it, waits, and starts it again. After SIGKILL nothing is told to anybody; SIGTERM lets it say
    /// goodbye.
    pub(crate) fn restart(&mut self, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success());
        self.process.wait().unwrap();
        self.process = serve(self.directory.path(), &self.grpc, &self.metrics);
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn serve(directory: &Path, grpc: &str, metrics: &str) -> Child {
    let mut process = command(directory)
        .args(["serve", "--lease-seconds", "2", "--grpc-addr", grpc])
        .args(["--http-addr", "127.0.0.1:0", "--metrics-addr", metrics])
        .env("CIDADAO_LOG", "warn")
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(grpc).is_err() {
        assert!(process.try_wait().unwrap().is_none(), "the server ended at once");
        assert!(Instant::now() < deadline, "the server does not listen");
        std::thread::sleep(Duration::from_millis(20));
    }
    process
}
