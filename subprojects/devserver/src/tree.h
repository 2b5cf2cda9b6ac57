/* src/tree.h - the data tree, and the transactions that change it. Applying one is deterministic: every replica that applies the
 * same log has the same tree. Checking whether a request may become a transaction is the leader's business (leader.h). */
#ifndef DEVSERVER_TREE_H
#define DEVSERVER_TREE_H

#include "core/wire/wire.h"

struct node {
    struct node *chain; /* Of the hash table. */
    struct node *parent, *first_child, *next, *previous;
    struct node *owned_next, *owned_previous; /* Of the same session. */
    uint8_t *data;      /* NULL: null. */
    const uint8_t *acl; /* Encoded entries. Nodes with the same share them. */
    uint32_t acl_size;
    int32_t acl_count;
    docent_stat stat;  /* cversion and num_children are kept as stored and as counted; see docent_tree_stat(). */
    int64_t ttl_ms;    /* 0: none. */
    int32_t created;   /* How many children were ever created: the next sequence number. */
    uint32_t hash;
    uint32_t path_size;
    uint32_t name_at;  /* Where in the path the name begins. */
    bool container;
    char path[];
};

static inline const char *docent_node_name(const struct node *node)
{
    return node->path + node->name_at;
}

struct owner { /* A session's ephemerals. */
    struct owner *chain;
    int64_t session;
    struct node *first;
};

/* Encoded ACL entries, counted. There are many nodes and few ACLs. */
struct shared_acl {
    struct shared_acl *chain;
    struct tree *tree; /* Whose table it is in. */
    size_t references;
    uint32_t hash;
    uint32_t size;
    uint8_t entries[];
};

struct tree {
    struct node **buckets;
    size_t bucket_count, count;
    struct shared_acl *acls[1024];
    struct owner *owners[256];
    struct node *root;
    int64_t zxid; /* Of the last transaction applied. */
    int64_t bytes;
    void (*over_quota)(void *user, const char *text); /* A line for people: what is applied goes beyond a quota. NULL: nobody is told. */
    void *user;
};

/* One change. What it refers to is checked: applying cannot fail but for memory. */
struct change {
    int32_t op; /* WIRE_OP_CREATE, _DELETE, _SET_DATA, _SET_ACL, _CHECK (nothing). */
    char *path;
    uint8_t *data;
    int32_t size; /* -1: null. Of ACL too. */
    uint8_t *acl;
    size_t acl_size;
    int32_t acl_count;
    int64_t owner;
    bool container;
    int64_t ttl_ms;
    int32_t answer_op;   /* In a multi: how it is answered. */
    docent_stat stat;    /* Of the node afterwards. */
};

enum txn_type { TXN_CHANGES, TXN_ERROR, TXN_NEW_SESSION, TXN_END_SESSION };

/* A committed transaction. Immutable, counted. */
struct txn {
    unsigned references;
    enum txn_type type;
    int64_t zxid;
    int64_t time_ms; /* Wall clock. */
    int64_t session; /* The session concerned, or whose request it was. */
    int32_t timeout_ms;
    int32_t err;     /* ERROR. */
    bool multi;
    int32_t failed_at; /* ERROR of a multi: which; -1: as a whole. */
    size_t part_count; /* ERROR of a multi: how many parts it had. */
    size_t change_count;
    struct change *changes;
};

struct txn *docent_transaction_new(enum txn_type type);
void docent_transaction_ref(struct txn *txn);
void docent_transaction_unref(struct txn *txn);
/* A change with copies of path and bytes. */
struct change *docent_transaction_add(struct txn *txn, int32_t op, const char *path);

struct tree *docent_tree_new(void);
void docent_tree_free(struct tree *tree);
struct node *docent_tree_find(const struct tree *tree, const char *path, size_t size);
docent_stat docent_tree_stat(const struct node *node);

/* What a change did, to be told to watchers and to be undone while a multi is being checked. */
struct undo {
    const struct change *change;
    struct node *node; /* DELETE: taken out, not freed. */
    docent_stat stat, parent_stat;
    int32_t parent_created;
    uint8_t *data;
    const uint8_t *acl; /* A reference. */
    uint32_t acl_size;
    int32_t acl_count;
};
/* Applies one change; with @undo it can be taken back, and must be forgotten or undone. */
void docent_tree_change(struct tree *tree, struct change *change, int64_t zxid, int64_t time_ms, struct undo *undo);
void docent_tree_undo(struct tree *tree, struct undo *undo);
void docent_undo_forget(struct undo *undo);
/* Other data, and nothing else changes: for counts that the server keeps itself. */
void docent_tree_rewrite(struct tree *tree, struct node *node, const void *data, size_t size);

/* A node as a snapshot keeps it; everything borrowed. */
struct node_image {
    const char *path; /* Not terminated. */
    size_t path_size;
    wire_bytes data;
    wire_list acl;
    docent_stat stat; /* num_children does not count: children are counted as they come. */
    int32_t created;
    bool container;
    int64_t ttl_ms;
};
/* Puts it there as it was. False: it has no parent yet, or is no node. */
bool docent_tree_restore(struct tree *tree, const struct node_image *image);
/* Could this change have been committed here? For changes that come from a file. */
bool docent_tree_fits(const struct tree *tree, const struct change *change);

/* The first ephemeral of a session, or NULL. */
struct node *docent_tree_owned(const struct tree *tree, int64_t session);
/* Walks what is below @top, parents before children: from @node to the next, NULL behind the last. Begins with @top itself. Calls
 * nothing again for each level: a path can have half a million. */
struct node *docent_tree_after(const struct node *top, const struct node *node);
size_t docent_tree_descendants(const struct node *node);

#endif
