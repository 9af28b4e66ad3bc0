#!/bin/sh
# Generate stubs and build the client: build.sh. Needs Go and protoc; PROTOC may name another one.
set -eu
cd "$(dirname "$0")"

# Both plugins, in the versions of go.mod.
GOBIN=$PWD/bin go install google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc

# The protos name no Go package: each user has one of their own.
files="notify/v1/notification.proto notify/v1/client_service.proto notify/v1/internal_service.proto"
options="--go_opt=module=notifyclient --go-grpc_opt=module=notifyclient"
for file in $files; do
    options="$options --go_opt=M$file=notifyclient/notifyv1 --go-grpc_opt=M$file=notifyclient/notifyv1"
done
# shellcheck disable=SC2086 # words are meant
PATH=$PWD/bin:$PATH ${PROTOC:-protoc} -I../../../protos --go_out=. --go-grpc_out=. $options $files

go vet .
go build -o bin/client .
