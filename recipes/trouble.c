/* recipes/trouble.c - see trouble.h. */
#include "recipes/trouble.h"

enum trouble docent_trouble(docent_status status)
{
    switch ((int)status) { /* An int: a server may send numbers that the enumeration does not have. */
    case DOCENT_ERR_CONNECTION_LOSS: return TROUBLE_LOST;
    case DOCENT_ERR_THROTTLED:
    case DOCENT_ERR_NO_MEMORY:
    case DOCENT_ERR_NOT_READ_ONLY: return TROUBLE_BUSY;
    case DOCENT_ERR_UNIMPLEMENTED:
    case DOCENT_ERR_UNSUPPORTED:
    case DOCENT_ERR_BAD_ARGUMENTS:
    case DOCENT_ERR_INVALID_ARGUMENT:
    case DOCENT_ERR_TOO_LARGE:
    case DOCENT_ERR_NO_AUTH:
    case DOCENT_ERR_INVALID_ACL:
    case DOCENT_ERR_AUTH_FAILED:
    case DOCENT_ERR_SASL_REQUIRED:
    case DOCENT_ERR_NO_CHILDREN_FOR_EPHEMERALS:
    case DOCENT_ERR_EPHEMERAL_ON_LOCAL_SESSION:
    case DOCENT_ERR_QUOTA_EXCEEDED: return TROUBLE_REFUSED;
    default: return TROUBLE_UNSURE;
    }
}
