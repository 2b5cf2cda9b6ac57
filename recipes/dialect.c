/* recipes/dialect.c - names and their order. See dialect.h. */
#include "recipes/dialect.h"

#include <assert.h>
#include <string.h>

static const struct dialect dialect_locks[] = {
    [DOCENT_DIALECT_CURATOR] = { .kind = DOCENT_DIALECT_CURATOR, .base = "lock-", .base_size = 5 },
    [DOCENT_DIALECT_KAZOO] = { .kind = DOCENT_DIALECT_KAZOO, .base = "__lock__", .base_size = 8 },
    [DOCENT_DIALECT_ZOOKEEPER] = { .kind = DOCENT_DIALECT_ZOOKEEPER, .base = "-", .base_size = 1 },
};

static const struct dialect dialect_tolerant_locks[] = {
    [DOCENT_DIALECT_CURATOR] = { .kind = DOCENT_DIALECT_CURATOR, .base = "lock-", .base_size = 5, .tolerant = true },
    [DOCENT_DIALECT_KAZOO] = { .kind = DOCENT_DIALECT_KAZOO, .base = "__lock__", .base_size = 8, .tolerant = true },
    [DOCENT_DIALECT_ZOOKEEPER] = { .kind = DOCENT_DIALECT_ZOOKEEPER, .base = "-", .base_size = 1, .tolerant = true },
};

static const struct dialect dialect_latches[] = {
    [DOCENT_DIALECT_CURATOR] = { .kind = DOCENT_DIALECT_CURATOR, .base = "latch-", .base_size = 6 },
    [DOCENT_DIALECT_KAZOO] = { .kind = DOCENT_DIALECT_KAZOO, .base = "__lock__", .base_size = 8 },
};

const struct dialect *docent_dialect_lock(docent_dialect kind)
{
    if ((size_t)kind >= sizeof dialect_locks / sizeof dialect_locks[0]) return NULL;
    return &dialect_locks[kind];
}

const struct dialect *docent_dialect_tolerant_lock(docent_dialect kind)
{
    if ((size_t)kind >= sizeof dialect_tolerant_locks / sizeof dialect_tolerant_locks[0]) return NULL;
    return &dialect_tolerant_locks[kind];
}

static const struct dialect_pair dialect_curator_pair = { "__READ__", 8, "__WRIT__", 8 };
static const struct dialect_pair dialect_kazoo_pair = { "__rlock__", 9, "__lock__", 8 };

const struct dialect *docent_dialect_read_lock(docent_dialect kind)
{
    static const struct dialect curator = { .kind = DOCENT_DIALECT_CURATOR, .base = "__READ__", .base_size = 8, &dialect_curator_pair, DIALECT_AFTER_FIRST_WRITER, false };
    static const struct dialect kazoo = { .kind = DOCENT_DIALECT_KAZOO, .base = "__rlock__", .base_size = 9, &dialect_kazoo_pair, DIALECT_AFTER_LAST_WRITER, false };

    if (kind == DOCENT_DIALECT_CURATOR) return &curator;
    return kind == DOCENT_DIALECT_KAZOO ? &kazoo : NULL;
}

const struct dialect *docent_dialect_write_lock(docent_dialect kind)
{
    static const struct dialect curator = { .kind = DOCENT_DIALECT_CURATOR, .base = "__WRIT__", .base_size = 8, &dialect_curator_pair, DIALECT_AFTER_ALL, false };
    static const struct dialect kazoo = { .kind = DOCENT_DIALECT_KAZOO, .base = "__lock__", .base_size = 8, &dialect_kazoo_pair, DIALECT_AFTER_ALL, false };

    if (kind == DOCENT_DIALECT_CURATOR) return &curator;
    return kind == DOCENT_DIALECT_KAZOO ? &kazoo : NULL;
}

const struct dialect *docent_dialect_lease(docent_dialect kind)
{
    static const struct dialect curator = { .kind = DOCENT_DIALECT_CURATOR, .base = "lease-", .base_size = 6 };
    static const struct dialect kazoo = { .kind = DOCENT_DIALECT_KAZOO, .base = "" };

    if (kind == DOCENT_DIALECT_CURATOR) return &curator;
    return kind == DOCENT_DIALECT_KAZOO ? &kazoo : NULL;
}

const struct dialect *docent_dialect_latch(docent_dialect kind)
{
    if ((size_t)kind >= sizeof dialect_latches / sizeof dialect_latches[0]) return NULL;
    return &dialect_latches[kind];
}

void docent_dialect_prefix(const struct dialect *dialect, const char uuid[37], char prefix[DIALECT_PREFIX_SIZE])
{
    char *end = prefix;

    assert(strlen(uuid) == 36);
    assert(3 + 36 + 1 + dialect->base_size < DIALECT_PREFIX_SIZE);
    switch (dialect->kind) {
    case DOCENT_DIALECT_CURATOR:
        memcpy(end, "_c_", 3);
        memcpy(end + 3, uuid, 36);
        end[39] = '-';
        end += 40;
        break;
    case DOCENT_DIALECT_KAZOO:
        for (const char *from = uuid; *from != '\0'; from++) {
            if (*from != '-') *end++ = *from;
        }
        break;
    case DOCENT_DIALECT_ZOOKEEPER: /* Sixteen digits with nothing but chance in them: 8, 4, and the last 4. */
        memcpy(end, "x-", 2);
        memcpy(end + 2, uuid, 8);
        memcpy(end + 10, uuid + 9, 4);
        memcpy(end + 14, uuid + 32, 4);
        end += 18;
        break;
    }
    memcpy(end, dialect->base, dialect->base_size + 1);
}

static bool dialect_is_digits(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
    }
    return true;
}

/* What follows the last occurrence of @base; NULL: it does not occur. Names of contenders have it near their end, so the
 * search goes from there; and for its last character, for digits have none of it and there are many names in a list. */
static const char *dialect_after(const char *base, size_t base_size, const char *name, size_t size)
{
    if (base_size == 0) return name + size;
    if (size < base_size) return NULL;
    const char *first = name + base_size;
    for (const char *end = name + size; end >= first; end--) {
        if (end[-1] == base[base_size - 1] && memcmp(end - base_size, base, base_size) == 0) return end;
    }
    return NULL;
}

/* The last ten characters, if they are digits. */
static const char *dialect_last_digits(const char *name)
{
    size_t size = strlen(name);

    return size >= DIALECT_DIGITS && dialect_is_digits(name + size - DIALECT_DIGITS, DIALECT_DIGITS) ? name + size - DIALECT_DIGITS : NULL;
}

static const char *dialect_after_base(const struct dialect *dialect, const char *name)
{
    if (dialect->tolerant) return dialect_last_digits(name);
    return dialect_after(dialect->base, dialect->base_size, name, strlen(name));
}

/* The same of whichever base a contender for the path may have; NULL: none occurs. The bases of a pair can overlap in a foreign name: Curator
 * takes off the readers' and then the writers', kazoo looks what ends directly before the digits. */
static const char *dialect_after_any(const struct dialect *dialect, const char *name)
{
    const struct dialect_pair *pair = dialect->pair;
    size_t size = strlen(name);

    if (pair == NULL) return dialect_after_base(dialect, name);
    const char *read = dialect_after(pair->read, pair->read_size, name, size);
    const char *from = dialect->kind == DOCENT_DIALECT_CURATOR && read != NULL ? read : name;
    const char *write = dialect_after(pair->write, pair->write_size, from, size - (size_t)(from - name));
    return write != NULL && (read == NULL || write > read) ? write : read;
}

/* A sequence number as the server writes it: ten digits, or a minus sign and ten digits. (The minus sign may have been taken for what stands
 * in front of the digits: then the number is larger than there can be.) */
static enum dialect_name dialect_read_sequence(const char *text)
{
    size_t size = strlen(text);

    if (size == DIALECT_DIGITS && dialect_is_digits(text, size)) {
        return strcmp(text, "2147483647") <= 0 ? DIALECT_CONTENDER : DIALECT_EXHAUSTED;
    }
    if (size == DIALECT_DIGITS + 1 && text[0] == '-' && dialect_is_digits(text + 1, DIALECT_DIGITS)) return DIALECT_EXHAUSTED;
    return DIALECT_FOREIGN;
}

/* Without a base there is no number either: whatever there is counts. */
enum dialect_name docent_dialect_read(const struct dialect *dialect, const char *name)
{
    if (dialect->base_size == 0) return DIALECT_CONTENDER;
    const char *sequence = dialect_after_base(dialect, name);

    return sequence == NULL ? DIALECT_FOREIGN : dialect_read_sequence(sequence);
}

/* @after: what follows whichever base, or NULL. */
static bool dialect_counts(const struct dialect *dialect, const char *after)
{
    if (dialect->tolerant) return after != NULL;
    switch (dialect->kind) {
    case DOCENT_DIALECT_CURATOR: return true;
    case DOCENT_DIALECT_KAZOO: return after != NULL && dialect_read_sequence(after) != DIALECT_FOREIGN;
    case DOCENT_DIALECT_ZOOKEEPER: return after != NULL;
    }
    return false;
}

bool docent_dialect_takes_part(const struct dialect *dialect, const char *name)
{
    return dialect_counts(dialect, dialect_after_any(dialect, name));
}

static const char *dialect_key(const struct dialect *dialect, const char *name)
{
    const char *key = dialect_after_any(dialect, name);

    return key == NULL ? name : key;
}

/* strcmp compares as unsigned char, shorter first: the order of Curator (UTF-16 code units) and kazoo (code points) as far as
 * the names concern us, for what stands ahead of digits differs from them in an ASCII character. */
int docent_dialect_compare(const struct dialect *dialect, const char *a, const char *b)
{
    return strcmp(dialect_key(dialect, a), dialect_key(dialect, b));
}

/* Curator's readers take every name that has the writers' base in it for a writer's. */
static bool dialect_is_writer(const struct dialect *dialect, const char *name, const char *key)
{
    const char *after = dialect_after(dialect->pair->write, dialect->pair->write_size, name, strlen(name));

    return dialect->kind == DOCENT_DIALECT_CURATOR ? after != NULL : after == key;
}

/* Is whoever stands ahead of us also in our way? */
static bool dialect_blocks(const struct dialect *dialect, const char *name, const char *key)
{
    return dialect->waits == DIALECT_AFTER_ALL || dialect_is_writer(dialect, name, key);
}

/* @order: of @key and of the one that we would wait for so far. Of equal keys the one listed last stands last. */
static bool dialect_is_awaited_rather(const struct dialect *dialect, int order)
{
    return dialect->waits == DIALECT_AFTER_FIRST_WRITER ? order < 0 : order >= 0;
}

/* The number of a name that is as nearly all in a list are: the base, which ends in no digit, and ten digits that are not too large. NULL: it
 * is not, and has to be looked at as above; that would tell the same of these names too, but more slowly. */
static const char *dialect_plain_number(const struct dialect *dialect, const char *name)
{
    size_t size = strlen(name);

    if (dialect->pair != NULL || dialect->base_size == 0 || size < dialect->base_size + DIALECT_DIGITS) return NULL;
    const char *number = name + size - DIALECT_DIGITS;
    if (memcmp(number - dialect->base_size, dialect->base, dialect->base_size) != 0) return NULL;
    return number[0] < '2' && dialect_is_digits(number, DIALECT_DIGITS) ? number : NULL;
}

struct rank docent_dialect_rank(const struct dialect *dialect, const char *const *names, size_t count, const char *own)
{
    struct rank rank = { .plain = !dialect->tolerant };
    size_t own_at = 0;

    while (own_at < count && strcmp(names[own_at], own) != 0) {
        own_at++;
    }
    if (own_at == count || !docent_dialect_takes_part(dialect, own)) {
        rank.plain = false;
        return rank;
    }
    rank.present = true;

    const char *own_key = dialect_key(dialect, own);
    const char *ahead_key = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *after = dialect_plain_number(dialect, names[i]);
        if (after == NULL) {
            after = dialect_after_any(dialect, names[i]);
            if (after == NULL || dialect_read_sequence(after) != DIALECT_CONTENDER) rank.plain = false;
        }
        if (i == own_at || !dialect_counts(dialect, after)) continue;

        const char *key = after == NULL ? names[i] : after;
        int order = strcmp(key, own_key);
        if (order == 0) rank.plain = false;
        if (order > 0 || (order == 0 && i > own_at) || !dialect_blocks(dialect, names[i], key)) continue;

        rank.index++;
        if (ahead_key == NULL || dialect_is_awaited_rather(dialect, strcmp(key, ahead_key))) {
            ahead_key = key;
            rank.ahead = names[i];
        }
    }
    if (dialect->pair != NULL && dialect->waits == DIALECT_AFTER_ALL && rank.ahead != NULL &&
        dialect_is_writer(dialect, rank.ahead, ahead_key)) {
        rank.plain = false; /* A reader of its owner's may take its place. */
    }
    return rank;
}
