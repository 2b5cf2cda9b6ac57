/* core/drive/files.c - see files.h. */
#include "core/drive/files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/drive/driver.h"
#include "core/wire/alloc.h"

/* ---- The thread. ---- */

struct docent_files {
    unsigned users;
    unsigned fork_generation;
    bool started, ends;
    pthread_t thread;
    pthread_cond_t wakes;
    struct docent_file_job *first, **last;
};

static pthread_mutex_t files_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct docent_files *files_current; /* NULL: nobody has any. */

static void files_free(struct docent_files *files)
{
    pthread_cond_destroy(&files->wakes);
    free(files);
}

static void *files_run(void *user)
{
    struct docent_files *files = user;
    pthread_setname_np(pthread_self(), "docent-files");
    pthread_mutex_lock(&files_mutex);
    while (!files->ends) {
        struct docent_file_job *job = files->first;
        if (job == NULL) {
            pthread_cond_wait(&files->wakes, &files_mutex);
            continue;
        }
        files->first = job->next;
        if (files->first == NULL) files->last = &files->first;
        pthread_mutex_unlock(&files_mutex);
        job->work(job);
        pthread_mutex_lock(&files_mutex);
    }
    bool alone = !files->started; /* The last user was our own work: nobody joins. */
    pthread_mutex_unlock(&files_mutex);
    if (alone) files_free(files);
    return NULL;
}

struct docent_files *docent_files_get(void)
{
    unsigned generation = docent_fork_generation();
    pthread_mutex_lock(&files_mutex);
    struct docent_files *files = files_current;
    if (files == NULL && (files = calloc(1, sizeof *files)) != NULL) {
        pthread_cond_init(&files->wakes, NULL);
        files->last = &files->first;
        files->fork_generation = generation;
        files_current = files;
    }
    if (files != NULL) files->users++;
    pthread_mutex_unlock(&files_mutex);
    return files;
}

void docent_files_put(struct docent_files *files)
{
    if (files == NULL || docent_forked_since(files->fork_generation)) return;
    pthread_mutex_lock(&files_mutex);
    bool over = --files->users == 0, joins = false;
    if (over) {
        files_current = NULL; /* Whoever comes now gets another. */
        files->ends = true;
        joins = files->started && !pthread_equal(files->thread, pthread_self());
        if (files->started && !joins) {
            files->started = false;
            pthread_detach(files->thread);
            over = false; /* It frees itself. */
        }
        pthread_cond_signal(&files->wakes);
    }
    pthread_mutex_unlock(&files_mutex);
    if (joins) pthread_join(files->thread, NULL); /* It has nothing to do, so this takes no time. */
    if (over) files_free(files);
}

static bool files_start(struct docent_files *files)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* Signals are the application's. */
    files->started = pthread_create(&files->thread, NULL, files_run, files) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return files->started;
}

docent_status docent_files_submit(struct docent_files *files, struct docent_file_job *job)
{
    if (docent_forked_since(files->fork_generation)) return DOCENT_ERR_FORKED;
    pthread_mutex_lock(&files_mutex);
    docent_status status = files->started || files_start(files) ? DOCENT_OK : DOCENT_ERR_IO;
    if (status == DOCENT_OK) {
        job->next = NULL;
        *files->last = job;
        files->last = &job->next;
        pthread_cond_signal(&files->wakes);
    }
    pthread_mutex_unlock(&files_mutex);
    return status;
}

void docent_files_forked(void)
{
    pthread_mutex_init(&files_mutex, NULL); /* Perhaps of a thread that did not come along; neither did ours. */
    files_current = NULL;
}

/* ---- Files. ---- */

enum {
    LOCK_TRIES = 100, /* Another process writes the same file; that takes milliseconds. */
    LOCK_PAUSE_MS = 10,
};

static void __attribute__((format(printf, 3, 4))) say(char *reason, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, size, format, arguments);
    va_end(arguments);
}

static docent_status failed(const char *what, int error, char *reason, size_t reason_size)
{
    char text[96];
    say(reason, reason_size, "%s: %s", what, strerror_r(error, text, sizeof text));
    return error == ENOENT ? DOCENT_ERR_NO_NODE : error == ENOMEM ? DOCENT_ERR_NO_MEMORY : DOCENT_ERR_IO;
}

static docent_status read_all(int fd, char *data, size_t size, char *reason, size_t reason_size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(fd, data + done, size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("read", errno, reason, reason_size);
        if (got == 0) {
            say(reason, reason_size, "it became shorter while it was read");
            return DOCENT_ERR_IO;
        }
        done += (size_t)got;
    }
    return DOCENT_OK;
}

docent_status docent_file_read(const char *path, size_t max, const docent_allocator *allocator, char **ret_data, size_t *ret_size, char *reason,
                               size_t reason_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* A pipe there does not make us wait. */
    if (fd < 0) return failed("open", errno, reason, reason_size);
    struct stat about;
    docent_status status = fstat(fd, &about) < 0 ? failed("stat", errno, reason, reason_size) : DOCENT_OK;
    if (status == DOCENT_OK && !S_ISREG(about.st_mode)) {
        say(reason, reason_size, "it is not a regular file");
        status = DOCENT_ERR_IO;
    }
    if (status == DOCENT_OK && (uint64_t)about.st_size > max) {
        say(reason, reason_size, "it is larger than %zu bytes", max);
        status = DOCENT_ERR_TOO_LARGE;
    }
    size_t size = status == DOCENT_OK ? (size_t)about.st_size : 0;
    char *data = status == DOCENT_OK ? docent_alloc(allocator, size + 1) : NULL;
    if (status == DOCENT_OK && data == NULL) status = failed("read", ENOMEM, reason, reason_size);
    if (status == DOCENT_OK) status = read_all(fd, data, size, reason, reason_size);
    close(fd);
    if (status != DOCENT_OK) {
        docent_free(allocator, data);
        return status;
    }
    data[size] = '\0';
    *ret_data = data;
    *ret_size = size;
    return DOCENT_OK;
}

static docent_status write_all(int fd, const char *data, size_t size, char *reason, size_t reason_size)
{
    if (ftruncate(fd, 0) < 0 || fchmod(fd, 0600) < 0) return failed("prepare", errno, reason, reason_size);
    for (size_t done = 0; done < size;) {
        ssize_t put = write(fd, data + done, size - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return failed("write", errno, reason, reason_size);
        done += (size_t)put;
    }
    return fsync(fd) < 0 ? failed("fsync", errno, reason, reason_size) : DOCENT_OK;
}

/* The new file, locked: whoever has the lock on what is called @path is the one that writes. One that a crash has left behind is used
 * again. -1: with errno; EWOULDBLOCK: others keep it. */
static int open_locked(const char *path)
{
    for (int tries = 0; tries < LOCK_TRIES; tries++) {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
        if (fd < 0) return -1;
        struct stat mine, there;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino &&
            mine.st_dev == there.st_dev) {
            return fd;
        } /* Else it is another's, or has meanwhile become the file. */
        close(fd);
        const struct timespec pause = { 0, LOCK_PAUSE_MS * 1000000 };
        nanosleep(&pause, NULL);
    }
    errno = EWOULDBLOCK;
    return -1;
}

static docent_status sync_directory(const char *path, char *name, char *reason, size_t reason_size)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    memcpy(name, slash == NULL ? "." : path, slash == NULL ? 1 : size);
    name[slash == NULL ? 1 : size] = '\0';
    int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    docent_status status = fd < 0 || fsync(fd) < 0 ? failed("fsync of the folder", errno, reason, reason_size) : DOCENT_OK;
    if (fd >= 0) close(fd);
    return status == DOCENT_ERR_NO_NODE ? DOCENT_ERR_IO : status;
}

docent_status docent_file_replace(const char *path, const char *data, size_t size, size_t max, const docent_allocator *allocator,
                                  docent_status (*may_replace)(const char *old, size_t old_size, void *user), void *user, char *reason,
                                  size_t reason_size)
{
    static const char suffix[] = ".new";
    char *name = docent_alloc(allocator, strlen(path) + sizeof suffix + 1);
    if (name == NULL) return failed("write", ENOMEM, reason, reason_size);
    sprintf(name, "%s%s", path, suffix);
    int fd = open_locked(name);
    docent_status status = DOCENT_OK;
    if (fd < 0) {
        status = errno == EWOULDBLOCK ? DOCENT_ERR_BUSY : DOCENT_ERR_IO;
        (void)failed(name, errno, reason, reason_size);
    }
    char *old = NULL;
    size_t old_size = 0;
    if (status == DOCENT_OK) {
        status = docent_file_read(path, max, allocator, &old, &old_size, reason, reason_size);
        if (status == DOCENT_OK) {
            status = may_replace(old, old_size, user);
        } else if (status == DOCENT_ERR_NO_NODE) {
            status = DOCENT_OK;
        }
        docent_free(allocator, old);
    }
    if (status == DOCENT_OK) status = write_all(fd, data, size, reason, reason_size);
    if (status == DOCENT_OK && rename(name, path) < 0) status = failed("rename", errno, reason, reason_size);
    if (status == DOCENT_OK) {
        status = sync_directory(path, name, reason, reason_size);
    } else if (fd >= 0) {
        (void)unlink(name); /* It is ours: we have the lock. */
    }
    if (fd >= 0) close(fd);
    docent_free(allocator, name);
    return status == DOCENT_ERR_NO_NODE ? DOCENT_ERR_IO : status;
}
