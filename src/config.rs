//! One typed configuration: defaults < file < environment < flags.
//!
//! The environment and the flags are one layer of [`Settings`] (clap reads both, flags win); the
//! file is another; [`Config::resolve`] lays them over the defaults and checks the result.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::auth::AuthMode;
use crate::cache::{Bucket, Redis, RedisUrl};
use crate::detectors::QueryLimits;
use crate::jobs::Retention;
use crate::lake::{BucketUrl, Lake, LakeError};
use crate::model::JobKind;
use crate::secret::{KEY_BYTES, Secret};
use crate::sources::{ApiOptions, ImportRules, PNCP, PORTAL, PORTAL_API, is_trusted_base};
use crate::store::Store;
use crate::telemetry::TelemetryOptions;

const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What a user may set, each once by flag, environment variable or file key of the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address of gRPC [default: 127.0.0.1:50051]
    #[arg(long, env = "CIDADAO_GRPC_ADDR", value_name = "HOST:PORT", global = true)]
    pub grpc_addr: Option<SocketAddr>,
    /// Address of REST, gRPC-Web and health [default: 127.0.0.1:8080]
    #[arg(long, env = "CIDADAO_HTTP_ADDR", value_name = "HOST:PORT", global = true)]
    pub http_addr: Option<SocketAddr>,
    /// Origins whose pages may call the API from a browser, with commas between them, as https://example.org [default: none]
    #[arg(long, env = "CIDADAO_CORS_ORIGINS", value_name = "ORIGINS", value_delimiter = ',', global = true)]
    pub cors_origins: Option<Vec<String>>,
    /// Address of the metrics, `/metrics` [default: 127.0.0.1:8001]
    #[arg(long, env = "CIDADAO_METRICS_ADDR", value_name = "HOST:PORT", global = true)]
    pub metrics_addr: Option<SocketAddr>,
    /// Directory of the lake and of the embedded database [default: ./data]
    #[arg(long, env = "CIDADAO_DATA_DIR", value_name = "DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// Bucket of the lake on an S3-compatible store: `s3://bucket/prefix`, with credentials, region and endpoint from the variables `AWS_*` [default: <data dir>/lake]
    #[arg(long, env = "CIDADAO_LAKE_URL", value_name = "URL", global = true)]
    pub lake_url: Option<String>,
    /// Operational database: `sqlite:PATH` or `postgres://…` [default: sqlite:<data dir>/cidadao.db]
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// Directories whose files may be imported over the API, with commas between them [default: none]
    #[arg(long, env = "CIDADAO_IMPORT_ROOTS", value_name = "DIRS", value_delimiter = ',', global = true)]
    pub import_roots: Option<Vec<PathBuf>>,
    /// Hosts whose files may be imported over the API, `host` or `host:port` with commas between them; that of the Portal allows `portal:` [default: none]
    #[arg(long, env = "CIDADAO_IMPORT_HOSTS", value_name = "HOSTS", value_delimiter = ',', global = true)]
    pub import_hosts: Option<Vec<String>>,
    /// Largest file that may be uploaded, in MiB; 0 is none [default: 1024]
    #[arg(long, env = "CIDADAO_MAX_UPLOAD_MIB", value_name = "MIB", global = true)]
    pub max_upload_mib: Option<usize>,
    /// Where the bulk files of the Portal da Transparência are downloaded from, `https://…` (or `http://` on loopback) [default: https://portaldatransparencia.gov.br/download-de-dados]
    #[arg(long, env = "CIDADAO_PORTAL_URL", value_name = "URL", global = true)]
    pub portal_url: Option<String>,
    /// Where PNCP answers, `https://host` (or `http://` on loopback) [default: https://pncp.gov.br]
    #[arg(long, env = "CIDADAO_PNCP_URL", value_name = "URL", global = true)]
    pub pncp_url: Option<String>,
    /// Where the API of the Portal da Transparência answers [default: https://api.portaldatransparencia.gov.br/api-de-dados]
    #[arg(long, env = "CIDADAO_PORTAL_API_URL", value_name = "URL", global = true)]
    pub portal_api_url: Option<String>,
    /// Key of the API of the Portal da Transparência, which gives one to whoever asks for it [default: none]
    #[arg(long, env = "CIDADAO_PORTAL_API_KEY", value_name = "KEY", hide_env_values = true, global = true)]
    pub portal_api_key: Option<Secret>,
    /// Cache and wake-ups between replicas: `redis://[user][:password]@host[:port][/database]`
    /// [default: in the memory of the process]
    #[arg(long, env = "REDIS_URL", value_name = "URL", hide_env_values = true, global = true)]
    pub redis_url: Option<String>,
    /// Seconds that a cached value is kept [default: 3600]
    #[arg(long, env = "CIDADAO_CACHE_TTL_SECONDS", value_name = "SECONDS", global = true)]
    pub cache_ttl_seconds: Option<u64>,
    /// Jobs that run at the same time in this process [default: 2]
    #[arg(long, env = "CIDADAO_WORKERS", value_name = "N", global = true)]
    pub workers: Option<usize>,
    /// Seconds after which the job of a worker that went silent is taken over [default: 15]
    #[arg(long, env = "CIDADAO_LEASE_SECONDS", value_name = "SECONDS", global = true)]
    pub lease_seconds: Option<u64>,
    /// Seconds that running jobs get to hand over after SIGTERM [default: 20]
    #[arg(long, env = "CIDADAO_GRACE_SECONDS", value_name = "SECONDS", global = true)]
    pub grace_seconds: Option<u64>,
    /// Connections to the database for the usual load [default: 20]
    #[arg(long, env = "CIDADAO_DATABASE_POOL_SIZE", value_name = "N", global = true)]
    pub database_pool_size: Option<u32>,
    /// Connections beyond these, made on demand [default: 30]
    #[arg(long, env = "CIDADAO_DATABASE_MAX_OVERFLOW", value_name = "N", global = true)]
    pub database_max_overflow: Option<u32>,
    /// Seconds that a query waits for a connection [default: 30]
    #[arg(long, env = "CIDADAO_DATABASE_ACQUIRE_TIMEOUT_SECONDS", value_name = "SECONDS", global = true)]
    pub database_acquire_timeout_seconds: Option<u64>,
    /// Age in seconds at which a connection is replaced [default: 3600]
    #[arg(long, env = "CIDADAO_DATABASE_RECYCLE_SECONDS", value_name = "SECONDS", global = true)]
    pub database_recycle_seconds: Option<u64>,
    /// Ask PostgreSQL for a sign of life before a connection is used [default: true]
    #[arg(long, env = "CIDADAO_DATABASE_CHECK_CONNECTIONS", value_name = "BOOL", global = true)]
    pub database_check_connections: Option<bool>,
    /// Times a job is tried before it goes to the dead letters [default: 5]
    #[arg(long, env = "CIDADAO_MAX_ATTEMPTS", value_name = "N", global = true)]
    pub max_attempts: Option<u32>,
    /// Investigations that run at the same time in this process [default: as many as workers]
    #[arg(long, env = "CIDADAO_MAX_INVESTIGATIONS", value_name = "N", global = true)]
    pub max_investigations: Option<usize>,
    /// Analyses that run at the same time in this process [default: as many as workers]
    #[arg(long, env = "CIDADAO_MAX_ANALYSES", value_name = "N", global = true)]
    pub max_analyses: Option<usize>,
    /// Imports that run at the same time in this process [default: 1]
    #[arg(long, env = "CIDADAO_MAX_IMPORTS", value_name = "N", global = true)]
    pub max_imports: Option<usize>,
    /// Seconds after its start in which a job must have ended, where its request does not say; 0 is without limit [default: 21600]
    #[arg(long, env = "CIDADAO_JOB_TIMEOUT_SECONDS", value_name = "SECONDS", global = true)]
    pub job_timeout_seconds: Option<u64>,
    /// Seconds of silence after which a stream sends a heartbeat [default: 15]
    #[arg(long, env = "CIDADAO_HEARTBEAT_SECONDS", value_name = "SECONDS", global = true)]
    pub heartbeat_seconds: Option<u64>,
    /// Seconds for which the same question on the same data is answered from the results there are; 0 is never [default: 1800]
    #[arg(long, env = "CIDADAO_RESULTS_TTL_SECONDS", value_name = "SECONDS", global = true)]
    pub results_ttl_seconds: Option<u64>,
    /// Days that the events of a job are kept after its end; 0 is for ever [default: 90]
    #[arg(long, env = "CIDADAO_RETAIN_EVENTS_DAYS", value_name = "DAYS", global = true)]
    pub retain_events_days: Option<u32>,
    /// Days that findings are kept after the end of their investigation; 0 is for ever [default: 0]
    #[arg(long, env = "CIDADAO_RETAIN_FINDINGS_DAYS", value_name = "DAYS", global = true)]
    pub retain_findings_days: Option<u32>,
    /// Days that quarantined rows are kept; 0 is for ever [default: 180]
    #[arg(long, env = "CIDADAO_RETAIN_QUARANTINE_DAYS", value_name = "DAYS", global = true)]
    pub retain_quarantine_days: Option<u32>,
    /// Threads of the query engine [default: the number of cores]
    #[arg(long, env = "CIDADAO_ENGINE_THREADS", value_name = "N", global = true)]
    pub engine_threads: Option<usize>,
    /// Memory of the query engine in MiB; beyond it, it spills to disk [default: 2048]
    #[arg(long, env = "CIDADAO_ENGINE_MEMORY_MIB", value_name = "MIB", global = true)]
    pub engine_memory_mib: Option<usize>,
    /// Directory of detectors of one's own: `.sql` files, checked at the start [default: none]
    #[arg(long, env = "CIDADAO_DETECTORS_DIR", value_name = "DIR", global = true)]
    pub detectors_dir: Option<PathBuf>,
    /// Seconds that a detector of one's own may take [default: 60]
    #[arg(long, env = "CIDADAO_OWN_DETECTOR_SECONDS", value_name = "SECONDS", global = true)]
    pub own_detector_seconds: Option<u64>,
    /// Memory of a detector of one's own in MiB [default: 512]
    #[arg(long, env = "CIDADAO_OWN_DETECTOR_MEMORY_MIB", value_name = "MIB", global = true)]
    pub own_detector_memory_mib: Option<usize>,
    /// When credentials are asked for: `required`, `auto` (as soon as there is a key or a user, and always where a listener is not on loopback), `off` (accepted only while every listener is on loopback) [default: auto]
    #[arg(long, env = "CIDADAO_AUTH", value_name = "MODE", global = true)]
    pub auth: Option<String>,
    /// What bearer tokens are signed with, at least 32 bytes; the same in all replicas [default: kept in <data dir>/jwt.key]
    #[arg(long, env = "CIDADAO_JWT_SECRET", value_name = "SECRET", hide_env_values = true, global = true)]
    pub jwt_secret: Option<Secret>,
    /// Seconds that a bearer token holds [default: 3600]
    #[arg(long, env = "CIDADAO_TOKEN_TTL_SECONDS", value_name = "SECONDS", global = true)]
    pub token_ttl_seconds: Option<u64>,
    /// Log format: `pretty` or `json` [default: pretty]
    #[arg(long, env = "CIDADAO_LOG_FORMAT", value_name = "FORMAT", global = true)]
    pub log_format: Option<String>,
    /// Log filter, as `info` or `cidadao=debug,warn` [default: warn,cidadao=info]
    #[arg(long, env = "CIDADAO_LOG", value_name = "FILTER", global = true)]
    pub log: Option<String>,
    /// Where to send traces by OTLP/gRPC, for example http://127.0.0.1:4317 [default: nowhere]
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL", global = true)]
    pub otlp_endpoint: Option<String>,
    /// Name of the deployment in metrics and traces [default: development]
    #[arg(long, env = "CIDADAO_ENVIRONMENT", value_name = "NAME", global = true)]
    pub environment: Option<String>,
}

/// Format of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Address of gRPC.
    pub grpc_addr: SocketAddr,
    /// Address of REST.
    pub http_addr: SocketAddr,
    /// Origins whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// Address of the metrics.
    pub metrics_addr: SocketAddr,
    /// Directory of the lake and of the embedded database.
    pub data_dir: PathBuf,
    /// Bucket of the lake; a directory of the data directory if there is none.
    pub lake_url: Option<BucketUrl>,
    /// Operational database.
    pub database_url: String,
    /// Directories whose files may be imported over the API.
    pub import_roots: Vec<PathBuf>,
    /// Hosts whose files may be imported over the API, in lower case.
    pub import_hosts: Vec<String>,
    /// Largest file that may be uploaded, in bytes; 0 is none.
    pub max_upload: u64,
    /// Where the bulk files of the Portal are downloaded from.
    pub portal_url: String,
    /// Where PNCP answers.
    pub pncp_url: String,
    /// Where the API of the Portal da Transparência answers.
    pub portal_api_url: String,
    /// The key of that.
    pub portal_api_key: Option<Secret>,
    /// Cache and wake-ups between replicas; in the memory of the process if there is none.
    pub redis_url: Option<RedisUrl>,
    /// How long a cached value is kept.
    pub cache_ttl: Duration,
    /// Jobs at the same time.
    pub workers: usize,
    /// How long a worker may stay silent.
    pub lease: Duration,
    /// How long jobs get to hand over at the end.
    pub grace: Duration,
    /// Connections to the database for the usual load, and beyond it.
    pub database_pool: (u32, u32),
    /// How long a query waits for a connection.
    pub database_acquire_timeout: Duration,
    /// Age at which a connection is replaced.
    pub database_recycle: Duration,
    /// Ask for a sign of life before a connection is used.
    pub database_check_connections: bool,
    /// Times a job is tried.
    pub max_attempts: i32,
    /// Jobs of a kind at the same time.
    pub limits: Vec<(JobKind, usize)>,
    /// How long a job may take where its request does not say.
    pub job_timeout: Option<Duration>,
    /// Silence after which a stream sends a heartbeat.
    pub heartbeat: Duration,
    /// For how long the same question is answered from the results there are.
    pub results_ttl: Option<Duration>,
    /// How long things are kept.
    pub retention: Retention,
    /// Threads of the query engine.
    pub engine_threads: usize,
    /// Memory of the query engine, in bytes.
    pub engine_memory: usize,
    /// Directory of detectors of one's own.
    pub detectors_dir: Option<PathBuf>,
    /// How much a detector of one's own may use.
    pub own_limits: QueryLimits,
    /// When credentials are asked for: [`AuthMode::Auto`] only while every listener is on loopback.
    pub auth: AuthMode,
    /// What bearer tokens are signed with; made and kept in the data directory if unset.
    pub jwt_secret: Option<Secret>,
    /// How long a bearer token holds.
    pub token_ttl: Duration,
    /// Format of the logs.
    pub log_format: LogFormat,
    /// Filter of the logs.
    pub log: String,
    /// Where traces go.
    pub otlp_endpoint: Option<String>,
    /// Name of the deployment.
    pub environment: String,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {path}: {cause}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("configuration file {path}: {cause}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        cause: Box<toml::de::Error>,
    },
    /// A value breaks a rule.
    #[error("{field}: {rule}, got {value:?}")]
    Invalid {
        /// The setting.
        field: &'static str,
        /// The rule.
        rule: String,
        /// The value.
        value: String,
    },
}

impl Settings {
    /// The settings of a TOML file.
    ///
    /// # Errors
    /// If it cannot be read, is no TOML, or holds an unknown key.
    pub fn of_file(path: &Path) -> Result<Self, ConfigError> {
        let text =
            std::fs::read_to_string(path).map_err(|cause| ConfigError::Unreadable { path: path.to_owned(), cause })?;
        toml::from_str(&text).map_err(|cause| ConfigError::Malformed { path: path.to_owned(), cause: Box::new(cause) })
    }

    /// These settings, and where they say nothing those of `below`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        Self {
            grpc_addr: self.grpc_addr.or(below.grpc_addr),
            http_addr: self.http_addr.or(below.http_addr),
            cors_origins: self.cors_origins.or(below.cors_origins),
            metrics_addr: self.metrics_addr.or(below.metrics_addr),
            data_dir: self.data_dir.or(below.data_dir),
            lake_url: self.lake_url.or(below.lake_url),
            database_url: self.database_url.or(below.database_url),
            import_roots: self.import_roots.or(below.import_roots),
            import_hosts: self.import_hosts.or(below.import_hosts),
            max_upload_mib: self.max_upload_mib.or(below.max_upload_mib),
            portal_url: self.portal_url.or(below.portal_url),
            pncp_url: self.pncp_url.or(below.pncp_url),
            portal_api_url: self.portal_api_url.or(below.portal_api_url),
            portal_api_key: self.portal_api_key.or(below.portal_api_key),
            redis_url: self.redis_url.or(below.redis_url),
            cache_ttl_seconds: self.cache_ttl_seconds.or(below.cache_ttl_seconds),
            workers: self.workers.or(below.workers),
            lease_seconds: self.lease_seconds.or(below.lease_seconds),
            grace_seconds: self.grace_seconds.or(below.grace_seconds),
            database_pool_size: self.database_pool_size.or(below.database_pool_size),
            database_max_overflow: self.database_max_overflow.or(below.database_max_overflow),
            database_acquire_timeout_seconds: self
                .database_acquire_timeout_seconds
                .or(below.database_acquire_timeout_seconds),
            database_recycle_seconds: self.database_recycle_seconds.or(below.database_recycle_seconds),
            database_check_connections: self.database_check_connections.or(below.database_check_connections),
            max_attempts: self.max_attempts.or(below.max_attempts),
            max_investigations: self.max_investigations.or(below.max_investigations),
            max_analyses: self.max_analyses.or(below.max_analyses),
            max_imports: self.max_imports.or(below.max_imports),
            job_timeout_seconds: self.job_timeout_seconds.or(below.job_timeout_seconds),
            heartbeat_seconds: self.heartbeat_seconds.or(below.heartbeat_seconds),
            results_ttl_seconds: self.results_ttl_seconds.or(below.results_ttl_seconds),
            retain_events_days: self.retain_events_days.or(below.retain_events_days),
            retain_findings_days: self.retain_findings_days.or(below.retain_findings_days),
            retain_quarantine_days: self.retain_quarantine_days.or(below.retain_quarantine_days),
            engine_threads: self.engine_threads.or(below.engine_threads),
            engine_memory_mib: self.engine_memory_mib.or(below.engine_memory_mib),
            detectors_dir: self.detectors_dir.or(below.detectors_dir),
            own_detector_seconds: self.own_detector_seconds.or(below.own_detector_seconds),
            own_detector_memory_mib: self.own_detector_memory_mib.or(below.own_detector_memory_mib),
            auth: self.auth.or(below.auth),
            jwt_secret: self.jwt_secret.or(below.jwt_secret),
            token_ttl_seconds: self.token_ttl_seconds.or(below.token_ttl_seconds),
            log_format: self.log_format.or(below.log_format),
            log: self.log.or(below.log),
            otlp_endpoint: self.otlp_endpoint.or(below.otlp_endpoint),
            environment: self.environment.or(below.environment),
        }
    }
}

impl Config {
    /// Lays settings over the defaults and checks them.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] names the setting, the rule and the value.
    pub fn resolve(settings: Settings) -> Result<Self, ConfigError> {
        let invalid = |field, rule: &str, value: String| ConfigError::Invalid { field, rule: rule.to_owned(), value };
        let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        let between = |field, value: usize, low: usize, high: usize| {
            if (low..=high).contains(&value) {
                Ok(value)
            } else {
                Err(invalid(field, &format!("must be from {low} to {high}"), value.to_string()))
            }
        };
        let grpc_addr = settings.grpc_addr.unwrap_or(loopback(50_051));
        let http_addr = settings.http_addr.unwrap_or(loopback(8_080));
        let metrics_addr = settings.metrics_addr.unwrap_or(loopback(8_001));
        let cors_origins = settings.cors_origins.unwrap_or_default();
        if let Some(bad) = cors_origins.iter().find(|origin| !is_origin(origin)) {
            return Err(invalid("cors_origins", "must be http(s)://host[:port] each", bad.clone()));
        }
        let listeners = [("grpc_addr", grpc_addr), ("http_addr", http_addr), ("metrics_addr", metrics_addr)];
        let exposed = listeners.into_iter().find(|(_, addr)| !addr.ip().to_canonical().is_loopback());
        let auth = match (settings.auth.as_deref(), exposed) {
            (Some("off"), Some((field, addr))) => {
                return Err(invalid(field, "must be a loopback address while auth is off", addr.to_string()));
            }
            (Some("off"), None) => AuthMode::Off,
            (None | Some("auto"), None) => AuthMode::Auto,
            (None | Some("auto"), Some(_)) | (Some("required"), _) => AuthMode::Required,
            (Some(other), _) => return Err(invalid("auth", "must be required, auto or off", other.to_owned())),
        };
        if let Some(length) =
            settings.jwt_secret.as_ref().map(|secret| secret.expose().len()).filter(|n| *n < KEY_BYTES)
        {
            // The value itself is not told.
            return Err(invalid("jwt_secret", "must have at least 32 bytes", format!("{length} bytes")));
        }
        let data_dir = settings.data_dir.unwrap_or_else(|| PathBuf::from("data"));
        let database_url =
            settings.database_url.unwrap_or_else(|| format!("sqlite:{}", data_dir.join("cidadao.db").display()));
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| database_url.starts_with(scheme)) {
            // Only the scheme: the rest may hold a password.
            let scheme = database_url.split(':').next().unwrap_or_default().to_owned();
            return Err(invalid("database_url", "must start with sqlite: or postgres://", scheme));
        }
        let lake_url = settings.lake_url.filter(|url| !url.is_empty()).map(|url| url.parse::<BucketUrl>());
        let lake_url = lake_url.transpose().map_err(|error| invalid("lake_url", error.rule, error.value))?;
        let trusted = |field, given: Option<String>, default: &str| {
            let url = given.unwrap_or_else(|| default.to_owned());
            let trusted = is_trusted_base(&url);
            if trusted { Ok(url) } else { Err(invalid(field, "must be https://, or http:// on loopback", url)) }
        };
        let portal_url = trusted("portal_url", settings.portal_url, PORTAL)?;
        let pncp_url = trusted("pncp_url", settings.pncp_url, PNCP)?;
        let portal_api_url = trusted("portal_api_url", settings.portal_api_url, PORTAL_API)?;
        let import_roots = settings.import_roots.unwrap_or_default();
        if let Some(bad) = import_roots.iter().find(|root| !root.is_absolute() || root.parent().is_none()) {
            let rule = "must be an absolute path each, and not the whole machine";
            return Err(invalid("import_roots", rule, bad.display().to_string()));
        }
        let import_hosts: Vec<String> =
            settings.import_hosts.unwrap_or_default().iter().map(|host| host.to_ascii_lowercase()).collect();
        if let Some(bad) = import_hosts.iter().find(|host| !is_origin(&format!("https://{host}"))) {
            return Err(invalid("import_hosts", "must be host or host:port each", bad.clone()));
        }
        let redis_url = settings.redis_url.filter(|url| !url.is_empty()).map(|url| url.parse::<RedisUrl>());
        let redis_url = redis_url.transpose().map_err(|error| invalid("redis_url", &error.rule, error.value))?;
        let seconds = |field, value: u64, low: u64, high: u64| {
            if (low..=high).contains(&value) {
                Ok(Duration::from_secs(value))
            } else {
                Err(invalid(field, &format!("must be from {low} to {high} seconds"), value.to_string()))
            }
        };
        let within = |field, value: u32, low: u32, high: u32| {
            between(field, value as usize, low as usize, high as usize).map(|_| value)
        };
        let unless_zero = |duration: Duration| (!duration.is_zero()).then_some(duration);
        let days = |given: Option<u32>, default| unless_zero(DAY * given.unwrap_or(default));
        let mut limits = Vec::new();
        for (field, kind, limit) in [
            ("max_investigations", JobKind::Investigation, settings.max_investigations),
            ("max_analyses", JobKind::Analysis, settings.max_analyses),
            // More at once would only share the same disk and processors.
            ("max_imports", JobKind::Import, Some(settings.max_imports.unwrap_or(1))),
        ] {
            if let Some(limit) = limit {
                limits.push((kind, between(field, limit, 1, 64)?));
            }
        }
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let log_format = match settings.log_format.as_deref() {
            None | Some("pretty") => LogFormat::Pretty,
            Some("json") => LogFormat::Json,
            Some(other) => return Err(invalid("log_format", "must be pretty or json", other.to_owned())),
        };
        Ok(Self {
            grpc_addr,
            http_addr,
            cors_origins,
            metrics_addr,
            data_dir,
            lake_url,
            database_url,
            import_roots,
            import_hosts,
            max_upload: between("max_upload_mib", settings.max_upload_mib.unwrap_or(1_024), 0, 1 << 20)? as u64
                * (1 << 20),
            portal_url,
            pncp_url,
            portal_api_url,
            portal_api_key: settings.portal_api_key.filter(|key| !key.expose().is_empty()),
            redis_url,
            cache_ttl: seconds("cache_ttl_seconds", settings.cache_ttl_seconds.unwrap_or(3_600), 1, 2_592_000)?,
            workers: between("workers", settings.workers.unwrap_or(2), 1, 64)?,
            lease: seconds("lease_seconds", settings.lease_seconds.unwrap_or(15), 1, 3_600)?,
            grace: seconds("grace_seconds", settings.grace_seconds.unwrap_or(20), 0, 3_600)?,
            database_pool: (
                within("database_pool_size", settings.database_pool_size.unwrap_or(20), 1, 1_000)?,
                within("database_max_overflow", settings.database_max_overflow.unwrap_or(30), 0, 1_000)?,
            ),
            database_acquire_timeout: seconds(
                "database_acquire_timeout_seconds",
                settings.database_acquire_timeout_seconds.unwrap_or(30),
                1,
                600,
            )?,
            database_recycle: seconds(
                "database_recycle_seconds",
                settings.database_recycle_seconds.unwrap_or(3_600),
                1,
                86_400,
            )?,
            database_check_connections: settings.database_check_connections.unwrap_or(true),
            max_attempts: within("max_attempts", settings.max_attempts.unwrap_or(5), 1, 100)?.cast_signed(),
            limits,
            job_timeout: unless_zero(seconds(
                "job_timeout_seconds",
                settings.job_timeout_seconds.unwrap_or(6 * 3_600),
                0,
                7 * 86_400,
            )?),
            heartbeat: seconds("heartbeat_seconds", settings.heartbeat_seconds.unwrap_or(15), 1, 3_600)?,
            results_ttl: unless_zero(seconds(
                "results_ttl_seconds",
                settings.results_ttl_seconds.unwrap_or(1_800),
                0,
                30 * 86_400,
            )?),
            retention: Retention {
                events: days(settings.retain_events_days, 90),
                findings: days(settings.retain_findings_days, 0),
                quarantine: days(settings.retain_quarantine_days, 180),
            },
            engine_threads: between("engine_threads", settings.engine_threads.unwrap_or(cores), 1, 256)?,
            engine_memory: between("engine_memory_mib", settings.engine_memory_mib.unwrap_or(2_048), 64, 1 << 20)?
                * (1 << 20),
            detectors_dir: settings.detectors_dir.filter(|directory| !directory.as_os_str().is_empty()),
            own_limits: QueryLimits {
                time: seconds("own_detector_seconds", settings.own_detector_seconds.unwrap_or(60), 1, 3_600)?,
                memory: between(
                    "own_detector_memory_mib",
                    settings.own_detector_memory_mib.unwrap_or(512),
                    16,
                    1 << 20,
                )? * (1 << 20),
            },
            auth,
            jwt_secret: settings.jwt_secret,
            token_ttl: seconds("token_ttl_seconds", settings.token_ttl_seconds.unwrap_or(3_600), 60, 86_400)?,
            log_format,
            log: settings.log.unwrap_or_else(|| "warn,cidadao=info".to_owned()),
            otlp_endpoint: settings.otlp_endpoint.filter(|endpoint| !endpoint.is_empty()),
            environment: settings.environment.unwrap_or_else(|| "development".to_owned()),
        })
    }

    /// What telemetry is set up from.
    pub fn telemetry(&self) -> TelemetryOptions {
        TelemetryOptions {
            log_format: self.log_format,
            log_filter: self.log.clone(),
            otlp_endpoint: self.otlp_endpoint.clone(),
            service_name: "cidadao".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            environment: self.environment.clone(),
        }
    }

    /// What may be imported by URI over the API.
    pub fn import_rules(&self) -> ImportRules {
        ImportRules {
            roots: self.import_roots.clone(),
            hosts: self.import_hosts.clone(),
            portal_url: self.portal_url.clone(),
            pncp_url: self.pncp_url.clone(),
            portal_api_url: self.portal_api_url.clone(),
        }
    }

    /// How lists of APIs are read, at a pace that all who share a Redis keep together.
    pub fn apis(&self, redis: Option<&Redis>) -> ApiOptions {
        ApiOptions {
            key: self.portal_api_key.clone(),
            pncp_bucket: Bucket::new("pncp", ApiOptions::PNCP_RATE, redis.cloned()),
            portal_bucket: Bucket::new("portal-api", ApiOptions::PORTAL_RATE, redis.cloned()),
            ..ApiOptions::of(&self.pncp_url, &self.portal_api_url)
        }
    }

    /// The lake, with its manifest in `store`. Of a bucket, the client takes its settings from the variables `AWS_*`.
    ///
    /// # Errors
    /// [`LakeError::Setting`] if one of these is malformed or missing.
    pub fn lake(&self, store: Store) -> Result<Lake, LakeError> {
        let Some(url) = &self.lake_url else { return Ok(Lake::new(self.data_dir.join("lake"), store)) };
        let settings: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            // An empty one is as good as none.
            .filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty())
            .collect();
        Lake::in_bucket(url, &settings, self.data_dir.join("lake-staging"), store)
    }
}

/// Whether a text is an origin as browsers send it: no path, no slash at the end, no `*`.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layers_win_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cidadao.toml");
        std::fs::write(&path, "workers = 3\nlease_seconds = 7\n").unwrap();
        let flags = Settings { workers: Some(5), ..Settings::default() };
        let config = Config::resolve(flags.over(Settings::of_file(&path).unwrap())).unwrap();
        assert_eq!((config.workers, config.lease, config.grace), (5, Duration::from_secs(7), Duration::from_secs(20)));
        assert_eq!(config.database_url, "sqlite:data/cidadao.db");
        assert_eq!((config.redis_url, config.cache_ttl), (None, Duration::from_secs(3_600)));
        let redis = Settings { redis_url: Some("redis://:hunter2@h".to_owned()), ..Settings::default() };
        let config = Config::resolve(redis).unwrap();
        assert!(config.redis_url.is_some() && !format!("{config:?}").contains("hunter2"));
        std::fs::write(&path, "wrokers = 3\n").unwrap();
        assert!(Settings::of_file(&path).unwrap_err().to_string().contains("wrokers"));
    }

    #[test]
    fn whoever_listens_beyond_loopback_asks_for_credentials() {
        let mode = |auth: Option<&str>, addr: &str| {
            let auth = auth.map(str::to_owned);
            let grpc = Settings { auth: auth.clone(), grpc_addr: addr.parse().ok(), ..Settings::default() };
            let http = Settings { auth: auth.clone(), http_addr: addr.parse().ok(), ..Settings::default() };
            let metrics = Settings { auth, metrics_addr: addr.parse().ok(), ..Settings::default() };
            let modes = [grpc, http, metrics].map(|settings| Config::resolve(settings).ok().map(|config| config.auth));
            assert!(modes.iter().all(|mode| *mode == modes[0]), "{modes:?}");
            modes[0]
        };
        for local in ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(mode(None, local), Some(AuthMode::Auto));
            assert_eq!(mode(Some("auto"), local), Some(AuthMode::Auto));
            assert_eq!(mode(Some("off"), local), Some(AuthMode::Off));
            assert_eq!(mode(Some("required"), local), Some(AuthMode::Required));
        }
        for open in ["0.0.0.0:1", "10.0.0.1:1", "[::]:1"] {
            assert_eq!(mode(None, open), Some(AuthMode::Required));
            assert_eq!(mode(Some("auto"), open), Some(AuthMode::Required));
            assert_eq!(mode(Some("off"), open), None);
            assert_eq!(mode(Some("required"), open), Some(AuthMode::Required));
        }
    }

    #[test]
    fn the_secret_of_tokens_is_long_and_not_shown() {
        let with = |secret: &str| Settings { jwt_secret: secret.parse().ok(), ..Settings::default() };
        let short = with("hunter2hunter2hunter2hunter2hun");
        assert!(!format!("{short:?}").contains("hunter2"));
        let text = Config::resolve(short).unwrap_err().to_string();
        assert!(text.contains("jwt_secret") && text.contains("31 bytes") && !text.contains("hunter2"), "{text}");
        let config = Config::resolve(with("hunter2hunter2hunter2hunter2hunt")).unwrap();
        assert!(config.jwt_secret.is_some() && !format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        let off = Some("off".to_owned());
        let open = Settings { grpc_addr: "0.0.0.0:1".parse().ok(), auth: off.clone(), ..Settings::default() };
        let text = Config::resolve(open).unwrap_err().to_string();
        assert!(text.contains("grpc_addr") && text.contains("loopback") && text.contains("0.0.0.0:1"), "{text}");
        let open = Settings { http_addr: "0.0.0.0:1".parse().ok(), auth: off, ..Settings::default() };
        assert!(Config::resolve(open).unwrap_err().to_string().contains("http_addr"));
        for origin in ["*", "https://a.example/", "a.example", "http://", "https://*.example"] {
            let settings = Settings { cors_origins: Some(vec![origin.to_owned()]), ..Settings::default() };
            assert!(Config::resolve(settings).unwrap_err().to_string().contains("cors_origins"), "{origin}");
        }
        let secret = Settings { database_url: Some("mysql://u:hunter2@h/db".to_owned()), ..Settings::default() };
        let text = Config::resolve(secret).unwrap_err().to_string();
        assert!(text.contains("mysql") && !text.contains("hunter2"), "{text}");
        let secret = Settings { redis_url: Some("rediss://:hunter2@h".to_owned()), ..Settings::default() };
        let text = Config::resolve(secret).unwrap_err().to_string();
        assert!(text.contains("redis_url: must start with redis://") && !text.contains("hunter2"), "{text}");
        for settings in [
            Settings { import_roots: Some(vec!["relative".into()]), ..Settings::default() },
            Settings { import_roots: Some(vec!["/".into()]), ..Settings::default() },
            Settings { import_hosts: Some(vec!["https://example.org".into()]), ..Settings::default() },
            Settings { import_hosts: Some(vec!["*".into()]), ..Settings::default() },
            Settings { max_imports: Some(0), ..Settings::default() },
            Settings { workers: Some(0), ..Settings::default() },
            Settings { lease_seconds: Some(0), ..Settings::default() },
            Settings { cache_ttl_seconds: Some(0), ..Settings::default() },
            Settings { auth: Some("maybe".to_owned()), ..Settings::default() },
            Settings { token_ttl_seconds: Some(59), ..Settings::default() },
            Settings { log_format: Some("xml".to_owned()), ..Settings::default() },
        ] {
            assert!(matches!(Config::resolve(settings), Err(ConfigError::Invalid { .. })));
        }
    }
}
