"""podlift.yaml's ``cutover:``: read, or refused with file, line and key; then the workload's entry, then flags."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from converters.errors import PodliftError
from migrate.cutover.gates.judging import PROBE
from migrate.cutover.gates_file import load_gates
from migrate.cutover.previewing import means_of, texts_of
from migrate.cutover.run import LAB, Timings
from migrate.cutover.settings import Flags, Settings, counts, schedule_of
from migrate.documents import parse_documents
from migrate.project import load_project
from migrate.schemas import schema
from tests.cutover.model import Model

WHOLE = """\
cutover:
  hooks:
    freeze: [hooks/scheduler, freeze]
    frozen: [check-frozen]
    unfreeze: [/opt/scheduler, unfreeze]
  timings: {window: 1m30s, bake: 2h, min_samples: 200, poll: 500ms}
  gates:
  - {name: errors, prometheus: {url: "https://prom.example", query: up, condition: "result > 0", timeout: 3s}}
  - {name: mine, command: {argv: [./lag, ""]}}
  parity:
    requests:
    - {path: /orders?limit=1}
    - {method: POST, path: /quote, repeatable: true, headers: {Authorization: "Bearer ${SHOP_TOKEN}"}}
    ignore: {json: [..time], patterns: ["req-[0-9a-f]+"]}
  schedule: [1, 25%, 100%]
  hold_before: [SHIFT, STANDBY]
  accept_floor: true
  nodes: {node-a: {probe: [bin/on-node-a]}}
  probe_image: registry.example/podlift-probe:1
  workloads:
    cart:
      hooks: {drain: [drain-cart]}
      timings: {bake: 5m}
      gates: [{name: own, probe: {success: 99.9, p99: 250ms}}]
      schedule: [2]
      on_drain_timeout: stop
      keeps_stopped: true
      udp: cut
      caller_files: [etc/nginx.conf, /etc/haproxy.cfg]
      callers: [{namespace: front, labels: {app: front}}, {labels: {app: cart}}]
      outbound: {unneeded: ["10.0.0.7:6379"], limits: {"10.0.0.5:5432": 80}}
    search: {profile: lab}
"""


def settings(folder: Path, text: str, workload: str = "web", flags: Flags | None = None) -> Settings:
    (folder / "podlift.yaml").write_text(text)
    return load_project(folder).cutover.of(workload, flags)


def test_what_a_section_says(tmp_path: Path) -> None:
    """Durations in seconds, programs of the folder by their whole path, all of it JSON for the journal."""
    found = settings(tmp_path, WHOLE)
    assert found.timings == Timings(window_s=90, bake_s=7200, min_samples=200, poll_s=0.5)
    assert found.hooks == {
        "freeze": (str(tmp_path / "hooks/scheduler"), "freeze"),
        "frozen": ("check-frozen",),
        "unfreeze": ("/opt/scheduler", "unfreeze"),
    }
    assert found.gates[0] == PROBE
    assert found.gates[1]["prometheus"]["timeout_s"] == 3
    assert found.gates[2]["command"] == {"argv": (str(tmp_path / "lag"), ""), "timeout_s": 10}
    assert found.parity["headers"] == ["content-type"]
    assert found.parity["requests"][1]["headers"] == {"Authorization": "Bearer ${SHOP_TOKEN}"}
    assert (found.schedule, found.approvals) == (("1", "25%", "100%"), ("SHIFT", "STANDBY"))
    assert (found.accept_floor, found.on_drain_timeout) == (True, "hold")
    json.dumps([found.gates, found.parity, found.hooks])


def test_how_nodes_are_probed(tmp_path: Path) -> None:
    """By a command of the folder, and on the others by pods of an image; of those no node can bear the name."""
    settings(tmp_path, WHOLE)
    assert load_project(tmp_path).cutover.nodes == {
        "node-a": {"probe": (str(tmp_path / "bin/on-node-a"),)},
        "*": {"image": "registry.example/podlift-probe:1"},
    }


def test_a_workloads_own_entry(tmp_path: Path) -> None:
    """Hooks and timings one by one, the rest as a whole; a profile stands for the timings above it."""
    found = settings(tmp_path, WHOLE, "cart")
    assert sorted(found.hooks) == ["drain", "freeze", "frozen", "unfreeze"]
    assert found.timings == Timings(window_s=90, bake_s=300, min_samples=200, poll_s=0.5)
    assert found.gates == ({"name": "own", "probe": {"success": 99.9, "p99_s": 0.25}},)
    assert (found.schedule, found.on_drain_timeout, found.accept_floor) == (("2",), "stop", True)
    assert found.outbound == {"unneeded": ["10.0.0.7:6379"], "limits": {"10.0.0.5:5432": 80}}
    assert (found.keeps_stopped, found.udp) == (True, "cut")
    assert settings(tmp_path, WHOLE, "search").timings == LAB


def test_what_a_user_gives_is_preflights_to_know(tmp_path: Path) -> None:
    spec = Model().spec(nodes={"n1": {"probe": ("x",)}, "*": {"image": "probe:1"}})
    said = means_of(spec, settings(tmp_path, WHOLE, "cart"))
    assert (said.keeps_stopped, said.udp, said.node_probes) == (True, "cut", frozenset({"n1"}))
    assert settings(tmp_path, WHOLE, "cart").caller_files == {
        "etc/nginx.conf": str(tmp_path / "etc/nginx.conf"),
        "/etc/haproxy.cfg": "/etc/haproxy.cfg",
    }
    assert settings(tmp_path, WHOLE, "cart").callers == (
        {"namespace": "front", "labels": {"app": "front"}},
        {"labels": {"app": "cart"}},
    )
    unsaid = means_of(spec, settings(tmp_path, WHOLE))
    assert (unsaid.keeps_stopped, unsaid.udp) == (False, "")


def test_files_of_callers_are_read_for_a_preview(tmp_path: Path) -> None:
    """One that is not there is an error that says who named it."""
    there = tmp_path / "nginx.conf"
    there.write_bytes(b"server a1:80; # \xff\n")
    assert texts_of({"nginx.conf": str(there)}) == {"nginx.conf": "server a1:80; # \ufffd\n"}
    with pytest.raises(PodliftError) as caught:
        texts_of({"nginx.conf": str(there), "gone.cfg": str(tmp_path / "gone.cfg")})
    assert (caught.value.code, caught.value.subject) == ("cannot-read", str(tmp_path / "gone.cfg"))
    assert caught.value.reason == "caller_files names gone.cfg, and there is no such file"


def test_without_a_section(tmp_path: Path) -> None:
    """Production's timings, probes, the check's parity, and the first step waits."""
    assert settings(tmp_path, "estate: a\n") == Settings()
    assert Settings().approvals == ("SHIFT",)
    assert Settings().parity == {"headers": ["content-type"]}
    assert settings(tmp_path, "cutover: {parity: {requests: []}}\n").parity == {}
    assert settings(tmp_path, "cutover: {profile: lab}\n").timings == LAB


def test_flags_come_last(tmp_path: Path) -> None:
    """--yes approves the first step, and not what the file asks for."""
    flags = Flags(
        schedule=("3",), hold_before=("DRAINED",), gates=(), bake_s=1, accept_floor=False, on_drain_timeout="stop"
    )
    found = settings(tmp_path, WHOLE, flags=flags)
    assert (found.schedule, found.approvals, found.gates) == (("3",), ("DRAINED",), (PROBE,))
    assert (found.timings.bake_s, found.accept_floor, found.on_drain_timeout) == (1, False, "stop")
    assert settings(tmp_path, "", flags=Flags(yes=True)).approvals == ()
    assert settings(tmp_path, WHOLE, flags=Flags(yes=True)).approvals == ("SHIFT", "STANDBY")


def request(more: str) -> str:
    return f"cutover:\n  parity:\n    requests:\n    - {{path: /a, {more}}}\n"


def unneeded(remote: str) -> str:
    return f"cutover: {{outbound: {{unneeded: ['{remote}']}}}}\n"


def limits(remote: str) -> str:
    return f"cutover: {{outbound: {{limits: {{'{remote}': 5}}}}}}\n"


def gate(more: str) -> str:
    return f"cutover:\n  gates:\n  - {{name: g, {more}}}\n"


@pytest.mark.parametrize(
    ("text", "subject", "reason"),
    [
        ("cutover: {hoks: {}}\n", "podlift.yaml:1 cutover.hoks", "did you mean hooks?"),
        ("cutover:\n  hooks: {freze: [a]}\n", "podlift.yaml:2 cutover.hooks.freze", "did you mean freeze?"),
        ("cutover:\n  hooks: {drain: drain.sh}\n", "podlift.yaml:2 cutover.hooks.drain", "a list is due"),
        ("cutover: {outbound: {unneeded: [db]}}\n", "podlift.yaml:1 cutover.outbound.unneeded[0]", "'db'"),
        (unneeded("10.0.0.0/99"), "podlift.yaml:1 cutover.outbound.unneeded[0]", "write 10.0.0.7, "),
        (unneeded("999.1.1.1"), "podlift.yaml:1 cutover.outbound.unneeded[0]", "'999.1.1.1'"),
        (unneeded("10.0.0.1:99999"), "podlift.yaml:1 cutover.outbound.unneeded[0]", "from 1 to 65535"),
        (unneeded("[::1:2:]:5"), "podlift.yaml:1 cutover.outbound.unneeded[0]", "'::1:2:'"),
        (limits("10.0.0.1:0"), "podlift.yaml:1 cutover.outbound.limits.10.0.0.1:0", "from 1 to 65535"),
        (limits("10.0.0.1:05"), "podlift.yaml:1 cutover.outbound.limits.10.0.0.1:05", "write 10.0.0.1:5"),
        (limits("[fd00:0::1]:5"), "podlift.yaml:1 cutover.outbound.limits.[fd00:0::1]:5", "write [fd00::1]:5"),
        (limits("999.0.0.1:5"), "podlift.yaml:1 cutover.outbound.limits.999.0.0.1:5", "'999.0.0.1'"),
        ("cutover: {schedule: [2, 1]}\n", "podlift.yaml:1 cutover.schedule", "do not rise"),
        ("cutover: {schedule: ['101%']}\n", "podlift.yaml:1 cutover.schedule[0]", "'101%'"),
        ("cutover:\n  timings: {bake: 9999999d}\n", "podlift.yaml:2 cutover.timings.bake", "longer than a year"),
        ("cutover:\n  hooks: {drain: []}\n", "podlift.yaml:2 cutover.hooks.drain", "no command"),
        ("cutover:\n  hooks: {freeze: [a]}\n", "podlift.yaml:2 cutover.hooks", "freeze stands here and no frozen"),
        (
            "cutover:\n  workloads:\n    a: {hooks: {freeze: [a], frozen: [a]}}\n",
            "podlift.yaml:3 cutover.workloads.a.hooks",
            "no unfreeze",
        ),
        ("cutover:\n  timings: {bake: 30}\n", "podlift.yaml:2 cutover.timings.bake", "a text is due"),
        ("cutover:\n  timings: {bake: half}\n", "podlift.yaml:2 cutover.timings.bake", "how long pods serve alone"),
        ("cutover:\n  timings: {min_samples: 0}\n", "podlift.yaml:2 cutover.timings.min_samples", "too small"),
        (
            "cutover:\n  timings: {window: 0s, interval: 0s}\n",
            "podlift.yaml:2 cutover.timings.window",
            "no time at all",
        ),
        ("cutover:\n  timings: {udp_quiet: 0s}\n", "podlift.yaml:2 cutover.timings.udp_quiet", "no time at all"),
        (
            "cutover:\n  workloads:\n    a: {udp: sessions, timings: {udp_quiet: 5m}}\n",
            "podlift.yaml:3 cutover.workloads.a.timings",
            "let drain_timeout be longer than udp_quiet",
        ),
        ("cutover: {udp: quic}\n", "podlift.yaml:1 cutover.udp", "is not one of"),
        ("cutover:\n  timings: {poll: 0ms}\n", "podlift.yaml:2 cutover.timings.poll", "more than 0s"),
        (
            "cutover:\n  timings: {keeper: 0s, heartbeat: 0s}\n",
            "podlift.yaml:2 cutover.timings.keeper",
            "no time at all",
        ),
        (
            "cutover:\n  timings: {ready_timeout: 0s}\n",
            "podlift.yaml:2 cutover.timings.ready_timeout",
            "no time at all",
        ),
        (
            "cutover:\n  workloads:\n    a:\n      timings:\n        observe_timeout: 0s\n",
            "podlift.yaml:5 cutover.workloads.a.timings.observe_timeout",
            "no time at all",
        ),
        ("cutover:\n  timings: {hook_timeout: 0s}\n", "podlift.yaml:2 cutover.timings.hook_timeout", "no time at all"),
        ("cutover:\n  timings: {renew: 0s}\n", "podlift.yaml:2 cutover.timings.renew", "no time at all"),
        ("cutover:\n  timings: {lease: 1ms}\n", "podlift.yaml:2 cutover.timings.lease", "1s, at least"),
        ("cutover:\n  timings: {poll: 6s}\n", "podlift.yaml:2 cutover.timings.poll", "let poll be 5s at most"),
        ("cutover:\n  timings: {bake: 99999d}\n", "podlift.yaml:2 cutover.timings.bake", "longer than a year"),
        (
            "cutover:\n  profile: lab\n  timings: {poll: 5s}\n",
            "podlift.yaml:3 cutover.timings",
            "renew and poll together be shorter than lease",
        ),
        ("cutover:\n  timings: {renew: 40s}\n", "podlift.yaml:2 cutover.timings", "lose the lock by chance"),
        ("cutover:\n  timings: {heartbeat: 90s}\n", "podlift.yaml:2 cutover.timings", "longer than a lease (60 s)"),
        ("cutover:\n  timings: {keeper: 20s}\n", "podlift.yaml:2 cutover.timings", "shorter than two looks"),
        ("cutover:\n  timings: {hook_timeout: 2m}\n", "podlift.yaml:2 cutover.timings", "outlives a lease of 60 s"),
        ("cutover:\n  profile: fast\n", "podlift.yaml:2 cutover.profile", "is not one of"),
        ("cutover:\n  schedule: [2, 1]\n", "podlift.yaml:2 cutover.schedule", "do not rise"),
        ("cutover:\n  schedule: [0]\n", "podlift.yaml:2 cutover.schedule[0]", "too small"),
        ("cutover:\n  schedule: [101%]\n", "podlift.yaml:2 cutover.schedule[0]", "percent of the pods"),
        ("cutover:\n  hold_before: [STANBY]\n", "podlift.yaml:2 cutover.hold_before[0]", "did you mean STANDBY?"),
        ("cutover:\n  hold_before: [PLANNED]\n", "podlift.yaml:2 cutover.hold_before[0]", "cannot be held"),
        (request("method: POST"), "podlift.yaml:4 cutover.parity.requests[0]", "POST may change something"),
        (request("method: get"), "podlift.yaml:4 cutover.parity.requests[0].method", "is not what is due"),
        (
            request("headers: {Authorization: Basic dTpw}"),
            "podlift.yaml:4 cutover.parity.requests[0].headers.Authorization",
            "a secret stands here",
        ),
        (
            request("headers: {X-Api-Key: k-of-mine-1}"),
            "podlift.yaml:4 cutover.parity.requests[0].headers.X-Api-Key",
            "write ${NAME}",
        ),
        (
            "cutover:\n  parity: {ignore: {json: ['a[']}}\n",
            "podlift.yaml:2 cutover.parity.ignore",
            "'a[' is no path",
        ),
        (
            "cutover:\n  parity: {ignore: {patterns: ['(']}}\n",
            "podlift.yaml:2 cutover.parity.ignore",
            "'(' is no regular",
        ),
        (gate("timeout: 1s"), "podlift.yaml:3 cutover.gates[0].timeout", "there is no key"),
        (gate("probe: {}, command: {argv: [a]}"), "podlift.yaml:3 cutover.gates[0]", "probe and command stand in one"),
        ("cutover:\n  gates:\n  - {name: g}\n", "podlift.yaml:3 cutover.gates[0]", "without anything to ask"),
        (gate("probe: {codes: '200-'}"), "podlift.yaml:3 cutover.gates[0].probe.codes", "no code of HTTP"),
        (gate("probe: {codes: '700-100'}"), "podlift.yaml:3 cutover.gates[0].probe.codes", "the lower one first"),
        (gate("probe: {codes: '99'}"), "podlift.yaml:3 cutover.gates[0].probe.codes", "from 100 to 599"),
        (gate("probe: {codes: '200-600'}"), "podlift.yaml:3 cutover.gates[0].probe.codes", "from 100 to 599"),
        (gate("probe: {success: 101}"), "podlift.yaml:3 cutover.gates[0].probe.success", "101 is too large"),
        (gate("probe: {success: -1}"), "podlift.yaml:3 cutover.gates[0].probe.success", "-1 is too small"),
        (gate("probe: {success: .nan}"), "podlift.yaml:3 cutover.gates[0].probe.success", "a number is due"),
        (gate("probe: {slower_by: .inf}"), "podlift.yaml:3 cutover.gates[0].probe.slower_by", "a number is due"),
        (
            gate("probe: {}}\n  - {name: g, webhook: {url: 'http://h'}"),
            "podlift.yaml:4 cutover.gates[1].name",
            "already",
        ),
        (gate("probe: {}}\n  - {name: h, probe: {}"), "podlift.yaml:4 cutover.gates[1]", "a second probe gate"),
        (gate("probe: {codes: '-'}"), "podlift.yaml:3 cutover.gates[0].probe.codes", "no code of HTTP"),
        (
            gate("probe: {requests: [{method: PUT, path: /}]}"),
            "podlift.yaml:3 cutover.gates[0].probe.requests[0]",
            "PUT",
        ),
        (
            gate("prometheus: {url: 'http://p', query: q, condition: 'x < 1'}"),
            "podlift.yaml:3 cutover.gates[0].prometheus.condition",
            "write result < 0.01",
        ),
        (
            gate("webhook: {url: 'http://u:p@hook'}"),
            "podlift.yaml:3 cutover.gates[0].webhook.url",
            "a user or password stands in the URL",
        ),
        (gate("webhook: {url: 'file:///etc'}"), "podlift.yaml:3 cutover.gates[0].webhook.url", "http:// or https://"),
        (gate("command: {argv: []}"), "podlift.yaml:3 cutover.gates[0].command.argv", "no command"),
        (
            "cutover:\n  gates:\n  - {name: pods, probe: {}}\n",
            "podlift.yaml:3 cutover.gates[0].name",
            "there is a gate pods already",
        ),
    ],
)
def test_a_wrong_section_is_refused(tmp_path: Path, text: str, subject: str, reason: str) -> None:
    """When the project is read, long before anything is moved."""
    with pytest.raises(PodliftError) as caught:
        settings(tmp_path, text)
    assert caught.value.code == "bad-project"
    assert caught.value.subject.endswith(subject)
    assert reason in f"{caught.value.reason} {caught.value.next_step}"


@pytest.mark.parametrize("remote", ["10.0.0.7", "10.0.0.7:6379", "10.0.0.1/16", "::1", "fd00::/8", "[fd00::1]:5432"])
def test_what_pods_need_not_reach(tmp_path: Path, remote: str) -> None:
    assert settings(tmp_path, unneeded(remote)).outbound == {"unneeded": [remote]}


def test_an_entry_of_no_workload_of_the_plan(tmp_path: Path) -> None:
    """It is said as soon as there is a plan; one of another workload of it is well."""
    (tmp_path / "podlift.yaml").write_text("cutover:\n  workloads:\n    orders: {}\n    wbe: {profile: lab}\n")
    section = load_project(tmp_path).cutover
    section.fits(["web", "orders", "wbe"])
    with pytest.raises(PodliftError) as caught:
        section.fits(["web", "orders"])
    assert (caught.value.code, caught.value.next_step) == ("bad-project", "did you mean web?")
    assert caught.value.subject.endswith("podlift.yaml:4 cutover.workloads.wbe")


def test_a_secret_url_is_the_environments(tmp_path: Path) -> None:
    """A webhook's whole URL may be one."""
    found = settings(tmp_path, gate("webhook: {url: '${HOOK_URL}'}"))
    assert found.gates[1]["webhook"]["url"] == "${HOOK_URL}"


def test_nodes_that_are_probed_by_a_command(tmp_path: Path) -> None:
    """By node, whatever the workload."""
    (tmp_path / "podlift.yaml").write_text("cutover: {nodes: {n1: {probe: [ssh, n1, podlift-probe]}}}\n")
    assert load_project(tmp_path).cutover.nodes == {"n1": {"probe": ("ssh", "n1", "podlift-probe")}}
    with pytest.raises(PodliftError, match="no command"):
        settings(tmp_path, "cutover: {nodes: {n1: {}}}\n")


def test_a_gates_file(tmp_path: Path) -> None:
    """The same gates, the same errors, under a code of their own."""
    file = tmp_path / "gates.yaml"
    file.write_text("gates: [{name: mine, command: {argv: [./lag], timeout: 5s}}]\n")
    assert load_gates(file) == ({"name": "mine", "command": {"argv": (str(tmp_path / "lag"),), "timeout_s": 5}},)
    file.write_text("gates:\n- {name: mine}\n")
    with pytest.raises(PodliftError) as caught:
        load_gates(file)
    assert (caught.value.code, caught.value.subject) == ("bad-gates", f"{file}:2 gates[0]")


@pytest.mark.parametrize(
    ("steps", "pods", "admitted"),
    [
        (("1", "25%", "100%"), 10, (1, 3, 10)),
        (("1", "25%", "100%"), 1, (1,)),
        (("10%", "50%"), 3, (1, 2)),
        ((), 3, ()),
    ],
)
def test_a_schedule_in_pods(steps: tuple[str, ...], pods: int, admitted: tuple[int, ...]) -> None:
    """Percent are rounded up, and what is no step is left out."""
    assert counts(steps, pods) == admitted


def test_a_schedule_that_fits_no_number_of_pods() -> None:
    """Five pods and then a quarter of eight."""
    with pytest.raises(ValueError, match="do not rise, of 8 pods"):
        counts(("5", "25%"), 8)
    with pytest.raises(ValueError, match="is no step"):
        schedule_of("1,x")


@pytest.mark.parametrize("text", [WHOLE, "cutover: {profile: lab}\n", "cutover: {gates: [{name: 1}]}\n"])
def test_the_published_schema_agrees(tmp_path: Path, text: str) -> None:
    """What podlift takes, an editor takes."""
    (document,) = parse_documents(text.encode(), name="podlift.yaml")
    validator: Any = jsonschema.Draft202012Validator(schema("project"))
    try:
        settings(tmp_path, text)
        taken = True
    except PodliftError:
        taken = False
    assert validator.is_valid(document.value) is taken
