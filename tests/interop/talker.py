"""Peers that play recipes together: a process for each language, with any number of sessions and of things (locks, queues, ...) in them.

We say       NUMBER session NAME CONNECT LABEL        a session, LABEL is what its nodes say if nothing else does
             NUMBER session end NAME
             NUMBER NAME new KIND SESSION PATH WORD... a recipe on a path; what the words mean the kind says
             NUMBER NAME VERB WORD...                 asks it for something; "-" is an empty word
They answer  NUMBER ok WORD...                        it is done
             NUMBER no                                it could not be had in time, or there is nothing
             NUMBER error WORD...                     it went wrong
and say      * NAME WORD...                           what happens without having been asked for

What one thing is asked for it does in that order; different things do not wait for each other. A session is at the server before it is
answered. At the end of its input a peer ends its sessions."""
import itertools
import queue
import threading
import time

from peers import PATIENCE, Peer, Trouble, expect

SOON = str(PATIENCE * 1000)  # In time for a recipe that waits for what we are about to do.


class Answer:
    """What comes back, some day."""

    def __init__(self, talker, question):
        self.talker, self.question = talker, question
        self.arrived = threading.Event()
        self.verdict = self.words = None

    def arrive(self, verdict, words):
        self.verdict, self.words = verdict, words
        self.arrived.set()

    def wait(self):
        expect(self.arrived.wait(PATIENCE + 10), f"{self.talker.language} does not answer: {self.question}")

    def ok(self):
        """What was said beside ok."""
        self.wait()
        expect(self.verdict == "ok", f"{self.talker.language}: {self.question}: {self.verdict} {self.words}")
        return self.words

    def no(self):
        self.wait()
        expect(self.verdict == "no", f"{self.talker.language}: {self.question}: {self.verdict} {self.words}, and not no")

    def error(self):
        self.wait()
        expect(self.verdict == "error", f"{self.talker.language}: {self.question}: {self.verdict} {self.words}, and no error")
        return self.words

    def is_open(self):
        return not self.arrived.is_set()


class Talker(Peer):
    """A process that speaks as above."""

    def __init__(self, language, command):
        self.answers, self.told = {}, {}
        self.numbers = itertools.count()
        self.sending = threading.Lock()
        super().__init__(language, command)

    def read_lines(self):
        for line in self.process.stdout:
            number, _, rest = line.rstrip("\n").partition(" ")
            if number == "*":
                name, _, event = rest.partition(" ")
                self.events(name).put(event)
            elif number in self.answers:
                verdict, _, words = rest.partition(" ")
                self.answers.pop(number).arrive(verdict, words)
            else:
                self.errors.append(f"said without being asked: {line}")
        for answer in list(self.answers.values()):
            answer.arrive("error", "the process has ended")

    def events(self, name):
        return self.told.setdefault(name, queue.Queue())

    def say(self, *words):
        with self.sending:
            number = str(next(self.numbers))
            question = " ".join(words)
            self.answers[number] = answer = Answer(self, question)
            self.ask(f"{number} {question}")
        return answer


class Actor:
    """A session of a peer with a server."""
    names = itertools.count()

    def __init__(self, talker, port, label):
        self.talker, self.language, self.port, self.label = talker, talker.language, port, label
        self.name = f"s{next(Actor.names)}"
        self.begun = talker.say("session", self.name, f"127.0.0.1:{port}", label)

    def make(self, kind, path, *words):
        return Thing(self, kind, path, [str(word) for word in words])

    def end(self):
        self.talker.say("session", "end", self.name).ok()


class Thing:
    """A recipe of an actor."""
    names = itertools.count()

    def __init__(self, actor, kind, path, words):
        self.actor, self.kind = actor, kind
        self.name = f"t{next(Thing.names)}"
        self.ask("new", kind, actor.name, path, *words).ok()

    def ask(self, *words):
        return self.actor.talker.say(self.name, *(str(word) for word in words))

    def do(self, *words):
        return self.ask(*words).ok()

    def hear(self):
        """What it says next without having been asked."""
        try:
            return self.actor.talker.events(self.name).get(timeout=PATIENCE)
        except queue.Empty:
            raise Trouble(f"{self.actor.language}: {self.kind} says nothing") from None

    def quiet(self):
        return self.actor.talker.events(self.name).empty()


def await_that(what, fn):
    """Until the function is true, which it will be by what others do."""
    end = time.monotonic() + PATIENCE
    while not (result := fn()):
        expect(time.monotonic() < end, f"it does not come about that {what}")
        time.sleep(0.01)
    return result
