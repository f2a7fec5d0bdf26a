//! What can be chosen for a message, and what was, as Python has it.

use framescope_checking::forms::{Chosen, Domain, Part};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyString, PyTuple};

/// What is chosen for a message, as tuples.
pub(crate) fn parts<'py>(py: Python<'py>, of: &[Part]) -> PyResult<Bound<'py, PyTuple>> {
    let part = |part: &Part| -> PyResult<Bound<'py, PyAny>> {
        Ok(match part {
            Part::Value { path, domain } => domain_of(py, path, domain)?,
            Part::Items { path, least, most, alternatives } => {
                let alternatives =
                    alternatives.iter().map(|one| parts(py, one)).collect::<PyResult<Vec<_>>>()?;
                ("items", path, (*least, *most, alternatives)).into_pyobject(py)?.into_any()
            }
        })
    };
    PyTuple::new(py, of.iter().map(part).collect::<PyResult<Vec<_>>>()?)
}

fn domain_of<'py>(py: Python<'py>, path: &str, domain: &Domain) -> PyResult<Bound<'py, PyAny>> {
    let tuple = match domain {
        Domain::Numbers(first, last) => ("numbers", path, (*first, *last)).into_pyobject(py)?,
        Domain::OneNumber(numbers) => ("one", path, numbers.clone()).into_pyobject(py)?,
        Domain::OneText(texts) => ("one", path, texts.clone()).into_pyobject(py)?,
        Domain::Bool => ("bool", path, ()).into_pyobject(py)?,
        Domain::Float(bits) => ("float", path, *bits).into_pyobject(py)?,
        Domain::Text { last, except, least, most } => {
            let except: String = except.iter().collect();
            ("text", path, (*last, except, *least, *most)).into_pyobject(py)?
        }
        Domain::Bytes { except, least, most } => {
            ("bytes", path, (PyBytes::new(py, except), *least, *most)).into_pyobject(py)?
        }
    };
    Ok(tuple.into_any())
}

/// What was chosen, from what Python has.
pub(crate) fn chosen(given: &Bound<'_, PyAny>) -> PyResult<Vec<Chosen>> {
    given.try_iter()?.map(|one| one_chosen(&one?)).collect()
}

fn one_chosen(given: &Bound<'_, PyAny>) -> PyResult<Chosen> {
    if let Ok(one) = given.cast::<PyBool>() {
        return Ok(Chosen::Bool(one.is_true()));
    }
    if given.is_instance_of::<PyInt>() {
        return given.extract().map(Chosen::Number);
    }
    if let Ok(one) = given.cast::<PyFloat>() {
        return one.extract().map(Chosen::Float);
    }
    if let Ok(one) = given.cast::<PyString>() {
        return one.extract().map(Chosen::Text);
    }
    if let Ok(one) = given.cast::<PyBytes>() {
        return Ok(Chosen::Bytes(one.as_bytes().to_vec()));
    }
    if let Ok(items) = given.cast::<PyList>() {
        let item = |item: Bound<'_, PyAny>| {
            let (alternative, values): (usize, Bound<'_, PyAny>) = item.extract()?;
            Ok((alternative, chosen(&values)?))
        };
        return items.iter().map(item).collect::<PyResult<Vec<_>>>().map(Chosen::Items);
    }
    Err(PyTypeError::new_err(format!("{} is no value of a field", given.get_type().name()?)))
}
