/* src/options.c - see options.h. One table has every option, with its key in the file if there is one. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <docent/client.h>

enum value_kind { VALUE_FLAG, VALUE_NOT_FLAG, VALUE_NUMBER, VALUE_TEXT };

struct option_rule {
    const char *name; /* On the command line. NULL: only in the file. */
    const char *key;  /* In the file. NULL: only on the command line. */
    enum value_kind kind;
    size_t offset;    /* In struct options. Two rules with the same one set the same thing. */
    unsigned long max;
    const char *argument, *help;
};

#define OPTION(field) offsetof(struct options, field)
static const struct option_rule rules[] = {
    { "port", "clientPort", VALUE_NUMBER, OPTION(front.port), 65535, "P", "listen on this port; 0: any free one (default 2181)" },
    { "bind", "clientPortAddress", VALUE_TEXT, OPTION(bind), 0, "ADDRESS", "on this IPv4 address or name (default 127.0.0.1)" },
    { "tick-time", "tickTime", VALUE_NUMBER, OPTION(front.server.tick_ms), 3600000, "MS", "the unit of session time-outs (default 500)" },
    { "min-session", "minSessionTimeout", VALUE_NUMBER, OPTION(front.server.min_session_ms), 86400000, "MS",
      "smallest session time-out (default two ticks)" },
    { "max-session", "maxSessionTimeout", VALUE_NUMBER, OPTION(front.server.max_session_ms), 86400000, "MS",
      "largest session time-out (default twenty ticks)" },
    { "max-connections", "maxClientCnxns", VALUE_NUMBER, OPTION(front.max_per_address), 1000000, "N",
      "so many from one address (default 0: no limit)" },
    { "max-total-connections", "maxCnxns", VALUE_NUMBER, OPTION(front.max_connections), 1000000, "N",
      "so many in all (default 0: no limit)" },
    { "max-request", "jute.maxbuffer", VALUE_NUMBER, OPTION(front.server.request_max), 1u << 30, "BYTES",
      "largest request; a larger one closes its connection (default 1048575)" },
    { "container-check", "znode.container.checkIntervalMs", VALUE_NUMBER, OPTION(front.server.container_check_ms), 86400000, "MS",
      "how often empty containers are looked for (default 60000)" },
    { "ttl-check", NULL, VALUE_NUMBER, OPTION(front.server.ttl_check_ms), 86400000, "MS",
      "how often nodes that have outlived their TTL are (default: as containers)" },
    { "ttl-nodes", "extendedTypesEnabled", VALUE_FLAG, OPTION(front.server.ttl_nodes), 0, NULL, "allow nodes with a TTL (default: no)" },
    { "enforce-quota", "enforceQuota", VALUE_FLAG, OPTION(front.server.enforce_quota), 0, NULL, "refuse what exceeds a hard limit (default: no)" },
    { NULL, "reconfigEnabled", VALUE_FLAG, OPTION(front.server.reconfig), 0, NULL, NULL },
    { "data-dir", "dataDir", VALUE_TEXT, OPTION(data_dir), 0, "D",
      "keep nodes and sessions in this directory, and begin with those it has (default: in memory)" },
    { "fsync", "forceSync", VALUE_FLAG, OPTION(front.fsync), 0, NULL, "answer a write when it would survive a power cut (default: no)" },
    { "snapshot-every", "snapCount", VALUE_NUMBER, OPTION(front.snapshot_every), 1000000000, "N",
      "at least so many transactions between two snapshots (default 100000)" },
    { "super", NULL, VALUE_TEXT, OPTION(super_password), 0, "USER:PASSWORD", "who shows this digest may do everything (default: nobody)" },
    { NULL, "DigestAuthenticationProvider.superDigest", VALUE_TEXT, OPTION(super_digest), 0, NULL, NULL },
    { "words", "4lw.commands.whitelist", VALUE_TEXT, OPTION(words), 0, "LIST", "four-letter words that are answered: ruok,srvr or * (default *)" },
    { "admin", "admin.serverPort", VALUE_NUMBER, OPTION(admin_port), 65535, "PORT",
      "HTTP on this port: /commands and /metrics (default 0: none)" },
    { NULL, "admin.enableServer", VALUE_NOT_FLAG, OPTION(no_admin), 0, NULL, NULL },
    { "speak", NULL, VALUE_TEXT, OPTION(speak), 0, "RELEASE", "be 3.4, 3.5, 3.6, 3.8 or 3.9 to clients (default 3.8)" },
    { "config", NULL, VALUE_TEXT, OPTION(config), 0, "FILE", "take what is not given here from a zoo.cfg" },
    { "help", NULL, VALUE_FLAG, OPTION(help), 0, NULL, "say this" },
    { "version", NULL, VALUE_FLAG, OPTION(version), 0, NULL, "say which version this is" },
};
enum { RULES = sizeof rules / sizeof *rules };

static void *field_of(struct options *options, const struct option_rule *rule)
{
    return (char *)options + rule->offset;
}

/* NULL, or what it ought to be. */
static const char *rule_apply(struct options *options, const struct option_rule *rule, const char *text, char *scratch, size_t scratch_size)
{
    switch (rule->kind) {
    case VALUE_FLAG:
    case VALUE_NOT_FLAG: {
        bool yes = text == NULL || strcasecmp(text, "true") == 0 || strcasecmp(text, "yes") == 0;
        if (!yes && strcasecmp(text, "false") != 0 && strcasecmp(text, "no") != 0) return "true or false";
        *(bool *)field_of(options, rule) = yes == (rule->kind == VALUE_FLAG);
        return NULL;
    }
    case VALUE_NUMBER: {
        char *end;
        bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X'); /* As jute.maxbuffer is often written. */
        errno = 0;
        unsigned long value = strtoul(text, &end, hex ? 16 : 10);
        if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' || value > rule->max) {
            snprintf(scratch, scratch_size, "a number from 0 to %lu", rule->max);
            return scratch;
        }
        *(uint32_t *)field_of(options, rule) = (uint32_t)value;
        return NULL;
    }
    case VALUE_TEXT: {
        char **field = field_of(options, rule);
        free(*field);
        *field = strdup(text);
        return *field == NULL ? "more memory" : NULL;
    }
    }
    return NULL;
}

/* ---- The file: Java properties, as far as anybody writes them. ---- */

/* One line without comments, with what a backslash at its end appends; NULL: no more. Counts lines. */
static char *line_read(FILE *file, char **buffer, size_t *room, unsigned *number)
{
    size_t size = 0;
    for (;;) {
        char *part = NULL;
        size_t part_room = 0;
        ssize_t got = getline(&part, &part_room, file);
        if (got < 0) {
            free(part);
            return size == 0 ? NULL : *buffer;
        }
        ++*number;
        while (got > 0 && strchr("\r\n", part[got - 1]) != NULL) part[--got] = '\0';
        const char *text = part + strspn(part, " \t\f");
        if (size == 0 && (*text == '\0' || *text == '#' || *text == '!')) {
            free(part);
            continue;
        }
        size_t length = strlen(text), slashes = 0;
        while (slashes < length && text[length - 1 - slashes] == '\\') slashes++;
        bool more = slashes % 2 == 1;
        if (more) length--;
        if (size + length + 1 > *room) {
            char *larger = realloc(*buffer, size + length + 1);
            if (larger == NULL) abort();
            *buffer = larger;
            *room = size + length + 1;
        }
        memcpy(*buffer + size, text, length);
        size += length;
        (*buffer)[size] = '\0';
        free(part);
        if (!more) return *buffer;
    }
}

/* Cuts a line in key and value. */
static const char *line_split(char *line)
{
    char *to = line;
    while (*line != '\0' && strchr("=: \t\f", *line) == NULL) {
        if (*line == '\\' && line[1] != '\0') line++;
        *to++ = *line++;
    }
    line += strspn(line, " \t\f");
    if (*line == '=' || *line == ':') line++;
    line += strspn(line, " \t\f");
    char *value = line, *value_to = line;
    for (; *line != '\0'; line++) {
        if (*line == '\\' && line[1] != '\0') line++;
        *value_to++ = *line;
    }
    while (value_to > value && strchr(" \t\f", value_to[-1]) != NULL) value_to--;
    *value_to = '\0';
    *to = '\0'; /* Last: it may be where the separator was. */
    return value;
}

static bool file_read(struct options *options, const char *name, const bool *given, FILE *err)
{
    FILE *file = fopen(name, "re");
    if (file == NULL) {
        fprintf(err, "docent-devserver: %s: %s\n", name, strerror(errno));
        return false;
    }
    bool good = true;
    char *line = NULL;
    size_t room = 0;
    for (unsigned number = 0; good && line_read(file, &line, &room, &number) != NULL;) {
        const char *value = line_split(line);
        const struct option_rule *rule = NULL;
        for (size_t i = 0; i < RULES && rule == NULL; i++) {
            if (rules[i].key != NULL && strcmp(rules[i].key, line) == 0) rule = &rules[i];
        }
        if (rule == NULL) {
            fprintf(err, "docent-devserver: %s:%u: %s means nothing here\n", name, number, line);
            continue;
        }
        char scratch[64];
        struct options unused = { 0 };
        struct options *into = given[rule->offset] ? &unused : options; /* Checked all the same. */
        const char *wanted = rule_apply(into, rule, value, scratch, sizeof scratch);
        docent_options_free(&unused);
        if (wanted == NULL) continue;
        fprintf(err, "docent-devserver: %s:%u: %s wants %s, not \"%s\"\n", name, number, line, wanted, value);
        good = false;
    }
    if (good && ferror(file)) {
        fprintf(err, "docent-devserver: %s: %s\n", name, strerror(errno));
        good = false;
    }
    free(line);
    fclose(file);
    return good;
}

/* ---- The command line. ---- */

static bool finish(struct options *options, FILE *err)
{
    struct front_config *front = &options->front;
    if (options->super_password != NULL) {
        char digest[1100];
        if (docent_digest_id(options->super_password, digest, sizeof digest) != DOCENT_OK) {
            fprintf(err, "docent-devserver: --super wants user:password\n");
            return false;
        }
        free(options->super_digest);
        options->super_digest = strdup(digest);
    }
    if (front->server.max_session_ms != 0 && front->server.max_session_ms < front->server.min_session_ms) {
        fprintf(err, "docent-devserver: the largest session time-out is less than the smallest\n");
        return false;
    }
    if (options->speak != NULL && !docent_speak_find(options->speak, &front->server.speak)) {
        fprintf(err, "docent-devserver: --speak wants 3.4, 3.5, 3.6, 3.8 or 3.9, not \"%s\"\n", options->speak);
        return false;
    }
    front->bind = options->bind == NULL ? "127.0.0.1" : options->bind;
    front->server.super_digest = options->super_digest;
    front->server.words = options->words;
    front->data_dir = options->data_dir;
    if (options->no_admin) options->admin_port = 0;
    return true;
}

bool docent_options_read(struct options *options, int argc, char **argv, FILE *err)
{
    struct option known[RULES + 1];
    size_t count = 0;
    bool given[sizeof(struct options)] = { false }; /* By offset of the field. */
    char scratch[64];
    memset(options, 0, sizeof *options);
    options->front.port = 2181;
    for (size_t i = 0; i < RULES; i++) {
        if (rules[i].name == NULL) continue;
        known[count++] = (struct option){ rules[i].name, rules[i].argument == NULL ? no_argument : required_argument, NULL, 256 + (int)i };
    }
    known[count] = (struct option){ 0 };
    optind = 0;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":", known, NULL)) != -1;) {
        if (option < 256) {
            const char *what = option == ':' ? "wants a value" : "is no option, or wants no value";
            fprintf(err, "docent-devserver: %s %s; --help lists all\n", argv[optind - 1], what);
            return false;
        }
        const struct option_rule *rule = &rules[option - 256];
        const char *wanted = rule_apply(options, rule, optarg, scratch, sizeof scratch);
        if (wanted != NULL) {
            fprintf(err, "docent-devserver: --%s wants %s, not \"%s\"\n", rule->name, wanted, optarg);
            return false;
        }
        given[rule->offset] = true;
        if (rule->offset == OPTION(admin_port)) given[OPTION(no_admin)] = true;
        if (rule->offset == OPTION(super_password)) given[OPTION(super_digest)] = true;
    }
    if (optind < argc) {
        fprintf(err, "docent-devserver: what is \"%s\"? --help lists all options\n", argv[optind]);
        return false;
    }
    if (options->help || options->version) return true;
    if (options->config != NULL && !file_read(options, options->config, given, err)) return false;
    return finish(options, err);
}

void docent_options_help(FILE *out)
{
    fprintf(out, "usage: docent-devserver [OPTION...]\n\n"
                 "A ZooKeeper server for development and tests, on its own. Runs until SIGTERM or SIGINT.\n\n");
    for (size_t i = 0; i < RULES; i++) {
        if (rules[i].name == NULL) continue;
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", rules[i].name, rules[i].argument == NULL ? "" : " ",
                 rules[i].argument == NULL ? "" : rules[i].argument);
        fprintf(out, "  %-28s%s\n", left, rules[i].help);
    }
    fprintf(out, "\nKeys of zoo.cfg that --config heeds:\n");
    for (size_t i = 0; i < RULES; i++) {
        if (rules[i].key != NULL) fprintf(out, "  %s\n", rules[i].key);
    }
}

void docent_options_free(struct options *options)
{
    for (size_t i = 0; i < RULES; i++) {
        if (rules[i].kind != VALUE_TEXT) continue;
        char **field = field_of(options, &rules[i]);
        free(*field);
        *field = NULL;
    }
}
