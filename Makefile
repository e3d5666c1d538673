# Every target sets up what it needs; `make help` lists them. Variables go on the command line: make demo COUNT=24
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON     ?= $(shell command -v python3.11 || command -v python3)
DATA_ROOT  ?=
DATASET    ?= pratheepan
COUNT      ?= 400
SEED       ?= 0
WORKERS    ?= $(shell nproc 2>/dev/null || echo 1)
RENDERED   ?= rendered/default
# What is rendered: mixed, faces, portraits, full_body, hands or torsos; and a folder of your own photographs for the walls.
FRAMES     ?= mixed
BACKGROUNDS ?=
# auto takes cpu or gpu by what the machine has; paper is the paper's exact recipe.
PRESET     ?= auto
CHECKPOINT ?= runs
SUBSET     ?= test
OUT        ?= results/latest
ARGS       ?=
# Of study: its name (docs/studies.md), or its file; of study and crosseval: laptop or paper.
NAME       ?= adaptation
SCALE      ?= laptop

VENV    := .venv
RENDER  := .venv-render
SKINSEG := $(VENV)/bin/skinseg

# bpy 5.0.1 pins Python 3.11 and NumPy < 2, which the trainer has left: it lives alone.
RENDER_PACKAGES := bpy==5.0.1 numpy==1.26.4

# A second thread must not spin while the first works.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: help
help:  ## This list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo "Variables: DATA_ROOT=dir DATASET=name COUNT=frames SEED=n WORKERS=n PRESET=auto|cpu|gpu|paper"
	@echo "           FRAMES=mixed|faces|portraits|full_body|hands|torsos BACKGROUNDS=dir-of-photographs"
	@echo "           CHECKPOINT=file-or-run RENDERED=dir OUT=dir ARGS='more options of the command'"
	@echo "           NAME=adaptation|scarce_real|... of study, SCALE=laptop|paper of study and crosseval"

# ---------------------------------------------------------------------------------------------- set-up

.PHONY: setup
setup: $(VENV)/.ready $(RENDER)/.ready $(VENV)/.body  ## Both environments and the body model (once)

# uv installs this stack in seconds where pip takes minutes; pip is the fallback and gives the same versions.
$(VENV)/.ready: pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "skinseg: error: PYTHON=$(PYTHON) is not Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	test -x $(VENV)/bin/python || "$(PYTHON)" -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python -c constraints.txt -e '.[synthetic,cluster,export,imagenet,wandb,dev,notebooks]' \
	  || $(VENV)/bin/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[synthetic,cluster,export,imagenet,wandb,dev,notebooks]'
	touch $@

# uv finds a Python 3.11 on the machine or brings one.
$(RENDER)/.ready: | $(VENV)/.ready
	test -x $(RENDER)/bin/python || $(VENV)/bin/uv venv --quiet --python 3.11 $(RENDER) || \
	  { echo "skinseg: error: no Python 3.11 for the renderer: Blender's bpy needs exactly 3.11; install it and run make setup again" >&2; exit 2; }
	$(VENV)/bin/uv pip install --quiet --python $(RENDER)/bin/python $(RENDER_PACKAGES)
	touch $@

# anny derives its blend shapes once, in one to three minutes, and keeps them in the user's cache.
$(VENV)/.body: | $(VENV)/.ready
	$(VENV)/bin/python -m skinseg.synthetic.body.human
	touch $@

.PHONY: constraints
constraints: $(VENV)/.ready  ## Write constraints.txt anew from what is installed
	{ sed -n '/^#/p' constraints.txt; $(VENV)/bin/uv pip freeze --python $(VENV)/bin/python --exclude-editable \
	  | grep -v -i -E '^(nvidia-|triton|cuda-|pip=|uv=)'; } > constraints.new && mv constraints.new constraints.txt

# ------------------------------------------------------------------------------------------------- work

fit      = $(SKINSEG) fit --preset $(PRESET) --config $(1)
render   = $(SKINSEG) render --config $(FRAMES) --count $(1) --seed $(2) --workers $(WORKERS) --out $(3) \
           $(if $(BACKGROUNDS),--backgrounds "$(BACKGROUNDS)")
study    = $(SKINSEG) study run "$(1)" --scale $(SCALE) --data-root "$(DATA_ROOT)" $(if $(BACKGROUNDS),--backgrounds "$(BACKGROUNDS)") $(ARGS)
need_data = @test -n "$(DATA_ROOT)" || { echo "skinseg: error: DATA_ROOT is not set; name the folder that holds the datasets: make $@ DATA_ROOT=/path/to/data" >&2; exit 2; }

# Few epochs, to see everything once in minutes; a learning claim needs `make pretrain` and `make finetune`.
.PHONY: demo
demo: setup  ## The main job, small: render, pretrain, score; with DATA_ROOT also on photographs
	$(if $(DATA_ROOT),$(SKINSEG) data check "$(DATA_ROOT)")
	$(call render,96,0,rendered/demo)
	$(call fit,pretrain) --data.data_root rendered/demo --data.repeat 4 --trainer.max_epochs 6 --trainer.check_val_every_n_epoch 3 --job demo/pretrain
	$(SKINSEG) evaluate --checkpoint runs/demo/pretrain --rendered rendered/demo --out results/demo/pretrained $(if $(DATA_ROOT),--data-root "$(DATA_ROOT)")
	$(if $(DATA_ROOT),$(SKINSEG) data check --names "$(DATA_ROOT)" | while read -r name; do \
	  $(call fit,finetune) --data.size 128 --data.repeat 2 --trainer.max_epochs 1 --data.dataset "$$name" --data.data_root "$(DATA_ROOT)" \
	    --model.pretrained runs/demo/pretrain --job "demo/finetune-$$name" </dev/null; \
	  $(SKINSEG) evaluate --checkpoint "runs/demo/finetune-$$name" --data-root "$(DATA_ROOT)" --out "results/demo/finetuned-$$name" </dev/null; \
	done)

.PHONY: render
render: setup  ## Render COUNT frames into RENDERED (goes on where it stopped)
	$(call render,$(COUNT),$(SEED),$(RENDERED)) $(ARGS)

.PHONY: pretrain
pretrain: setup  ## Render what is missing of COUNT frames, then train both heads: runs/pretrain/
	$(call render,$(COUNT),0,$(RENDERED))
	$(call fit,pretrain) --data.data_root $(RENDERED) --seed_everything $(SEED) $(ARGS)

.PHONY: finetune
finetune: setup  ## Train on DATASET from the newest pretraining, or the released model: runs/finetune/
	$(need_data)
	$(call fit,finetune) --data.dataset $(DATASET) --data.data_root "$(DATA_ROOT)" --seed_everything $(SEED) $(ARGS)

# The weights in the box, from nothing: hours. Its own folders, so that it goes on where it was stopped. Two rounds: small patches
# of the first frames, then large ones of all, as small ones are cheaper and teach most of it.
RELEASE_FIRST ?= 1459
RELEASE_COUNT ?= 2600
release_fit = $(SKINSEG) fit --preset cpu --config pretrain --data.data_root rendered/release
.PHONY: release
release: setup  ## Render, train and export the model that comes with the package, again; DATA_ROOT scores it too
	$(if $(wildcard runs/release-first/*/result.json),,$(call render,$(RELEASE_FIRST),0,rendered/release))
	$(if $(wildcard runs/release-first/*/result.json),,$(release_fit) --data.size 192 --job release-first \
	  --trainer.max_epochs 24 --trainer.check_val_every_n_epoch 8)
	$(call render,$(RELEASE_COUNT),0,rendered/release)
	$(call render,700,1,rendered/release-held-out)
	$(release_fit) --data.size 256 --job release --model.pretrained runs/release-first --model.lr 0.0005 \
	  --trainer.max_epochs 7 --trainer.check_val_every_n_epoch 7
	$(SKINSEG) export runs/release --half --out exported/release
	$(SKINSEG) evaluate --checkpoint exported/release --subset all --rendered rendered/release-held-out --out results/release \
	  $(if $(DATA_ROOT),--data-root "$(DATA_ROOT)")
	$(SKINSEG) export runs/release --half --out exported/release --results results/release
	printf '\n## Made by\n\n`make release RELEASE_FIRST=%s RELEASE_COUNT=%s DATA_ROOT=...` in a checkout, which goes on where it was stopped.\n' \
	  $(RELEASE_FIRST) $(RELEASE_COUNT) >> exported/release/README.md
	mkdir -p skinseg/weights && cp exported/release/{model.safetensors,model.onnx,config.json,README.md} skinseg/weights/

.PHONY: evaluate
evaluate: setup  ## Score CHECKPOINT (newest run) on every dataset under DATA_ROOT; report in OUT
	@test -n "$(DATA_ROOT)" || echo "DATA_ROOT is not set: scoring on held-out frames only"
	$(SKINSEG) evaluate --checkpoint $(CHECKPOINT) --subset $(SUBSET) --out $(OUT) \
	  $(if $(DATA_ROOT),--data-root "$(DATA_ROOT)") $(if $(wildcard $(RENDERED)/scenes.parquet),--rendered $(RENDERED)) $(ARGS)

.PHONY: crosseval
crosseval: setup  ## Train on each dataset with and without pretraining, score each on all: study cross_dataset
	$(need_data)
	$(call study,cross_dataset)

.PHONY: study
study: setup  ## Run what is missing of an experiment of the paper: NAME, SCALE=laptop|paper
	$(need_data)
	$(call study,$(NAME))

.PHONY: report
report: setup  ## Write the report in OUT again from its stored rows
	$(SKINSEG) report $(OUT)

# ----------------------------------------------------------------------------------------------- checks

.PHONY: lint
lint: $(VENV)/.ready  ## ruff and strict mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# worksteal: a file's tests stay together, so what they share (renders, trainings) is made once, until a worker is idle.
.PHONY: test
test: setup  ## The whole test suite, real Blender included
	$(VENV)/bin/python -m pytest -n 2 --dist worksteal $(ARGS)

.PHONY: test-fast
test-fast: $(VENV)/.ready  ## Without what renders, trains or takes seconds
	$(VENV)/bin/python -m pytest -n 2 --dist worksteal --hypothesis-profile fast -m 'not slow' $(ARGS)

# Minutes; a small sample of each campaign is in the suite.
FAULTS ?= 1000
KILLS  ?= 10
.PHONY: faults
faults: setup  ## Mutated inputs, hostile files, kills at random moments, and the counts: SEED=n FAULTS=n KILLS=n
	$(VENV)/bin/python -m tests.faults --seed $(SEED) --count $(FAULTS) --kills $(KILLS) $(ARGS)

.PHONY: clean
clean:  ## Remove caches and environments; runs, results and rendered frames stay
	rm -rf $(VENV) $(RENDER) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis
