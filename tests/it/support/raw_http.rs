//! A server on loopback that speaks raw HTTP, well or badly, as it is told for each connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the server does with one connection.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Reads the request, writes these bytes, closes.
    Bytes(Vec<u8>),
    /// Writes these bytes and resets the connection.
    Reset(Vec<u8>),
    /// Writes these bytes and then nothing more, without closing.
    Hang(Vec<u8>),
}

/// The server; it answers with its replies in order, and with the last one again and again.
#[derive(Debug)]
pub(crate) struct RawHttp {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RawHttp {
    pub(crate) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        // It ends with the process of the tests.
        thread::spawn(move || {
            for (at, stream) in listener.incoming().enumerate() {
                let (Ok(stream), Some(reply)) = (stream, replies.get(at.min(replies.len() - 1)).cloned()) else {
                    break;
                };
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(stream, reply, &seen));
            }
        });
        Self { address, requests }
    }

    /// Its address, with a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The first lines of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.heads().iter().map(|head| head.lines().next().unwrap_or_default().to_owned()).collect()
    }

    /// The requests so far, their headers with them.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn serve(mut stream: TcpStream, reply: Reply, seen: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut byte = [0];
    let reset = matches!(reply, Reply::Reset(_));
    // A connection that is closed over bytes nobody read is reset.
    while !request.ends_with(if reset { b"\r\n" } else { b"\r\n\r\n" }) {
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return,
        }
    }
    seen.lock().expect("no panic").push(String::from_utf8_lossy(&request).into_owned());
    match reply {
        Reply::Bytes(bytes) | Reply::Reset(bytes) => {
            let _ = stream.write_all(&bytes);
            let _ = stream.flush();
            // What was written reaches the client before the reset does.
            thread::sleep(Duration::from_millis(if reset { 50 } else { 0 }));
        }
        Reply::Hang(bytes) => {
            let _ = stream.write_all(&bytes);
            let _ = stream.flush();
            while matches!(stream.read(&mut byte), Ok(1)) {}
        }
    }
}

/// An answer with its length.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len())
            .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
