use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};

use super::watched::{Watched, program};

const KEY: &str = "cidadao-test";
const SECRET: &str = "a-secret-that-no-log-may-show";
/// The bucket that is there.
pub(crate) const BUCKET: &str = "lake";

/// A throw-away server that speaks S3, one for each test, with an empty bucket. It checks signatures, and keeps each
/// object as a file.
#[derive(Debug)]
pub(crate) struct S3Server {
    port: u16,
    directory: tempfile::TempDir,
    running: Option<Watched>,
}

impl S3Server {
    /// `None`, with a line that says so, if there is no such server.
    pub(crate) fn get() -> Option<Self> {
        let Some(program) = program("versitygw") else {
            super::skip("S3 server (versitygw)");
            return None;
        };
        let mut directory = tempfile::tempdir().expect("a temporary directory");
        for name in ["buckets/lake", "metadata"] {
            fs::create_dir_all(directory.path().join(name)).expect("a directory");
        }
        // Another process may take the port in between.
        for _ in 0..5 {
            let port = super::free_port();
            let mut server = Self { port, directory, running: None };
            if server.try_start(&program) {
                return Some(server);
            }
            directory = server.directory;
        }
        panic!("versitygw does not start");
    }

    fn try_start(&mut self, program: &std::path::Path) -> bool {
        let of = |name: &str| self.directory.path().join(name).display().to_string();
        let address = format!("127.0.0.1:{}", self.port);
        let gateway = ["--quiet", "--port", &address, "--access", KEY, "--secret", SECRET];
        let backend = ["posix", "--sidecar", &of("metadata"), &of("buckets")];
        let mut line: Vec<&str> = vec![program.to_str().expect("a path")];
        line.extend(gateway);
        line.extend(backend);
        self.running = Watched::start(&line);
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if answers(self.port) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.running = None;
        false
    }

    /// Ends the server; its objects stay.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    /// Starts it again on the same port.
    pub(crate) fn start(&mut self) {
        assert!(self.try_start(&program("versitygw").expect("versitygw")), "versitygw starts again");
    }

    /// Leaves its connections open and answers nothing.
    pub(crate) fn pause(&self) {
        self.running.as_ref().expect("it runs").signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.running.as_ref().expect("it runs").signal("-CONT");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Settings of a client, as environment variables.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        settings(self.port)
    }

    /// What a key is a file of.
    pub(crate) fn object(&self, key: &str) -> PathBuf {
        self.directory.path().join("buckets").join(BUCKET).join(key)
    }

    /// Keys of the bucket, sorted.
    pub(crate) fn keys(&self) -> Vec<String> {
        let root = self.object("");
        let mut found = Vec::new();
        let mut directories = vec![root.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path()) {
                if entry.is_dir() {
                    directories.push(entry);
                } else {
                    found.push(entry.strip_prefix(&root).expect("beneath").display().to_string());
                }
            }
        }
        // Parts of uploads that have not ended, and the like, are no objects.
        found.retain(|key| !key.starts_with('.'));
        found.sort();
        found
    }
}

/// Settings of a client of the server at a port.
pub(crate) fn settings(port: u16) -> Vec<(String, String)> {
    let endpoint = format!("http://127.0.0.1:{port}");
    [
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", &endpoint),
        ("AWS_ALLOW_HTTP", "true"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// The settings in the environment of a command, and no others of their kind.
pub(crate) fn with_settings<'a>(command: &'a mut Command, settings: &[(String, String)]) -> &'a mut Command {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command.envs(settings.iter().map(|(name, value)| (name, value)))
}

fn answers(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; 8];
        stream.read_exact(&mut answer)?;
        std::io::Result::Ok(&answer == b"HTTP/1.1")
    };
    ask().unwrap_or(false)
}

/// What becomes of a request on its way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It arrives.
    Passes,
    /// It is answered with a status, and does not arrive.
    Answered(u16),
    /// It arrives so late.
    Waits(Duration),
    /// The connection is closed without an answer.
    Dropped,
}

type Judge = dyn Fn(&str, usize) -> Fate + Send + Sync;

/// A proxy before the server, which closes each connection after one answer; it decides by the first line of a request
/// and by how many like it (of the same method) came before.
#[derive(Debug)]
pub(crate) struct FaultyProxy {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl FaultyProxy {
    pub(crate) async fn to(port: u16, judge: impl Fn(&str, usize) -> Fate + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("an address").port();
        let (seen, judge) = (Arc::new(Mutex::new(Vec::new())), Arc::new(judge) as Arc<Judge>);
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (log, judge) = (Arc::clone(&log), Arc::clone(&judge));
                // A client that hangs up is no matter of the proxy's.
                tokio::spawn(async move { serve(client, port, &log, &judge).await.ok() });
            }
        });
        Self { port: own, seen }
    }

    /// First lines of the requests so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("the log").clone()
    }

    /// How many of a method there were.
    pub(crate) fn count(&self, method: &str) -> usize {
        self.seen().iter().filter(|line| line.starts_with(method)).count()
    }
}

async fn serve(
    mut client: tokio::net::TcpStream,
    port: u16,
    log: &Mutex<Vec<String>>,
    judge: &Arc<Judge>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    let end = loop {
        if let Some(at) = head.windows(4).position(|some| some == b"\r\n\r\n") {
            break at + 4;
        }
        if client.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    };
    let text = String::from_utf8_lossy(&head[..end]).into_owned();
    let line = text.lines().next().unwrap_or_default().to_owned();
    let method = line.split(' ').next().unwrap_or_default();
    let before = {
        let mut log = log.lock().expect("the log");
        log.push(line.clone());
        log.iter().filter(|one| one.starts_with(method)).count() - 1
    };
    match judge(&line, before) {
        Fate::Passes => {}
        Fate::Waits(time) => tokio::time::sleep(time).await,
        Fate::Dropped => return Ok(()),
        Fate::Answered(status) => {
            let length = text
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            let mut rest = length.unwrap_or(0_usize).saturating_sub(head.len() - end);
            let mut some = vec![0; 64 << 10];
            while rest > 0 {
                match client.read(&mut some).await? {
                    0 => return Ok(()),
                    read => rest = rest.saturating_sub(read),
                }
            }
            let answer = format!("HTTP/1.1 {status} Fault\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            client.write_all(answer.as_bytes()).await?;
            return client.shutdown().await;
        }
    }
    let mut server = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
    server.write_all(&head).await?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
