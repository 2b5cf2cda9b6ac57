/* multi.c - several changes as one: all of them happen or none does, and the answer says which one was to blame.
 *
 *     multi CONNECT */
#include <stdio.h>

#include <docent/docent.h>

static void print_results(const docent_result *result)
{
    for (size_t i = 0; i < result->result_count; i++) {
        printf("  %zu: %s\n", i, docent_status_text(result->results[i].status));
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CONNECT\n", argv[0]);
        return 2;
    }
    docent_client *client = NULL;
    docent_status status = docent_client_new(argv[1], NULL, &client);
    if (status != DOCENT_OK) {
        fprintf(stderr, "%s\n", docent_status_text(status));
        return 1;
    }

    /* A child can be made in the same transaction as its parent. */
    const docent_op both[] = {
        docent_op_create("/example-multi", "v1", 2, DOCENT_PERSISTENT),
        docent_op_create("/example-multi/child", NULL, 0, DOCENT_PERSISTENT),
    };
    docent_result *result = NULL;
    status = docent_multi(client, both, 2, &result);
    printf("create parent and child: %s\n", docent_status_text(status));
    docent_result_free(result);

    /* Refused as a whole: the check fails, so nothing is deleted. */
    const docent_op refused[] = {
        docent_op_delete("/example-multi/child", DOCENT_ANY_VERSION),
        docent_op_check("/example-multi", 7),
    };
    result = NULL;
    docent_status refusal = docent_multi(client, refused, 2, &result);
    printf("delete the child if the parent has version 7: %s\n", docent_status_text(refusal));
    if (result != NULL) print_results(result);
    docent_result_free(result);

    const docent_op clean[] = {
        docent_op_delete("/example-multi/child", DOCENT_ANY_VERSION),
        docent_op_delete("/example-multi", DOCENT_ANY_VERSION),
    };
    status = docent_multi(client, clean, 2, NULL);
    printf("delete both: %s\n", docent_status_text(status));

    docent_client_close(client, NULL, NULL);
    return status == DOCENT_OK && refusal == DOCENT_ERR_BAD_VERSION ? 0 : 1;
}
