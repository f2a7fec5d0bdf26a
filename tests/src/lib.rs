//! End-to-end tests: the corpus replayed, golden output, and properties over the whole pipeline.
//!
//! This crate has tests only. It never holds what another crate needs, and never accepts what it did not compare.
