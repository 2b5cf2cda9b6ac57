/* src/store.c - see store.h.
 *
 * What ends a process tears at most the last record of the last log: it was never answered, and is cut off. Anything else that is
 * wrong was done to the files by somebody else, and is not repaired behind his back: the server says where, and does not start. */
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "must.h"
#include "snapshot.h"

enum { KEPT_SNAPSHOTS = 3, NAME_SIZE = 40, OUT_KEEP = 1 << 20 };

/* Adding up and writing a snapshot takes long, so a thread of its own does it, from a copy. */
struct finish {
    pthread_t thread;
    bool threaded; /* It is to be waited for. */
    atomic_bool done;
    struct wire_out bytes; /* Of the snapshot, but for the checksum. */
    int directory, log;    /* log: the one that ended, to be closed; -1: none. */
    int64_t zxid;
    int error;
};

struct store {
    struct store_config config;
    struct leader *leader;
    int directory, lock, log;
    struct wire_out out;
    uint64_t records, bytes;  /* In the log since the last snapshot. */
    uint64_t snapshot_size, snapshot_nodes; /* Of the last one. */
    int64_t log_after;        /* Behind which the log begins. */
    struct finish finish;
};

__attribute__((format(printf, 2, 3))) static void report(const struct store *store, const char *format, ...)
{
    if (store->config.report == NULL) return;
    int error = errno;
    char text[1024];
    int begin = snprintf(text, sizeof text, "%s: ", store->config.directory);
    size_t at = begin < 0 || (size_t)begin >= sizeof text ? 0 : (size_t)begin;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + at, sizeof text - at, format, arguments);
    va_end(arguments);
    store->config.report(store->config.user, text);
    errno = error; /* Callers pass it on. */
}

/* ---- Files. ---- */

static const char *file_name(char name[NAME_SIZE], const char *kind, int64_t zxid)
{
    snprintf(name, NAME_SIZE, "%s.%016" PRIx64, kind, (uint64_t)zxid);
    return name;
}

static bool name_is(const char *name, const char *kind, int64_t *ret_zxid)
{
    size_t size = strlen(kind);
    if (strncmp(name, kind, size) != 0 || name[size] != '.' || strspn(name + size + 1, "0123456789abcdef") != 16) return false;
    *ret_zxid = (int64_t)strtoull(name + size + 1, NULL, 16);
    return name[size + 17] == '\0';
}

struct list {
    int64_t *zxids;
    size_t count;
};

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void list_add(struct list *list, int64_t zxid)
{
    list->zxids = must(realloc(list->zxids, (list->count + 1) * sizeof *list->zxids));
    list->zxids[list->count++] = zxid;
}

/* In ascending order. */
static bool list_files(int directory, struct list *snapshots, struct list *logs, struct list *unfinished)
{
    *snapshots = *logs = *unfinished = (struct list){ NULL, 0 };
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        if (fd >= 0) close(fd);
        return false;
    }
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        int64_t zxid;
        if (name_is(entry->d_name, "snapshot", &zxid)) list_add(snapshots, zxid);
        if (name_is(entry->d_name, "log", &zxid)) list_add(logs, zxid);
        if (name_is(entry->d_name, "new-snapshot", &zxid)) list_add(unfinished, zxid);
    }
    closedir(dir);
    if (snapshots->count > 1) qsort(snapshots->zxids, snapshots->count, sizeof(int64_t), compare);
    if (logs->count > 1) qsort(logs->zxids, logs->count, sizeof(int64_t), compare);
    return true;
}

static void remove_files(int directory, const char *kind, const struct list *list, size_t count)
{
    char name[NAME_SIZE];
    for (size_t i = 0; i < count; i++) unlinkat(directory, file_name(name, kind, list->zxids[i]), 0);
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

struct mapping {
    uint8_t *data;
    size_t size;
};

static bool map_file(int directory, const char *name, struct mapping *ret_mapping)
{
    *ret_mapping = (struct mapping){ NULL, 0 };
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    if (fd < 0 || fstat(fd, &stat) < 0) {
        if (fd >= 0) close(fd);
        return false;
    }
    void *data = NULL;
    if (stat.st_size > 0) data = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (data == MAP_FAILED) return false;
    *ret_mapping = (struct mapping){ data, (size_t)stat.st_size };
    return true;
}

static void unmap(struct mapping *mapping)
{
    if (mapping->data != NULL) munmap(mapping->data, mapping->size);
    *mapping = (struct mapping){ NULL, 0 };
}

/* ---- Starting: the directory. ---- */

static bool directory_create(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return true;
    const char *slash = strrchr(path, '/');
    if (errno != ENOENT || slash == NULL || slash == path) return false;
    char *parent = must(strndup(path, (size_t)(slash - path)));
    bool good = directory_create(parent);
    free(parent);
    return good && (mkdir(path, 0777) == 0 || errno == EEXIST);
}

static bool directory_open(struct store *store)
{
    const char *path = store->config.directory;
    if (!directory_create(path)) {
        report(store, "cannot create this directory: %s", strerror(errno));
        return false;
    }
    store->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0) {
        report(store, "cannot open this directory: %s", strerror(errno));
        return false;
    }
    store->lock = openat(store->directory, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (store->lock < 0) {
        report(store, "cannot open the file lock: %s", strerror(errno));
        return false;
    }
    char text[24] = "";
    if (flock(store->lock, LOCK_EX | LOCK_NB) < 0) {
        int error = errno;
        if (pread(store->lock, text, sizeof text - 1, 0) < 0) text[0] = '\0';
        text[strcspn(text, "\n")] = '\0';
        report(store, "another server has this directory (process %s)", text);
        errno = error;
        return false;
    }
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(store->lock, 0) < 0 || pwrite(store->lock, text, (size_t)size, 0) != size) {
        report(store, "cannot write to the file lock: %s", strerror(errno));
        return false;
    }
    if (faccessat(store->directory, "version-2", F_OK, 0) == 0) {
        report(store, "has data of Apache ZooKeeper (version-2), which this server does not read");
        errno = EBADMSG;
        return false;
    }
    return true;
}

/* ---- Starting: snapshots. ---- */

enum outcome { TAKEN, SKIPPED, REFUSED };

static enum outcome snapshot_load(struct store *store, int64_t zxid, uint64_t now)
{
    char name[NAME_SIZE];
    struct mapping file;
    if (!map_file(store->directory, file_name(name, "snapshot", zxid), &file)) {
        report(store, "cannot read %s: %s", name, strerror(errno));
        return REFUSED;
    }
    int32_t version;
    enum outcome outcome = REFUSED;
    switch (docent_snapshot_check(file.data, file.size, &version)) {
    case SNAPSHOT_FOREIGN: report(store, "%s is no snapshot of this server", name); break;
    case SNAPSHOT_VERSION_UNKNOWN:
        report(store, "%s has format %" PRId32 "; this server knows format %d", name, version, SNAPSHOT_VERSION);
        break;
    case SNAPSHOT_DAMAGED:
        report(store, "warning: %s is damaged; trying the one before", name);
        outcome = SKIPPED;
        break;
    case SNAPSHOT_GOOD:
        if (docent_snapshot_read(store->leader, now, file.data, file.size - SNAPSHOT_SUM_SIZE) && docent_leader_zxid(store->leader) == zxid) {
            outcome = TAKEN;
            store->snapshot_size = file.size;
            store->snapshot_nodes = docent_leader_tree(store->leader)->count;
        } else {
            report(store, "%s makes no sense", name);
        }
        break;
    }
    unmap(&file);
    if (outcome == REFUSED) errno = EBADMSG;
    return outcome;
}

/* ---- Starting: logs. ---- */

static int log_create(const struct store *store, int64_t after)
{
    char name[NAME_SIZE];
    int fd = openat(store->directory, file_name(name, "log", after), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    struct wire_out header = { 0 };
    docent_log_put_header(&header, after);
    bool good = fd >= 0 && write_all(fd, header.data, header.size) &&
                (!store->config.fsync || (fdatasync(fd) == 0 && fsync(store->directory) == 0));
    int error = errno;
    docent_wire_out_free(&header);
    if (!good && fd >= 0) {
        close(fd);
        unlinkat(store->directory, name, 0);
    }
    errno = error;
    return good ? fd : -1;
}

/* Applies what is behind the leader's zxid. False: refused. *ret_good: so much of the file is good; 0: not even the header. */
static bool log_replay(struct store *store, const char *name, int64_t after, bool last, const struct mapping *file, uint64_t now, size_t *ret_good,
                       int64_t *ret_end)
{
    struct log_reader reader;
    int64_t zxid = docent_leader_zxid(store->leader);
    *ret_good = 0;
    *ret_end = after;
    if (after > zxid) {
        report(store, "transactions are missing: there is nothing from 0x%" PRIx64 " to 0x%" PRIx64, (uint64_t)zxid + 1, (uint64_t)after);
        return false;
    }
    switch (docent_log_open(&reader, file->data, file->size)) {
    case LOG_HEADER_TORN:
        if (last) return true;
        report(store, "%s has no complete header, and there are later logs", name);
        return false;
    case LOG_HEADER_FOREIGN: report(store, "%s is no log of this server", name); return false;
    case LOG_HEADER_VERSION:
        report(store, "%s has format %" PRId32 "; this server knows format %d", name, reader.version, LOG_VERSION);
        return false;
    case LOG_HEADER_DAMAGED: report(store, "%s is damaged at offset 0", name); return false;
    case LOG_HEADER_GOOD: break;
    }
    if (reader.after != after) {
        report(store, "%s says that it begins behind 0x%" PRIx64, name, (uint64_t)reader.after);
        return false;
    }
    for (;;) {
        struct txn *txn;
        size_t at = reader.at;
        switch (docent_log_next(&reader, &txn)) {
        case LOG_TXN: {
            bool fits = txn->zxid <= docent_leader_zxid(store->leader) || docent_leader_replay(store->leader, now, txn);
            docent_transaction_unref(txn);
            store->records++;
            if (fits) continue;
            report(store, "%s: the transaction at offset %zu does not fit what is before it", name, at);
            return false;
        }
        case LOG_TORN:
            if (last) {
                report(store, "warning: %s ends in a record that was never completed, at offset %zu; cut off %zu bytes", name, at,
                       file->size - at);
                break;
            }
            report(store, "%s is damaged at offset %zu, and there are later logs", name, at);
            return false;
        case LOG_DAMAGED:
            report(store, "%s is damaged at offset %zu, and there are transactions behind that; to do without them, cut the file there",
                   name, at);
            return false;
        case LOG_END: break;
        }
        *ret_good = reader.at;
        *ret_end = reader.zxid;
        store->bytes += reader.at;
        return true;
    }
}

static bool log_load(struct store *store, int64_t after, bool last, uint64_t now)
{
    char name[NAME_SIZE];
    struct mapping file;
    if (!map_file(store->directory, file_name(name, "log", after), &file)) {
        report(store, "cannot read %s: %s", name, strerror(errno));
        return false;
    }
    size_t good;
    int64_t end;
    bool fine = log_replay(store, name, after, last, &file, now, &good, &end);
    bool torn = good < file.size;
    unmap(&file);
    if (!fine) errno = EBADMSG;
    /* What comes next goes to this log if it is the last, unless there is a hole between the two. */
    if (!fine || !last || good == 0 || end != docent_leader_zxid(store->leader)) return fine;
    store->log = openat(store->directory, name, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (store->log < 0 || (torn && ftruncate(store->log, (off_t)good) < 0) || (torn && store->config.fsync && fdatasync(store->log) < 0)) {
        report(store, "cannot write to %s: %s", name, strerror(errno));
        return false;
    }
    store->log_after = after;
    return true;
}

/* Does without what the three newest snapshots make superfluous. */
static void purge(int directory)
{
    struct list snapshots, logs, unfinished;
    if (!list_files(directory, &snapshots, &logs, &unfinished)) return;
    if (snapshots.count >= KEPT_SNAPSHOTS) {
        size_t goes = snapshots.count - KEPT_SNAPSHOTS;
        int64_t oldest = snapshots.zxids[goes];
        remove_files(directory, "snapshot", &snapshots, goes);
        size_t first = 0;
        while (first + 1 < logs.count && logs.zxids[first + 1] <= oldest) first++;
        remove_files(directory, "log", &logs, first);
    }
    free(snapshots.zxids);
    free(logs.zxids);
    free(unfinished.zxids);
}

static bool contents_load(struct store *store, const struct list *snapshots, const struct list *logs, uint64_t now)
{
    enum outcome outcome = SKIPPED;
    size_t left = snapshots->count;
    while (left > 0 && outcome == SKIPPED) outcome = snapshot_load(store, snapshots->zxids[--left], now);
    if (outcome == REFUSED) return false;
    bool newest = outcome == TAKEN && left + 1 == snapshots->count;
    size_t first = 0; /* The log in which the next transaction is. */
    while (first + 1 < logs->count && logs->zxids[first + 1] <= docent_leader_zxid(store->leader)) first++;
    for (size_t i = first; i < logs->count; i++) {
        if (i > first && logs->zxids[i] != docent_leader_zxid(store->leader)) {
            report(store, "transactions are missing: log.%016" PRIx64 " ends with 0x%" PRIx64 ", the next begins behind 0x%" PRIx64,
                   (uint64_t)logs->zxids[i - 1], (uint64_t)docent_leader_zxid(store->leader), (uint64_t)logs->zxids[i]);
            errno = EBADMSG;
            return false;
        }
        if (!log_load(store, logs->zxids[i], i + 1 == logs->count, now)) return false;
    }
    if (store->log < 0) {
        store->log_after = docent_leader_zxid(store->leader);
        store->log = log_create(store, store->log_after);
    }
    if (store->log < 0) report(store, "cannot create a log: %s", strerror(errno));
    if (store->log >= 0 && newest) purge(store->directory); /* The one before may not have come to that. */
    return store->log >= 0;
}

/* ---- Snapshots. ---- */

static bool snapshot_write(const struct finish *finish, const char *name)
{
    uint8_t sum[SNAPSHOT_SUM_SIZE];
    docent_snapshot_sum(sum, finish->bytes.data, finish->bytes.size);
    int fd = openat(finish->directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool good = fd >= 0 && write_all(fd, finish->bytes.data, finish->bytes.size) && write_all(fd, sum, sizeof sum) && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
    return good;
}

static void *finish_run(void *user)
{
    struct finish *finish = user;
    char before[NAME_SIZE], after[NAME_SIZE];
    file_name(before, "new-snapshot", finish->zxid);
    file_name(after, "snapshot", finish->zxid);
    bool good = (finish->log < 0 || fdatasync(finish->log) == 0) && snapshot_write(finish, before) &&
                renameat(finish->directory, before, finish->directory, after) == 0 && fsync(finish->directory) == 0;
    finish->error = good ? 0 : errno;
    if (finish->log >= 0) close(finish->log);
    docent_wire_out_free(&finish->bytes);
    if (good) {
        purge(finish->directory);
    } else {
        unlinkat(finish->directory, before, 0);
    }
    atomic_store(&finish->done, true);
    return NULL;
}

static void finish_wait(struct store *store)
{
    if (store->finish.threaded) pthread_join(store->finish.thread, NULL);
    store->finish.threaded = false;
    if (store->finish.error != 0) report(store, "warning: cannot write a snapshot: %s", strerror(store->finish.error));
    store->finish.error = 0;
}

void docent_store_snapshot(struct store *store, int64_t wall)
{
    int64_t zxid = docent_leader_tree(store->leader)->zxid;
    finish_wait(store);
    store->records = store->bytes = 0; /* If it fails, the log goes on, and the next one comes in its time. */
    store->finish = (struct finish){ .directory = store->directory, .log = -1, .zxid = zxid };
    if (zxid != store->log_after) {
        int next = log_create(store, zxid);
        if (next < 0) {
            report(store, "warning: cannot begin another log: %s", strerror(errno));
            return;
        }
        store->finish.log = store->log;
        store->log = next;
        store->log_after = zxid;
    }
    docent_snapshot_put(&store->finish.bytes, store->leader, wall);
    if (store->finish.bytes.failed) abort(); /* A development server does not go on without memory. */
    store->snapshot_size = store->finish.bytes.size;
    store->snapshot_nodes = docent_leader_tree(store->leader)->count;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    store->finish.threaded = pthread_create(&store->finish.thread, NULL, finish_run, &store->finish) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!store->finish.threaded) finish_run(&store->finish);
}

static bool snapshot_is_due(const struct store *store)
{
    if (store->finish.threaded) return false;
    uint64_t records = store->config.snapshot_every, bytes = store->config.snapshot_bytes;
    if (records < store->snapshot_nodes) records = store->snapshot_nodes;
    if (bytes < store->snapshot_size) bytes = store->snapshot_size;
    return store->records >= records || store->bytes >= bytes;
}

/* ---- A store. ---- */

struct store *docent_store_open(const struct store_config *config, struct leader *leader, uint64_t now, int64_t wall)
{
    struct store *store = must(calloc(1, sizeof *store));
    store->config = *config;
    store->config.directory = must(strdup(config->directory));
    if (store->config.snapshot_every == 0) store->config.snapshot_every = 100000;
    if (store->config.snapshot_bytes == 0) store->config.snapshot_bytes = 64 << 20;
    store->leader = leader;
    store->directory = store->lock = store->log = -1;
    int64_t first = docent_leader_zxid(leader);
    struct list snapshots, logs, unfinished;
    bool good = directory_open(store);
    if (good && !list_files(store->directory, &snapshots, &logs, &unfinished)) {
        report(store, "cannot list this directory: %s", strerror(errno));
        good = false;
    } else if (good) {
        remove_files(store->directory, "new-snapshot", &unfinished, unfinished.count);
        /* A server that does not begin at 0 has nothing to begin from but a snapshot. */
        if (snapshots.count > 0 || logs.count > 0) {
            docent_leader_restore(leader, 0, 0);
        } else if (first != 0) {
            store->log_after = first;
            docent_store_snapshot(store, wall);
            finish_wait(store);
        }
        good = contents_load(store, &snapshots, &logs, now);
        docent_leader_preset(leader, first);
        free(snapshots.zxids);
        free(logs.zxids);
        free(unfinished.zxids);
    }
    if (good) return store;
    int error = errno;
    docent_store_close(store);
    errno = error;
    return NULL;
}

void docent_store_add(struct store *store, const struct txn *txn)
{
    docent_log_put(&store->out, txn);
    store->records++;
}

bool docent_store_write(struct store *store, int64_t wall)
{
    if (store->out.size == 0) return true;
    bool good = write_all(store->log, store->out.data, store->out.size);
    while (good && store->config.fsync && fdatasync(store->log) < 0) {
        if (errno != EINTR) good = false;
    }
    if (!good) {
        report(store, "cannot write to the log: %s", strerror(errno));
        return false;
    }
    store->bytes += store->out.size;
    store->out.size = 0;
    if (store->out.capacity > OUT_KEEP) docent_wire_out_free(&store->out);
    if (store->finish.threaded && atomic_load(&store->finish.done)) finish_wait(store);
    if (snapshot_is_due(store)) docent_store_snapshot(store, wall);
    return true;
}

void docent_store_close(struct store *store)
{
    if (store == NULL) return;
    finish_wait(store);
    if (store->log >= 0) close(store->log);
    if (store->lock >= 0) close(store->lock);
    if (store->directory >= 0) close(store->directory);
    docent_wire_out_free(&store->out);
    free((char *)(uintptr_t)store->config.directory);
    free(store);
}

bool docent_store_wipe(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return errno == ENOENT;
    struct list snapshots, logs, unfinished;
    bool good = list_files(directory, &snapshots, &logs, &unfinished);
    if (good) {
        /* Without its snapshot a log is refused; without its logs a snapshot is an old state. */
        remove_files(directory, "snapshot", &snapshots, snapshots.count);
        remove_files(directory, "new-snapshot", &unfinished, unfinished.count);
        remove_files(directory, "log", &logs, logs.count);
        free(snapshots.zxids);
        free(logs.zxids);
        free(unfinished.zxids);
    }
    int error = errno;
    close(directory);
    errno = error;
    return good;
}

static uint64_t files_size(const struct store *store, const char *kind, const struct list *list)
{
    uint64_t size = 0;
    char name[NAME_SIZE];
    struct stat stat;
    for (size_t i = 0; i < list->count; i++) {
        if (fstatat(store->directory, file_name(name, kind, list->zxids[i]), &stat, 0) == 0) size += (uint64_t)stat.st_size;
    }
    return size;
}

void docent_store_sizes(const struct store *store, uint64_t *ret_snapshots, uint64_t *ret_logs)
{
    *ret_snapshots = *ret_logs = 0;
    struct list snapshots, logs, unfinished;
    if (!list_files(store->directory, &snapshots, &logs, &unfinished)) return;
    *ret_snapshots = files_size(store, "snapshot", &snapshots);
    *ret_logs = files_size(store, "log", &logs);
    free(snapshots.zxids);
    free(logs.zxids);
    free(unfinished.zxids);
}
