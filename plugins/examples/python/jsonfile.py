"""A complete firebreak plugin: it serves settings.current and settings.apply
from one JSON file with settings at its top level."""

import datetime
import hashlib
import json
import os
import threading

import plugin_pb2 as pb
from firebreak_plugin import Failed, serve

SECTION = {"settings": {"type": "object", "required": ["file"], "additionalProperties": False,
                        "properties": {"file": {"type": "string"}}}}


class Plugin:
    def description(self):
        # Of an action that a contract has, the contract gives the schemas.
        return pb.DescribeResponse(
            name="jsonfile", version="1.0.0", config_schema=encoded(SECTION),
            actions=[
                pb.Action(name="settings.current", effect=pb.EFFECT_READ, idempotent=True),
                pb.Action(name="settings.apply", effect=pb.EFFECT_MUTATE, undo="settings.apply", idempotent=True, probe=True),
            ])

    def bind(self, request):
        """Readies the plugin for one section of firebreak.yaml; a failure names the key."""
        file = json.loads(request.config).get("file", "")
        if not os.path.isabs(file):
            raise Failed("invalid", "file: name the settings file, from / on")
        return "jsonfile:" + file, Bound(file)


class Bound:
    def __init__(self, file):
        self.file = file
        self.resource = "jsonfile:" + file  # what runs lock
        self.lock = threading.Lock()  # nobody writes between a look and a write

    def health(self):
        self.read()

    def plan(self, call):
        """Says what run would do, and changes nothing."""
        setting, before, after, _ = self.work(call)
        return pb.PlanResponse(
            binding=encoded({"resource": self.resource, "setting": setting, "from": before, "to": after}),
            detail=f"-{setting}: {json.dumps(before)}\n+{setting}: {json.dumps(after)}\n",
            fingerprint=fingerprint(before),  # of what run overwrites
            blast_radius=pb.BlastRadius(unit="settings", affected=1),
            undo=receipt(setting, before, after))  # to undo with, should the outcome be lost

    def run(self, call, stop):
        with self.lock:
            seen = {"observed_at": datetime.datetime.now(datetime.timezone.utc).isoformat(), "resource": self.resource}
            if call.action == "settings.current":
                setting = json.loads(call.input)["setting"]
                return pb.Outcome(outputs=encoded({**seen, "setting": setting, "value": self.read().get(setting), "revision": ""}))
            setting, before, after, everything = self.work(call)
            if call.expect and call.expect != fingerprint(before):
                raise Failed("drift", f"{setting} is {json.dumps(before)} now: somebody changed it")
            if stop.is_set():
                raise Failed("cancelled", "stopped before anything was written")
            self.write(everything, setting, after)
            return pb.Outcome(
                applied=pb.APPLIED_ALL,
                outputs=encoded({**seen, "setting": setting, "from": before, "to": after, "revision": "", "live": False}),
                receipt=receipt(setting, before, after),
                left=fingerprint(after))  # an undo begins only where it is still so

    def probe(self, call, undo):
        """Finds out what became of a call whose outcome was lost."""
        planned = json.loads(undo)
        now = self.read().get(planned["setting"])
        if now == planned["after"]:
            return pb.ProbeResponse(applied=pb.APPLIED_ALL, receipt=undo, left=fingerprint(now))
        if now == planned["before"]:
            return pb.ProbeResponse(applied=pb.APPLIED_NONE, left=fingerprint(now))
        return pb.ProbeResponse(applied=pb.APPLIED_UNKNOWN, reason=f"{planned['setting']} is {json.dumps(now)} now")

    def work(self, call):
        """Reads the call: with its input, or with the receipt of the call that it undoes."""
        if call.receipt:
            done = json.loads(call.receipt)
            setting, after = done["setting"], done["before"]
        else:
            asked = json.loads(call.input)
            setting, after = asked["setting"], asked["value"]
        everything = self.read()
        return setting, everything.get(setting), after, everything

    def read(self):
        try:
            with open(self.file, encoding="utf-8") as file:
                return json.load(file)
        except OSError as error:
            raise Failed("unavailable", str(error)) from error
        except ValueError as error:
            raise Failed("invalid", f"{self.file}: {error}") from error

    def write(self, everything, setting, value):
        """Replaces the file whole: a reader sees the old one or the new one."""
        if value is None:
            everything.pop(setting, None)
        else:
            everything[setting] = value
        with open(self.file + ".new", "w", encoding="utf-8") as file:
            json.dump(everything, file)
        os.replace(self.file + ".new", self.file)


def receipt(setting, before, after):
    return encoded({"setting": setting, "before": before, "after": after, "revision": ""})


def fingerprint(value):
    return hashlib.sha256(encoded(value)).hexdigest()


def encoded(value):
    """Canonical JSON: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def main():
    serve(Plugin())
