# Sluice. `make` alone lists the targets. Prerequisites: Go (go.mod says which), gcc, g++, make; `make compat` also wants
# python3, node and, unless it runs as root and may install them, Maven and a JDK. Everything else lands in ./.tools at the versions pinned here, and nowhere else.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GOTESTSUM_VERSION     := v1.12.3
GOLANGCI_LINT_VERSION := v2.5.0
VERSITYGW_VERSION     := v1.8.0

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null)
STAMP    = -X github.com/sluicelog/sluice/internal/version.release=$(VERSION) -X github.com/sluicelog/sluice/internal/version.commit=$(COMMIT)

TOOLS     := $(CURDIR)/.tools
GOTESTSUM := $(TOOLS)/bin/gotestsum-$(GOTESTSUM_VERSION)
LINTER    := $(TOOLS)/bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
S3SERVER  := $(TOOLS)/bin/versitygw-$(VERSITYGW_VERSION)
PYTHON    := $(TOOLS)/python/installed
AWSCLI    := $(TOOLS)/awscli/installed
KAFKA     := $(TOOLS)/kafka/.installed
JAVA      := $(TOOLS)/java/.installed
RECEIVERS := $(TOOLS)/rsyslog/.installed $(TOOLS)/syslog-ng-core/.installed $(TOOLS)/nginx-light/.installed
RESULTS   := $(TOOLS)/compat/results
NODE      := test/compat/node/node_modules/.package-lock.json

# $(call test,NAME) runs Go tests and leaves a JUnit file that .ci/run sums up. Without DWARF each of a hundred programs is linked in half the time.
test = @mkdir -p $(TOOLS)/junit && $(GOTESTSUM) --format pkgname-and-test-fails --hide-summary skipped --junitfile $(TOOLS)/junit/$(1).xml -- -ldflags=-w

.PHONY: help build run test race lint fmt fuzz-short sim compat bench gen gen-fresh check clean s3server

export SLUICE_COMPAT_RESULTS := $(RESULTS)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/sluiced, bin/sluice and bin/sluice-agent
	go build -trimpath -ldflags '$(STAMP)' -o bin/ ./cmd/sluiced ./cmd/sluice
	CGO_ENABLED=0 go build -trimpath -ldflags '$(STAMP)' -o bin/ ./cmd/sluice-agent

run: build ## start a server on ./data with a live demo; Ctrl-C stops both
	@scripts/run.sh

test: $(GOTESTSUM) $(S3SERVER) ## all tests that need nothing but Go, gcc, g++ and make
	$(call test,test) ./...

race: $(GOTESTSUM) $(S3SERVER) ## the tests under the race detector; the long suites run their short form
	$(call test,race) -race -short -vet=off ./...

lint: $(LINTER) ## go vet, staticcheck and the rest of .golangci.yml
	$(LINTER) run --allow-parallel-runners --build-tags compat ./...
	cd test/compat/golang && $(LINTER) run --allow-parallel-runners ./...

fmt: $(LINTER) ## format the tree
	$(LINTER) fmt ./...

FUZZTIME ?= 3s
fuzz-short: ## every fuzz target: its seeds, then FUZZTIME (3s) of new input
	@scripts/fuzz.sh $(FUZZTIME)

sim: $(GOTESTSUM) ## the seeded simulations, at length
	$(call test,sim) -count=1 -timeout 30m ./test/sim/...
	$(call test,sim-power) -count=1 -timeout 30m -run '^TestPowerCuts$$' ./internal/indexer -seed 1000 -seeds 5000
	$(call test,sim-assistant) -count=1 -timeout 30m -run '^TestSimulation$$' ./internal/assistant -seed 1000 -seeds 1000
	$(call test,sim-trail) -count=1 -timeout 30m -run '^TestSimulation$$' ./internal/trail/ledger -seed 1000 -seeds 1000
	$(call test,sim-trails) -count=1 -timeout 30m -run '^TestSimulation$$' ./internal/trail/courier -seed 1000 -seeds 2000
	$(call test,sim-agent) -count=1 -timeout 60m -run '^TestSimulation$$' ./internal/agent -seed 1000 -seeds 1000
	$(call test,sim-polls) -count=1 -timeout 60m -run '^TestReadersSeeAgainWhatTheySaw$$' ./internal/query -polls 1000000

compat: export PYTHON := $(TOOLS)/python/bin/python
compat: export AWSCLI := $(TOOLS)/awscli/bin/aws
compat: build $(GOTESTSUM) $(PYTHON) $(AWSCLI) $(S3SERVER) $(NODE) $(JAVA) compat-sinks ## the official clients against a live server, deliveries to real destinations
	rm -rf $(RESULTS)
	$(call test,compat) -count=1 -timeout 15m -tags compat -run '^Test(Python|Node|Java|Go|GoSDK|AWS|ReadGoTests|CompatPages)$$' ./test/compat/ ./test/script/
	go run ./test/compat/table $(RESULTS)

.PHONY: compat-table
compat-table: ## write what the last make compat has shown into docs/compat.md
	go run ./test/compat/table -write $(RESULTS)

.PHONY: compat-sinks
compat-sinks: $(GOTESTSUM) $(KAFKA) $(RECEIVERS)
	$(call test,compat-sinks) -count=1 -timeout 20m -tags compat -run '^TestReal' ./internal/delivery/...

bench: build $(S3SERVER) ## the benchmarks: bench/results/*.json and a table (see docs/benchmarks.md)
	go run ./bench $(BENCHFLAGS)

.PHONY: changelog release
changelog: ## what VERSION=0.1.0 will say in CHANGELOG.md; WRITE=1 writes it (see docs/releases.md)
	@go run ./release changelog -version '$(VERSION)' $(if $(DATE),-date '$(DATE)') $(if $(WRITE),-write)

release: ## dist/ for VERSION=0.1.0: archives, SBOMs, sums; ONLY=PATTERN makes some of it
	@go run ./release build -version '$(VERSION)' $(if $(ONLY),-only '$(ONLY)')

gen: ## rewrite the generated files
	go generate ./...

gen-fresh: ## fail if a generated file is not what its generator makes
	@before=$$(git status --porcelain; git diff); go generate ./...; \
	if [ "$$before" != "$$(git status --porcelain; git diff)" ]; then \
		git status --short; echo 'generated files were stale: commit what make gen wrote'; exit 1; fi

check: lint gen-fresh test race fuzz-short compat ## what CI runs

s3server: $(S3SERVER) ## the S3 server of tests; prints where it is
	@echo $(S3SERVER)

clean: ## remove what make built; ./data stays
	rm -rf bin dist dist.partial .tools test/compat/node/node_modules

$(GOTESTSUM):
	@scripts/tool.sh $@ gotest.tools/gotestsum@$(GOTESTSUM_VERSION)

$(LINTER):
	@scripts/tool.sh $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

$(S3SERVER):
	@scripts/tool.sh $@ github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW_VERSION)

$(PYTHON): test/compat/python/requirements.txt test/compat/python/magic.txt
	@scripts/python.sh $(@D) $^
	@touch $@

$(AWSCLI): test/compat/awscli/requirements.txt
	@scripts/python.sh $(@D) $^
	@touch $@

$(KAFKA): test/kafkabroker/pom.xml
	@scripts/jars.sh $(@D) $<
	@touch $@

$(JAVA): test/compat/java/pom.xml
	@scripts/jars.sh $(@D) $<
	@touch $@

$(TOOLS)/rsyslog/.installed: EXTRA := rsyslog-gnutls
$(RECEIVERS): scripts/debs.sh
	@scripts/debs.sh $(@D) $(notdir $(@D)) $(EXTRA)
	@touch $@

$(NODE): test/compat/node/package-lock.json
	cd test/compat/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/.package-lock.json
