use std::path::Path;
use std::sync::Arc;

use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::LakeError;
use super::memory::RoomyPool;

/// A session of the query engine that holds at most `memory_limit` bytes and spills the rest to the
/// directory of temporary files; `threads` 0 means as many as there are processors.
///
/// Text columns are always `Utf8`, in tables and in the results of casts, never `Utf8View`.
///
/// # Errors
/// If the spill directory cannot be made.
pub fn session(memory_limit: usize, threads: usize) -> Result<SessionContext, LakeError> {
    build(RuntimeEnvBuilder::new(), memory_limit, threads)
}

/// Like [`session`], spilling to `spill`, which is made if need be.
///
/// # Errors
/// If the spill directory cannot be made.
pub fn session_spilling_to(spill: &Path, memory_limit: usize, threads: usize) -> Result<SessionContext, LakeError> {
    std::fs::create_dir_all(spill).map_err(LakeError::io(spill))?;
    build(RuntimeEnvBuilder::new().with_temp_file_path(spill), memory_limit, threads)
}

fn build(runtime: RuntimeEnvBuilder, memory_limit: usize, threads: usize) -> Result<SessionContext, LakeError> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads,
    };
    let mut config = SessionConfig::new()
        .with_target_partitions(threads)
        .with_information_schema(false)
        .with_parquet_pruning(true)
        .with_collect_statistics(true);
    let options = config.options_mut();
    options.execution.parquet.schema_force_view_types = false;
    options.sql_parser.map_string_types_to_utf8view = false;
    let pool = Arc::new(RoomyPool::new(memory_limit));
    let runtime = runtime.with_memory_pool(pool).build_arc()?;
    Ok(SessionContext::new_with_config_rt(config, runtime))
}
