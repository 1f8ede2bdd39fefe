"""The converter's ledger: for each source of a workload, what became of it.

Converting modules never build verdicts: they tell the ledger, which looks up origins, answers and blocking, and
which knows at the end whether anything was forgotten. Only what is told here sets a level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from ..decisions import Decisions
from .catalogue import code_named
from .verdict import Level, Origins, Source, Verdict


class Ledger:
    """Verdicts of one workload, gathered while it is converted."""

    def __init__(self, workload: str, decisions: Decisions) -> None:
        self.workload = workload
        self._decisions = decisions
        self._by_source: dict[Source | tuple[str, str], Verdict] = {}
        self._answered: dict[str, set[int]] = {}

    def exact(self, origins: Origins, code: str, *targets: str, why: str = "") -> None:
        self.say(Level.EXACT, origins, code, targets, why=why)

    def approximated(self, origins: Origins, code: str, *targets: str, why: str, todo: str = "") -> None:
        self.say(Level.APPROXIMATED, origins, code, targets, why=why, todo=todo)

    def dropped(self, origins: Origins, code: str, *, why: str, todo: str = "") -> None:
        self.say(Level.DROPPED, origins, code, (), why=why, todo=todo)

    def defaulted(self, code: str, target: str, *, why: str) -> None:
        """A target that no document asked for."""
        self._by_source[(code, target)] = Verdict(
            workload=self.workload, level=Level.DEFAULTED, code=code, source=None, targets=(target,), why=why
        )

    def undecided(
        self,
        origins: Origins,
        code: str,
        *targets: str,
        why: str,
        options: Iterable[tuple[str, str]] = (),
        chosen: str = "",
        subject: str = "",
    ) -> None:
        """An open question. Without origins (nothing in a document asks it, for example a claim's missing size) it
        stands under ``subject``. ``options`` default to the code's own."""
        entry = code_named(code)
        told = tuple(options) or entry.options
        if not origins:
            origins = (Source(document="", path=subject or code),)
        self.say(Level.UNDECIDED, origins, code, targets, why=why, options=told, chosen=chosen or entry.chosen)

    def say(
        self,
        level: Level,
        origins: Origins,
        code: str,
        targets: Iterable[str] = (),
        *,
        why: str = "",
        todo: str = "",
        options: tuple[tuple[str, str], ...] = (),
        chosen: str = "",
    ) -> None:
        """One verdict for each origin. Said twice of one source, targets join and the worse level (with its code and
        reason) stays: a field that feeds several targets is as faithful as the worst of them."""
        entry = code_named(code)
        for source in origins:
            decided = source.path in self._answered
            # what a code tells people to do is a question that an answer has settled
            asks = level not in (Level.EXACT, Level.DEFAULTED) and not (decided and level is not Level.UNDECIDED)
            verdict = Verdict(
                workload=self.workload,
                level=level,
                code=code,
                source=source,
                targets=tuple(targets),
                why=why or entry.about,
                todo=todo or (entry.todo if asks else ""),
                options=options,
                chosen=chosen,
                decided=decided,
            )
            known = self._by_source.get(source)
            self._by_source[source] = verdict if known is None else _joined(known, verdict)

    def ask(self, code: str, origins: Origins = (), subject: str = "") -> str | None:
        """The user's answer to this code for the first of these sources, None if there is none.

        The answer was checked against the code's type on loading decisions. ``subject`` stands in for the source
        path where no document asks the question.
        """
        paths = [source.path for source in origins] or [subject or code]
        for path in paths:
            answered = self._decisions.answer(self.workload, code, path)
            if answered is not None:
                for each in paths:
                    self._answered.setdefault(each, set()).add(answered.line)
                return answered.answer
        return None

    def draft(self) -> Ledger:
        """A ledger for something that may not be written after all; ``adopt`` takes over what it was told."""
        made = Ledger(self.workload, self._decisions)
        made._answered = self._answered
        return made

    def adopt(self, draft: Ledger, spread: Callable[[str], tuple[str, ...]] | None = None) -> None:
        """``spread``: what a target of the draft stands for, where one thing was made in several places."""
        for key, verdict in draft._by_source.items():
            known = self._by_source.get(key)
            if spread is not None:
                targets = dict.fromkeys(each for target in verdict.targets for each in spread(target))
                verdict = replace(verdict, targets=tuple(targets))
            self._by_source[key] = verdict if known is None else _joined(known, verdict)

    def blocked(self) -> tuple[str, ...]:
        """Codes of undecided verdicts for which the workload must be withheld."""
        codes = {v.code for v in self._by_source.values() if v.level is Level.UNDECIDED and code_named(v.code).blocking}
        return tuple(sorted(codes))

    def answers_used(self) -> frozenset[int]:
        return frozenset(line for lines in self._answered.values() for line in lines)

    def covered(self) -> frozenset[Source]:
        return frozenset(key for key in self._by_source if isinstance(key, Source))

    def verdicts(self) -> tuple[Verdict, ...]:
        return tuple(
            sorted(
                self._by_source.values(),
                key=_order,
            )
        )


def _order(verdict: Verdict) -> tuple[str, str, int, str, tuple[str, ...]]:
    """By source; what has none comes last."""
    source = verdict.source
    place = ("~", "", 0) if source is None else (source.document, source.path, source.line)
    return (*place, verdict.code, verdict.targets)


_WORST = {level: rank for rank, level in enumerate(Level)}


def _joined(known: Verdict, new: Verdict) -> Verdict:
    worse = new if _WORST[new.level] > _WORST[known.level] else known
    targets = known.targets + tuple(t for t in new.targets if t not in known.targets)
    return Verdict(
        workload=worse.workload,
        level=worse.level,
        code=worse.code,
        source=worse.source,
        targets=targets,
        why=worse.why,
        todo=worse.todo,
        options=worse.options,
        chosen=worse.chosen,
        decided=known.decided or new.decided,
    )
