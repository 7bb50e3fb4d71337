//! Slow and obvious references.
