mod floor;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let path = std::path::Path::new(&args[2]);
    match args[1].as_str() {
        "gen" => {
            use framescope_benches::traffic::*;
            let n: u64 = args[4].parse().unwrap();
            let t = match args[3].as_str() { "small" => Traffic::Small(n), "reordered" => Traffic::Reordered(n), "short" => Traffic::Short(n), "full" => Traffic::Full(n), _ => Traffic::Long(n) };
            println!("{}", write(t, path).unwrap());
        }
        _ => {
            for _ in 0..std::env::var("ROUNDS").map_or(5, |n| n.parse().unwrap()) {
                let s = std::time::Instant::now();
                let sums = floor::read(path);
                let f = s.elapsed().as_secs_f64();
                let s = std::time::Instant::now();
                let index = framescope_capture::read(framescope_capture::Source::open(path).unwrap(), &Default::default(), &mut |_| true).unwrap();
                let o = s.elapsed().as_secs_f64();
                println!("{sums:?} floor {:.1} ms, ours {:.1} ms, {:.2}; rows {}", f*1e3, o*1e3, o/f, index.row_count());
            }
        }
    }
}
