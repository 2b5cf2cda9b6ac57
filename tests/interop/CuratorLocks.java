/* tests/interop/CuratorLocks.java - what excludes others, and multi-locks and semaphores. */
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.locks.InterProcessLock;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.locks.Revoker;
import org.apache.curator.framework.recipes.locks.StandardLockInternalsDriver;
import org.apache.curator.framework.recipes.shared.SharedCount;

final class CuratorLocks {
    /* Orders whatever ends in a server's digits by them. */
    private static final class ByDigits extends StandardLockInternalsDriver {
        @Override
        public String fixForSorting(String name, String lockName) {
            return name.substring(Math.max(0, name.length() - 10));
        }
    }

    /* acquire MS INSIDE, release INSIDE, count COUNTER ROUNDS of any lock. */
    private static String act(CuratorFramework client, InterProcessLock lock, String verb, String[] words) throws Exception {
        switch (verb) {
        case "acquire":
            if (!lock.acquire(Long.parseLong(words[0]), TimeUnit.MILLISECONDS)) return null;
            CuratorPeer.enter(client, words[1]);
            return "";
        case "release":
            CuratorPeer.exit(client, words[0]);
            lock.release();
            return "";
        case "count":
            for (int i = 0; i < Integer.parseInt(words[1]); i++) {
                if (!lock.acquire(60, TimeUnit.SECONDS)) return null;
                CuratorPeer.addOne(client, words[0]);
                lock.release();
            }
            return "";
        default:
            throw new IllegalArgumentException(verb);
        }
    }

    /* "digits": ordered by the last ten characters; "revocable". */
    private static CuratorPeer.Thing mutex(CuratorFramework client, String path, String[] words, CuratorPeer.Teller teller) {
        InterProcessMutex mutex = Arrays.asList(words).contains("digits") ? new InterProcessMutex(client, path, new ByDigits())
                                                                         : new InterProcessMutex(client, path);
        if (Arrays.asList(words).contains("revocable")) mutex.makeRevocable(asked -> teller.tell("revoke"));
        return (verb, asked) -> {
            if (verb.equals("who")) return CuratorPeer.labels(client, mutex.getParticipantNodes());
            if (verb.equals("revoke")) {
                Revoker.attemptRevoke(client, mutex.getParticipantNodes().iterator().next());
                return "";
            }
            return act(client, mutex, verb, asked);
        };
    }

    /* read MS INSIDE, unread INSIDE, write MS INSIDE, unwrite INSIDE. */
    private static CuratorPeer.Thing readWrite(CuratorFramework client, String path, String[] words, CuratorPeer.Teller teller) {
        InterProcessReadWriteLock both = new InterProcessReadWriteLock(client, path);
        return (verb, asked) -> {
            InterProcessMutex lock = verb.endsWith("read") ? both.readLock() : both.writeLock();
            if (verb.equals("who")) return CuratorPeer.labels(client, lock.getParticipantNodes());
            return act(client, lock, verb.startsWith("un") ? "release" : "acquire", asked);
        };
    }

    /* MAX, or "count" and the path of a shared count: acquire N MS, release N, who. */
    private static CuratorPeer.Thing semaphore(CuratorFramework client, String path, String[] words, CuratorPeer.Teller teller) throws Exception {
        InterProcessSemaphoreV2 semaphore;
        if (words[0].equals("count")) {
            SharedCount limit = new SharedCount(client, words[1], 1);
            limit.start();
            semaphore = new InterProcessSemaphoreV2(client, path, limit);
        } else {
            semaphore = new InterProcessSemaphoreV2(client, path, Integer.parseInt(words[0]));
        }
        Deque<Lease> leases = new ArrayDeque<>();
        return (verb, asked) -> {
            if (verb.equals("who")) return String.valueOf(semaphore.getParticipantNodes().size());
            int count = Integer.parseInt(asked[0]);
            if (verb.equals("acquire")) {
                Collection<Lease> got = semaphore.acquire(count, Long.parseLong(asked[1]), TimeUnit.MILLISECONDS);
                if (got == null) return null;
                leases.addAll(got);
            } else {
                while (count-- > 0) semaphore.returnLease(leases.remove());
            }
            return "";
        };
    }

    private static CuratorPeer.Thing single(CuratorFramework client, String path, String[] words, CuratorPeer.Teller teller) {
        InterProcessSemaphoreMutex mutex = new InterProcessSemaphoreMutex(client, path);
        return (verb, asked) -> act(client, mutex, verb, asked);
    }

    /* The paths that it consists of, the first one is its own. */
    private static CuratorPeer.Thing multi(CuratorFramework client, String path, String[] words, CuratorPeer.Teller teller) {
        List<String> paths = new ArrayList<>(Arrays.asList(words));
        paths.add(0, path);
        InterProcessMultiLock all = new InterProcessMultiLock(client, paths);
        return (verb, asked) -> act(client, all, verb, asked);
    }

    static void register() {
        CuratorPeer.kinds.put("lock", CuratorLocks::mutex);
        CuratorPeer.kinds.put("read-write", CuratorLocks::readWrite);
        CuratorPeer.kinds.put("semaphore", CuratorLocks::semaphore);
        CuratorPeer.kinds.put("single", CuratorLocks::single);
        CuratorPeer.kinds.put("multi", CuratorLocks::multi);
    }
}
