"""A run's report: what a page and its picture show, and that nothing of others' words becomes markup."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from migrate.cutover.history import GateLine, Span
from migrate.cutover.observing import observe
from migrate.cutover.run import Original
from migrate.cutover.status import Status, Taker, status_of
from migrate.report.cutover_chart import cutover_chart
from migrate.report.cutover_html import status_html
from migrate.report.cutover_markdown import status_markdown
from migrate.report.cutover_sections import percent, took
from migrate.report.cutover_views import status_json, status_table
from tests.cutover.killing import finished
from tests.cutover.model import Model

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "\"'></title></style><script>alert(1)</script><img src=x onerror=alert(1)>]]>|`*_[a](javascript:b)\x00\x1b[2J\n# x"
)
FIGURES = {
    "samples": 100.0,
    "success": 98.5,
    "p50_s": 0.01,
    "p99_s": 0.13,
    "legacy_success": 99.75,
    "legacy_p99_s": 0.04,
}


@cache
def straight() -> Status:
    """A run of the model's, before any gate has measured."""
    world = finished(Model(pods=4, legacy=2), [])
    entry = world.journal.read()
    assert entry is not None
    status = status_of(entry, observe(world, world, entry.spec, world), now=world.now())
    return replace(status, gates=())


def with_gates(status: Status, figures: Mapping[str, float]) -> Status:
    began = status.spans[0].began
    lines = tuple(
        GateLine(at=began + at, step="shift-0", gate="probe", result="passed", text="all well", figures=figures)
        for at in (6.0, 9.0, 12.0)
    )
    return replace(status, gates=lines)


class Page(HTMLParser):
    """Elements with their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def picture(status: Status) -> ET.Element:
    return ET.fromstring(cutover_chart(status))


def classes(svg: ET.Element, name: str, kind: str) -> list[ET.Element]:
    return [each for each in svg.iter(f"{SVG}{name}") if each.get("class") == kind]


def hostile() -> Status:
    """A status in which every text that others write is an attack."""
    status = with_gates(straight(), FIGURES)
    service = replace(
        status.services[0],
        name=HOSTILE,
        takers=(Taker(source="pod", backend=HOSTILE, of=HOSTILE, condition="ready", share=1.0),),
    )
    return replace(
        status,
        workload=HOSTILE,
        namespace=HOSTILE,
        run=HOSTILE,
        paused=HOSTILE,
        act=HOSTILE,
        unread={HOSTILE: HOSTILE},
        evidence={"SHIFT": HOSTILE, HOSTILE: HOSTILE},
        left=(HOSTILE,),
        services=(service,),
        pods=tuple(replace(each, name=HOSTILE, node=HOSTILE) for each in status.pods),
        containers=tuple(replace(each, name=HOSTILE, host=HOSTILE, restart=HOSTILE) for each in status.containers),
        gates=tuple(replace(each, gate=HOSTILE, step=HOSTILE, result=HOSTILE, text=HOSTILE) for each in status.gates),
        history=({"at": 1.0, "state": "SHIFT", "event": HOSTILE, "text": HOSTILE},),
    )


def test_a_page_is_whole_and_asks_nobody_for_anything() -> None:
    """One file: well-formed, with the picture in it, without a script, a link or anything from elsewhere."""
    text = status_html(with_gates(straight(), FIGURES))
    doctype, _, rest = text.partition("\n")
    assert doctype == "<!DOCTYPE html>"
    page = ET.fromstring(rest)
    assert page.find(f".//{SVG}svg") is not None
    elements = Page(text).elements
    assert not {tag for tag, _ in elements} & {"script", "link", "img", "iframe", "a", "object", "use", "image"}
    names = {name for _, attributes in elements for name in attributes}
    assert not [name for name in names if name.startswith("on") or name in ("href", "src", "style", "xlink:href")]
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(|@import", text)
    policies = [of["content"] for tag, of in elements if tag == "meta" and of.get("http-equiv")]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_a_page_tells_the_run() -> None:
    """States with their durations, every line, what is left."""
    words = "\n".join(Page(status_html(straight())).words)
    for said in (
        "web: FINALIZED, pods take 100 % of new connections",
        took(straight()),
        "patch Service/web: every pod of the workload takes callers",
        "container web-0 on h0: stopped, restart policy no",
        "The journal has no figures of gates.",
    ):
        assert said in words


def test_nothing_that_others_wrote_becomes_an_element() -> None:
    """A hostile page has the elements of a good one, and shows the words."""
    good = {tag for tag, _ in Page(status_html(with_gates(straight(), FIGURES))).elements}
    text = status_html(hostile())
    page = Page(text)
    assert {tag for tag, _ in page.elements} == good
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    ET.fromstring(text.partition("\n")[2])
    assert "<script>alert(1)</script>" in "".join(page.words)
    assert "\x1b" not in text


def test_nothing_that_others_wrote_becomes_markdown() -> None:
    """Neither markup nor HTML, nor a line of its own."""
    for line in status_markdown(hostile()).splitlines():
        bare = re.sub(r"\\[^a-zA-Z0-9\s]", "", line)
        assert not set(bare.strip("|*")) & set("<[`~&"), line
        assert not re.search(r"(?<!\w)_|_(?!\w)", bare), line
        assert bare.count("*") == (4 if line.startswith("**") else 0), line
        assert re.match(r"$|#+ [A-Z]|\||\*\*|- [a-z ]+: |[A-Z]", line), line
    titles = [line for line in status_markdown(hostile()).splitlines() if line.startswith("#")]
    assert [each for each in titles if each.startswith("## ")] == titles[1:]
    assert len(titles) == 1 + 12


def test_every_row_of_markdown_has_the_cells_of_its_head() -> None:
    """In every table."""
    widths: list[int] = []
    for line in status_markdown(hostile()).splitlines():
        if not line.startswith("|"):
            widths = []
            continue
        widths.append(len(re.findall(r"(?<!\\)\|", line)))
        assert widths[0] == widths[-1]


def test_the_picture_steps_as_the_share_did() -> None:
    """A step line from the left of the plot to its right, of which every height is a share of the schedule."""
    status = straight()
    (path,) = classes(picture(status), "path", "pods")
    drawn = path.get("d") or ""
    heights = [float(each) for each in re.findall(r"V([\d.]+)", drawn)]
    grid = [float(each.get("y1") or 0) for each in classes(picture(status), "line", "rule") if each.get("x1") == "60.0"]
    bottom, top = max(heights[0], *grid[:5]), heights[-1]
    shares = [round((bottom - each) / (bottom - top), 2) for each in heights]
    assert heights == sorted(heights, reverse=True)
    assert shares[-1] == 1
    assert drawn.endswith("H940.0")
    said = path.findtext(f"{SVG}title") or ""
    assert re.findall(r"\d+ %", said)[:3] == ["0 %", "33 %", "50 %"]


def test_the_picture_has_a_band_and_a_name_for_each_state() -> None:
    """Bands lie side by side over the whole width; no name covers another."""
    status = straight()
    svg = picture(status)
    bands = [each for each in svg.iter(f"{SVG}rect") if each.get("class") in ("band", "clear", "back")]
    ends = [(float(each.get("x") or 0), float(each.get("width") or 0)) for each in bands]
    assert len(bands) == len(status.spans)
    assert ends[0][0] == 60
    assert sum(wide for _, wide in ends) == pytest.approx(880, abs=1)
    names = classes(svg, "text", "name")
    assert [each.text for each in names] == [each.state for each in status.spans]
    places = [(float(each.get("x") or 0), float(each.get("y") or 0), 7 * len(each.text or "")) for each in names]
    for number, (x, y, wide) in enumerate(places):
        assert x + wide <= 960
        assert not [1 for left, row, room in places[:number] if row == y and left < x + wide and x < left + room]


def test_pauses_and_the_way_back_are_seen() -> None:
    """Each in its own kind of band."""
    status = straight()
    began = status.spans[0].began
    back = replace(
        status,
        spans=(
            Span(state="SHIFT", began=began, ended=began + 10),
            Span(state="ROLLING_BACK", began=began + 10, ended=began + 20),
            Span(state="ROLLED_BACK", began=began + 20, ended=None),
        ),
        pauses=(Span(state="paused", began=began + 2, ended=began + 6),),
        state="ROLLED_BACK",
        share=((began, 0.0), (began + 5, 0.5), (began + 15, 0.0)),
    )
    svg = picture(back)
    assert [each.findtext(f"{SVG}title") for each in classes(svg, "rect", "back")] == ["ROLLING_BACK: 10s"]
    assert [each.findtext(f"{SVG}title") for each in classes(svg, "rect", "pause")] == ["paused: 4s"]
    assert took(back).startswith("ROLLED_BACK after 20s, 4s of it paused; ")


def test_success_and_latency_are_drawn_where_gates_measured_them() -> None:
    """Pods and legacy, and the scale holds them all; without figures there is neither."""
    bare = picture(straight())
    assert not list(bare.iter(f"{SVG}circle"))
    svg = picture(with_gates(straight(), FIGURES))
    assert len(classes(svg, "circle", "pods")) == 6
    assert len(classes(svg, "circle", "legacy")) == 6
    assert len(classes(svg, "circle", "pods half")) == 3
    words = [each.text for each in svg.iter(f"{SVG}text")]
    assert {"98 %", "100 %", "200 ms"} <= set(words)
    alone = picture(with_gates(straight(), {"success": 100.0, "p99_s": 0.0}))
    assert not list(classes(alone, "circle", "legacy"))
    heights = [float(each.get("cy") or 0) for each in svg.iter(f"{SVG}circle")]
    assert all(0 < each < float(svg.get("height") or 0) for each in heights)


@pytest.mark.parametrize("seconds", [0.0, 0.4, 7.0, 95.0, 3700.0, 86400.0 * 3, 86400.0 * 400])
def test_an_axis_of_any_length(seconds: float) -> None:
    """From one to ten ticks."""
    status = straight()
    began = status.spans[0].began
    spans = (Span(state="PLANNED", began=began, ended=None),)
    now = replace(status, spans=spans, state="PLANNED", now=began + seconds, share=(), pauses=(), gates=())
    svg = picture(now)
    ticks = classes(svg, "text", "tick")
    assert 1 <= len(ticks) <= 10
    assert ticks[0].text == "0s"


def test_a_long_bake_leaves_room_for_the_rest() -> None:
    """It is drawn shorter and says so; what lies around it keeps one scale, and has the ticks."""
    status = straight()
    began = status.spans[0].began
    spans = (
        Span(state="SHIFT", began=began, ended=began + 300),
        Span(state="BAKING", began=began + 300, ended=began + 30_300),
        Span(state="DRAINED", began=began + 30_300, ended=began + 30_600),
        Span(state="STOPPED", began=began + 30_600, ended=None),
    )
    svg = picture(replace(status, spans=spans, state="STOPPED", now=began + 30_600, share=(), gates=()))
    bands = [each for each in svg.iter(f"{SVG}rect") if each.get("class") in ("band", "clear")]
    assert [float(each.get("width") or 0) for each in bands] == [330, 220, 330, 0]
    assert "8h20m, drawn shorter" in [each.text for each in classes(svg, "text", "quiet")]
    ticks = [each.text for each in classes(svg, "text", "tick")]
    assert ticks == ["0s", "2m", "4m", "8h26m", "8h28m", "8h30m"]


def test_without_a_history_there_is_no_picture() -> None:
    """And the page is a page."""
    empty = replace(straight(), spans=(), share=(), history=(), pauses=(), gates=())
    assert cutover_chart(empty) == ""
    text = status_html(empty)
    assert "<svg" not in text
    assert "The journal has no history." in text
    assert took(empty) == ""


def test_the_report_in_markdown() -> None:
    """States, share, gates with figures, what was left, every line."""
    text = status_markdown(with_gates(straight(), FIGURES))
    assert text.startswith("# Cutover of web\n\n**web: FINALIZED, pods take 100 % of new connections**\n")
    assert re.search(
        r"^\| SHIFT \| [^|]+ \| [\d.]+s \| - \| web: \d+ connections from 2 nodes; [^|]+ \|$", text, re.MULTILINE
    )
    assert re.search(r"^\| [^|]+ \| DEPLOYED \| 33 % \| \u2588{7} \|$", text, re.MULTILINE)
    assert "| shift-0 | probe | passed | 100 | 98.50 % | 10 ms | 130 ms | 99.75 % | 40 ms |" in text
    assert "| container web-0 on h0: stopped, restart policy no |" in text
    lines = [each for each in text.partition("## History")[2].splitlines() if each.startswith("| 1970")]
    assert len(lines) == len(straight().history)


def test_what_was_left_where_nobody_could_look() -> None:
    """It is not said that nothing is left."""
    assert "Not looked at: cluster and engines could not be read." in status_markdown(replace(straight(), left=None))
    assert "\nNothing.\n" in status_markdown(replace(straight(), left=()))


def test_what_is_claimed_of_connections_stands_in_all() -> None:
    """As it was seen of one pod; before that nothing is said."""
    said = "of connections that are used again zero loss is claimed: a pod that was told to end gave 80 answers"
    assert said in status_markdown(straight())
    assert said in status_table(straight())
    assert said in "".join(Page(status_html(straight())).words)
    assert status_json(straight())["reusedConnections"].startswith("zero loss is claimed: a pod")
    assert "used again" not in status_table(replace(straight(), claim=""))


def test_small_shares_are_no_zero() -> None:
    """One pod beside hundreds of containers."""
    assert (percent(0), percent(1 / 300), percent(0.5)) == ("0 %", "0.3 %", "50 %")


def test_names_of_originals_are_told_as_they_are() -> None:
    """A container's name with characters of markup in it comes out in all three."""
    world = Model(pods=1, legacy=1)
    world.containers[0].name = "<b>&web"
    originals: Any = (Original(host="h0", id=world.containers[0].id, name="<b>&web"),)
    world.begin(originals=originals)
    entry = world.journal.read()
    assert entry is not None
    status = status_of(entry, observe(world, world, entry.spec, world), now=world.now())
    assert "<b>&web" in "".join(Page(status_html(status)).words)
    assert "\\<b>\\&web" in status_markdown(status)
