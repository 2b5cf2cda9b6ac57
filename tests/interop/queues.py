"""Queues that we share with Curator and kazoo."""
import re
import time

from locks import UUID
from plays import await_that, expect, expect_equal, played
from talker import SOON


def expect_items(thing, items, taker=("take", SOON)):
    expect_equal([thing.do(*taker) for _ in items], list(items), "what is taken")


def items_of(play, folder=None):
    return sorted(play.server.names(folder or play.path))


# ---- The simple queue. ----

def simple(play, actor):
    return actor.make("simple-queue", play.path)


@played("simple queue", "curator")
def simple_order(play):
    """what {first} puts {second} takes, in order and to the byte"""
    first, second = simple(play, play.first), simple(play, play.second)
    for item in ("one", "-", "three"):
        first.do("put", item)
    names = items_of(play)
    expect(all(re.fullmatch(r"qn-\d{10}", name) for name in names), f"{names}")
    expect_equal([play.server.data(f"{play.path}/{name}") for name in names], [b"one", b"", b"three"], "the data of the items")
    play.server.create(f"{play.path}/foreign")
    expect_equal(second.do("peek"), "one", "the first")
    expect_items(second, ["one", "-", "three"])
    second.ask("poll").no()
    second.ask("take", 200).no()
    expect_equal(items_of(play), ["foreign"], "what is left")


@played("simple queue", "zookeeper")
def simple_without_peek(play):
    """what {first} puts {second} takes, in order and to the byte"""
    first, second = simple(play, play.first), simple(play, play.second)
    for item in ("one", "-", "three"):
        first.do("put", item)
    expect(all(re.fullmatch(r"qn-\d{10}", name) for name in items_of(play)), "names")
    expect_items(second, ["one", "-", "three"])
    second.ask("poll").no()
    expect_equal(items_of(play), [], "what is left")


@played("simple queue", "curator", "zookeeper")
def simple_wait(play):
    """{second} waits for what {first} puts"""
    first, second = simple(play, play.first), simple(play, play.second)
    waiting = second.ask("take", SOON)
    expect(waiting.is_open(), "it takes something from an empty queue")
    first.do("put", "late")
    expect_equal(waiting.ok(), "late", "what is taken")


@played("simple queue", "curator", "zookeeper", roles="ours first")
def simple_once(play):
    """two of {first} and two of {second} put and take two hundred, each is taken once"""
    things = [simple(play, actor) for actor in (play.first, play.second, play.like(play.first), play.like(play.second))]
    putting = [things[number % 2].ask("put", f"item-{number}") for number in range(200)]
    taking = [things[2 + number % 2].ask("take", SOON) for number in range(200)]
    for one in putting:
        one.ok()
    expect_equal(sorted(one.ok() for one in taking), sorted(f"item-{number}" for number in range(200)), "what is taken")


@played("simple queue", "kazoo", roles="ours first")
def simple_one_way(play):
    """what {first} puts {second} takes in order with its own queue, whose names {first} leaves alone"""
    first, second = simple(play, play.first), plain(play, play.second)
    for item in ("one", "-", "three"):
        first.do("put", item)
    expect_items(second, ["one", "-", "three"], ("poll",))
    second.do("put", "four", 100)
    first.ask("poll").no()
    expect_equal([name[:-10] for name in items_of(play)], ["entry-100-"], "what is left")


# ---- The distributed queue. ----

def framed(*items):
    return b"\0\1\0\1" + b"".join(b"\1" + len(item).to_bytes(4, "big") + item.encode() for item in items) + b"\2"


def queue(play, actor, role, kind="queue", locks=None):
    """@role: put or consume."""
    return actor.make(kind, play.path, locks or "-", role)


def hear_items(consumer, items):
    for item in items:
        expect_equal(consumer.hear(), f"item {item}", "what is consumed")


@played("distributed queue", "curator")
def put_and_consume(play):
    """what {first} puts {second} consumes, in order; several in one node; foreign names stay"""
    putter = queue(play, play.first, "put")
    putter.do("put", "one")
    putter.do("multi", "x", "yy")
    putter.do("put", "-")
    names = play.server.await_names(play.path, 3)
    expect(all(re.fullmatch(r"queue-\d{10}", name) for name in names), f"{names}")
    expect_equal([play.server.data(f"{play.path}/{name}") for name in names], [framed("one"), framed("x", "yy"), framed("")], "the data of the items")
    play.server.create(f"{play.path}/foreign")
    consumer = queue(play, play.second, "consume")
    consumer.do("done", 5)
    hear_items(consumer, ["one", "x", "yy", "-"])
    await_that("the items have gone", lambda: items_of(play) == ["foreign"])
    putter.do("put", "late")
    hear_items(consumer, ["late"])


@played("distributed queue", "curator")
def consume_with_locks(play):
    """with locks: what {first} works on stays and has a lock, {second} leaves it alone and works on the next"""
    locks = f"{play.path}-locks"
    first = queue(play, play.first, "consume", locks=locks)
    putter = queue(play, play.like(play.second), "put", locks=locks)
    putter.do("put", "one")
    hear_items(first, ["one"])
    names = play.server.names(play.path)
    expect_equal(play.server.names(locks), names, "locked items")
    expect(play.server.stat(f"{locks}/{names[0]}")[1] != 0, "the lock does not go with its session")
    second = queue(play, play.second, "consume", locks=locks)
    putter.do("put", "two")
    hear_items(second, ["two"])
    expect_equal(len(play.server.names(locks)), 2, "locked items")
    second.do("done", 1)
    play.server.await_names(play.path, 1)
    expect(second.quiet(), "it works on what another works on")
    first.do("done", 1)
    play.server.await_empty(play.path)
    play.server.await_empty(locks)


@played("distributed queue", "curator", kills=True)
def consumer_is_killed(play):
    """with locks: what {first} worked on when it was killed {second} consumes; curator 5.4.0 not before the queue changes"""
    locks = f"{play.path}-locks"
    first = queue(play, play.first, "consume", locks=locks)
    putter = queue(play, play.second, "put", locks=locks)
    putter.do("put", "one")
    hear_items(first, ["one"])
    second = queue(play, play.like(play.second), "consume", locks=locks)
    expect(second.quiet(), "it works on what another works on")
    yield
    if play.second.language == "curator":  # It looks at its list again when that changes, which a lock that goes does not do.
        play.server.await_empty(locks)
        putter.do("put", "two")
    hear_items(second, ["one"])
    second.do("done", 2)
    play.server.await_empty(play.path)


@played("distributed queue", "curator")
def failure_requeues(play):
    """with locks: what {first} fails at {second} finds at the end of the queue"""
    locks = f"{play.path}-locks"
    putter = queue(play, play.like(play.second), "put", locks=locks)
    putter.do("put", "one")
    first = queue(play, play.first, "consume", locks=locks)
    hear_items(first, ["one"])
    second = queue(play, play.second, "consume", locks=locks)
    before, = play.server.names(play.path)
    first.do("fail", 1)
    await_that("it is in the queue again", lambda: (names := play.server.names(play.path)) and names[0] > before)
    # Either may have it now.
    heard = await_that("it is consumed again", lambda: [thing for thing in (first, second) if not thing.quiet()])[0]
    hear_items(heard, ["one"])
    heard.do("done", 1)
    play.server.await_empty(play.path)


@played("distributed queue", "curator")
def malformed(play):
    """what is no frame does not stay in the way of what {first} puts: {second} goes on; docent keeps it elsewhere, curator deletes it"""
    play.server.create(play.path)
    play.server.create(f"{play.path}/queue-", b"no frame", 2)
    queue(play, play.first, "put").do("put", "one")
    consumer = queue(play, play.second, "consume")
    consumer.do("done", 1)
    hear_items(consumer, ["one"])
    await_that("the items have gone", lambda: not items_of(play))
    kept = items_of(play, f"{play.path}-quarantine")
    expect_equal(len(kept), 1 if play.second.language == "docent" else 0, "what is kept elsewhere")


@played("distributed queue with ids", "curator")
def ids(play):
    """what {first} puts with an id {second} removes by it, or consumes in order"""
    first, second = queue(play, play.first, "put", "id-queue"), queue(play, play.second, "put", "id-queue")
    for item, name in (("a", "z"), ("b", "id/1|z"), ("c", "b"), ("d", "z")):
        first.do("put", item, name)
    names = play.server.await_names(play.path, 4)
    expect_equal([name[:-10] for name in names], ["queue-|z|", "queue-|id_1_z|", "queue-|b|", "queue-|z|"], "names")
    expect_equal(second.do("remove", "id_1_z"), "1", "how many are removed")
    expect_equal(second.do("remove", "none"), "0", "how many are removed")
    consumer = queue(play, play.second, "consume", "id-queue")
    consumer.do("done", 3)
    hear_items(consumer, ["a", "c", "d"])
    play.server.await_empty(play.path)


PRIORITIES = [("m", 5), ("n", 0), ("o", -1), ("p", -2147483648), ("q", 2147483647)]


@played("distributed queue with priorities", "curator")
def priorities(play):
    """what {first} puts {second} consumes by priority"""
    putter = queue(play, play.first, "put", "priority-queue")
    for item, priority in PRIORITIES:
        putter.do("put", item, priority)
    names = sorted(play.server.await_names(play.path, 5))
    expect_equal([name[:-10] for name in names], ["queue-080000000", "queue-0FFFFFFFF", "queue-100000000", "queue-100000005", "queue-17FFFFFFF"], "names")
    consumer = queue(play, play.second, "consume", "priority-queue")
    consumer.do("done", 5)
    hear_items(consumer, ["p", "o", "n", "m", "q"])
    play.server.await_empty(play.path)


@played("distributed queue with priorities", "curator")
def priority_requeued(play):
    """with locks: what {first} fails at: docent keeps its priority, curator 5.4.0 does not; {second} consumes it"""
    locks = f"{play.path}-locks"
    putter = queue(play, play.like(play.second), "put", "priority-queue", locks)
    putter.do("put", "one", 5)
    first = queue(play, play.first, "consume", "priority-queue", locks)
    hear_items(first, ["one"])
    before, = play.server.names(play.path)
    first.do("fail", 1)
    after = await_that("it is in the queue again", lambda: (names := play.server.names(play.path)) and names[0] != before and names[0])
    expect_equal(after[:-10], before[:-10] if play.first.language == "docent" else "queue-", "its name")
    hear_items(first, ["one"])
    second = queue(play, play.second, "consume", "priority-queue", locks)
    first.do("fail", 1)
    heard = await_that("it is consumed again", lambda: [thing for thing in (first, second) if not thing.quiet()])[0]
    hear_items(heard, ["one"])
    heard.do("done", 1)
    play.server.await_empty(play.path)


@played("distributed queue with delays", "curator")
def delays(play):
    """what {first} puts {second} consumes when it is due, by its clock"""
    putter, consumer = queue(play, play.first, "put", "delay-queue"), queue(play, play.second, "consume", "delay-queue")
    consumer.do("done", 3)
    late, later = (int((time.time() + seconds) * 1000) for seconds in (1, 1.5))
    putter.do("put", "later", later)
    putter.do("put", "late", late)
    names = sorted(play.server.await_names(play.path, 2))
    expect_equal([name[:-10] for name in names], [f"queue-|{late:X}|", f"queue-|{later:X}|"], "names")
    putter.do("put", "now", 1)
    hear_items(consumer, ["now"])
    hear_items(consumer, ["late"])
    expect(time.time() * 1000 >= late, "it was not due")
    hear_items(consumer, ["later"])
    expect(time.time() * 1000 >= later, "it was not due")
    play.server.await_empty(play.path)


# ---- One that is spread over several. ----

def sharder(play, actor, role="put", shards=3, locks=None):
    """@shards: how many it adds at most."""
    return actor.make("sharder", play.path, f"{play.path}-leader", locks or "-", role, shards)


def items_by_shard(play):
    return {shard: len(items_of(play, f"{play.path}/{shard}")) for shard in items_of(play)}


def fill_shards(play, putter, shards):
    """Puts until there are so many, and each is full; which items."""
    items = []

    def are_full():
        counts = items_by_shard(play).values()
        if len(counts) == shards and min(counts) >= 4:
            return True
        items.append(f"item-{len(items)}")
        putter.do("put", items[-1])
        return False
    await_that(f"there are {shards} full shards", are_full)
    await_that("all items are there", lambda: sum(items_by_shard(play).values()) == len(items))  # Curator puts in the background.
    return items


def await_shards(things, count):
    for thing in things:
        await_that(f"{thing.actor.language} sees {count} shards", lambda: thing.do("shards") == str(count))


def close_all(*things):
    """A sharder of Curator goes on counting, and complaining, when its session has ended."""
    for thing in things:
        thing.do("close")


def hear_all(consumers, items):
    """Each of them once, in any order and by anybody."""
    heard = []

    def are_heard():
        for consumer in consumers:
            while not consumer.quiet():
                heard.append(consumer.hear())
        return len(heard) >= len(items)
    await_that("the items are consumed", are_heard)
    expect_equal(sorted(heard), sorted(f"item {item}" for item in items), "what is consumed")


@played("queue sharder", "curator")
def shards_are_shared(play):
    """what {first} puts into three shards {second} consumes, who sees them all, and both consume what both put after that"""
    first = sharder(play, play.first)
    items = fill_shards(play, first, 3)
    expect(all(re.fullmatch(rf"queue-{UUID}", name) for name in items_of(play)), f"{items_of(play)}")
    leader, = play.server.names(f"{play.path}-leader")
    expect(re.fullmatch(rf"_c_{UUID}-latch-\d{{10}}", leader), leader)
    expect_equal(play.server.data(f"{play.path}-leader/{leader}"), b"", "the data of the leader")
    second = sharder(play, play.second, "consume")
    await_shards((first, second), 3)
    hear_all([second], items)
    for number, putter in enumerate((first, second)):
        putter.do("put", f"late-{number}")
    hear_all([second], ["late-0", "late-1"])
    await_that("the items have gone", lambda: list(items_by_shard(play).values()) == [0, 0, 0])
    close_all(first, second)


@played("queue sharder", "curator")
def shards_with_locks(play):
    """with locks: {first} and {second} consume beside each other, each item is consumed once"""
    locks = f"{play.path}-locks"
    putter = sharder(play, play.like(play.second), locks=locks)
    items = fill_shards(play, putter, 3)
    consumers = [sharder(play, actor, "consume", locks=locks) for actor in (play.first, play.second)]
    items += [f"more-{number}" for number in range(60)]
    for item in items[-60:]:
        putter.do("put", item)
    hear_all(consumers, items)
    await_that("the items have gone", lambda: list(items_by_shard(play).values()) == [0, 0, 0])
    expect_equal(items_of(play, locks), items_of(play), "folders of locks")
    for shard in items_of(play):
        play.server.await_empty(f"{locks}/{shard}")
    expect(all(consumer.quiet() for consumer in consumers), "an item is consumed twice")
    close_all(putter, *consumers)


def two_leaders(play):
    """The first leads and adds two shards, the second would add one more; both are full."""
    first = sharder(play, play.first, shards=2)
    play.server.await_names(f"{play.path}-leader", 1)
    second = sharder(play, play.second, shards=3)
    play.server.await_names(f"{play.path}-leader", 2)
    fill_shards(play, second, 2)
    await_shards((first, second), 2)
    return first, second


@played("queue sharder", "curator")
def next_sharder_leads(play):
    """{first} leads and adds the shards that {second} fills, who adds one when {first} goes, and not earlier"""
    first, second = two_leaders(play)
    expect_equal(len(items_of(play)), 2, "shards")
    close_all(first)
    await_shards([second], 3)
    play.server.await_names(f"{play.path}-leader", 1)
    close_all(second)


@played("queue sharder", "curator", kills=True)
def leading_sharder_is_killed(play):
    """{second} adds a shard when {first}, who leads, is killed"""
    _, second = two_leaders(play)
    yield
    await_shards([second], 3)
    play.server.await_names(f"{play.path}-leader", 1)
    close_all(second)


# ---- kazoo's queues. ----

def plain(play, actor):
    return actor.make("plain-queue", play.path)


@played("kazoo queue", "kazoo")
def plain_order(play):
    """what {first} puts {second} takes by priority and in order"""
    first, second = plain(play, play.first), plain(play, play.second)
    for item, priority in (("b", 100), ("c", 100), ("d", 999), ("a", 7)):
        first.do("put", item, priority)
    names = items_of(play)
    expect_equal([name[:-10] for name in names], ["entry-007-", "entry-100-", "entry-100-", "entry-999-"], "names")
    expect_equal([play.server.data(f"{play.path}/{name}") for name in names], [b"a", b"b", b"c", b"d"], "the data of the items")
    expect_items(second, ["a", "b", "c", "d"], ("poll",))
    second.ask("poll").no()


def locking(play, actor):
    return actor.make("locking-queue", play.path)


def entries_of(play):
    return sorted(play.server.names(f"{play.path}/entries"))


@played("kazoo locking queue", "kazoo")
def taken_and_consumed(play):
    """what {first} has taken stays, {second} takes the next; each consumes its own"""
    first, second = locking(play, play.first), locking(play, play.second)
    first.do("put", "b")
    second.do("put", "a", 7)
    first.do("multi", "c", "d")
    names = entries_of(play)
    expect_equal([name[:-10] for name in names], ["entry-007-"] + 3 * ["entry-100-"], "names")
    expect_equal(first.do("take", SOON), "a", "what is taken")
    expect_equal(second.do("take", SOON), "b", "what is taken")
    taken = sorted(play.server.names(f"{play.path}/taken"))
    expect_equal(taken, names[:2], "what is taken")
    owners = {play.server.data(f"{play.path}/taken/{name}").decode() for name in taken}
    expect(len(owners) == 2 and all(re.fullmatch("[0-9a-f]{32}", owner) for owner in owners), f"the data of what is taken: {owners}")
    first.do("holds")
    first.do("consume")
    expect_equal(entries_of(play), names[1:], "entries")
    second.do("release")
    expect_equal(play.server.names(f"{play.path}/taken"), [], "what is taken")
    for item in ("b", "c", "d"):
        expect_equal(first.do("take", SOON), item, "what is taken")
        first.do("consume")
    second.ask("take", 200).no()
    waiting = second.ask("take", SOON)
    first.do("put", "late")
    expect_equal(waiting.ok(), "late", "what is taken")
    second.do("consume")


@played("kazoo locking queue", "kazoo", kills=True)
def taker_is_killed(play):
    """what {first} had taken when it was killed {second} takes"""
    first, second = locking(play, play.first), locking(play, play.second)
    first.do("put", "one")
    first.do("take", SOON)
    waiting = second.ask("take", SOON)
    yield
    expect_equal(waiting.ok(), "one", "what is taken")
    second.do("consume")
    expect_equal(entries_of(play), [], "entries")
