//! A whole server on loopback, with jobs that do what a test says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cidadao::api::Fresh;
use cidadao::api::pb::analysis_service_client::AnalysisServiceClient;
use cidadao::api::pb::auth_service_client::AuthServiceClient;
use cidadao::api::pb::contract_service_client::ContractServiceClient;
use cidadao::api::pb::health_service_client::HealthServiceClient;
use cidadao::api::pb::investigation_service_client::InvestigationServiceClient;
use cidadao::app::{App, AppParts, EngineThreads, Listeners, ServerHandle};
use cidadao::auth::{Auth, AuthMode, AuthOptions, PasswordCost};
use cidadao::cache::{Bucket, Cache, Hints, Rate};
use cidadao::config::{Config, Settings};
use cidadao::detectors::{Catalogue, QueryLimits};
use cidadao::ingest::{Intake, Uploads};
use cidadao::jobs::{Finish, JobContext, JobFailure, JobHandler, Jobs, JobsOptions};
use cidadao::lake::Lake;
use cidadao::model::{
    Counts, DetectorRef, DetectorSummary, EventKind, Evidence, Finding, ImportRecord, JobKind, JobState, LakeFile,
    NewEvent, Severity, Strength, Table,
};
use cidadao::secret::Secret;
use cidadao::sources::sample::{self, SampleOptions};
use cidadao::sources::{self, ImportOptions, ImportRules, PiiKey, PortalNow};
use cidadao::store::{NewImport, StepCommit, Store, StoreOptions};
use cidadao::telemetry::Metrics;
use tokio::sync::Semaphore;
use tonic::transport::Channel;

/// What the workers of a test server do.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// Findings of every investigation.
    pub(crate) findings: Vec<Finding>,
    /// Silence after which a watcher gets a heartbeat.
    pub(crate) heartbeat: Duration,
    /// When credentials are asked for.
    pub(crate) auth: AuthMode,
    pub(crate) gate: Arc<Semaphore>,
}

/// What a scripted server signs tokens with.
pub(crate) const SIGNING_KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

impl Script {
    /// Jobs that wait for [`TestServer::open_gate`] and then find nothing.
    pub(crate) fn gated() -> Self {
        Self {
            findings: Vec::new(),
            heartbeat: Duration::from_secs(15),
            auth: AuthMode::Auto,
            gate: Arc::new(Semaphore::new(0)),
        }
    }
}

struct Scripted {
    kind: JobKind,
    script: Script,
    metrics: Metrics,
}

#[async_trait]
impl JobHandler for Scripted {
    fn kind(&self) -> JobKind {
        self.kind
    }

    async fn run(&self, ctx: &mut JobContext) -> Result<Finish, JobFailure> {
        tokio::select! {
            permit = self.script.gate.acquire() => permit.expect("the gate is never closed").forget(),
            () = ctx.cancelled().cancelled() => return Err(JobFailure::Stopped),
        }
        let findings = self.script.findings.clone();
        let counts = Counts { findings: findings.len() as i64, ..Counts::default() };
        self.metrics.agent("scripted", "detect", Duration::from_millis(3));
        ctx.commit(StepCommit {
            steps_done: 1,
            stage: "detector:scripted".to_owned(),
            fraction: 0.5,
            counts,
            output: serde_json::Value::Null,
            events: vec![NewEvent {
                kind: EventKind::Progress,
                state: JobState::Running,
                stage: "detector:scripted".to_owned(),
                fraction: 0.5,
                counts,
                message_pt: "feito".to_owned(),
                message_en: "done".to_owned(),
            }],
            findings,
            detectors: vec![DetectorSummary {
                detector: detector(),
                title_pt: "De teste".to_owned(),
                title_en: "Of a test".to_owned(),
                fired: counts.findings,
                clear: 1,
                not_evaluable: 0,
                reasons: Vec::new(),
                warnings_pt: Vec::new(),
                warnings_en: Vec::new(),
                failed: false,
            }],
            copy_from: None,
        })
        .await?;
        Ok(Finish {
            output: serde_json::Value::Null,
            counts,
            stage: "done".to_owned(),
            message_pt: "fim".to_owned(),
            message_en: "end".to_owned(),
        })
    }
}

fn detector() -> DetectorRef {
    DetectorRef {
        id: "scripted".to_owned(),
        version: "1".to_owned(),
        reference: "none".to_owned(),
        legal_basis: String::new(),
        strength: Strength::Contextual,
        user_made: false,
    }
}

/// A finding with this id.
pub(crate) fn finding(id: &str, severity: Severity) -> Finding {
    Finding {
        id: id.to_owned(),
        detector: detector(),
        severity,
        title_pt: "Indício".to_owned(),
        title_en: "Indication".to_owned(),
        description_pt: "Descrição".to_owned(),
        description_en: "Description".to_owned(),
        evidence: Evidence::default(),
        amount_at_stake: None,
        tags: Vec::new(),
        false_positives_pt: Vec::new(),
        false_positives_en: Vec::new(),
        contract_ids: vec!["c".to_owned()],
    }
}

/// A server on loopback with a database and a lake of its own.
pub(crate) struct TestServer {
    handle: ServerHandle,
    channel: Channel,
    store: Store,
    script: Script,
    dir: tempfile::TempDir,
}

impl TestServer {
    /// One that takes jobs and does none.
    pub(crate) async fn idle() -> Self {
        Self::start(Script::gated(), 0).await
    }

    /// One whose jobs follow a script.
    pub(crate) async fn scripted(script: Script) -> Self {
        Self::start(script, 2).await
    }

    async fn start(script: Script, workers: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("cidadao.db").display());
        let store = Store::connect(&StoreOptions::new(url)).await.unwrap();
        let metrics = Metrics::new("0.0.0", "test");
        let options = JobsOptions {
            workers,
            watch_heartbeat: script.heartbeat,
            grace: Duration::from_secs(2),
            ..JobsOptions::default()
        };
        let handler = |kind| -> Arc<dyn JobHandler> {
            Arc::new(Scripted { kind, script: script.clone(), metrics: metrics.clone() })
        };
        let auth = AuthOptions {
            recheck: Duration::from_millis(200),
            password_cost: PasswordCost { memory_kib: 256, passes: 1 },
            ..AuthOptions::new(script.auth, SIGNING_KEY.to_vec())
        };
        let app = App::of(AppParts {
            auth: Auth::new(store.clone(), &auth),
            jobs: Jobs::new(store.clone(), options),
            redis: None,
            cache: Cache::in_memory(1 << 20),
            hints: Hints::none(),
            lake: Lake::new(dir.path().join("lake"), store.clone()),
            fresh: Fresh::new(
                PortalNow::new(
                    "http://127.0.0.1:9",
                    None,
                    Bucket::new("x", Rate::always(1), None),
                    dir.path().to_owned(),
                ),
                &Cache::in_memory(1 << 20),
                dir.path().join("pii.key"),
            ),
            intake: Intake {
                rules: ImportRules::default(),
                uploads: Uploads::new(dir.path().join("uploads"), 1 << 20),
            },
            catalogue: Arc::new(Catalogue::builtin().unwrap()),
            own_limits: QueryLimits::default(),
            engine: EngineThreads::new(1).unwrap(),
            engine_memory: 64 << 20,
            engine_threads: 1,
            handlers: [JobKind::Investigation, JobKind::Analysis, JobKind::Import].map(handler).into(),
            probe_every: Duration::from_millis(100),
            grace: Duration::from_secs(2),
            job_timeout: None,
            heartbeat: script.heartbeat,
            cors_origins: vec!["https://painel.example".to_owned()],
            metrics,
            store,
        });
        Self::serve(app, script, dir).await
    }

    /// The server of a configuration, with its own handlers, over a synthetic month.
    pub(crate) async fn with_sample(rows: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            data_dir: Some(dir.path().join("data")),
            engine_threads: Some(1),
            engine_memory_mib: Some(256),
            ..Settings::default()
        };
        let config = Config::resolve(settings).unwrap();
        let app = App::build(&config).await.unwrap();
        let month = dir.path().join("month");
        sample::generate(&SampleOptions { rows, seed: 7, out: month.clone() }, &|_| {}).unwrap();
        let key = PiiKey::load_or_create(&config.data_dir.join("pii.key")).unwrap();
        let parts = app.parts();
        sources::import(&[month], &parts.lake, &parts.store, &key, ImportOptions::default(), &|_| {}).await.unwrap();
        Self::serve(app, Script::gated(), dir).await
    }

    /// A server with its own handlers and an empty lake, configured as a test says.
    pub(crate) async fn configured(change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = Settings {
            data_dir: Some(dir.path().join("data")),
            engine_threads: Some(1),
            engine_memory_mib: Some(256),
            ..Settings::default()
        };
        change(&mut settings);
        let app = App::build(&Config::resolve(settings).unwrap()).await.unwrap();
        Self::serve(app, Script::gated(), dir).await
    }

    /// The server of a configuration that uses this Redis.
    pub(crate) async fn with_redis(url: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            data_dir: Some(dir.path().join("data")),
            redis_url: Some(url.to_owned()),
            engine_threads: Some(1),
            ..Settings::default()
        };
        let app = App::build(&Config::resolve(settings).unwrap()).await.unwrap();
        Self::serve(app, Script::gated(), dir).await
    }

    async fn serve(app: App, script: Script, dir: tempfile::TempDir) -> Self {
        let store = app.parts().store.clone();
        let handle = app.spawn(Listeners::loopback().await.unwrap()).unwrap();
        let channel = Channel::from_shared(format!("http://{}", handle.grpc_addr)).unwrap().connect().await.unwrap();
        Self { handle, channel, store, script, dir }
    }

    /// The directory that goes with it; its data are in `data`.
    pub(crate) fn directory(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// The address of a path over REST.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.handle.http_addr)
    }

    pub(crate) fn investigations(&self) -> InvestigationServiceClient<Channel> {
        InvestigationServiceClient::new(self.channel())
    }

    pub(crate) fn analyses(&self) -> AnalysisServiceClient<Channel> {
        AnalysisServiceClient::new(self.channel())
    }

    pub(crate) fn contracts(&self) -> ContractServiceClient<Channel> {
        ContractServiceClient::new(self.channel())
    }

    pub(crate) fn auth(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.channel())
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn health(&self) -> HealthServiceClient<Channel> {
        HealthServiceClient::new(self.channel())
    }

    /// Where the last entry of the audit log came from.
    pub(crate) async fn last_audit_remote(&self) -> String {
        self.store.audit_entries(1).await.unwrap().remove(0).remote
    }

    /// Lets every job go on.
    pub(crate) fn open_gate(&self) {
        self.script.gate.add_permits(1_000);
    }

    /// Waits until a job is in this state.
    pub(crate) async fn wait_for(&self, id: &str, state: JobState) {
        // Generous: detectors run without optimisation here, beside other tests.
        for _ in 0..6_000 {
            let job = self.store.job(id).await.unwrap().unwrap();
            if job.state == state {
                return;
            }
            assert!(!job.state.is_terminal(), "{id} ended as {:?}: {:?}", job.state, job.error);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{id} never became {state:?}");
    }

    /// Makes the manifest name a file that is not there.
    pub(crate) async fn lose_lake_file(&self) {
        let file = LakeFile {
            table: Table::Contracts,
            path: "contracts/gone.parquet".to_owned(),
            rows: 1,
            bytes: 10,
            merged: false,
        };
        let record = ImportRecord {
            id: uuid::Uuid::now_v7().to_string(),
            dataset: "portal:compras/202401".to_owned(),
            file_name: "202401_Compras.zip".to_owned(),
            content_hash: "0".repeat(64),
            counts: std::collections::BTreeMap::new(),
            imported_at: self.store.now(),
        };
        let audit = cidadao::model::AuditEntry {
            actor: "test".to_owned(),
            action: "import.committed".to_owned(),
            resource: record.id.clone(),
            remote: String::new(),
            result: "ok".to_owned(),
            details: serde_json::Value::Null,
        };
        let import = NewImport { record, replaces_dataset: true, files: vec![file], quarantine: Vec::new(), audit };
        self.store.commit_import(import).await.unwrap();
    }

    /// Calls a method by its path with an encoded message.
    pub(crate) async fn call_raw<T: prost::Message + Default + 'static>(
        &self,
        path: &'static str,
        message: Vec<u8>,
    ) -> Result<T, tonic::Status> {
        self.call_request(path, tonic::Request::new(Raw(message))).await
    }

    /// The same with an API key.
    pub(crate) async fn call_raw_with<T: prost::Message + Default + 'static>(
        &self,
        path: &'static str,
        message: Vec<u8>,
        key: &Secret,
    ) -> Result<T, tonic::Status> {
        let mut request = tonic::Request::new(Raw(message));
        request.metadata_mut().insert("x-api-key", key.expose().parse().unwrap());
        self.call_request(path, request).await
    }

    async fn call_request<T: prost::Message + Default + 'static>(
        &self,
        path: &'static str,
        request: tonic::Request<Raw>,
    ) -> Result<T, tonic::Status> {
        let mut client = tonic::client::Grpc::new(self.channel());
        client.ready().await.map_err(|error| tonic::Status::unknown(error.to_string()))?;
        let codec = tonic_prost::ProstCodec::<Raw, T>::default();
        let path = http::uri::PathAndQuery::from_static(path);
        Ok(client.unary(request, path, codec).await?.into_inner())
    }

    /// The metrics as text, and their media type.
    pub(crate) async fn metrics(&self) -> (String, String) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(self.handle.metrics_addr).await.unwrap();
        let request = "GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let content_type = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap();
        (body.to_owned(), content_type.to_owned())
    }

    pub(crate) async fn stop(self) {
        self.handle.stop().await.unwrap();
    }
}

/// A message that is encoded already.
#[derive(Debug, Default, Clone)]
struct Raw(Vec<u8>);

impl prost::Message for Raw {
    fn encode_raw(&self, buf: &mut impl prost::bytes::BufMut) {
        buf.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        _tag: u32,
        _wire_type: prost::encoding::WireType,
        _buf: &mut impl prost::bytes::Buf,
        _ctx: prost::encoding::DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}
