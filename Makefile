# Two commands matter: `make run` shows everything on invented people, `make test` proves it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test soak bench lint docs pictures clean install lock

run: $(VENV)/.installed  ## start web, worker and mail catcher on invented people
	@exec $(BIN)/todoke demo run

test: $(VENV)/.installed-test  ## install what the tests need and run all of them
	@sh tests/system-packages.sh
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python -m tests.type_errors
	@$(BIN)/python -m pytest -n 2 --dist loadfile

soak: $(VENV)/.installed-test  ## what takes long: kills, 100,000 cards, 10 million events, every property in full
	@HYPOTHESIS_EXAMPLES=full $(BIN)/python -m pytest --soak -m "soak or property" -s

bench: $(VENV)/.installed-test  ## measure, each figure beside its reference, into bench/RESULTS.md
	@$(BIN)/python -m bench.run

lint: $(VENV)/.installed-test
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/python -m tests.type_errors

docs: $(VENV)/.installed  ## write docs/settings.md and docs/commands.md from the code
	@$(BIN)/python docs/generate.py

pictures: $(VENV)/.installed-test  ## take the README's pictures from the demo that runs on PORT
	@$(BIN)/python docs/pictures.py

install: $(VENV)/.installed  ## with LOCKED=1: the very versions of requirements.lock, each checked by its hash

lock: $(VENV)/.installed  ## choose the newest versions that pyproject.toml allows, for requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-tools
	@$(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --no-header --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --extra test --extra bench -o requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) build *.egg-info static/dist .pytest_cache .hypothesis .ruff_cache .mypy_cache

# A virtual environment left half made by an interrupted run has no stamp and is made again.
$(VENV)/.installed: pyproject.toml $(wildcard webapp/translations/en/LC_MESSAGES/*.po) $(wildcard static/*)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Todoke needs Python 3.11 or newer (PYTHON=python3.12 make …)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing (once) …"
	@test -z "$(LOCKED)" || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@$(BIN)/python -m webapp.translations
	@$(BIN)/python -m webapp.web.static_files
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed pyproject.toml
	@echo "Installing what the tests need (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,bench]'
	@touch $@
