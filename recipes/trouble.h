/* recipes/trouble.h - what an error says to do. */
#ifndef DOCENT_RECIPES_TROUBLE_H
#define DOCENT_RECIPES_TROUBLE_H

#include <docent/status.h>

enum trouble {
    TROUBLE_LOST,    /* The connection went. DOCENT_EV_RESUMED goes on. */
    TROUBLE_BUSY,    /* Not executed. Ask again, later. */
    TROUBLE_REFUSED, /* Not executed, and never will be. */
    TROUBLE_UNSURE,  /* Executed or not. Find out, later. */
};
enum trouble docent_trouble(docent_status status);

#endif
