//! The message stage: which protocol a stream speaks, the messages in it, and what their sequence shows.

pub(crate) mod carried;
pub(crate) mod detection;
pub(crate) mod framing;
pub(crate) mod outline;
pub(crate) mod payload;
pub(crate) mod sessions;
pub(crate) mod talks;
