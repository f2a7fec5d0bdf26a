//! The Python module `framescope._framescope`: what is fast or shared with the program. The package around it is in `framescope/`.
//!
//! Nothing is parsed, encoded or generated here: each file makes one part of Framescope's crates callable from Python.

mod capture;
mod dataset;
mod decoder;
mod encode;
mod errors;
mod facts;
mod flow;
mod follow;
mod message;
mod names;
mod pickling;
mod problems;
mod protocol;
mod source;
mod tree;
mod values;

use pyo3::prelude::*;

/// What the package `framescope` is made of. Import that.
#[pymodule]
fn _framescope(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    capture::register(module)?;
    dataset::register(module)?;
    decoder::register(module)?;
    flow::register(module)?;
    follow::register(module)?;
    message::register(module)?;
    pickling::register(module)?;
    problems::register(module)?;
    protocol::register(module)?;
    values::register(module)?;
    Ok(())
}
