//! The Python module `framescope._framescope`: what is fast or shared with the program. The package around it is in `framescope/`.
//!
//! Nothing is parsed, encoded or generated here: each file makes one part of Framescope's crates callable from Python.

use pyo3::prelude::*;

/// What the package `framescope` is made of. Import that.
#[pymodule]
fn _framescope(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
