# The commands of a working day. Each works in a fresh clone: it takes Go (the
# version of go.mod) and, on Debian and Ubuntu, installs the rest it needs.

# The one place that names the linter's version.
GOLANGCI_VERSION := v2.15.0

FUZZTIME     ?= 10s
TEST_TIMEOUT ?= 15m
export FUZZTIME TEST_TIMEOUT

TOOLS    := .tools/bin
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)

# How the programs are built: static, without paths of this machine, stripped.
# The linter looks at the same build, so that both share what they compile.
STATIC := CGO_ENABLED=0 GOFLAGS="$$(go env GOFLAGS) -trimpath"

.PHONY: help test lint format fuzz bench build tidy-check clean

help: ## Show this list.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

test: ## Run go vet and every test, with the race detector.
	@bash scripts/test.sh

lint: $(GOLANGCI) ## Run the linters that .golangci.yml lists.
	$(STATIC) $(GOLANGCI) run ./...

format: $(GOLANGCI) ## Format all code as the linters want it.
	$(GOLANGCI) fmt ./...

fuzz: ## Run each fuzz target for FUZZTIME.
	@bash scripts/fuzz.sh

bench: ## Measure the running system and print the numbers.
	CGO_ENABLED=0 go run ./internal/bench

build: ## Build both programs, static, into bin/.
	$(STATIC) go build -ldflags '-s -w' -o bin/ ./cmd/promptmetrics-server ./cmd/promptmetrics

tidy-check: ## Fail if go.mod or go.sum is not tidy.
	go mod tidy -diff
	go mod verify

clean: ## Remove what was built and the linter.
	rm -rf bin .tools

$(GOLANGCI):
	@echo "== building golangci-lint $(GOLANGCI_VERSION), about a minute"
	@mkdir -p $(TOOLS)
	GOFLAGS= CGO_ENABLED=0 GOBIN="$(CURDIR)/$(TOOLS)" go install -trimpath -ldflags '-s -w' github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(TOOLS)/golangci-lint $@
