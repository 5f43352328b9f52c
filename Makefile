# make          the C library, in target/release
# make demo     the demonstration on four ranks, under Open MPI and then under MPICH
# make test     all tests: without MPI, with Open MPI, with MPICH
# make bench    the benchmarks
# make header   regenerates include/distarray.h from the Rust sources
# make matrix   rewrites docs/src/interoperability.md: which library works in whose memory
# make lint     formatting, lints with and without MPI, documentation; warnings denied
#
# On Debian 12 with a Rust toolchain nothing else needs to be set up: what is
# missing is installed first (scripts/setup says what). DISTARRAY_CACHE=<directory>
# keeps the PETSc that is built over MPICH outside the checkout.

CARGO  ?= cargo
target := $(CURDIR)/target

# The MPI builds and runs below want the two cores for themselves.
.NOTPARALLEL:

.PHONY: library setup setup-bench demo test bench header matrix lint clean

library: $(target)/release/libdistarray.so.0

# A program is linked with libdistarray.so, and looks for its SONAME when it runs.
soname := libdistarray.so.0

$(target)/release/$(soname): FORCE
	$(CARGO) build --release --target-dir $(target)
	ln -sfn libdistarray.so $@

setup:
	@bash scripts/setup

setup-bench:
	@bash scripts/setup bench

demo: setup library
	$(CARGO) build --release --target-dir $(target) --package heat-audit
	@echo; echo "One file for both MPIs:"; cd $(target)/release && sha256sum $(soname)
	@$(MAKE) --no-print-directory -C demo MPI=openmpi run
	@$(MAKE) --no-print-directory -C demo MPI=mpich run
	@echo "Still the same file:"; cd $(target)/release && sha256sum $(soname)

test: setup
	@bash scripts/test

bench: setup-bench library
	$(CARGO) bench --target-dir $(target)

header:
	$(CARGO) check --features header --target-dir $(target)

matrix: setup
	DISTARRAY_WRITE_MATRIX=1 $(CARGO) test --target-dir $(target) --test matrix

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --target-dir $(target) -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --target-dir $(target)
	MPICC=mpicc.openmpi $(CARGO) clippy --all-targets --features mpi \
	    --target-dir $(target)/openmpi -- -D warnings

clean:
	rm -rf $(target) build

FORCE:
