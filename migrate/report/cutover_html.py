"""The run's report as one HTML page: no script, nothing from elsewhere, and well-formed XML too."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from ..cutover.status import Status
from .cutover_chart import cutover_chart
from .cutover_sections import Section, facts, headline, lines, past, present, took
from .table import one_line

_STYLE = """\
:root{color-scheme:light dark;--ink:#1f2328;--paper:#fff;--quiet:#59636e;--rule:#d1d9e0}
@media (prefers-color-scheme:dark){:root{--ink:#f0f6fc;--paper:#0d1117;--quiet:#9198a1;--rule:#3d444d}}
body{margin:2rem auto;max-width:64rem;padding:0 1rem;font:15px/1.5 system-ui,sans-serif;color:var(--ink);\
background:var(--paper)}
h1{font-size:1.5rem}
h2{font-size:1.1rem;margin-top:2rem}
.wide{overflow-x:auto}
svg{max-width:100%;height:auto}
table{border-collapse:collapse;font-size:13px}
th,td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;border-bottom:1px solid var(--rule)}
th{color:var(--quiet);font-weight:600}
.quiet{color:var(--quiet)}
"""
# A page of somebody's browser asks nobody for anything, whatever stands in it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def status_html(status: Status) -> str:
    """Where the run stands, how it came there as a picture and in tables, and what was left."""
    title = _safe(f"Cutover of {status.workload}")
    body = "".join(_body(status))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8"/>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_safe(_POLICY)}"/>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        f"<title>{title}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    )


def _body(status: Status) -> Iterator[str]:
    yield f"<p><strong>{_safe(headline(status))}</strong></p>\n"
    if status.spans:
        yield f"<p>{_safe(took(status))}</p>\n"
    rows = [f'<tr><th scope="row">{label}</th><td>{_safe(value)}</td></tr>\n' for label, value in facts(status)]
    yield f'<div class="wide"><table>\n{"".join(rows)}</table></div>\n'
    chart = cutover_chart(status)
    if chart:
        yield f'<h2>Over time</h2>\n<div class="wide">\n{chart}</div>\n'
    for section in (*past(status), *present(status), lines(status)):
        yield from _section(section)


def _section(section: Section) -> Iterator[str]:
    if not section.rows and not section.none:
        return
    yield f"<h2>{_safe(section.title)}</h2>\n"
    if not section.rows:
        yield f'<p class="quiet">{_safe(section.none)}</p>\n'
        return
    head = "".join(f'<th scope="col">{_safe(each.capitalize())}</th>' for each in section.head)
    yield f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n'
    for row in section.rows:
        yield "<tr>" + "".join(f"<td>{_safe(each)}</td>" for each in row) + "</tr>\n"
    yield "</tbody>\n</table></div>\n"


def _safe(text: str) -> str:
    return escape(one_line(text))
