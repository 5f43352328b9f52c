# make install and make uninstall, included by the Makefile.
#
#   make install PREFIX=$HOME/.local         without root
#   make install DESTDIR=stage PREFIX=/usr libdir=/usr/lib/x86_64-linux-gnu
#
# Directories have the names of the GNU coding standards. After `make` nothing is
# compiled or downloaded here. The installed tree may be moved: pkg-config and CMake
# find everything from where their own file lies.

PREFIX      ?= /usr/local
prefix       = $(PREFIX)
exec_prefix  = $(prefix)
bindir       = $(exec_prefix)/bin
libdir       = $(exec_prefix)/lib
includedir   = $(prefix)/include
datarootdir  = $(prefix)/share
datadir      = $(datarootdir)
docdir       = $(datarootdir)/doc/distarray
mandir       = $(datarootdir)/man
pkgconfigdir = $(libdir)/pkgconfig
cmakedir     = $(libdir)/cmake/distarray
man1dir      = $(mandir)/man1
bashdir      = $(datadir)/bash-completion/completions
zshdir       = $(datadir)/zsh/site-functions
fishdir      = $(datadir)/fish/vendor_completions.d
fortrandir   = $(datadir)/distarray/fortran

INSTALL         = install
INSTALL_PROGRAM = $(INSTALL) -m 755
INSTALL_DATA    = $(INSTALL) -m 644
# What is installed carries neither debug sections nor, in the archive, the compiler's
# bitcode: so no path of the place where it was built. STRIP=: keeps them.
STRIP ?= strip
RUSTC ?= rustc

# What `make install` copies, ready by `make`.
ready   := $(target)/install
real    := libdistarray.so.$(version)
headers := $(wildcard include/*.h include/*.hpp)
fortran := $(wildcard include/*.f90 include/*.F90 include/*.inc include/*_fortran.c)
papers  := README.md LICENSE-APACHE LICENSE-MIT
samples := $(wildcard c-examples/*.c c-examples/*.cpp c-examples/*.f90)
sources := $(shell find src command/src -name '*.rs') build.rs Cargo.toml Cargo.lock command/Cargo.toml

$(ready)/complete: $(sources) packaging/install.mk
	$(build)
	rm -rf $(ready)
	mkdir -p $(ready)
	cp $(target)/release/libdistarray.so $(ready)/$(real)
	cp $(target)/release/libdistarray.a $(target)/release/distarray $(ready)
	$(STRIP) --strip-unneeded $(ready)/$(real) $(ready)/distarray
	$(STRIP) --strip-debug -R .llvmbc -R .llvmcmd $(ready)/libdistarray.a
	echo | $(RUSTC) --crate-type staticlib --print native-static-libs -o $(ready)/empty.a - 2>&1 | \
	    sed -n 's/.*native-static-libs: //p' >$(ready)/native-libs
	grep -q . $(ready)/native-libs && rm $(ready)/empty.a
	cd $(ready) && for shell in bash zsh fish; do ./distarray completions $$shell >$$shell || exit; done
	cd $(ready) && ./distarray man >distarray.1
	cd $(ready) && for name in $$(sed -n 's/^distarray\\-\(.*\)(1)$$/\1/p' distarray.1); do \
	    ./distarray man $$name >distarray-$$name.1 || exit; done
	touch $@

# A way from one directory to another, as text; both need not exist.
way = $(shell realpath -ms --relative-to=$(1) $(2))

# Fills in a template: paths relative to where the file will lie.
configure = sed -e 's|@version@|$(version)|' -e 's|@soname@|$(soname)|' \
    -e 's|@to_prefix@|$(call way,$(1),$(or $(prefix),/))|' \
    -e 's|@libdir@|$(call way,$(or $(prefix),/),$(libdir))|' \
    -e 's|@includedir@|$(call way,$(or $(prefix),/),$(includedir))|' \
    -e 's|@fortrandir@|$(call way,$(or $(prefix),/),$(fortrandir))|' \
    -e "s|@native_libs@|$$(cat $(ready)/native-libs)|" packaging/$(2).in \
    >$(DESTDIR)$(1)/$(2) && chmod 644 $(DESTDIR)$(1)/$(2)

directories = $(bindir) $(libdir) $(pkgconfigdir) $(cmakedir) $(includedir) $(fortrandir) \
    $(man1dir) $(bashdir) $(zshdir) $(fishdir) $(docdir)/examples

.PHONY: install uninstall

install: $(ready)/complete
	$(if $(filter-out /%,$(directories)),$(error PREFIX and the directories must be absolute: $(directories)))
	$(INSTALL) -d -m 755 $(addprefix $(DESTDIR),$(directories))
	$(INSTALL_PROGRAM) $(ready)/distarray $(DESTDIR)$(bindir)
	$(INSTALL_PROGRAM) $(ready)/$(real) $(DESTDIR)$(libdir)
	ln -sfn $(real) $(DESTDIR)$(libdir)/$(soname)
	ln -sfn $(soname) $(DESTDIR)$(libdir)/libdistarray.so
	$(INSTALL_DATA) $(ready)/libdistarray.a $(DESTDIR)$(libdir)
	$(INSTALL_DATA) $(headers) $(DESTDIR)$(includedir)
	$(INSTALL_DATA) $(fortran) $(DESTDIR)$(fortrandir)
	$(INSTALL_DATA) $(ready)/*.1 $(DESTDIR)$(man1dir)
	$(INSTALL_DATA) $(ready)/bash $(DESTDIR)$(bashdir)/distarray
	$(INSTALL_DATA) $(ready)/zsh $(DESTDIR)$(zshdir)/_distarray
	$(INSTALL_DATA) $(ready)/fish $(DESTDIR)$(fishdir)/distarray.fish
	$(INSTALL_DATA) $(papers) $(DESTDIR)$(docdir)
	$(INSTALL_DATA) $(samples) $(DESTDIR)$(docdir)/examples
	@$(call configure,$(pkgconfigdir),distarray.pc)
	@$(call configure,$(cmakedir),distarray-config.cmake)
	@$(call configure,$(cmakedir),distarray-config-version.cmake)

uninstall:
	rm -f $(addprefix $(DESTDIR),\
	    $(bindir)/distarray \
	    $(addprefix $(libdir)/,$(real) $(soname) libdistarray.so libdistarray.a) \
	    $(pkgconfigdir)/distarray.pc \
	    $(man1dir)/distarray.1 $(bashdir)/distarray $(zshdir)/_distarray $(fishdir)/distarray.fish \
	    $(addprefix $(cmakedir)/,distarray-config.cmake distarray-config-version.cmake) \
	    $(addprefix $(includedir)/,$(notdir $(headers))) \
	    $(addprefix $(fortrandir)/,$(notdir $(fortran))) \
	    $(addprefix $(docdir)/,$(papers)) \
	    $(addprefix $(docdir)/examples/,$(notdir $(samples)))) \
	    $(DESTDIR)$(man1dir)/distarray-*.1
	rmdir --ignore-fail-on-non-empty $(addprefix $(DESTDIR),\
	    $(cmakedir) $(fortrandir) $(datadir)/distarray $(docdir)/examples $(docdir))
