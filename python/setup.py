"""Compiles the two C files, and puts libdistarray into the package.

`_native.c` needs a C compiler, `_mpi.c` an mpicc: once for each MPI that is found, or
for those named in MPICC. Without one, messages go through mpi4py (see _table.py).
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
CHECKOUT = ROOT.parent
SONAME = "libdistarray.so.0"
FLAGS = ["-O2", "-fPIC", "-shared", f"-I{CHECKOUT / 'include'}"]
# The file an MPI's table goes to is named after its binary interface.
PROBE = """#include <mpi.h>
#if defined(OPEN_MPI)
distarray_mpi=openmpi
#elif defined(MPICH_VERSION) || defined(I_MPI_VERSION) || defined(MVAPICH2_VERSION)
distarray_mpi=mpich
#endif
"""


def run(command: list[str], **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, check=True, text=True, capture_output=True, **options)


def compile_c(compiler: str, source: str, target: Path) -> None:
    run([*shlex.split(compiler), *FLAGS, str(ROOT / "distarray" / source), "-o", str(target)])


def mpi_compilers() -> "dict[str, str]":
    """An mpicc for each binary interface, the first that is found."""
    named = os.environ.get("MPICC")
    found: dict[str, str] = {}
    for compiler in [named] if named else ["mpicc", "mpicc.openmpi", "mpicc.mpich"]:
        try:
            words = run([*shlex.split(compiler), "-E", "-"], input=PROBE).stdout.split()
        except (OSError, subprocess.CalledProcessError) as error:
            if named:
                raise SystemExit(f"MPICC is {named}, which cannot compile: {error}")
            continue
        family = next((word.split("=")[1] for word in words if word.startswith("distarray_mpi=")), None)
        if family:
            found.setdefault(family, compiler)
    return found


class Build(build_py):
    def run(self) -> None:
        super().run()
        package = ROOT / "distarray" if self.editable_mode else Path(self.build_lib) / "distarray"
        compile_c(os.environ.get("CC", "cc"), "_native.c", package / "_native.so")
        compilers = mpi_compilers()
        for family, compiler in compilers.items():
            compile_c(compiler, "_mpi.c", package / f"_mpi_{family}.so")
        if not compilers:
            print("no mpicc was found: messages will go through mpi4py, more slowly", file=sys.stderr)
        library = CHECKOUT / "target" / "release" / SONAME
        if library.exists():
            shutil.copyfile(library, package / SONAME)
        elif "DISTARRAY_LIBRARY" not in os.environ:
            raise SystemExit(f"{library} does not exist: run `make` in {CHECKOUT} first")


class Platform(Distribution):
    """The package holds shared libraries of this platform."""

    def has_ext_modules(self) -> bool:
        return True


setup(cmdclass={"build_py": Build}, distclass=Platform)
