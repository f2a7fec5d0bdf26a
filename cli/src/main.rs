//! Starts Framescope; everything it does is in the library.

fn main() -> std::process::ExitCode {
    framescope::main()
}
