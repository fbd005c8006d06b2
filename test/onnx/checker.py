"""Runs the official ONNX tools over files, as an oracle for tests.

usage: checker.py check FILE...   full check of models, shape inference included
       checker.py parse FILE...   reads graphs in ONNX's textual syntax and prints them in it
One line of JSON for each file: {"path", "error"} or {"path", "text"}.
"""

import json
import sys

import onnx
import onnx.checker
import onnx.parser
import onnx.printer


def check(path):
    onnx.checker.check_model(path, full_check=True)
    return {}


def parse(path):
    with open(path, encoding="utf-8") as file:
        return {"text": onnx.printer.to_text(onnx.parser.parse_graph(file.read()))}


def main():
    action = {"check": check, "parse": parse}[sys.argv[1]]
    for path in sys.argv[2:]:
        try:
            result = action(path)
        except Exception as error:  # whatever the tools find wrong is the result
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps({"path": path, **result}))


main()
