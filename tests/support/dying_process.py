"""Processes that die at a chosen point of their work, forked from one that is warm.

`python -m tests.support.dying_process` is the warm one: it has no thread, has the application imported, and
takes orders, one a line. Each is carried out by a child of its own, so that nothing is left of one in the next.

A point is just before a statement reaches the driver, just after the driver has answered, just before a commit,
or just after one; `os._exit` there is what a kill or a power cut is: nothing is tidied up.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, TextIO

from flask import Flask
from sqlalchemy import event

from config import ROOT
from models import db
from tests.support.databases import build_app

#: Exit status of a child that died where it was told to.
DIED = 77
#: A child that hangs is ended by its alarm.
LONGEST_SECONDS = 120


@dataclass(frozen=True)
class Order:
    """What a child is to do: `work` is module:function, called with `values` within the application.

    `die_at`: number of the point to die at, from 1; None: do not. `zone`: the process's time zone.
    """

    work: str
    url: str
    values: Mapping[str, Any] = field(default_factory=dict)
    die_at: int | None = None
    zone: str = "UTC"


@dataclass(frozen=True)
class Answer:
    """How it went: whether the child died as told, else what the work returned and how many points it has."""

    died: bool
    points: int = 0
    result: Any = None


class WorkFailed(AssertionError):
    """A child failed otherwise than by dying as told; the text is its traceback."""


@dataclass
class WarmProcess:
    """The warm process, seen from the test."""

    popen: subprocess.Popen[str]

    def carry_out(self, order: Order) -> Answer:
        """Let a child carry an order out, and wait for its end.

        :raises WorkFailed: when it raised, hung or was killed.
        """
        return self._ask({"kind": "carry_out", **asdict(order)})

    def warm_up(self, order: Order) -> Answer:
        """Let the warm process do the work itself, so that its children find all statements compiled."""
        return self._ask({"kind": "warm_up", **asdict(order)})

    def _ask(self, asked: Mapping[str, Any]) -> Answer:
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write(json.dumps(asked) + "\n")
        self.popen.stdin.flush()
        line = self.popen.stdout.readline()
        if not line:
            raise WorkFailed(f"the warm process ended with {self.popen.wait()}")
        told = json.loads(line)
        if told["failure"]:
            raise WorkFailed(told["failure"])
        return Answer(**told["answer"])


@contextmanager
def running_warm_process() -> Iterator[WarmProcess]:
    """Give a warm process and end it afterwards."""
    command = [sys.executable, "-m", "tests.support.dying_process"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as popen:
        yield WarmProcess(popen)
        assert popen.stdin is not None
        popen.stdin.close()  # it ends with its orders


class _Points:
    """Counts the points of a piece of work and ends the process at one of them."""

    def __init__(self, die_at: int | None) -> None:
        self.die_at, self.passed = die_at, 0

    def watch(self) -> None:
        """Listen to the application's engine and session."""
        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(db.engine, name, self._pass)
        event.listen(db.session, "after_commit", self._pass)

    def _pass(self, *_event: Any) -> None:
        self.passed += 1
        if self.passed == self.die_at:
            os._exit(DIED)


class _Apps:
    """The applications of the warm process, one an address; none of them keeps a connection across a fork."""

    def __init__(self) -> None:
        self.known: dict[str, Flask] = {}

    def at(self, url: str) -> Flask:
        """Return the application over the database at an address."""
        if url not in self.known:
            self.known[url] = build_app(url)
        return self.known[url]


def _serve(orders: TextIO, answers: TextIO) -> None:
    apps = _Apps()
    for line in orders:
        asked = json.loads(line)
        kind = asked.pop("kind")
        order = Order(**asked)
        app = apps.at(order.url)
        told = _fork(app, order) if kind == "carry_out" else _told(partial(_do, app, order))
        answers.write(json.dumps(told) + "\n")
        answers.flush()


def _told(do: Callable[[], Answer]) -> dict[str, Any]:
    try:
        return {"failure": None, "answer": asdict(do())}
    except BaseException:
        return {"failure": traceback.format_exc(), "answer": None}


def _fork(app: Flask, order: Order) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _be_the_child(app, order, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == DIED:
        return {"failure": None, "answer": asdict(Answer(died=True, points=order.die_at or 0))}
    if status or not text:
        return {"failure": f"the child of {order} ended with {status}", "answer": None}
    told: dict[str, Any] = json.loads(text)
    return told


def _be_the_child(app: Flask, order: Order, writing: int) -> None:
    signal.alarm(LONGEST_SECONDS)
    os.environ["TZ"] = order.zone
    time.tzset()
    told = _told(partial(_watched, app, order))
    with os.fdopen(writing, "w", encoding="utf-8") as pipe:
        json.dump(told, pipe)
    os._exit(0)


def _watched(app: Flask, order: Order) -> Answer:
    points = _Points(order.die_at)
    with app.app_context():
        points.watch()
    return Answer(died=False, result=_do(app, order).result, points=points.passed)


def _do(app: Flask, order: Order) -> Answer:
    module, _colon, name = order.work.partition(":")
    work = getattr(importlib.import_module(module), name)
    with app.app_context():
        try:
            return Answer(died=False, result=work(**order.values))
        finally:
            db.session.remove()
            db.engine.dispose()


if __name__ == "__main__":
    # What anything prints goes to stderr; the answers have the pipe to themselves.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        _serve(sys.stdin, answers)
