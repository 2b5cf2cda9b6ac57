/* src/options.h - what the program was asked for: on its command line, and in a configuration file of Apache ZooKeeper. */
#ifndef DEVSERVER_OPTIONS_H
#define DEVSERVER_OPTIONS_H

#include <stdio.h>

#include "front.h"

struct options {
    struct front_config front;
    uint32_t admin_port; /* 0: no HTTP. */
    bool no_admin;       /* The file says so, whatever port it names. */
    bool help, version;  /* Asked for, and nothing else is to be done. */
    /* What the command line or the file gave as text. */
    char *config, *bind, *data_dir, *words, *speak, *super_password, *super_digest;
};

/* Reads the command line, and the file that it names; what is on the command line wins. What is wrong is told to @err in a line, and
 * so is what a file says that means nothing here, which is no failure. False: not to be used, but still to be freed. */
bool docent_options_read(struct options *options, int argc, char **argv, FILE *err);
void docent_options_help(FILE *out);
void docent_options_free(struct options *options);

#endif
