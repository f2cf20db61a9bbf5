#!/usr/bin/env python3
"""Reads our JUnit files back with an independent reader and holds them against what they must say.

    pip install junitparser lxml
    ci/read-junit.py [FOLDER] [--xsd SCHEMA ...]

FOLDER (default: harness/tests/junit) holds NAME.xml, NAME-strict.xml and expected.json: NAME to a list of
[class, name, passed | failure | error | skipped]. With --xsd every strict file is also validated against the
given schemas; those of others are not kept here.
"""

import argparse
import json
import pathlib
import sys

import junitparser
from lxml import etree

RESULTS = {junitparser.Failure: "failure", junitparser.Error: "error", junitparser.Skipped: "skipped"}


def read(path):
    """The cases of a file as (class, name, result), after its totals were checked at every level."""
    xml = junitparser.JUnitXml.fromfile(str(path))
    cases, problems = [], []
    for suite in xml:
        counts = dict.fromkeys(["tests", "failures", "errors", "skipped"], 0)
        for case in suite:
            results = [RESULTS[type(r)] for r in case.result]
            if len(results) > 1:
                problems.append(f"{case.name!r} is told {len(results)} times: {results}")
            result = results[0] if results else "passed"
            counts["tests"] += 1
            for key, name in [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]:
                counts[key] += result == name
            if results and not (case.result[0].text or "").strip():
                problems.append(f"{case.name!r} is {result} and has no text, which is all that some readers show")
            cases.append([case.classname, case.name, result])
        for key, counted in counts.items():
            if getattr(suite, key) != counted:
                problems.append(f"suite {suite.name!r} says {key}={getattr(suite, key)}, and {counted} were read")
    root = etree.parse(str(path)).getroot()
    for key, element in [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")]:
        said, counted = root.get(key), len(root.findall(f".//{element}"))
        if said is not None and int(said) != counted:
            problems.append(f"the root says {key}={said}, and {counted} were read")
    pairs = [tuple(c[:2]) for c in cases]
    problems += [f"twice: {pair}" for pair in sorted({p for p in pairs if pairs.count(p) > 1})]
    return cases, problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = pathlib.Path(__file__).resolve().parent.parent / "harness/tests/junit"
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=default)
    parser.add_argument("--xsd", action="append", default=[], type=pathlib.Path)
    options = parser.parse_args()

    expected = json.loads((options.folder / "expected.json").read_text(encoding="utf-8"))
    files = sorted(options.folder.glob("*.xml"))
    schemas = [(path.name, etree.XMLSchema(etree.parse(str(path)))) for path in options.xsd]
    failed = 0
    unread = set(expected) - {f.stem.removesuffix("-strict") for f in files}
    problems_of_folder = [f"{name}: no file" for name in sorted(unread)]
    if not files:
        problems_of_folder.append(f"{options.folder}: no file at all")
    for path in files:
        cases, problems = read(path)
        wanted = expected.get(path.stem.removesuffix("-strict"))
        if wanted is None:
            problems.append("expected.json does not know it")
        elif sorted(cases) != sorted(wanted):
            problems.append(f"read {[c for c in cases if c not in wanted]}, expected {[c for c in wanted if c not in cases]}")
        if path.stem.endswith("-strict"):
            for name, schema in schemas:
                if not schema.validate(etree.parse(str(path))):
                    problems.append(f"not valid against {name}: {schema.error_log.last_error}")
        results = [c[2] for c in cases]
        told = ", ".join(f"{results.count(r)} {r}" for r in ["passed", "failure", "error", "skipped"])
        print(f"{'FAIL' if problems else 'ok  '} {path.name}: {len(cases)} cases: {told}")
        for problem in problems:
            print(f"     {problem}")
        failed += bool(problems)
    for problem in problems_of_folder:
        print(f"FAIL {problem}")
    print(f"{len(files)} files read by junitparser {junitparser.version}, {failed + len(problems_of_folder)} problems")
    return 1 if failed or problems_of_folder else 0


if __name__ == "__main__":
    sys.exit(main())
