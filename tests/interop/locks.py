"""Locks, read/write locks, semaphores, multi-locks and leases that we share with Curator and kazoo."""
import re

from plays import await_that, expect, expect_equal, expect_in_turn, played
from talker import SOON

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
LOCK_NAMES = {"curator": rf"_c_{UUID}-lock-\d{{10}}", "kazoo": r"[0-9a-f]{32}__lock__\d{10}", "zookeeper": r"x-[0-9a-f]{16}-\d{10}"}


def expect_names(names, pattern):
    for name in names:
        expect(re.fullmatch(pattern, name), f"{name} is not named {pattern}")


def lock(play, actor, path=None, *words):
    options = {"docent": [actor.label, play.peer], "curator": [], "kazoo": [actor.label], "zookeeper": []}[actor.language]
    return actor.make("lock", path or play.path, *options, *words)


# ---- Whatever one at a time can hold. ----

def queue_up(play, first, second, folder):
    """The first holds and the second waits."""
    inside = f"{play.path}-inside"
    first.do("acquire", SOON, inside)
    waiting = second.ask("acquire", SOON, inside)
    play.server.await_names(folder, 2)
    expect(waiting.is_open(), "the second is inside with the first")
    return waiting, inside


def come_in(play, waiting, second, folder, inside):
    waiting.ok()
    expect_in_turn(play, folder, inside)
    second.do("release", inside)
    play.server.await_empty(folder)


@played("lock", "curator", "kazoo")
def take_turns(play):
    """{second} gets in when {first} lets go, and not earlier; each sees the other"""
    first, second = lock(play, play.first), lock(play, play.second)
    waiting, inside = queue_up(play, first, second, play.path)
    names = play.server.names(play.path)
    expect_names(names, LOCK_NAMES[play.peer])
    for name, actor in zip(names, (play.first, play.second)):
        expect_equal(play.server.data(f"{play.path}/{name}").decode(), actor.label, "the data of a contender")
    expect_equal(first.do("who"), f"{play.first.label} {play.second.label}", "who is in the queue")
    first.do("release", inside)
    come_in(play, waiting, second, play.path, inside)


@played("lock", "zookeeper")
def take_turns_without_labels(play):
    """{second} gets in when {first} lets go, and not earlier"""
    first, second = lock(play, play.first), lock(play, play.second)
    waiting, inside = queue_up(play, first, second, play.path)
    expect_names(play.server.names(play.path), LOCK_NAMES[play.peer])
    first.do("release", inside)
    come_in(play, waiting, second, play.path, inside)


@played("lock", "curator", "kazoo", "zookeeper", kills=True)
def holder_is_killed(play):
    """{second} gets in when {first} is killed, and not earlier"""
    first, second = lock(play, play.first), lock(play, play.second)
    waiting, inside = queue_up(play, first, second, play.path)
    yield
    come_in(play, waiting, second, play.path, inside)


@played("lock", "curator", "kazoo", "zookeeper", roles="ours first")
def count_together(play):
    """two of {first} and one of {second} count to 300"""
    counter = f"{play.path}-counter"
    play.server.create(counter, b"0")
    locks = [lock(play, actor) for actor in (play.first, play.like(play.first), play.second)]
    for counting in [one.ask("count", counter, 100) for one in locks]:
        counting.ok()
    expect_equal(play.server.data(counter), b"300", "the counter")


@played("lock", "curator", "kazoo", "zookeeper")
def give_up(play):
    """{second} gives up waiting for {first}, and leaves nothing"""
    first, second = lock(play, play.first), lock(play, play.second)
    first.do("acquire", SOON, "-")
    second.ask("acquire", 300, "-").no()
    play.server.await_names(play.path, 1)
    first.do("release", "-")
    second.do("acquire", SOON, "-")
    second.do("release", "-")


@played("lock", "curator", roles="ours first")
def taught_peers(play):
    """{first} that is tolerant, curator that sorts by the last ten characters and kazoo that knows curator's names count to 300 on one path"""
    counter = f"{play.path}-counter"
    play.server.create(counter, b"0")
    play.server.create(play.path)  # kazoo does not expect it to go when it is empty.
    locks = [play.first.make("lock", play.path, play.first.label, "curator", "tolerant"), play.second.make("lock", play.path, "digits"),
             play.actor("kazoo").make("lock", play.path, "kazoo", "-lock-")]
    for counting in [one.ask("count", counter, 100) for one in locks]:
        counting.ok()
    expect_equal(play.server.data(counter), b"300", "the counter")


@played("lock", "zookeeper", roles="ours first")
def taught_with_zookeeper(play):
    """{first} that is tolerant, with curator's names, curator that sorts by the last ten characters and {second} count to 300 on one path"""
    counter = f"{play.path}-counter"
    play.server.create(counter, b"0")
    locks = [play.first.make("lock", play.path, play.first.label, "curator", "tolerant"), play.actor("curator").make("lock", play.path, "digits"),
             lock(play, play.second)]
    for counting in [one.ask("count", counter, 100) for one in locks]:
        counting.ok()
    expect_equal(play.server.data(counter), b"300", "the counter")


@played("lock", "curator", roles="theirs first")
def untaught_peers(play):
    """{first} and kazoo do not see each other on one path, and {second}, tolerant, waits for both"""
    theirs, others, ours = (play.first.make("lock", play.path), play.actor("kazoo").make("lock", play.path, "kazoo"),
                            play.second.make("lock", play.path, play.second.label, "curator", "tolerant"))
    theirs.do("acquire", SOON, "-")
    others.do("acquire", SOON, "-")
    waiting = ours.ask("acquire", SOON, f"{play.path}-inside")
    play.server.await_names(play.path, 3)
    theirs.do("release", "-")
    play.server.await_names(play.path, 2)
    expect(waiting.is_open(), "it is inside with kazoo")
    others.do("release", "-")
    waiting.ok()
    expect_in_turn(play, play.path, f"{play.path}-inside")


@played("revocation", "curator")
def revocation(play):
    """{second} asks {first} to let go, which is told, and does"""
    first, second = lock(play, play.first, None, "revocable"), lock(play, play.second)
    waiting, inside = queue_up(play, first, second, play.path)
    asking = lock(play, play.like(play.second))
    asking.do("revoke")
    expect_equal(first.hear(), "revoke", "the holder is told")
    expect_equal(play.server.data(f"{play.path}/{play.server.names(play.path)[0]}"), b"__REVOKE__", "the data of the holder")
    first.do("release", inside)
    come_in(play, waiting, second, play.path, inside)


# ---- Read/write locks. ----

READER = {"curator": rf"_c_{UUID}-__READ__\d{{10}}", "kazoo": r"[0-9a-f]{32}__rlock__\d{10}"}
WRITER = {"curator": rf"_c_{UUID}-__WRIT__\d{{10}}", "kazoo": r"[0-9a-f]{32}__lock__\d{10}"}


def read_write(play, actor):
    options = {"docent": [actor.label, play.peer], "curator": [], "kazoo": [actor.label]}[actor.language]
    return actor.make("read-write", play.path, *options)


@played("read/write lock", "curator", "kazoo")
def readers_then_writer(play):
    """{first} and {second} read together, a writer of {second} waits for both"""
    first, second, writer = (read_write(play, actor) for actor in (play.first, play.second, play.like(play.second)))
    first.do("read", SOON, "-")
    second.do("read", SOON, "-")
    expect_names(play.server.names(play.path), READER[play.peer])
    inside = f"{play.path}-inside"
    waiting = writer.ask("write", SOON, inside)
    expect_names(play.server.await_names(play.path, 3)[2:], WRITER[play.peer])
    first.do("unread", "-")
    play.server.await_names(play.path, 2)
    expect(waiting.is_open(), "it writes while another reads")
    second.do("unread", "-")
    waiting.ok()
    expect_in_turn(play, play.path, inside)
    writer.do("unwrite", inside)
    play.server.await_empty(play.path)


@played("read/write lock", "curator", "kazoo")
def writer_then_reader(play):
    """a reader of {second} gets in when a writer of {first} lets go"""
    first, reader = read_write(play, play.first), read_write(play, play.second)
    inside = f"{play.path}-inside"
    first.do("write", SOON, inside)
    reading = reader.ask("read", SOON, inside)
    play.server.await_names(play.path, 2)
    expect(reading.is_open(), "it is inside with the writer")
    first.do("unwrite", inside)
    reading.ok()
    expect_in_turn(play, play.path, inside)
    reader.do("unread", inside)
    play.server.await_empty(play.path)


@played("read/write lock", "curator")
@played("read/write lock", "kazoo", roles="theirs first")  # A reader of 2.8.0 would wait for the writer behind it; see later_writer().
def writer_then_both(play):
    """a reader and a writer of {second} wait for a writer of {first}, in this order"""
    first, reader, writer = (read_write(play, actor) for actor in (play.first, play.second, play.like(play.second)))
    inside = f"{play.path}-inside"
    first.do("write", SOON, inside)
    reading = reader.ask("read", SOON, inside)
    play.server.await_names(play.path, 2)
    writing = writer.ask("write", SOON, inside)
    play.server.await_names(play.path, 3)
    expect(reading.is_open() and writing.is_open(), "they are inside with the writer")
    first.do("unwrite", inside)
    reading.ok()
    expect_in_turn(play, play.path, inside)
    reader.do("unread", inside)
    writing.ok()
    expect_in_turn(play, play.path, inside)
    writer.do("unwrite", inside)


@played("read/write lock", "curator", "kazoo", kills=True)
def writer_is_killed(play):
    """a reader of {second} gets in when a writer of {first} is killed"""
    first, second = read_write(play, play.first), read_write(play, play.second)
    inside = f"{play.path}-inside"
    first.do("write", SOON, inside)
    reading = second.ask("read", SOON, inside)
    play.server.await_names(play.path, 2)
    yield
    reading.ok()
    expect_in_turn(play, play.path, inside)
    second.do("unread", inside)


@played("read/write lock", "curator", "kazoo", kills=True)
def reader_is_killed(play):
    """a writer of {second} gets in when a reader of {first} is killed"""
    first, second = read_write(play, play.first), read_write(play, play.second)
    inside = f"{play.path}-inside"
    first.do("read", SOON, inside)
    writing = second.ask("write", SOON, inside)
    play.server.await_names(play.path, 2)
    yield
    writing.ok()
    expect_in_turn(play, play.path, inside)
    second.do("unwrite", inside)


@played("read/write lock", "curator", roles="ours first")
def downgrade(play):
    """{first} that goes on reading keeps the writer's place: a writer of {second} waits for its reader too"""
    first, second = read_write(play, play.first), read_write(play, play.second)
    inside = f"{play.path}-inside"
    first.do("write", SOON, "-")
    writing = second.ask("write", SOON, inside)
    play.server.await_names(play.path, 2)
    first.do("read", SOON, "-")
    names = play.server.await_names(play.path, 3)
    expect(any(re.fullmatch(READER["curator"], name) and name[-10:] == names[0][-10:] for name in names),
           f"the reader is not in its writer's place: {names}")
    first.do("unwrite", "-")
    play.server.await_names(play.path, 2)
    expect(writing.is_open(), "the writer is inside with the reader")
    first.do("unread", "-")
    writing.ok()
    expect_in_turn(play, play.path, inside)
    second.do("unwrite", inside)


@played("read/write lock", "curator", roles="theirs first")
def late_downgrade(play):
    """{first} 5.4.0 that goes on reading has a later number than its writer; {second} reads beside it, and waits to write"""
    first, reader = read_write(play, play.first), read_write(play, play.second)
    first.do("write", SOON, "-")
    first.do("read", SOON, "-")
    names = play.server.names(play.path)
    expect(names[0][-10:] < names[1][-10:], "it keeps its writer's number by now: no writer can come between any more")
    first.do("unwrite", "-")
    reader.do("read", SOON, "-")
    waiting = read_write(play, play.like(play.second)).ask("write", SOON, "-")
    play.server.await_names(play.path, 3)
    expect(waiting.is_open(), "a writer is inside with readers")
    first.do("unread", "-")
    reader.do("unread", "-")
    waiting.ok()


@played("read/write lock", "kazoo", roles="theirs first")
def later_writer(play):
    """a reader of {first} 2.8.0 waits for a writer behind it, which {second} does not"""
    play.server.create(play.path)
    play.server.create(f"{play.path}/{'0' * 32}__lock__2000000000")
    read_write(play, play.first).ask("read", 300, "-").no()
    reader = read_write(play, play.second)
    reader.do("read", SOON, "-")
    reader.do("unread", "-")


# ---- Semaphores. ----

def semaphore(play, actor, limit):
    options = {"docent": [limit, actor.label, play.peer], "curator": [limit], "kazoo": [limit, actor.label]}[actor.language]
    return actor.make("semaphore", play.path, *options)


def leases_of(play):
    return f"{play.path}/leases" if play.peer == "curator" else play.path


def await_waiter(play):
    """Who waits for a lease does so inside a lock."""
    return play.server.await_names(f"{play.path}/locks" if play.peer == "curator" else f"{play.path}-__lock__", 1)


LEASE_NAMES = {"curator": rf"_c_{UUID}-lease-\d{{10}}", "kazoo": r"[0-9a-f]{32}"}


@played("semaphore", "curator", "kazoo")
def leases_run_out(play):
    """{first} and {second} have the two leases, one more of {second} waits until {first} gives its own back"""
    first, second, third = (semaphore(play, actor, 2) for actor in (play.first, play.second, play.like(play.second)))
    first.do("acquire", 1, SOON)
    second.do("acquire", 1, SOON)
    names = play.server.names(leases_of(play))
    expect_names(names, LEASE_NAMES[play.peer])
    labels = sorted(play.server.data(f"{leases_of(play)}/{name}").decode() for name in names)
    expect_equal(labels, sorted([play.first.label, play.second.label]), "the data of the leases")
    expect_equal(first.do("who"), "2", "how many leases are taken")
    waiting = third.ask("acquire", 1, SOON)
    expect_names(await_waiter(play), LOCK_NAMES[play.peer])
    expect(waiting.is_open(), "three have one of two leases")
    first.do("release", 1)
    waiting.ok()
    second.do("release", 1)
    third.do("release", 1)
    play.server.await_empty(leases_of(play))
    if play.peer == "kazoo":
        expect_equal(play.server.data(play.path), b"2", "how many there are")


@played("semaphore", "curator", "kazoo", kills=True)
def lease_is_killed(play):
    """{second} has the lease when {first} is killed"""
    first, second = semaphore(play, play.first, 1), semaphore(play, play.second, 1)
    first.do("acquire", 1, SOON)
    waiting = second.ask("acquire", 1, SOON)
    await_waiter(play)
    yield
    waiting.ok()
    second.do("release", 1)


@played("semaphore", "curator")
def several_leases(play):
    """{first} has three of four leases, {second} wants two and waits for all of them"""
    first, second = semaphore(play, play.first, 4), semaphore(play, play.second, 4)
    first.do("acquire", 1, SOON)
    first.do("acquire", 2, SOON)
    expect_equal(len(play.server.names(leases_of(play))), 3, "leases")
    second.ask("acquire", 2, 300).no()
    play.server.await_names(leases_of(play), 3)
    waiting = second.ask("acquire", 2, SOON)
    await_waiter(play)
    expect(waiting.is_open(), "five of four leases are taken")
    first.do("release", 1)
    waiting.ok()
    expect_equal(len(play.server.names(leases_of(play))), 4, "leases")
    first.do("release", 2)
    second.do("release", 2)
    play.server.await_empty(leases_of(play))


@played("semaphore", "curator")
def leases_by_turns(play):
    """{first} takes leases, alone, again and again, and {second} comes and does the same"""
    first, second = semaphore(play, play.first, 2), semaphore(play, play.second, 2)
    for one, other in ((first, second), (second, first), (first, second)):
        for _ in range(4):
            one.do("acquire", 2, SOON)
            expect_equal(len(play.server.names(leases_of(play))), 2, "leases")
            one.do("release", 2)
        other.do("acquire", 1, SOON)
        one.do("acquire", 1, SOON)
        one.ask("acquire", 1, 300).no()
        play.server.await_names(leases_of(play), 2)
        one.do("release", 1)
        other.do("release", 1)
    play.server.await_empty(leases_of(play))


@played("semaphore", "curator")
def limit_from_a_count(play):
    """the limit is a shared count, and {second} gets in when it is raised while {first} has the only lease"""
    count = f"{play.path}-count"
    play.server.create(count, b"\0\0\0\1")
    things = []
    for actor in (play.first, play.second):
        options = ["count", count]
        things.append(actor.make("semaphore", play.path, *options, *([actor.label, play.peer] if actor.language == "docent" else [])))
    things[0].do("acquire", 1, SOON)
    waiting = things[1].ask("acquire", 1, SOON)
    await_waiter(play)
    expect(waiting.is_open(), "two have the only lease")
    play.server.set(count, b"\0\0\0\2")
    waiting.ok()
    for thing in things:
        thing.do("release", 1)


@played("semaphore", "kazoo")
def limits_differ(play):
    """{second} with another limit than {first} wrote is refused"""
    first = semaphore(play, play.first, 2)
    first.do("acquire", 1, SOON)
    answer = semaphore(play, play.second, 3).ask("acquire", 1, SOON)
    answer.wait()
    expect(answer.verdict == "error" or answer.words == "refused", f"not refused, but {answer.verdict} {answer.words}")
    first.do("release", 1)


def single(play, actor):
    return actor.make("single", play.path, *([actor.label] if actor.language == "docent" else []))


@played("non re-entrant mutex", "curator")
def single_turns(play):
    """{second} gets in when {first} lets go"""
    first, second = single(play, play.first), single(play, play.second)
    inside = f"{play.path}-inside"
    first.do("acquire", SOON, inside)
    waiting = second.ask("acquire", SOON, inside)
    await_waiter(play)
    expect(waiting.is_open(), "the second is inside with the first")
    first.do("release", inside)
    waiting.ok()
    second.do("release", inside)
    play.server.await_empty(f"{play.path}/leases")


@played("non re-entrant mutex", "curator", kills=True)
def single_is_killed(play):
    """{second} gets in when {first} is killed"""
    first, second = single(play, play.first), single(play, play.second)
    inside = f"{play.path}-inside"
    first.do("acquire", SOON, inside)
    waiting = second.ask("acquire", SOON, inside)
    await_waiter(play)
    yield
    waiting.ok()
    second.do("release", inside)


# ---- Multi-locks: in the order of the list. ----

def multi(play, actor, *paths):
    return actor.make("multi", *paths, *(["/", actor.label] if actor.language == "docent" else []))


@played("multi-lock", "curator")
def all_or_nothing(play):
    """{second} does not have all while {first} has the last, and {first} none while {second} has all"""
    paths = [f"{play.path}/{name}" for name in "abc"]
    last, every = lock(play, play.first, paths[2]), multi(play, play.second, *paths)
    last.do("acquire", SOON, "-")
    every.ask("acquire", 300, "-").no()
    for path in paths[:2]:
        play.server.await_empty(path)
    waiting = every.ask("acquire", SOON, "-")
    play.server.await_names(paths[2], 2)
    expect_equal([len(play.server.names(path)) for path in paths], [1, 1, 2], "contenders: it goes by the list")
    last.do("release", "-")
    waiting.ok()
    first = lock(play, play.first, paths[0])
    entering = first.ask("acquire", SOON, "-")
    play.server.await_names(paths[0], 2)
    expect(entering.is_open(), "two have the first lock")
    every.do("release", "-")
    entering.ok()
    first.do("release", "-")


@played("multi-lock", "curator", kills=True)
def all_are_killed(play):
    """{second} has all when {first}, who had all, is killed"""
    paths = [f"{play.path}/{name}" for name in "ab"]
    first, second = multi(play, play.first, *paths), multi(play, play.second, *paths)
    inside = f"{play.path}-inside"
    first.do("acquire", SOON, inside)
    waiting = second.ask("acquire", SOON, inside)
    play.server.await_names(paths[0], 2)
    yield
    waiting.ok()
    expect_in_turn(play, paths[0], inside)
    second.do("release", inside)


@played("multi-lock", "curator")
def two_multi_locks(play):
    """{first} and {second} want the same two, and take turns"""
    paths = [f"{play.path}/{name}" for name in "ab"]
    first, second = multi(play, play.first, *paths), multi(play, play.second, *paths)
    counter = f"{play.path}-counter"
    play.server.create(counter, b"0")
    for counting in [first.ask("count", counter, 50), second.ask("count", counter, 50)]:
        counting.ok()
    expect_equal(play.server.data(counter), b"100", "the counter")


# ---- Leases. ----

def lease(play, actor, *words):
    return actor.make("lease", play.path, actor.label, *words)


@played("lease", "kazoo")
def lease_is_held(play):
    """{second} is refused while {first} has it, who may have it again, and {second} gets it when it ends"""
    first, second = lease(play, play.first), lease(play, play.second)
    first.do("obtain", 60000)
    data = play.server.data(f"{play.path}/lease_holder").decode()
    expect(re.fullmatch(r'\{"version": 1, "holder": "%s", "end": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"\}' % play.first.label, data), data)
    second.ask("obtain", 60000).no()
    first.do("obtain", 1000)

    def obtained():
        answer = second.ask("obtain", 60000)
        answer.wait()
        return answer.verdict == "ok"
    await_that("the lease ends", obtained)
    first.ask("obtain", 60000).no()


@played("lease", "kazoo")
def several_holders(play):
    """two may have it, {first} and {second} do, a third does not"""
    first, second, third = (lease(play, actor, 2) for actor in (play.first, play.second, play.like(play.first)))
    first.do("obtain", 60000)
    second.do("obtain", 60000)
    third.ask("obtain", 60000).no()
    holders = [play.server.data(f"{play.path}/{number}/lease_holder").decode() for number in "01"]
    expect(play.first.label in holders[0] and play.second.label in holders[1], f"{holders}")
