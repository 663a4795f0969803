# `make help` lists the targets. All files are created inside this folder.

PYTHON ?= python3
ROS_WHEELS ?= kilted
DATA ?=
JOBS ?= 3
ARGS ?=

# One environment for each Python version and each release of the ROS wheels; .venv is the default
# one. Named after the version, because /opt/a/bin/python3 and /opt/b/bin/python3 may differ.
named := $(shell $(PYTHON) -c 'import sys; print("python%d.%d" % sys.version_info[:2])' 2>/dev/null || echo $(notdir $(PYTHON)))
flavour := $(if $(filter-out python3,$(PYTHON)),-$(named))$(if $(filter-out kilted,$(ROS_WHEELS)),-$(ROS_WHEELS))
VENV ?= .venv$(flavour)
python := $(VENV)/bin/python
stamp := $(VENV)/.set-up
installed := $(wildcard cmake/* msg/*.msg srv/*.srv action/*.action launch/* config/* config/*/* examples/* urdf/* rviz/*)

export ROS_WHEELS
export ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST
export MPLBACKEND := Agg

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format docs colcon clean $(shell sed -n 's/^\(bench-[a-z]*\):.*/\1/p' Makefile)

help:  ## this list
	@echo 'make <target> [PYTHON=python3.12] [ROS_WHEELS=jazzy]'
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' Makefile | expand -t 20

setup: $(stamp)  ## the environment (.venv), with this package and the ROS wheels

$(stamp): setup.py pyproject.toml CMakeLists.txt package.xml $(installed)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo 'make: $(PYTHON) is missing or older than 3.10; name another: make setup PYTHON=python3.12'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' || { \
	  echo 'make: $(PYTHON) has no venv; on Debian and Ubuntu: apt install python3-venv'; exit 1; }
	test -x $(python) || $(PYTHON) -m venv $(VENV)
	rm -f $(stamp)
	$(python) -m pip install --quiet --upgrade 'pip>=23'
	$(python) -m pip install --quiet --editable '.[test,lint]'
	@touch $(stamp)
	@echo 'Set up in $(VENV).'

demo: $(stamp)  ## record, train and predict; DATA=folder takes a recording, ARGS='--help' more
	@exec $(python) -m myogestic_ros.demo $(if $(DATA),--data '$(DATA)') $(ARGS)

test: $(stamp)  ## the tests, several at a time (most of them wait); ARGS='-k name' some of them, JOBS=0 one by one
	@$(python) -m pytest -n $(JOBS) --dist load --maxschedchunk 2 $(ARGS)

lint: $(stamp)  ## ruff, mypy, codespell and yamllint
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy
	$(python) -m codespell_lib . .github .ci .pre-commit-config.yaml .yamllint
	$(python) -m yamllint --strict .

format: $(stamp)  ## write the code as ruff formats it
	$(python) -m ruff check --fix .
	$(python) -m ruff format .

docs: $(VENV)/.set-up-docs  ## the documentation as a site, in build/docs
	rm -rf docs/reference/python/generated
	$(python) -m sphinx -E -b html -W --keep-going -q docs build/docs
	@echo 'Built build/docs/index.html.'

# The extra `docs` of the installed package, without building the package again.
$(VENV)/.set-up-docs: $(stamp)
	$(python) -m pip install --quiet $$($(python) -c 'import importlib.metadata as m, re; print( \
	  *(re.split("[ ;]", r)[0] for r in m.requires("myogestic-ros") if "extra == \"docs\"" in r))')
	@touch $@

bench-accuracy: $(stamp)  ## accuracy on recorded EMG; DATA=folder (default ../shared/data)
	@$(python) bench/accuracy.py --data '$(or $(DATA),../shared/data)' $(ARGS)

bench-decoders: $(stamp)  ## time of every built-in decoder for one window and for a training
	@$(python) bench/decoders.py $(ARGS)

bench-features: $(stamp)  ## time of the features for one window and for many at once
	@$(python) bench/features.py $(ARGS)

bench-recalibration: $(stamp)  ## recalibration with one or two repetitions; DATA=folder
	@$(python) bench/recalibration.py --data '$(or $(DATA),../shared/data)' $(ARGS)

bench-latency: $(stamp)  ## latency from the newest sample to the received prediction
	@$(python) bench/latency.py $(ARGS)

bench-ticks: $(stamp)  ## number and regularity of predictions at several rates
	@$(python) bench/ticks.py $(ARGS)

bench-windows: $(stamp)  ## time and memory to cut a long session into windows
	@$(python) bench/windows.py $(ARGS)

bench-bridge: $(stamp)  ## rate of the bridge's commands, and latency after a prediction
	@$(python) bench/bridge.py $(ARGS)

bench-devices: $(stamp)  ## fake devices: age of the newest sample, losses, load of the driver
	@$(python) bench/devices.py $(ARGS)

bench-recording: $(stamp)  ## data rate of the recorder without loss, effect on predictions
	@$(python) bench/recording.py $(ARGS)

bench-kill: $(stamp)  ## data lost by 200 recorders killed at random moments
	@$(python) bench/kill_recorder.py $(ARGS)

colcon: $(stamp)  ## build and test with colcon, over the wheels' prefix
	@mkdir -p build/colcon
	$(python) -m pip install --quiet colcon-common-extensions 'setuptools>=77' 'cmake<5' ninja catkin_pkg
	$(python) -c 'from setuptools.build_meta import get_requires_for_build_wheel as needs; \
	  open("build/colcon/wheels.txt", "w").write("\n".join(needs()))' >/dev/null
	$(python) -m pip install --quiet -r build/colcon/wheels.txt ros-ament-cmake-pytest
	. $(VENV)/bin/activate && \
	  export AMENT_PREFIX_PATH="$$PWD/$(VENV)" CMAKE_PREFIX_PATH="$$PWD/$(VENV)" && \
	  colcon --log-base build/colcon/log build --build-base build/colcon/build \
	    --install-base build/colcon/install --event-handlers console_direct+ && \
	  PYTEST_ADDOPTS='-n $(JOBS) --dist load --maxschedchunk 2' \
	  colcon --log-base build/colcon/log test --build-base build/colcon/build \
	    --install-base build/colcon/install --event-handlers console_direct+ \
	    --return-code-on-test-failure

clean:  ## remove all created files except recordings and models
	rm -rf .venv .venv-* build *.egg-info out .pytest_cache .mypy_cache .ruff_cache
