use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A line to a server on this machine that can be cut and mended.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    up: Arc<watch::Sender<bool>>,
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let own = listener.local_addr().expect("an address").port();
        let up = Arc::new(watch::Sender::new(true));
        let line = Arc::clone(&up);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut line = line.subscribe();
                tokio::spawn(async move {
                    // What comes while the line is cut is hung up on.
                    if !*line.borrow_and_update() {
                        return;
                    }
                    let address = SocketAddr::from(([127, 0, 0, 1], port));
                    let Ok(mut server) = TcpStream::connect(address).await else { return };
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = line.wait_for(|up| !up) => {}
                    }
                });
            }
        });
        Self { port: own, up }
    }

    pub(crate) fn cut(&self) {
        self.up.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.up.send_replace(true);
    }
}
