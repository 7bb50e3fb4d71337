//! Templates, paths and JSON without a server.

mod json;
mod paths;

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, MessageDescriptor};

/// One pool: messages of two are never equal.
static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| super::binding::pool().unwrap());

fn pool() -> DescriptorPool {
    POOL.clone()
}

fn message(name: &str) -> MessageDescriptor {
    pool().get_message_by_name(&format!("cidadao.v1.{name}")).unwrap()
}
