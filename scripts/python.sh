#!/usr/bin/env bash
# Makes a Python environment: python.sh DIR REQUIREMENTS [MAGIC]. What MAGIC lists goes to DIR/magic, which only programs that have it in
# PYTHONPATH see. Where python3 comes without venv (Debian splits it off), it is installed first, which needs root.
set -euo pipefail
dir=$1 requirements=$2 magic=${3:-}

rm -rf "$dir"
if ! python3 -m venv "$dir"; then
	rm -rf "$dir"
	apt-get -q -y install python3-venv
	python3 -m venv "$dir"
fi
pip=("$dir/bin/python" -m pip install --quiet --disable-pip-version-check)
"${pip[@]}" -r "$requirements"
[[ -z $magic ]] || "${pip[@]}" --no-deps --target "$dir/magic" -r "$magic"
