"""A run over time, as an SVG picture: states as bands, the share of pods as a step line, and below it success and
latency where gates measured them. Text alone: no script, nothing from elsewhere, readable in dark and light."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

from ..cutover.history import Span
from ..cutover.status import Status
from .cutover_sections import percent
from .table import one_line
from .times import moment, spelled

_WIDTH, _LEFT, _RIGHT = 960, 60, 20
_PLOT = _WIDTH - _LEFT - _RIGHT
_HIGH, _LOW, _GAP = 180, 90, 34
_ROW = 15
# What a letter of 11 pixels takes, about.
_LETTER = 7.0
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400)
_MOST_TICKS = 9
# A state that takes more than this part of the time gets that part of the width.
_ROOM, _SHORTER = 0.5, 0.25

_STYLE = """\
.cutover{--ink:#1f2328;--paper:#fff;--quiet:#59636e;--rule:#d1d9e0;--band:#eaeef2;--back:#ffebe9;
--pods:#0969da;--legacy:#bc4c00;--pause:#bf8700}
@media (prefers-color-scheme:dark){
.cutover{--ink:#f0f6fc;--paper:#0d1117;--quiet:#9198a1;--rule:#3d444d;--band:#212830;--back:#3c1a1d;
--pods:#4493f8;--legacy:#f0883e;--pause:#d29922}
}
.cutover text{font:11px system-ui,sans-serif;fill:var(--ink)}
.cutover .quiet,.cutover .tick{fill:var(--quiet)}
.cutover .name{paint-order:stroke;stroke:var(--paper);stroke-width:4}
.cutover .rule{stroke:var(--rule);stroke-width:1;fill:none}
.cutover .band{fill:var(--band)}
.cutover .clear{fill:transparent}
.cutover .back{fill:var(--back)}
.cutover .pause{fill:var(--pause);fill-opacity:.25}
.cutover .pods,.cutover .legacy{fill:none;stroke:var(--pods);stroke-width:2}
.cutover .legacy{stroke:var(--legacy)}
.cutover .half{stroke-dasharray:4 3}
.cutover text.pods{fill:var(--pods);stroke:none}
.cutover text.legacy{fill:var(--legacy);stroke:none}
"""

Points = Sequence[tuple[float, float]]


def cutover_chart(status: Status) -> str:
    """An ``svg`` element; ``""`` where there is no history to draw."""
    return _Chart(status).text() if status.spans else ""


class _Chart:
    def __init__(self, status: Status) -> None:
        self._status = status
        self._began = status.spans[0].began
        end = status.spans[-1].began if status.ended else status.now
        last = max([end, *(at for at, _ in status.share), *(each.at for each in status.gates)])
        self._lasts = max(1.0, last - self._began)
        self._long = self._longest()
        self._labels, self._rows = self._label_places()
        self._top = 24 + _ROW * self._rows

    def text(self) -> str:
        bodies = [self._share(self._top)]
        bottom = self._top + _HIGH
        for panel in (self._success, self._latency):
            made = panel(bottom + _GAP)
            if made:
                bodies.append(made)
                bottom += _GAP + _LOW
        body = "".join((self._bands(bottom), *bodies, self._axis(bottom)))
        said = f"States and share of pods over {spelled(self._lasts)}, from {moment(self._began)}"
        height = bottom + 40
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="cutover" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}" role="img" aria-labelledby="cutover-title cutover-said">\n'
            f'<title id="cutover-title">{_safe(f"Cutover of {self._status.workload}")}</title>\n'
            f'<desc id="cutover-said">{_safe(said)}</desc>\n<style>\n{_STYLE}</style>\n{body}</svg>\n'
        )

    # ---- time

    def _longest(self) -> tuple[float, float] | None:
        """A state that would leave no room for the others, a bake most often: when it begins and ends, in seconds since
        the run's beginning. It is drawn shorter."""
        ranges = [(span.began - self._began, self._end(span) - self._began) for span in self._status.spans]
        began, ended = max(ranges, key=lambda each: each[1] - each[0])
        others = self._lasts - (ended - began)
        return (began, ended) if others >= 1 and ended - began > _ROOM * self._lasts else None

    def _x(self, at: float) -> float:
        offset = min(self._lasts, max(0.0, at - self._began))
        if self._long is None:
            return _LEFT + _PLOT * offset / self._lasts
        began, ended = self._long
        within = min(max(offset - began, 0.0), ended - began)
        others = self._lasts - (ended - began)
        return _LEFT + _PLOT * (_SHORTER * within / (ended - began) + (1 - _SHORTER) * (offset - within) / others)

    def _end(self, span: Span) -> float:
        return self._began + self._lasts if span.ended is None else span.ended

    def _axis(self, bottom: float) -> str:
        """Ticks at even times, but for what is drawn shorter."""
        made = [_line(_LEFT, bottom, _LEFT + _PLOT, bottom)]
        parts, drawn = [(0.0, self._lasts)], self._lasts
        if self._long is not None:
            began, ended = self._long
            parts, drawn = [(0.0, began), (ended, self._lasts)], self._lasts - (ended - began)
            middle = (self._x(self._began + began) + self._x(self._began + ended)) / 2
            said = f"{spelled(ended - began)}, drawn shorter"
            made.append(_text(middle, bottom + 18, said, anchor="middle", kind="quiet"))
        step = next((each for each in _STEPS_S if drawn / each <= _MOST_TICKS), 0)
        step = step or 86400 * math.ceil(drawn / 86400 / _MOST_TICKS)
        for start, end in parts:
            for number in range(math.ceil(start / step), int(end / step) + 1):
                x = self._x(self._began + number * step)
                made.append(_line(x, bottom, x, bottom + 5))
                made.append(_text(x, bottom + 18, spelled(number * step), anchor="middle", kind="tick"))
        made.append(_text(_LEFT, bottom + 34, f"since {moment(self._began)}", kind="quiet"))
        return "".join(made)

    # ---- states

    def _label_places(self) -> tuple[list[tuple[float, int]], int]:
        """Where each state's name begins and in which row, so that none covers another, and how many rows that is."""
        ends: list[float] = []
        places = []
        for span in self._status.spans:
            wide = _LETTER * len(span.state) + 8
            x = min(self._x(span.began) + 3, _LEFT + _PLOT - wide)
            row = next((number for number, end in enumerate(ends) if end <= x), len(ends))
            ends[row:] = [x + wide, *ends[row + 1 :]]
            places.append((x, row))
        return places, len(ends)

    def _bands(self, bottom: float) -> str:
        made, names = [], []
        for number, (span, (place, row)) in enumerate(zip(self._status.spans, self._labels, strict=True)):
            x, wide = self._x(span.began), self._x(self._end(span)) - self._x(span.began)
            kind = "back" if span.state == "ROLLING_BACK" else "clear" if number % 2 else "band"
            said = f"{span.state}: {spelled(self._end(span) - span.began)}"
            made.append(_rect(x, self._top, wide, bottom - self._top, kind, said))
            y = 20 + _ROW * row
            made.append(_line(x, y - 9, x, bottom))
            names.append(_text(place, y, span.state, kind="name"))
        for pause in self._status.pauses:
            x, wide = self._x(pause.began), self._x(self._end(pause)) - self._x(pause.began)
            said = f"paused: {spelled(self._end(pause) - pause.began)}"
            made.append(_rect(x, self._top, max(2.0, wide), bottom - self._top, "pause", said))
        return "".join((*made, *names))

    # ---- panels

    def _share(self, top: float) -> str:
        def y(share: float) -> float:
            return top + _HIGH * (1 - share)

        made = [_grid(y, [(each / 4, f"{25 * each} %") for each in range(5)])]
        made.append(_text(_LEFT + 6, top + 14, "share of new connections that pods take", kind="pods"))
        if self._status.share:
            first, *others = self._status.share
            path = [f"M{self._x(first[0]):.1f} {y(first[1]):.1f}"]
            path += [f"H{self._x(at):.1f}V{y(share):.1f}" for at, share in others]
            path.append(f"H{self._x(self._began + self._lasts):.1f}")
            said = ", ".join(f"{percent(share)} at {spelled(at - self._began)}" for at, share in self._status.share)
            made.append(f'<path class="pods" d="{"".join(path)}"><title>{_safe(said)}</title></path>\n')
        return "".join(made)

    def _figures(self, name: str) -> Points:
        return [(each.at, each.figures[name]) for each in self._status.gates if name in each.figures]

    def _success(self, top: float) -> str:
        pods, legacy = self._figures("success"), self._figures("legacy_success")
        if not pods:
            return ""
        least = min(99.0, *(math.floor(value) for _, value in (*pods, *legacy)))

        def y(value: float) -> float:
            return top + _LOW * (1 - (value - least) / (100 - least))

        made = [_grid(y, [(each, f"{each:g} %") for each in (least, (least + 100) / 2, 100.0)])]
        made.append(_legend(top, "requests of the gates that were answered:", bool(legacy)))
        return "".join([*made, *self._curves(y, ((pods, "pods"), (legacy, "legacy")))])

    def _latency(self, top: float) -> str:
        slow, legacy, middle = (self._figures(name) for name in ("p99_s", "legacy_p99_s", "p50_s"))
        if not slow:
            return ""
        most = _round_up(1000 * max(value for _, value in (*slow, *legacy, *middle)))

        def y(seconds: float) -> float:
            return top + _LOW * (1 - 1000 * seconds / most)

        made = [_grid(y, [(each * most / 2000, f"{each * most / 2:g} ms") for each in range(3)])]
        made.append(_legend(top, "slowest percent (dashed: the middle):", bool(legacy)))
        curves = ((slow, "pods"), (legacy, "legacy"), (middle, "pods half"))
        return "".join([*made, *self._curves(y, curves)])

    def _curves(self, y: Callable[[float], float], curves: Sequence[tuple[Points, str]]) -> Iterator[str]:
        for points, kind in curves:
            places = [(self._x(at), y(value)) for at, value in points]
            if places:
                path = "L".join(f"{x:.1f} {height:.1f}" for x, height in places)
                yield f'<path class="{kind}" d="M{path}"/>\n'
            yield from (f'<circle class="{kind}" cx="{x:.1f}" cy="{height:.1f}" r="2"/>\n' for x, height in places)


def _legend(top: float, said: str, legacy: bool) -> str:
    end = _LEFT + 6 + _LETTER * len(said)
    made = [_text(_LEFT + 6, top - 6, said), _text(end, top - 6, "pods", kind="pods")]
    made += [_text(end + 40, top - 6, "legacy", kind="legacy")] if legacy else []
    return "".join(made)


def _grid(y: Callable[[float], float], marks: Sequence[tuple[float, str]]) -> str:
    return "".join(
        _line(_LEFT, y(value), _LEFT + _PLOT, y(value))
        + _text(_LEFT - 6, y(value) + 4, said, anchor="end", kind="quiet")
        for value, said in marks
    )


def _round_up(value: float) -> float:
    """To 1, 2 or 5 times a power of ten.

    >>> _round_up(130), _round_up(0), _round_up(50)
    (200.0, 1.0, 50.0)
    """
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(each * power for each in (1, 2, 5, 10) if each * power >= value)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="rule" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>\n'


def _rect(x: float, y: float, wide: float, high: float, kind: str, said: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}"'
    return f'<rect class="{kind}" {place}><title>{_safe(said)}</title></rect>\n'


def _text(x: float, y: float, said: str, *, anchor: str = "start", kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_safe(said)}</text>\n'


def _safe(text: str) -> str:
    return escape(one_line(text))
