//! Timing for the benchmarks: medians of interleaved repetitions.

use std::hint::black_box;
use std::time::Instant;

/// Repetitions of which the median counts.
const REPETITIONS: usize = 9;

/// Median time of one call in nanoseconds for each of several bodies, measured
/// in turn so that a busy machine troubles all alike.
pub fn medians<const N: usize>(calls: u32, mut bodies: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..REPETITIONS {
        for (body, times) in bodies.iter_mut().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..calls {
                black_box(&mut *body)();
            }
            times.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(calls));
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}
