"""The proof per row of the field table: what becomes of a field is what its verdict says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters.fields.other_tables import IMAGE_ROWS
from converters.fields.row import Role, Row
from converters.fields.verdict import Level
from tests.cases.harness import outcome
from tests.proof import DOCUMENTS, is_of, prove
from tests.proof_stages import STAGES, stages

CASES = Path(__file__).parents[2] / "cases"
CONFIGURED = [(kind, row) for kind, rows in DOCUMENTS.items() for row in rows if row.role is Role.CONFIG]
STAGED = [(kind, row, n) for kind, row in CONFIGURED for n in range(len(stages(kind, row.pattern)))]
# Podman's rows of Docker's own fields differ in what is unset, and are shown by the cases of Docker's.
SHARED = {("podman", row.pattern) for kind, row in CONFIGURED if kind == "container"}
EVERY = [(kind, row) for kind, rows in {**DOCUMENTS, "image": IMAGE_ROWS}.items() for row in rows]


def _name(value: Any) -> str:
    return value.pattern if isinstance(value, Row) else str(value)


@pytest.mark.parametrize(("kind", "row", "n"), STAGED, ids=_name)
def test_a_row_is_proven(kind: str, row: Row, n: int) -> None:
    """With the row's sample, on each of its stages."""
    proof = prove(kind, row, stages(kind, row.pattern)[n])
    assert proof.wrong == ()
    assert proof.levels


@pytest.mark.parametrize(("kind", "row"), EVERY, ids=_name)
def test_a_row_names_a_case(kind: str, row: Row) -> None:
    """It is there, and in it the field of a row of configuration is present."""
    assert (CASES / row.case / "case.yaml").is_file(), row.case
    if row.role is Role.CONFIG and (kind, row.pattern) not in SHARED:
        tallies = outcome(CASES / row.case).made.estate.tallies
        wanted = "container" if kind == "podman" else kind
        atoms = [a for t in tallies if f"/{wanted}/" in t.document for a in t.atoms]
        assert any(is_of(atom, row) for atom in atoms), row.case


def test_stages_are_for_rows_that_exist() -> None:
    """A stage of a row that is gone proves nothing."""
    assert set(STAGES) <= {(kind, row.pattern) for kind, row in CONFIGURED}


def test_a_row_whose_field_is_forgotten_is_not_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof can fail: a converter that says "exact" and writes nothing is found out."""
    from converters.objects import container as module

    monkeypatch.setattr(module, "_working_dir", lambda *_, **__: {})
    row = next(row for kind, row in CONFIGURED if (kind, row.pattern) == ("container", "Config.WorkingDir"))
    assert any(
        line.endswith(": unknown") for line in prove("container", row, stages("container", row.pattern)[0]).wrong
    )


_NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,10}", fullmatch=True).filter(lambda name: name != "PATH")
_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, blacklist_categories=("Cs", "Cc")), max_size=30)
_WORDS = st.lists(_TEXT.filter(bool), min_size=1, max_size=3)
_BYTES = st.integers(4 << 20, 1 << 42)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "HostConfig.Memory": _BYTES,
    "HostConfig.MemoryReservation": _BYTES.filter(lambda n: n != 268435456),
    "HostConfig.NanoCpus": st.integers(1, 64 * 10**9),
    "HostConfig.CpuQuota": st.integers(1000, 6_400_000),
    "HostConfig.ShmSize": _BYTES.filter(lambda n: n != 67108864),
    "HostConfig.PidsLimit": st.integers(1, 1 << 22),
    "HostConfig.OomScoreAdj": st.integers(-1000, 1000).filter(bool),
    "HostConfig.BlkioWeight": st.integers(10, 1000),
    "HostConfig.CpusetCpus": st.from_regex(r"[0-9](-[0-9])?(,[0-9])?", fullmatch=True),
    "Config.StopTimeout": st.integers(0, 86400).filter(lambda n: n != 10),
    "Config.WorkingDir": st.from_regex(r"/[a-z]{1,8}(/[a-z$()]{1,8}){0,2}", fullmatch=True),
    "Config.User": st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda pair: f"{pair[0]}:{pair[1]}"),
    "Config.Cmd": _WORDS.filter(lambda words: words != ["serve"]),
    "Config.Entrypoint": _WORDS.filter(lambda words: words != ["/bin/web"]),
    "Config.Env[env]": st.tuples(_NAMES, _TEXT).map("=".join),
    "Config.Labels[map]": st.dictionaries(_TEXT.filter(bool), _TEXT, min_size=1, max_size=2),
    "Config.Healthcheck.Test": _WORDS.map(lambda words: ["CMD", *words]),
    "Config.Healthcheck.Interval": st.integers(10**6, 600 * 10**9).filter(lambda n: not 29 * 10**9 < n <= 30 * 10**9),
    "Config.Healthcheck.Timeout": st.integers(10**6, 600 * 10**9).filter(lambda n: not 29 * 10**9 < n <= 30 * 10**9),
    "Config.Healthcheck.Retries": st.integers(1, 100).filter(lambda n: n != 3),
    "HostConfig.Sysctls[map]": st.dictionaries(
        st.sampled_from(["net.ipv4.tcp_syncookies", "kernel.shm_rmid_forced", "net.ipv4.ping_group_range"]),
        st.from_regex(r"[0-9]{1,4}", fullmatch=True),
        min_size=1,
    ),
    "HostConfig.ExtraHosts[host]": st.tuples(
        st.from_regex(r"[a-z]{1,8}(\.[a-z]{2,5})?", fullmatch=True), st.ip_addresses()
    ).map(lambda pair: f"{pair[0]}:{pair[1]}"),
    "HostConfig.Dns[item]": st.ip_addresses().map(str),
    "HostConfig.CapDrop[item]": st.sampled_from(["MKNOD", "CAP_CHOWN", "ALL", "NET_RAW"]),
    "HostConfig.CapAdd[item]": st.sampled_from(["NET_ADMIN", "CAP_SYS_ADMIN", "ALL", "sys_time"]),
    "HostConfig.GroupAdd[item]": st.integers(0, 65535).map(str),
    "HostConfig.Tmpfs[map]": st.dictionaries(
        st.from_regex(r"/[a-z]{1,8}", fullmatch=True),
        st.sampled_from(["", "size=64m", "size=1g,mode=1777", "rw,noexec,nosuid,size=65536k", "mode=700"]),
        min_size=1,
        max_size=2,
    ),
    "Config.ExposedPorts[map]": st.dictionaries(
        st.tuples(st.integers(1, 65535).filter(lambda n: n != 9090), st.sampled_from(["tcp", "udp", "sctp"])).map(
            lambda pair: f"{pair[0]}/{pair[1]}"
        ),
        st.just({}),
        min_size=1,
        max_size=3,
    ),
}


@pytest.mark.parametrize("pattern", VALUES)
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_row_is_proven_with_any_value(pattern: str, data: st.DataObject) -> None:
    """Values of the row's type, drawn."""
    row = next(row for kind, row in CONFIGURED if (kind, row.pattern) == ("container", pattern))
    value = data.draw(VALUES[pattern])
    stage = stages("container", pattern)[0]
    proof = prove("container", replace(row, sample=value), stage)
    assert proof.wrong == (), value


def test_levels_of_all_kinds_are_there() -> None:
    """A table in which everything were dropped would be proven as well."""
    wanted = {
        "HostConfig.Memory": Level.EXACT,
        "HostConfig.MemoryReservation": Level.APPROXIMATED,
        "HostConfig.PidsLimit": Level.DROPPED,
        "HostConfig.Binds[bind]": Level.UNDECIDED,
    }
    rows = {row.pattern: row for kind, row in CONFIGURED if kind == "container"}
    for pattern, level in wanted.items():
        assert prove("container", rows[pattern], stages("container", pattern)[0]).levels == (level,)
