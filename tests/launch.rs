//! The launcher itself: it runs real jobs, passes output and status on, and kills what hangs.

#[path = "common/launch.rs"]
mod launch;

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
