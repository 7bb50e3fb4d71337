//! The tower layer that ends a call when the time that its caller gives it is over: the header
//! `grpc-timeout`, over gRPC, gRPC-Web and REST alike.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;
use tower::{Layer, Service};

/// Header with the time that a call may take.
pub(crate) const TIMEOUT: &str = "grpc-timeout";
/// Most digits of a timeout, as gRPC's specification over HTTP/2 says.
const MAX_DIGITS: usize = 8;

/// Wraps a service into [`Deadline`].
#[derive(Debug, Clone, Copy)]
pub struct DeadlineLayer;

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { inner }
    }
}

/// A service whose calls end with `DEADLINE_EXCEEDED` when their time is over.
#[derive(Debug, Clone)]
pub struct Deadline<S> {
    inner: S,
}

impl<S> Service<http::Request<Body>> for Deadline<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let given = match timeout(request.headers()) {
            Ok(None) => return Box::pin(self.inner.call(request)),
            Ok(Some(given)) => given,
            Err(status) => return Box::pin(std::future::ready(Ok(status.into_http()))),
        };
        let deadline = Instant::now() + given;
        let answering = self.inner.call(request);
        Box::pin(async move {
            match timeout_at(deadline, answering).await {
                Ok(Ok(response)) => Ok(response.map(|body| {
                    Body::new(TimedBody { inner: body, over: Some(Box::pin(sleep_until(deadline))), given })
                })),
                Ok(Err(never)) => match never {},
                Err(_) => Ok(exceeded(given).into_http()),
            }
        })
    }
}

/// What a call is told whose time is over.
fn exceeded(given: Duration) -> Status {
    Status::deadline_exceeded(format!("the call took longer than the {given:?} that its {TIMEOUT} gave it"))
}

/// The time that a call may take; `None` if it may take any.
///
/// # Errors
/// `INVALID_ARGUMENT` if the header is none of gRPC's timeouts.
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let mut values = headers.get_all(TIMEOUT).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let one = values.next().is_none().then_some(value).and_then(parse);
    one.map(Some).ok_or_else(|| {
        let shown: String = String::from_utf8_lossy(value.as_bytes()).chars().take(40).collect();
        Status::invalid_argument(format!(
            "{TIMEOUT}: must be 1 to {MAX_DIGITS} digits and one of H, M, S, m, u, n, once, got {shown:?}"
        ))
    })
}

fn parse(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > MAX_DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3_600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

/// The body of an answer, cut off with a status when the time is over.
struct TimedBody {
    inner: Body,
    /// `None` once the body has ended.
    over: Option<Pin<Box<Sleep>>>,
    given: Duration,
}

impl http_body::Body for TimedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let Some(over) = &mut this.over else { return Poll::Ready(None) };
        match Pin::new(&mut this.inner).poll_frame(cx) {
            // A stream that always has something to say would never come to its end.
            Poll::Ready(Some(Ok(frame))) if frame.is_trailers() || over.deadline() > Instant::now() => {
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Pending if over.as_mut().poll(cx).is_pending() => Poll::Pending,
            Poll::Ready(ended @ (None | Some(Err(_)))) => {
                this.over = None;
                Poll::Ready(ended)
            }
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {
                this.over = None;
                let mut trailers = HeaderMap::new();
                Poll::Ready(Some(exceeded(this.given).add_header(&mut trailers).map(|()| Frame::trailers(trailers))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over.is_none() || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use http_body_util::{BodyExt as _, StreamBody};
    use tonic::Code;
    use tower::{ServiceExt as _, service_fn};

    use super::*;

    fn of(values: &[&str]) -> Result<Option<Duration>, Code> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TIMEOUT, HeaderValue::from_str(value).unwrap());
        }
        timeout(&headers).map_err(|status| status.code())
    }

    #[test]
    fn timeouts_are_read_as_the_specification_writes_them() {
        assert_eq!(of(&[]), Ok(None));
        for (text, expected) in [
            ("1H", Duration::from_secs(3_600)),
            ("2M", Duration::from_secs(120)),
            ("0S", Duration::ZERO),
            ("250m", Duration::from_millis(250)),
            ("7u", Duration::from_micros(7)),
            ("99999999n", Duration::from_nanos(99_999_999)),
            ("99999999H", Duration::from_secs(99_999_999 * 3_600)),
        ] {
            assert_eq!(of(&[text]), Ok(Some(expected)), "{text}");
        }
        for text in ["", "S", "1", "1s", "-1S", "+1S", "1 S", "123456789S", "1.5S", "1é"] {
            assert_eq!(of(&[text]), Err(Code::InvalidArgument), "{text}");
        }
        assert_eq!(of(&["1S", "1S"]), Err(Code::InvalidArgument));
    }

    async fn ends(given: &str, answer: impl Future<Output = http::Response<Body>> + Send + 'static) -> (usize, Code) {
        let mut answer = Some(answer);
        let service = service_fn(move |_: http::Request<Body>| {
            let answer = answer.take();
            async move { Ok::<_, Infallible>(answer.expect("called once").await) }
        });
        let request = http::Request::builder().header(TIMEOUT, given).body(Body::empty()).unwrap();
        let response = DeadlineLayer.layer(service).oneshot(request).await.unwrap();
        if let Some(status) = Status::from_header_map(response.headers()) {
            return (0, status.code());
        }
        let mut body = response.into_body();
        let mut seen = 0;
        while let Some(frame) = body.frame().await {
            match frame.unwrap().into_trailers() {
                Ok(trailers) => return (seen, Status::from_header_map(&trailers).unwrap().code()),
                Err(_) => seen += 1,
            }
        }
        (seen, Code::Ok)
    }

    fn streamed(frames: impl futures::Stream<Item = Bytes> + Send + 'static) -> http::Response<Body> {
        http::Response::new(Body::new(StreamBody::new(frames.map(|bytes| Ok::<_, Status>(Frame::data(bytes))))))
    }

    #[tokio::test]
    async fn a_call_ends_when_its_time_is_over() {
        let never = std::future::pending();
        assert_eq!(ends("50m", never).await, (0, Code::DeadlineExceeded), "before its head");
        let quick = async { streamed(futures::stream::iter([Bytes::from_static(b"a")])) };
        assert_eq!(ends("1M", quick).await, (1, Code::Ok));
        let silent =
            async { streamed(futures::stream::iter([Bytes::from_static(b"a")]).chain(futures::stream::pending())) };
        assert_eq!(ends("50m", silent).await, (1, Code::DeadlineExceeded), "within its body");
        let busy = async {
            streamed(futures::stream::unfold((), |()| async {
                tokio::task::yield_now().await;
                Some((Bytes::from_static(b"a"), ()))
            }))
        };
        let (seen, code) = ends("50m", busy).await;
        assert!(seen > 1 && code == Code::DeadlineExceeded, "{seen} frames, {code:?}");
    }
}
