# `make help` explains the targets. What is longer than a line is a program in hack/.

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)

TOOL := $(GO) tool -modfile=hack/tools/go.mod
CONTROLLER_GEN := $(TOOL) controller-gen
KUSTOMIZE := $(TOOL) kustomize
HELM := $(TOOL) helm
KUBECTL ?= kubectl
LINT := $(GO) tool -modfile=hack/lint/go.mod golangci-lint-kube-api-linter
MODULES := . hack/controlplane hack/crds hack/tools hack/lint hack/gitops
# Modules with tests of their own: they need libraries that the product does not.
TEST_MODULES := hack/gitops
PROGRAMS := manager ingress kubectl-sim

# How the programs are built, by make build and in the image: static, and the same bytes wherever the source stands.
BIN ?= bin
VERSION_PACKAGE := github.com/sim-operator/sim-operator/internal/version
STAMP := -X $(VERSION_PACKAGE).version=$(VERSION) -X $(VERSION_PACKAGE).commit=$(COMMIT)
BUILD_FLAGS := -trimpath -buildvcs=false -ldflags='-s -w $(STAMP)'

# The image; times in it are that of the commit.
DOCKER ?= docker
PLATFORMS ?= linux/amd64,linux/arm64
IMAGE_ARGS = --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) --build-arg SOURCE_DATE_EPOCH=$(shell git log -1 --format=%ct)

# Where the markers stand that the roles of the two programs are made from.
MANAGER_RBAC_PATHS := ./controllers/...
INGRESS_RBAC_PATHS := ./internal/ingress/...

# What the generators write, and make verify compares with what is checked in.
GENERATED := api config dist charts docs/api.md docs/benchmarks.md docs/scaling.md

# What make deploy installs, and the image that the manifests are to name in place of the placeholder in config/.
OVERLAY ?= config/default
IMG ?= sim-operator:dev
SET_IMAGE := sed 's|image: sim-operator:dev$$|image: $(IMG)|'

TEST_PACKAGES ?= ./...
TEST_TIMEOUT ?= 15m
# How long a control plane may take to start while other packages compile and test.
export KUBEBUILDER_CONTROLPLANE_START_TIMEOUT ?= 120s

.DEFAULT_GOAL := help

##@ Use

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: assets build ## Start a control plane, the manager and the ingress on this machine; Ctrl-C stops them, data stays in .local/.
	@$(GO) build -o bin/run ./hack/run && exec bin/run $(RUN_ARGS)

.PHONY: simulate
simulate: ## Play Mobile Manager against make run, then check every delivery (RATE=200 DURATION=30s SEED=...).
	@$(GO) build -o bin/simulate ./hack/simulate && exec bin/simulate $(if $(RATE),-rate=$(RATE)) $(if $(DURATION),-duration=$(DURATION)) $(if $(SEED),-seed=$(SEED)) $(SIMULATE_ARGS)

.PHONY: clean
clean: ## Remove what make run keeps (.local/).
	rm -rf .local

.PHONY: distclean
distclean: clean ## Remove also bin/, with the control plane that takes minutes to build.
	rm -rf bin

##@ Cluster

.PHONY: deploy
deploy: ## Install OVERLAY (config/default) with image IMG in the cluster of the current kubeconfig, or upgrade it (APPLY_ARGS=--force-conflicts).
	$(KUSTOMIZE) build $(OVERLAY) | $(SET_IMAGE) | $(KUBECTL) apply --server-side $(APPLY_ARGS) -f -

.PHONY: undeploy
undeploy: ## Take the programs, policies and rights out of sim-operator-system; CRDs, resources, namespace and spools stay.
	for part in ingress manager network-policy flow-control policy rbac; do $(KUSTOMIZE) build config/$$part; echo ---; done | $(KUBECTL) delete --ignore-not-found -f -

##@ Build

.PHONY: build
build: ## Build the programs into BIN (bin), stamped with VERSION and COMMIT.
	CGO_ENABLED=0 $(GO) build -o $(BIN)/ $(BUILD_FLAGS) $(PROGRAMS:%=./cmd/%)
	@install -m 0755 cmd/kubectl-sim/kubectl_complete-sim $(BIN)/

.PHONY: print-stamp
print-stamp: # For tests: the flags that say what was built.
	@echo "$(STAMP)"

.PHONY: reproducible
reproducible: ## Build the programs of the image twice, in two places, for each of PLATFORMS, and compare what came out.
	$(GO) run ./hack/reproducible -platforms=$(PLATFORMS) $(REPRODUCIBLE_ARGS)

.PHONY: docker-build
docker-build: ## Build the image IMG for this machine (DOCKER=podman will do, DOCKER_ARGS="--build-arg RUNTIME_IMAGE=...").
	$(DOCKER) build $(IMAGE_ARGS) $(DOCKER_ARGS) -t $(IMG) .

.PHONY: docker-buildx
docker-buildx: ## Build the image IMG for each of PLATFORMS, and push it (BUILDX_ARGS=--push).
	$(DOCKER) buildx build --platform=$(PLATFORMS) $(IMAGE_ARGS) $(DOCKER_ARGS) $(BUILDX_ARGS) -t $(IMG) .

.PHONY: package-chart
package-chart: ## Write dist/sim-operator-<version>.tgz, the Helm chart (CHART_VERSION=1.2.3 VERSION=v1.2.3, the tag of the image).
	$(HELM) package charts/sim-operator --destination dist $(if $(CHART_VERSION),--version $(CHART_VERSION)) --app-version $(VERSION)

.PHONY: plugin-archives
plugin-archives: ## Build kubectl-sim for every platform, and its krew manifest, into dist/krew (VERSION=v1.2.3).
	$(GO) run ./hack/krew -version $(VERSION)

.PHONY: krew
krew: plugin-archives ## The same as plugin-archives.

.PHONY: assets
assets: ## Get etcd, kube-apiserver and kubectl: $KUBEBUILDER_ASSETS, else a download, else built into bin/ (5 minutes, once).
	@$(GO) run ./hack/assets >/dev/null

.PHONY: generate
generate: ## Write the deep copies of the API's types.
	$(CONTROLLER_GEN) object paths=./api/...

.PHONY: manifests
manifests: ## Write the CRDs, the roles of the two programs and the dashboard into config/, the chart's share of them, and docs/api.md.
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:dir=config/crd/bases
	$(CONTROLLER_GEN) rbac:roleName=sim-operator-manager,fileName=manager_role.yaml paths='$(MANAGER_RBAC_PATHS)' output:rbac:dir=config/rbac
	$(CONTROLLER_GEN) rbac:roleName=sim-operator-ingress,fileName=ingress_role.yaml paths='$(INGRESS_RBAC_PATHS)' output:rbac:dir=config/rbac
	$(GO) run ./hack/dashboard > config/grafana/sim-operator.json
	$(GO) run ./hack/chart
	$(GO) run ./hack/apidocs > docs/api.md

.PHONY: build-installer
build-installer: ## Write dist/install.yaml: config/default as one file, with image IMG.
	@mkdir -p dist
	$(KUSTOMIZE) build config/default | $(SET_IMAGE) > dist/install.yaml

.PHONY: fmt
fmt: ## Format the Go code.
	$(LINT) fmt

##@ Check

.PHONY: test
test: ## Run all tests, against a real control plane (see assets).
	@export KUBEBUILDER_ASSETS=$$($(GO) run ./hack/assets) && test -n "$$KUBEBUILDER_ASSETS" && set -x && \
		$(GO) test -race -timeout=$(TEST_TIMEOUT) $(TEST_PACKAGES) $(if $(filter ./...,$(TEST_PACKAGES)),$(TEST_MODULES:%=&& $(GO) -C % test -race -timeout=$(TEST_TIMEOUT) ./...))

.PHONY: chaos
chaos: assets ## The simulator while processes are killed and frozen and a disk is full (DURATION=60s RATE=300 SEED=...).
	@$(GO) build -o bin/chaos ./hack/chaos && exec bin/chaos $(if $(DURATION),-duration=$(DURATION)) $(if $(RATE),-rate=$(RATE)) $(if $(SEED),-seed=$(SEED)) $(CHAOS_ARGS)

.PHONY: bench
bench: assets ## Measure against the numbers of the design, on a control plane of its own (BENCH_ARGS="-quick", "-only door", "-help").
	@$(GO) build -o bin/bench ./hack/bench && exec bin/bench $(BENCH_ARGS)

.PHONY: microbench
microbench: ## Go benchmarks of the parser, the spool, the merge, the list and the fold, for benchstat (MICROBENCH_ARGS="-count 10").
	@$(GO) test -run '^$$' -bench . -benchmem $(MICROBENCH_ARGS) ./internal/webhook ./internal/spool ./internal/apply ./internal/lean ./controllers

.PHONY: bench-docs
bench-docs: ## Write the tables of docs/ from docs/benchmarks.json, or from RECORD, which takes its place (.local/bench.record.json).
	@$(if $(RECORD),cp $(RECORD) docs/benchmarks.json)
	@$(GO) run ./hack/scaling docs

.PHONY: scaling
scaling: ## Hold what the cost model predicts for the largest size of the record against what was measured there.
	@$(GO) run ./hack/scaling check

.PHONY: docs-test
docs-test: assets ## Do what README.md and docs/ say, in a clone, and compare what it prints (DOCUMENTS=receivers, DOCSTEST_ARGS=-keep).
	@$(GO) run ./hack/docstest $(if $(DOCUMENTS),-run='$(DOCUMENTS)') $(DOCSTEST_ARGS)

FUZZTIME ?= 30s

.PHONY: fuzz
fuzz: ## Fuzz what parses strangers' bytes, each target for FUZZTIME (default 30s).
	$(GO) run ./hack/fuzz -time $(FUZZTIME)

.PHONY: verify
verify: verify-generated verify-modules vet lint ## Check that generated files and go.mod are up to date, and vet and lint the code.

.PHONY: verify-generated
verify-generated: generate manifests build-installer bench-docs ## Generate, and fail if that changes anything that is checked in.
	git diff --exit-code -- $(GENERATED)
	@test -z "$$(git ls-files --others --exclude-standard -- $(GENERATED))" || { git status --short -- $(GENERATED); exit 1; }

.PHONY: verify-modules
verify-modules: ## Fail if a go.mod or go.sum is not tidy.
	@set -e; for module in $(MODULES); do echo "go mod tidy -diff ($$module)"; $(GO) -C $$module mod tidy -diff; done

.PHONY: vet
vet: ## Run go vet.
	$(GO) vet ./... $(TEST_MODULES:%=&& $(GO) -C % vet ./...)

.PHONY: lint
lint: ## Run golangci-lint with the Kubernetes API linter, formatters included.
	$(LINT) run
	@set -e; for module in $(TEST_MODULES); do (set -x; cd $$module && $(GO) tool -modfile=$(CURDIR)/hack/lint/go.mod golangci-lint-kube-api-linter run); done
