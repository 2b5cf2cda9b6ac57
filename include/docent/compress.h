/* docent/compress.h - node data kept gzipped, as Curator's clients with compression switched on keep them.
 *
 *     docent_client_options options = { DOCENT_CLIENT_OPTIONS, .compression = DOCENT_COMPRESSION_ON };
 *
 * What is written     The data of a create or set, alone or in a transaction, go to the server as one gzip member, byte by byte what Curator's
 *                     GzipCompressionProvider writes (a header without name and time, of the operating system 0). No bytes become a
 *                     member of 20 bytes; null data stay null. That holds for all data that go through the client or view: of locks,
 *                     too. Parents that a call makes by the way stay without data, as Curator's do. What the server tells of sizes (docent_stat.data_length, quotas, the limit on requests) is
 *                     about the compressed data.
 * What is read        The data of a get, alone or in a batch, are unpacked. They have to be one whole gzip member, by whomever it was
 *                     written, with nothing behind it; else the call's status is DOCENT_ERR_CORRUPT_DATA. Null data are told as
 *                     null, and no bytes as no bytes: parents, which others make without data, can be read.
 * What is not         Server nodes (/zookeeper/...) and what was written without compression: read those with docent_call_options.compression
 *                     = DOCENT_COMPRESSION_OFF, or through a view that has it off. Compare data, never their compressed form: other
 *                     compressors, and other versions of the same, write other bytes for the same data.
 * Bombs               A member can unpack to a thousand times its size. Data that would come to more than decompressed_max_bytes
 *                     (default: 64 MiB; in a batch, all together) fail with DOCENT_ERR_TOO_LARGE before memory is taken for them,
 *                     and larger ones are not written either. */
#ifndef DOCENT_COMPRESS_H
#define DOCENT_COMPRESS_H

#include <docent/export.h>

DOCENT_BEGIN

typedef enum docent_compression {
    DOCENT_COMPRESSION_DEFAULT, /* Of a call: the client's or view's; of a view: the one it is a view of; of a client: off. */
    DOCENT_COMPRESSION_ON,
    DOCENT_COMPRESSION_OFF,
} docent_compression;

DOCENT_END

#endif
