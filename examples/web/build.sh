#!/bin/sh
# Generate stubs and build the page into dist/: build.sh. Needs Node.js and protoc; PROTOC may name another one.
set -eu
cd "$(dirname "$0")"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci
mkdir -p src/gen
${PROTOC:-protoc} -I../../protos --plugin=node_modules/.bin/protoc-gen-es --es_out=src/gen --es_opt=target=ts \
    ../../protos/notify/v1/notification.proto ../../protos/notify/v1/client_service.proto
npm run --silent build
