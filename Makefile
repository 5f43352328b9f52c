# make          the C library and the command, in target/release
# make install  puts them below PREFIX=/usr/local (packaging/install.mk); make uninstall
# make demo     the demonstration on four ranks, under Open MPI and then under MPICH
# make test     all tests: without MPI, with Open MPI, with MPICH
# make bench    the benchmarks
# make docs     the book as a site, in build/book
# make pictures draws the README's pictures, as it says, with the distarray command
# make header   regenerates include/distarray.h from the Rust sources
# make matrix   rewrites docs/src/interoperability.md: which library works in whose memory
# make abi      records the library's binary interface anew in tests/abi/record.txt
# make lint     formatting, lints with and without MPI, documentation, Python types; warnings denied
#
# On Debian 12 with a Rust toolchain nothing else needs to be set up: what is
# missing is installed first (scripts/setup says what). DISTARRAY_CACHE=<directory>
# keeps what is built or fetched once, a PETSc and an mpi4py for MPICH and mdBook,
# outside the checkout.

CARGO  ?= cargo
target := $(abspath $(or $(CARGO_TARGET_DIR),target))

# A program is linked with libdistarray.so, and looks for its SONAME when it runs.
version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
soname  := libdistarray.so.$(firstword $(subst ., ,$(version)))

# The MPI builds and runs below want the two cores for themselves.
.NOTPARALLEL:

.PHONY: all library setup setup-demo demo test bench docs pictures header matrix abi lint clean

all: library $(target)/install/complete

# Library and command in one build: apart, their features would differ and each would
# compile the library anew.
define build
$(CARGO) build --release --target-dir $(target) --package distarray --package distarray-cli
ln -sfn libdistarray.so $(target)/release/$(soname)
endef

library:
	$(build)

include packaging/install.mk

setup:
	@bash scripts/setup

setup-demo:
	@bash scripts/setup demo

demo: setup-demo library
	$(CARGO) build --release --target-dir $(target) --package distarray --package distarray-cli \
	    --package heat-audit
	@echo; echo "One file for both MPIs:"; cd $(target)/release && sha256sum $(soname)
	@$(MAKE) --no-print-directory -C demo library=$(target)/release MPI=openmpi run
	@$(MAKE) --no-print-directory -C demo library=$(target)/release MPI=mpich run
	@echo "Still the same file:"; cd $(target)/release && sha256sum $(soname)

test: setup library
	@bash scripts/test

bench: setup library
	$(CARGO) bench --target-dir $(target)

docs:
	@bash scripts/docs

pictures:
	$(CARGO) build --package distarray-cli --target-dir $(target)
	grep '^distarray plot ' README.md | PATH=$(target)/debug:$$PATH sh -ex

header:
	$(CARGO) check --features header --target-dir $(target)

matrix: setup
	DISTARRAY_WRITE_MATRIX=1 $(CARGO) test --target-dir $(target) --test matrix

abi:
	DISTARRAY_RECORD_ABI=1 $(CARGO) test --target-dir $(target) --test abi_record

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --target-dir $(target) -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --target-dir $(target)
	MPICC=mpicc.openmpi $(CARGO) clippy --all-targets --features mpi \
	    --target-dir $(target)/openmpi -- -D warnings
	cd python && /usr/bin/python3 -m mypy

clean:
	rm -rf $(target) build
