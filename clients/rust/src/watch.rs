//! Streams that are opened again whenever they break.

use futures_util::stream::try_unfold;
use prost_types::Timestamp;
use tokio::time::sleep;
use tonic::{Status, Streaming};

use crate::calls::Items;
use crate::client::Client;
use crate::errors::Error;
use crate::options::Watch;
use crate::v1;
use crate::v1::{EventKind, JobState, watch_investigations_response::Item};

/// Where a stream comes from.
pub(crate) trait Source: Send + Sync + 'static {
    /// What it carries.
    type Message: Send + 'static;

    /// Opens the stream, behind what has come already.
    fn open(&self, client: &Client) -> impl Future<Output = Result<Streaming<Self::Message>, Error>> + Send;

    /// Whether there is nothing more to come. It is asked when the server closes the stream without an error:
    /// it does so at the end of a log, but something on the way may do so at any time.
    fn is_end(&self, client: &Client) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Looks at a message, remembers how far it leads, and says what becomes of it.
    fn take(&mut self, message: &Self::Message) -> Result<Taken, Error>;
}

/// What becomes of a message.
pub(crate) enum Taken {
    /// It is handed over.
    Given,
    /// It is not shown.
    Hidden,
    /// It is handed over, and nothing comes after it.
    Last,
}

struct Reopened<S: Source> {
    client: Client,
    source: S,
    stream: Option<Streaming<S::Message>>,
    /// In a row, without anything coming in between.
    failures: u32,
    ended: bool,
}

/// The messages of a source, over as many streams as it takes.
pub(crate) fn messages<S: Source>(client: Client, source: S) -> Items<S::Message> {
    let begin = Reopened { client, source, stream: None, failures: 0, ended: false };
    Box::pin(try_unfold(begin, |mut stream| async move { Ok(stream.next().await?.map(|message| (message, stream))) }))
}

impl<S: Source> Reopened<S> {
    async fn next(&mut self) -> Result<Option<S::Message>, Error> {
        while !self.ended {
            let broken = match self.receive().await {
                Ok(Some(message)) => {
                    self.failures = 0;
                    match self.source.take(&message)? {
                        Taken::Hidden => continue,
                        Taken::Given => {}
                        Taken::Last => {
                            self.ended = true;
                            self.stream = None;
                        }
                    }
                    return Ok(Some(message));
                }
                Ok(None) => match self.source.is_end(&self.client).await {
                    Ok(true) => return Ok(None),
                    Ok(false) => Status::unavailable("the stream ended before its last message").into(),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            self.stream = None;
            self.failures += 1;
            let policy = &self.client.settings.retry;
            if !broken.is_resumable() || self.failures > policy.reconnects {
                return Err(broken);
            }
            sleep(policy.delay(self.failures, broken.retry_delay())).await;
        }
        Ok(None)
    }

    async fn receive(&mut self) -> Result<Option<S::Message>, Error> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            closed => closed.insert(self.source.open(&self.client).await?),
        };
        Ok(stream.message().await?)
    }
}

/// What has an event log.
pub(crate) enum Job {
    Investigation(String),
    Analysis(String),
}

/// The events of a job.
pub(crate) struct Events {
    job: Job,
    /// Last sequence that was handed over.
    last: i64,
    heartbeats: bool,
}

impl Events {
    pub(crate) fn new(job: Job, watch: Watch) -> Self {
        Self { job, last: watch.after_sequence, heartbeats: watch.heartbeats }
    }
}

impl Source for Events {
    type Message = v1::ProgressEvent;

    async fn open(&self, client: &Client) -> Result<Streaming<Self::Message>, Error> {
        let after_sequence = self.last;
        let opened = match &self.job {
            Job::Investigation(id) => {
                let message = v1::WatchInvestigationRequest { investigation_id: id.clone(), after_sequence };
                client.investigations.clone().watch_investigation(client.settings.request(message).await?).await
            }
            Job::Analysis(id) => {
                let message = v1::WatchAnalysisRequest { analysis_id: id.clone(), after_sequence };
                client.analyses.clone().watch_analysis(client.settings.request(message).await?).await
            }
        };
        Ok(opened?.into_inner())
    }

    async fn is_end(&self, client: &Client) -> Result<bool, Error> {
        let (state, last) = match &self.job {
            Job::Investigation(id) => {
                let job = client.get_investigation(id).await?;
                (job.status(), job.last_sequence)
            }
            Job::Analysis(id) => {
                let job = client.get_analysis(id).await?;
                (job.status(), job.last_sequence)
            }
        };
        let active = matches!(state, JobState::Unspecified | JobState::Pending | JobState::Running);
        Ok(!active && last == self.last)
    }

    fn take(&mut self, event: &Self::Message) -> Result<Taken, Error> {
        let heartbeat = event.kind() == EventKind::Heartbeat;
        // A heartbeat repeats the sequence of the event before it and moves nothing.
        let expected = if heartbeat { self.last } else { self.last.saturating_add(1) };
        if event.sequence != expected {
            return Err(Error::Sequence { expected, received: event.sequence });
        }
        self.last = expected;
        Ok(match event.kind() {
            EventKind::Heartbeat if !self.heartbeats => Taken::Hidden,
            EventKind::Finished => Taken::Last,
            EventKind::Heartbeat | EventKind::Unspecified | EventKind::StateChanged | EventKind::Progress => {
                Taken::Given
            }
        })
    }
}

/// All investigations of the caller.
pub(crate) struct Dashboard {
    pub(crate) request: v1::WatchInvestigationsRequest,
    pub(crate) heartbeats: bool,
}

impl Source for Dashboard {
    type Message = v1::WatchInvestigationsResponse;

    async fn open(&self, client: &Client) -> Result<Streaming<Self::Message>, Error> {
        let request = client.settings.request(self.request.clone()).await?;
        Ok(client.investigations.clone().watch_investigations(request).await?.into_inner())
    }

    async fn is_end(&self, _: &Client) -> Result<bool, Error> {
        Ok(false)
    }

    fn take(&mut self, message: &Self::Message) -> Result<Taken, Error> {
        if let Some(Timestamp { seconds, nanos }) = message.event_time {
            self.request.ended_after = Some(Timestamp { seconds, nanos });
        }
        let heartbeat = matches!(message.item, Some(Item::Heartbeat(_)));
        Ok(if heartbeat && !self.heartbeats { Taken::Hidden } else { Taken::Given })
    }
}

/// The health of the server.
pub(crate) struct HealthChanges;

impl Source for HealthChanges {
    type Message = v1::Health;

    async fn open(&self, client: &Client) -> Result<Streaming<Self::Message>, Error> {
        let request = client.settings.request(v1::WatchHealthRequest {}).await?;
        Ok(client.health.clone().watch_health(request).await?.into_inner())
    }

    async fn is_end(&self, _: &Client) -> Result<bool, Error> {
        Ok(false)
    }

    fn take(&mut self, _: &Self::Message) -> Result<Taken, Error> {
        Ok(Taken::Given)
    }
}
