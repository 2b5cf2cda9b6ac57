/* leader_selector.c - processes that take turns in leading: each works for a term, and then lets the next one.
 *
 *     leader_selector CONNECT PATH ID TERMS
 *
 * Run it several times with one PATH. A term runs in the calling thread; a program with a loop of its own gives on_leadership instead, and ends
 * the term with docent_leader_selector_relinquish(). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <docent/docent.h>

static void work(docent_leader_selector *selector, const docent_leader_term *term, void *user)
{
    printf("%s: term %" PRId64 ", token %" PRId64 "\n", (const char *)user, term->number, term->token);
    fflush(stdout);
    for (int step = 0; step < 10 && docent_leader_selector_has_leadership(selector); step++) usleep(10000); /* Real work has steps, too. */
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: %s CONNECT PATH ID TERMS\n", argv[0]);
        return 2;
    }
    docent_client *client = NULL;
    docent_leader_selector *selector = NULL;
    docent_client_options session = {DOCENT_CLIENT_OPTIONS, .session_timeout_ms = 4000};
    docent_status status = docent_client_new(argv[1], &session, &client);

    docent_leader_selector_options options = {DOCENT_LEADER_SELECTOR_OPTIONS, .id = argv[3]};
    if (status == DOCENT_OK) status = docent_leader_selector_new(client, argv[2], &options, &selector);
    for (unsigned long terms = strtoul(argv[4], NULL, 10); terms > 0 && status == DOCENT_OK; terms--) {
        status = docent_leader_selector_run(selector, DOCENT_FOREVER, work, argv[3]);
        if (status == DOCENT_ERR_CONNECTION_LOSS || status == DOCENT_ERR_SESSION_EXPIRED) status = DOCENT_OK; /* Lost: queue again. */
    }
    docent_leader_selector_close(selector, NULL, NULL);
    docent_client_close(client, NULL, NULL);

    if (status != DOCENT_OK) fprintf(stderr, "%s: %s\n", argv[3], docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
