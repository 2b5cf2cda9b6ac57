/* src/front_about.c - what four-letter words tell of process and machine. Asked when a word is, and not before. */
#include "front.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "words.h"

static uint64_t open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) return 0;
    uint64_t count = 0;
    while (readdir(folder) != NULL) count++;
    closedir(folder);
    return count < 3 ? 0 : count - 3; /* Not ".", "..", and the folder itself. */
}

void docent_front_about(struct server_about *about)
{
    static _Thread_local struct utsname system; /* The texts are borrowed until the next call. */
    static _Thread_local char folder[4096];
    struct rlimit limit;
    if (uname(&system) == 0) {
        about->host = system.nodename;
        about->system = system.sysname;
        about->release = system.release;
        about->machine = system.machine;
    }
    about->user = getenv("USER");
    about->home = getenv("HOME");
    about->folder = getcwd(folder, sizeof folder);
    about->open_files = open_files();
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) about->max_files = limit.rlim_cur;
    long page = sysconf(_SC_PAGESIZE), free_pages = sysconf(_SC_AVPHYS_PAGES), pages = sysconf(_SC_PHYS_PAGES);
    if (page > 0 && free_pages > 0) about->memory_free = (uint64_t)page * (uint64_t)free_pages >> 20;
    if (page > 0 && pages > 0) about->memory_total = (uint64_t)page * (uint64_t)pages >> 20;
}
