//! Measures processes beside each other: how long they take, how much work that is, and how much memory they need.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use wait4::Wait4;

use crate::parts;

/// Set for a process of this program that acts as Framescope.
pub const AS_PROGRAM: &str = "FRAMESCOPE_BENCH_AS_PROGRAM";

fn number(name: &str) -> Option<f64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not '{text}'")))
}

/// Scales the number of messages or bytes of a capture.
pub fn scaled(number_of: u64) -> u64 {
    (number_of as f64 * number("FRAMESCOPE_SCALE").unwrap_or(1.0)) as u64
}

/// Which captures of their shapes are made.
pub fn seed() -> u64 {
    number("FRAMESCOPE_SEED").map_or(1, |seed| seed as u64)
}

/// Prints the settings that differ from the defaults.
pub fn print_settings() {
    for name in ["FRAMESCOPE_SCALE", "FRAMESCOPE_SEED", "FRAMESCOPE_BEFORE"] {
        if let Ok(value) = std::env::var(name) {
            println!("{name}={value}\n");
        }
    }
}

/// A process to be measured.
#[derive(Clone)]
pub struct Job {
    program: PathBuf,
    arguments: Vec<String>,
    one_core: bool,
    is_part: bool,
}

fn this() -> PathBuf {
    std::env::current_exe().expect("this program has a name")
}

/// A path as an argument.
pub fn plain(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

impl Job {
    /// A part of this program, which measures itself.
    pub fn part(arguments: &[&str]) -> Job {
        let arguments = [&[parts::MARK], arguments].concat();
        Job { is_part: true, ..Job::of(this(), &arguments) }
    }

    /// Framescope as it is now, as a program.
    pub fn now(arguments: &[&str]) -> Job {
        Job::of(this(), arguments)
    }

    /// An earlier Framescope, if there is a program for it.
    pub fn before(arguments: &[&str]) -> Option<Job> {
        Some(Job::of(std::env::var_os("FRAMESCOPE_BEFORE")?, arguments))
    }

    /// Another program.
    pub fn of(program: impl Into<PathBuf>, arguments: &[&str]) -> Job {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Job { program: program.into(), arguments, one_core: false, is_part: false }
    }

    /// The same with one core to itself, where the system can do that.
    pub fn on_one_core(self) -> Job {
        Job { one_core: true, ..self }
    }

    /// None if there is no such program, or it failed.
    pub fn run(&self) -> Option<Measured> {
        let mut command = match self.one_core {
            true => {
                let mut command = Command::new("taskset");
                command.args(["-c", "0"]).arg(&self.program);
                command
            }
            false => Command::new(&self.program),
        };
        command.args(&self.arguments);
        match self.is_part {
            true => command.stdout(Stdio::piped()),
            false => command.env(AS_PROGRAM, "1").stdout(Stdio::null()).stderr(Stdio::null()),
        };
        let begun = Instant::now();
        let mut child = command.spawn().ok()?;
        let mut said = String::new();
        if let Some(mut out) = child.stdout.take() {
            out.read_to_string(&mut said).ok()?;
        }
        let used = child.wait4().ok()?;
        let mut measured = Measured {
            seconds: begun.elapsed().as_secs_f64(),
            sum: 0,
            cpu_seconds: (used.rusage.utime + used.rusage.stime).as_secs_f64(),
            peak_mib: used.rusage.maxrss as f64 / 1_048_576.0,
            said,
        };
        if self.is_part {
            let mut words = measured.said.split_whitespace();
            (measured.seconds, measured.sum) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        } else if used.status.code() != Some(self.expected_status()) {
            eprintln!("{} {:?} failed: {}", self.program.display(), self.arguments, used.status);
            return None;
        }
        Some(measured)
    }

    /// A flow that no capture has is a usage error, after the capture was read.
    fn expected_status(&self) -> i32 {
        if self.arguments.last().is_some_and(|last| last == NO_FLOW) { 2 } else { 0 }
    }
}

/// A flow that no capture has.
const NO_FLOW: &str = "4294967295";

/// The arguments with which any framescope reads a capture and does nothing more.
pub fn index_only(file: &str) -> [&str; 3] {
    ["follow", file, NO_FLOW]
}

/// What a process took.
#[derive(Clone)]
pub struct Measured {
    /// From start to end; or what a part of this program measured itself.
    pub seconds: f64,
    /// Its result.
    pub sum: u64,
    /// Of all threads, from start to end.
    pub cpu_seconds: f64,
    pub peak_mib: f64,
    pub said: String,
}

/// The median of some runs, by time, of each of several measurements that take turns. A first round does not count.
pub fn compare<const N: usize>(rounds: usize, jobs: [Option<Job>; N]) -> [Option<Measured>; N] {
    let mut found: [Vec<Measured>; N] = std::array::from_fn(|_| Vec::new());
    for round in 0..=rounds {
        for (job, found) in jobs.iter().zip(&mut found) {
            // What is slow is not run for nothing.
            let is_slow = found.first().is_some_and(|first: &Measured| first.seconds > 20.0);
            if let Some(job) = job.as_ref().filter(|_| !is_slow) {
                found.extend(job.run());
            }
            if round == 1 && found.len() > 1 {
                found.remove(0);
            }
        }
    }
    found.map(|mut found| {
        found.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        found.get(found.len() / 2).cloned()
    })
}

/// Begins a table of Markdown.
pub fn table(title: &str, columns: &[&str]) {
    println!("\n### {title}\n");
    row(columns.iter().map(|column| (*column).to_owned()));
    row(columns.iter().map(|_| "---".to_owned()));
}

/// A line of a table.
pub fn row(cells: impl IntoIterator<Item = String>) {
    println!("| {} |", cells.into_iter().collect::<Vec<_>>().join(" | "));
    let _ = std::io::stdout().flush();
}

/// A number of something that was measured, or that it was not.
pub fn cell(measured: &Option<Measured>, show: impl Fn(&Measured) -> String) -> String {
    measured.as_ref().map_or("–".to_owned(), show)
}

pub fn ms(measured: &Measured) -> String {
    format!("{:.0}", measured.seconds * 1e3)
}

pub fn seconds(measured: &Measured) -> String {
    format!("{:.3}", measured.seconds)
}

pub fn cpu(measured: &Measured) -> String {
    format!("{:.3}", measured.cpu_seconds)
}

pub fn mib(measured: &Measured) -> String {
    format!("{:.0}", measured.peak_mib)
}

/// How many times as long as another something took.
pub fn times(of: &Measured) -> impl Fn(&Measured) -> String {
    let seconds = of.seconds;
    move |measured| format!("{:.2}", measured.seconds / seconds)
}

/// Bytes of memory beyond a number of MiB, for each of a number of items.
pub fn bytes_each(measured: &Measured, beyond_mib: f64, count: u64) -> f64 {
    ((measured.peak_mib - beyond_mib) * 1_048_576.0 / count.max(1) as f64).max(0.0)
}
