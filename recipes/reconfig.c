/* recipes/reconfig.c - the blocking form of a change of the ensemble. */
#include <docent/ensemble.h>

docent_status docent_reconfig(docent_client *client, const char *joining, const char *leaving, const char *members, int64_t version,
                              docent_ensemble **ret_ensemble)
{
    docent_result *result = NULL;
    docent_op op = docent_op_reconfig(joining, leaving, members, version);
    docent_status status = docent_run(client, &op, NULL, &result);

    if (status == DOCENT_OK && ret_ensemble != NULL) {
        status = docent_ensemble_parse(result->data, result->size, ret_ensemble);
        if (status == DOCENT_ERR_INVALID_ARGUMENT) status = DOCENT_ERR_PROTOCOL; /* Not the caller's fault. */
    }
    docent_result_free(result);
    return status;
}
