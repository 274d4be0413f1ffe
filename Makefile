# Two commands matter: make demo, make test. Each installs what it needs (modules come by themselves).
SHELL := /bin/bash
export CGO_ENABLED := 0

.PHONY: build console demo test bench worlds live lint

# The program, with the console in it.
build: web/dist/index.html
	go build -trimpath -ldflags='-s -w' -o bin/tagma ./cmd/tagma

console: web/dist/index.html

NPM := npm --no-audit --no-fund --loglevel=error
CONSOLE := $(shell find web/console -type f -not -path '*/node_modules/*' -not -path '*/mock/*')

web/console/node_modules/.made: web/console/package-lock.json
	cd web/console && $(NPM) ci
	touch $@

web/dist/index.html: web/console/node_modules/.made $(CONSOLE)
	cd web/console && npm run --silent build

# A seeded shop of 20,000 customers with a year of events, its tags, a report; then the console, until Ctrl-C. The shop
# stays in demo-data. With SERVE=no it ends after the report.
demo: build
	rm -rf demo-data
	bin/tagma --data demo-data demo $(if $(filter no,$(SERVE)),--no-serve)

# Everything: Go, the console's units, and the browser on the real program.
test: lint build
	go test ./...
	cd bench && go test ./...
	cd web/console && npm test --silent
	cd web/browser && $(NPM) ci && npm test --silent

lint:
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	go vet ./...

# Ten million random cases of rules against the naive oracle; long.
worlds:
	TAGMA_CASES=10000000 go test ./internal/oracle -run Worlds -timeout 6h -v

# Thousands of random worlds whose tags are decided live, with restarts, against runs at the same instants; long. TAGMA_SEED takes others.
live:
	TAGMA_LIVE=3000 go test ./internal/oracle -run 'TestLive$$' -timeout 6h -v

# The figures: loading, computing, previews, lookups, other engines on the same data, the live path, and what was wanted
# (docs/benchmarks.md). SIZE is 100k, 1m or 10m; more flags in BENCH, as in BENCH='-steps load,compute -rounds 5'. Only DuckDB needs a C
# compiler, and is left out without one; the product is measured in a program without C.
SIZE ?= 1m
BENCH ?= -steps all
bench: build
	cd bench && go build -o ../bin/bench .
	@rm -f bin/bench-peers; if command -v $${CC:-cc} >/dev/null; then echo "building DuckDB's client (some minutes the first time)"; cd bench && CGO_ENABLED=1 go build -tags duckdb -o ../bin/bench-peers .; \
	  else echo "no C compiler here: DuckDB is left out"; fi
	bin/bench -size $(SIZE) -tagma bin/tagma $$(test -x bin/bench-peers && echo -peer-program bin/bench-peers) -report bin/bench-$(SIZE).md $(BENCH)
