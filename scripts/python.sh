#!/usr/bin/env bash
# Makes a Python environment: python.sh DIR REQUIREMENTS. Where python3 comes without venv (Debian splits it off), it is
# installed first, which needs root.
set -euo pipefail
dir=$1 requirements=$2

rm -rf "$dir"
if ! python3 -m venv "$dir"; then
	rm -rf "$dir"
	apt-get -q -y install python3-venv
	python3 -m venv "$dir"
fi
"$dir/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
