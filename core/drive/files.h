/* core/drive/files.h - files, which make a thread wait, away from every loop: one thread of the process's carries out what it is given, in order.
 * It starts when it is given something first, and goes when nobody needs it any more. This header names no operating system, so recipes may
 * include it. */
#ifndef DOCENT_FILES_H
#define DOCENT_FILES_H

#include <docent/types.h>

struct docent_files;

struct docent_file_job {
    struct docent_file_job *next;
    void (*work)(struct docent_file_job *job); /* On that thread. May free the job, and give @files back. */
};

/* Paired. NULL: no memory. Any thread. */
struct docent_files *docent_files_get(void);
/* Does not wait for jobs: who has one under way has not given @files back. In a forked child it does nothing. */
void docent_files_put(struct docent_files *files);
/* @job is the caller's memory, and @files the caller's, until it has run; so the queue is as long as there are callers. DOCENT_OK, DOCENT_ERR_FORKED, or
 * DOCENT_ERR_IO (no thread can be had). Any thread. */
docent_status docent_files_submit(struct docent_files *files, struct docent_file_job *job);

/* ---- What such work is made of. @reason, of @reason_size bytes, gets a line of English if it fails. ---- */

/* The whole of a regular file of at most @max bytes. On success *@ret_data is the caller's to docent_free(). DOCENT_OK, DOCENT_ERR_NO_NODE (there is
 * none), DOCENT_ERR_TOO_LARGE, DOCENT_ERR_IO, DOCENT_ERR_NO_MEMORY. */
docent_status docent_file_read(const char *path, size_t max, const docent_allocator *allocator, char **ret_data, size_t *ret_size, char *reason,
                               size_t reason_size);

/* Writes the file anew, for its owner's eyes, such that at any moment, and after a crash at any moment, @path is the old file or the new one,
 * whole. Processes that do so at once take turns. @may_replace is asked with what is there, if there is something, within that turn; what
 * else it returns than DOCENT_OK is returned, with @path as it was. More than @max bytes of it are not read, and it is not replaced. Else
 * DOCENT_ERR_BUSY (another process keeps us waiting), DOCENT_ERR_IO, DOCENT_ERR_NO_MEMORY. */
docent_status docent_file_replace(const char *path, const char *data, size_t size, size_t max, const docent_allocator *allocator,
                                  docent_status (*may_replace)(const char *old, size_t old_size, void *user), void *user, char *reason,
                                  size_t reason_size);

void docent_files_forked(void); /* In the child. */

#endif
