/* src/speak.h - what differs between releases of ZooKeeper, as far as clients can tell. One table; whoever needs to know asks it. */
#ifndef DEVSERVER_SPEAK_H
#define DEVSERVER_SPEAK_H

#include <stdbool.h>
#include <stdint.h>

enum speak_release { SPEAK_3_8, SPEAK_3_4, SPEAK_3_5, SPEAK_3_6, SPEAK_3_9, SPEAK_RELEASES }; /* The default is the first. */

struct speak {
    const char *name;         /* As asked for: "3.8". */
    const char *version;      /* As told by words. */
    int minor;                /* Of 3: which requests there are. */
    int32_t create_flags_max; /* Modes of create. */
    int32_t watcher_type_max; /* Of checkWatches and removeWatches. */
    bool short_handshake;     /* Its answer has no read-only flag, whatever the client sent. */
    bool events_filtered;     /* Events go to who may read what they tell of. */
    bool exists_filtered;     /* And so does exists. */
    bool event_zxid;          /* Events tell the transaction. */
    bool modes_apart;         /* A connection may watch a path in several ways. Before, the last one counts. */
    bool create2_in_multi;    /* Is answered as such. */
    bool multi_flags_whole;   /* A create with an unknown mode refuses its multi as a whole. */
};

const struct speak *docent_speak(enum speak_release release);
bool docent_speak_find(const char *name, enum speak_release *ret_release); /* False: none is called so. */
/* Does that release know this request? */
bool docent_speak_knows(const struct speak *speak, int32_t op);

#endif
