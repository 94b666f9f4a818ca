"""Counts the logs of a logstore by status, with DuckDB alone."""

import json

import duckdb

with open("segments.json") as file:
    files = ["data/index/" + segment["object"] for segment in json.load(file)]

logs = duckdb.read_parquet(files, union_by_name=True)
print(logs.columns)
print(duckdb.sql('SELECT status, count(*) AS logs, max(took) AS slowest FROM logs GROUP BY status ORDER BY status'))
print(duckdb.sql('SELECT make_timestamp(__time__ * 1000000) AS time, __topic__, path, "user" FROM logs WHERE status >= 500'))
