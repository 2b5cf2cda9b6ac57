/* core/drive/connect_string.h - "host:port,host:port/chroot" taken apart. */
#ifndef DOCENT_CONNECT_STRING_H
#define DOCENT_CONNECT_STRING_H

#include "core/session/servers.h"

enum { CONNECT_HOSTS_MAX = 256, CONNECT_HOST_SIZE = 256 };

struct connect_host {
    char name[CONNECT_HOST_SIZE];
    uint16_t port;
    bool numeric; /* Then address is it. */
    struct docent_address address;
};

struct connect_string {
    struct connect_host *hosts; /* malloc. */
    size_t count;
    char *chroot; /* malloc; "" if none. */
};

/* DOCENT_OK, DOCENT_ERR_INVALID_ARGUMENT (with what is wrong in @fault), DOCENT_ERR_NO_MEMORY. */
docent_status docent_connect_parse(const char *text, struct connect_string *ret_string, char *fault, size_t fault_size);
bool docent_connect_same_hosts(const struct connect_string *a, const struct connect_string *b); /* In any order. */
void docent_connect_free(struct connect_string *string);

#endif
