#!/bin/sh
# Generate stubs and build the client: build.sh. Needs Node.js and protoc; PROTOC may name another one.
# Twice: for our package, and for the public contract with the same fields, whose clients work unchanged.
set -eu
cd "$(dirname "$0")"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci

for package in notify.v1 elloloop.notify.v1; do
    rm -rf src/gen
    mkdir -p src/gen/protos/notify/v1
    for file in ../../../protos/notify/v1/*.proto; do
        sed "s/^package .*/package $package;/" "$file" >"src/gen/protos/notify/v1/${file##*/}"
    done
    ${PROTOC:-protoc} -Isrc/gen/protos --plugin=node_modules/.bin/protoc-gen-es \
        --es_out=src/gen --es_opt=target=ts,import_extension=js src/gen/protos/notify/v1/*.proto
    npx tsc --outDir "dist/$package"
done
