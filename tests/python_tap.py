#!/usr/bin/env python3
"""Runs one file of unittest tests and prints its results as TAP.

    tests/python_tap.py tests/integration/pull_lies_test.py [WORD]    only tests whose name contains WORD
"""

import importlib.util
import pathlib
import sys
import unittest


class TapResult(unittest.TestResult):
    def _report(self, verdict, test, note="", details=""):
        print(f"{verdict} {test.id()}{note}")
        for line in details.splitlines():
            print("#   " + line)
        sys.stdout.flush()

    def addSuccess(self, test):
        self._report("ok", test)

    def addSkip(self, test, reason):
        self._report("ok", test, f" # skip {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._report("not ok", test, details=self._exc_info_to_string(err, test))

    def addError(self, test, err):
        super().addError(test, err)
        self._report("not ok", test, details=self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is None:
            self._report("ok", subtest)
        else:
            self._report("not ok", subtest, details=self._exc_info_to_string(err, test))


def main():
    path = pathlib.Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    loader = unittest.TestLoader()
    if len(sys.argv) > 2:
        loader.testNamePatterns = [f"*{sys.argv[2]}*"]
    result = TapResult()
    tests = loader.loadTestsFromModule(module)
    print(f"1..{tests.countTestCases()}")
    tests.run(result)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
