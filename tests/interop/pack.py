"""Data that Curator compresses and that we compress."""
import gzip
import zlib

from plays import expect, expect_equal, played

LIMIT = 1 << 20


@played("compressed data", "curator", roles="ours first")
def pack_and_unpack(play):
    """what {first} or {second} keeps the other reads"""
    peers = {actor.language: actor.make("pack", play.path, LIMIT) for actor in (play.first, play.second)}
    play.server.create(play.path)
    for name, text, count in (("empty", "-", 0), ("one", "x", 1), ("text", "Grüße-", 9), ("most", "0123456789abcdef", LIMIT // 16)):
        data = (text * count).encode()
        kept = []
        for writer, packed in peers.items():
            path = f"{play.path}/{name}-{writer}"
            packed.do("put", path, text, count)
            kept.append(play.server.data(path))
            expect(gzip.decompress(kept[-1]) == data, f"{writer} keeps other data for {name}")
            for reader in peers.values():
                expect_equal(reader.do("get", path), f"{len(data)} {zlib.crc32(data):08x}", f"what {writer} keeps for {name}")
        expect(kept[0][:10] == kept[-1][:10], f"headers differ: {kept[0][:10].hex()} and {kept[-1][:10].hex()}")

    # What is no gzip member, and a bomb: a thousandth of what it comes to.
    play.server.create(f"{play.path}/raw", b"not compressed, but long enough")
    for reader in peers.values():
        expect_equal(reader.do("get", f"{play.path}/raw"), "corrupt", "what is no gzip member")
    if play.first.language == "docent":
        peers["curator"].do("put", f"{play.path}/bomb", 0, LIMIT + 1)
        expect_equal(peers["docent"].do("get", f"{play.path}/bomb"), "large", "a bomb")
        expect_equal(peers["docent"].do("get", f"{play.path}/one-curator"), f"1 {zlib.crc32(b'x'):08x}", "what is read after it")
        peers["docent"].do("release")
