/* tests/fuzz/fuzz_wire.c - every decoder, printer and encoder on any bytes.
 *
 * Input: the first byte picks what to read: a request, a reply (the second byte is what it answers), a handshake, or one
 * record. What decodes must encode, and then be a fixed point: decoding and encoding once more gives the same bytes.
 * (Not always the input's: true may be any byte, and counts below -1 mean 0.) */
#include <stdlib.h>
#include <string.h>

#include "transcode.h"

enum fuzz_kind { FUZZ_REQUEST, FUZZ_REPLY, FUZZ_CONNECT_REQUEST, FUZZ_CONNECT_RESPONSE, FUZZ_RECORD };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fuzz_transcode(unsigned kind, int32_t op, struct wire_in *in, struct wire_out *out)
{
    switch (kind) {
    case FUZZ_REQUEST: return transcode_request(in, 0, out);
    case FUZZ_REPLY: return transcode_reply(in, op, out);
    case FUZZ_CONNECT_REQUEST: return transcode_request(in, TRANSCODE_CONNECT, out);
    case FUZZ_CONNECT_RESPONSE: return transcode_reply(in, TRANSCODE_CONNECT, out);
    }
    return transcode_records[(kind - FUZZ_RECORD) % transcode_record_count].transcode(in, out);
}

static void fuzz_print(int32_t op, const uint8_t *data, size_t size)
{
    char line[700];
    struct wire_text text = { line, sizeof(line), 0 };
    docent_wire_print_request(&text, data, size);
    if (strlen(line) != text.length) abort();
    text = (struct wire_text){ line, sizeof(line), 0 };
    docent_wire_print_reply(&text, op, data, size);
    if (strlen(line) != text.length) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    unsigned kind = data[0];
    int32_t op = data[1] < 0xf0 ? data[1] : (int8_t)data[1];
    data += 2;
    size -= 2;

    fuzz_print(op, data, size);
    struct wire_in in = docent_wire_in(data, size);
    struct wire_out once = { 0 }, twice = { 0 };
    if (fuzz_transcode(kind, op, &in, &once)) {
        if (in.failed || in.data + in.size != data + size) abort();
        struct wire_in again = docent_wire_in(once.data, once.size);
        if (!fuzz_transcode(kind, op, &again, &twice) || again.size != 0) abort();
        if (once.size != twice.size || (once.size != 0 && memcmp(once.data, twice.data, once.size) != 0)) abort();
    }
    docent_wire_out_free(&once);
    docent_wire_out_free(&twice);
    return 0;
}
