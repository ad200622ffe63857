# What can be done here. `make help` lists it.
SHELL := /bin/bash
BINARY := .build/release/agent-system
DEBIAN_PACKAGES := pkg-config libsqlite3-dev libsodium-dev libcurl4-openssl-dev sqlite3 curl python3 python3-venv strace faketime e2fsprogs \
  man-db zsh fish
PACKAGE_TOOLS := debhelper dpkg-dev lintian mmdebstrap systemd-container
PORT ?= 8080
# SwiftPM passes a package's traits on in the order of a hash table: a new order is a new command line, and every other
# build would compile Hummingbird again.
SWIFT_BUILD := SWIFT_DETERMINISTIC_HASHING=1 swift build

.PHONY: help run test test-package build deb packages rigs lint format smoke drill bench stop toolchain

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: build ## set up, start the service in sandbox mode, run a real task on this repository's docs, leave it up
	@packaging/scripts/run-first-task $(BINARY) $(PORT)

stop: ## stop the service that `make run` left up
	@packaging/scripts/stop-sandbox

test: packages toolchain rigs ## set up and pass every test
	$(SWIFT_BUILD) --build-tests
	packaging/scripts/run-tests

build: packages toolchain ## the release binary, at .build/release/agent-system
	@test -x $(BINARY) || echo "The first release build takes 5 to 10 minutes on two cores; later ones take seconds."
	$(SWIFT_BUILD) -c release --static-swift-stdlib --product agent-system

deb: build ## the Debian package, in dist/
	@packaging/scripts/install-packages $(PACKAGE_TOOLS)
	packaging/scripts/deb $(BINARY)

test-package: deb ## the package's whole life in a Debian that is really booted, without a network (as root)
	Tests/Package/run

toolchain:
	@command -v swift >/dev/null || { echo "There is no swift in PATH: install Swift 6.2 or later. With sudo, which has \
	a PATH of its own: sudo env PATH=\"\$$PATH\" make ..." >&2; exit 1; }

packages: ## the Debian packages that building and testing need
	@packaging/scripts/install-packages $(DEBIAN_PACKAGES)

rigs: packages ## Python environments with the model clients and the small real model that tests talk to
	@packaging/scripts/test-rigs

lint: ## the formatter, as strictly as it goes
	swift format lint --strict --recursive Sources Tests Benchmarks Package.swift

format: ## rewrite the sources as the formatter wants them
	swift format --in-place --recursive Sources Tests Benchmarks Package.swift

smoke: ## the main job on a release build: `make run` on a free port, then stop
	$(MAKE) run PORT=0
	$(MAKE) stop

drill: build ## the long proofs, the release binary's among them; output goes to docs/DRILLS.md
	packaging/scripts/drill

bench: build ## figures of a release build on real files, within 5 minutes; output goes to docs/BENCHMARKS.md
	AGENT_SYSTEM_BENCHMARKS=1 $(SWIFT_BUILD) -c release --static-swift-stdlib --product agent-benchmarks
	packaging/scripts/bench
