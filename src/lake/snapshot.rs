use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::catalog::TableProvider;
use datafusion::prelude::SessionContext;

use super::{LakeError, schema};
use crate::model::{LakeFile, Table};

/// The files of one version of the lake; what it reads never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeSnapshot {
    root: PathBuf,
    version: i64,
    files: Vec<LakeFile>,
}

impl LakeSnapshot {
    /// A snapshot of files that no manifest knows, for example of a temporary directory; its version is 0.
    pub fn from_files(root: PathBuf, files: Vec<LakeFile>) -> Self {
        Self::new(root, 0, files)
    }

    pub(crate) fn new(root: PathBuf, version: i64, files: Vec<LakeFile>) -> Self {
        Self { root, version, files }
    }

    /// Version; 0 for an empty lake and for files without a manifest.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The files, paths relative to the root.
    pub fn files(&self) -> &[LakeFile] {
        &self.files
    }

    /// Rows of a table, whatever their status.
    pub fn rows(&self, table: Table) -> i64 {
        self.of(table).map(|file| file.rows).sum()
    }

    fn of(&self, table: Table) -> impl Iterator<Item = &LakeFile> {
        self.files.iter().filter(move |file| file.table == table)
    }

    /// Registers `contracts_all`, `amendments_all` and `contract_items_all`: every row, with the
    /// schema of [`schema::of`]; a table without files is empty.
    ///
    /// # Errors
    /// If the engine refuses a file or a name is taken.
    pub async fn register(&self, session: &SessionContext) -> Result<(), LakeError> {
        for table in Table::ALL {
            let provider = self.provider(table)?;
            session.register_table(format!("{}_all", table.as_str()), provider)?;
        }
        Ok(())
    }

    fn provider(&self, table: Table) -> Result<Arc<dyn TableProvider>, LakeError> {
        let schema = schema::of(table);
        let urls = self
            .of(table)
            .map(|file| ListingTableUrl::parse(file_url(&self.root.join(&file.path))?).map_err(LakeError::from))
            .collect::<Result<Vec<_>, _>>()?;
        if urls.is_empty() {
            return Ok(Arc::new(MemTable::try_new(schema, vec![vec![]])?));
        }
        let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options).with_schema(schema);
        Ok(Arc::new(ListingTable::try_new(config)?))
    }
}

/// `file://` URL of a path. The engine reads `*`, `?` and `[` of a bare path as a pattern; in a URL
/// they stand escaped.
fn file_url(path: &Path) -> Result<String, LakeError> {
    let absolute = std::path::absolute(path).map_err(LakeError::io(path))?;
    let mut url = String::from("file://");
    for byte in absolute.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => url.push(char::from(*byte)),
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    Ok(url)
}
