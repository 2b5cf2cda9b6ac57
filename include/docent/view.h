/* docent/view.h - a view: a client's session, with a prefix of its own.
 *
 * A view is a docent_client like any other and goes wherever one goes: into calls, locks, caches. Its prefix stands in front of every path
 * that goes to the server, once, and is taken off every path that comes back, once: in results, watches and holds. Views of views add
 * up. They cost a few dozen bytes, no session and no connection; whatever is said of the client's state is said of the one session
 * behind them all.
 *
 *     docent_client *tenant;
 *     if (docent_client_view(client, "/tenant-a", NULL, &tenant) == DOCENT_OK) ... docent_lock_new(tenant, "/locks/db", ...)
 *
 * The prefix's node is not made: docent_client_view() asks the server for nothing.
 *
 * A view may also have an ACL and data for the nodes that are created through it, and compression, of its own; that goes for whatever
 * works through it, locks and parents included. What it does not set it inherits.
 *
 * Threads    As in client.h.
 * Ownership  A view is the caller's to docent_view_release(), after the locks and the like that were made through it were closed (they need not
 *            have said so yet) and before the client is. Calls in flight and watches keep what they need of it until they have ended. */
#ifndef DOCENT_VIEW_H
#define DOCENT_VIEW_H

#include <docent/client.h>

DOCENT_BEGIN

/* What is zero is inherited from what it is a view of, and so in the end from docent_client_options. */
typedef struct docent_view_options {
    size_t struct_size;
    docent_acl_list acl;       /* Of creates that name none, and of parents made for them. Copied. */
    docent_acl_fn acl_for;     /* The same, asked for each path; where it has none to offer, acl counts. These two go together: a view
                                * that sets one of them inherits neither. */
    void *user;                /* Passed to acl_for. */
    const void *default_data;  /* Of creates that are given none (data NULL), as Curator has it. Not of sets. Copied. */
    size_t default_size;
    docent_compression compression; /* See compress.h. */
    uint32_t decompressed_max_bytes;
} docent_view_options;
#define DOCENT_VIEW_OPTIONS .struct_size = sizeof(docent_view_options)
/** The same as { DOCENT_VIEW_OPTIONS }, for compilers without designated initialisers. Thread: any. */
static inline void docent_view_options_init(docent_view_options *options)
{
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
}

/** A view of @client (which may be a view) below @prefix: "/a", "/a/b", or "/" for no prefix. @options may be NULL: all is inherited. On
 * success *@ret_view is the caller's to docent_view_release(), before the client is closed; on failure it is left as it was. Returns
 * DOCENT_OK, DOCENT_ERR_NO_MEMORY, DOCENT_ERR_INVALID_ARGUMENT (a bad path, NULL, an ACL with which docent_acl_check() finds
 * fault, a size without data) or DOCENT_ERR_FORKED. Thread: any. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_client_view(docent_client *client, const char *prefix,
                                                              const docent_view_options *options, docent_client **ret_view);

/** Gives a view back. Calls in flight go on and tell their outcome, and watches their changes. Given a client itself, or NULL, it does nothing: a client is closed with docent_client_close(), which in turn does
 * nothing with a view but complain in the log. Thread: any. */
DOCENT_API void docent_view_release(docent_client *view);

DOCENT_END

#endif
