"""What every node of the cluster sees: the same is tried from each of them, by a probe that runs there.

No API says that all nodes have taken over a change, so it is observed: fresh connections to a Service's address are
opened on every node, and the kernel's conntrack tells to which backend each of them went.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from converters.errors import PodliftError

from ..aside import carried
from ..hosts import Command, probe
from ..unsaid import Hide, as_said
from .edges import Backend, Draw, Request, Response
from .environment import filled_headers

FEWEST_DRAWS = 30
DRAW_TIMEOUT_S = 2.0
# A node that is not Ready answers soon, or is lost.
_UNREADY_S = 10.0
# as probe/draw.go: so many connections of a draw at once
_AT_ONCE = 8
_NODES_AT_ONCE = 32


def draws_needed(backends: int) -> int:
    """How many connections show each of so many equal backends, but for one time in a million each."""
    return max(FEWEST_DRAWS, math.ceil(backends * math.log(1e6)))


class ProbedNodes:
    """``edges.Nodes``, by a command per node, which starts podlift-probe there.

    commands   node to argv, run on this machine: ``["ssh", "node-a", "podlift-probe"]``
    timeout_s  what starting the probe may take, beside what it does
    there      the cluster's nodes, each time anew, and whether each is Ready; one that is and has no command is silent.
               Without it: those with a command, as Ready ones
    hide       what of the words of those commands, and of who is asked, is not repeated
    """

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        timeout_s: float = 30,
        *,
        there: Callable[[], Mapping[str, bool]] | None = None,
        hide: Hide = as_said,
    ) -> None:
        self._commands = {node: tuple(argv) for node, argv in commands.items()}
        self._timeout_s = timeout_s
        self._there = there or (lambda: dict.fromkeys(self._commands, True))
        self._hide = hide
        # of the thread that asked: others may ask at the same time
        self._last = threading.local()

    def silent(self) -> Mapping[str, str]:
        return dict(self._silent)

    @property
    def _silent(self) -> dict[str, str]:
        found: dict[str, str] = self._last.__dict__.setdefault("silent", {})
        return found

    def draw(self, target: Backend, times: int) -> Mapping[str, Draw]:
        """A node where a connection's backend is not known is silent: what is not seen is no evidence."""
        task = {"draws": [{**_where(target), "times": times, "timeout_s": DRAW_TIMEOUT_S}]}
        there = self._there()
        answers = self._everywhere(task, math.ceil(times / _AT_ONCE) * DRAW_TIMEOUT_S, there)
        made = {}
        for node, answer in answers.items():
            (drawn,) = answer["draws"]
            if drawn["unseen"]:
                self._silent[node] = "; ".join(
                    f"of {count} connections it is not known who took them: {why}"
                    for why, count in sorted(drawn["unseen"].items())
                )
                continue
            backends = {_backend(text): count for text, count in sorted(drawn["backends"].items())}
            made[node] = Draw(backends=backends, failed=drawn["failed"], ready=there[node])
        unready = [node for node, ready in there.items() if not ready and node not in made]
        return made | {node: Draw(ready=False, untried=self._silent.pop(node)) for node in unready}

    def ask(self, requests: Sequence[Request]) -> Mapping[str, tuple[Response, ...]]:
        """Raises PodliftError ``variable-missing``, ``variable-unfit``."""
        filled = [replace(one, headers=filled_headers(one.headers)) for one in requests]
        task = {"asks": [_asked(one) for one in filled]}
        limit_s = sum(one.timeout_s for one in requests)
        answers = self._everywhere(task, limit_s, dict.fromkeys(self._ready(), True), secret=filled != list(requests))
        return {node: tuple(map(self._response, answer["asks"])) for node, answer in answers.items()}

    def _response(self, said: Mapping[str, Any]) -> Response:
        made = Response(**said)
        return replace(made, error=self._hide(made.error))

    def hold(
        self, request: Request, *, connections: int, seconds: float, near: str, begun: Callable[[], None]
    ) -> Mapping[str, Any]:
        """One entry of the probe's ``ends``: connections from one node, ``near`` where it is one of those to try.

        ``begun`` is called once the probe has been started. Raises PodliftError.
        """
        asked = replace(request, headers=filled_headers(request.headers))
        task = {"ends": [{**_asked(asked), "connections": connections, "seconds": seconds}]}
        ready = self._ready()
        node = near if near in ready and near in self._commands else min({*ready} & {*self._commands}, default=near)
        answer = self._probe(node, task, self._timeout_s + seconds, asked != request, begun)
        return {key: self._unsaid(each) for key, each in answer["ends"][0].items()}

    def _unsaid(self, counts: Any) -> Any:
        """Of those that are counted by why."""
        return {self._hide(why): count for why, count in counts.items()} if isinstance(counts, Mapping) else counts

    def _ready(self) -> Collection[str]:
        return [node for node, ready in self._there().items() if ready]

    def _everywhere(
        self, task: Mapping[str, Any], timeout_s: float, nodes: Mapping[str, bool], *, secret: bool = False
    ) -> dict[str, Mapping[str, Any]]:
        """``nodes``: where, and whether each is Ready."""
        limit_s = self._timeout_s + timeout_s
        self._silent.clear()
        made = {}
        with ThreadPoolExecutor(max_workers=_NODES_AT_ONCE) as pool:
            running = {
                node: pool.submit(carried(self._probe), node, task, limit_s, secret)
                if ready
                else pool.submit(carried(self._of_unready), node, task, min(limit_s, _UNREADY_S))
                for node, ready in sorted(nodes.items())
            }
        for node, future in running.items():
            try:
                made[node] = future.result()
            except PodliftError as error:
                self._silent[node] = error.reason
        return made

    def _probe(
        self, node: str, task: Mapping[str, Any], limit_s: float, secret: bool, begun: Callable[[], None] = lambda: None
    ) -> Mapping[str, Any]:
        """What the probe on a node answers. ``secret``: nobody else may read the task. Raises PodliftError."""
        if node not in self._commands:
            return self._without_command(node, task, limit_s, secret, begun)
        begun()
        return probe(Command(name=node, hide=self._hide), self._commands[node], task, timeout_s=limit_s)

    def _of_unready(self, node: str, task: Mapping[str, Any], limit_s: float) -> Mapping[str, Any]:
        """By a command alone: there is no kubelet to start a pod. Raises PodliftError."""
        if node not in self._commands:
            raise _no_command(node, "no pod starts there, and no command is given for it")
        return self._probe(node, task, limit_s, False)

    def _without_command(
        self, node: str, _task: Mapping[str, Any], _limit_s: float, _secret: bool, _begun: Callable[[], None]
    ) -> Mapping[str, Any]:
        raise _no_command(node, "no probe is given for this node")


def _no_command(node: str, reason: str) -> PodliftError:
    return PodliftError(
        code="command-missing",
        phase="cutover",
        subject=node,
        reason=reason,
        next_step=f"name one in podlift.yaml: cutover: nodes: {{{node}: {{probe: COMMAND}}}}",
    )


def _where(target: Backend) -> dict[str, Any]:
    return {"address": target.address, "port": target.port}


def _asked(request: Request) -> dict[str, Any]:
    return {
        **_where(request.backend),
        "kind": request.kind,
        "scheme": request.scheme,
        "method": request.method,
        "path": request.path,
        "headers": dict(request.headers),
        "timeout_s": request.timeout_s,
    }


def _backend(text: str) -> Backend:
    """10.99.0.2:18080, or an address of IPv6 in brackets."""
    address, _, port = text.rpartition(":")
    return Backend(address.strip("[]"), int(port))
