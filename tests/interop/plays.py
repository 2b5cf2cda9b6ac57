"""What a test of two clients on one path is given: its actors, a path of its own, and what the server knows."""
import itertools
import struct
import time

from peers import Trouble, expect, wire
from talker import Actor, await_that


class Server:
    """What a server knows, asked on a connection of our own."""

    def __init__(self, what, port, process):
        self.what, self.port, self.process = what, port, process
        self.session, self.used = None, 0

    def frame(self, request):
        """Of the answer. Whoever asks seldom is given a new session."""
        if self.session is None or time.monotonic() - self.used > 2:
            if self.session is not None:
                self.session.close()
            self.session = wire.Session(self.port, 0)
        self.used = time.monotonic()
        self.session.send(request)
        frame = self.session.frame()
        expect(isinstance(frame, bytes) and len(frame) >= 16, "the server does not answer")
        return frame

    def call(self, request):
        """(error, body)."""
        frame = self.frame(request)
        return struct.unpack(">i", frame[12:16])[0], frame[16:]

    def create(self, path, data=b"", flags=0):
        error, body = self.call(wire.create(path, data, flags))
        expect(error == 0, f"{path} is not created: {error}")
        return body[4:].decode()

    def delete(self, path):
        self.call(wire.path_version(wire.DELETE, path))

    def set(self, path, data):
        error, _ = self.call(wire.set_data(path, data))
        expect(error == 0, f"{path} is not set: {error}")

    def names(self, path):
        """Of a folder's nodes in order of their numbers; none if there is no folder."""
        error, body = self.call(wire.read(wire.CHILDREN, path))
        names, at = [], 4
        while error == 0 and at < len(body):
            size, = struct.unpack(">i", body[at:at + 4])
            names.append(body[at + 4:at + 4 + size].decode())
            at += 4 + size
        return sorted(names, key=lambda name: name[-10:])

    def data(self, path):
        error, body = self.call(wire.read(wire.GET, path))
        expect(error == 0, f"{path} cannot be read: {error}")
        return body[4:-68]

    def stat(self, path):
        """(czxid, owner, pzxid), or None."""
        error, body = self.call(wire.read(wire.EXISTS, path))
        if error != 0:
            return None
        fields = struct.unpack(">qqqqiiiqiiq", body)
        return fields[0], fields[7], fields[10]

    def await_names(self, path, count):
        return await_that(f"{path} has {count} nodes", lambda: (names := self.names(path)) and len(names) == count and names)

    def await_empty(self, path):
        await_that(f"{path} is empty", lambda: not self.names(path))


class Play:
    """One run of a test: @first and @second are actors of two languages, one of which is ours; @peer is the other's language, whatever its
    role, and so the dialect that is spoken."""
    numbers = itertools.count()

    def __init__(self, server, peer, talkers, first, second, first_talker=None):
        self.server, self.peer, self.talkers = server, peer, talkers
        self.path = f"/interop/p{next(Play.numbers)}"
        self.actors = []
        self.first = self.actor(first, first_talker)
        self.second = self.actor(second)

    def actor(self, language, talker=None):
        """One more session: of a language, or of the process that is given."""
        alike = sum(actor.language == language for actor in self.actors)
        actor = Actor(talker or self.talkers[language], self.server.port, f"{language}{alike + 1 if alike else ''}")
        actor.begun.ok()
        self.actors.append(actor)
        return actor

    def like(self, actor):
        """One more session of the same language."""
        return self.actor(actor.language)

    def end(self):
        for actor in self.actors:
            if actor.talker.process.poll() is None:
                actor.end()


class Test:
    """A function that takes a Play, and for whom it is played."""
    all = []

    def __init__(self, recipe, peer, what, fn, roles, kills):
        self.recipe, self.peer, self.what, self.fn, self.roles, self.kills = recipe, peer, what, fn, roles, kills
        Test.all.append(self)

    def pairs(self, ours):
        """(first, second): who is to begin."""
        pairs = [(ours, self.peer), (self.peer, ours)]
        return {"both": pairs, "ours first": pairs[:1], "theirs first": pairs[1:]}[self.roles]

    def title(self, first, second):
        return f"{self.recipe}: " + self.what.format(first=first, second=second, peer=self.peer)


def played(recipe, *peers, roles="both", kills=False):
    """Registers a test of a recipe; its doc string says what is so, with {first} and {second}. With @kills it is a generator, at whose yield
    the process of the first is killed."""
    def register(fn):
        for peer in peers:
            Test(recipe, peer, fn.__doc__, fn, roles, kills)
        return fn
    return register


def expect_equal(got, expected, what):
    expect(got == expected, f"{what}: {got}, and not {expected}")


def expect_in_turn(play, folder, inside):
    """Whoever is inside now came in after the node of who was before him had gone from the folder."""
    created = play.server.stat(inside)
    expect(created is not None, "nobody is inside")
    expect(created[0] > play.server.stat(folder)[2], "the second was inside before the node of the first was gone")


__all__ = ["Play", "Server", "Test", "Trouble", "await_that", "expect", "expect_equal", "expect_in_turn", "played"]
