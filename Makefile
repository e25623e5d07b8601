# `make demo` and `make test` do all of their own set-up. `make help` says more.
.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-aarch64 clean
SHELL := /bin/bash

help: ## What there is
	@echo "make demo    set up, build, simulate a robot's tour, run it through both ROS 2 nodes, show what came out"
	@echo "             BAG=path: a recording of yours instead (rosbag2, EuRoC, TUM, KITTI, 7-Scenes); OUT=folder (out/demo)"
	@echo "make test    set up, build, run all tests and checks"
	@echo "make test-aarch64  run the kernels' and solvers' tests on emulated aarch64 CPUs with and without half-precision arithmetic"
	@echo "make build   set up, build the nodes and the command line into target/release"
	@echo "make setup   system packages, Rust, ROS 2 and our messages, as far as missing"
	@echo "make clean   remove what was built; what setup installed in .setup stays"

setup:
	@scripts/setup.sh

# A test is built too: it gives the dependencies the same features as `cargo test`, so that nothing is compiled twice.
build: setup
	@scripts/run.sh cargo build --locked --release --features ros --bins --test layers

demo: build
	@scripts/run.sh scripts/demo.sh "$(BAG)" "$(OUT)"

test: setup
	@scripts/run.sh scripts/test.sh

test-aarch64:
	@scripts/test_aarch64.sh

clean:
	rm -rf target build out
