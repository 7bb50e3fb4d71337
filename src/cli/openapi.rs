//! `cidadao openapi`: the document of the REST API, without a server.

use std::process::ExitCode;

use super::output;
use crate::api::VERSION;
use crate::gateway::{binding, openapi};

pub(super) fn run() -> anyhow::Result<ExitCode> {
    // The document of the product, not of one server: whether credentials are needed is for each to say.
    let settings = openapi::Settings { version: VERSION, credentials_required: false };
    output::json(&openapi::document(&binding::pool()?, settings)?)?;
    Ok(ExitCode::SUCCESS)
}
