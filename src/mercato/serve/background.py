"""One long job at a time in a thread of its own: work in, how far it is out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock, Thread
from typing import Any

from mercato.codec import from_time
from mercato.errors import MercatoError

_LOG = logging.getLogger("mercato.serve")

Work = Callable[[Callable[[str], None]], object]
"""What is to be done; it is given a function to call with the name of each step."""


class _Stopped(Exception):
    """The server is going down: the job ends at its next step."""


class Background:
    """At most one job at a time; asking for another while one runs starts nothing."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._thread: Thread | None = None
        self._state: dict[str, Any] = {"running": False, "step": "", "started_at": None, "failed": ""}
        self._stopping = False

    def start(self, work: Work) -> bool:
        """Begin ``work``; False where a job runs already."""
        with self._lock:
            if self._state["running"] or self._stopping:
                return False
            begun = from_time(datetime.now(UTC))
            self._state = {"running": True, "step": "starting", "started_at": begun, "failed": ""}
            self._thread = Thread(target=self._run, args=(work,), name="mercato-background", daemon=True)
            self._thread.start()
            return True

    def state(self) -> dict[str, Any]:
        """``running``, its ``step``, when it ``started_at``, and why the last job ``failed`` ("": it did not)."""
        with self._lock:
            return dict(self._state)

    def stop(self, seconds: float = 5.0) -> None:
        """Take no other job, and let a running one end at its next step; waits for that, but not for ever."""
        self._stopping = True
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self, work: Work) -> None:
        failed = ""
        try:
            work(self._step)
        except MercatoError as error:
            failed = str(error)
        except _Stopped:
            failed = "the server was stopped"
        except Exception:
            _LOG.exception("a background job failed")
            failed = "something went wrong on our side; the server log has it"
        with self._lock:
            self._state = {**self._state, "running": False, "step": "", "failed": failed}

    def _step(self, name: str) -> None:
        if self._stopping:
            raise _Stopped
        with self._lock:
            self._state = {**self._state, "step": name}
