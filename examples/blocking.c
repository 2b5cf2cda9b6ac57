/* blocking.c - the blocking forms: create a node, read it, set it, list its parent, delete it. The client runs a loop thread of its
 * own; any number of threads may share it.
 *
 *     blocking CONNECT */
#include <inttypes.h>
#include <stdio.h>

#include <docent/docent.h>

static docent_status visit(docent_client *client)
{
    docent_result *created = NULL, *read = NULL, *list = NULL;
    docent_stat stat = {0};

    /* The server appends a number to the name, so that every run has a node of its own. */
    docent_status status = docent_create(client, "/example-", "one", 3, DOCENT_EPHEMERAL_SEQUENTIAL, &created);
    if (status != DOCENT_OK) goto out;
    printf("created  %s\n", created->path);

    status = docent_get(client, created->path, &read);
    if (status != DOCENT_OK) goto out;
    printf("read     %.*s, version %" PRId32 "\n", (int)read->size, (const char *)read->data, read->stat.version);

    /* Only if nobody set it since we read it; else DOCENT_ERR_BAD_VERSION. */
    status = docent_set(client, created->path, "two", 3, read->stat.version, &stat);
    if (status != DOCENT_OK) goto out;
    printf("set      version %" PRId32 "\n", stat.version);

    status = docent_children(client, "/", &list);
    if (status != DOCENT_OK) goto out;
    for (size_t i = 0; i < list->name_count; i++) {
        printf("listed   /%s\n", list->names[i]);
    }

    status = docent_delete(client, created->path, DOCENT_ANY_VERSION);
    if (status == DOCENT_OK) printf("deleted  %s\n", created->path);
out:
    docent_result_free(list);
    docent_result_free(read);
    docent_result_free(created);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CONNECT\n", argv[0]);
        return 2;
    }
    char text[200];
    if (docent_connect_string_check(argv[1], text, sizeof text) != DOCENT_OK) {
        fprintf(stderr, "%s\n", text);
        return 2;
    }
    docent_client *client = NULL;
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status == DOCENT_OK) status = visit(client);
    docent_client_close(client, NULL, NULL);

    if (status != DOCENT_OK) fprintf(stderr, "%s\n", docent_status_text(status));
    return status == DOCENT_OK ? 0 : 1;
}
