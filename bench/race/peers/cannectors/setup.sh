#!/bin/sh
# Installs Cannectors through the Go module proxy: setup.sh FOLDER
set -eu
# No version can be pinned: on 2026-11-20 the proxy served none of this module (403, "not available").
CANNECTORS=latest

GOBIN="$1/bin" go install "github.com/AlexandreCano/cannectors/cmd/cannectors@$CANNECTORS"
