//! Compiles `proto/` without `protoc` and writes the descriptor set that reflection reads.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=migrations");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut files: Vec<PathBuf> = std::fs::read_dir("proto/cidadao/v1")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    // The encoded bytes keep the google.api.http options; prost's own types drop extensions.
    std::fs::write(out.join("descriptors.binpb"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .build_client(true)
        .build_server(true)
        // An investigation is much larger than what stands in its place.
        .boxed(".cidadao.v1.BatchStartResult.result.investigation")
        .boxed(".cidadao.v1.WatchInvestigationsResponse.item.investigation")
        // They hold secrets: their Debug is written by hand.
        .skip_debug([
            ".cidadao.v1.LoginRequest",
            ".cidadao.v1.LoginResponse",
            ".cidadao.v1.CreateApiKeyResponse",
            ".cidadao.v1.CreateUserRequest",
        ])
        .extern_path(".google.rpc.Status", "::tonic_types::pb::Status")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
