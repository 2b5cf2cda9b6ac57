/* recipes/config_values.c - values: see config.h. A set is one table, sorted by key, and two blocks that it points into: the whole document
 * as text, of which every value is a piece, and keys and strings. Whatever it takes counts against one limit, so that no document can make it
 * take more, however long its keys are and however many values stand under them. */
#include <stdlib.h>
#include <string.h>

#include "recipes/config.h"

struct value {
    uint32_t key;             /* In strings. */
    uint32_t text, text_size; /* In text. */
    uint32_t count;           /* Members, elements. */
    union {
        int64_t integer;
        double real;
        uint32_t string; /* In strings. */
        bool boolean;
    };
    uint8_t type;
    bool in_array; /* At any level. */
};

struct docent_config_values {
    _Atomic size_t references;
    docent_allocator allocator; /* A copy: it may outlive everything. */
    struct config_origin origin;
    char *text, *strings;
    size_t text_size;
    struct value *values; /* The first is the whole, the others are sorted. */
    size_t count;
};

/* ---- Making. ---- */

struct block {
    void *data;
    size_t size, room;
};

struct maker {
    const docent_allocator *allocator;
    const struct config_limits *limits;
    struct config_reason *reason;
    docent_status status; /* DOCENT_OK: so far all is well. */
    size_t taken;         /* Of limits->bytes_max. */
    struct block values, text, strings;
    struct block path;    /* Of what is being looked at. */
    struct block names;   /* const char *: of the objects that are being looked at. */
};

static void *block_grow(struct maker *m, struct block *block, size_t size)
{
    if (size == 0 || m->status != DOCENT_OK) return NULL;
    if (block != &m->path && block != &m->names) m->taken += size;
    if (m->taken > m->limits->bytes_max) {
        docent_config_say(m->reason, "takes more than %zu bytes of memory", m->limits->bytes_max);
        m->status = DOCENT_ERR_TOO_LARGE;
        return NULL;
    }
    if (block->room - block->size < size) {
        size_t room = block->room < 256 ? 256 : block->room * 2;
        while (room - block->size < size) room *= 2;
        void *larger = docent_alloc(m->allocator, room);
        if (larger == NULL) {
            m->status = DOCENT_ERR_NO_MEMORY;
            return NULL;
        }
        if (block->size > 0) memcpy(larger, block->data, block->size);
        docent_free(m->allocator, block->data);
        block->data = larger;
        block->room = room;
    }
    void *at = (char *)block->data + block->size;
    block->size += size;
    return at;
}

static void block_add(struct maker *m, struct block *block, const void *data, size_t size)
{
    void *at = block_grow(m, block, size);
    if (at != NULL && size > 0) memcpy(at, data, size);
}

/* What is no object and no array, as text. */
static int add_text(const char *data, size_t size, void *user)
{
    struct maker *m = user;
    block_add(m, &m->text, data, size);
    return m->status == DOCENT_OK ? 0 : -1;
}

static void make_scalar_text(struct maker *m, const json_t *json)
{
    if (json_dump_callback(json, add_text, m, JSON_ENCODE_ANY | JSON_COMPACT) < 0 && m->status == DOCENT_OK) m->status = DOCENT_ERR_NO_MEMORY;
}

size_t docent_config_key_escape(const char *name, char *buffer, size_t size)
{
    size_t length = 0;
    if (name == NULL) name = "";
    for (; *name != '\0'; name++) {
        if (*name == '.' || *name == '\\') {
            if (length + 1 < size) buffer[length] = '\\';
            length++;
        }
        if (length + 1 < size) buffer[length] = *name;
        length++;
    }
    if (size > 0) buffer[length < size ? length : size - 1] = '\0';
    return length;
}

/* Makes the path that of a member; @top: the whole's. */
static void enter(struct maker *m, bool top, const char *name)
{
    if (!top) block_add(m, &m->path, ".", 1);
    size_t size = docent_config_key_escape(name, NULL, 0);
    char *at = block_grow(m, &m->path, size + 1);
    if (at == NULL) return;
    docent_config_key_escape(name, at, size + 1);
    m->path.size--; /* The zero byte. */
}

static void make_value(struct maker *m, const json_t *json, uint32_t depth, bool in_array);

static int compare_names(const void *one, const void *other)
{
    const char *const *a = one, *const *b = other;
    return strcmp(*a, *b);
}

static void make_object(struct maker *m, const json_t *json, uint32_t depth, bool in_array)
{
    size_t first = m->names.size / sizeof(char *), count = json_object_size(json), path_size = m->path.size;
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)(uintptr_t)json, name, member) block_add(m, &m->names, &name, sizeof name);
    if (m->status != DOCENT_OK) return;
    if (count > 0) qsort((const char **)m->names.data + first, count, sizeof name, compare_names);
    block_add(m, &m->text, "{", 1);
    for (size_t i = 0; i < count && m->status == DOCENT_OK; i++) {
        name = ((const char **)m->names.data)[first + i];
        if (i > 0) block_add(m, &m->text, ",", 1);
        json_t *text = json_string(name);
        if (text == NULL) m->status = DOCENT_ERR_NO_MEMORY;
        if (text != NULL) make_scalar_text(m, text);
        json_decref(text);
        block_add(m, &m->text, ":", 1);
        enter(m, depth == 0, name);
        make_value(m, json_object_get(json, name), depth + 1, in_array);
        m->path.size = path_size;
    }
    block_add(m, &m->text, "}", 1);
    m->names.size = first * sizeof name;
}

static void make_array(struct maker *m, const json_t *json, uint32_t depth)
{
    size_t path_size = m->path.size;
    block_add(m, &m->text, "[", 1);
    for (size_t i = 0; i < json_array_size(json) && m->status == DOCENT_OK; i++) {
        char name[24];
        snprintf(name, sizeof name, "%zu", i);
        if (i > 0) block_add(m, &m->text, ",", 1);
        enter(m, depth == 0, name);
        make_value(m, json_array_get(json, i), depth + 1, true);
        m->path.size = path_size;
    }
    block_add(m, &m->text, "]", 1);
}

static void make_value(struct maker *m, const json_t *json, uint32_t depth, bool in_array)
{
    struct value value = { .key = (uint32_t)m->strings.size, .text = (uint32_t)m->text.size, .in_array = in_array };
    size_t index = m->values.size;
    if (depth >= m->limits->depth_max && (json_is_object(json) || json_is_array(json))) { /* A level as docent_config_parse() counts them. */
        docent_config_say(m->reason, "deeper than %u levels", m->limits->depth_max);
        m->status = DOCENT_ERR_TOO_LARGE;
    }
    block_add(m, &m->values, &value, sizeof value);
    block_add(m, &m->strings, m->path.data, m->path.size);
    block_add(m, &m->strings, "", 1);
    if (m->status != DOCENT_OK) return;
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        value.type = DOCENT_CONFIG_OBJECT;
        value.count = (uint32_t)json_object_size(json);
        make_object(m, json, depth, in_array);
        break;
    case JSON_ARRAY:
        value.type = DOCENT_CONFIG_ARRAY;
        value.count = (uint32_t)json_array_size(json);
        make_array(m, json, depth);
        break;
    case JSON_STRING:
        value.type = DOCENT_CONFIG_STRING;
        value.string = (uint32_t)m->strings.size;
        block_add(m, &m->strings, json_string_value(json), json_string_length(json) + 1);
        make_scalar_text(m, json);
        break;
    case JSON_INTEGER:
        value.type = DOCENT_CONFIG_INT;
        value.integer = json_integer_value(json);
        make_scalar_text(m, json);
        break;
    case JSON_REAL:
        value.type = DOCENT_CONFIG_REAL;
        value.real = json_real_value(json);
        make_scalar_text(m, json);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        value.type = DOCENT_CONFIG_BOOL;
        value.boolean = json_is_true(json);
        make_scalar_text(m, json);
        break;
    case JSON_NULL:
        value.type = DOCENT_CONFIG_NULL;
        make_scalar_text(m, json);
        break;
    }
    if (m->status != DOCENT_OK) return;
    value.text_size = (uint32_t)(m->text.size - value.text);
    memcpy((char *)m->values.data + index, &value, sizeof value);
}

static int compare_keys(const void *one, const void *other, void *strings)
{
    const struct value *a = one, *b = other;
    return strcmp((const char *)strings + a->key, (const char *)strings + b->key);
}

docent_status docent_config_values_make(const json_t *json, const struct config_origin *origin, const struct config_limits *limits,
                                        const docent_allocator *allocator, docent_config_values **ret_values, struct config_reason *reason)
{
    struct maker m = { .allocator = allocator, .limits = limits, .reason = reason };
    docent_config_values *values = docent_alloc(allocator, sizeof *values);
    if (values == NULL) m.status = DOCENT_ERR_NO_MEMORY;
    make_value(&m, json, 0, false);
    block_add(&m, &m.text, "", 1);
    docent_free(allocator, m.path.data);
    docent_free(allocator, m.names.data);
    if (m.status != DOCENT_OK) {
        docent_free(allocator, m.values.data);
        docent_free(allocator, m.text.data);
        docent_free(allocator, m.strings.data);
        docent_free(allocator, values);
        return m.status;
    }
    *values = (docent_config_values){
        .references = 1,
        .allocator = *allocator,
        .origin = *origin,
        .text = m.text.data,
        .strings = m.strings.data,
        .text_size = m.text.size - 1,
        .values = m.values.data,
        .count = m.values.size / sizeof(struct value),
    };
    qsort_r(values->values + 1, values->count - 1, sizeof *values->values, compare_keys, values->strings);
    *ret_values = values;
    return DOCENT_OK;
}

const docent_config_values *docent_config_values_ref(const docent_config_values *values)
{
    if (values != NULL) atomic_fetch_add(&((docent_config_values *)(uintptr_t)values)->references, 1);
    return values;
}

void docent_config_values_unref(const docent_config_values *given)
{
    docent_config_values *values = (docent_config_values *)(uintptr_t)given;
    if (values == NULL || atomic_fetch_sub(&values->references, 1) > 1) return;
    docent_allocator allocator = values->allocator;
    docent_free(&allocator, values->values);
    docent_free(&allocator, values->text);
    docent_free(&allocator, values->strings);
    docent_free(&allocator, values);
}

/* ---- Asking. ---- */

const struct config_origin *docent_config_values_origin(const docent_config_values *values)
{
    return &values->origin;
}

docent_config_source docent_config_values_source(const docent_config_values *values)
{
    return values == NULL ? DOCENT_CONFIG_FROM_SERVERS : values->origin.source;
}

int64_t docent_config_values_zxid(const docent_config_values *values)
{
    return values == NULL ? 0 : values->origin.zxid;
}

static const char *key_of(const docent_config_values *values, const struct value *value)
{
    return values->strings + value->key;
}

static const struct value *find(const docent_config_values *values, const char *key)
{
    if (values == NULL) return NULL;
    if (key == NULL) return values->values;
    size_t low = 1, high = values->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(key, key_of(values, &values->values[middle]));
        if (order == 0) return &values->values[middle];
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

docent_config_type docent_config_values_type(const docent_config_values *values, const char *key)
{
    const struct value *value = find(values, key);
    return value == NULL ? DOCENT_CONFIG_NONE : (docent_config_type)value->type;
}

size_t docent_config_values_size(const docent_config_values *values, const char *key)
{
    const struct value *value = find(values, key);
    return value == NULL ? 0 : value->count;
}

static docent_status find_of_type(const docent_config_values *values, const char *key, docent_config_type type, const void *ret_value,
                                  const struct value **ret_found)
{
    if (values == NULL || ret_value == NULL) return DOCENT_ERR_INVALID_ARGUMENT;
    const struct value *value = find(values, key);
    if (value == NULL) return DOCENT_ERR_NO_VALUE;
    *ret_found = value;
    return value->type == type ? DOCENT_OK : DOCENT_ERR_WRONG_TYPE;
}

docent_status docent_config_values_int(const docent_config_values *values, const char *key, int64_t *ret_value)
{
    const struct value *value;
    docent_status status = find_of_type(values, key, DOCENT_CONFIG_INT, ret_value, &value);
    if (status == DOCENT_OK) *ret_value = value->integer;
    return status;
}

docent_status docent_config_values_real(const docent_config_values *values, const char *key, double *ret_value)
{
    const struct value *value;
    docent_status status = find_of_type(values, key, DOCENT_CONFIG_REAL, ret_value, &value);
    if (status == DOCENT_OK) *ret_value = value->real;
    if (status != DOCENT_ERR_WRONG_TYPE || value->type != DOCENT_CONFIG_INT) return status;
    *ret_value = (double)value->integer;
    return DOCENT_OK;
}

docent_status docent_config_values_bool(const docent_config_values *values, const char *key, bool *ret_value)
{
    const struct value *value;
    docent_status status = find_of_type(values, key, DOCENT_CONFIG_BOOL, ret_value, &value);
    if (status == DOCENT_OK) *ret_value = value->boolean;
    return status;
}

docent_status docent_config_values_string(const docent_config_values *values, const char *key, const char **ret_value)
{
    const struct value *value;
    docent_status status = find_of_type(values, key, DOCENT_CONFIG_STRING, (const void *)ret_value, &value);
    if (status == DOCENT_OK) *ret_value = values->strings + value->string;
    return status;
}

const char *docent_config_values_json(const docent_config_values *values, const char *key, size_t *ret_size)
{
    const struct value *value = find(values, key);
    if (ret_size != NULL) *ret_size = value == NULL ? 0 : value->text_size;
    return value == NULL ? NULL : values->text + value->text;
}

void docent_config_values_visit(const docent_config_values *values, bool (*visit)(const char *key, docent_config_type type, void *user), void *user)
{
    if (values == NULL || visit == NULL) return;
    for (size_t i = 1; i < values->count; i++) {
        if (!visit(key_of(values, &values->values[i]), (docent_config_type)values->values[i].type, user)) return;
    }
}

/* ---- Comparing. ---- */

bool docent_config_values_equal(const docent_config_values *one, const docent_config_values *other)
{
    return one != NULL && other != NULL && one->text_size == other->text_size && memcmp(one->text, other->text, one->text_size) == 0;
}

/* Is it told when it changes? Objects are not, but empty ones; arrays are, but what is in them. */
static bool is_told(const struct value *value)
{
    return !value->in_array && (value->type != DOCENT_CONFIG_OBJECT || value->count == 0);
}

static const struct value *next_told(const docent_config_values *values, size_t *index)
{
    while (values != NULL && *index < values->count) {
        const struct value *value = &values->values[(*index)++];
        if (is_told(value)) return value;
    }
    return NULL;
}

static bool same_text(const docent_config_values *one, const struct value *a, const docent_config_values *other, const struct value *b)
{
    return a->text_size == b->text_size && memcmp(one->text + a->text, other->text + b->text, a->text_size) == 0;
}

docent_status docent_config_values_diff(const docent_config_values *before, const docent_config_values *after, const docent_allocator *allocator,
                                        const char ***ret_keys, size_t *ret_count)
{
    const char **keys = docent_alloc_array(allocator, (before == NULL ? 0 : before->count) + after->count, sizeof *keys);
    if (keys == NULL) return DOCENT_ERR_NO_MEMORY;
    size_t i = 1, j = 1, count = 0;
    const struct value *a = next_told(before, &i), *b = next_told(after, &j);
    while (a != NULL || b != NULL) {
        int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(key_of(before, a), key_of(after, b));
        if (order < 0) {
            keys[count++] = key_of(before, a);
        } else if (order > 0 || !same_text(before, a, after, b)) {
            keys[count++] = key_of(after, b);
        }
        if (order <= 0) a = next_told(before, &i);
        if (order >= 0) b = next_told(after, &j);
    }
    *ret_keys = keys;
    *ret_count = count;
    return DOCENT_OK;
}
