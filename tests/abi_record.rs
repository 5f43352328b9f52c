//! The binary interface is the one that tests/abi/record.txt records: what programs
//! that were linked with the library rely on when a newer one takes its place.
//!
//! Functions as they are declared (tests/c_library.rs: the library exports exactly
//! those), structs as a C compiler lays them out, constants by value, and the newest
//! symbol version that is asked of glibc. `make abi` records it anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const HEADERS: [&str; 3] = ["distarray_abi.h", "distarray_comm.h", "distarray.h"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(program: impl AsRef<Path>, args: &[&str]) -> String {
    let program = program.as_ref();
    let output = Command::new(program).current_dir(root()).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("{} is needed: {error}", program.display()));
    assert!(output.status.success(), "{program:?} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A header's declarations, one blank between words, and its macros, comments removed.
fn read(header: &str) -> (String, String) {
    let path = format!("include/{header}");
    let text = run("gcc", &["-fpreprocessed", "-dD", "-E", "-P", &path]).replace("\\\n", "");
    let (macros, code): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
    let code = code.join(" ").replace("extern \"C\" {", "");
    (code.split_whitespace().collect::<Vec<_>>().join(" "), macros.join("\n"))
}

/// `typedef struct ... { fields } name;`: the name and its fields.
fn structs(code: &str) -> Vec<(&str, Vec<&str>)> {
    let parts = code.split("typedef struct ").skip(1);
    let bodies = parts.filter_map(|part| part.split_once('{').filter(|(before, _)| !before.contains(';')));
    let read = bodies.map(|(_, rest)| {
        let (fields, rest) = rest.split_once("} ").unwrap();
        let name = rest.split_once(';').unwrap().0;
        (name, fields.split(';').map(str::trim).filter(|field| !field.is_empty()).collect())
    });
    read.collect()
}

/// `int64_t padding[2]` declares padding, `void (*release)(...)` release.
fn declared(field: &str) -> &str {
    let name = field.split_once("(*").map_or(field, |(_, name)| name);
    let name = name.split(['[', ')']).next().unwrap();
    name.rsplit([' ', '*']).next().unwrap()
}

fn functions(code: &str) -> impl Iterator<Item = &str> {
    let statements = code.split(';').map(str::trim);
    statements.filter(|statement| {
        let name = statement.split_once('(').map(|(before, _)| before.rsplit([' ', '*']).next().unwrap());
        name.is_some_and(|name| name.starts_with("distarray_")) && !statement.contains(['{', '}'])
    })
}

/// Macros that are numbers.
fn constants(macros: &str) -> impl Iterator<Item = &str> {
    let defines = macros.lines().filter_map(|line| line.strip_prefix("#define "));
    let named = defines.filter_map(|define| define.split_once(' '));
    let numbers = named.filter(|(name, value)| {
        name.starts_with("DISTARRAY_")
            && !name.contains('(')
            && value.starts_with(|c: char| c == '(' || c.is_ascii_digit())
    });
    numbers.map(|(name, _)| name)
}

/// What a C program finds: constants, then structs.
fn measured() -> String {
    let mut source = String::from("#include \"distarray.h\"\n#include <stdio.h>\nint main(void) {\n");
    let headers = HEADERS.map(read);
    for name in headers.iter().flat_map(|(_, macros)| constants(macros)) {
        source += &format!("printf(\"{name} = %lld\\n\", (long long)({name}));\n");
    }
    for (name, fields) in headers.iter().flat_map(|(code, _)| structs(code)) {
        source += &format!("printf(\"\\nstruct {name}: %zu bytes\\n\", sizeof({name}));\n");
        for field in fields {
            let offset = format!("offsetof({name}, {})", declared(field));
            source += &format!("printf(\"%5zu  {field}\\n\", {offset});\n");
        }
    }
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("abi_record.c");
    fs::write(&path, source + "return 0; }\n").unwrap();
    let program = path.with_extension("out");
    run("gcc", &["-Iinclude", path.to_str().unwrap(), "-o", program.to_str().unwrap()]);
    run(program, &[])
}

/// The newest version of glibc that the library asks for.
fn glibc() -> String {
    let library = std::env::current_exe().unwrap().with_file_name("libdistarray.so");
    let symbols = run("nm", &["-D", "--undefined-only", library.to_str().unwrap()]);
    let versions = symbols.lines().filter_map(|line| line.split_once("@GLIBC_")).map(|(_, version)| version);
    let numbers =
        versions.map(|version| version.split('.').map(|part| part.parse::<u32>().unwrap()).collect());
    let newest: Vec<u32> = numbers.max().unwrap();
    newest.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

fn interface() -> String {
    let code = read("distarray.h").0;
    let functions: Vec<&str> = functions(&code).collect();
    assert!(functions.len() > 40, "{functions:?}");
    let soname = env!("CARGO_PKG_VERSION_MAJOR");
    format!("libdistarray.so.{soname}, needs glibc {}\n\n{}\n{}\n", glibc(), functions.join("\n"), measured())
}

#[test]
fn the_binary_interface_is_the_recorded_one() {
    let path = root().join("tests/abi/record.txt");
    let found = interface();
    if std::env::var_os("DISTARRAY_RECORD_ABI").is_some() {
        fs::write(&path, found).unwrap();
        return;
    }
    let recorded = fs::read_to_string(&path).unwrap();
    let lines = |text: &str| text.lines().map(str::to_string).collect::<BTreeSet<_>>();
    let (old, new) = (lines(&recorded), lines(&found));
    let differ = |sign, these: &BTreeSet<String>, those| {
        these.difference(those).map(|line| format!("{sign} {line}\n")).collect::<String>()
    };
    assert!(
        recorded == found,
        "the binary interface changed:\n{}{}\
         What is only added leaves programs as they are. What goes or changes breaks those that are\n\
         linked already: then raise the SONAME with the major version. If it is meant, `make abi`\n\
         records it in tests/abi/record.txt; commit that.",
        differ('-', &old, &new),
        differ('+', &new, &old)
    );
}
