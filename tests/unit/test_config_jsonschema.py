#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of the configuration in the eyes of an independent validator: it is a valid schema, accepts every
example and every good case, and refuses what it can see of the bad ones. Exit 77 (skipped) without jsonschema."""
import json
import pathlib
import sys

try:
    from jsonschema import Draft202012Validator
except ImportError:
    print("skipped: the Python package jsonschema is not installed")
    sys.exit(77)

board = pathlib.Path(sys.argv[1])
cases = json.loads(pathlib.Path(sys.argv[2]).read_text())
schema = json.loads((board / "config.schema.json").read_text())
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
wrong = []

examples = sorted(board.glob("*/*.json"))
for path in examples:
    for error in validator.iter_errors(json.loads(path.read_text())):
        wrong.append(f"{path.name} is refused: {error.json_path}: {error.message}")
for case in cases["good"]:
    if not validator.is_valid(case["document"]):
        wrong.append(f"good case \"{case['name']}\" is refused")
for case in cases["bad"]:
    if validator.is_valid(case["document"]) == case.get("schema", False):
        wrong.append(f"bad case \"{case['name']}\" is {'accepted' if case.get('schema') else 'refused'}")
if not examples or not any(case.get("schema") for case in cases["bad"]):
    wrong.append("nothing was checked")
print("\n".join(wrong) or f"{len(examples)} examples, {len(cases['good'])} good and {len(cases['bad'])} bad cases")
sys.exit(1 if wrong else 0)
