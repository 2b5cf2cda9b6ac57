/* recipes/config_parse.c - documents: see config.h. What is refused here is refused before it can cost more than a multiple of its size. */
#include "recipes/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void docent_config_say(struct config_reason *reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason->text, sizeof reason->text, format, arguments);
    va_end(arguments);
}

static bool is_blank(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != ' ' && data[i] != '\t' && data[i] != '\n' && data[i] != '\r') return false;
    }
    return true;
}

/* Levels of objects and arrays; no more than @max + 1 are looked at. The parser has refused what is deeper than the stack bears. */
static uint32_t depth_of(const json_t *json, uint32_t max)
{
    uint32_t deepest = 0;
    bool contains = json_is_object(json) || json_is_array(json);
    if (!contains || max == 0) return contains;
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)json, name, member) {
        uint32_t depth = depth_of(member, max - 1);
        if (depth > deepest) deepest = depth;
    }
    for (size_t i = 0; i < json_array_size(json); i++) {
        uint32_t depth = depth_of(json_array_get(json, i), max - 1);
        if (depth > deepest) deepest = depth;
    }
    return deepest + 1;
}

docent_status docent_config_parse(const char *data, size_t size, uint32_t depth, const struct config_limits *limits, json_t **ret_json,
                                  struct config_reason *reason)
{
    if (size > limits->bytes_max) {
        docent_config_say(reason, "larger than %zu bytes", limits->bytes_max);
        return DOCENT_ERR_TOO_LARGE;
    }
    if (is_blank(data, size)) {
        *ret_json = NULL;
        return DOCENT_OK;
    }
    json_error_t error;
    json_t *json = json_loadb(data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (json == NULL && (error.text[0] == '\0' || json_error_code(&error) == json_error_out_of_memory)) return DOCENT_ERR_NO_MEMORY;
    if (json == NULL) {
        char *near = strstr(error.text, " near "); /* What follows is data, and may be a password. */
        if (near != NULL) *near = '\0';
        docent_config_say(reason, "line %d, column %d: %s", error.line, error.column, error.text);
        return DOCENT_ERR_CORRUPT_DATA;
    }
    if (depth > limits->depth_max || depth_of(json, limits->depth_max - depth) > limits->depth_max - depth) {
        docent_config_say(reason, "deeper than %u levels", limits->depth_max);
        json_decref(json);
        return DOCENT_ERR_TOO_LARGE;
    }
    *ret_json = json;
    return DOCENT_OK;
}

docent_status docent_config_check_name(const char *name, struct config_reason *reason)
{
    json_t *text = json_string(name); /* Refuses what is not UTF-8. */
    if (text == NULL) {
        docent_config_say(reason, "its name is not UTF-8");
        return DOCENT_ERR_CORRUPT_DATA;
    }
    json_decref(text);
    return DOCENT_OK;
}

/* @from into @into, both objects. */
static bool merge_objects(json_t *into, const json_t *from)
{
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)from, name, member) {
        json_t *there = json_object_get(into, name);
        if (json_is_object(there) && json_is_object(member)) {
            if (!merge_objects(there, member)) return false;
        } else if (json_object_set_new(into, name, json_deep_copy(member)) < 0) {
            return false;
        }
    }
    return true;
}

bool docent_config_merge(json_t *whole, const char *names, const json_t *json)
{
    json_t *at = whole;
    while (*names != '\0') {
        size_t size = strcspn(names, "/");
        bool last = names[size] == '\0';
        char *name = strndup(names, size);
        if (name == NULL) return false;
        json_t *there = json_object_get(at, name);
        bool replaces = !json_is_object(there) || (last && !json_is_object(json));
        if (replaces) there = last ? json_deep_copy(json) : json_object();
        bool good = !replaces || json_object_set_new(at, name, there) == 0;
        free(name);
        if (!good) return false;
        if (replaces && last) return true;
        at = there;
        names += size + !last;
    }
    return merge_objects(at, json);
}
