//! A list most of whose places may stay empty, such as the streams of connections that never carried a byte.

/// Values by number. An empty place costs a pointer.
#[derive(Clone, Debug)]
pub(crate) struct Sparse<T>(Vec<Option<Box<T>>>);

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Sparse(Vec::new())
    }
}

impl<T> Sparse<T> {
    /// Adds an empty place.
    pub(crate) fn add(&mut self) {
        self.0.push(None);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        self.0.get(at)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.0.get_mut(at)?.as_deref_mut()
    }

    /// What stands at a place, put there if nothing does. None where there is no such place.
    pub(crate) fn get_or(&mut self, at: usize, new: impl FnOnce() -> T) -> Option<&mut T> {
        self.0.get_mut(at).map(|place| &mut **place.get_or_insert_with(|| Box::new(new())))
    }

    /// All there are, to look at.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|place| place.as_deref())
    }

    /// All there are.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().filter_map(|place| place.as_deref_mut())
    }
}

impl<T: Default> Sparse<T> {
    /// As [`get_or`](Sparse::get_or).
    pub(crate) fn get_or_default(&mut self, at: usize) -> Option<&mut T> {
        self.get_or(at, T::default)
    }
}
