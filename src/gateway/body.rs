//! The body of a request.

use std::io::Read as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use flate2::read::MultiGzDecoder;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use prost::bytes::Bytes;

use super::problem::Refusal;

/// Most bytes of a body, unpacked.
pub(super) const MAX_BODY_BYTES: usize = 2 << 20;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The JSON of a request, unpacked; empty if there is no body.
///
/// # Errors
/// [`Refusal::MediaType`], [`Refusal::TooLarge`], [`Refusal::Slow`] or [`Refusal::Cut`].
pub(super) async fn json(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let too_large = Refusal::TooLarge { limit: MAX_BODY_BYTES };
    let packed = packed(headers)?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(too_large);
    }
    let bytes = match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(too_large),
        Ok(Err(_)) => return Err(Refusal::Cut),
        Err(_) => return Err(Refusal::Slow { seconds: BODY_TIMEOUT.as_secs() }),
    };
    if bytes.is_empty() {
        return Ok(bytes);
    }
    check_type(headers)?;
    if !packed {
        return Ok(bytes);
    }
    let mut out = Vec::new();
    // One byte more than may be there tells too much from just enough.
    let mut unpacked = MultiGzDecoder::new(&bytes[..]).take(MAX_BODY_BYTES as u64 + 1);
    match unpacked.read_to_end(&mut out) {
        Ok(length) if length > MAX_BODY_BYTES => Err(too_large),
        Ok(_) => Ok(out.into()),
        Err(_) => Err(Refusal::Cut),
    }
}

fn packed(headers: &HeaderMap) -> Result<bool, Refusal> {
    match headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase()).as_deref() {
        None | Some(b"" | b"identity") => Ok(false),
        Some(b"gzip" | b"x-gzip") => Ok(true),
        Some(_) => Err(Refusal::MediaType { rule: "Content-Encoding must be gzip or identity" }),
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let value = value.to_str().unwrap_or_default().to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let structured = media_type.starts_with("application/") && media_type.ends_with("+json");
    let charset = parts.find_map(|part| part.strip_prefix("charset=")).map(|charset| charset.trim_matches('"'));
    if (media_type == "application/json" || structured) && charset.is_none_or(|charset| charset == "utf-8") {
        return Ok(());
    }
    Err(Refusal::MediaType { rule: "Content-Type must be application/json in UTF-8" })
}
