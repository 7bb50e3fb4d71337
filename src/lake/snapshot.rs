use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::logical_expr::{Expr, JoinType, col, lit, when};
use datafusion::prelude::{DataFrame, SessionContext};
use tokio::sync::OnceCell;

use super::files::Files;
use super::republished::{SHADOW_ID, SHADOW_LATEST, is_latest_of_its_file, republished_ids};
use super::{LakeError, schema};
use crate::model::{LakeFile, Table};

/// The files of one version of the lake; what it reads never changes.
#[derive(Debug, Clone)]
pub struct LakeSnapshot {
    place: Files,
    version: i64,
    files: Vec<LakeFile>,
    republished: Arc<[OnceCell<Vec<RecordBatch>>; Table::ALL.len()]>,
}

impl LakeSnapshot {
    /// A snapshot of files that no manifest knows, for example of a temporary directory; its version is 0.
    pub fn from_files(root: PathBuf, files: Vec<LakeFile>) -> Self {
        Self::new(Files::Directory(root), 0, files)
    }

    pub(crate) fn new(place: Files, version: i64, files: Vec<LakeFile>) -> Self {
        Self { place, version, files, republished: Arc::default() }
    }

    /// Where the files are.
    pub(super) const fn place(&self) -> &Files {
        &self.place
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

    /// Registers `<table>_all` for every [`Table`]: every row, with the schema of [`schema::of`]; a
    /// table without files is empty, a column that a file is too old to have is null.
    ///
    /// The imports of one table may overlap: a contract whose publication moved is in the file of
    /// either month. Of rows with the same id from several imports, the one of the latest import is
    /// current and the others are superseded, so that none counts twice. The tables of the register of companies stand as
    /// they are in their files: they have tens of millions of ids, of which hardly any is ever read, so that who reads
    /// them takes the latest import of each ([`Table::is_register`]).
    ///
    /// # Errors
    /// If a file is not there, the engine refuses one or a name is taken.
    pub async fn register(&self, session: &SessionContext) -> Result<(), LakeError> {
        self.place.attach(session)?;
        for (table, republished) in Table::ALL.into_iter().zip(self.republished.iter()) {
            let files = self.provider(table)?;
            let provider =
                if table.is_register() || (self.of(table).count() < 2 && self.of(table).all(|file| !file.merged)) {
                    files
                } else {
                    let all = session.read_table(Arc::clone(&files))?;
                    let found = republished
                        .get_or_try_init(|| republished_ids(session, all.clone(), table, self.rows(table)))
                        .await?;
                    if found.iter().all(|batch| batch.num_rows() == 0) {
                        files
                    } else {
                        without_republished(session, all, table, found)?.into_view()
                    }
                };
            session.register_table(format!("{}_all", table.as_str()), provider)?;
        }
        Ok(())
    }

    /// Registers the rows of a table as they stand in its files, under another name.
    ///
    /// # Errors
    /// If a file is not there, the engine refuses one or the name is taken.
    pub(super) fn register_files(&self, session: &SessionContext, table: Table, name: &str) -> Result<(), LakeError> {
        self.place.attach(session)?;
        session.register_table(name, self.provider(table)?)?;
        Ok(())
    }

    fn provider(&self, table: Table) -> Result<Arc<dyn TableProvider>, LakeError> {
        self.place.check_paths(self.of(table))?;
        table_of_urls(self.of(table).map(|file| self.place.url(&file.path)), schema::of(table))
    }
}

/// The rows of Parquet files, whose names end in `.parquet`, as a table.
///
/// # Errors
/// If the engine refuses a file.
pub fn table_of_files(
    files: impl IntoIterator<Item = PathBuf>,
    schema: SchemaRef,
) -> Result<Arc<dyn TableProvider>, LakeError> {
    table_of_urls(files.into_iter().map(|file| file_url(&file)), schema)
}

fn table_of_urls(
    urls: impl Iterator<Item = Result<String, LakeError>>,
    schema: SchemaRef,
) -> Result<Arc<dyn TableProvider>, LakeError> {
    let urls = urls.map(|url| Ok(ListingTableUrl::parse(url?)?)).collect::<Result<Vec<_>, LakeError>>()?;
    if urls.is_empty() {
        return Ok(Arc::new(MemTable::try_new(schema, vec![vec![]])?));
    }
    let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
    let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options).with_schema(schema);
    Ok(Arc::new(ListingTable::try_new(config)?))
}

fn without_republished(
    session: &SessionContext,
    all: DataFrame,
    table: Table,
    found: &[RecordBatch],
) -> Result<DataFrame, LakeError> {
    let shadow_schema = Arc::new(Schema::new(vec![
        Field::new(SHADOW_ID, DataType::Utf8, true),
        Field::new(SHADOW_LATEST, DataType::Utf8, true),
    ]));
    let batches = found.iter().map(|batch| batch.clone().with_schema(Arc::clone(&shadow_schema)));
    let batches = batches.collect::<Result<Vec<_>, _>>().map_err(datafusion::error::DataFusionError::from)?;
    let shadows = session.read_table(Arc::new(MemTable::try_new(shadow_schema, vec![batches])?))?;
    let replaced =
        is_latest_of_its_file().and(col(SHADOW_LATEST).is_not_null()).and(col(SHADOW_LATEST).not_eq(col("import_id")));
    let status = when(replaced, lit(schema::SUPERSEDED)).otherwise(col("row_status"))?;
    let columns: Vec<Expr> = schema::of(table)
        .fields()
        .iter()
        .map(|field| if field.name() == "row_status" { status.clone().alias("row_status") } else { col(field.name()) })
        .collect();
    let joined = all.join(shadows, JoinType::Left, &[table.id_column()], &[SHADOW_ID], None)?;
    Ok(joined.select(columns)?)
}

/// `file://` URL of a path. The engine reads `*`, `?` and `[` of a bare path as a pattern; in a URL
/// they stand escaped.
pub(super) fn file_url(path: &Path) -> Result<String, LakeError> {
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
