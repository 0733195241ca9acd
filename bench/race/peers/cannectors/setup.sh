#!/bin/sh
# Installs Cannectors through the Go module proxy: setup.sh FOLDER
set -eu
# No version can be pinned: on 2026-11-29 the proxy served none of this module, nor of the path that it had before,
# github.com/AlexandreCano/cannectors (403, "not available"). A program from elsewhere is given by CANNECTORS.
MODULE_VERSION=latest

GOBIN="$1/bin" go install "github.com/cannectors/runtime/cmd/cannectors@$MODULE_VERSION"
