#!/usr/bin/env bash
# Runs every fuzz target of the module for a moment: fuzz.sh TIME. Go fuzzes one target at a time, so this asks each package
# for its targets and runs them in turn; the seeds come first in each run.
set -euo pipefail
time=$1 targets=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

packages=$(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...)
for package in $packages; do
	list=$(go test -list='^Fuzz' "$package")
	for target in $(grep '^Fuzz' <<<"$list"); do
		echo "$package $target"
		go test -run='^$' -fuzz="^$target\$" -fuzztime="$time" "$package" >"$output" || { cat "$output"; exit 1; }
		targets=$((targets + 1))
	done
done
echo "$targets fuzz targets, $time each: no failure"
