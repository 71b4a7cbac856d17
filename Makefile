# The front door. `make demo` shows the product, `make test` proves it; both install what is missing (Debian 12).

PRESET ?= release
JOBS ?= $(shell nproc)
BENCH ?= OFF

.PHONY: help deps deps-build deps-test deps-bench deps-lint build demo test bench mutants lint format package clean

help:
	@echo "make demo     build, then watch simulated routers measured and delivered for 20 seconds"
	@echo "make test     build and pass all tests: sanitizers, two compilers, real FRR, real Zabbix"
	@echo "make build    optimised programs in build/release/bin/"
	@echo "make bench    figures against their rivals"
	@echo "make mutants  the pool's core broken by hand, rule by rule: its tests must notice"
	@echo "make deps lint format package clean"

deps: deps-build deps-test deps-bench deps-lint

deps-build:
	@packaging/install-packages.sh packaging/packages-build.txt

deps-test:
	@packaging/install-packages.sh packaging/packages-build.txt packaging/packages-test.txt tests/system/packages.txt
	-@packaging/unpack-package.sh zabbix-proxy-sqlite3 build/zabbix-proxy # conflicts with the server, its test is skipped without

deps-bench:
	@packaging/install-packages.sh packaging/packages-build.txt packaging/packages-bench.txt

deps-lint:
	@packaging/install-packages.sh packaging/packages-build.txt packaging/packages-test.txt packaging/packages-lint.txt

build: deps-build
	@mkdir -p build
	@cmake --preset $(PRESET) -DBUILD_TESTING=OFF -DLINEWATCH_BENCH=$(BENCH) >build/$(PRESET).log 2>&1 || { cat build/$(PRESET).log; exit 1; }
	@cmake --build build/$(PRESET) -j $(JOBS)

demo: build
	@python3 tests/demo/demo.py build/release/bin

test: deps-test
	@tests/run-all.sh $(JOBS)

bench: BENCH = ON
bench: build deps-bench
	@python3 tests/bench/bench.py build/release/bin

mutants: deps-test
	@python3 tests/mutants/mutants.py

lint: deps-lint
	@packaging/lint.sh $(JOBS)

format: deps-lint
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 -i

package: build
	@packaging/install-packages.sh packaging/packages-package.txt
	@cd build/release && cpack -G DEB -B ../package >cpack.log 2>&1 || { cat cpack.log; exit 1; }
	@ls build/package/*.deb

clean:
	rm -rf build
