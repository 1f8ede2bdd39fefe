"""What users ask of a run, taken up: how the run is from then on."""

from __future__ import annotations

from dataclasses import replace

from .edges import Legacy
from .endpoints import instance_key
from .journal import Entry
from .newcomers import gone, newcomers, of_container, outside, taken_in, taken_up, within, without
from .removal import agreed
from .run import Direction, Run
from .states import ENDED


def answered(entry: Entry, legacy: Legacy) -> Run:
    """With what the journal's requests ask for. Engines are only looked at."""
    asked, run = entry.requests, entry.run
    if run.state in ENDED:
        # what was asked while it ended came too late
        return run
    run = replace(run, done=run.done | {f"approve:{state}" for state in asked.approve})
    if asked.finalize and run.direction is Direction.FORWARD:
        # what kept it from ending is looked at again
        run = replace(run, done=run.done | {"finalize", *map(agreed, asked.remove)}, paused="")
    if asked.resume:
        run = replace(run, paused="", done=run.done | set(map(taken_up, asked.replan)))
        run = _with_changed(entry, run, legacy)
    if asked.abort:
        run = _back(entry, run, legacy)
    if asked.pause:
        # where more was asked, it came last
        run = replace(run, paused=asked.pause)
    return run


def _back(entry: Entry, run: Run, legacy: Legacy) -> Run:
    if run.direction is Direction.BACK:
        # it stood on its way
        return replace(run, paused="")
    if _removed(entry, legacy):
        return replace(run, paused="cutover-legacy-gone: all containers have been removed: pods keep serving")
    return run.turned(entry.spec)


def _removed(entry: Entry, legacy: Legacy) -> bool:
    """Whether none is left of the containers, since a user had them removed."""
    keys = {each.key for each in (*entry.spec.originals, *entry.run.joined)}
    if entry.run.done.isdisjoint(map(agreed, keys)):
        return False
    found = legacy.find()
    return not found.unread and keys.isdisjoint(instance_key(each) for each in found.containers)


def _with_changed(entry: Entry, run: Run, legacy: Legacy) -> Run:
    """With the containers that are there now and of which the run did not know, if they are within the plan or a user
    took them up; without those that are gone. What is in place of another the driver takes in, once it answers: it is
    called already."""
    spec, found = entry.spec, legacy.find()
    come = within(spec, run, found)
    refused = outside(spec, run, found)
    new = [
        each
        for each in newcomers(spec, run, found)
        if each not in come and ((key := instance_key(each)) not in refused or taken_up(of_container(key)) in run.done)
    ]
    run = taken_in(spec, run, found, new, None)
    there = {instance_key(each) for each in found.containers}
    return without(run, [key for key in gone(spec, run, found)[len(come) :] if key not in there])
