#!/usr/bin/env bash
# Installs one pinned Go program: tool.sh FILE MODULE@VERSION. The version is part of the file's name, so that a new pin
# is a new file and make notices.
set -euo pipefail
file=$1 module=$2

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
echo "installing $module"
GOBIN=$bin go install "$module"
mkdir -p "$(dirname "$file")"
mv "$bin"/* "$file"
