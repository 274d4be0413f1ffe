# Two commands matter: make demo, make test. Each installs what it needs (modules come by themselves).
SHELL := /bin/bash
export CGO_ENABLED := 0

.PHONY: build demo test bench worlds lint

build:
	go build -trimpath -ldflags='-s -w' -o bin/tagma ./cmd/tagma

# A seeded shop of 20,000 customers, its tags, and a report. The shop stays in demo-data to be asked.
demo: build
	rm -rf demo-data
	bin/tagma --data demo-data demo

test: lint
	go test ./...
	cd bench && go test ./...

lint:
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	go vet ./...

# Ten million random cases of rules against the naive oracle; long.
worlds:
	TAGMA_CASES=10000000 go test ./internal/oracle -run Worlds -timeout 6h -v

# The figures of the README: generate, load, compute, preview. SIZE is 100k, 1m or 10m.
SIZE ?= 1m
bench: build
	cd bench && go run . -size $(SIZE)
