"""Runs cells of a notebook in an IPython shell, as Jupyter does, without its kernel: notebook.py < cells

The cells come as a JSON array. For each a line of JSON is printed: what the cell printed, and the data frame that is its value,
if it is one, as a list of rows.
"""

import json
import sys

from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from pandas import DataFrame

HistoryManager.enabled = False
shell = InteractiveShell.instance()
for cell in json.load(sys.stdin):
    with capture_output() as printed:
        done = shell.run_cell(cell, store_history=False)
    done.raise_error()
    rows = None
    if isinstance(done.result, DataFrame):
        assert done.result is shell.user_ns["log_df"]
        rows = json.loads(done.result.reset_index().to_json(orient="records", date_format="iso"))
    print(json.dumps({"printed": printed.stdout, "rows": rows}), flush=True)
