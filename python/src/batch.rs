//! What a decoder returns: the messages that became complete, as a sequence that makes each when it is asked for.

use pyo3::exceptions::{PyIndexError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice};

use crate::framed::Complete;
use crate::message::Message;

/// Messages that became complete together, in their order: a sequence, which compares and adds up like a list.
#[pyclass(frozen, sequence, module = "framescope")]
#[derive(Debug)]
pub(crate) struct Batch {
    complete: Complete,
    is_intact: bool,
}

impl Batch {
    /// All of them.
    pub(crate) fn new(complete: Complete) -> Batch {
        let is_intact = complete.is_intact();
        Batch { complete, is_intact }
    }
}

#[pymethods]
impl Batch {
    /// Whether each is a message without an error, so that none need be asked for itself.
    #[getter]
    fn is_intact(&self) -> bool {
        self.is_intact
    }

    fn __len__(&self) -> usize {
        self.complete.len()
    }

    fn __getitem__<'py>(slf: &Bound<'py, Self>, place: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if place.cast::<PySlice>().is_ok() {
            return list(slf.as_any())?.as_any().get_item(place);
        }
        let Ok(place) = place.extract::<isize>() else {
            return Err(PyTypeError::new_err("messages are numbered by whole numbers, or by slices of them"));
        };
        let messages = &slf.get().complete;
        let at =
            if place < 0 { messages.len().checked_add_signed(place) } else { usize::try_from(place).ok() };
        match at.and_then(|at| messages.get(at)) {
            Some(message) => Ok(Bound::new(slf.py(), message)?.into_any()),
            None => Err(PyIndexError::new_err(format!(
                "there are {} messages; there is none at {place}",
                messages.len()
            ))),
        }
    }

    fn __iter__(slf: Bound<'_, Self>) -> BatchIterator {
        BatchIterator { messages: slf.unbind(), at: 0 }
    }

    fn __add__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        list(slf.as_any())?.add(list(other)?)
    }

    fn __radd__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        list(other)?.add(list(slf.as_any())?)
    }

    fn __eq__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
        match other.is_instance_of::<PyList>() || other.is_instance_of::<Batch>() {
            true => list(slf.as_any())?.eq(list(other)?),
            false => Ok(false),
        }
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(list(slf.as_any())?.repr()?.to_string())
    }

    fn _repr_html_<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        crate::shown::html(slf, "messages_html")
    }
}

fn list<'py>(messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    PyList::new(messages.py(), messages.try_iter()?.collect::<PyResult<Vec<_>>>()?)
}

/// Goes through messages, each of which is made when it is its turn.
#[pyclass(module = "framescope")]
pub(crate) struct BatchIterator {
    messages: Py<Batch>,
    at: usize,
}

#[pymethods]
impl BatchIterator {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self) -> Option<Message> {
        let message = self.messages.get().complete.get(self.at)?;
        self.at += 1;
        Some(message)
    }

    fn __length_hint__(&self) -> usize {
        self.messages.get().complete.len() - self.at
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Batch>()
}
