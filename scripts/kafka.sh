#!/usr/bin/env bash
# Fetches Apache Kafka as jars: kafka.sh DIR POM. Maven and a Java runtime are installed first where there are none, which needs root.
set -euo pipefail
dir=$(realpath -m "$1") pom=$2 # Maven would take it as relative to the pom

command -v java >/dev/null || apt-get -q -y install default-jre-headless
command -v mvn >/dev/null || apt-get -q -y install maven
rm -rf "$dir"
mvn -q -B -f "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$dir"
