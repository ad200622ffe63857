"""The script: which rule answers a request, and how often it has done so."""

import json
import os

from .words import wire_name


class Script:
    """Rules from a JSON file, read again when the file has changed; uses are counted by a rule's own text."""

    def __init__(self, path):
        self.path, self.stamp, self.uses, self.names, self.value = path, None, {}, [], {"rules": []}

    def read(self):
        if self.path is None:
            return self.value
        status = os.stat(self.path)
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp != self.stamp:
            with open(self.path, encoding="utf-8") as file:
                self.value = json.load(file)
            self.stamp, self.names = stamp, self.named(self.value.get("rules", []))
        return self.value

    @staticmethod
    def named(rules):
        """What a rule's uses are counted by: its text, and which of its equals it is."""
        seen, names = {}, []
        for rule in rules:
            text = json.dumps(rule, sort_keys=True)
            seen[text] = seen.get(text, 0) + 1
            names.append(f"{seen[text]} {text}")
        return names

    def rule(self, view, request):
        """The first that fits and is not used up; None when there is none."""
        for number, rule in enumerate(self.read().get("rules", [])):
            if not fits(rule.get("when", {}), view, request):
                continue
            if "times" in rule:
                name = self.names[number]
                if self.uses.get(name, 0) >= rule["times"]:
                    continue
                self.uses[name] = self.uses.get(name, 0) + 1
            return number, rule
        return None, None


def fits(when, view, request):
    for name, wanted in when.items():
        if name == "header":
            values = {key.lower(): value for key, value in request.headers}
            if any(part not in values.get(key.lower(), "") for key, part in wanted.items()):
                return False
        elif name in ("path", "query", "method"):
            if wanted not in getattr(request, name):
                return False
        elif name == "body":
            if wanted not in request.body.decode("utf-8", "replace"):
                return False
        elif name == "key":
            if request.key != wanted:
                return False
        elif name == "connection_request":
            if request.on_connection != wanted:
                return False
        elif name == "last_tool":
            if view is None or view.last_tool is None or wire_name(wanted) != wire_name(view.last_tool):
                return False
        elif name in ("turn", "stream", "dialect", "model"):
            if view is None or getattr(view, name) != wanted:
                return False
        elif name in ("prompt", "last_prompt", "system", "last_result"):
            if view is None or wanted not in getattr(view, name):
                return False
        else:
            raise ValueError(f"a rule's `when` has no member {name!r}")
    return True
