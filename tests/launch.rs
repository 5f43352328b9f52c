//! The launcher itself: it runs real jobs, passes output and status on, and kills what hangs.

#[path = "common/launch.rs"]
mod launch;

use std::panic::catch_unwind;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

#[test]
fn every_rank_runs_and_is_heard() {
    for flavor in launch::flavors() {
        let output = launch::mpirun_ok(flavor, 3, Path::new("/bin/echo"), &["here"]);
        assert_eq!(output.matches("here").count(), 3, "{output}");
    }
}

#[test]
fn a_failing_rank_fails_the_job() {
    for flavor in launch::flavors() {
        let output = launch::mpirun(flavor, 2, Path::new("/bin/false"), &[] as &[&str]);
        assert!(!output.status.success());
    }
}

#[test]
#[should_panic(expected = "did not end within")]
fn a_hang_is_killed_and_reported() {
    let mut command = Command::new("sleep");
    command.arg("60");
    launch::run(command, Duration::from_millis(100));
}

#[test]
fn a_hang_of_ranks_says_where_each_stands() {
    for flavor in launch::flavors() {
        let program = launch::compile_c(flavor, &["tests/c/hang.c"], &["-g"]);
        // On a slow machine the first may not have come to where they hang.
        let mut reports = [1, 4, 16, 60].into_iter().map(|seconds| {
            let limit = Duration::from_secs(seconds);
            let hangs = || launch::mpirun_within::<&str>(limit, flavor, 2, &program, &[]);
            let report = *catch_unwind(hangs).unwrap_err().downcast::<String>().unwrap();
            assert!(report.contains(&format!("did not end within {limit:?}")), "{report}");
            report
        });
        let says = |report: &String| {
            [(0, "waits_for_a_message"), (1, "waits_for_all")].iter().all(|(rank, function)| {
                let of_rank = report.split(&format!("rank {rank}, process ")).nth(1).unwrap_or_default();
                // A container may forbid that one process looks into another.
                of_rank.contains(function) || of_rank.contains("not permitted")
            })
        };
        assert!(reports.any(|report| says(&report)), "{flavor:?} does not say where its ranks stand");
    }
}

/// Eight share one processor for three seconds: none had more than half a second of it.
#[test]
fn what_waits_for_a_processor_has_time() {
    let script = "taskset -p -c $(taskset -p -c $$ | sed 's/.*[ ,-]//') $$
        for share in 1 2 3 4 5 6 7 8; do timeout 3 sh -c 'while :; do :; done' & done; wait";
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    assert!(launch::run(command, Duration::from_secs(1)).status.success());
}
