//! Prints the descriptions that are guessed for captures.
use framescope_capture::{Source, read};
use framescope_guess::{Limits, Sample, guess};
use framescope_inspect::Reading;

fn main() {
    for path in std::env::args().skip(1) {
        let index = read(
            Source::open(std::path::Path::new(&path)).unwrap(),
            &Reading::default().options(),
            &mut |_| true,
        )
        .unwrap();
        let sample = Sample::of(&index, Limits::default(), &|flow| {
            index.flow(flow).is_some_and(|about| about.level() == 0)
        })
        .unwrap();
        for guess in guess(&sample, "guessed", &|| false).into_iter().take(1) {
            println!("# {path} {:.2} {} messages", guess.confidence, guess.messages);
            println!("{}", guess.description);
        }
    }
}
