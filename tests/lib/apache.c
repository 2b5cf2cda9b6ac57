/* tests/lib/apache.c - see apache.h. In the first server's configuration the quorum port of every other server is that of a relay,
 * which passes on to the real one; election ports are real. Servers do not exchange these lines as long as reconfiguration is
 * off. It is the first because the lowest number never leads a fresh ensemble. The others go without: a relay accepts while its
 * target does not listen yet, which sends a follower back to the election instead of letting it try again. */
#include "apache.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "relay.h"

#define JARS "/usr/share/java/"
enum { START_SECONDS = 60 };

struct server {
    uint16_t client_port, quorum_port, election_port;
    struct relay *to[APACHE_SERVERS_MAX]; /* Its way to each of the others. Of the first server only. */
    pid_t pid;                            /* 0: not running. */
    char config[96];
};

struct apache {
    int count;
    bool read_only;
    bool dynamic;
    struct server servers[APACHE_SERVERS_MAX];
    char folder[64];
    int leash;     /* Closed when we stop, or die: then the sweeper removes the folder. */
    pid_t sweeper;
    char connect_string[128];
    char *class_path;
};

static void die(const char *what)
{
    fprintf(stderr, "apache: %s: %s\n", what, strerror(errno));
    abort();
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
}

bool apache_available(void)
{
    return access(JARS "zookeeper.jar", R_OK) == 0 && system("command -v java >/dev/null 2>&1") == 0;
}

static char *find_class_path(void)
{
    static const char *const names[] = {"zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop", "netty*", "snappy-java",
                                        "metrics-core", "commons-cli", "commons-io", "jackson*", "jetty9*", "javax.servlet*"};
    char *path = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&path, &size);
    if (out == NULL) die("class path");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char pattern[64];
        snprintf(pattern, sizeof pattern, JARS "%s.jar", names[i]);
        glob_t found;
        if (glob(pattern, 0, NULL, &found) == 0) {
            for (size_t j = 0; j < found.gl_pathc; j++) fprintf(out, "%s:", found.gl_pathv[j]);
        }
        globfree(&found);
    }
    fclose(out);
    return path;
}

/* A free port below the range from which the system gives ports to outgoing connections, so that nobody takes it between now
 * and the server's start. */
static uint16_t free_port(void)
{
    static unsigned next;
    if (next == 0) next = (unsigned)getpid() * 37u + (unsigned)time(NULL);
    for (int tries = 0; tries < 1000; tries++) {
        uint16_t port = (uint16_t)(11000 + next++ % 20000);
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) die("socket");
        int taken = bind(fd, (struct sockaddr *)&address, sizeof address);
        close(fd);
        if (taken == 0) return port;
    }
    die("no free port");
    return 0;
}

/* Makes the folder, and a process that removes it when we are gone, however that comes about. */
static void make_folder(struct apache *apache)
{
    const char *parent = getenv("TMPDIR");
    snprintf(apache->folder, sizeof apache->folder, "%.40s/docent-XXXXXX", parent != NULL ? parent : "/tmp");
    int ends[2];
    if (mkdtemp(apache->folder) == NULL || pipe2(ends, O_CLOEXEC) != 0) die(apache->folder);
    static const char script[] = "trap '' HUP INT TERM; read line; until rm -rf \"$0\" 2>/dev/null; do sleep 0.1; done";
    apache->leash = ends[1];
    apache->sweeper = fork();
    if (apache->sweeper < 0) die("fork");
    if (apache->sweeper == 0) {
        dup2(ends[0], 0);
        int null = open("/dev/null", O_WRONLY); /* Nobody waits for the end of our output. */
        dup2(null, 1);
        dup2(null, 2);
        setpgid(0, 0); /* A signal to the test's group is not meant for us. */
        execl("/bin/sh", "sh", "-c", script, apache->folder, (char *)NULL);
        _exit(127);
    }
    close(ends[0]);
}

void apache_member(const struct apache *apache, int i, char *text, size_t size)
{
    const struct server *server = &apache->servers[i];
    snprintf(text, size, "server.%d=127.0.0.1:%u:%u:participant;127.0.0.1:%u", i + 1, server->quorum_port, server->election_port,
             server->client_port);
}

static void write_config(struct apache *apache, int i, bool alone)
{
    struct server *server = &apache->servers[i];
    char name[128];
    snprintf(name, sizeof name, "%s/%d", apache->folder, i);
    if (mkdir(name, 0700) != 0 && errno != EEXIST) die(name);
    snprintf(server->config, sizeof server->config, "%s/%d%s.cfg", apache->folder, i, alone ? "-alone" : "");
    FILE *out = fopen(server->config, "we");
    if (out == NULL) die(server->config);
    fprintf(out,
            "tickTime=500\ninitLimit=20\nsyncLimit=10\ndataDir=%s\nmaxClientCnxns=0\n"
            "admin.enableServer=false\n4lw.commands.whitelist=*\nforceSync=no\nstandaloneEnabled=%s\nlocalSessionsEnabled=%s\n",
            name, alone ? "true" : "false", apache->read_only ? "true" : "false");
    if (apache->dynamic) fprintf(out, "reconfigEnabled=true\nDigestAuthenticationProvider.superDigest=super:lK75jTNcA+U9vtVEw5vB51mj/w4=\n");
    if (alone || !apache->dynamic) fprintf(out, "clientPort=%u\nclientPortAddress=127.0.0.1\n", server->client_port);
    for (int j = 0; !alone && apache->dynamic && j < apache->count; j++) { /* Members say where clients go. */
        apache_member(apache, j, name, sizeof name);
        fprintf(out, "%s\n", name);
    }
    for (int j = 0; !alone && !apache->dynamic && j < apache->count; j++) {
        uint16_t quorum = server->to[j] == NULL ? apache->servers[j].quorum_port : relay_port(server->to[j]);
        fprintf(out, "server.%d=127.0.0.1:%u:%u\n", j + 1, quorum, apache->servers[j].election_port);
    }
    if (fclose(out) != 0) die(server->config);

    snprintf(name, sizeof name, "%s/%d/myid", apache->folder, i);
    out = fopen(name, "we");
    if (out == NULL || fprintf(out, "%d\n", i + 1) < 0 || fclose(out) != 0) die(name);
}

static void launch(struct apache *apache, int i)
{
    struct server *server = &apache->servers[i];
    char *read_only = apache->read_only ? "-Dreadonlymode.enabled=true" : "-Dreadonlymode.enabled=false";
    char *arguments[] = {"java", read_only, "-Xmx128m", "-Xms32m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", apache->class_path,
                         "org.apache.zookeeper.server.quorum.QuorumPeerMain", server->config, NULL};
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        if (getppid() == parent) execvp(arguments[0], arguments);
        _exit(127);
    }
    server->pid = pid;
}

static void ask(const struct server *server, const char *word, char *text, size_t size)
{
    text[0] = '\0';
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(server->client_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 1};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    size_t got = 0;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && send(fd, word, 4, MSG_NOSIGNAL) == 4) {
        ssize_t n;
        while (got + 1 < size && (n = recv(fd, text + got, size - got - 1, 0)) > 0) got += (size_t)n;
    }
    text[got] = '\0';
    close(fd);
}

static bool mode_is(const struct server *server, const char *mode)
{
    char text[2048], line[32];
    if (server->pid == 0) return false;
    ask(server, "srvr", text, sizeof text);
    snprintf(line, sizeof line, "Mode: %s", mode);
    return strstr(text, line) != NULL;
}

void apache_ask(struct apache *apache, int server, const char *word, char *text, size_t size)
{
    ask(&apache->servers[server], word, text, size);
}

bool apache_serves(struct apache *apache, int server)
{
    return mode_is(&apache->servers[server], "");
}

void apache_wait(struct apache *apache, int servers)
{
    for (int tries = 0; tries < START_SECONDS * 20; tries++) {
        int serving = 0;
        bool led = apache->count == 1;
        for (int i = 0; i < apache->count; i++) {
            serving += apache_serves(apache, i);
            led = led || mode_is(&apache->servers[i], "leader");
        }
        if (led && serving >= servers) return;
        nap();
    }
    errno = ETIMEDOUT;
    die("servers did not come up");
}

int apache_leader(struct apache *apache)
{
    for (int tries = 0; tries < START_SECONDS * 20; tries++) {
        for (int i = 0; i < apache->count; i++) {
            if (mode_is(&apache->servers[i], "leader")) return i;
        }
        nap();
    }
    errno = ETIMEDOUT;
    die("no leader");
    return -1;
}

static struct apache *start(int servers, bool read_only, bool dynamic)
{
    struct apache *apache = calloc(1, sizeof *apache);
    if (apache == NULL) die("memory");
    apache->count = servers;
    apache->read_only = read_only;
    apache->dynamic = dynamic;
    apache->class_path = find_class_path();
    make_folder(apache);

    size_t length = 0;
    for (int i = 0; i < servers; i++) {
        struct server *server = &apache->servers[i];
        server->client_port = free_port();
        server->quorum_port = free_port();
        server->election_port = free_port();
        length += (size_t)snprintf(apache->connect_string + length, sizeof apache->connect_string - length, "%s127.0.0.1:%u",
                                   i > 0 ? "," : "", server->client_port);
    }
    for (int j = 1; !dynamic && j < servers; j++) apache->servers[0].to[j] = relay_new(0, apache->servers[j].quorum_port);
    for (int i = 0; i < servers; i++) write_config(apache, i, servers == 1);
    for (int i = 0; i < servers; i++) launch(apache, i);
    apache_wait(apache, servers);
    return apache;
}

struct apache *apache_start(int servers)
{
    return start(servers, false, false);
}

struct apache *apache_start_read_only(int servers)
{
    return start(servers, true, false);
}

struct apache *apache_start_dynamic(int servers)
{
    return start(servers, false, true);
}

const char *apache_connect_string(const struct apache *apache)
{
    return apache->connect_string;
}

uint16_t apache_port(const struct apache *apache, int server)
{
    return apache->servers[server].client_port;
}

static void signal_server(struct apache *apache, int server, int number)
{
    if (apache->servers[server].pid > 0 && kill(apache->servers[server].pid, number) != 0) die("kill");
}

void apache_kill(struct apache *apache, int server)
{
    signal_server(apache, server, SIGKILL);
    while (apache->servers[server].pid > 0 && waitpid(apache->servers[server].pid, NULL, 0) < 0 && errno == EINTR) {}
    apache->servers[server].pid = 0;
}

void apache_restart(struct apache *apache, int server)
{
    launch(apache, server);
}

void apache_restart_alone(struct apache *apache, int server)
{
    write_config(apache, server, true);
    launch(apache, server);
}

void apache_pause(struct apache *apache, int server)
{
    signal_server(apache, server, SIGSTOP);
}

void apache_resume(struct apache *apache, int server)
{
    signal_server(apache, server, SIGCONT);
}

static void set_relays(struct apache *apache, enum relay_mode mode)
{
    for (int j = 1; j < apache->count; j++) relay_set(apache->servers[0].to[j], mode);
}

void apache_cut_first(struct apache *apache)
{
    set_relays(apache, RELAY_HOLD);
}

void apache_heal_first(struct apache *apache)
{
    set_relays(apache, RELAY_PASS);
}

void apache_stop(struct apache *apache)
{
    if (apache == NULL) return;
    for (int i = 0; i < apache->count; i++) apache_kill(apache, i);
    for (int j = 1; j < apache->count; j++) relay_free(apache->servers[0].to[j]);
    close(apache->leash);
    while (waitpid(apache->sweeper, NULL, 0) < 0 && errno == EINTR) {}
    free(apache->class_path);
    free(apache);
}
