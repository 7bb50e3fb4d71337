//! Messages, clients and servers of the package `cidadao.v1`, generated from `proto/`.

tonic::include_proto!("cidadao.v1");

/// The descriptor set of the API with everything it imports, encoded; its options are kept.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));
