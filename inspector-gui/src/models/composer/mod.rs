//! A message that is being composed, edited by its fields or its bytes, to be sent.

pub mod draft;
pub mod format;
mod in_place;
pub(crate) mod places;
pub mod shown;
pub mod values;

pub use draft::{ChangeError, Draft};
pub use format::Format;
pub use shown::{EditedField, FieldState, Shown};
pub use values::ValueKind;

#[cfg(test)]
mod tests;
