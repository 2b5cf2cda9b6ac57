/* core/client/client.c - the client is made and freed, and asked about itself. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/client/internal.h"
#include "core/client/trace.h"

/* ---- Making and freeing. ---- */

static void *default_alloc(size_t size, void *user)
{
    (void)user;
    return malloc(size);
}

static void *default_resize(void *block, size_t size, void *user)
{
    (void)user;
    return realloc(block, size);
}

static void default_release(void *block, void *user)
{
    (void)user;
    free(block);
}

/* The client's own, kept as a view's. */
static docent_status root_policy(struct docent_core *c, const docent_client_options *options)
{
    docent_view_options policy = {
        DOCENT_VIEW_OPTIONS,
        .acl = options->acl,
        .acl_for = options->acl_for,
        .user = options->user,
        .default_data = options->default_data,
        .default_size = options->default_size,
        .compression = options->compression,
        .decompressed_max_bytes = options->decompressed_max_bytes,
    };
    c->options.acl = (docent_acl_list){ NULL, 0 }; /* Borrowed. */
    c->options.default_data = NULL;
    return docent_view_policy_set(&c->root, NULL, &policy);
}

docent_status docent_core_new(const struct docent_core_config *config, const struct docent_host *host, docent_client **ret_client)
{
    const docent_client_options *options = config->options;
    docent_allocator allocator = { default_alloc, default_resize, default_release, NULL };
    if (options->allocator != NULL) allocator = *options->allocator;
    struct docent_core *c = docent_alloc(&allocator, sizeof *c);
    if (c == NULL) return DOCENT_ERR_NO_MEMORY;
    memset(c, 0, sizeof *c);
    c->allocator = allocator;
    c->host = *host;
    c->options = *options;
    c->retry = (docent_retry){ DOCENT_RETRY };
    if (options->retry != NULL) {
        size_t size = options->retry->struct_size < sizeof c->retry ? options->retry->struct_size : sizeof c->retry;
        memcpy(&c->retry, options->retry, size);
    }
    c->options.retry = NULL;
    c->options.allocator = NULL;
    c->root.core = c;
    c->root.allocator = &c->allocator;
    c->root.chroot_size = strlen(config->chroot);
    c->root.chroot = docent_strdup(&c->allocator, config->chroot);
    c->later_last = &c->later_first;
    c->pending_last = &c->pending_first;
    c->scratch.allocator = &c->allocator;
    c->plain_result.struct_size = sizeof c->plain_result;
    c->last_state = DOCENT_DISCONNECTED;
    c->now = host->now_ms(host->user);
    c->random = options->seed;
    docent_status status = c->root.chroot == NULL ? DOCENT_ERR_NO_MEMORY : docent_trace_init(c);
    if (status == DOCENT_OK) status = root_policy(c, options); /* Knows that nothing is plain while somebody looks on. */
    if (status == DOCENT_OK && options->stats != NULL) status = docent_stats_attach(options->stats, &c->stats);
    if (status != DOCENT_OK) {
        docent_free(&allocator, c->recorder);
        docent_view_policy_drop(&c->root);
        docent_free(&allocator, (char *)(uintptr_t)c->root.chroot);
        docent_free(&allocator, c);
        return status;
    }
    c->fine_clock = c->traced || (options->stats != NULL && docent_stats_has_histograms(options->stats));
    docent_requests_init(c);
    struct session_config session = {
        .timeout_ms = options->session_timeout_ms,
        .close_timeout_ms = options->close_timeout_ms,
        .reply_max = options->reply_max_bytes,
        .read_only_allowed = options->read_only_allowed,
        .searches = !options->no_probe,
        .session_id = options->session_id,
        .seed = options->seed,
    };
    memcpy(session.password, options->session_password, sizeof session.password);
    struct session_hooks hooks = {
        .owner = c,
        .answered = docent_request_answered,
        .lost = docent_request_lost,
        .notified = docent_client_on_notified,
        .restore = docent_client_on_restore,
        .online = docent_client_on_online,
        .offline = docent_client_on_offline,
        .expired = docent_client_on_expired,
        .auth_failed = docent_client_on_auth_failed,
    };
    docent_session_init(&c->session, &session, &hooks, &c->allocator, c->now);
    if (options->damping != NULL && options->on_state != NULL) { /* Told like any listener, and first of them. */
        docent_state_listener *listener;
        status = docent_listener_add(c, options->damping, options->on_state, options->user, &listener);
        c->options.on_state = NULL;
    }
    c->options.damping = NULL;
    if (status == DOCENT_OK && options->follow_ensemble) status = docent_follower_new(c, config->servers, &c->follower);
    if (status != DOCENT_OK) {
        docent_core_free(&c->root);
        return status;
    }
    *ret_client = &c->root;
    return DOCENT_OK;
}

void docent_core_free(docent_client *client)
{
    struct docent_core *c = client->core;
    docent_laters_run(c);
    docent_follower_free(c);
    docent_session_free(&c->session);
    docent_watches_free(c);
    docent_table_free(&c->lines, &c->allocator);
    if (c->stats != NULL) docent_stats_detach(c->stats);
    docent_free(&c->allocator, c->recorder);
    docent_wire_out_free(&c->scratch);
    docent_requests_free_spare(c);
    docent_listeners_sweep(c, true); /* While there are timers. */
    docent_free(&c->allocator, c->heap);
    docent_free(&c->allocator, c->versions);
    docent_free(&c->allocator, (char *)(uintptr_t)c->root.chroot);
    docent_view_policy_drop(&c->root);
    docent_allocator allocator = c->allocator;
    docent_free(&allocator, c);
}

/* The ordinary end, except that the application has fallen silent, that time has run out for the good-bye, and that deadlines are
 * forgotten: some are on the stacks of threads that did not come along. */
void docent_core_abandon(docent_client *client)
{
    struct docent_core *c = client->core;
    c->options.on_state = NULL;
    c->options.on_log = NULL;
    c->options.on_trace = NULL;
    docent_listeners_mute(c);
    c->options.on_ensemble = NULL;
    docent_requests_mute(c);
    docent_watches_mute(c);
    c->heap_size = 0;
    docent_core_close(client, c->now);
    docent_core_tick(client, UINT64_MAX);
    docent_core_free(client);
}

/* ---- Small answers. ---- */

uint64_t docent_client_generation(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->session.generation;
}

bool docent_client_closing(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->closing;
}

docent_status docent_client_close_cause(const docent_client *client)
{
    return (docent_status)docent_shared_get(&client->core->close_cause);
}

bool docent_client_forked(const docent_client *client)
{
    const struct docent_host *host = &client->core->host;
    return host->check_loop(host->user) == DOCENT_ERR_FORKED;
}

uint64_t docent_client_now(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->now;
}

const docent_allocator *docent_client_allocator(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return &c->allocator;
}

const struct docent_host *docent_client_host(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return &c->host;
}

docent_status docent_client_check(docent_client *client)
{
    return docent_core_check(client->core);
}

const void *docent_client_default_data(const docent_client *client, size_t *ret_size)
{
    const struct view_policy *policy = docent_view_policy(client);
    *ret_size = policy->data_size;
    return policy->data;
}

const docent_retry *docent_client_retry(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return &c->retry;
}

docent_offline_policy docent_client_offline(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->options.offline;
}

uint32_t docent_client_call_timeout(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->options.call_timeout_ms;
}

int64_t docent_client_last_zxid(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->session.last_zxid;
}

int64_t docent_client_wall_ms(const docent_client *client)
{
    const struct docent_host *host = &client->core->host;
    return host->wall_ms == NULL ? (int64_t)host->now_ms(host->user) : host->wall_ms(host->user);
}

bool docent_client_settled(const docent_client *client)
{
    const struct docent_core *c = client->core;
    return c->session.settled;
}

bool docent_client_settled_since(const docent_client *client, uint64_t generation)
{
    uint64_t now = docent_client_generation(client);
    return generation == now || (generation + 1 == now && docent_client_settled(client));
}

docent_status docent_client_composite_begins(docent_client *client)
{
    struct docent_core *c = client->core;
    if (c->composites >= c->options.pending_max) return DOCENT_ERR_BUSY;
    c->composites++;
    return DOCENT_OK;
}

void docent_client_composite_ends(docent_client *client)
{
    struct docent_core *c = client->core;
    assert(c->composites > 0);
    c->composites--;
}

void docent_client_removal_begins(docent_client *client)
{
    docent_shared_add(&client->core->removals, 1);
}

void docent_client_removal_ends(docent_client *client)
{
    docent_shared_add(&client->core->removals, -1);
}

uint32_t docent_client_removals(const docent_client *client)
{
    return (uint32_t)docent_shared_get(&client->core->removals);
}

int64_t docent_client_session(const docent_client *client, uint8_t ret_password[16])
{
    if (client == NULL) return 0;
    const struct docent_core *c = client->core;
    if (!docent_core_is_here(c) || c->session.life != SESSION_ALIVE) return 0;
    if (ret_password != NULL) memcpy(ret_password, c->session.password, 16);
    return c->session.id;
}

uint32_t docent_client_session_timeout_ms(const docent_client *client)
{
    if (client == NULL) return 0;
    const struct docent_core *c = client->core;
    return !docent_core_is_here(c) || c->connections == 0 ? 0 : c->session.timeout_ms;
}

docent_status docent_client_set_servers(docent_client *client, const char *servers)
{
    if (client == NULL || servers == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    const struct docent_host *host = &client->core->host;
    return host->set_servers == NULL ? DOCENT_ERR_UNSUPPORTED : host->set_servers(host->user, servers);
}

void docent_client_log(const docent_client *client, docent_log_level level, const char *id, const char *path, const char *format, ...)
{
    const struct docent_core *c = client->core;
    if (c->options.on_log == NULL) return;
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    c->options.on_log(level, id, path, text, c->options.user);
}

void docent_client_uuid(docent_client *client, char text[37])
{
    struct docent_core *c = client->core;
    uint8_t bytes[16];
    c->host.entropy(c->host.user, bytes, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* Version 4, RFC 4122. */
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
    static const char digits[] = "0123456789abcdef";
    char *p = text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *p++ = '-';
        *p++ = digits[bytes[i] >> 4];
        *p++ = digits[bytes[i] & 15];
    }
    *p = '\0';
}

void docent_client_hold_begins(docent_client *client)
{
    struct docent_core *c = client->core;
    docent_session_set_holds(&c->session, ++c->holds);
    docent_client_publish_lease(c);
    docent_core_wake(c);
}

void docent_client_hold_ends(docent_client *client)
{
    struct docent_core *c = client->core;
    assert(c->holds > 0);
    docent_session_set_holds(&c->session, --c->holds);
}
