//! Halo exchange and redistribution beside hand-written MPI and other libraries.
//!
//! `cargo bench --bench exchange` compiles the C programs of `benches/exchange`
//! with each peer that is installed (`scripts/setup` installs those that
//! Debian packages; `COSTA_ROOT` names an installation of COSTA), checks every
//! variant on four ranks and times them on two. It does that twice, since Open
//! MPI's single-copy path helps some and hurts others; the verdict gives each the
//! better of the two. `-- TEXT` runs the cases that have TEXT in their name;
//! `EXCHANGE_RUNS` runs all so many times, since single figures vary.

#[path = "common/library.rs"]
mod library;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

use serde_json::Value;

const COMPILER: &str = "mpicc.openmpi";
const FLAGS: [&str; 4] = ["-O3", "-march=native", "-Wall", "-Wno-stringop-overread"];
/// Open MPI's default, and its own copies through shared memory.
const SINGLE_COPY: [&[&str]; 2] = [&[], &["--mca", "btl_vader_single_copy_mechanism", "none"]];

/// A library to measure against, and how to compile with it.
struct Peer {
    name: &'static str,
    define: &'static str,
    header: &'static str,
    flags: Vec<String>,
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn pkg_config(package: &str) -> Vec<String> {
    let output = Command::new("pkg-config").args(["--cflags", "--libs", package]).output();
    output.map_or_else(|_| vec![], |output| words(&String::from_utf8_lossy(&output.stdout)))
}

/// The peers that can be compiled with; says which cannot.
fn peers(scratch: &Path) -> Vec<Peer> {
    let petsc = ["petsc", "PETSc"].map(pkg_config).into_iter().find(|flags| !flags.is_empty());
    let candidates = [
        Peer { name: "PETSc", define: "HAVE_PETSC", header: "petscdmda.h", flags: petsc.unwrap_or_default() },
        Peer {
            name: "ScaLAPACK",
            define: "HAVE_SCALAPACK",
            header: "mpi.h",
            flags: words("-lscalapack-openmpi"),
        },
        Peer {
            name: "FFTW",
            define: "HAVE_FFTW",
            header: "fftw3-mpi.h",
            flags: words("-lfftw3_mpi -lfftw3"),
        },
    ];
    candidates.into_iter().filter(|peer| compiles(peer, scratch)).collect()
}

fn compiles(peer: &Peer, scratch: &Path) -> bool {
    let source = scratch.join("probe.c");
    fs::write(&source, format!("#include <{}>\nint main(void) {{ return 0; }}\n", peer.header)).unwrap();
    let output =
        Command::new(COMPILER).arg(&source).args(&peer.flags).arg("-o").arg(scratch.join("probe")).output();
    let found = output.is_ok_and(|output| output.status.success());
    if !found {
        println!("{} is not measured: not installed", peer.name);
    }
    found
}

/// COSTA speaks C++: its part is compiled aside. Returns what to add to the command line.
fn costa(sources: &Path, scratch: &Path) -> Option<Vec<String>> {
    let Some(root) = std::env::var_os("COSTA_ROOT") else {
        println!("COSTA is not measured: COSTA_ROOT is not set");
        return None;
    };
    let root = PathBuf::from(root).display().to_string();
    let object = scratch.join("costa.o").display().to_string();
    let status = Command::new("mpicxx.openmpi")
        .args(["-O3", "-march=native", "-std=c++17", "-c", "-o", &object, &format!("-I{root}/include")])
        .arg(sources.join("costa.cpp"))
        .status();
    if !status.is_ok_and(|status| status.success()) {
        println!("COSTA is not measured: costa.cpp did not compile with {root}");
        return None;
    }
    let libraries = format!("-DHAVE_COSTA {object} -L{root}/lib -lcosta -lmpi_cxx -lstdc++ -lgomp");
    Some(words(&libraries))
}

fn compile(name: &str, peers: &[&Peer], extra: &[String], scratch: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = library::library();
    let program = scratch.join(name);
    let mut command = Command::new(COMPILER);
    command.args(FLAGS).arg("-I").arg(root.join("include"));
    command.args(peers.iter().map(|peer| format!("-D{}", peer.define)));
    command.arg(root.join("benches/exchange").join(format!("{name}.c")));
    command.args(extra);
    command.args(peers.iter().flat_map(|peer| &peer.flags));
    command.arg(format!("-L{}", library.display())).args(["-ldistarray", "-lm"]);
    command.arg(format!("-Wl,-rpath,{}", library.display())).arg("-o").arg(&program);
    let status = command.status().expect("mpicc.openmpi can be started");
    assert!(status.success(), "{name}.c does not compile: {status}");
    program
}

/// Runs a program on some ranks; true if every result was right.
fn mpirun(ranks: usize, options: &[&str], program: &Path, variables: &[(&str, &str)]) -> bool {
    let mut command = Command::new("mpirun.openmpi");
    command
        .envs([("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")])
        .envs([("OMP_NUM_THREADS", "1"), ("OPENBLAS_NUM_THREADS", "1")])
        .envs(variables.iter().copied())
        .args(["--oversubscribe", "--bind-to", "none", "--mca", "btl", "self,vader", "--mca", "pml", "ob1"])
        .args(options)
        .args(["-n", &ranks.to_string()])
        .arg(program);
    command.status().is_ok_and(|status| status.success())
}

/// Seconds over the limit's, by variant, the better of all runs; and each variant's kind.
type Ratios = BTreeMap<String, (String, f64)>;

/// What the programs wrote, by case in the order of running.
fn results(file: &Path) -> Vec<(String, Ratios)> {
    let mut cases: Vec<(String, Ratios)> = vec![];
    for line in fs::read_to_string(file).unwrap_or_default().lines() {
        let line: Value = serde_json::from_str(line).expect("the programs write JSON");
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let case = format!("{} {}", text("bench"), text("case"));
        let place = cases.iter().position(|(name, _)| *name == case).unwrap_or_else(|| {
            cases.push((case, Ratios::new()));
            cases.len() - 1
        });
        if line["correct"] != true {
            continue;
        }
        let ratio = line["ratio"].as_f64().unwrap_or(f64::INFINITY);
        let best = cases[place].1.entry(text("variant")).or_insert((text("kind"), ratio));
        best.1 = best.1.min(ratio);
    }
    cases
}

/// Ours against the fastest of each kind: by messages, and through shared memory.
fn verdict(cases: &[(String, Ratios)]) {
    println!("\neveryone with the better setting: time / time of the limit (ours / theirs)");
    let mut won = BTreeMap::from([("messages", (0, 0)), ("shared memory", (0, 0))]);
    for (case, ratios) in cases {
        println!("{case}");
        for (way, (wins, races)) in &mut won {
            let best = |kind: &str| {
                let of_kind = ratios.iter().filter(|(name, (its, _))| {
                    its == kind && name.ends_with("shm") == (*way == "shared memory")
                });
                of_kind.map(|(name, (_, ratio))| (name, *ratio)).min_by(|a, b| a.1.total_cmp(&b.1))
            };
            let ours = best("ours");
            let theirs: Vec<_> = [best("by hand"), best("peer")].into_iter().flatten().collect();
            print!("    {way:<14}");
            if let Some((name, ours)) = ours {
                print!(" {name} {ours:.2}");
                *races += 1;
                *wins += usize::from(theirs.iter().all(|(_, theirs)| ours <= *theirs));
            }
            for (name, ratio) in theirs {
                let ours = ours.map_or_else(String::new, |(_, ours)| format!(" ({:.2})", ours / ratio));
                print!("   {name} {ratio:.2}{ours}");
            }
            println!();
        }
    }
    for (way, (wins, races)) in won.into_iter().filter(|(_, (_, races))| *races > 0) {
        println!("by {way}, ours is the fastest in {wins} of {races} cases");
    }
}

/// Rounds that make a figure; `MIN_ROUNDS` of `timing.h`.
const ENOUGH: u64 = 7;

/// Ours over the fastest by hand, each within its run: the median of the runs of a case
/// that were not disturbed.
fn typical(file: &Path) {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_kind = |kind: &'static str| lines.iter().filter(move |line| line["kind"] == kind);
    println!("\ntime / time of the fastest by hand in the same run, median of a case's undisturbed runs");
    for (way, shared) in [("messages", false), ("shared memory", true)] {
        let is_its = |name: &str| name.ends_with("shm") == shared;
        let hand: BTreeSet<&str> = of_kind("by hand")
            .filter_map(|line| line["variant"].as_str())
            .filter(|name| is_its(name))
            .collect();
        let mut cases = BTreeMap::<_, Vec<f64>>::new();
        let right = of_kind("ours").filter(|line| line["correct"] == true);
        for line in right.filter(|line| line["variant"].as_str().is_some_and(is_its)) {
            let over = hand.iter().filter_map(|name| line["over"][name].as_f64()).max_by(f64::total_cmp);
            let undisturbed = line["clean"].as_u64().is_some_and(|rounds| rounds >= ENOUGH);
            if let Some(over) = over.filter(|_| undisturbed) {
                let case = (line["bench"].as_str(), line["case"].as_str());
                cases.entry(case).or_default().push(over);
            }
        }
        let median = |mut runs: Vec<f64>| {
            runs.sort_by(f64::total_cmp);
            f64::midpoint(runs[(runs.len() - 1) / 2], runs[runs.len() / 2])
        };
        if cases.is_empty() {
            continue; // all were disturbed, or left out
        }
        let medians: Vec<f64> = cases.into_values().map(median).collect();
        let above = |most: f64| medians.iter().filter(|&&over| over > most).count();
        println!(
            "by {way}: {:.2} to {:.2} in {} cases, above 1.0 in {}, above 1.1 in {}",
            medians.iter().copied().fold(f64::INFINITY, f64::min),
            medians.iter().copied().fold(0.0, f64::max),
            medians.len(),
            above(1.0),
            above(1.1),
        );
    }
}

fn main() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/exchange");
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exchange-c");
    fs::create_dir_all(&scratch).unwrap();
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let json = scratch.join("results.json");
    let _ = fs::remove_file(&json);

    let peers = peers(&scratch);
    let petsc: Vec<&Peer> = peers.iter().filter(|peer| peer.name == "PETSc").collect();
    let everyone: Vec<&Peer> = peers.iter().collect();
    let programs = [
        compile("halo", &petsc, &[], &scratch),
        compile("redistribute", &everyone, &costa(&sources, &scratch).unwrap_or_default(), &scratch),
    ];

    let mut right = true;
    let mut variables = vec![];
    if let Some(only) = &only {
        variables.push(("EXCHANGE_ONLY", only.as_str()));
    }
    let small =
        [&variables[..], &[("EXCHANGE_SMALL", "1"), ("EXCHANGE_BUDGET", "0"), ("EXCHANGE_PATIENCE", "0")]]
            .concat();
    println!("\n4 ranks on small arrays, for correctness; the times mean nothing");
    for program in &programs {
        let patient = [SINGLE_COPY[1], &["--mca", "mpi_yield_when_idle", "1"]].concat();
        right &= mpirun(4, &patient, program, &small);
    }
    let json_file = json.display().to_string();
    variables.push(("EXCHANGE_JSON", &json_file));
    let runs = std::env::var("EXCHANGE_RUNS").map_or(1, |runs| runs.parse().expect("EXCHANGE_RUNS counts"));
    for options in std::iter::repeat_n(SINGLE_COPY, runs).flatten() {
        let setting = options.last().copied().unwrap_or("Open MPI's default");
        println!("\nsingle copy: {setting}");
        for program in &programs {
            right &= mpirun(2, options, program, &variables);
        }
    }
    verdict(&results(&json));
    typical(&json);
    if !right {
        println!("a result was WRONG, or a program failed");
        exit(1);
    }
}
