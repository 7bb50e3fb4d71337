use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// A server that ends with the test process, however that ends: its watchdog reads from a pipe that then closes.
#[derive(Debug)]
pub(super) struct Watched {
    /// Holds the pipe.
    watchdog: Child,
    server: String,
}

impl Watched {
    /// Runs a program; `None` if it cannot be started.
    pub(super) fn start(program: &[&str]) -> Option<Self> {
        let script = "trap '' INT TERM; \"$@\" >/dev/null 2>&1 & \
            server=$!; echo $server; cat >/dev/null; kill -KILL $server; wait $server";
        let mut watchdog = Command::new("sh");
        watchdog.args(["-c", script, "watchdog"]).args(program);
        let mut watchdog = watchdog.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut server = String::new();
        BufReader::new(watchdog.stdout.take()?).read_line(&mut server).ok()?;
        Some(Self { watchdog, server: server.trim().to_owned() })
    }

    pub(super) fn signal(&self, signal: &str) {
        let server = &self.server;
        assert!(Command::new("kill").args([signal, server]).status().expect("kill starts").success(), "kill {signal}");
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        drop(self.watchdog.stdin.take());
        if let Err(error) = self.watchdog.wait() {
            eprintln!("the watchdog of a server: {error}");
        }
    }
}

/// A program of the path, or one that the Go toolchain installed.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").into_iter();
    let go = || Command::new("go").args(["env", "GOPATH"]).output().ok();
    let go = std::iter::once_with(go).flatten();
    path.flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
        .chain(go.map(|out| PathBuf::from(String::from_utf8_lossy(&out.stdout).trim().to_owned()).join("bin")))
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}
