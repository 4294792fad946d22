# Two commands matter: `make book` renders the book, `make test` runs every check.
# Everything happens in .venv, which is made once from requirements.lock.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/installed
CLIENTS := .venv-clients
HTML   := _build/html
PORT   ?= 8000

# Same results on every machine, up to rounding: one thread per process and, where notebooks run, no
# GPU and no data but the embedded ones.
export OMP_NUM_THREADS = 1
export PYTHONHASHSEED = 0

SOURCES := _config.yml $(shell find book swatlib -type f -not -path '*/.*' -not -path '*/__pycache__/*')
EMBEDDED := env -u SWATLIB_DATA CUDA_VISIBLE_DEVICES=
# How far the numbers of a cell may move stands in the cell; book/_ext/comparison.py has the rules.
NBVAL := --nbval --nbval-current-env --nbval-cell-timeout=120 --nbval-sanitize-with book/_ext/sanitize.cfg

# Makes PyTorch compute as on a processor without AVX-512.
AVX2 := ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2

FREEZE := -m pip freeze --all --exclude-editable --exclude pip | sed 's/+cpu$$//'

.PHONY: help book notebooks html worksheets slides pdf chapter test test-avx2 clients serve lab bench gpu kills lint format lock lock-clients clean

help:
	@echo "make book               render the book (EXECUTE=all runs every notebook again)"
	@echo "make test               run every test, every notebook and the book's own checks"
	@echo "make test-avx2          compare the notebooks as on a processor without AVX-512"
	@echo "make clients            try the library on models of other packages"
	@echo "make chapter NAME=...   write a new chapter from the template (PART=3-swat: in that part)"
	@echo "make worksheets         write a notebook of exercises and checks for each chapter, and one of solutions"
	@echo "make slides             write a deck of slides for each chapter"
	@echo "make pdf                print the whole book to one PDF with Chromium"
	@echo "make serve              show the book on http://localhost:$(PORT)"
	@echo "make lab                open the notebooks in JupyterLab"
	@echo "make bench [TOPIC=...]  time the library against dense PyTorch (JSON=FILE: written there;"
	@echo "                        COMPARE=FILE: ratios over the ratios in an earlier file)"
	@echo "make gpu [PIECES=...]   measure and train what only a GPU can say; without one, its rehearsal"
	@echo "make kills              kill two hundred sweeps at random moments; nothing may be lost"
	@echo "make lint               ruff and mypy"
	@echo "make lock               write requirements.lock from .venv (lock-clients: the other one)"
	@echo "make clean              remove what was built, and .venv"

# Make asks for one thing at a time; the recipes below use both cores themselves.
.NOTPARALLEL:

$(STAMP): requirements.lock pyproject.toml
	@echo "installing the pinned packages into $(VENV); this takes a few minutes, once"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

book: notebooks html
	@echo
	@echo "The book is ready: $(CURDIR)/$(HTML)/index.html"

notebooks: $(STAMP)
	$(EMBEDDED) $(BIN)/python book/_ext/execute.py $(if $(filter all,$(EXECUTE)),--all)
	$(BIN)/python book/_ext/readme_figure.py

# Warnings are errors, and the folder is removed first: an unchanged rebuild forgets old warnings.
html: $(STAMP)
	rm -rf _build
	$(BIN)/jupyter-book build book --config _config.yml --path-output . -W -n --keep-going \
		|| { rm -f $(HTML)/index.html; exit 1; }

# The book's own checks look at rendered pages. They render what is there and execute nothing, so
# that a notebook whose outputs are out of date fails the test instead of being repaired by it.
$(HTML)/index.html: $(SOURCES) | $(STAMP)
	$(MAKE) html

test: $(STAMP) $(HTML)/index.html
	$(BIN)/python -m pytest -n 2 --dist loadfile tests
	$(EMBEDDED) $(BIN)/python -m pytest -n 2 --dist loadfile $(NBVAL) book

test-avx2: $(STAMP)
	@if $(BIN)/python -c 'import torch; exit("AVX512" != torch.backends.cpu.get_cpu_capability())'; \
	then $(EMBEDDED) $(AVX2) $(BIN)/python -m pytest -n 2 --dist loadfile $(NBVAL) book; \
	else echo "skipped: this processor has no AVX-512, make test compared the same"; fi

# Models of other packages need an environment of their own. It is installed without resolving: one
# of them asks for torchvision, which its model does not use and which must not bring another torch.
# What those packages warn of is theirs: no error here.
$(CLIENTS)/installed: requirements-clients.lock pyproject.toml
	@echo "installing other packages' models into $(CLIENTS); this takes a few minutes, once"
	test -x $(CLIENTS)/bin/python || $(PYTHON) -m venv $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-clients.lock
	$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clients: $(CLIENTS)/installed
	CUDA_VISIBLE_DEVICES= $(CLIENTS)/bin/python -m pytest -W default tests/clients

serve: $(HTML)/index.html
	@echo "http://localhost:$(PORT)   (Ctrl-C stops)"
	$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory $(HTML)

# Made from the notebooks and their committed outputs; nothing is executed.
worksheets: $(STAMP)
	$(BIN)/python book/_ext/worksheets.py
	$(BIN)/python book/_ext/worksheets.py --solved

slides: $(HTML)/index.html
	$(BIN)/python book/_ext/slides.py

pdf: $(HTML)/index.html
	$(BIN)/python book/_ext/pdf.py

chapter: $(STAMP)
	@$(EMBEDDED) $(BIN)/python book/_ext/template.py "$(NAME)" "$(PART)"

lab: $(STAMP)
	$(BIN)/jupyter lab --notebook-dir book

bench: $(STAMP)
	env -u OMP_NUM_THREADS $(BIN)/python -m swatlib.bench $(TOPIC) $(if $(JSON),--json $(JSON)) $(if $(COMPARE),--compare $(COMPARE))

# The pinned PyTorch computes on processors only. GPU_PYTHON is one whose PyTorch sees the GPU, with
# the packages of pyproject.toml.
GPU_PYTHON ?= python3
MINUTES    ?= 8

gpu: $(if $(shell command -v nvidia-smi),,$(STAMP))
	$(if $(shell command -v nvidia-smi),PYTHONPATH=$(CURDIR) $(GPU_PYTHON) -m swatlib.cli gpu,$(BIN)/swatlib gpu --rehearse) $(PIECES) --minutes $(MINUTES)

kills: $(STAMP)
	KILLS=$${KILLS:-200} $(BIN)/python -m pytest tests/training/test_kills.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(STAMP)
	$(BIN)/python $(FREEZE) > requirements.lock

lock-clients: $(CLIENTS)/installed
	$(CLIENTS)/bin/python $(FREEZE) > requirements-clients.lock

clean:
	rm -rf $(VENV) $(CLIENTS) _build build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find book swatlib tests -name __pycache__ -type d -prune -exec rm -rf {} +
