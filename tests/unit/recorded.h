/* tests/unit/recorded.h - frames as Apache ZooKeeper servers and their clients exchanged them: 3.8.0, a few of 3.9.5.
 *
 * Each with what the printer makes of it, checked field by field against an independent decoding when it was recorded. */
#ifndef RECORDED_H
#define RECORDED_H

#include "core/wire/wire.h"

enum { RECORDED_CONNECT = INT32_MIN }; /* The handshake, which has no header. TRANSCODE_CONNECT. */

struct recorded {
    char from;        /* 'C': the client, 'S': the server. */
    int32_t op;       /* Of a reply: what it answers. */
    const char *note;
    const char *hex;  /* The whole frame. */
    const char *text; /* NULL: frames of the handshake have no printer. */
};

static const struct recorded recorded[] = {
    { 'C', RECORDED_CONNECT, "a new session",
      "0000002d000000000000000000000000000017700000000000000000000000100000000000000000000000000000000000",
      NULL },
    { 'S', RECORDED_CONNECT, "a new session",
      "0000002500000000000017700100001624d2000200000010362dd68579ace48ab0511aa6835f492a00",
      NULL },
    { 'C', WIRE_OP_CREATE2, "a node with data",
      "0000003f000000020000000f0000000b2f68612d70726f746f2f610000000568656c6c6f000000010000001f00000005776f726c"
      "6400000006616e796f6e6500000000",
      "create2 xid=2 path=\"/ha-proto/a\" data=\"hello\" acl=[31 \"world\":\"anyone\"] flags=0" },
    { 'S', WIRE_OP_CREATE2, "a node with data",
      "00000063000000020000000000000275000000000000000b2f68612d70726f746f2f610000000000000275000000000000027500"
      "0001a1fc630d49000001a1fc630d49000000000000000000000000000000000000000000000005000000000000000000000275",
      "create2 xid=2 zxid=0x275 path=\"/ha-proto/a\" stat={czxid=0x275 mzxid=0x275 pzxid=0x275 "
      "ctime_ms=1795235712329 mtime_ms=1795235712329 version=0 cversion=0 aversion=0 owner=0x0 "
      "data_length=5 num_children=0}" },
    { 'C', WIRE_OP_GET_DATA, "with a watch",
      "0000001800000001000000040000000b2f68612d70726f746f2f6101",
      "getData xid=1 path=\"/ha-proto/a\" watch=true" },
    { 'S', WIRE_OP_GET_DATA, "with a watch",
      "0000005d000000010000000000000275000000000000000568656c6c6f00000000000002750000000000000275000001a1fc630d"
      "49000001a1fc630d49000000000000000000000000000000000000000000000005000000000000000000000275",
      "getData xid=1 zxid=0x275 data=\"hello\" stat={czxid=0x275 mzxid=0x275 pzxid=0x275 "
      "ctime_ms=1795235712329 mtime_ms=1795235712329 version=0 cversion=0 aversion=0 owner=0x0 "
      "data_length=5 num_children=0}" },
    { 'C', WIRE_OP_SET_DATA, "",
      "0000002400000003000000050000000b2f68612d70726f746f2f6100000005776f726c6400000000",
      "setData xid=3 path=\"/ha-proto/a\" data=\"world\" version=0" },
    { 'S', WIRE_OP_SET_DATA, "",
      "000000540000000300000000000002760000000000000000000002750000000000000276000001a1fc630d49000001a1fc630d4c"
      "000000010000000000000000000000000000000000000005000000000000000000000275",
      "setData xid=3 zxid=0x276 stat={czxid=0x275 mzxid=0x276 pzxid=0x275 ctime_ms=1795235712329 "
      "mtime_ms=1795235712332 version=1 cversion=0 aversion=0 owner=0x0 data_length=5 num_children=0}" },
    { 'S', WIRE_OP_NOTIFICATION, "",
      "00000027ffffffffffffffffffffffff0000000000000003000000030000000b2f68612d70726f746f2f61",
      "notification xid=-1 zxid=0xffffffffffffffff type=3 state=3 path=\"/ha-proto/a\"" },
    { 'S', WIRE_OP_NOTIFICATION, "notification from 3.9",
      "00000027ffffffff00000000000002a70000000000000003000000030000000b2f68612d70726f746f2f61",
      "notification xid=-1 zxid=0x2a7 type=3 state=3 path=\"/ha-proto/a\"" },
    { 'C', WIRE_OP_EXISTS, "of a missing node",
      "0000001b00000002000000030000000e2f68612d70726f746f2f6e6f6e6501",
      "exists xid=2 path=\"/ha-proto/none\" watch=true" },
    { 'S', WIRE_OP_EXISTS, "of a missing node",
      "00000010000000020000000000000276ffffff9b",
      "exists xid=2 zxid=0x276 err=-101 (DOCENT_ERR_NO_NODE)" },
    { 'C', WIRE_OP_CREATE, "ephemeral and sequential",
      "0000003b00000004000000010000000c2f68612d70726f746f2f6e2d00000000000000010000001f00000005776f726c64000000"
      "06616e796f6e6500000003",
      "create xid=4 path=\"/ha-proto/n-\" data=\"\" acl=[31 \"world\":\"anyone\"] flags=3" },
    { 'S', WIRE_OP_CREATE, "ephemeral and sequential",
      "0000002a00000004000000000000027700000000000000162f68612d70726f746f2f6e2d30303030303030303031",
      "create xid=4 zxid=0x277 path=\"/ha-proto/n-0000000001\"" },
    { 'C', WIRE_OP_GET_CHILDREN2, "",
      "00000016000000050000000c000000092f68612d70726f746f00",
      "getChildren2 xid=5 path=\"/ha-proto\" watch=false" },
    { 'S', WIRE_OP_GET_CHILDREN2, "",
      "0000006d000000050000000000000277000000000000000200000001610000000c6e2d3030303030303030303100000000000002"
      "740000000000000274000001a1fc630d44000001a1fc630d44000000000000000200000000000000000000000000000000000000"
      "020000000000000277",
      "getChildren2 xid=5 zxid=0x277 names=[\"a\", \"n-0000000001\"] stat={czxid=0x274 mzxid=0x274 pzxid=0x277 "
      "ctime_ms=1795235712324 mtime_ms=1795235712324 version=0 cversion=2 aversion=0 owner=0x0 "
      "data_length=0 num_children=2}" },
    { 'C', WIRE_OP_MULTI, "that fails",
      "0000008a000000060000000e0000000100ffffffff0000000c2f68612d70726f746f2f6d3100000000000000010000001f000000"
      "05776f726c6400000006616e796f6e65000000000000000d00ffffffff0000000b2f68612d70726f746f2f610000000900000005"
      "00ffffffff0000000b2f68612d70726f746f2f61000000017affffffffffffffff01ffffffff",
      "multi xid=6 [create path=\"/ha-proto/m1\" data=\"\" acl=[31 \"world\":\"anyone\"] flags=0] [check "
      "path=\"/ha-proto/a\" version=9] [setData path=\"/ha-proto/a\" data=\"z\" version=-1]" },
    { 'S', WIRE_OP_MULTI, "that fails",
      "0000004000000006000000000000027800000000ffffffff000000000000000000ffffffff00ffffff99ffffff99ffffffff00ff"
      "fffffefffffffeffffffff01ffffffff",
      "multi xid=6 zxid=0x278 [error err=0] [error err=-103] [error err=-2]" },
    { 'C', WIRE_OP_MULTI, "that succeeds",
      "000000a9000000070000000e0000000d00ffffffff0000000b2f68612d70726f746f2f61000000010000000100ffffffff000000"
      "0c2f68612d70726f746f2f6d310000000178000000010000001f00000005776f726c6400000006616e796f6e6500000000000000"
      "0500ffffffff0000000c2f68612d70726f746f2f6d310000000179000000000000000200ffffffff0000000c2f68612d70726f74"
      "6f2f6d3100000001ffffffff01ffffffff",
      "multi xid=7 [check path=\"/ha-proto/a\" version=1] [create path=\"/ha-proto/m1\" data=\"x\" acl=[31 "
      "\"world\":\"anyone\"] flags=0] [setData path=\"/ha-proto/m1\" data=\"y\" version=0] [delete "
      "path=\"/ha-proto/m1\" version=1]" },
    { 'S', WIRE_OP_MULTI, "that succeeds",
      "00000091000000070000000000000279000000000000000d00000000000000000100000000000000000c2f68612d70726f746f2f"
      "6d3100000005000000000000000000000002790000000000000279000001a1fc630e8d000001a1fc630e8d000000010000000000"
      "000000000000000000000000000001000000000000000000000279000000020000000000ffffffff01ffffffff",
      "multi xid=7 zxid=0x279 [check] [create path=\"/ha-proto/m1\"] [setData stat={czxid=0x279 mzxid=0x279 "
      "pzxid=0x279 ctime_ms=1795235712653 mtime_ms=1795235712653 version=1 cversion=0 aversion=0 owner=0x0 "
      "data_length=1 num_children=0}] [delete]" },
    { 'C', WIRE_OP_ADD_WATCH, "recursive",
      "00000019000000030000006a000000092f68612d70726f746f00000001",
      "addWatch xid=3 path=\"/ha-proto\" type=1" },
    { 'S', WIRE_OP_ADD_WATCH, "recursive",
      "000000140000000300000000000002790000000000000000",
      "addWatch xid=3 zxid=0x279 err=0" },
    { 'S', WIRE_OP_NOTIFICATION, "recursive",
      "00000029ffffffffffffffffffffffff0000000000000001000000030000000d2f68612d70726f746f2f612f62",
      "notification xid=-1 zxid=0xffffffffffffffff type=1 state=3 path=\"/ha-proto/a/b\"" },
    { 'C', WIRE_OP_REMOVE_WATCHES, "",
      "000000190000000400000012000000092f68612d70726f746f00000003",
      "removeWatches xid=4 path=\"/ha-proto\" type=3" },
    { 'S', WIRE_OP_REMOVE_WATCHES, "",
      "0000001000000004000000000000027a00000000",
      "removeWatches xid=4 zxid=0x27a" },
    { 'S', WIRE_OP_REMOVE_WATCHES, "",
      "0000001000000005000000000000027affffff87",
      "removeWatches xid=5 zxid=0x27a err=-121 (DOCENT_ERR_NO_WATCHER)" },
    { 'C', RECORDED_CONNECT, "after a re-attach",
      "0000002d00000000000000000000027b000017700100001624d2000300000010494ed08519f8c3cfa59481d157e85df700",
      NULL },
    { 'S', RECORDED_CONNECT, "after a re-attach",
      "0000002500000000000017700100001624d2000300000010494ed08519f8c3cfa59481d157e85df700",
      NULL },
    { 'C', WIRE_OP_SET_WATCHES2, "after a re-attach",
      "00000061fffffff800000069000000000000027b000000010000000b2f68612d70726f746f2f61000000010000000e2f68612d70"
      "726f746f2f6e6f6e6500000001000000092f68612d70726f746f00000000000000010000000b2f68612d70726f746f2f61",
      "setWatches2 xid=-8 relative_zxid=0x27b data=[\"/ha-proto/a\"] exist=[\"/ha-proto/none\"] "
      "child=[\"/ha-proto\"] persistent=[] recursive=[\"/ha-proto/a\"]" },
    { 'S', WIRE_OP_SET_WATCHES2, "after a re-attach",
      "00000010fffffff8000000000000027c00000000",
      "setWatches2 xid=-8 zxid=0x27c" },
    { 'C', RECORDED_CONNECT, "to an expired session",
      "0000002d000000000000000000000000000017700100001624d2000400000010a8f3b285397220286fe385aa7994c4f800",
      NULL },
    { 'S', RECORDED_CONNECT, "to an expired session",
      "0000002500000000000000000000000000000000000000100000000000000000000000000000000000",
      NULL },
    { 'C', RECORDED_CONNECT, "ahead of the server",
      "0000002d000000007fffffff00000000000017700000000000000000000000100000000000000000000000000000000000",
      NULL },
    { 'C', WIRE_OP_PING, "",
      "00000008fffffffe0000000b",
      "ping xid=-2" },
    { 'S', WIRE_OP_PING, "",
      "00000010fffffffe000000000000027a00000000",
      "ping xid=-2 zxid=0x27a" },
    { 'C', WIRE_OP_AUTH, "",
      "00000024fffffffc0000006400000000000000066469676573740000000a626f623a736563726574",
      "auth xid=-4 type=0 scheme=\"digest\" auth=(10 bytes)" },
    { 'S', WIRE_OP_AUTH, "",
      "00000010fffffffc000000000000000000000000",
      "auth xid=-4 zxid=0x0" },
    { 'C', WIRE_OP_WHO_AM_I, "",
      "000000080000000a0000006b",
      "whoAmI xid=10" },
    { 'S', WIRE_OP_WHO_AM_I, "",
      "000000380000000a000000000000027a00000000000000020000000664696765737400000003626f620000000269700000000931"
      "32372e302e302e31",
      "whoAmI xid=10 zxid=0x27a clients=[\"digest\":\"bob\", \"ip\":\"127.0.0.1\"]" },
    { 'C', WIRE_OP_SET_ACL, "",
      "000000310000000b000000070000000d2f68612d70726f746f2f612f62000000010000001f000000046175746800000000ffffff"
      "ff",
      "setACL xid=11 path=\"/ha-proto/a/b\" acl=[31 \"auth\":\"\"] version=-1" },
    { 'S', WIRE_OP_SET_ACL, "",
      "000000540000000b000000000000027b00000000000000000000027a000000000000027a000001a1fc630e91000001a1fc630e91"
      "00000000000000000000000100000000000000000000000000000000000000000000027a",
      "setACL xid=11 zxid=0x27b stat={czxid=0x27a mzxid=0x27a pzxid=0x27a ctime_ms=1795235712657 "
      "mtime_ms=1795235712657 version=0 cversion=0 aversion=1 owner=0x0 data_length=0 num_children=0}" },
    { 'C', WIRE_OP_GET_ACL, "",
      "000000190000000c000000060000000d2f68612d70726f746f2f612f62",
      "getACL xid=12 path=\"/ha-proto/a/b\"" },
    { 'S', WIRE_OP_GET_ACL, "",
      "0000008a0000000c000000000000027b00000000000000010000001f0000000664696765737400000020626f623a6679566d4643"
      "775662544a59727a6e6f5375316b6f7159455946303d000000000000027a000000000000027a000001a1fc630e91000001a1fc63"
      "0e9100000000000000000000000100000000000000000000000000000000000000000000027a",
      "getACL xid=12 zxid=0x27b acl=[31 \"digest\":\"bob:fyVmFCwVbTJYrznoSu1koqYEYF0=\"] stat={czxid=0x27a "
      "mzxid=0x27a pzxid=0x27a ctime_ms=1795235712657 mtime_ms=1795235712657 version=0 cversion=0 "
      "aversion=1 owner=0x0 data_length=0 num_children=0}" },
    { 'C', WIRE_OP_MULTI_READ, "",
      "0000003d00000009000000160000000400ffffffff0000000b2f68612d70726f746f2f61000000000800ffffffff000000052f6e"
      "6f706500ffffffff01ffffffff",
      "multiRead xid=9 [getData path=\"/ha-proto/a\" watch=false] [getChildren path=\"/nope\" watch=false]" },
    { 'S', WIRE_OP_MULTI_READ, "",
      "0000007c00000009000000000000027a0000000000000004000000000000000005776f726c640000000000000275000000000000"
      "0276000001a1fc630d49000001a1fc630d4c00000001000000010000000000000000000000000000000500000001000000000000"
      "027affffffff00ffffff9bffffff9bffffffff01ffffffff",
      "multiRead xid=9 zxid=0x27a [getData data=\"world\" stat={czxid=0x275 mzxid=0x276 pzxid=0x27a "
      "ctime_ms=1795235712329 mtime_ms=1795235712332 version=1 cversion=1 aversion=0 owner=0x0 "
      "data_length=5 num_children=1}] [error err=-101]" },
    { 'C', WIRE_OP_CREATE_CONTAINER, "",
      "0000003b00000011000000130000000c2f68612d70726f746f2f637400000000000000010000001f00000005776f726c64000000"
      "06616e796f6e6500000004",
      "createContainer xid=17 path=\"/ha-proto/ct\" data=\"\" acl=[31 \"world\":\"anyone\"] flags=4" },
    { 'S', WIRE_OP_CREATE_CONTAINER, "",
      "0000006400000011000000000000027d000000000000000c2f68612d70726f746f2f6374000000000000027d000000000000027d"
      "000001a1fc630fda000001a1fc630fda00000000000000000000000000000000000000000000000000000000000000000000027d",
      "createContainer xid=17 zxid=0x27d path=\"/ha-proto/ct\" stat={czxid=0x27d mzxid=0x27d pzxid=0x27d "
      "ctime_ms=1795235712986 mtime_ms=1795235712986 version=0 cversion=0 aversion=0 owner=0x0 "
      "data_length=0 num_children=0}" },
    { 'C', WIRE_OP_CREATE_TTL, "",
      "0000004300000012000000150000000c2f68612d70726f746f2f747400000000000000010000001f00000005776f726c64000000"
      "06616e796f6e6500000005000000000000ea60",
      "createTTL xid=18 path=\"/ha-proto/tt\" data=\"\" acl=[31 \"world\":\"anyone\"] flags=5 ttl_ms=60000" },
    { 'S', WIRE_OP_CREATE_TTL, "",
      "0000006400000012000000000000027e000000000000000c2f68612d70726f746f2f7474000000000000027e000000000000027e"
      "000001a1fc630fdc000001a1fc630fdc00000000000000000000000000000000000000000000000000000000000000000000027e",
      "createTTL xid=18 zxid=0x27e path=\"/ha-proto/tt\" stat={czxid=0x27e mzxid=0x27e pzxid=0x27e "
      "ctime_ms=1795235712988 mtime_ms=1795235712988 version=0 cversion=0 aversion=0 owner=0x0 "
      "data_length=0 num_children=0}" },
    { 'C', WIRE_OP_SYNC, "",
      "000000150000000d00000009000000092f68612d70726f746f",
      "sync xid=13 path=\"/ha-proto\"" },
    { 'S', WIRE_OP_SYNC, "",
      "0000001d0000000d000000000000027b00000000000000092f68612d70726f746f",
      "sync xid=13 zxid=0x27b path=\"/ha-proto\"" },
    { 'C', WIRE_OP_GET_EPHEMERALS, "",
      "000000150000000e00000067000000092f68612d70726f746f",
      "getEphemerals xid=14 path=\"/ha-proto\"" },
    { 'S', WIRE_OP_GET_EPHEMERALS, "",
      "0000002e0000000e000000000000027b0000000000000001000000162f68612d70726f746f2f6e2d30303030303030303031",
      "getEphemerals xid=14 zxid=0x27b names=[\"/ha-proto/n-0000000001\"]" },
    { 'C', WIRE_OP_GET_ALL_CHILDREN_NUMBER, "",
      "000000150000000f00000068000000092f68612d70726f746f",
      "getAllChildrenNumber xid=15 path=\"/ha-proto\"" },
    { 'S', WIRE_OP_GET_ALL_CHILDREN_NUMBER, "",
      "000000140000000f000000000000027b0000000000000003",
      "getAllChildrenNumber xid=15 zxid=0x27b number=3" },
    { 'C', WIRE_OP_CLOSE_SESSION, "",
      "000000080000001dfffffff5",
      "closeSession xid=29" },
    { 'S', WIRE_OP_CLOSE_SESSION, "",
      "000000100000001d000000000000028700000000",
      "closeSession xid=29 zxid=0x287" },
    { 'C', WIRE_OP_SASL, "",
      "0000000c000000010000006600000000",
      "sasl xid=1 token=(0 bytes)" },
    { 'S', WIRE_OP_SASL, "",
      "0000007900000001000000000000000000000000000000657265616c6d3d227a6b2d7361736c2d6d6435222c6e6f6e63653d2258"
      "324c63666b38514a7133396e6e6c4e4e2b54414e4c486b632f30336837436e594332354b645a77222c636861727365743d757466"
      "2d382c616c676f726974686d3d6d64352d73657373",
      "sasl xid=1 zxid=0x0 token=(101 bytes)" },
    { 'C', WIRE_OP_SASL, "",
      "000001060000000200000066000000fa636861727365743d7574662d382c757365726e616d653d22626f62222c7265616c6d3d22"
      "7a6b2d7361736c2d6d6435222c6e6f6e63653d2258324c63666b38514a7133396e6e6c4e4e2b54414e4c486b632f30336837436e"
      "594332354b645a77222c6e633d30303030303030312c636e6f6e63653d2230303131323233333434353536363737383839396161"
      "62626363646465656666222c6469676573742d7572693d227a6f6f6b65657065722f7a6b2d7361736c2d6d6435222c6d61786275"
      "663d36353533362c726573706f6e73653d65613430333064343032303835313739613835386264336333623736333133632c716f"
      "703d61757468",
      "sasl xid=2 token=(250 bytes)" },
    { 'S', WIRE_OP_SASL, "",
      "0000003c0000000200000000000000000000000000000028727370617574683d3435316261346234623339373461353933613863"
      "666661326134396234633263",
      "sasl xid=2 zxid=0x0 token=(40 bytes)" },
    { 'S', RECORDED_CONNECT, "to a read-only server",
      "00000025000000000000138801000021e886000100000010ab804733e5c0685d2bfbe6b66ac4602d01",
      NULL },
    { 'S', WIRE_OP_CREATE_SESSION, "to a read-only server",
      "00000010000000000000000100000000ffffff89",
      "createSession xid=0 zxid=0x100000000 err=-119 (DOCENT_ERR_NOT_READ_ONLY)" },
    { 'C', WIRE_OP_CREATE, "that exists",
      "000000380000000400000001000000082f7265632f74776f0000000178000000010000001f00000005776f726c6400000006616e"
      "796f6e6500000000",
      "create xid=4 path=\"/rec/two\" data=\"x\" acl=[31 \"world\":\"anyone\"] flags=0" },
    { 'S', WIRE_OP_CREATE, "that exists",
      "00000010000000040000000100000005ffffff92",
      "create xid=4 zxid=0x100000005 err=-110 (DOCENT_ERR_NODE_EXISTS)" },
    { 'C', WIRE_OP_GET_CHILDREN, "",
      "000000110000000500000008000000042f72656300",
      "getChildren xid=5 path=\"/rec\" watch=false" },
    { 'S', WIRE_OP_GET_CHILDREN, "",
      "0000002200000005000000010000000500000000000000020000000374776f000000036f6e65",
      "getChildren xid=5 zxid=0x100000005 names=[\"two\", \"one\"]" },
    { 'C', WIRE_OP_GET_CHILDREN, "no children",
      "000000150000000600000008000000082f7265632f6f6e6501",
      "getChildren xid=6 path=\"/rec/one\" watch=true" },
    { 'S', WIRE_OP_GET_CHILDREN, "no children",
      "000000140000000600000001000000050000000000000000",
      "getChildren xid=6 zxid=0x100000005 names=[]" },
    { 'C', WIRE_OP_GET_DATA, "null",
      "000000110000000700000004000000042f72656300",
      "getData xid=7 path=\"/rec\" watch=false" },
    { 'S', WIRE_OP_GET_DATA, "null",
      "0000005800000007000000010000000500000000ffffffff00000001000000020000000100000002000001a1fd2378e6000001a1"
      "fd2378e6000000000000000200000000000000000000000000000000000000020000000100000004",
      "getData xid=7 zxid=0x100000005 data=null stat={czxid=0x100000002 mzxid=0x100000002 "
      "pzxid=0x100000004 ctime_ms=1795248322790 mtime_ms=1795248322790 version=0 cversion=2 aversion=0 "
      "owner=0x0 data_length=0 num_children=2}" },
    { 'C', WIRE_OP_GET_DATA, "empty",
      "000000150000000800000004000000082f7265632f6f6e6500",
      "getData xid=8 path=\"/rec/one\" watch=false" },
    { 'S', WIRE_OP_GET_DATA, "empty",
      "00000058000000080000000100000005000000000000000000000001000000030000000100000003000001a1fd2378ef000001a1"
      "fd2378ef000000000000000000000000000000000000000000000000000000000000000100000003",
      "getData xid=8 zxid=0x100000005 data=\"\" stat={czxid=0x100000003 mzxid=0x100000003 pzxid=0x100000003 "
      "ctime_ms=1795248322799 mtime_ms=1795248322799 version=0 cversion=0 aversion=0 owner=0x0 "
      "data_length=0 num_children=0}" },
    { 'C', WIRE_OP_CHECK_WATCHES, "",
      "000000180000000900000011000000082f7265632f6f6e6500000001",
      "checkWatches xid=9 path=\"/rec/one\" type=1" },
    { 'S', WIRE_OP_CHECK_WATCHES, "",
      "0000001000000009000000010000000500000000",
      "checkWatches xid=9 zxid=0x100000005" },
    { 'C', WIRE_OP_CHECK_WATCHES, "no such watch",
      "000000180000000a00000011000000082f7265632f6f6e6500000002",
      "checkWatches xid=10 path=\"/rec/one\" type=2" },
    { 'S', WIRE_OP_CHECK_WATCHES, "no such watch",
      "000000100000000a0000000100000005ffffff87",
      "checkWatches xid=10 zxid=0x100000005 err=-121 (DOCENT_ERR_NO_WATCHER)" },
    { 'C', WIRE_OP_DELETE, "of another version",
      "000000180000000b00000002000000082f7265632f74776f00000007",
      "delete xid=11 path=\"/rec/two\" version=7" },
    { 'S', WIRE_OP_DELETE, "of another version",
      "000000100000000b0000000100000006ffffff99",
      "delete xid=11 zxid=0x100000006 err=-103 (DOCENT_ERR_BAD_VERSION)" },
    { 'C', WIRE_OP_DELETE, "",
      "000000180000000c00000002000000082f7265632f74776f00000000",
      "delete xid=12 path=\"/rec/two\" version=0" },
    { 'S', WIRE_OP_DELETE, "",
      "000000100000000c000000010000000700000000",
      "delete xid=12 zxid=0x100000007" },
    { 'C', WIRE_OP_SET_WATCHES, "",
      "00000039fffffff800000065400000000000000000000001000000042f72656300000001000000092f7265632f6e6f6e65000000"
      "01000000042f726563",
      "setWatches xid=-8 relative_zxid=0x4000000000000000 data=[\"/rec\"] exist=[\"/rec/none\"] child=[\"/rec\"]" },
    { 'S', WIRE_OP_SET_WATCHES, "",
      "00000010fffffff8000000010000000700000000",
      "setWatches xid=-8 zxid=0x100000007" },
    { 'C', WIRE_OP_MULTI, "of creates",
      "0000007f0000000e0000000e0000000f00ffffffff000000072f7265632f633200000000000000010000001f00000005776f726c"
      "6400000006616e796f6e65000000000000001300ffffffff000000072f7265632f637400000000000000010000001f0000000577"
      "6f726c6400000006616e796f6e6500000004ffffffff01ffffffff",
      "multi xid=14 [create2 path=\"/rec/c2\" data=\"\" acl=[31 \"world\":\"anyone\"] flags=0] [createContainer "
      "path=\"/rec/ct\" data=\"\" acl=[31 \"world\":\"anyone\"] flags=4]" },
    { 'S', WIRE_OP_NOTIFICATION, "of creates",
      "00000020ffffffffffffffffffffffff000000000000000400000003000000042f726563",
      "notification xid=-1 zxid=0xffffffffffffffff type=4 state=3 path=\"/rec\"" },
    { 'S', WIRE_OP_MULTI, "of creates",
      "000000850000000e000000010000000800000000000000010000000000000000072f7265632f63320000000f0000000000000000"
      "072f7265632f637400000001000000080000000100000008000001a1fd23790e000001a1fd23790e000000000000000000000000"
      "000000000000000000000000000000000000000100000008ffffffff01ffffffff",
      "multi xid=14 zxid=0x100000008 [create path=\"/rec/c2\"] [create2 path=\"/rec/ct\" "
      "stat={czxid=0x100000008 mzxid=0x100000008 pzxid=0x100000008 ctime_ms=1795248322830 "
      "mtime_ms=1795248322830 version=0 cversion=0 aversion=0 owner=0x0 data_length=0 num_children=0}]" },
    { 'C', WIRE_OP_MULTI_READ, "of a listing",
      "000000230000000f000000160000000800ffffffff000000042f72656300ffffffff01ffffffff",
      "multiRead xid=15 [getChildren path=\"/rec\" watch=false]" },
    { 'S', WIRE_OP_MULTI_READ, "of a listing",
      "000000390000000f00000001000000080000000000000008000000000000000003000000026374000000036f6e65000000026332"
      "ffffffff01ffffffff",
      "multiRead xid=15 zxid=0x100000008 [getChildren names=[\"ct\", \"one\", \"c2\"]]" },
    { 'C', WIRE_OP_RECONFIG, "",
      "0000005600000010000000100000003a7365727665722e313d3132372e302e302e313a32393138323a32393138333a7061727469"
      "636970616e743b3132372e302e302e313a3239313831ffffffffffffffffffffffffffffffff",
      "reconfig xid=16 joining=\"server.1=127.0.0.1:29182:29183:participant;127.0.0.1:29181\" leaving=null "
      "members=null config_id=0xffffffffffffffff" },
    { 'S', WIRE_OP_RECONFIG, "",
      "000000a4000000100000000100000009000000000000004c7365727665722e313d3132372e302e302e313a32393138323a323931"
      "38333a7061727469636970616e743b3132372e302e302e313a32393138310a76657273696f6e3d31303030303030303900000000"
      "0000000000000001000000090000000000000000000001a1fd237916ffffffff00000000ffffffff00000000000000000000004c"
      "000000000000000000000000",
      "reconfig xid=16 zxid=0x100000009 "
      "data=\"server.1=127.0.0.1:29182:29183:participant;127.0.0.1:29181\\x0aversion=100000009\" "
      "stat={czxid=0x0 mzxid=0x100000009 pzxid=0x0 ctime_ms=0 mtime_ms=1795248322838 version=-1 cversion=0 "
      "aversion=-1 owner=0x0 data_length=76 num_children=0}" },
};
enum { RECORDED_COUNT = sizeof(recorded) / sizeof(recorded[0]) };

#endif
