#!/usr/bin/env bash
# Unpacks Debian packages and those that they need and the machine does not have: debs.sh DIR PACKAGE... Nothing is installed, so that
# packages which exclude each other can lie side by side, and no service starts.
set -euo pipefail
dir=$(realpath -m "$1")
shift

rm -rf "$dir"
mkdir -p "$dir/archives/partial"
apt-get -q update >/dev/null
apt-get -q -y --no-install-recommends --download-only -o Dir::Cache::archives="$dir/archives" install "$@" >/dev/null
for package in "$dir"/archives/*.deb; do
	dpkg -x "$package" "$dir"
done
rm -r "$dir/archives"
