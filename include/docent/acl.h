/* docent/acl.h - access control lists: made, checked, compared, read and written as text.
 *
 *     char id[128];
 *     docent_status status = docent_digest_id("ann:secret", id, sizeof id);
 *     docent_acl entries[] = { docent_acl_digest(DOCENT_PERM_ALL, id), docent_acl_ip(DOCENT_PERM_READ, "10.1.0.0/16") };
 *     docent_acl_list acl = { entries, 2 };
 *
 * Text has the form of ZooKeeper's own shell: "scheme:id:cdrwa", entries separated by commas. The letters are create, delete, read,
 * write and admin. An id may hold colons and commas: an entry ends at the first comma that has such letters between it and the last
 * colon before it.
 *
 * A super user is none of a list's business: whoever is one passes every check, and a server refuses the scheme "super" in a list.
 * One becomes it by credentials alone, as with docent_client_add_auth(client, "digest", "super:password", 14) on servers that were given
 * docent_digest_id("super:password") as their zookeeper.DigestAuthenticationProvider.superDigest.
 *
 * Threads    Any: there is nothing here but values.
 * Ownership  The functions that make an entry copy nothing: the entry borrows its text. docent_acl_copy() and docent_acl_parse() make
 *            lists that own theirs, to be freed with docent_acl_free(). */
#ifndef DOCENT_ACL_H
#define DOCENT_ACL_H

#include <docent/types.h>

DOCENT_BEGIN

/** Everybody. @perms here and below: DOCENT_PERM_ bits. */
DOCENT_API docent_acl docent_acl_world(int32_t perms);
/** Whoever sends the list: the server puts in an entry for each of the connection's own credentials (digest, sasl, x509), and
 * refuses the list with DOCENT_ERR_INVALID_ACL if there are none. */
DOCENT_API docent_acl docent_acl_auth(int32_t perms);
/** Whoever knows the password. @id: "user:" and the hash, as made by docent_digest_id(); not the password. */
DOCENT_API docent_acl docent_acl_digest(int32_t perms, const char *id);
/** Whoever connects from there. @address: "10.1.2.3", or "10.1.0.0/16" for all addresses that begin with these 16 bits, or
 * IPv6 in the same manner (servers from 3.9.4; older ones refuse it). No names. */
DOCENT_API docent_acl docent_acl_ip(int32_t perms, const char *address);
/** Whoever has the TLS certificate. @subject: as in RFC 2253, "CN=client1,O=acme", letter by letter as the server writes it. Servers
 * without TLS refuse it. */
DOCENT_API docent_acl docent_acl_x509(int32_t perms, const char *subject);

/** Says what is wrong with a list that a server would refuse, or that could match nobody, naming the entry, in @text (of @size bytes,
 * cut to fit, may be NULL): no entries, permissions that are no DOCENT_PERM_ bits, a missing scheme or id, a world that is not
 * "anyone", a digest without its hash, an address that is none, a subject that is no distinguished name, the scheme "super". Ids of
 * other schemes are for the server to judge. Returns DOCENT_OK or DOCENT_ERR_INVALID_ARGUMENT. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_acl_check(docent_acl_list list, char *text, size_t size);

/** The same entries, in whatever order and however often. That {read} and {write} of somebody come to {read, write} is not
 * looked at. */
DOCENT_API bool docent_acl_equal(docent_acl_list a, docent_acl_list b);

/** A list that stands on its own. On success *@ret_list is the caller's to docent_acl_free(), on failure it is left as it was. Returns
 * DOCENT_OK, DOCENT_ERR_NO_MEMORY or DOCENT_ERR_INVALID_ARGUMENT (entries are announced, but NULL). */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_acl_copy(docent_acl_list list, docent_acl_list *ret_list);
/** Frees what docent_acl_copy() or docent_acl_parse() gave, and nothing else. A list of { NULL, 0 }: does nothing. */
DOCENT_API void docent_acl_free(docent_acl_list list);

/** Writes "world:anyone:r,ip:10.0.0.0/8:cdrwa". Bits that have no letter are left out. Returns DOCENT_OK,
 * DOCENT_ERR_TOO_LARGE (@size, terminator included, is too small) or DOCENT_ERR_INVALID_ARGUMENT (no text that would be read back as the
 * same: a scheme or id is missing, a scheme has a colon, an id has a comma after what looks like permissions). On failure @text is
 * empty, if it has room for that. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_acl_text(docent_acl_list list, char *text, size_t size);

/** Reads such text, and checks the list as docent_acl_check() does; what is wrong is said in @fault (of @fault_size bytes, cut to fit,
 * may be NULL). On success *@ret_list is the caller's to docent_acl_free(), on failure it is left as it was. Returns DOCENT_OK,
 * DOCENT_ERR_NO_MEMORY or DOCENT_ERR_INVALID_ARGUMENT. */
DOCENT_API DOCENT_MUST_CHECK docent_status docent_acl_parse(const char *text, docent_acl_list *ret_list, char *fault, size_t fault_size);

DOCENT_END

#endif
