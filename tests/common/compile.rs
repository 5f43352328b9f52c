//! Compiles programs of C, C++ and Fortran, for one MPI or none. Part of `launch`.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Flavor, TIME_LIMIT, run, shown};

/// Compiles C with the flavour's `mpicc`; sources are relative to the project.
pub fn compile_c(flavor: Flavor, sources: &[&str], flags: &[&str]) -> PathBuf {
    compile(&format!("mpicc.{}", flavor.suffix()), sources, flags)
}

/// Compiles Fortran (and links C objects) with the flavour's `mpifort`.
pub fn compile_fortran(flavor: Flavor, sources: &[&str], flags: &[&str]) -> PathBuf {
    compile(&format!("mpifort.{}", flavor.suffix()), sources, flags)
}

/// Compiles a C program with the flavour's `mpicc`, linked with the library that
/// knows no MPI.
pub fn compile_c_linked(flavor: Flavor, source: &str, flags: &[&str]) -> PathBuf {
    let link = link_flags();
    let mut flags = flags.to_vec();
    flags.extend(link.iter().map(String::as_str));
    compile_c(flavor, &[source], &flags)
}

/// The same for C++, with the flavour's `mpicxx` and without MPI's own C++ interface.
pub fn compile_cpp_linked(flavor: Flavor, source: &str, flags: &[&str]) -> PathBuf {
    let link = link_flags();
    let mut flags = [flags, &["-DOMPI_SKIP_MPICXX", "-DMPICH_SKIP_MPICXX"]].concat();
    flags.extend(link.iter().map(String::as_str));
    compile(&format!("mpicxx.{}", flavor.suffix()), &[source], &flags)
}

/// Compiles Fortran without MPI, with the modules, and links it with the library.
pub fn compile_fortran_linked(source: &str, flags: &[&str]) -> PathBuf {
    let half = c_object("gcc", "include/distarray_fortran.c", flags);
    link_fortran("gfortran", &["distarray.F90", "distarray_library.f90"], source, &[half], flags)
}

/// The same over the flavour's MPI.
pub fn compile_mpi_fortran_linked(flavor: Flavor, source: &str, flags: &[&str]) -> PathBuf {
    let (cc, fc) = (format!("mpicc.{}", flavor.suffix()), format!("mpifort.{}", flavor.suffix()));
    let halves = ["include/distarray_fortran.c", "include/distarray_mpi_fortran.c"];
    let halves = halves.map(|half| c_object(&cc, half, flags));
    let modules = ["distarray.F90", "distarray_library.f90", "distarray_mpi.f90"];
    link_fortran(&fc, &modules, source, &halves, flags)
}

/// Compiles a C file that goes into a Fortran program, under that one's sanitizers.
pub fn c_object(compiler: &str, source: &str, flags: &[&str]) -> PathBuf {
    let mut all = vec!["-c", "-g", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
    all.extend(flags.iter().filter(|flag| flag.starts_with("-fsanitize")));
    compile(compiler, &[source], &all)
}

fn link_fortran(
    compiler: &str,
    modules: &[&str],
    source: &str,
    objects: &[PathBuf],
    flags: &[&str],
) -> PathBuf {
    let folder = fortran_modules(compiler, modules, flags);
    let compiled = modules.iter().map(|name| folder.join(name).with_extension("o"));
    let objects: Vec<PathBuf> = objects.iter().cloned().chain(compiled).collect();
    let link = link_flags();
    let mut flags = [flags, &["-I", folder.to_str().unwrap()]].concat();
    flags.extend(objects.iter().map(|object| object.to_str().unwrap()));
    flags.extend(link.iter().map(String::as_str));
    compile(compiler, &[source], &flags)
}

/// A folder with the compiled modules of include/: one for each compiler and sanitizer,
/// and for what is in include/, which the first test to need it makes.
fn fortran_modules(compiler: &str, modules: &[&str], flags: &[&str]) -> PathBuf {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let strict = ["-c", "-g", "-std=f2018", "-Wall", "-Wextra", "-Werror", "-fcheck=bounds,do,mem,pointer"];
    let sanitizers = flags.iter().filter(|flag| flag.starts_with("-fsanitize"));
    let flags: Vec<&&str> = strict.iter().chain(sanitizers).collect();
    let mut hasher = DefaultHasher::new();
    (compiler, modules, &flags).hash(&mut hasher);
    let mut files: Vec<_> = fs::read_dir(&include).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().for_each(|file| fs::read(file).unwrap().hash(&mut hasher));
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = scratch.join(format!("modules-{:016x}", hasher.finish()));
    if !folder.exists() {
        let building = tempfile::tempdir_in(scratch).expect("the scratch directory can be written");
        let mut command = Command::new(compiler);
        command.current_dir(&building).arg("-I").arg(&include).args(flags);
        command.args(modules.iter().map(|name| include.join(name)));
        let output = run(command, TIME_LIMIT);
        assert!(output.status.success(), "{compiler} {modules:?} fails:\n{}", shown(&output));
        // Another test may have been faster.
        let _ = fs::rename(building.path(), &folder);
    }
    folder
}

/// What links a program with the library that cargo built, and finds it at run time.
pub fn link_flags() -> [String; 4] {
    let library = library();
    let library = library.display();
    [format!("-L{library}"), "-ldistarray".into(), format!("-Wl,-rpath,{library}"), "-lm".into()]
}

/// A directory that holds the library under the names that linkers and loaders
/// ask for.
pub fn library() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lib");
    fs::create_dir_all(&directory).expect("the scratch directory can be written");
    let built = std::env::current_exe().expect("a test is a file").with_file_name("libdistarray.so");
    for name in ["libdistarray.so", "libdistarray.so.0"] {
        // Made aside and renamed: several tests come here at once.
        let number = (std::process::id(), std::thread::current().id());
        let link = directory.join(format!("{name}.{number:?}"));
        let _ = fs::remove_file(&link);
        symlink(&built, &link).expect("a link can be made");
        fs::rename(&link, directory.join(name)).expect("a link can be renamed");
    }
    directory
}

/// Runs `compiler flags sources` with `include/` on its path and returns the
/// program (or, with `-c`, the object file). Panics with the compiler's words.
pub fn compile(compiler: &str, sources: &[&str], flags: &[&str]) -> PathBuf {
    static COMPILED: AtomicUsize = AtomicUsize::new(0);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut hasher = DefaultHasher::new();
    (compiler, sources, flags).hash(&mut hasher);
    let stem = Path::new(sources[0]).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let program = scratch.join(format!(
        "{stem}-{:016x}{}",
        hasher.finish(),
        if flags.contains(&"-c") { ".o" } else { "" }
    ));
    // Built aside and renamed: another test may be running the same program.
    let number = COMPILED.fetch_add(1, Ordering::Relaxed);
    let building = scratch.join(format!("{stem}-{}-{number}.o", std::process::id()));
    let modules = scratch.join(format!("modules-{}-{number}", std::process::id()));
    fs::create_dir_all(&modules).expect("the scratch directory can be written");
    let mut command = Command::new(compiler);
    command.current_dir(&modules).arg("-I").arg(root.join("include"));
    command.args(sources.iter().map(|source| root.join(source))).args(flags);
    command.arg("-o").arg(&building);
    let output = run(command, TIME_LIMIT);
    assert!(output.status.success(), "{compiler} {sources:?} {flags:?} fails:\n{}", shown(&output));
    fs::rename(&building, &program).expect("the compiled program can be renamed");
    let _ = fs::remove_dir_all(&modules); // Fortran's .mod files
    program
}
