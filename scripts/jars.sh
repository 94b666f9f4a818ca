#!/usr/bin/env bash
# Fetches jars and those that they need: jars.sh DIR POM. Maven and a JDK are installed first where there are none, which needs root.
set -euo pipefail
dir=$(realpath -m "$1") pom=$2 # Maven would take it as relative to the pom

command -v javac >/dev/null || apt-get -q -y install default-jdk-headless
command -v mvn >/dev/null || apt-get -q -y install maven
rm -rf "$dir"
mvn -q -B -f "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir"
