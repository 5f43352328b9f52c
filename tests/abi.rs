//! The C ABI is the same in C, C++, Fortran, Python and Rust, offset by offset,
//! and its header compiles under every standard it claims.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use distarray::ErrorKind;
use distarray::ffi::abi;

/// `struct.field` to its offset, `struct` to its size, `CONSTANT` to its value.
type Numbers = BTreeMap<String, i64>;

fn include() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abi").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    path
}

/// Runs a command that must succeed without a word on stderr; gives its output.
fn run(program: impl AsRef<Path>, args: &[&str]) -> String {
    let program = program.as_ref();
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|error| panic!("{} is needed: {error}", program.display()));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{program:?} {args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn numbers(text: &str) -> Numbers {
    text.lines()
        .map(|line| {
            let (name, value) = line.trim().split_once(' ').unwrap();
            (name.to_string(), value.trim().parse().unwrap())
        })
        .collect()
}

/// The offsets that the header's own comments state: `int64_t size; /* 8 ...`.
fn documented() -> Numbers {
    let header = fs::read_to_string(include().join("distarray_abi.h")).unwrap();
    let mut found = Numbers::new();
    for body in header.split("typedef struct ").skip(1) {
        let (name, rest) = body.split_once(" {").unwrap();
        let (body, _) = rest.split_once(&format!("}} {name};")).unwrap();
        for (before, after) in body.match_indices(';').map(|(at, _)| body.split_at(at)) {
            let Some(comment) = after[1..].trim_start().strip_prefix("/*") else {
                continue;
            };
            let digits = comment.trim_start().split(|c: char| !c.is_ascii_digit()).next();
            let Ok(offset) = digits.unwrap_or("").parse() else {
                continue;
            };
            found.insert(format!("{name}.{}", declared_name(before)), offset);
        }
    }
    found
}

/// The name a C declaration introduces: `int64_t padding[2]`, `void (*release)(...)`.
fn declared_name(declaration: &str) -> &str {
    let last = declaration.rsplit([';', '/', '{']).next().unwrap();
    let text = match last.split_once("(*") {
        Some((_, pointer)) => pointer.split(')').next().unwrap(),
        None => last.split('[').next().unwrap(),
    };
    text.trim().rsplit([' ', '*']).next().unwrap()
}

/// Every integer constant the header defines.
fn constants() -> Vec<String> {
    let header = fs::read_to_string(include().join("distarray_abi.h")).unwrap();
    let defines = header.lines().filter_map(|line| line.strip_prefix("#define "));
    let names = defines.filter_map(|line| line.split_once(' '));
    let names = names.filter(|(name, value)| !name.contains('(') && !value.contains('\\'));
    names.map(|(name, _)| name.to_string()).collect()
}

const STRUCTS: [&str; 6] = [
    "distarray_dim",
    "distarray_key_value",
    "distarray_ext",
    "distarray_export",
    "distarray_request",
    "distarray_producer",
];

/// What a C or C++ compiler makes of the header.
fn measured_by(compiler: &str, extension: &str, fields: &Numbers) -> Numbers {
    let mut source = String::from("#include \"distarray_abi.h\"\n#include <stdio.h>\nint main(void) {\n");
    for (name, field) in fields.keys().map(|key| key.split_once('.').unwrap()) {
        source += &format!("printf(\"{name}.{field} %zu\\n\", offsetof({name}, {field}));\n");
    }
    for name in STRUCTS {
        source += &format!("printf(\"{name} %zu\\n\", sizeof({name}));\n");
    }
    for name in constants() {
        source += &format!("printf(\"{name} %lld\\n\", (long long)({name}));\n");
    }
    let path = scratch(&format!("probe.{extension}"));
    fs::write(&path, source + "return 0; }\n").unwrap();
    let binary = path.with_extension(format!("{extension}.out"));
    let include = format!("-I{}", include().display());
    run(compiler, &[&include, path.to_str().unwrap(), "-o", binary.to_str().unwrap()]);
    numbers(&run(binary, &[]))
}

fn measured_by_fortran(fields: &Numbers) -> Numbers {
    let mut source = String::from("program probe\nuse distarray\nimplicit none\n");
    for name in STRUCTS {
        source += &format!("type({name}), target :: {}\n", &name[4..]);
    }
    for (name, field) in fields.keys().map(|key| key.split_once('.').unwrap()) {
        let local = &name[4..];
        let address = |of: &str| format!("transfer(c_loc({of}), 0_int64)");
        let offset = format!("{} &\n- {}", address(&format!("{local}%{field}")), address(local));
        source += &format!("print '(a,1x,i0)', '{name}.{field}', &\n{offset}\n");
    }
    for name in STRUCTS {
        source += &format!("print '(a,1x,i0)', '{name}', c_sizeof({})\n", &name[4..]);
    }
    for name in constants() {
        source += &format!("print '(a,1x,i0)', '{name}', int({name}, int64)\n");
    }
    let path = scratch("probe.f90");
    fs::write(&path, source + "end program\n").unwrap();
    let module = include().join("distarray.F90");
    let (binary, directory) = (path.with_extension("f90.out"), path.parent().unwrap());
    let (half, object) = (include().join("distarray_fortran.c"), scratch("distarray_fortran.o"));
    run("gcc", &["-c", half.to_str().unwrap(), "-o", object.to_str().unwrap()]);
    run(
        "gfortran",
        &[
            "-std=f2018",
            "-Wall",
            "-Werror",
            "-J",
            directory.to_str().unwrap(),
            module.to_str().unwrap(),
            path.to_str().unwrap(),
            object.to_str().unwrap(),
            "-o",
            binary.to_str().unwrap(),
        ],
    );
    numbers(&run(binary, &[]))
}

macro_rules! layout {
    ($found:ident, $name:ident { $($field:ident),* $(,)? }) => {
        $($found.insert(
            format!("{}.{}", stringify!($name), stringify!($field)),
            i64::try_from(std::mem::offset_of!(abi::$name, $field)).unwrap(),
        );)*
        $found.insert(stringify!($name).into(), i64::try_from(size_of::<abi::$name>()).unwrap());
    };
}

macro_rules! values {
    ($found:ident: $($name:ident),* $(,)?) => {
        $($found.insert(stringify!($name).into(), i64::try_from(abi::$name).unwrap());)*
    };
}

fn measured_by_rust() -> Numbers {
    let mut found = Numbers::new();
    layout!(
        found,
        distarray_dim {
            dist_type,
            flags,
            size,
            proc_grid_size,
            proc_grid_rank,
            start,
            stop,
            padding,
            block_size,
            indices,
            n_indices,
            n_owned,
            first_block,
            reserved,
        }
    );
    layout!(found, distarray_key_value { key, value });
    layout!(found, distarray_ext { tag, byte_size, critical, next });
    layout!(
        found,
        distarray_export {
            magic,
            struct_size,
            abi_major,
            abi_minor,
            release,
            private_data,
            flags_read,
            flags_write,
            flags_info,
            consumer_flags,
            data,
            byte_offset,
            alloc_base,
            alloc_bytes,
            device_type,
            device_id,
            sync_event,
            dtype_code,
            dtype_bits,
            dtype_lanes,
            ndim,
            itemsize,
            shape,
            strides,
            format,
            dims,
            process_rank,
            process_count,
            grid_ranks,
            uid,
            epoch,
            meta,
            n_meta,
            ext,
            reserved,
        }
    );
    layout!(
        found,
        distarray_request {
            struct_size,
            max_abi_major,
            max_abi_minor,
            access,
            known_flags_read,
            known_flags_write,
            layouts,
            dist_types,
            copy,
            device_type,
            device_id,
            min_alignment,
            stream,
            reserved,
        }
    );
    layout!(
        found,
        distarray_producer {
            struct_size,
            abi_major,
            abi_minor,
            reserved0,
            export_array,
            release,
            private_data,
            reserved,
        }
    );
    values!(found:
        DISTARRAY_MAGIC, DISTARRAY_ABI_MAJOR, DISTARRAY_ABI_MINOR, DISTARRAY_OK,
        DISTARRAY_DTYPE_INT, DISTARRAY_DTYPE_UINT, DISTARRAY_DTYPE_FLOAT, DISTARRAY_DTYPE_OPAQUE,
        DISTARRAY_DTYPE_BFLOAT, DISTARRAY_DTYPE_COMPLEX, DISTARRAY_DTYPE_BOOL,
        DISTARRAY_DEVICE_CPU, DISTARRAY_DEVICE_CUDA, DISTARRAY_DEVICE_CUDA_HOST,
        DISTARRAY_DEVICE_ROCM, DISTARRAY_DEVICE_ROCM_HOST, DISTARRAY_DEVICE_CUDA_MANAGED,
        DISTARRAY_DIST_UNDISTRIBUTED, DISTARRAY_DIST_BLOCK, DISTARRAY_DIST_CYCLIC,
        DISTARRAY_DIST_UNSTRUCTURED,
        DISTARRAY_DIM_PERIODIC, DISTARRAY_DIM_ONE_TO_ONE, DISTARRAY_DIM_INDICES_I32,
        DISTARRAY_DIM_EDGE_OUTSIDE, DISTARRAY_DIM_COMPONENT, DISTARRAY_DIM_KNOWN_1_0,
        DISTARRAY_R_UNALIGNED, DISTARRAY_R_OPAQUE_HANDLE, DISTARRAY_R_BYTESWAPPED,
        DISTARRAY_R_GHOSTS, DISTARRAY_R_GRID_MAP, DISTARRAY_R_SYNC_EVENT, DISTARRAY_R_EXT,
        DISTARRAY_R_GRID_COLMAJOR, DISTARRAY_R_NO_DATA, DISTARRAY_R_CALL_SCOPED,
        DISTARRAY_R_KNOWN_1_0,
        DISTARRAY_W_READ_ONLY, DISTARRAY_W_REPLICATED, DISTARRAY_W_ALIASED, DISTARRAY_W_KNOWN_1_0,
        DISTARRAY_I_COPIED, DISTARRAY_I_HALO_VALID, DISTARRAY_I_EXCLUSIVE, DISTARRAY_I_SLACK,
        DISTARRAY_I_HALO_FACES,
        DISTARRAY_C_MODIFIED, DISTARRAY_C_HALO_MODIFIED, DISTARRAY_C_HALO_VALID,
        DISTARRAY_ACCESS_READ, DISTARRAY_ACCESS_READ_WRITE, DISTARRAY_ACCESS_EXCLUSIVE,
        DISTARRAY_ACCESS_DESCRIBE,
    );
    for (name, kind) in [
        ("NULL", ErrorKind::Null),
        ("VERSION", ErrorKind::Version),
        ("FLAG", ErrorKind::Flag),
        ("GRID", ErrorKind::Grid),
        ("RANGE", ErrorKind::Range),
        ("SHAPE", ErrorKind::Shape),
        ("BOUNDS", ErrorKind::Bounds),
        ("DTYPE", ErrorKind::DType),
        ("DEVICE", ErrorKind::Device),
        ("ALIGN", ErrorKind::Align),
        ("RELEASED", ErrorKind::Released),
        ("ACCESS", ErrorKind::Access),
        ("SYNTAX", ErrorKind::Syntax),
        ("INVARIANT", ErrorKind::Invariant),
        ("PARTITION", ErrorKind::Partition),
        ("DUPLICATE", ErrorKind::Duplicate),
        ("HALO", ErrorKind::Halo),
        ("BUSY", ErrorKind::Busy),
        ("UNACCEPTABLE", ErrorKind::Unacceptable),
        ("WOULD_COPY", ErrorKind::WouldCopy),
        ("COMM", ErrorKind::Comm),
        ("NO_MEMORY", ErrorKind::NoMemory),
        ("UNSUPPORTED", ErrorKind::Unsupported),
        ("IO", ErrorKind::Io),
        ("PANIC", ErrorKind::Panic),
    ] {
        found.insert(format!("DISTARRAY_E_{name}"), i64::from(kind.code()));
    }
    found
}

/// `inner` holds every name of `outer`, with the same number.
fn assert_agrees(inner: &Numbers, outer: &Numbers, who: &str) {
    for (name, number) in outer {
        assert_eq!(inner.get(name), Some(number), "{name} in {who}");
    }
}

#[test]
fn every_language_sees_the_documented_layout() {
    let documented = documented();
    assert_eq!(documented.len(), 14 + 4 + 35 + 14 + 8, "{documented:?}");
    let mut fields = documented.clone();
    fields.insert("distarray_key_value.key".into(), 0);
    fields.insert("distarray_key_value.value".into(), 8);

    let c = measured_by("gcc", "c", &fields);
    assert_agrees(&c, &fields, "C");
    assert_eq!(measured_by("g++", "cpp", &fields), c, "C++");
    assert_eq!(measured_by_rust(), c, "Rust");
    assert_eq!(measured_by_fortran(&fields), c, "Fortran");
    let mirror = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/abi/mirror.py");
    let python = numbers(&run("/usr/bin/python3", &[mirror.to_str().unwrap()]));
    assert_eq!(python.len(), fields.len() + STRUCTS.len());
    assert_agrees(&c, &python, "Python");
}

#[test]
fn the_headers_compile_under_every_standard() {
    let include = format!("-I{}", include().display());
    let text = "#include \"distarray_abi.h\"\n#include \"distarray_abi.h\"\n#include \"distarray.h\"\n\
        int main(void) {\n\
        distarray_export e = DISTARRAY_EXPORT_INIT;\n\
        distarray_request r = DISTARRAY_REQUEST_INIT;\n\
        distarray_dim d = DISTARRAY_DIM_INIT;\n\
        return !(e.release == NULL && e.process_count == 1 && r.struct_size == 128 && d.size == 0);\n}\n";
    let flags = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"];
    for (compilers, extension, standards) in [
        (["gcc", "clang"], "c", &["c99", "c11", "c17", "c2x"][..]),
        (["g++", "clang++"], "cpp", &["c++11", "c++14", "c++17", "c++20", "c++2b"][..]),
    ] {
        let path = scratch(&format!("standards.{extension}"));
        fs::write(&path, text).unwrap();
        let binary = path.with_extension(format!("{extension}.out"));
        for compiler in compilers {
            for standard in standards {
                let standard = format!("-std={standard}");
                let mut args = vec![standard.as_str(), &include];
                args.extend(flags);
                args.extend([path.to_str().unwrap(), "-o", binary.to_str().unwrap()]);
                run(compiler, &args);
                run(&binary, &[]);
            }
        }
    }
}
