/* recipes/config_query.c - what an application asks of a configuration, from whatever thread. */
#include <string.h>

#include "recipes/blocking.h"
#include "recipes/config.h"

docent_config_state docent_config_get_state(const docent_config *config)
{
    return config == NULL ? DOCENT_CONFIG_LOADING : (docent_config_state)docent_shared_get(&config->state);
}

const docent_config_values *docent_config_snapshot(docent_config *config)
{
    if (config == NULL) return NULL;
    if (docent_handle_check(&config->handle) == DOCENT_ERR_FORKED) return NULL; /* The mutex may be held by a thread that is not here. */
    docent_thread_mutex_lock(&config->mutex);
    const docent_config_values *values = docent_config_values_ref(config->current);
    docent_thread_mutex_unlock(&config->mutex);
    return values;
}

int64_t docent_config_get_int(docent_config *config, const char *key, int64_t otherwise)
{
    const docent_config_values *values = docent_config_snapshot(config);
    (void)!docent_config_values_int(values, key, &otherwise);
    docent_config_values_unref(values);
    return otherwise;
}

double docent_config_get_real(docent_config *config, const char *key, double otherwise)
{
    const docent_config_values *values = docent_config_snapshot(config);
    (void)!docent_config_values_real(values, key, &otherwise);
    docent_config_values_unref(values);
    return otherwise;
}

bool docent_config_get_bool(docent_config *config, const char *key, bool otherwise)
{
    const docent_config_values *values = docent_config_snapshot(config);
    (void)!docent_config_values_bool(values, key, &otherwise);
    docent_config_values_unref(values);
    return otherwise;
}

size_t docent_config_get_string(docent_config *config, const char *key, const char *otherwise, char *buffer, size_t size)
{
    const docent_config_values *values = docent_config_snapshot(config);
    if (otherwise == NULL) otherwise = "";
    (void)!docent_config_values_string(values, key, &otherwise);
    size_t length = strlen(otherwise), part = length < size ? length : size == 0 ? 0 : size - 1;
    if (size > 0) {
        memmove(buffer, otherwise, part);
        buffer[part] = '\0';
    }
    docent_config_values_unref(values);
    return length;
}

/* ---- Blocking. ---- */

static docent_status config_verb(struct handle *handle, uint32_t timeout_ms, docent_done_fn done, void *user)
{
    return docent_config_wait_async((docent_config *)handle, timeout_ms, done, user);
}

docent_status docent_config_wait(docent_config *config, uint32_t timeout_ms)
{
    return docent_wait_verb(config == NULL ? NULL : &config->handle, config_verb, timeout_ms);
}

void docent_config_close(docent_config *config, void (*closed)(void *user), void *user)
{
    docent_handle_close(config == NULL ? NULL : &config->handle, closed, user);
}
