/* tests/fuzz/fuzz_data.c - the development server starts from any bytes, as log or as snapshot: it refuses them, or has a state that it can
 * write down and read again.
 *
 * Input: the first byte says what the rest is: a snapshot without its checksum, a log as it is, or a log whose checksums are put right
 * first, so that what is behind them is reached. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "log.h"
#include "snapshot.h"

enum fuzz_kind { FUZZ_SNAPSHOT, FUZZ_LOG, FUZZ_LOG_SUMMED, FUZZ_KINDS };
enum { NOW = 10000, WALL = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void log_sum(uint8_t *log, size_t size)
{
    if (size < LOG_HEADER_SIZE) return;
    docent_wire_store32(log + LOG_HEADER_SIZE - 4, (int32_t)crc32_z(0, log, LOG_HEADER_SIZE - 4));
    for (size_t at = LOG_HEADER_SIZE; size - at >= 8;) {
        int32_t length = docent_wire_load32(log + at);
        if (length < 0 || (size_t)length > size - at - 8) return;
        docent_wire_store32(log + at + 4, (int32_t)crc32_z(crc32_z(0, log + at, 4), log + at + 8, (size_t)length));
        at += 8 + (size_t)length;
    }
}

/* False: refused. */
static bool log_read(struct leader *leader, const uint8_t *log, size_t size)
{
    struct log_reader reader;
    if (docent_log_open(&reader, log, size) != LOG_HEADER_GOOD) return false;
    for (;;) {
        struct txn *txn;
        enum log_find found = docent_log_next(&reader, &txn);
        if (found != LOG_TXN) return found != LOG_DAMAGED;
        bool fits = docent_leader_replay(leader, NOW, txn);
        docent_transaction_unref(txn);
        if (!fits) return false;
    }
}

/* What was read once can be written, and read again. */
static void check_state(const struct server_config *config, const struct leader *leader)
{
    struct wire_out out = { 0 };
    docent_snapshot_put(&out, leader, WALL);
    struct leader *again = docent_leader_new(config, NOW, WALL);
    if (!docent_snapshot_read(again, NOW, out.data, out.size)) abort();
    if (docent_leader_tree(again)->count != docent_leader_tree(leader)->count) abort();
    if (docent_leader_tree(again)->bytes != docent_leader_tree(leader)->bytes) abort();
    if (docent_leader_sessions(again, NULL, 0) != docent_leader_sessions(leader, NULL, 0)) abort();
    if (docent_leader_zxid(again) != docent_leader_zxid(leader)) abort();
    docent_leader_free(again);
    docent_wire_out_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    enum fuzz_kind kind = (enum fuzz_kind)(data[0] % FUZZ_KINDS);
    struct server_config config = { 0 };
    struct leader *leader = docent_leader_new(&config, NOW, WALL);
    uint8_t *copy = malloc(size);
    memcpy(copy, data + 1, size - 1);
    if (kind == FUZZ_LOG_SUMMED) log_sum(copy, size - 1);
    bool good = kind == FUZZ_SNAPSHOT ? docent_snapshot_read(leader, NOW, copy, size - 1) : log_read(leader, copy, size - 1);
    if (good) check_state(&config, leader);
    docent_leader_free(leader);
    free(copy);
    return 0;
}
