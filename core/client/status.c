/* core/client/status.c - names and texts, from the table in status.h. */
#include <docent/status.h>
#include <docent/types.h>

const char *docent_status_name(docent_status status)
{
    switch ((int)status) {
#define STATUS_NAME(name, number, text)                                                                                     \
    case number: return #name;
        DOCENT_STATUS_TABLE(STATUS_NAME)
#undef STATUS_NAME
    }
    return "DOCENT_ERR_OTHER";
}

const char *docent_status_text(docent_status status)
{
    switch ((int)status) {
#define STATUS_TEXT(name, number, text)                                                                                     \
    case number: return text;
        DOCENT_STATUS_TABLE(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "an error that this version of the library does not know";
}

const char *docent_version(void)
{
    return DOCENT_VERSION;
}
