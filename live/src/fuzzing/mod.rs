//! Fuzzes a program that runs: plays generated conversations over real sockets, watches the program, and makes the
//! conversation that broke it as small as it can.
//!
//! Nothing here knows what the program is written in. It is watched from outside: whether it runs and answers, what it says on
//! standard error, what it takes of the machine, and what its answers say.

mod blame;
mod calibration;
mod corpus;
mod coverage;
mod engine;
mod findings;
mod frames;
mod never;
mod oracles;
mod peer;
mod playing;
mod probe;
mod program;
mod reading;
mod report;
mod smaller;
mod speech;
mod symptom;
mod vitals;
mod watching;

pub use engine::{Event, Finding, Fuzzer, Outcome, Settings};
pub use findings::{Files, WriteError};
pub use never::Never;
pub use peer::{PeerError, Target};
pub use playing::{Ending, Script};
pub use probe::{Asked, Probe};
pub use speech::Speech;
pub use symptom::{Sign, Symptom};
