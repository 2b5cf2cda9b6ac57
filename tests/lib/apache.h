/* tests/lib/apache.h - Apache ZooKeeper from the distribution's jars, started by a test: one server, or an ensemble of three, on loopback
 * and ports that were free, with a temporary directory for their data. Ticks last 500 ms, so sessions 1 to 10 s.
 *
 * Servers die with the thread that started them (PR_SET_PDEATHSIG), so start and restart them on the main thread; their data goes
 * when the process ends, even if it is killed. A server that does not come up within a minute ends the program. */
#ifndef TEST_APACHE_H
#define TEST_APACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { APACHE_SERVERS_MAX = 3 };

struct apache;

bool apache_available(void); /* Are the jars and a Java virtual machine there? */
/* Starts @servers (1 or 3) and returns when all of them serve. */
struct apache *apache_start(int servers);
/* The same, of servers that go on for readers when they have lost their quorum, with sessions of their own. */
struct apache *apache_start_read_only(int servers);
/* The same, with reconfiguration switched on, for "digest", "super:secret". These have no relays between them: no apache_cut_first(). */
struct apache *apache_start_dynamic(int servers);
void apache_member(const struct apache *apache, int server, char *text, size_t size); /* As a reconfiguration has it: "server.1=...". */
void apache_stop(struct apache *apache); /* Kills them and removes their data. NULL: does nothing. */

const char *apache_connect_string(const struct apache *apache);
uint16_t apache_port(const struct apache *apache, int server);

/* Who leads, as servers say themselves; the others follow and serve. Waits for it. */
int apache_leader(struct apache *apache);
/* What the server answers to a four-letter word; "" if it does not. */
void apache_ask(struct apache *apache, int server, const char *word, char *text, size_t size);
bool apache_serves(struct apache *apache, int server); /* Now. */

void apache_kill(struct apache *apache, int server);    /* SIGKILL. */
void apache_restart(struct apache *apache, int server); /* After apache_kill(). Does not wait. */
/* After apache_kill(), for the rest of its life: with its data, but as a server that needs no others. */
void apache_restart_alone(struct apache *apache, int server);
void apache_pause(struct apache *apache, int server);   /* SIGSTOP. */
void apache_resume(struct apache *apache, int server);
/* Stops what the first server, a follower, and its leader say to each other as such; clients still reach both, and so do elections.
 * Relays stand in the others' lines of that one server's configuration for that. It serves on for syncLimit ticks (5 s). */
void apache_cut_first(struct apache *apache);
void apache_heal_first(struct apache *apache);
/* Waits until @servers of them serve, a leader among them. */
void apache_wait(struct apache *apache, int servers);

#endif
