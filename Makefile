# make demo    the main job on the estate in fixtures/; no Docker and no cluster needed
# make cutover-demo  a workload is moved from containers to pods under load, in a lab of its own; as root
# make test    sets everything up and passes every test; starts a Docker engine of its own, so it wants root
# make prove   what takes longer than make test may: the exhaustive proofs of cutover (-s shows their figures)
# make lint    ruff, mypy, the import contracts
# make lab     Docker engines and a Kubernetes for work by hand, until make lab-down (docs/how-to/the-lab.md); as root
# make probe   builds what looks on nodes and hosts during a cutover: dist/podlift-probe, static, for this machine; needs Go
# make bench   measures what docs/benchmarks.md shows

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# two workers keep two cores busy; more only contend for the same engine start
WORKERS ?= 2
PODLIFT := $(BIN)/podlift
ESTATE  := fixtures/edge-estate
DEMO    := .demo
LABS    := $(BIN)/python -m tests.lab
LAB_ID  := $(if $(LAB),--id=$(LAB))

.DEFAULT_GOAL := test
.PHONY: demo cutover-demo test prove lint probe bench lab lab-down lab-status lab-kubeconfig lab-docker lab-load

# The stamp depends on pyproject.toml alone: sources are installed editable, so only dependencies make it stale.
$(STAMP): pyproject.toml
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "make: creating $(VENV) with $(PYTHON)" >&2 && \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "podlift needs Python 3.11: set PYTHON")' && \
	  $(PYTHON) -m venv --clear $(VENV); }
	@echo "make: installing podlift and its tools into $(VENV) (about a minute, once)" >&2
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --editable . --group test --group lint
	@touch $@

# Only $(DEMO) is written. diff ends with 1 where there are differences, which is what is to be shown.
demo: $(STAMP)
	@rm -rf $(DEMO)
	@$(PODLIFT) -q -C $(ESTATE) plan --decisions decisions.earlier.yaml --out $(abspath $(DEMO))/earlier >/dev/null
	@echo '$$ podlift -C $(ESTATE) plan --out $(DEMO)/plan'
	@$(PODLIFT) -C $(ESTATE) plan --out $(abspath $(DEMO))/plan
	@echo
	@echo 'What the answers since the first review changed:'
	@echo '$$ podlift diff $(DEMO)/plan --against $(DEMO)/earlier'
	@$(PODLIFT) diff $(DEMO)/plan --against $(DEMO)/earlier || [ $$? -eq 1 ]
	@echo
	@echo 'Read $(DEMO)/plan/README.md as its reviewer would. Your own engine, by GET only, no cluster needed:'
	@echo '$$ $(PODLIFT) plan --host ssh://USER@MACHINE --out plan'

# Its status is shown meanwhile, and the run's report stays in $(DEMO)/cutover.
cutover-demo: $(STAMP)
	@$(LABS) prepare
	@$(BIN)/python -m tests.cluster.cutover.demo $(DEMO)/cutover

# `prepare` comes first and alone: it says what it would install, and stops here and not in the middle of a run.
test: $(STAMP)
	@$(LABS) prepare
	@$(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

# One after the other: they use all of the machine.
prove: $(STAMP)
	@$(LABS) prepare
	@$(BIN)/python -m pytest -m prove -s $(PYTEST_ARGS)

# The lab of this checkout; LAB=NAME is a second one.
lab: $(STAMP)
	@$(LABS) up $(LAB_ID)

lab-down: $(STAMP)
	@$(LABS) down $(LAB_ID)

lab-status: $(STAMP)
	@$(LABS) status $(LAB_ID)

lab-kubeconfig: $(STAMP)
	@$(LABS) kubeconfig $(LAB_ID)

lab-docker: $(STAMP)
	@$(LABS) docker $(LAB_ID)

# IMAGE=web:1.4 FROM=edge-a1
lab-load: $(STAMP)
	@$(LABS) load $(LAB_ID) $(if $(FROM),--from=$(FROM)) $(if $(IMAGE),'$(IMAGE)',$(error IMAGE=NAME:TAG is missing))

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

probe:
	cd probe && CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o ../dist/podlift-probe .

bench: $(STAMP)
	$(BIN)/python -m benchmarks
