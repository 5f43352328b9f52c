"""Compiles the two C files, and puts libdistarray into the package.

`_native.c` needs a C compiler, `_mpi.c` an mpicc: once for each MPI that is found, or
for those named in MPICC. Without one, messages go through mpi4py (see _table.py).

A source distribution has the C headers with it. What is built from one has no library
inside: it is found where the README says, when the package is imported.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).resolve().parent
CHECKOUT = ROOT.parent
HEADERS = ("distarray_abi.h", "distarray_comm.h", "distarray_mpi.h")
UNPACKED = (ROOT / "include").exists()  # from a source distribution
TOP = ROOT if UNPACKED else CHECKOUT
INCLUDE = TOP / "include"
SONAME = "libdistarray.so.0"
FLAGS = ["-O2", "-fPIC", "-shared", f"-I{INCLUDE}"]


def compile_c(compiler: str, source: str, target: Path) -> None:
    command = [*shlex.split(compiler), *FLAGS, str(ROOT / "distarray" / source), "-o", str(target)]
    subprocess.run(command, check=True)


def compile_tables(package: Path) -> None:
    """A table for each binary interface of MPI: that of the first mpicc that has it."""
    named = os.environ.get("MPICC")
    compilers = [named] if named else ["mpicc", "mpicc.openmpi", "mpicc.mpich"]
    compilers = [compiler for compiler in compilers if named or shutil.which(compiler)]
    for compiler in reversed(compilers):
        built = package / "_mpi.so"
        try:
            compile_c(compiler, "_mpi.c", built)
        except subprocess.CalledProcessError:
            if named:
                raise
            continue
        family = re.search(rb"distarray_mpi=(\w+)", built.read_bytes())
        assert family is not None
        built.rename(package / f"_mpi_{family[1].decode()}.so")
    if not list(package.glob("_mpi_*.so")):
        print("no mpicc was found: messages will go through mpi4py, more slowly", file=sys.stderr)


class Build(build_py):
    def run(self) -> None:
        super().run()
        package = ROOT / "distarray" if self.editable_mode else Path(self.build_lib) / "distarray"
        for earlier in package.glob("*.so*"):  # of a build directory that was used before
            earlier.unlink()
        compile_c(os.environ.get("CC", "cc"), "_native.c", package / "_native.so")
        compile_tables(package)
        library = CHECKOUT / "target" / "release" / SONAME
        if UNPACKED or self.editable_mode:
            return  # what is found when the package is imported is as new as can be
        if library.exists():
            shutil.copyfile(library, package / SONAME)
        elif "DISTARRAY_LIBRARY" not in os.environ:
            raise SystemExit(f"{library} does not exist: run `make` in {CHECKOUT} first")


class SourceDistribution(sdist):
    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        above = [*TOP.glob("LICENSE-*"), *(INCLUDE / name for name in HEADERS)]
        for file in above:
            copied = Path(base_dir) / file.relative_to(TOP)
            copied.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, copied)


class Platform(Distribution):
    """The package holds shared libraries of this platform."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    license="MIT OR Apache-2.0",
    cmdclass={"build_py": Build, "sdist": SourceDistribution},
    distclass=Platform,
)
