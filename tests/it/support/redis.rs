use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use cidadao::cache::{Redis, RedisOptions};

use super::watched::Watched;

/// A throw-away Redis server, one for each test that wants one: tests stop it and start it again.
#[derive(Debug)]
pub(crate) struct RedisServer {
    port: u16,
    running: Option<Watched>,
}

impl RedisServer {
    /// `None`, with a line that says so, if there is no Redis.
    pub(crate) fn get() -> Option<Self> {
        if !Command::new("redis-server").arg("--version").output().is_ok_and(|output| output.status.success()) {
            super::skip("Redis (redis-server)");
            return None;
        }
        // Another process may take the port in between.
        let started = (0..5).find_map(|_| {
            let port = super::free_port();
            Some(Self { port, running: Some(run(port)?) })
        });
        Some(started.expect("Redis starts"))
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn options(&self) -> RedisOptions {
        RedisOptions::new(self.url().parse().expect("a URL"))
    }

    /// A handle with connections of its own: as another process would have.
    pub(crate) async fn connect(&self) -> Redis {
        Redis::connect(self.options()).await
    }

    /// Ends the server; what it held is gone.
    pub(crate) fn stop(&mut self) {
        self.running = None;
    }

    /// Starts it again on the same port.
    pub(crate) fn start(&mut self) {
        self.running = Some(run(self.port).expect("Redis starts again"));
    }

    /// Leaves its connections open and answers nothing.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        self.running.as_ref().expect("Redis runs").signal(signal);
    }

    /// What a command says, by a client that is not ours.
    pub(crate) fn cli(&self, arguments: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        let output = cli.args(["-p", &self.port.to_string()]).args(arguments).output().expect("redis-cli starts");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }
}

/// Starts a server and waits until it answers.
fn run(port: u16) -> Option<Watched> {
    let port_text = port.to_string();
    let line =
        ["redis-server", "--port", &port_text, "--bind", "127.0.0.1", "--dir", "/", "--save", "", "--appendonly", "no"];
    let running = Watched::start(&line)?;
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline {
        if answers(port) {
            return Some(running);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

fn answers(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 5];
        stream.read_exact(&mut answer)?;
        std::io::Result::Ok(&answer == b"+PONG")
    };
    ask().unwrap_or(false)
}
