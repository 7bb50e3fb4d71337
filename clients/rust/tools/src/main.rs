//! Generates `cidadao.v1.rs`: `generate PROTO_DIRECTORY OUTPUT_FILE`. Needs no `protoc`.

use std::error::Error;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [sources, output] = &arguments[..] else {
        return Err("usage: generate PROTO_DIRECTORY OUTPUT_FILE".into());
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(sources.join("cidadao/v1"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let mut compiler = protox::Compiler::new([sources])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let directory = tempfile::tempdir()?;
    tonic_prost_build::configure()
        .build_server(false)
        .out_dir(&directory)
        // An investigation is much larger than what stands in its place.
        .boxed(".cidadao.v1.BatchStartResult.result.investigation")
        .boxed(".cidadao.v1.WatchInvestigationsResponse.item.investigation")
        .extern_path(".google.rpc.Status", "::tonic_types::pb::Status")
        .compile_fds(compiler.file_descriptor_set())?;
    // What else is there comes from google/api, whose options the stubs do not carry.
    std::fs::copy(Path::new(directory.path()).join("cidadao.v1.rs"), output)?;
    Ok(())
}
