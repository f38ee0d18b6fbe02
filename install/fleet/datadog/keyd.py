"""Datadog Agent check: put this file into checks.d and keyd.yaml into conf.d/keyd.d.

The fleet.json files of all users give gauges keyd.* without a tag that names a user, and one
service check keyd.file, which is critical when one of the files cannot be used. keyd.files
is the number of files: 0 where no keyd writes one. The Agent needs permission to read the
files; give it a path that it may read, or run it as root.
"""

import glob
import json
import os
import time

from datadog_checks.base import AgentCheck

NUMBERS = ("keys", "oldest_age_days", "overdue", "unknown_age", "needs_person", "overlap", "retiring", "max_age_days")


def read(path):
    """Returns the numbers of a file that any user may have forged."""
    if not os.path.isfile(path):  # a pipe would never end
        raise ValueError("no file")
    with open(path, encoding="utf-8") as file:
        record = json.loads(file.read(1 << 20))
    numbers = {name: int(record[name]) for name in NUMBERS}
    numbers["silent_seconds"] = max(0, int(time.time()) - int(record["last_pass_unix"]))
    if min(numbers.values()) < 0:  # it would hide a key of another user
        raise ValueError("a negative number")
    return numbers


class KeydCheck(AgentCheck):
    def check(self, instance):
        totals, status = {}, AgentCheck.OK
        paths = sorted(glob.glob(instance["path"]))
        for path in paths:
            try:
                numbers = read(path)
            except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
                status = AgentCheck.CRITICAL
                continue
            for name, value in numbers.items():
                worst = name in ("oldest_age_days", "silent_seconds", "max_age_days")
                totals[name] = max(totals.get(name, 0), value) if worst else totals.get(name, 0) + value
        self.gauge("keyd.files", len(paths))
        if paths:
            self.service_check("keyd.file", status)
        for name, value in totals.items():
            self.gauge("keyd." + name, value)
