"""Datadog Agent check: put this file into checks.d and keyd.yaml into conf.d/keyd.d.

Each user's fleet.json gives gauges keyd.* without a tag that names the user. The Agent needs
permission to read the files; give it a path that it may read, or run it as root.
"""

import glob
import json
import time

from datadog_checks.base import AgentCheck

NUMBERS = ("keys", "oldest_age_days", "overdue", "unknown_age", "needs_person", "overlap", "retiring", "max_age_days")


class KeydCheck(AgentCheck):
    def check(self, instance):
        totals = {}
        for path in sorted(glob.glob(instance["path"])):
            try:
                with open(path, encoding="utf-8") as file:
                    record = json.load(file)
                numbers = {name: int(record[name]) for name in NUMBERS}
                silent = max(0, int(time.time()) - int(record["last_pass_unix"]))
            except (OSError, ValueError, KeyError, TypeError):
                self.service_check("keyd.file", AgentCheck.CRITICAL)
                continue
            self.service_check("keyd.file", AgentCheck.OK)
            numbers["silent_seconds"] = silent
            for name, value in numbers.items():
                worst = name in ("oldest_age_days", "silent_seconds", "max_age_days")
                totals[name] = max(totals.get(name, 0), value) if worst else totals.get(name, 0) + value
        for name, value in totals.items():
            self.gauge("keyd." + name, value)
