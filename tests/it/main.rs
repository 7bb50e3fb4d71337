//! Integration tests, one binary so that it links once.

mod cache;
mod jobs;
mod store;
mod support;
