/* state.c - what an application hears about its connection and session. Stop the server under it, or start it again empty.
 *
 *     state CONNECT SECONDS [PAUSE_MS]
 *
 * With PAUSE_MS a link that flaps is told as one outage: what follows on its beginning waits for up to ten pauses of that length. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <docent/docent.h>

static const char *state_text(docent_state state)
{
    switch (state) {
    case DOCENT_DISCONNECTED: return "disconnected";
    case DOCENT_CONNECTED:    return "connected";
    case DOCENT_READ_ONLY:    return "connected to a server without a quorum: reads only";
    case DOCENT_SUSPENDED:    return "connection down; the session may be alive";
    case DOCENT_LOST:         return "session over; ephemeral nodes and locks are gone";
    case DOCENT_CLOSED:       return "closed";
    }
    return "?";
}

/* Told on the library's own thread, in order, none left out unless we asked for that. */
static void on_state(const docent_state_event *event, void *user)
{
    (void)user;
    printf("%s%s", event->is_error ? "! " : "", state_text(event->state));
    if (event->state == DOCENT_CONNECTED || event->state == DOCENT_READ_ONLY) {
        printf(", %s session, connection number %" PRIu64, event->new_session ? "a new" : "the same", event->connections);
    } else if (event->cause != DOCENT_OK) {
        printf(" (%s)", docent_status_text(event->cause));
    }
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: %s CONNECT SECONDS [PAUSE_MS]\n", argv[0]);
        return 2;
    }
    docent_retry pauses = docent_retry_n_times(10, argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0);
    docent_client_options options = {DOCENT_CLIENT_OPTIONS, .on_state = on_state, .damping = argc > 3 ? &pauses : NULL};
    docent_client *client = NULL;
    docent_status status = docent_client_new(argv[1], &options, &client);
    if (status != DOCENT_OK) {
        fprintf(stderr, "%s\n", docent_status_text(status));
        return 1;
    }
    sleep((unsigned)strtoul(argv[2], NULL, 10));
    docent_client_close(client, NULL, NULL);
    return 0;
}
