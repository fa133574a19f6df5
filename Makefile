# The front door: `make lab` opens the course, `make test` runs what CI runs.
#   make lab ARGS=--check              passes an option on to the command
#   make lab PYTHON=/path/to/python    builds .venv with that interpreter

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
TORCH := $(shell grep '^torch==' constraints.txt)
CPU_INDEX := https://download.pytorch.org/whl/cpu
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

# Threads that wait must sleep: torch and numba each bring a pool, and spinning ones starve the other.
export OMP_WAIT_POLICY ?= passive

.PHONY: lab dash test bench site clean

lab: $(VENV)/.base
	@$(BIN)/marslab lab $(ARGS)

dash: $(VENV)/.base
	@$(BIN)/marslab dash $(ARGS)

bench: $(VENV)/.base
	@$(BIN)/marslab bench $(ARGS)

site: $(VENV)/.base
	@$(BIN)/marslab site $(ARGS)

# One thread per test process: several of them share the cores.
test: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal $(ARGS)

# torch comes first and alone. Asked for together with the rest it may arrive as the CUDA build,
# several GB; where no NVIDIA driver answers, PyTorch's own index has the small CPU build.
$(VENV)/.base: pyproject.toml constraints.txt
	@set -e; start=$$(date +%s); \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "marslab needs Python 3.11 or newer: install it, or name it with PYTHON=/path/to/python" >&2; exit 1; }; \
	  "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$(PYTHON) cannot make virtual environments: on Debian and Ubuntu run 'sudo apt install python3-venv'" >&2; exit 1; }; \
	  "$(PYTHON)" -m venv --clear $(VENV); \
	fi; \
	if ! nvidia-smi -L >/dev/null 2>&1; then \
	  echo "no NVIDIA driver: asking $(CPU_INDEX) for the CPU build of $(TORCH)"; \
	  $(PIP) install --quiet --no-deps --timeout 15 --retries 0 --index-url $(CPU_INDEX) $(TORCH) >/dev/null 2>&1 \
	    || echo "it did not come from there: asking the default index"; \
	fi; \
	$(PIP) install --no-deps $(TORCH); \
	$(PIP) install -c constraints.txt -e .; \
	touch $@; \
	echo "set-up: $$(( $$(date +%s) - start )) s, $(VENV) holds $$(du -sh $(VENV) | cut -f1)"

$(VENV)/.dev: $(VENV)/.base
	@set -e; start=$$(date +%s); \
	$(PIP) install -c constraints.txt -e '.[gpu,arc,edge,cluster,dev]'; \
	touch $@; \
	echo "test set-up: $$(( $$(date +%s) - start )) s, $(VENV) holds $$(du -sh $(VENV) | cut -f1)"

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis test-reports .site-*
	if [ -f site/marslab-site.json ]; then rm -rf site; fi
	find . -name .git -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
