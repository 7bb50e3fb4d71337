//! Imports that are asked for over the API: a durable job each, from a URI that the configuration allows or from
//! uploaded bytes.

mod handler;
mod uploads;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use handler::Handler;
pub use uploads::{Upload, UploadError, Uploads};

use crate::model::{ImportRecord, Job};
use crate::sources::{ImportFormat, ImportRules};

/// What may be taken in over the API.
#[derive(Debug, Clone)]
pub struct Intake {
    /// What may be named by URI.
    pub rules: ImportRules,
    /// Where uploads are kept until they are taken in.
    pub uploads: Uploads,
}

/// What is asked for; stored as the payload of the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Where the files are.
    pub source: Source,
    /// What they are said to be.
    pub format: Option<ImportFormat>,
    /// Take in an edition that lost most of its rows, or an older list.
    pub accept_loss: bool,
}

/// Where the files of an import are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A URI, which is checked again when it is read.
    Uri(String),
    /// Bytes that were uploaded.
    Upload(Upload),
}

/// What an import did; stored as the output of the job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Output {
    /// Version of the lake after it.
    pub lake_version: i64,
    /// What it brought.
    pub editions: Vec<Edition>,
    /// Files whose content the lake held already.
    pub unchanged: Vec<String>,
    /// Files of no known layout, at most a hundred.
    pub ignored: Vec<String>,
}

/// A published file that was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edition {
    /// Id of the import in the manifest of the lake.
    pub id: String,
    /// The dataset.
    pub dataset: String,
    /// Name of the file.
    pub file_name: String,
    /// SHA-256 of its content.
    pub content_hash: String,
    /// When it was taken in.
    pub imported_at: chrono::DateTime<chrono::Utc>,
    /// Counts, as the manifest has them.
    pub counts: BTreeMap<String, i64>,
}

impl From<ImportRecord> for Edition {
    fn from(record: ImportRecord) -> Self {
        let ImportRecord { id, dataset, file_name, content_hash, counts, imported_at } = record;
        Self { id, dataset, file_name, content_hash, imported_at, counts }
    }
}

impl Output {
    /// The output of a stored job; empty until it has completed.
    pub fn of(job: &Job) -> Self {
        serde_json::from_value(job.output.clone()).unwrap_or_default()
    }
}
