//! Addresses, credentials, TLS, and what happens where nobody answers.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use cidadao_client::{Client, ConfigError, Error, Kind, RetryPolicy, Watch, v1};
use futures_util::StreamExt as _;
use tonic::transport::Identity;

use crate::script::{Script, Scripted};
use crate::server::free_address;
use crate::{connect, quick, refused};

fn script(answers: &[&str]) -> Script {
    Script { answers: answers.iter().map(ToString::to_string).collect(), ..Script::default() }
}

fn request() -> v1::StartInvestigationRequest {
    v1::StartInvestigationRequest { query: "contratos".into(), ..Default::default() }
}

fn nobody() -> String {
    format!("http://{}", free_address())
}

#[tokio::test]
async fn credentials_are_sent_anew_with_each_attempt() {
    let server = Scripted::start(script(&["OK", "UNAVAILABLE", "OK"])).await;
    let client = Client::builder(server.address()).api_key("secret").build().unwrap();
    client.start_investigation(request()).await.unwrap();
    assert!(!format!("{client:?}").contains("secret"), "a key is shown to nobody");

    let tokens = Mutex::new(vec!["second", "first"]);
    let client = Client::builder(server.address())
        .bearer_token(move || {
            let token = tokens.lock().unwrap().pop().map(ToOwned::to_owned);
            async { token.ok_or("no more tokens") }
        })
        .retry_policy(quick())
        .build()
        .unwrap();
    client.start_investigation(request()).await.unwrap();
    let failed = client.start_investigation(request()).await.unwrap_err();
    assert!(matches!(&failed, Error::Credentials(cause) if cause.to_string() == "no more tokens"), "{failed}");

    let asked = server.asked();
    let sent = |number: usize, name: &str| asked.metadata[number].get(name).map(|value| value.to_str().unwrap());
    assert_eq!(sent(0, "x-api-key"), Some("secret"));
    assert_eq!(sent(1, "authorization"), Some("Bearer first"));
    assert_eq!(sent(2, "authorization"), Some("Bearer second"));
    assert_eq!(asked.metadata.len(), 3);
}

#[tokio::test]
async fn tls_with_an_authority_of_ones_own() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = certified.cert.pem();
    let identity = Identity::from_pem(&certificate, certified.signing_key.serialize_pem());
    let server = Scripted::listen(script(&["OK"]), Some(identity)).await;
    let trusting = Client::builder(server.address()).certificate_authority(certificate).build().unwrap();
    trusting.start_investigation(request()).await.unwrap();

    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    let once = RetryPolicy { attempts: 1, ..quick() };
    let wary = Client::builder(server.address()).certificate_authority(stranger).retry_policy(once).build().unwrap();
    refused(wary.start_investigation(request()).await, Kind::Unavailable);
    assert_eq!(server.asked().starts.len(), 1, "nothing is sent to a server that is not trusted");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for_within_the_time_of_the_call() {
    let client = connect(&nobody());
    let begun = Instant::now();
    refused(client.with_timeout(Duration::from_millis(300)).get_health().await, Kind::Unavailable);
    assert!(begun.elapsed() < Duration::from_secs(2));

    let patient = RetryPolicy { reconnects: 3, ..quick() };
    let client = Client::builder(nobody()).retry_policy(patient).build().unwrap();
    let mut events = client.watch_investigation("1", Watch::default());
    refused(events.next().await.unwrap(), Kind::Unavailable);
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn malformed_options_are_refused() {
    for address in ["localhost:50051", "grpc://localhost", "http://", "http://host/path", "http://h?q", "::", ""] {
        let error = Client::new(address).unwrap_err();
        assert!(matches!(&error, ConfigError::Address(given) if given == address), "{address}: {error}");
    }
    let build = |address: &str, pem: &str| Client::builder(address).certificate_authority(pem).build();
    assert!(matches!(build("http://localhost", "x"), Err(ConfigError::AuthorityWithoutTls)));
    assert!(matches!(build("https://localhost", "x"), Err(ConfigError::NoAuthority)));
    assert!(matches!(Client::builder("http://localhost").api_key("a\nb").build(), Err(ConfigError::ApiKey)));
}

#[test]
fn there_must_be_a_runtime() {
    assert!(matches!(Client::new("http://localhost"), Err(ConfigError::NoRuntime)));
}

#[tokio::test]
async fn no_delay_and_no_time_is_too_long() {
    let server =
        Scripted::start(Script { retry: Some(Duration::from_secs(300_000_000_000)), ..script(&["UNAVAILABLE"]) }).await;
    let wild = RetryPolicy { multiplier: f64::NAN, ..RetryPolicy::default() };
    let client = Client::builder(server.address()).retry_policy(wild).timeouts(Duration::MAX, Duration::MAX);
    refused(client.build().unwrap().start_investigation(request()).await, Kind::Unavailable);
    assert_eq!(server.asked().starts.len(), 1);
}
