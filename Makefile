# Front door. `make demo` and `make test` install what is missing; both are idempotent.

BINARIES := //coordinator:cohort-coordinator //rollout_worker:cohort-rollout-worker //learner:cohort-learner //cli:cohortctl

.PHONY: help setup setup-tests build demo test test-sanitizers test-gpu test-oracle bench format lint

help:
	@echo 'make demo         install, build, and train a small model by RLVR in front of you'
	@echo 'make test         install, build, and run every test that needs no GPU'
	@echo 'make test-sanitizers  the torch-free rooms under address, undefined-behavior and thread sanitizers'
	@echo 'make test-gpu     the tests that need a GPU (and a CUDA toolkit)'
	@echo 'make build        the four binaries, into bazel-bin/'
	@echo 'make test-oracle  compare every architecture and a checkpoint with transformers from PyPI (about 5 GB)'
	@echo 'make bench        the CPU benchmarks'
	@echo 'make format       clang-format every source; make lint checks instead'

setup:
	@tools/setup.sh

setup-tests:
	@tools/setup.sh --tests

build: setup
	@tools/build.sh $(BINARIES)

demo: build
	@examples/arithmetic/run_demo.sh

test: setup-tests
	@tools/run_tests.sh

test-sanitizers: setup-tests
	@tools/run_tests.sh --sanitizers

test-gpu: setup-tests
	@tools/setup.sh --cuda
	@bazel test --config=cuda --test_tag_filters=gpu //...

test-oracle: build
	@tools/setup.sh --developer
	@tests/oracle/run.sh

bench: setup
	@tools/run_benchmarks.sh

format:
	@tools/setup.sh --developer
	@git ls-files '*.h' '*.cc' '*.cu' '*.cuh' | xargs clang-format -i

lint:
	@tools/setup.sh --developer
	@git ls-files '*.h' '*.cc' '*.cu' '*.cuh' | xargs clang-format --dry-run -Werror
