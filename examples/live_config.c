/* live_config.c - the configuration of a service, which changes while the service runs.
 *
 *     live_config CONNECT PATH [FILE]
 *
 * Makes a first document at PATH if there is none; then prints the values, and what changes, until it is interrupted. Change it with any
 * client: what is not good JSON, or asks for more than 100 connections, is refused, and what was there before stays. With FILE it also starts
 * when no server can be reached, with what it had last. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <docent/docent.h>

static bool validate(const docent_config_values *values, char *reason, size_t size, void *user)
{
    int64_t max = 0;
    (void)user;
    if (docent_config_values_int(values, "db.pool.max", &max) == DOCENT_ERR_WRONG_TYPE || max > 100) {
        snprintf(reason, size, "db.pool.max is to be a number up to 100");
        return false;
    }
    return true;
}

static void on_change(docent_config *config, const docent_config_change *change, void *user)
{
    (void)user;
    for (size_t i = 0; i < change->key_count; i++) {
        size_t size = 0;
        const char *value = docent_config_values_json(change->after, change->keys[i], &size);
        printf("%s: %.*s\n", change->keys[i], (int)size, value == NULL ? "" : value);
    }
    printf("the pool may have %d connections\n", (int)docent_config_get_int(config, "db.pool.max", 10));
    fflush(stdout);
}

static void on_rejected(docent_config *config, const char *path, const char *reason, void *user)
{
    (void)config;
    (void)user;
    fprintf(stderr, "%s is not taken: %s\n", path, reason);
}

static void on_state(docent_config *config, docent_config_state state, void *user)
{
    static const char *const texts[] = {"being loaded", "current", "perhaps old", "those of the file"};
    (void)config;
    (void)user;
    printf("the values are %s\n", texts[state]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const char first[] = "{\"db\": {\"url\": \"db.example.com\", \"pool\": {\"max\": 20}}}";
    if (argc < 3) {
        fprintf(stderr, "usage: %s CONNECT PATH [FILE]\n", argv[0]);
        return 2;
    }
    sigset_t interrupts;
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupts, NULL); /* To be waited for below. */

    docent_client *client = NULL;
    docent_config *config = NULL;
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK && docent_client_wait_connected(client, 2000) == DOCENT_OK) {
        docent_status made = docent_create(client, argv[2], first, strlen(first), DOCENT_PERSISTENT, NULL);
        if (made != DOCENT_OK && made != DOCENT_ERR_NODE_EXISTS) fprintf(stderr, "%s: %s\n", argv[2], docent_status_text(made));
    }
    docent_config_options options = {DOCENT_CONFIG_OPTIONS,
                                     .file = argc > 3 ? argv[3] : NULL,
                                     .fallback_after_ms = 2000,
                                     .validate = validate,
                                     .on_change = on_change,
                                     .on_rejected = on_rejected,
                                     .on_state = on_state};
    if (status == DOCENT_OK) status = docent_config_new(client, argv[2], &options, &config);
    if (status == DOCENT_OK) status = docent_config_wait(config, 10000);
    if (status == DOCENT_OK) {
        int number;
        sigwait(&interrupts, &number);
    } else {
        fprintf(stderr, "%s\n", docent_status_text(status));
    }
    docent_config_close(config, NULL, NULL);
    docent_client_close(client, NULL, NULL);
    return status == DOCENT_OK ? 0 : 1;
}
