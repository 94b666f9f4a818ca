#!/usr/bin/env bash
# Runs every fuzz target of the module for a moment: fuzz.sh TIME. Go fuzzes one target at a time, so this asks each package
# for its targets and runs them in turn; the seeds come first in each run.
set -euo pipefail
time=$1 targets=0

while read -r pkg; do
	while read -r target; do
		echo "$pkg $target"
		go test -run='^$' -fuzz="^$target\$" -fuzztime="$time" "$pkg" >/dev/null ||
			{ echo "FAIL $pkg $target: the input is in its testdata/fuzz"; exit 1; }
		targets=$((targets + 1))
	done < <(go test -list='^Fuzz' "$pkg" | grep '^Fuzz')
done < <(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' ./...)
echo "$targets fuzz targets, $time each: no failure"
