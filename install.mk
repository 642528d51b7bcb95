# install.mk - installing, packages that are needed, and the first run.
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := $(shell sed -n 's/^\#define POISE_VERSION "\(.*\)"/\1/p' poise.h)
MAJOR    = $(firstword $(subst ., ,$(VERSION)))

$(B)/poise.pc: poise.pc.in poise.h install.mk
	$(Q)sed 's,@PREFIX@,$(PREFIX),; s,@VERSION@,$(VERSION),; s,@LIBS@,$(strip $(LIBS) $(OMP)),' poise.pc.in >$@
install: all $(B)/poise.pc                                      ## command, libraries, header, man page; DESTDIR= PREFIX=/usr/local
	$(Q)install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include \
	    $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
	    $(DESTDIR)$(PREFIX)/share/zsh/site-functions
	$(Q)install -m755 $(B)/poise $(DESTDIR)$(PREFIX)/bin/poise
	$(Q)install -m644 poise.h $(DESTDIR)$(PREFIX)/include/poise.h
	$(Q)install -m644 $(B)/libpoise.a $(DESTDIR)$(PREFIX)/lib/libpoise.a
	$(Q)$(if $(STATIC),true,install -m755 $(B)/libpoise.so $(DESTDIR)$(PREFIX)/lib/libpoise.so.$(VERSION) && \
	    ln -sf libpoise.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libpoise.so.$(MAJOR) && \
	    ln -sf libpoise.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libpoise.so)
	$(Q)install -m644 $(B)/poise.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig/poise.pc
	$(Q)$(EMU) $(B)/poise --man >$(DESTDIR)$(PREFIX)/share/man/man1/poise.1
	$(Q)$(EMU) $(B)/poise --completion bash >$(DESTDIR)$(PREFIX)/share/bash-completion/completions/poise
	$(Q)$(EMU) $(B)/poise --completion zsh >$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_poise
	$(Q)[ -n "$(DESTDIR)" ] || [ $$(id -u) != 0 ] || ! command -v ldconfig >/dev/null || ldconfig
example-test: all $(B)/make_tiny ; $(Q)CC="$(CC)" CXX="$(CXX)" tests/example.sh $(B)  ## install into a scratch folder, build and run examples/

# The packages of Debian and its kin: what the demo uses, and what only reading COCO files and testing does.
PACKAGES := gcc libc6-dev make libturbojpeg0-dev libpng-dev
PACKAGES_TOO := pkg-config libjansson-dev libcmocka-dev
setup: ; $(Q)CC='$(CC)' toolchain/setup.sh $(PACKAGES) $(PACKAGES_TOO) ## install what is missing (as root), or say what to type
sysroot: ; $(Q)toolchain/sysroot.sh $(HOST) '$(CC)'             ## static libraries and musl for CC's machine (Debian; installs nothing)
sizes: ; $(Q)toolchain/sizes.sh                                 ## static commands of several machines against their budgets
dist: ; $(Q)toolchain/dist.sh                                   ## archives of static commands and SHA256SUMS, in build/dist
# What make knows of the compiler may be news after the first line, so another make builds.  What to type is said again below.
demo:                                                           ## set up, build, draw people and find them: build/demo/poise-demo.jpg
	$(Q)type=$$(CC='$(CC)' toolchain/setup.sh $(PACKAGES)) || echo "$$type"; \
	$(MAKE) --no-print-directory -j$$(nproc) shown && { [ -z "$$type" ] || printf '\nWith more to build in:\n%s\n' "$$type"; }
shown: $(B)/poise
	$(Q)mkdir -p build/demo && cd build/demo && $(EMU) $(abspath $(B))/poise demo
	$(Q)echo && echo "The picture is in build/demo; the command is $(B)/poise ('make install' installs it)."
docs-images: $(B)/poise                                         ## draw the pictures in docs/images again
	$(Q)$(B)/poise demo docs/images/predict.jpg >/dev/null
	$(Q)$(B)/poise info default -t 1 --svg docs/images/plan.svg >/dev/null
	$(Q)$(B)/poise scene docs/images/scene.jpg --seed 21 --people 4 --vehicles 4 -q
.PHONY: install example-test setup sysroot sizes dist demo shown docs-images
