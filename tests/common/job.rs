//! A program and all that it started: how long it could have run, and where it stands.

use std::collections::HashMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often the processes are looked at; a program that ends sooner never is.
const TICK: Duration = Duration::from_millis(500);

/// A started program.
pub struct Job {
    child: Child,
    ticked: Instant,
    ran: Duration,
    waited: HashMap<u32, Duration>,
}

impl Job {
    /// Starts a program in a process group of its own.
    pub fn start(command: &mut Command) -> std::io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        Ok(Self { child, ticked: Instant::now(), ran: Duration::ZERO, waited: HashMap::new() })
    }

    /// Waits for its end; `None` where it could have run longer than the limit.
    ///
    /// Time in which one of its processes waited for a processor does not count: however
    /// busy the machine is, what works has time to end, and what hangs is found.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        while self.ran <= limit {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return Some(status);
            }
            sleep(Duration::from_millis(5));
            if self.ticked.elapsed() > TICK.min(limit) {
                self.tick();
            }
        }
        None
    }

    fn tick(&mut self) {
        let passed = self.ticked.elapsed();
        self.ticked += passed;
        let waited: HashMap<u32, Duration> =
            self.processes().into_iter().map(|process| (process, waited(process))).collect();
        let since = |(process, now): (&u32, &Duration)| {
            now.saturating_sub(self.waited.get(process).copied().unwrap_or_default())
        };
        let longest = waited.iter().map(since).max().unwrap_or_default();
        // A wait is known when it is over: then it may be longer than what has passed since.
        self.ran = (self.ran + passed).saturating_sub(longest);
        self.waited = waited;
    }

    /// Itself and all that it started, and what those started.
    fn processes(&self) -> Vec<u32> {
        let parents: Vec<(u32, u32)> = numbers("/proc").filter_map(|id| Some((id, parent(id)?))).collect();
        let mut found = vec![self.child.id()];
        let mut next = 0;
        while next < found.len() {
            let of = found[next];
            found.extend(parents.iter().filter(|(_, parent)| *parent == of).map(|(id, _)| id));
            next += 1;
        }
        found
    }

    /// Where each process stands, by rank if it has one.
    pub fn stands(&self) -> String {
        let mut found: Vec<String> = self.processes().into_iter().filter_map(stands).collect();
        found.sort();
        found.concat()
    }

    /// Ends it. Launchers forward SIGTERM to ranks that live in other groups.
    pub fn end(&mut self) {
        self.signal("TERM");
        let patience = Instant::now() + Duration::from_secs(3);
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < patience {
            sleep(Duration::from_millis(5));
        }
        self.signal("KILL");
        let _ = self.child.wait();
    }

    fn signal(&self, signal: &str) {
        let script = format!("kill -{signal} -{}", self.child.id());
        let _ = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status();
    }
}

/// Names in a directory that are numbers.
fn numbers(directory: &str) -> impl Iterator<Item = u32> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// A file of a process; none where it has ended.
fn file(process: u32, name: &str) -> Option<String> {
    let path = PathBuf::from(format!("/proc/{process}/{name}"));
    fs::read(path).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn parent(process: u32) -> Option<u32> {
    // The name, in brackets, may hold anything.
    file(process, "stat")?.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// How long its threads waited for a processor: the one that waited longest.
fn waited(process: u32) -> Duration {
    let of_thread = |thread: u32| {
        let text = file(process, &format!("task/{thread}/schedstat"))?;
        text.split(' ').nth(1)?.parse().ok().map(Duration::from_nanos)
    };
    numbers(&format!("/proc/{process}/task")).filter_map(of_thread).max().unwrap_or_default()
}

/// One process: its rank, what it runs, and the functions that it is in.
fn stands(process: u32) -> Option<String> {
    let environment = file(process, "environ")?;
    let rank = environment.split('\0').find_map(|variable| {
        variable.strip_prefix("OMPI_COMM_WORLD_RANK=").or_else(|| variable.strip_prefix("PMI_RANK="))
    });
    let who = rank.map_or("no rank".into(), |rank| format!("rank {rank}"));
    let runs = file(process, "cmdline")?.replace('\0', " ");
    // Of elfutils. A process that is traced, or a machine that forbids it, shows no functions.
    let stack =
        Command::new("timeout").args(["20", "eu-stack", "-n", "24", "-p", &process.to_string()]).output();
    let stack = stack.map_or_else(|error| error.to_string(), |output| super::shown(&output));
    Some(format!("{who}, process {process}: {runs}\n{stack}"))
}
