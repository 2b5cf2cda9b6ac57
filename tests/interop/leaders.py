"""Leaders and barriers that we share with Curator and kazoo."""
import re

from locks import LOCK_NAMES, UUID, expect_names
from plays import await_that, expect, expect_equal, expect_in_turn, played
from talker import SOON


def latch(play, actor):
    return actor.make("latch", play.path, actor.label)


def stand(play, first, second):
    """The first leads, and the second waits."""
    first.do("start")
    first.do("await", SOON)
    second.do("start")
    expect_names(play.server.await_names(play.path, 2), rf"_c_{UUID}-latch-\d{{10}}")
    second.ask("leads").no()


@played("leader latch", "curator")
def next_leader(play):
    """{second} leads when {first} goes, and not earlier; each sees the other"""
    first, second = latch(play, play.first), latch(play, play.second)
    stand(play, first, second)
    for name, actor in zip(play.server.names(play.path), (play.first, play.second)):
        expect_equal(play.server.data(f"{play.path}/{name}").decode(), actor.label, "the data of a participant")
    for thing in (first, second):
        expect_equal(thing.do("leader"), play.first.label, "the leader")
        expect_equal(thing.do("who"), f"{play.first.label} {play.second.label}", "the participants")
    first.do("close")
    second.do("await", SOON)
    second.do("leads")
    expect_equal(second.do("who"), play.second.label, "the participants")
    second.do("close")
    play.server.await_empty(play.path)


@played("leader latch", "curator", kills=True)
def leader_is_killed(play):
    """{second} leads when {first} is killed"""
    first, second = latch(play, play.first), latch(play, play.second)
    stand(play, first, second)
    yield
    second.do("await", SOON)
    expect_equal(second.do("leader"), play.second.label, "the leader")
    second.do("close")


def selector(play, actor):
    return actor.make("selector", play.path, actor.label, f"{play.path}-inside", *([play.peer] if actor.language == "docent" else []))


def run_for_it(play):
    """The first leads, the second stands behind it."""
    first, second = selector(play, play.first), selector(play, play.second)
    first.do("start")
    expect_equal(first.hear(), "leads", "the first")
    second.do("start")
    names = play.server.await_names(play.path, 2)
    expect_names(names, LOCK_NAMES[play.peer])
    expect(second.quiet(), "two lead")
    return first, second, names


@played("leader selector", "curator")
@played("election", "kazoo")
def next_selected(play):
    """{second} leads when {first} leaves, and not earlier; each sees the other"""
    first, second, names = run_for_it(play)
    for name, actor in zip(names, (play.first, play.second)):
        expect_equal(play.server.data(f"{play.path}/{name}").decode(), actor.label, "the data of a participant")
    for thing in (first, second):
        expect_equal(thing.do("who"), f"{play.first.label} {play.second.label}", "the participants")
    first.do("leave")
    expect_equal(second.hear(), "leads", "the second")
    expect_in_turn(play, play.path, f"{play.path}-inside")
    second.do("leave")
    play.server.await_empty(play.path)
    for thing in (first, second):
        thing.do("close")


@played("leader selector", "curator", kills=True)
@played("election", "kazoo", kills=True)
def selected_is_killed(play):
    """{second} leads when {first} is killed"""
    _, second, _ = run_for_it(play)
    yield
    expect_equal(second.hear(), "leads", "the second")
    second.do("leave")
    play.server.await_empty(play.path)
    second.do("close")


@played("leader selector", "curator")
def mutex_takes_part(play):
    """a lock of {second} on the path takes part in an election of {first}"""
    first, second = selector(play, play.first), play.second.make("lock", play.path, play.second.label, play.peer)
    first.do("start")
    expect_equal(first.hear(), "leads", "the first")
    waiting = second.ask("acquire", SOON, "-")
    play.server.await_names(play.path, 2)
    expect(waiting.is_open(), "it has the lock beside a leader")
    first.do("leave")
    waiting.ok()
    first.do("requeue")
    play.server.await_names(play.path, 2)
    expect(first.quiet(), "it leads while another has the lock")
    second.do("release", "-")
    expect_equal(first.hear(), "leads", "the first")
    first.do("leave")
    play.server.await_empty(play.path)
    first.do("close")


# ---- Barriers. ----

@played("barrier", "curator", "kazoo")
def barrier_opens(play):
    """{first} sets it, {second} and {first} wait, {second} removes it"""
    first, second, third, fourth = (actor.make("barrier", play.path) for actor in
                                    (play.first, play.second, play.like(play.first), play.like(play.second)))
    first.do("set")
    expect(play.server.stat(play.path)[1] == 0, "it goes with its session")
    second.ask("wait", 200).no()
    waiting = [second.ask("wait", SOON), third.ask("wait", SOON)]
    expect(all(one.is_open() for one in waiting), "it is open")
    fourth.do("remove")
    for one in waiting:
        one.ok()
    first.do("wait", SOON)  # It is open, and stays so.
    first.do("set")
    first.do("set")  # It is set already.
    second.ask("wait", 200).no()
    first.do("remove")
    first.do("remove")  # It is removed already.


@played("barrier", "curator")
def all_languages(play):
    """docent, curator and kazoo: each sets it once, the others wait and one of them removes it"""
    things = [actor.make("barrier", play.path) for actor in (play.first, play.second, play.actor("kazoo"))]
    for setter in range(3):
        things[setter].do("set")
        waiting = [things[setter - 1].ask("wait", SOON), things[setter - 2].ask("wait", SOON)]
        expect(all(one.is_open() for one in waiting), "it is open")
        things[setter].do("remove")
        for one in waiting:
            one.ok()


def members(play, count):
    """Of both languages in turn."""
    actors = [play.first, play.second]
    while len(actors) < count:
        actors.append(play.like(actors[-2]))
    return [actor.make("double", play.path, count, actor.label, *([play.peer] if actor.language == "docent" else [])) for actor in actors]


@played("double barrier", "curator", "kazoo")
def in_and_out_together(play):
    """three of {first} and {second} go in and out together"""
    things = members(play, 3)
    entering = []
    for number, thing in enumerate(things, 1):
        expect(all(one.is_open() for one in entering), "it goes in before all are there")
        entering.append(thing.ask("enter", SOON))
        if number < len(things):
            expect_names(play.server.await_names(play.path, number), UUID if play.peer == "curator" else "[0-9a-f]{32}")
    for one in entering:
        one.ok()
    names = play.server.names(play.path)
    expect("ready" in names, "it is not ready")
    if play.peer == "curator": # Whose members wait for the lowest to go last. Ours go at once, and so must not be lowest.
        ours = [play.first.language, play.second.language, play.first.language].count("docent")
        expect(sum(name.startswith("ffffffff") for name in names) == ours, "a name of ours may be the lowest")
    leaving = [things[0].ask("leave", SOON), things[1].ask("leave", SOON)]
    # The lowest name stays until the others have gone, the others go at once and wait for it.
    await_that("one of them has gone", lambda: len([name for name in play.server.names(play.path) if name != "ready"]) < 3)
    expect(all(one.is_open() for one in leaving), "it goes out before all leave")
    for one in leaving + [things[2].ask("leave", SOON)]:
        one.ok()
    play.server.await_empty(play.path)


@played("double barrier", "curator", "kazoo", kills=True)
def member_is_killed(play):
    """{second} goes out when {first}, who was inside with it, is killed"""
    first, second = members(play, 2)
    for entering in [first.ask("enter", SOON), second.ask("enter", SOON)]:
        entering.ok()
    yield
    second.do("leave", SOON)
    play.server.await_empty(play.path)


@played("double barrier", "curator", "kazoo", kills=True)
def entering_is_killed(play):
    """{second} does not go in with {first}, who was killed waiting, but with the next that comes"""
    first, second, third = (actor.make("double", play.path, 2, actor.label, *([play.peer] if actor.language == "docent" else []))
                            for actor in (play.first, play.second, play.like(play.second)))
    first.ask("enter", SOON)
    play.server.await_names(play.path, 1)
    yield
    play.server.await_empty(play.path)
    entering = second.ask("enter", SOON)
    play.server.await_names(play.path, 1)
    expect(entering.is_open(), "it goes in alone")
    third.do("enter", SOON)
    entering.ok()
    for leaving in [second.ask("leave", SOON), third.ask("leave", SOON)]:
        leaving.ok()
    play.server.await_empty(play.path)
