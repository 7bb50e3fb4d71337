//! What the fuzz targets (`fuzz/`) call of the REST shim. It is part of no other build.

use http::Method;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage as _};

use super::binding::{self, Binding, BindingError};
use super::query;
use super::read;
use super::routes::Routes;
use super::write::Writer;

/// The routes, and what reads and writes their messages.
#[derive(Debug)]
pub struct Rest {
    pool: DescriptorPool,
    bindings: Vec<Binding>,
    routes: Routes,
    writer: Writer,
}

impl Rest {
    /// Of the API.
    ///
    /// # Errors
    /// Those of its annotations.
    pub fn new() -> Result<Self, BindingError> {
        let pool = binding::pool()?;
        let bindings = binding::bindings(&pool)?;
        let routes = Routes::new(bindings.iter().map(|one| (one.method.clone(), one.template.clone())));
        let writer = Writer::new(&pool);
        Ok(Self { pool, bindings, routes, writer })
    }

    /// Every message that a request may hold.
    pub fn inputs(&self) -> Vec<MessageDescriptor> {
        self.pool.services().flat_map(|service| service.methods().map(|rpc| rpc.input()).collect::<Vec<_>>()).collect()
    }

    /// The message that a path and a query fill; `None` if they are refused.
    pub fn request(&self, method: &Method, path: &str, text: &str) -> Option<DynamicMessage> {
        let matched = self.routes.find(method, path).ok()?;
        let binding = self.bindings.get(matched.route)?;
        let mut request = DynamicMessage::new(binding.rpc.input());
        for (path, text) in binding.variables.iter().zip(&matched.variables) {
            query::bind(&mut request, path, text).ok()?;
        }
        query::fill(&mut request, binding, text).ok()?;
        Some(request)
    }

    /// The message of a JSON body; `None` if it is refused.
    pub fn body(&self, of: &MessageDescriptor, json: &[u8]) -> Option<DynamicMessage> {
        read::message(of, json).ok()
    }

    /// A message as JSON.
    pub fn json(&self, message: &DynamicMessage) -> Option<Vec<u8>> {
        let place = self.writer.place(&message.descriptor(), None)?;
        let mut out = Vec::new();
        self.writer.write(place, &message.encode_to_vec(), &mut out).ok().map(|()| out)
    }
}
