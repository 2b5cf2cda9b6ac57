/* core/drive/servers.c - another list of servers: from the application, at any time or when it is asked. */
#include <stdlib.h>
#include <string.h>

#include "core/client/machine.h"
#include "core/drive/internal.h"

enum { SERVERS_TEXT_MAX = 65536 };

/* @string is ours from now on. False: it is the list that we have. */
static bool servers_take(struct driver *d, struct connect_string *string)
{
    bool other = !docent_connect_same_hosts(&d->servers, string);
    if (other) {
        struct connect_string old = { .hosts = d->servers.hosts };
        d->servers.hosts = string->hosts;
        d->servers.count = string->count;
        string->hosts = NULL;
        docent_connect_free(&old);
    }
    docent_connect_free(string);
    return other;
}

static docent_status servers_parse(const struct driver *d, const char *text, struct connect_string *ret_string)
{
    docent_status status = docent_connect_parse(text, ret_string, NULL, 0);
    if (status != DOCENT_OK) return status;
    if (ret_string->chroot[0] == '\0' || strcmp(ret_string->chroot, d->servers.chroot) == 0) return DOCENT_OK;
    docent_connect_free(ret_string);
    return DOCENT_ERR_INVALID_ARGUMENT;
}

/* The application, before a sweep. What it says is looked up in the usual way: there is no connection to be left. */
void docent_servers_ask(struct driver *d)
{
    char *text = calloc(1, SERVERS_TEXT_MAX);
    if (text == NULL) return;
    struct connect_string string;
    uint64_t began = docent_entry_begin(d);
    bool told = d->servers_from(text, SERVERS_TEXT_MAX, d->servers_user);
    docent_entry_end(d, began);
    text[SERVERS_TEXT_MAX - 1] = '\0';
    docent_status status = told ? servers_parse(d, text, &string) : DOCENT_OK;
    if (status != DOCENT_OK) {
        docent_client_log(d->client, DOCENT_LOG_WARNING, "servers.refused", NULL, "a list of servers is of no use: %s",
                          docent_status_text(status));
    } else if (told) {
        (void)servers_take(d, &string);
    }
    free(text);
}

/* A look-up of the old list under way would answer for the new one. */
static void servers_change(struct driver *d, struct connect_string *string)
{
    if (!servers_take(d, string)) return;
    d->servers_changed = true;
    docent_lookup_forget(d);
    event_active(&d->work, EV_TIMEOUT, 0);
}

struct servers_post {
    struct docent_post post;
    struct driver *driver;
    struct connect_string string;
};

static void servers_drop(struct docent_post *post)
{
    struct servers_post *p = (struct servers_post *)post;
    docent_connect_free(&p->string);
    free(p);
}

static void servers_posted(struct docent_post *post)
{
    struct servers_post *p = (struct servers_post *)post;
    if (p->driver->closing) {
        servers_drop(post);
        return;
    }
    servers_change(p->driver, &p->string);
    free(p);
}

docent_status docent_driver_set_servers(void *user, const char *servers)
{
    struct driver *d = user;
    struct connect_string string;
    docent_status where = docent_driver_check(d);
    if (where == DOCENT_ERR_FORKED) return where;
    docent_status status = docent_client_close_cause(d->client);
    if (status != DOCENT_OK) return status;
    status = servers_parse(d, servers, &string);
    if (status != DOCENT_OK) return status;
    if (where == DOCENT_OK) {
        servers_change(d, &string);
        return DOCENT_OK;
    }
    struct servers_post *p = malloc(sizeof *p);
    status = p == NULL ? DOCENT_ERR_NO_MEMORY : DOCENT_OK;
    if (status == DOCENT_OK) {
        *p = (struct servers_post){ { NULL, servers_posted, servers_drop }, d, string };
        status = docent_driver_post(d, &p->post, true);
    }
    if (status != DOCENT_OK) {
        docent_connect_free(&string);
        free(p);
    }
    return status;
}
