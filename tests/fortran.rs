//! Fortran lends arrays of every type and rank, and borrows them as pointers; what C finds
//! in the same memory is the measure.

#[path = "common/book.rs"]
mod book;
#[path = "common/launch.rs"]
mod launch;

use std::fs;
use std::path::Path;
use std::process::Command;

use launch::{TIME_LIMIT, c_object, compile_fortran_linked};

const STRICT: [&str; 5] = ["-std=f2018", "-Wall", "-Wextra", "-Werror", "-g"];
const SANITIZED: [&str; 2] = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// Type, its code and bits, and an element from the number `v`; logical ones compare by `.neqv.`.
const TYPES: [(&str, &str, u32, &str, &str); 9] = [
    ("integer(int8)", "INT", 8, "int(v - 50, int8)", "/="),
    ("integer(int16)", "INT", 16, "int(v - 50, int16)", "/="),
    ("integer(int32)", "INT", 32, "v - 50", "/="),
    ("integer(int64)", "INT", 64, "int(v - 50, int64)", "/="),
    ("real(real32)", "FLOAT", 32, "v + 0.5", "/="),
    ("real(real64)", "FLOAT", 64, "v + 0.5d0", "/="),
    ("complex(real32)", "COMPLEX", 64, "cmplx(v, -v - 1, real32)", "/="),
    ("complex(real64)", "COMPLEX", 128, "cmplx(v, -v - 1, real64)", "/="),
    ("logical(c_bool)", "BOOL", 8, "logical(mod(v, 2) == 1, c_bool)", ".neqv."),
];

/// A subroutine for one type and rank. A halo'd allocatable is lent whole, then as a
/// section with pitch; then memory of C in several layouts is borrowed and lent on.
fn case(
    rank: usize,
    name: &str,
    (element, code, bits, from, differs): (&str, &str, u32, &str, &str),
) -> String {
    let list = |item: &dyn Fn(usize) -> String| (1..=rank).map(item).collect::<Vec<_>>().join(", ");
    let (colons, indices) = (list(&|_| ":".into()), list(&|k| format!("i{k}")));
    let loops: String = (1..=rank).rev().map(|k| format!("do i{k} = lo({k}), hi({k})\n")).collect();
    let ends = "end do\n".repeat(rank);
    let fill = |array: &str, salt: u32| {
        format!("{loops}v = at([{indices}], {salt})\n{array}({indices}) = {from}\n{ends}")
    };
    let check = |array: &str, salt: u32, what: &str| {
        format!(
            "{loops}v = at([{indices}], {salt})\n\
             if ({array}({indices}) {differs} {from}) call must(.false., '{name} {what}')\n{ends}"
        )
    };
    let bounds = list(&|k| format!("lo({k}):hi({k})"));
    let wider = list(&|k| format!("lo({k}):hi({k})+{k}"));
    [
        format!("subroutine {name}()\n{element}, allocatable, target :: u({colons}), w({colons})"),
        format!("{element}, pointer :: p({colons})\ntype(distarray_export) :: loan, again"),
        format!("type(distarray_dim) :: dims({rank})\ninteger :: lo({rank}), hi({rank}), v, layout, {indices}"),
        format!("dims = blocks({rank})\nlo = int(dims%start) + 1\nhi = int(dims%stop)"),
        format!("allocate (u({bounds}))"),
        fill("u", 1),
        format!("call must(distarray_lend(u, dims, 0, 2**{rank}, loan, lease, error) == 0, '{name} lend')"),
        format!("call must(kinds_check(loan, 1) == 0, '{name}: C reads what Fortran wrote')"),
        "call kinds_write(loan, 2)\ncall distarray_export_release(loan)".into(),
        check("u", 2, "read what C wrote"),
        format!("allocate (w({wider}))"),
        fill("w", 3),
        format!("call must(distarray_lend(w({bounds}), &\ndims, 0, 2**{rank}, loan, lease, error) == 0, '{name} lend')"),
        format!("call must(kinds_check(loan, 3) == 0, '{name}: C reads a section')"),
        "call kinds_write(loan, 4)\ncall distarray_export_release(loan)".into(),
        check("w", 4, "read a section"),
        "do layout = C_ORDER, BACKWARDS".into(),
        // 128 is -128 in a signed byte: kinds_make takes bits as a number.
        format!("call kinds_make(loan, dims, {rank}, DISTARRAY_DTYPE_{code}, {bits}, layout)"),
        "call kinds_write(loan, 5)".into(),
        "v = distarray_associate(loan, p, DISTARRAY_ACCESS_READ_WRITE, DISTARRAY_BOUNDS_GLOBAL, error)".into(),
        format!("call must(v == 0 .and. all(lbound(p) == lo) .and. all(ubound(p) == hi), '{name} bounds')"),
        check("p", 5, "read what C lends"),
        fill("p", 6),
        format!("call must(kinds_check(loan, 6) == 0, '{name}: C reads what the pointer wrote')"),
        format!("call must(distarray_lend(p, dims, 0, 2**{rank}, again, lease, error) == 0, '{name} lend on')"),
        format!("call must(kinds_check(again, 6) == 0, '{name}: C reads what was lent on')"),
        "call distarray_export_release(again)\ncall distarray_export_release(loan)\nend do".into(),
        "cases = cases + 1\nend subroutine\n".into(),
    ]
    .join("\n")
}

/// Runs a program without MPI.
fn run(program: &Path) -> String {
    let output = launch::run(Command::new(program), TIME_LIMIT);
    assert!(output.status.success(), "{}: {}", program.display(), launch::shown(&output));
    launch::shown(&output)
}

#[test]
fn every_type_of_every_rank_goes_both_ways() {
    let names: Vec<(String, usize, usize)> = (0..TYPES.len())
        .flat_map(|of| (1..=7).map(move |rank| (format!("type{of}_rank{rank}"), of, rank)))
        .collect();
    let mut source = fs::read_to_string("tests/fortran/kinds.f90").unwrap();
    source += "\nprogram every_type_and_rank\nuse kinds\nimplicit none\n";
    source.extend(names.iter().map(|(name, ..)| format!("call {name}()\n")));
    source += "call must(lease%live == 0, 'all loans back')\nprint '(i0,a)', cases, ' cases'\ncontains\n";
    source.extend(names.iter().map(|(name, of, rank)| case(*rank, name, TYPES[*of])));
    source += "end program\n";
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("every_type_and_rank.f90");
    fs::write(&path, source).unwrap();
    let object = c_object("gcc", "tests/fortran/kinds.c", &[]);
    // Every number is exact in every type.
    let flags = ["-fcheck=bounds", "-Wno-compare-reals", object.to_str().unwrap()];
    let program = compile_fortran_linked(path.to_str().unwrap(), &[&STRICT[..], &flags].concat());
    assert_eq!(run(&program), "63 cases\n");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite"]);
    valgrind.arg(program);
    let output = launch::run(valgrind, TIME_LIMIT);
    assert!(output.status.success() && launch::shown(&output) == "63 cases\n", "{}", launch::shown(&output));
}

#[test]
fn sections_are_lent_as_they_lie_and_refusals_name_what_is_wrong() {
    let flags = [&STRICT[..], &SANITIZED].concat();
    let program = compile_fortran_linked("tests/fortran/edges.f90", &flags);
    assert_eq!(run(&program), "all as it should be\n");
}

#[test]
fn the_book_lends_a_section() {
    let flags = [&STRICT[..], &SANITIZED].concat();
    let program = compile_fortran_linked("docs/programs/section.f90", &flags);
    assert_eq!(run(&program), book::block("start/fortran.md", "text", "storage"));
}

#[test]
fn loans_come_back_from_any_thread() {
    let sanitized = ["-fsanitize=thread", "-pthread"];
    let object = c_object("gcc", "tests/fortran/threads.c", &sanitized);
    let flags = [&STRICT[..], &sanitized, &[object.to_str().unwrap()]].concat();
    let program = compile_fortran_linked("tests/fortran/threads.f90", &flags);
    assert_eq!(run(&program), "all came back\n");
}

/// A loan of a temporary would dangle: the compiler refuses it.
#[test]
fn only_variables_are_lent() {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("lend.f90");
    let root = env!("CARGO_MANIFEST_DIR");
    for (array, accepted) in [
        ("u(1:3:2)", true),
        ("u + 1", false),
        ("u([1, 3])", false),
        ("constant", false),
        ("given", false),
        ("(u)", false),
    ] {
        let text = format!(
            "subroutine lend(given)\nuse distarray\nreal, target :: u(4)\nreal, intent(in), target :: given(4)\n\
             real, parameter :: constant(4) = 1\ntype(distarray_dim) :: dims(1)\n\
             type(distarray_export) :: loan\ntype(distarray_lease), target :: lease\n\
             u = given\nif (distarray_lend({array}, dims, 0, 1, loan, lease) /= 0) error stop\nend subroutine\n"
        );
        fs::write(&source, text).unwrap();
        let mut compiler = Command::new("gfortran");
        compiler.current_dir(&directory).args(["-std=f2018", "-fsyntax-only", "-I"]).arg(directory.path());
        compiler.arg(format!("{root}/include/distarray.F90")).arg(&source);
        let output = launch::run(compiler, TIME_LIMIT);
        assert_eq!(output.status.success(), accepted, "{array}: {}", launch::shown(&output));
    }
}

#[test]
fn a_section_is_exchanged_and_redistributed_under_both_mpis() {
    for flavor in launch::flavors() {
        let flags = [&STRICT[..], &["-fcheck=all"]].concat();
        let program = launch::compile_mpi_fortran_linked(flavor, "tests/fortran/exchange.f90", &flags);
        for ranks in 1..=4 {
            let found = launch::mpirun_ok::<&str>(flavor, ranks, &program, &[]);
            assert_eq!(found, "exchanged\n", "{ranks} ranks of {flavor:?}");
        }
    }
}
