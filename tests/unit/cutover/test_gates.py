"""Gates: what samples say, how windows add up, and whom one asks."""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from migrate.cutover.checks import answered, ranges
from migrate.cutover.edges import Backend, Container, Draw, Found, Request, Response
from migrate.cutover.endpoints import Member
from migrate.cutover.gates.analysis import Analysis, Standing
from migrate.cutover.gates.asking import Asking
from migrate.cutover.gates.condition import condition
from migrate.cutover.gates.judging import Rules, Side, Tally, Target, judge, judge_pods
from migrate.cutover.gates.live import LiveGates
from migrate.cutover.gates.outcome import Outcome, Result
from migrate.cutover.gates.window import Window
from migrate.cutover.run import LAB, Spec
from migrate.cutover.world import SeenPod, SeenService, World
from migrate.unsaid import as_said

POD = Target(side=Side.PODS, name="web-1", backend=Backend("10.1.0.1", 8080))
OTHER = Target(side=Side.PODS, name="web-2", backend=Backend("10.1.0.2", 8080))
LEGACY = Target(side=Side.LEGACY, name="ams1/web", backend=Backend("10.0.0.21", 18080))


def samples(good: int, bad: int = 0, seconds: float = 0.01) -> Tally:
    return Tally(asked=good + bad, good=good, seconds=(seconds,) * good, faults={"status 500": bad} if bad else {})


# ---------------------------------------------------------------- one window


@pytest.mark.parametrize(
    ("pods", "legacy", "result", "said"),
    [
        (samples(50), samples(50), Result.PASSED, "100.00 % of 50"),
        (samples(49), samples(50), Result.INCONCLUSIVE, "web-1 has 49 of 50 samples"),
        (samples(50), samples(49), Result.INCONCLUSIVE, "ams1/web has 49 of 50 samples"),
        # 99 % are due
        (samples(99, 1), samples(99, 1), Result.PASSED, "99.00 %"),
        (samples(98, 2), samples(100), Result.FAILED, "98.00 % of 100 answered (2 x status 500)"),
        # half a point below the legacy side is allowed, and no more
        (samples(995, 5), samples(1000), Result.PASSED, "99.50 %"),
        (samples(994, 6), samples(1000), Result.FAILED, "100.00 % of legacy's 1000 (0.5 points are allowed)"),
        # both below: nothing can be told; but worse than a bad baseline is worse
        (samples(90, 10), samples(90, 10), Result.INCONCLUSIVE, "no more of legacy's: 90.00 %"),
        (samples(80, 20), samples(90, 10), Result.FAILED, "90.00 % of legacy's 100"),
        (samples(0, 50), samples(0, 50), Result.INCONCLUSIVE, "0.00 % of 50"),
        # 500 ms always, or 1.3 times what the legacy side takes
        (samples(50, seconds=0.5), samples(50), Result.PASSED, "p99 500 ms"),
        (samples(50, seconds=0.51), samples(50), Result.FAILED, "p99 is 510 ms, and 500 ms are allowed"),
        (samples(50, seconds=1.3), samples(50, seconds=1.0), Result.PASSED, "p99 1300 ms"),
        (samples(50, seconds=1.4), samples(50, seconds=1.0), Result.FAILED, "1300 ms are allowed, legacy's is 1000 ms"),
        # what cannot be made good any more needs no more samples
        (samples(10, 10), samples(50), Result.FAILED, "50.00 % of 20"),
    ],
)
def test_pods_beside_the_legacy_side(pods: Tally, legacy: Tally, result: Result, said: str) -> None:
    """Each rule at its bound, with the numbers in words."""
    found = judge("probe", {POD: pods, LEGACY: legacy}, Rules())
    assert (found.result, said in found.reason) == (result, True), found.reason


def test_one_bad_pod_of_ten_is_no_average() -> None:
    """Together they answer 99.5 %."""
    seen = {replace(POD, name=f"web-{n}"): samples(100) for n in range(10)}
    seen[replace(POD, name="web-7")] = samples(95, 5)
    found = judge("probe", {**seen, LEGACY: samples(100)}, Rules())
    assert found.result is Result.FAILED
    assert found.reason.startswith("web-7: 95.00 %")
    assert found.figures["success"] == 99.5


def test_who_is_slow_is_not_excused_by_having_few_samples() -> None:
    """It is asked less often for its slowness; one slow answer too many is enough, however fast the rest. While little
    is known of the legacy side nothing can be told."""
    slow = replace(samples(30), seconds=(0.01,) * 29 + (1.0,))
    found = judge("probe", {POD: slow, LEGACY: samples(50)}, Rules())
    assert (found.result, "p99 is 1000 ms" in found.reason) == (Result.FAILED, True), found
    assert judge("probe", {POD: slow, LEGACY: samples(29)}, Rules()).result is Result.INCONCLUSIVE
    assert judge("probe", {POD: slow, LEGACY: replace(samples(40), seconds=(0.9,) * 40)}, Rules()).result is (
        Result.INCONCLUSIVE
    )
    refusing = {POD: samples(20, bad=22), LEGACY: samples(42)}
    assert judge("probe", refusing, Rules()).result is Result.FAILED
    assert judge("probe", refusing | {LEGACY: samples(20, bad=22)}, Rules()).result is Result.INCONCLUSIVE
    assert judge("probe", {POD: slow, LEGACY: samples(100)}, Rules(min_samples=100)).result is Result.INCONCLUSIVE


def test_without_a_legacy_side_the_bare_rules_hold() -> None:
    """After its containers have stopped."""
    assert judge("probe", {POD: samples(50)}, Rules()).result is Result.PASSED
    assert judge("probe", {POD: samples(48, 2)}, Rules()).result is Result.FAILED
    assert "legacy_success" not in judge("probe", {POD: samples(50)}, Rules()).figures


def test_nothing_to_ask_tells_nothing() -> None:
    """A gate that nobody could fail is no gate."""
    assert judge("probe", {LEGACY: samples(50)}, Rules()).result is Result.INCONCLUSIVE


def test_the_figures_of_a_window() -> None:
    """For status and the report."""
    tally = Tally(asked=4, good=4, seconds=(0.1, 0.2, 0.3, 0.4))
    found = judge("probe", {POD: tally, LEGACY: samples(4)}, Rules(min_samples=4))
    assert {name: found.figures[name] for name in ("samples", "success", "p50_s", "p99_s", "legacy_p99_s")} == {
        "samples": 4,
        "success": 100,
        "p50_s": 0.2,
        "p99_s": 0.4,
        "legacy_p99_s": 0.01,
    }


def pod(name: str = "web-1", **more: Any) -> SeenPod:
    given: dict[str, Any] = {
        "name": name, "uid": f"uid-{name}", "version": "1", "address": "10.1.0.1", "node": "n1", "controller": "web",
        "template": "t", "ready": True, "available": True, "admitted": "r", "restarts": 0, "ending": False,
    }  # fmt: skip
    return SeenPod(**{**given, **more})


@pytest.mark.parametrize(
    ("later", "result", "said"),
    [
        ([pod()], Result.PASSED, "1 pods kept ready"),
        ([pod(restarts=2)], Result.FAILED, "web-1 restarted 2 times"),
        ([pod(ready=False)], Result.FAILED, "web-1 is no longer ready"),
        # taken away by somebody: an eviction, a drained node
        ([], Result.PASSED, ""),
        ([pod(ready=False, ending=True)], Result.PASSED, ""),
        # another pod of the name
        ([pod(uid="new", ready=False)], Result.PASSED, ""),
    ],
)
def test_restarts_and_readiness(later: Sequence[SeenPod], result: Result, said: str) -> None:
    """Of a pod that was admitted when the window began."""
    found = judge_pods("pods", [pod()], later)
    assert (found.result, said in found.reason) == (result, True)


def test_a_crash_that_was_seen_as_it_came_is_one_fault() -> None:
    down = pod(ready=False)
    assert judge_pods("pods", [pod()], [down]).result is Result.FAILED
    assert judge_pods("pods", [down], [pod(restarts=1)]).result is Result.PASSED
    assert judge_pods("pods", [down], [pod(restarts=2)]).result is Result.FAILED


def test_answers_of_http_and_tcp() -> None:
    """As the kubelet takes them, or by the codes that are said."""
    assert [answered(Response(status=status)) for status in (200, 399, 400, 500, 0)] == [True, True, False, False, True]
    assert answered(Response(status=404), "200, 404-405")
    assert not answered(Response(status=200, error="reset"))
    with pytest.raises(ValueError, match="no code"):
        ranges("2xx")


# ---------------------------------------------------------------- windows that add up


def said(result: Result, gate: str = "probe") -> tuple[Outcome, ...]:
    return (Outcome(gate=gate, result=result, reason=f"{result} it is"),)


@pytest.mark.parametrize(
    ("windows", "standing"),
    [
        ("ppp", Standing.PASSED),
        ("pp", Standing.GO_ON),
        ("ppfpp", Standing.GO_ON),
        ("ppfppp", Standing.PASSED),
        ("fpf", Standing.FAILED),
        ("pi", Standing.INCONCLUSIVE),
        # nobody who could not be asked fails a run: it breaks the row, and at last nothing can be told
        ("ppep", Standing.GO_ON),
        ("eee", Standing.GO_ON),
        ("eeee", Standing.INCONCLUSIVE),
        ("eeepeee", Standing.GO_ON),
        # failed is for good
        ("ffppp", Standing.FAILED),
        # passing on while it is watched
        ("ppppp", Standing.PASSED),
    ],
)
def test_windows_add_up(windows: str, standing: Standing) -> None:
    """By letters: passed, failed, inconclusive, error."""
    letters = {"p": Result.PASSED, "f": Result.FAILED, "i": Result.INCONCLUSIVE, "e": Result.ERROR}
    state = Analysis()
    for letter in windows:
        state = state.fed(said(letters[letter]))
    assert state.standing is standing
    assert state.windows == len(windows)


def test_a_window_fails_by_one_gate_and_passes_by_all() -> None:
    """Errors are counted gate by gate: two that fail in turns are two that are asked."""
    passed, failed, error = (said(each)[0] for each in (Result.PASSED, Result.FAILED, Result.ERROR))
    assert Analysis(consecutive=1).fed((passed, passed)).standing is Standing.PASSED
    assert Analysis(failure_limit=1).fed((passed, failed, error)).standing is Standing.FAILED
    state = Analysis()
    for n in range(8):
        state = state.fed((replace(error, gate=f"gate-{n % 2}"), passed))
    assert state.standing is Standing.GO_ON
    assert Analysis().fed(()).standing is Standing.INCONCLUSIVE


def test_after_an_outage_the_row_begins_anew_and_failures_stay() -> None:
    """Else an API server that comes and goes would be a way round a gate."""
    state = Analysis().fed(said(Result.FAILED)).fed(said(Result.INCONCLUSIVE))
    assert state.standing is Standing.INCONCLUSIVE
    state = state.resumed()
    assert (state.standing, state.passes, state.failures) == (Standing.GO_ON, 0, 1)
    assert state.fed(said(Result.FAILED)).standing is Standing.FAILED


def run_of(rate: float, chance: random.Random, *, mean_s: float = 0.05) -> Standing:
    """A step's windows of 50 samples, of pods that fail at this rate, beside a legacy side that never does."""
    state = Analysis()
    while state.standing is Standing.GO_ON:
        bad = sum(chance.random() < rate for _ in range(50))
        seconds = tuple(chance.expovariate(1 / mean_s) for _ in range(50 - bad))
        tally = Tally(asked=50, good=50 - bad, seconds=seconds, faults={"status 500": bad})
        state = state.fed((judge("probe", {POD: tally, LEGACY: samples(50)}, Rules()),))
    return state.standing


def test_which_share_of_bad_pods_is_caught() -> None:
    """With the defaults, by the probes' own requests: five in a hundred, and slow ones, nearly always; what never
    fails never stops a run; one in a hundred not by every step, which is what a metrics source is for."""
    chance = random.Random(8)
    caught = [sum(run_of(rate, chance) is Standing.FAILED for _ in range(400)) for rate in (0.05, 0.01, 0.0)]
    assert caught[0] >= 396
    assert 20 < caught[1] < 380
    assert caught[2] == 0
    assert sum(run_of(0.0, chance, mean_s=0.3) is Standing.FAILED for _ in range(100)) >= 99


def test_samples_come_evenly_and_in_time() -> None:
    """With two nodes each request gives two of them."""
    window = Window(opened=100, length_s=60, min_samples=50, nodes=2).among([POD])
    assert window.due(POD, 100) == 0
    assert window.due(POD, 130) == 13
    window = window.with_samples({POD: samples(26)}, nodes=2)
    assert window.due(POD, 130) == 0
    assert window.due(POD, 160) == 12
    assert not window.complete(160)
    assert window.complete(220)
    assert window.with_samples({POD: samples(24)}, nodes=2).complete(160)
    assert window.among([OTHER]).seen == {OTHER: Tally()}
    # a short one is as long as a busy machine needs
    short = (
        Window(opened=100, length_s=2, min_samples=50, nodes=2).among([POD]).with_samples({POD: samples(42)}, nodes=2)
    )
    assert not short.complete(130)
    assert short.complete(132)
    assert short.with_samples({POD: samples(8)}, nodes=2).complete(105)


@pytest.mark.parametrize(
    ("text", "values", "result"),
    [
        ("result < 0.01", [0.009], Result.PASSED),
        ("result < 0.01", [0.001, 0.01], Result.FAILED),
        ("result >= .99 and result <= 1", [1.0], Result.PASSED),
        ("result >= .99 and result <= 1", [1.1], Result.FAILED),
        ("result != -1e3", [-1000.0], Result.FAILED),
        ("result < 1", [], Result.INCONCLUSIVE),
        ("result < 1", [float("nan")], Result.INCONCLUSIVE),
    ],
)
def test_conditions(text: str, values: list[float], result: Result) -> None:
    """Every series has to meet it."""
    assert condition(text).judge(values)[0] is result


@pytest.mark.parametrize("text", ["", "result", "result < x", "__import__('os')", "result < 1 or 1", "result << 1"])
def test_what_is_no_condition(text: str) -> None:
    """Nothing is evaluated."""
    with pytest.raises(ValueError, match="no comparison"):
        condition(text)


# ---------------------------------------------------------------- who else is asked


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """A real server: ``answer`` gets the handler and the request's body."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, self.rfile.read(int(self.headers.get("Content-Length", 0))))

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(status: int, body: str = "", **headers: str) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())

    return answer


def ask(gate: Mapping[str, Any], words: Mapping[str, str] | None = None, known: Sequence[Outcome] = ()) -> Outcome:
    asking = Asking([{"name": "it", **gate}], words or {}, known, hide=as_said)
    while (found := asking.outcomes()) is None:
        time.sleep(0.01)
    return found[0]


def vector(*values: str) -> str:
    series = [{"metric": {}, "value": [1700000000, value]} for value in values]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": series}})


SCALAR = json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [1, "0.5"]}})
MATRIX = json.dumps({"status": "success", "data": {"resultType": "matrix", "result": []}})
REFUSED = json.dumps({"status": "error", "errorType": "bad_data", "error": "parse error at char 4"})


@pytest.mark.parametrize(
    ("status", "body", "result", "why"),
    [
        (200, vector("0.005"), Result.PASSED, "the result is 0.005"),
        (200, vector("0.005", "0.02"), Result.FAILED, "the result is 0.02; result < 0.01 is due"),
        (200, vector(), Result.INCONCLUSIVE, "no series"),
        (200, vector("NaN"), Result.INCONCLUSIVE, "NaN"),
        (200, SCALAR, Result.FAILED, "0.5"),
        (200, MATRIX, Result.ERROR, "gives a matrix"),
        (400, REFUSED, Result.ERROR, "status 400: parse error at char 4"),
        (500, "<html>", Result.ERROR, "status 500, and the answer is no JSON"),
        (200, "<html>", Result.ERROR, "no JSON"),
        (200, "[" * 100_000, Result.ERROR, "no JSON"),
        (200, '{"status": "success"}', Result.ERROR, "not as the query API's"),
        (200, vector("x"), Result.ERROR, "not as the query API's"),
        (200, "{" + " " * (1 << 20), Result.ERROR, "larger than 1 MiB"),
    ],
)
def test_prometheus(status: int, body: str, result: Result, why: str) -> None:
    """What cannot be asked or makes no sense is an error, and no failure of the pods."""
    with serving(reply(status, body)) as url:
        gate = {"url": url, "query": "q", "condition": "result < 0.01", "timeout_s": 5.0}
        found = ask({"prometheus": gate})
    assert (found.result, why in found.reason) == (result, True), found.reason
    # JSON, which the journal is, has no NaN
    json.dumps(found.figures, allow_nan=False)


def test_a_query_is_filled_in_and_headers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """PromQL's own braces stay. The token is the environment's, and stands nowhere else."""
    monkeypatch.setenv("PROM_TOKEN", "t0ken-of-mine")
    asked: list[tuple[str, str]] = []

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        asked.append((handler.path, handler.headers["Authorization"]))
        reply(200, vector("0"))(handler, body)

    with serving(answer) as url:
        query = 'rate(errors{service="{workload}"}[{window}])'
        gate = {
            "url": f"{url}/prom/", "query": query, "condition": "result < 1", "timeout_s": 5.0,
            "headers": {"Authorization": "Bearer ${PROM_TOKEN}"},
        }  # fmt: skip
        assert ask({"prometheus": gate}, {"workload": "web", "window": "60s"}).result is Result.PASSED
        monkeypatch.delenv("PROM_TOKEN")
        found = ask({"prometheus": gate})
    path = "/prom/api/v1/query?query=rate%28errors%7Bservice%3D%22web%22%7D%5B60s%5D%29"
    assert asked == [(path, "Bearer t0ken-of-mine")]
    assert (found.result, "${PROM_TOKEN}" in found.reason) == (Result.ERROR, True)


@pytest.mark.parametrize(
    ("answer", "result", "why"),
    [
        (reply(204), Result.PASSED, "status 204"),
        (reply(422, "queue is\n growing"), Result.FAILED, "status 422: queue is growing"),
        (reply(404), Result.ERROR, "status 404"),
        (reply(401), Result.ERROR, "status 401"),
        (reply(500, "oops"), Result.ERROR, "status 500: oops"),
        (
            reply(302, Location="http://login.example/a?token=x"),
            Result.ERROR,
            "redirects (302 to http://login.example)",
        ),
        (reply(400, "see http://u:hunter2-of-mine@db"), Result.FAILED, "http://u:podlift:withheld@db"),
        (lambda handler, _: handler.wfile.write(b"SSH-2.0-x\r\n"), Result.ERROR, "speaks no HTTP"),
        (lambda *_: None, Result.ERROR, "ended before the answer did"),
        (
            lambda handler, _: handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"),
            Result.ERROR,
            "ended before the answer did",
        ),
    ],
)
def test_a_webhook(answer: Callable[[BaseHTTPRequestHandler, bytes], None], result: Result, why: str) -> None:
    """2xx passes; a no that is about the pods fails; a webhook that is wrong or down is an error."""
    with serving(answer) as url:
        found = ask({"webhook": {"url": url, "timeout_s": 5.0}})
    assert (found.result, why in found.reason) == (result, True), found.reason


def test_what_a_webhook_is_told() -> None:
    """The run's names and the figures of the same window, as JSON."""
    told: list[Any] = []

    def answer(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        told.append((handler.command, handler.headers["Content-Type"], json.loads(body)))
        reply(200)(handler, body)

    with serving(answer) as url:
        known = [Outcome(gate="probe", result=Result.PASSED, reason="", figures={"success": 100.0})]
        ask({"webhook": {"url": url, "timeout_s": 5.0}}, {"workload": "web", "run": "r1"}, known)
    gates = {"probe": {"result": "passed", "success": 100.0}}
    assert told == [("POST", "application/json", {"workload": "web", "run": "r1", "gates": gates})]


def hang(*_: object) -> None:
    time.sleep(1.5)


def trickle(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for n in range(30):
        try:
            handler.wfile.write(f"X-{n}: y\r\n".encode())
        except OSError:
            return
        time.sleep(0.05)


@pytest.mark.parametrize("answer", [hang, trickle])
def test_who_never_ends_is_an_error_in_time(answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> None:
    """Also one whose every byte comes before a socket's time-out."""
    with serving(answer) as url:
        began = time.monotonic()
        found = ask({"webhook": {"url": url, "timeout_s": 0.3}})
        took = time.monotonic() - began
    assert (found.result, found.reason) == (Result.ERROR, "no answer within 0.3 s")
    assert took < 1.0


@pytest.mark.parametrize(
    ("url", "why"), [("http://127.0.0.1:9", "it cannot be reached"), ("http://no-such.invalid", "cannot be resolved")]
)
def test_nobody_there(url: str, why: str) -> None:
    """An error that says which."""
    found = ask({"webhook": {"url": url, "timeout_s": 5.0}})
    assert (found.result, why in found.reason) == (Result.ERROR, True), found.reason


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.parametrize(
    ("argv", "result", "why"),
    [
        (python(""), Result.PASSED, "it ended with 0"),
        (python("print('lag is 40'); raise SystemExit(1)"), Result.FAILED, "it ended with 1: lag is 40"),
        (python("raise SystemExit(75)"), Result.INCONCLUSIVE, "75"),
        (python("import os; os.kill(os.getpid(), 9)"), Result.ERROR, "killed by signal 9"),
        (python("import time; print('so far', flush=True); time.sleep(9)"), Result.ERROR, "within 1 s: so far"),
        (["/no/such/program"], Result.ERROR, "cannot be started: no such file"),
        (python("import os; raise SystemExit(os.environ['PODLIFT_WORKLOAD'] != 'web')"), Result.PASSED, ""),
        # no shell looks at the words
        ([*python("import sys; raise SystemExit(sys.argv[1] != '$(false); x')"), "$(false); x"], Result.PASSED, ""),
    ],
)
def test_a_command(argv: list[str], result: Result, why: str) -> None:
    """By what it ends with; one that cannot be asked is an error."""
    found = ask({"command": {"argv": argv, "timeout_s": 1.0}}, {"workload": "web"})
    assert (found.result, why in found.reason) == (result, True), found.reason


def test_a_command_that_nobody_waits_for_is_ended() -> None:
    """When the window is forgotten."""
    asking = Asking(
        [{"name": "it", "command": {"argv": python("import time; time.sleep(30)"), "timeout_s": 30.0}}],
        {},
        hide=as_said,
    )
    assert asking.outcomes() is None
    asking.cancel()
    end = time.monotonic() + 5
    while (found := asking.outcomes()) is None and time.monotonic() < end:
        time.sleep(0.01)
    assert found is not None
    assert "interrupted" in found[0].reason


# ---------------------------------------------------------------- as the driver asks them


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time

    def boot(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Nodes:
    """Two nodes; ``behaves``: how a backend answers the n-th request."""

    def __init__(self, behaves: Callable[[Request, int], Response]) -> None:
        self._behaves = behaves
        self.asked: list[Request] = []

    def silent(self) -> Mapping[str, str]:
        return {}

    def draw(self, target: Backend, times: int) -> Mapping[str, Draw]:
        raise NotImplementedError

    def ask(self, requests: Sequence[Request]) -> Mapping[str, tuple[Response, ...]]:
        made = {}
        for node in ("n1", "n2"):
            answers = []
            for each in requests:
                answers.append(self._behaves(each, len(self.asked)))
                self.asked.append(each)
            made[node] = tuple(answers)
        return made


SERVICE = {"metadata": {"name": "web"}, "spec": {"ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}
SPEC = Spec(
    id="r1", workload="web", name="web", namespace="shop", plan="h", services=(SERVICE,), controllers=(), originals=(),
    steps=(1,), check={"kind": "http", "path": "/healthz", "port": 8080}, timings=LAB,
)  # fmt: skip


def world(*pods: SeenPod, running: bool = True) -> World:
    members = [
        Member(backend=Backend(each.address, 8080), source="pod", of=each.uid, ready=each.ready, serving=True,
               terminating=False) for each in pods if each.admitted
    ]  # fmt: skip
    service = SeenService(
        name="web", uid="s", version="1", address="10.96.0.7", port=80, selector={}, epoch=1, run="r1",
        members=tuple(members),
    )  # fmt: skip
    container = Container(
        host="ams1",
        id="c1",
        name="web-1",
        image="web",
        running=running,
        ports={"8080/tcp": Backend("10.0.0.21", 18080)},
    )
    return World(services={"web": service}, slices=(), controllers={}, pods=pods, found=Found(containers=(container,)))


def looked(gates: LiveGates, clock: Clock, seen: Callable[[], World], *, spec: Spec = SPEC) -> tuple[str, str]:
    """Looks until it is decided, for a minute of the clock."""
    end = clock.time + 60
    while clock.time < end:
        found = gates.judge("shift-1", spec, seen())
        if found.outcome != "going":
            return found.outcome, found.said
        clock.sleep(0.2)
        time.sleep(0.001)
    return "going", ""


def test_good_pods_pass_after_their_windows() -> None:
    """Pod, legacy instance and Service are each asked as often as is due, from both nodes."""
    nodes, clock = Nodes(lambda *_: Response(status=200, seconds=0.01)), Clock()
    outcome, reason = looked(LiveGates(nodes, clock), clock, lambda: world(pod()))
    assert (outcome, reason) == ("passed", "2 of 2 windows in a row passed")
    asked = {(str(each.backend), each.path) for each in nodes.asked}
    assert asked == {("10.1.0.1:8080", "/healthz"), ("10.0.0.21:18080", "/healthz"), ("10.96.0.7:80", "/healthz")}
    assert 3 * 2 * 10 <= len(nodes.asked) <= 3 * 2 * 14
    # two windows of two seconds, and one in between
    assert 5 <= clock.time - 1000 <= 6


def test_each_window_is_told_once() -> None:
    """With what every gate said of it, when it closes: for the journal."""
    clock = Clock()
    gates = LiveGates(Nodes(lambda *_: Response(status=200, seconds=0.01)), clock)
    windows = []
    for _ in range(40):
        windows.append(gates.judge("shift-1", SPEC, world(pod())).window)
        clock.sleep(0.2)
    assert [[each.gate for each in window] for window in windows if window] == [["pods", "probe"]] * 2
    assert all(window[1].figures["success"] == 100 for window in windows if window)


def test_twenty_good_runs_and_no_false_alarm() -> None:
    """With the jitter of a real network, and now and then a slow answer."""
    chance = random.Random(1)

    def jitter(_: Request, n: int) -> Response:
        return Response(status=200, seconds=0.4 if n % 211 == 0 else chance.expovariate(100))

    for _ in range(20):
        clock = Clock()
        assert looked(LiveGates(Nodes(jitter), clock), clock, lambda: world(pod()))[0] == "passed"


@pytest.mark.parametrize(
    ("behaves", "outcome", "said"),
    [
        (lambda each, _: Response(status=500 if each.backend.port == 8080 else 200), "failed", "web-1: 0.00 %"),
        (
            lambda each, _: Response(status=200, seconds=2 if each.backend.port == 8080 else 0),
            "failed",
            "p99 is 2000 ms",
        ),
        (
            lambda each, _: Response(error="refused") if each.backend.port == 8080 else Response(status=200),
            "failed",
            "x refused",
        ),
        (lambda *_: Response(error="refused"), "inconclusive", "no more of legacy's"),
    ],
)
def test_bad_pods_fail(behaves: Callable[[Request, int], Response], outcome: str, said: str) -> None:
    """Wrong, slow, or refusing while ready; all of them down is no pod's fault."""
    clock = Clock()
    found = looked(LiveGates(Nodes(behaves), clock), clock, lambda: world(pod()))
    assert (found[0], said in found[1]) == (outcome, True), found


def test_a_pod_that_crashes_between_windows_is_seen() -> None:
    """It answers every probe."""
    clock = Clock()
    restarts = {"count": 0}

    def seen() -> World:
        restarts["count"] = int(clock.time - 1000) // 3
        return world(pod(restarts=restarts["count"]))

    found = looked(LiveGates(Nodes(lambda *_: Response(status=200)), clock), clock, seen)
    assert (found[0], "pods: web-1 restarted" in found[1]) == ("failed", True), found


def test_a_look_that_was_given_up_counts_nowhere() -> None:
    """It is still under way in another thread, and what it adds comes when all was forgotten; that waits for nobody."""
    clock, asked, answers = Clock(), threading.Event(), threading.Event()

    def late(_request: Request, _number: int) -> Response:
        asked.set()
        assert answers.wait(10)
        return Response(status=500)

    gates = LiveGates(Nodes(late), clock)
    gates.judge("shift-1", SPEC, world(pod()))
    clock.sleep(1)
    look = threading.Thread(target=gates.judge, args=("shift-1", SPEC, world(pod())))
    look.start()
    assert asked.wait(10)
    gates.forget()
    answers.set()
    look.join()
    gates._nodes = Nodes(lambda *_: Response(status=200, seconds=0.01))
    assert looked(gates, clock, lambda: world(pod())) == ("passed", "2 of 2 windows in a row passed")


def test_a_pod_that_crashes_between_two_steps_is_seen() -> None:
    """As in the time of its own that a step has."""
    clock = Clock()
    gates = LiveGates(Nodes(lambda *_: Response(status=200)), clock)
    assert looked(gates, clock, lambda: world(pod()))[0] == "passed"
    found = gates.judge("shift-2", SPEC, world(pod(restarts=1)))
    while not found.window:
        clock.sleep(0.2)
        found = gates.judge("shift-2", SPEC, world(pod(restarts=1)))
    assert "web-1 restarted 1 time" in found.window[0].reason
    assert (found.failures, found.restarts) == ({"shift-2": 1}, {"uid-web-1": 1})


def test_a_pod_that_crashes_again_and_again_fails_however_good_the_windows_between() -> None:
    """Once in every fifth window: no step has two that fail."""
    clock = Clock()
    gates = LiveGates(Nodes(lambda *_: Response(status=200)), clock)
    outcomes, reason = [], ""
    for step in range(9):
        found = gates.judge(f"bake-{step}", SPEC, world(pod()))
        while found.outcome == "going":
            clock.sleep(0.2)
            found = gates.judge(f"bake-{step}", SPEC, world(pod(restarts=int(clock.time - 1000) // 15)))
        outcomes.append(found.outcome)
        reason = found.said
        if found.outcome == "failed":
            break
    assert outcomes[-1] == "failed"
    assert outcomes[:-1]
    assert set(outcomes[:-1]) == {"passed"}
    assert reason == "web-1 restarted 2 times since it takes callers"


def test_what_failed_stays_known_to_the_next_driver() -> None:
    """One window failed, then the driver was killed: one more is enough, and with one that passes between too."""
    clock = Clock()
    nodes = Nodes(lambda each, _: Response(status=500 if each.backend.port == 8080 else 200))
    first = LiveGates(nodes, clock)
    found = first.judge("shift-1", SPEC, world(pod()))
    while not found.window:
        clock.sleep(0.2)
        found = first.judge("shift-1", SPEC, world(pod()))
    assert (found.outcome, found.failures) == ("going", {"shift-1": 1})
    second = LiveGates(nodes, clock)
    second.recall(found.failures, found.restarts)
    began = clock.time
    assert looked(second, clock, lambda: world(pod()))[0] == "failed"
    assert clock.time - began < 4
    third = LiveGates(nodes, clock)
    third.recall({"shift-1": 2}, {})
    assert third.judge("shift-1", SPEC, world(pod())).outcome == "failed"
    assert third.judge("shift-2", SPEC, world(pod())).outcome == "going"


def test_a_service_is_connected_to_where_the_check_asks_another_port() -> None:
    """Ready and well by its check, a pod may refuse its callers."""
    spec = replace(SPEC, check={**SPEC.check, "port": 8081})

    def behaves(each: Request, n: int) -> Response:
        if str(each.backend) == "10.96.0.7:80":
            return Response(error="refused") if n % 3 == 0 else Response(seconds=0.001)
        return Response(status=200)

    nodes, clock = Nodes(behaves), Clock()
    found = looked(LiveGates(nodes, clock), clock, lambda: world(pod()), spec=spec)
    assert (found[0], "Service web" in found[1], "x refused" in found[1]) == ("failed", True, True), found
    assert {each.kind for each in nodes.asked if each.backend.port == 80} == {"tcp"}


def test_what_is_forgotten_does_not_count() -> None:
    """A window with an outage in it; failures before it stay."""
    clock = Clock()
    bad = {"now": True}
    nodes = Nodes(lambda each, _: Response(status=500 if bad["now"] and each.backend.port == 8080 else 200))
    gates = LiveGates(nodes, clock)
    while not gates.analyses or gates.analyses["shift-1"].failures == 0:
        gates.judge("shift-1", SPEC, world(pod()))
        clock.sleep(0.2)
    clock.sleep(1)
    gates.judge("shift-1", SPEC, world(pod()))
    clock.sleep(1.9)
    gates.judge("shift-1", SPEC, world(pod()))
    gates.forget()
    bad["now"] = False
    assert looked(gates, clock, lambda: world(pod()))[0] == "passed"
    assert gates.analyses["shift-1"].failures == 1


def test_gates_of_others_count_too() -> None:
    """A command's no fails what the probes pass, and the driver is not held up while it thinks."""
    slow = python("import time; time.sleep(0.3); print('no'); raise SystemExit(1)")
    spec = replace(SPEC, gates=({"name": "mine", "command": {"argv": slow, "timeout_s": 5.0}},))
    clock = Clock()
    gates = LiveGates(Nodes(lambda *_: Response(status=200)), clock)
    longest = 0.0
    found = gates.judge("shift-1", spec, world(pod()))
    end = time.monotonic() + 20
    while found.outcome == "going" and time.monotonic() < end:
        began = time.monotonic()
        found = gates.judge("shift-1", spec, world(pod()))
        longest = max(longest, time.monotonic() - began)
        clock.sleep(0.2)
        time.sleep(0.01)
    assert (found.outcome, "mine: it ended with 1: no" in found.said) == ("failed", True), found
    assert longest < 0.25


def test_after_the_last_stop_the_pods_stand_alone() -> None:
    """No baseline is left, and none is missed."""
    clock = Clock()
    gates = LiveGates(Nodes(lambda *_: Response(status=200)), clock)
    assert looked(gates, clock, lambda: world(pod(), running=False))[0] == "passed"


def test_probes_of_ones_own() -> None:
    """In turn, with the check's host; the Service too."""
    requests = [{"path": "/orders"}, {"path": "/cart", "headers": {"X-Test": "1"}}]
    gate = {"name": "probe", "probe": {"requests": requests, "codes": "418"}}
    spec = replace(SPEC, gates=(gate,), check={**SPEC.check, "host": "shop.example"})
    nodes, clock = Nodes(lambda *_: Response(status=418)), Clock()
    assert looked(LiveGates(nodes, clock), clock, lambda: world(pod()), spec=spec)[0] == "passed"
    asked = [(each.path, dict(each.headers)) for each in nodes.asked if each.backend.port == 8080]
    paths = [path for path, _ in asked]
    assert abs(paths.count("/orders") - paths.count("/cart")) <= 4
    assert ("/cart", {"Host": "shop.example", "X-Test": "1"}) in asked


@pytest.mark.parametrize(("fault", "seconds", "at_once"), [("timed out", 3.0, 1), ("refused", 0.01, 10)])
def test_who_hangs_holds_nobody_up(fault: str, seconds: float, at_once: int) -> None:
    """Each of its requests takes all its time, so few are sent at once, however many are due; who answers or refuses at
    once gets all that are."""

    def behaves(each: Request, _: int) -> Response:
        if each.backend.port == 8080:
            return Response(error=fault, seconds=seconds)
        return Response(status=200, seconds=0.01)

    nodes, clock = Nodes(behaves), Clock()
    gates = LiveGates(nodes, clock)
    spec = replace(SPEC, timings=replace(LAB, min_samples=100, window_s=10))
    rounds: list[tuple[int, int]] = []
    found = gates.judge("shift-1", spec, world(pod()))
    while found.outcome == "going":
        clock.sleep(2)
        before = len(nodes.asked)
        found = gates.judge("shift-1", spec, world(pod()))
        sent = [each.backend.port for each in nodes.asked[before:]]
        rounds.append((sent.count(8080) // 2, sent.count(18080) // 2))
    assert found.outcome == "failed"
    assert max(failing for failing, _ in rounds) == at_once
    assert max(fast for _, fast in rounds) == 10


def test_parity_asks_a_pod_that_nobody_reaches_yet() -> None:
    """One legacy instance, one unadmitted pod; a difference holds the run and never leads back."""

    def behaves(each: Request, _: int) -> Response:
        return Response(status=200, body="old" if each.backend.port == 18080 else "new")

    nodes, clock = Nodes(behaves), Clock()
    seen = world(pod(), pod("web-2", admitted="", address="10.1.0.2"))
    found = LiveGates(nodes, clock).compare(SPEC, seen)
    assert found.outcome == "inconclusive"
    assert 'GET /healthz: line 1: legacy "old", pod "new"' in found.said
    assert {each.backend for each in nodes.asked} == {Backend("10.0.0.21", 18080), Backend("10.1.0.2", 8080)}
    same = LiveGates(Nodes(lambda *_: Response(status=200, body="x")), clock)
    assert same.compare(SPEC, seen).outcome == "passed"
    assert same.compare(SPEC, world()).said == "there is no pod to ask"
