# Each target makes the environment that it needs. PYTHON chooses the interpreter, VENV the folder.
PYTHON ?= python3
# A sourced ROS is used, elsewhere the wheels of ROS_WHEELS (jazzy, kilted): an environment for each.
ROS_WHEELS ?= jazzy
VENV ?= .venv$(addprefix -,$(or $(ROS_DISTRO),$(filter-out jazzy,$(ROS_WHEELS))))
# torch's default build brings CUDA, some gigabytes; name another one here.
TORCH ?= torch

DEMO_INPUT ?=
DEMO_OUTPUT ?= out/demo
DEMO_ARGS ?=
PYTEST_ARGS ?=
# Most tests wait for processes and DDS, so that three at once keep two processors busy; for --pdb
# and -s it must be 0.
TEST_PROCESSES ?= 3

# For gpu-check: `--minutes 20`, or `--rehearse` for all of its steps on the CPU.
GPU_CHECK_ARGS ?=

# For benchmark-training: a checkout of milesial/Pytorch-UNet, a labelled folder with train and val.
PEER ?=
DATA ?=
MINUTES ?= 5

comma := ,
ROS_EXTRA := $(if $(ROS_DISTRO),,$(comma)ros$(addprefix -,$(filter-out jazzy,$(ROS_WHEELS))))
BIN := $(VENV)/bin
PYTEST = $(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES)
# ROS's messages are built for the system's NumPy and cannot be imported under another major version.
NUMPY := $(if $(ROS_DISTRO),numpy==$(shell $(PYTHON) -c 'import numpy; print(numpy.__version__)'))
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(NUMPY)

.PHONY: demo test test-training lint colcon installed benchmark benchmark-training gpu-check venv \
  clean

demo: $(VENV)/.runtime
	$(BIN)/unet-seg demo --output $(DEMO_OUTPUT) $(if $(DEMO_INPUT),--input '$(DEMO_INPUT)') $(DEMO_ARGS)

test: $(VENV)/.test
	$(PYTEST) -m 'not training' $(PYTEST_ARGS)

test-training: $(VENV)/.training
	$(PYTEST) -m training $(PYTEST_ARGS)

lint: $(VENV)/.training $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -c "from catkin_pkg.package import parse_package as p; p('package.xml').validate()"

colcon: $(VENV)/.test $(VENV)/.colcon
	. $(BIN)/activate && colcon build --event-handlers console_direct+
	. $(BIN)/activate && colcon test --event-handlers console_direct+ \
	  $(if $(PYTEST_ARGS),--pytest-args $(PYTEST_ARGS))
	. $(BIN)/activate && colcon test-result --verbose

# A wheel in an environment that does not see the checkout: are all files installed, and found?
installed: $(VENV)/.made
	$(INSTALL) .
	cd $(VENV) && bin/unet-seg evaluate --scenes 2
	cd $(VENV) && ls share/unet_seg_ros/config/segmentation.yaml \
	  share/unet_seg_ros/config/fastdds_profile.xml share/unet_seg_ros/config/training/town02.yaml \
	  share/unet_seg_ros/config/segmentation.rviz share/unet_seg_ros/launch/carla.launch.py \
	  share/unet_seg_ros/launch/segmentation.launch.py share/unet_seg_ros/package.xml

benchmark: $(VENV)/.test
	$(BIN)/python test/benchmark/run.py --output docs/benchmark.md

benchmark-training: $(VENV)/.training
	$(if $(and $(PEER),$(DATA)),,$(error usage: make $@ PEER=path/to/Pytorch-UNet DATA=path [MINUTES=5]))
	$(INSTALL) pillow  # the peer reads its frames with it
	$(BIN)/python test/benchmark/train_peer.py --peer '$(PEER)' --data '$(DATA)' \
	  --minutes $(MINUTES) --output docs/training_benchmark.md

# On a machine with a GPU: its tests, then engines beside each other. TensorRT and onnxruntime-gpu
# take part where they were installed into the environment.
gpu-check: $(VENV)/.training
	$(BIN)/python test/benchmark/gpu_check.py $(GPU_CHECK_ARGS)

venv:
	@echo $(VENV)

clean:
	rm -rf build install log out .venv .venv-*

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "$(PYTHON) is not Python 3.10 to 3.13: name one that is, make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
	  || { echo "$(PYTHON) cannot make environments: install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(if $(ROS_DISTRO),--system-site-packages) $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.made setup.py
	$(INSTALL) -e '.[recordings$(ROS_EXTRA)]'
	@touch $@

$(VENV)/.test: $(VENV)/.runtime
	$(INSTALL) -e '.[test]'
	@touch $@

$(VENV)/.training: $(VENV)/.test
	$(INSTALL) '$(TORCH)'
	$(INSTALL) -e '.[training,tensorrt-rtx]'
	@touch $@

$(VENV)/.lint: $(VENV)/.runtime
	$(INSTALL) -e '.[lint]'
	@touch $@

$(VENV)/.colcon: $(VENV)/.runtime
	$(INSTALL) colcon-common-extensions colcon-ros 'setuptools<80'
	@touch $@
