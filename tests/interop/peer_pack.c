/* peer_pack.c - data that is compressed. LIMIT: "put PATH TEXT COUNT" writes so often that text, "get PATH" is answered with the size and
 * the CRC of what is there, or "corrupt", or "large": more than LIMIT bytes. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "peer.h"

static void *pack_make(const struct peer_place *place, const struct peer_words *words)
{
    docent_client *packed = NULL;
    docent_view_options options = { DOCENT_VIEW_OPTIONS, .compression = DOCENT_COMPRESSION_ON,
                                    .decompressed_max_bytes = peer_number(words, 0) };
    peer_must(docent_client_view(place->client, "/", &options, &packed), "view");
    return packed;
}

static docent_status pack_put(docent_client *packed, const char *path, const char *text, size_t count)
{
    size_t size = strlen(text);
    char *data = peer_alloc(size * count + 1);
    for (size_t i = 0; i < count; i++) memcpy(data + i * size, text, size);
    docent_status status = docent_create(packed, path, data, size * count, DOCENT_PERSISTENT, NULL);
    free(data);
    return status;
}

static void pack_act(void *thing, struct peer_call *call)
{
    const char *path = peer_word(&call->words, 0);
    if (peer_is(call, "put")) {
        peer_status(call, pack_put(thing, path, peer_word(&call->words, 1), peer_number(&call->words, 2)));
    } else if (peer_is(call, "get")) {
        docent_result *result = NULL;
        docent_status status = docent_get(thing, path, &result);
        if (status == DOCENT_OK) {
            peer_ok(call, "%zu %08lx", result->size, crc32(0, result->data, (uInt)result->size));
        } else if (status == DOCENT_ERR_CORRUPT_DATA || status == DOCENT_ERR_TOO_LARGE) {
            peer_ok(call, "%s", status == DOCENT_ERR_TOO_LARGE ? "large" : "corrupt");
        } else {
            peer_status(call, status);
        }
        docent_result_free(result);
    } else if (peer_is(call, "release")) {
        docent_view_release(thing);
        peer_ok(call, "%s", "");
    }
}

const struct peer_kind peer_pack = { "pack", pack_make, pack_act };
