# Two commands: `make run` serves the site, `make test` proves it. Each does all the set-up it needs.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP_INSTALL := install --quiet --disable-pip-version-check --no-deps --require-hashes
INSTALL := $(BIN)/python -m pip $(PIP_INSTALL)
PARALLEL := --numprocesses auto --dist loadfile
APART := .venv-openai-agents/installed .venv-any-agent/installed .venv-beside/installed
CMS := .venv-wagtail/installed .venv-djangocms/installed

.PHONY: run test cases access check format house coverage bench bench-admin bench-agents bench-confidence bench-files \
	bench-ingestion bench-page bench-projects bench-real-model bench-retrieval bench-streams bench-words kill-table matrix screenshots texts \
	train-reader lock clean

run: .venv/run-installed
	@ANONYMOUS_CHAT=$${ANONYMOUS_CHAT:-on} $(BIN)/python manage.py serve

test: .venv/dev-installed $(APART) $(CMS)
	$(BIN)/python -m pytest $(PARALLEL)

# What the site must survive: the tests of tests/cases.txt, and a table of case, tests and result.
cases: .venv/dev-installed $(APART) $(CMS)
	$(BIN)/python -m pytest $(PARALLEL) --cases

check: .venv/dev-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet -ll -c pyproject.toml -r chatsite agents retrieval
	$(BIN)/python manage.py makemigrations --check --dry-run
	HTTPS=on $(BIN)/python manage.py check --deploy --fail-level WARNING

format: .venv/dev-installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Figures of the code itself; `make house BESIDE=../before` puts another checkout beside this one.
house: .venv/dev-installed
	$(BIN)/python -m benchmarks.house $(if $(BESIDE),--beside $(BESIDE))

# Which lines run in tests that need neither servers nor a browser; child processes are not looked into.
coverage: .venv/dev-installed $(APART) $(CMS)
	$(BIN)/python -m pytest $(PARALLEL) -m "not browser and not hosts" \
		--cov --cov-report=term:skip-covered

bench: .venv/dev-installed
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.retrieval

# Every route and verb as each kind of client is answered; a new route gets a line in benchmarks/access/expected.py.
access: .venv/dev-installed
	$(BIN)/python -m benchmarks.access --write docs/access.md

matrix: .venv/dev-installed $(APART)
	$(BIN)/python -m benchmarks.matrix --write docs/hosts.md

bench-agents: .venv/dev-installed
	$(BIN)/python -m benchmarks.agents

bench-retrieval: .venv/dev-installed
	$(BIN)/python -m benchmarks.retrieval

bench-confidence: .venv/dev-installed
	$(BIN)/python -m benchmarks.confidence $(SETS)

bench-ingestion: .venv/dev-installed
	$(BIN)/python -m benchmarks.ingestion

kill-table: .venv/dev-installed
	$(BIN)/python -m benchmarks.kills

# Files of Debian packages; `make bench-files EXPECTED=folder` checks files of which somebody has said what is right.
bench-files: .venv/dev-installed
ifdef EXPECTED
	$(BIN)/python -m benchmarks.expected_files $(EXPECTED)
else
	$(BIN)/python -m benchmarks.real_files
	$(BIN)/python -m benchmarks.tables
endif

# `make bench-words FOLDERS="..." BESIDE=../before`: how much of the files in these folders is read, beside other readers.
bench-words: .venv/dev-installed
	$(BIN)/python -m benchmarks.words_kept $(FOLDERS) $(if $(BESIDE),--beside $(BESIDE)) --worst 10

bench-admin: .venv/dev-installed
	$(BIN)/python -m benchmarks.admin

# A real small model on the loopback; `make bench-real-model BESIDE=../before` asks another checkout's site as well.
bench-real-model: .venv/dev-installed .venv-real-model/installed
	$(BIN)/python -m benchmarks.real_model $(if $(BESIDE),--beside $(BESIDE))

bench-streams: .venv/dev-installed
	$(BIN)/python -m benchmarks.streams

bench-page: .venv/dev-installed
	$(BIN)/python -m benchmarks.page

# Public projects that answer from their own rows; `make bench-projects NAMES="wiki djpress"` tries these alone.
bench-projects: .venv/dev-installed
	$(BIN)/python -m benchmarks.projects $(NAMES) --write docs/projects.md

screenshots: .venv/dev-installed
	$(BIN)/python -m tests.screenshots

# German: takes over what has changed in templates and Python, then compiles what has been translated (gettext).
texts: .venv/dev-installed
	mkdir -p locale/de/LC_MESSAGES
	mv chatsite/locale/de/LC_MESSAGES/django.po locale/de/LC_MESSAGES/
	-DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m django makemessages -l de --no-location --no-wrap \
		--no-obsolete -e html,py -i '.venv*' -i tests -i benchmarks -i docs -i examples -i chatsite/locale
	mv locale/de/LC_MESSAGES/django.po chatsite/locale/de/LC_MESSAGES/
	rm -r locale
	msgfmt --check-format -o chatsite/locale/de/LC_MESSAGES/django.mo chatsite/locale/de/LC_MESSAGES/django.po

# `make train-reader PAIRS=pairs.jsonl.gz`: the weights that RERANK=reader reads with, in an environment that has torch.
# KEPT: what is kept for tests, as `training.prepare` takes it. Then put the printed sha256 into cross_encoder.py.
TRAINING := .venv-training/run
MINUTES ?= 31 19 6

train-reader: .venv/dev-installed .venv-training/installed
	$(BIN)/python -m training.prepare $(PAIRS) $(TRAINING) $(if $(KEPT),--apart $(KEPT))
	nice .venv-training/bin/python -m training.learn $(TRAINING)/first.npz $(TRAINING)/start.npz $(TRAINING)/one.npz \
		--minutes $(word 1,$(MINUTES))
	nice .venv-training/bin/python -m training.learn $(TRAINING)/second.npz $(TRAINING)/one.npz $(TRAINING)/two.npz \
		--minutes $(word 2,$(MINUTES)) --peak 7e-5 --seed 2
	nice .venv-training/bin/python -m training.learn $(TRAINING)/first.npz $(TRAINING)/two.npz $(TRAINING)/three.npz \
		--minutes $(word 3,$(MINUTES)) --peak 7e-5 --seed 3
	$(BIN)/python -m training.graph $(TRAINING)/three.npz

.venv-training/installed: requirements/training.txt
	@echo "Installing training's packages into .venv-training"
	@$(PYTHON) -m venv --clear .venv-training
	@.venv-training/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The locks: every package with its version and hashes, for all platforms and Pythons, and no addresses.
COMPILE_ONLY := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
	--no-header --no-emit-index-url --no-emit-find-links
COMPILE := $(COMPILE_ONLY) pyproject.toml --group weights

lock: .venv/dev-installed
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) -o requirements/run.lock
	$(COMPILE) --group dev --extra frameworks --extra tracing --extra fastembed --extra vectors --extra mcp --extra accounts -c requirements/run.lock -o requirements/dev.lock
	$(COMPILE_ONLY) --group openai-agents -c requirements/dev.lock -o requirements/openai-agents.lock
	$(COMPILE_ONLY) --group any-agent -o requirements/any-agent.lock
	$(COMPILE_ONLY) --group wagtail -c requirements/dev.lock -o requirements/wagtail.lock
	$(COMPILE_ONLY) --group djangocms --no-deps -o requirements/djangocms.lock
	$(COMPILE_ONLY) --group beside --no-deps -o requirements/beside.lock
	$(COMPILE_ONLY) --group real-model --no-deps -o requirements/real-model.lock

.venv/run-installed: requirements/run.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the site's packages into .venv"
	@$(INSTALL) -r $<
	@touch $@

.venv/dev-installed: requirements/dev.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the site's packages and the tools for its tests into .venv"
	@$(INSTALL) -r $<
	@touch $@ .venv/run-installed

# Frameworks that isolated runs are proven with. One of them has a package with the name of ours.
$(APART) .venv-real-model/installed: .venv-%/installed: requirements/%.lock | .venv/dev-installed
	@echo "Installing $* into .venv-$*"
	@$(BIN)/python -m venv --clear --without-pip .venv-$*
	@$(BIN)/python -m pip --python .venv-$*/bin/python $(PIP_INSTALL) -r $<
	@touch $@

# Content management systems whose pages are documents: beside what the site's own environment holds.
$(CMS): .venv-%/installed: requirements/%.lock | .venv/dev-installed
	@echo "Installing $* into .venv-$*"
	@$(BIN)/python -m venv --clear --without-pip .venv-$*
	@$(BIN)/python -m pip --python .venv-$*/bin/python $(PIP_INSTALL) -r $<
	@$(BIN)/python -c "import site; print(site.getsitepackages()[0])" > $$(echo .venv-$*/lib/python*/site-packages)/beside.pth
	@touch $@

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .coverage
