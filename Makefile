# make help lists the targets. Only Go is needed for `run`, `build` and `test`.
SHELL := bash
.DEFAULT_GOAL := help
MODULES = $$(scripts/mods.sh list)
# Many tests wait, so half as many more packages than processors are tested at once. Vet is the linter's.
TEST = go test -vet=off -p $$(( ($$(getconf _NPROCESSORS_ONLN) * 3 + 1) / 2 ))
FAST = ./pkg/... ./contracts/... ./deploy/... $(SERVICES)
SERVICES = ./services/auth/... ./services/edge/... ./services/linkchecker/... ./services/object/... ./services/sluice/... ./services/stats/... ./services/upload/... ./services/webhook/...

.PHONY: help build run test test-all race lint fmt tidy tidy-check gen gen-check routes codegen clients bench soak fuzz check tools clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: ## bin/sluice
	go build -o bin/sluice ./services/sluice/cmd/sluice

run: build ## start everything on this machine, data under ./data
	bin/sluice up

test: ## the tests that need nothing but Go
	$(TEST) $(FAST) ./test/cluster/...
	$(TEST) -count=1 -parallel 6 ./test/e2e/... ./test/openapi/... # they drive a binary that the test cache knows nothing of

test-all: ## also browser, outside clients, processes, kills, the Mongo wire peer
	scripts/test-all.sh

# SQLite, translated from C, shares nothing with us but by locks; watched, it takes two thirds of the time.
race: ## the race detector over pkg and the services' domains
	$(TEST) -race -gcflags='modernc.org/...=-race=false' -short $$(go list $(SERVICES) ./pkg/... | grep -E '/pkg/|/internal/domain')

lint: bin/tools/golangci-lint ## golangci-lint over every module
	bin/tools/golangci-lint run --allow-parallel-runners $$(go list -m -f '{{.Dir}}/...')

fmt: bin/tools/golangci-lint ## format all Go files
	bin/tools/golangci-lint fmt $$(go list -m -f '{{.Dir}}/...')

tidy: ## write in-repo requires and replaces, tidy every module
	scripts/mods.sh sync

tidy-check:
	scripts/mods.sh check

gen: routes ## all generated files
	go run ./services/sluice/cmd/sluice config table > deploy/SETTINGS.md
	go run ./services/sluice/cmd/sluice config indexes > deploy/mongo/indexes.js
	go run ./services/sluice/cmd/sluice config indexes --shards > deploy/mongo/shards.js
	go generate ./contracts/... ./deploy/...

gen-check: gen
	git diff --exit-code -- deploy/SETTINGS.md services/edge/ROUTES.md contracts deploy/METRICS.md deploy/grafana deploy/mongo README.md

routes: ## services/edge/ROUTES.md
	go run ./services/edge/cmd/edge routes --markdown > services/edge/ROUTES.md

codegen: ## clients for Go, TypeScript, Python and Java from the OpenAPI document, under gen/
	scripts/codegen.sh

clients: ## sluice-client for Linux and Windows, amd64 and arm64, under build/clients/
	scripts/clients.sh

bench: ## throughput, latency and memory against baselines of the same run
	scripts/bench.sh

soak: ## the full sizes: multi-gigabyte objects, long kill runs
	SLUICE_SOAK=1 scripts/test-all.sh

fuzz: ## every fuzz target for FUZZTIME (default 10s)
	scripts/fuzz.sh

check: ## all that CI does
	.ci/run

tools: bin/tools/golangci-lint

bin/tools/golangci-lint: scripts/tools/go.mod
	GOWORK=off go -C scripts/tools build -o ../../bin/tools/ tool

clean: ## remove what was built (never the data directory)
	rm -rf bin build gen
