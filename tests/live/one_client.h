/* tests/live/one_client.h - live.h, and for each test a server with one client. */
#ifndef ONE_CLIENT_H
#define ONE_CLIENT_H

#include "live.h"

#ifndef SESSION_MS
#define SESSION_MS 0 /* The default. */
#endif

static docent_client *client;

static inline int start_with(uint32_t max_session_ms, uint32_t session_ms)
{
    if (server_start_with(max_session_ms) != 0) return -1;
    client = client_start(&(docent_client_options){ DOCENT_CLIENT_OPTIONS, .session_timeout_ms = session_ms });
    return 0;
}

static inline int start(void **state)
{
    (void)state;
    return start_with(0, SESSION_MS);
}

static inline int start_patient(void **state)
{
    (void)state;
    return start_with(PATIENT_SESSION_MS, PATIENT_SESSION_MS);
}

/* For what no other server can be told. */
static inline int start_ours(void **state)
{
    (void)state;
    if (server_start_ours(0) != 0) return -1;
    client = client_start(NULL);
    return 0;
}

static inline int stop(void **state)
{
    docent_client_close(client, NULL, NULL);
    return server_stop(state);
}

/* An empty node of which anybody may do just that. */
static inline void create_for_anyone(const char *path, int32_t permissions)
{
    docent_acl entries[] = { { permissions, "world", "anyone" } };
    docent_op op = docent_op_create(path, NULL, 0, DOCENT_PERSISTENT);
    op.acl = (docent_acl_list){ entries, 1 };
    docent_result *result = NULL;
    assert_ok(docent_run(client, &op, NULL, &result));
    docent_result_free(result);
}

static inline size_t children_of(const char *path)
{
    return children_count(client, path);
}

#endif
