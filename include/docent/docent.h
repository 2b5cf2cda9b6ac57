/* docent/docent.h - all of Docent. */
#ifndef DOCENT_DOCENT_H
#define DOCENT_DOCENT_H

#include <docent/acl.h>
#include <docent/barrier.h>
#include <docent/batch.h>
#include <docent/cache.h>
#include <docent/children_cache.h>
#include <docent/claim_queue.h>
#include <docent/client.h>
#include <docent/compress.h>
#include <docent/config.h>
#include <docent/countdown.h>
#include <docent/double_barrier.h>
#include <docent/ensemble.h>
#include <docent/hold.h>
#include <docent/lease.h>
#include <docent/leader_latch.h>
#include <docent/leader_selector.h>
#include <docent/lock.h>
#include <docent/multi_lock.h>
#include <docent/mutex.h>
#include <docent/node.h>
#include <docent/node_cache.h>
#include <docent/operation.h>
#include <docent/poll.h>
#include <docent/queue.h>
#include <docent/queue_sharder.h>
#include <docent/recipe.h>
#include <docent/retry.h>
#include <docent/rwlock.h>
#include <docent/semaphore.h>
#include <docent/stats.h>
#include <docent/status.h>
#include <docent/sync_queue.h>
#include <docent/topic.h>
#include <docent/trace.h>
#include <docent/tree_cache.h>
#include <docent/txn.h>
#include <docent/types.h>
#include <docent/view.h>
#include <docent/watch.h>
#include <docent/watcher.h>
#include <docent/work_queue.h>

#endif
