//! Columns while they are filled: values in vectors, names in dictionaries, and the tree of structures and lists around them.

pub(crate) mod leaf;
pub(crate) mod names;
pub(crate) mod tree;
