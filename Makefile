# Everything a developer of firebreak runs. `make` alone lists it.

SHELL         := bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
FUZZTIME ?= 30s
SEEDS    ?= 10
N        ?= 1
KILLS    ?= 200
SEED     ?= 1
TIME     ?= 10m
TOOLS    := $(CURDIR)/bin/tools

# They work through thousands of texts and files one after the other: the race
# detector would take ten times as long, and has nothing to find in them.
PLAIN := TestSchemaIsTheParser|TestDamagedPages|TestTornLog

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: drill
drill: setup build ## replay INC-2024-0715 on real parts, and watch firebreak repair it
	bin/firebreak drill inc-2024-0715

.PHONY: drills
drills: setup build ## the same with SEEDS (10) seeds, the worst reported last
	bin/firebreak drill inc-2024-0715 --seeds $(SEEDS)

.PHONY: test
test: ## run every test, nearly all with the race detector
	@.ci/setup test
	go -C plugins/examples/go test -race ./...
	go test -race -p $$(($$(getconf _NPROCESSORS_ONLN) + 1)) -timeout 30m -skip '^TestDrill|^($(PLAIN))$$' ./... # one more at once than there are cores: many wait for processes, and for time
	go test -timeout 30m -run '^($(PLAIN))$$' ./engine/...
	go test -timeout 30m -run '^(TestLives|TestMutants)$$' ./engine/enginetest -lives 10000 -mutants # without the detector, which would take five times as long
	go test -timeout 30m -run '^TestDrill' ./cmd/firebreak # it lives in real seconds: alone, as people have it
	go -C bench test -race ./...
	@test -n "$${FIREBREAK_KUBECONFIG:-}" || echo "Left out: what needs a Kubernetes cluster. make test-kubernetes runs it on a control plane that it builds, the first time in some minutes."

.PHONY: test-kubernetes
test-kubernetes: ## run the tests that need a Kubernetes cluster, on FIREBREAK_KUBECONFIG or a control plane of its own
	@.ci/setup && .ci/setup kubernetes
	.ci/kubernetes/plane run sh -euc 'go test -race -timeout 20m ./plugins/builtin/kubernetes; go test -run "^TestSweep$$" ./runbooks/drills/sandbox; go test -timeout 10m -run "^TestDrillOnKubernetes$$" ./cmd/firebreak; go test -timeout 10m -run "^TestImage$$" ./deploy'

.PHONY: test-postgres
test-postgres: setup ## run the tests of the plugin postgres on every major version that it supports, fetched with npm
	.ci/postgres/run go test -count 1 -timeout 10m ./plugins/builtin/postgres

.PHONY: crash
crash: setup ## kill an owner under load KILLS (200) times, at times made from SEED (1)
	go test -timeout 2h -v -run '^TestStorm$$' ./cmd/firebreak -storm.kills=$(KILLS) -storm.seed=$(SEED)

.PHONY: torture
torture: setup ## 10,000 alerts in a burst with 10 kills, slow clients, plugins that crash, then kills under load for TIME (10m)
	go test -timeout 2h -v -run '^TestServe(Burst|SlowClients)$$' ./cmd/firebreak -burst.alerts=10000 -burst.kills=10
	go test -timeout 2h -v -count 20 -run '^(TestCrashLoop|TestCrashDuringCall|TestNobodyWaitsForACrashLoop)$$' ./plugins/host
	go test -timeout 100h -v -run '^TestStorm$$' ./cmd/firebreak -storm.time=$(TIME) -storm.seed=$(SEED)

.PHONY: lint
lint: $(TOOLS) ## formatting, vet, linters, import rules, generated code, other platforms
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt -w these:"; echo "$$unformatted"; exit 1; }
	go vet ./...
	go mod tidy -diff
	go -C plugins/examples/go vet ./...
	go -C plugins/examples/go mod tidy -diff
	$(TOOLS)/golangci-lint run
	go -C bench vet ./...
	go -C bench mod tidy -diff
	cd bench && $(TOOLS)/golangci-lint run
	.ci/generated $(TOOLS)
	CGO_ENABLED=0 GOOS=darwin GOARCH=arm64 go build ./...
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build ./...

.PHONY: build
build: ## build bin/firebreak: one static binary
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o bin/firebreak ./cmd/firebreak

.PHONY: bench
bench: setup build ## measure the parts, then the whole beside a peer; say which goals are met
	go test -run '^$$' -bench . -benchmem ./...
	go -C bench run . -firebreak $(CURDIR)/bin/firebreak

.PHONY: accuracy
accuracy: ## break real servers in every way, N (1) times, two at a time, and count how often the diagnosis is right (six minutes each)
	@.ci/setup test
	go -C bench test -timeout 24h -count 1 -v -run "^TestAccuracy$$" ./accuracy -accuracy.n $(N) $(ACCURACY)

.PHONY: fuzz
fuzz: ## fuzz every target for FUZZTIME (30s) each
	@grep -rHoE --include='*_test.go' '^func Fuzz\w+' . | sed 's/:func / /' | while read -r file target; do \
		echo "$$target in $$(dirname "$$file")"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$(dirname "$$file")"; \
	done

.PHONY: reference
reference: ## write docs/reference anew from the code
	go run ./cmd/firebreak docs --dir docs/reference

.PHONY: generate
generate: reference $(TOOLS) ## write the generated code and docs anew; needs protoc
	PATH="$(TOOLS):$$PATH" go generate ./plugins/proto

.PHONY: setup
setup: ## install what the drill needs and this machine lacks
	@.ci/setup

# Tools are built from source in a module of their own, so that they add
# nothing to firebreak's.
$(TOOLS): .ci/tools/go.mod .ci/tools/go.sum
	go -C .ci/tools build -o $(TOOLS)/ tool
	@touch $(TOOLS)
