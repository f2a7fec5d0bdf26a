//! A program without the standard library that reads and writes frames. It links only if the parser needs only
//! an allocator: with the standard library there would be two panic handlers.

#![no_std]

extern crate alloc;

use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};

use framescope_parser::missive::{Frame, Kind, Missive};

/// How many bytes the frame that `bytes` begin with takes; 0 if it must be refused.
pub fn frame_length(bytes: &[u8]) -> usize {
    Missive::default().decode(bytes).map_or(0, |(frame, _)| frame.encoded_length())
}

/// A PING, as bytes.
pub fn ping() -> Vec<u8> {
    let mut out = Vec::new();
    let _ = Frame::new(Kind::PING).encode(None, &mut out);
    out
}

struct NoMemory;

// SAFETY: it never gives memory away, which is always allowed.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
