#!/bin/sh
# Generate stubs and build the client: build.sh. Needs Maven and a JDK; Maven fetches protoc and its plugin by itself.
set -eu
cd "$(dirname "$0")"
mvn --quiet --batch-mode process-classes
