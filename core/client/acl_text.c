/* core/client/acl_text.c - access control lists as text: "scheme:id:cdrwa", separated by commas. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <docent/acl.h>

static const char letters[] = "cdrwa";
static const int32_t bits[] = { DOCENT_PERM_CREATE, DOCENT_PERM_DELETE, DOCENT_PERM_READ, DOCENT_PERM_WRITE, DOCENT_PERM_ADMIN };

/* Where the parts of one entry lie. */
struct entry {
    size_t id, perms, size;
};

/* The entry that @text begins with. It ends at the first comma, or at the end, that has two colons before it and nothing but letters
 * of permissions since the last of them. False: there is no whole entry. */
static bool entry_find(const char *text, struct entry *ret_entry)
{
    size_t first = 0, last = 0; /* What follows the first colon, and the last. */
    for (size_t at = 0;; at++) {
        if (text[at] == ':') {
            last = at + 1;
            if (first == 0) first = last;
        }
        if (text[at] != ',' && text[at] != '\0') continue;
        if (first != last && strspn(text + last, letters) == at - last) {
            *ret_entry = (struct entry){ first, last, at };
            return true;
        }
        if (text[at] == '\0') return false;
    }
}

/* ---- Writing. ---- */

struct writer {
    char *text;
    size_t size, room;
};

/* Keeps a byte for the terminator. What did not fit leaves it full, and it stays so. */
static void writer_put(struct writer *w, const char *text, size_t size)
{
    if (size < w->room - w->size) {
        memcpy(w->text + w->size, text, size);
        w->size += size;
    } else {
        w->size = w->room;
    }
}

static bool entry_put(struct writer *w, const docent_acl *entry)
{
    if (entry->scheme == NULL || entry->id == NULL || strchr(entry->scheme, ':') != NULL) return false;
    size_t begin = w->size;
    writer_put(w, entry->scheme, strlen(entry->scheme));
    writer_put(w, ":", 1);
    writer_put(w, entry->id, strlen(entry->id));
    writer_put(w, ":", 1);
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        if (entry->perms & bits[i]) writer_put(w, &letters[i], 1);
    }
    if (w->size == w->room) return true; /* Too large, which is told at the end. */
    w->text[w->size] = '\0';
    struct entry entry_again;
    return entry_find(w->text + begin, &entry_again) && begin + entry_again.size == w->size;
}

docent_status docent_acl_text(docent_acl_list list, char *text, size_t size)
{
    if (text == NULL || size == 0) return text == NULL ? DOCENT_ERR_INVALID_ARGUMENT : DOCENT_ERR_TOO_LARGE;
    text[0] = '\0';
    if (list.entries == NULL && list.count > 0) return DOCENT_ERR_INVALID_ARGUMENT;
    struct writer w = { text, 0, size };
    for (size_t i = 0; i < list.count; i++) {
        if (i > 0) writer_put(&w, ",", 1);
        if (!entry_put(&w, &list.entries[i])) {
            text[0] = '\0';
            return DOCENT_ERR_INVALID_ARGUMENT;
        }
    }
    if (w.size == w.room) text[0] = '\0';
    return w.size == w.room ? DOCENT_ERR_TOO_LARGE : DOCENT_OK;
}

/* ---- Reading. ---- */

/* Does not repeat what was given: it may be a password. */
static docent_status wrong(char *fault, size_t size, size_t number, const char *what)
{
    if (fault != NULL && size > 0) snprintf(fault, size, "entry %zu: %s", number, what);
    return DOCENT_ERR_INVALID_ARGUMENT;
}

/* -1: a letter twice. */
static int32_t perms_of(const char *text, size_t size)
{
    int32_t perms = 0;
    for (size_t i = 0; i < size; i++) {
        int32_t bit = bits[strchr(letters, text[i]) - letters];
        if (perms & bit) return -1;
        perms |= bit;
    }
    return perms;
}

/* Cuts @text, which is ours, up into @entries, of which there are enough. */
static docent_status text_split(char *text, docent_acl *entries, size_t *ret_count, char *fault, size_t fault_size)
{
    size_t count = 0;
    for (bool more = true; more; count++) {
        struct entry entry;
        if (!entry_find(text, &entry)) return wrong(fault, fault_size, count + 1, "not of the form scheme:id:cdrwa");
        int32_t perms = perms_of(text + entry.perms, entry.size - entry.perms);
        if (perms < 0) return wrong(fault, fault_size, count + 1, "a permission twice");
        entries[count] = (docent_acl){ perms, text, text + entry.id };
        more = text[entry.size] == ',';
        text[entry.id - 1] = text[entry.perms - 1] = '\0';
        text += entry.size + 1;
    }
    *ret_count = count;
    return DOCENT_OK;
}

docent_status docent_acl_parse(const char *text, docent_acl_list *ret_list, char *fault, size_t fault_size)
{
    if (text == NULL || ret_list == NULL) return wrong(fault, fault_size, 1, "nothing to read");
    size_t size = strlen(text) + 1, most = 1;
    for (const char *at = text; *at != '\0'; at++) most += *at == ',';
    if (most > (SIZE_MAX - size) / sizeof(docent_acl)) return DOCENT_ERR_NO_MEMORY;
    docent_acl *entries = malloc(most * sizeof *entries + size);
    if (entries == NULL) return DOCENT_ERR_NO_MEMORY;
    char *own = (char *)(entries + most);
    memcpy(own, text, size);

    docent_acl_list list = { entries, 0 };
    docent_status status = text_split(own, entries, &list.count, fault, fault_size);
    if (status == DOCENT_OK) status = docent_acl_check(list, fault, fault_size);
    if (status == DOCENT_OK) {
        *ret_list = list;
    } else {
        free(entries);
    }
    return status;
}
