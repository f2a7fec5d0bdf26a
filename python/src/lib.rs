//! The Python module `framescope._framescope`: what is fast or shared with the program. The package around it is in `framescope/`.
//!
//! Nothing is parsed, encoded or generated here: each file makes one part of Framescope's crates callable from Python.

mod batch;
mod capture;
mod choices;
mod dataset;
mod decoder;
mod encode;
mod errors;
mod facts;
mod field;
mod flow;
mod follow;
mod framed;
mod generate;
mod group;
mod message;
mod names;
mod opened;
mod opening;
mod origin;
mod pickling;
mod problems;
mod protocol;
mod proxy;
mod quick;
mod repeated;
mod shown;
mod source;
mod tables;
mod tree;
mod values;

use pyo3::prelude::*;

/// Panics, so that a test can show what becomes of it.
#[pyfunction]
#[expect(clippy::panic, reason = "it is what it is for")]
fn _panic() {
    panic!("for a test");
}

/// What the package `framescope` is made of. Import that.
#[pymodule]
fn _framescope(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(_panic, module)?)?;
    batch::register(module)?;
    capture::register(module)?;
    dataset::register(module)?;
    decoder::register(module)?;
    flow::register(module)?;
    follow::register(module)?;
    generate::register(module)?;
    message::register(module)?;

    pickling::register(module)?;
    problems::register(module)?;
    protocol::register(module)?;
    tables::register(module)?;
    proxy::register(module)?;
    opening::register(module)?;
    group::register(module)?;
    field::register(module)?;
    Ok(())
}
