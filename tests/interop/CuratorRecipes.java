/* tests/interop/CuratorRecipes.java CONNECT - the recipes of Curator, and what else its users do. See foreign.py for what it prints. */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.atomic.PromotedToLock;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.NodeCache;
import org.apache.curator.framework.recipes.cache.PathChildrenCache;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.locks.Revoker;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.queue.DistributedDelayQueue;
import org.apache.curator.framework.recipes.queue.DistributedIdQueue;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.shared.SharedCountListener;
import org.apache.curator.framework.recipes.shared.SharedCountReader;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

public class CuratorRecipes {
    private interface Recipe {
        void run(CuratorFramework client, String path) throws Exception;
    }

    private static final int PATIENCE = 20;
    private static final BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    private static final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    });
    private static final List<CuratorFramework> clients = new ArrayList<>();
    private static String connect;

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static String text(byte[] data) {
        return new String(data, StandardCharsets.UTF_8);
    }

    private static CuratorFrameworkFactory.Builder builder() {
        return CuratorFrameworkFactory.builder().connectString(connect).sessionTimeoutMs(5000).connectionTimeoutMs(5000)
                .retryPolicy(new ExponentialBackoffRetry(50, 10));
    }

    private static CuratorFramework start(CuratorFrameworkFactory.Builder options) throws Exception {
        CuratorFramework client = options.build();
        clients.add(client);
        client.start();
        expect(client.blockUntilConnected(PATIENCE, TimeUnit.SECONDS), "not connected");
        return client;
    }

    private static CuratorFramework another() throws Exception {
        return start(builder());
    }

    private static void expect(boolean good, String what) {
        if (!good) throw new AssertionError(what);
    }

    private static void expectEqual(Object expected, Object got) {
        expect(expected.equals(got), got + " and not " + expected);
    }

    private static void expectRefused(KeeperException.Code code, Callable<?> call) throws Exception {
        try {
            call.call();
        } catch (KeeperException e) {
            expectEqual(code, e.code());
            return;
        }
        throw new AssertionError("not refused with " + code);
    }

    /* Waits until that comes out of the queue; what else comes before is let pass. */
    private static <T> void come(BlockingQueue<T> said, T expected) throws Exception {
        List<T> seen = new ArrayList<>();
        for (;;) {
            T next = said.poll(PATIENCE, TimeUnit.SECONDS);
            if (next == null) throw new AssertionError(expected + " did not come, but " + seen);
            if (next.equals(expected)) return;
            seen.add(next);
        }
    }

    private static void become(Object expected, Callable<?> what) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE);
        while (!expected.equals(what.call())) {
            expect(System.nanoTime() < end, what.call() + " does not become " + expected);
            Thread.sleep(5);
        }
    }

    private static void join(Future<?> future) throws Exception {
        future.get(PATIENCE, TimeUnit.SECONDS);
    }

    private static void cut() throws Exception {
        System.out.println("cut");
        input.readLine();
    }

    /* As the server would: the session is taken over by another connection, and ended there. Its owner may take it back before that;
     * so until who asks for it is told that it has ended. */
    private static void expire(CuratorFramework client) throws Exception {
        ZooKeeper mine = client.getZookeeperClient().getZooKeeper();
        long id = mine.getSessionId();
        byte[] password = mine.getSessionPasswd();
        for (boolean ended = false; !ended;) {
            BlockingQueue<Watcher.Event.KeeperState> states = new LinkedBlockingQueue<>();
            ZooKeeper other = new ZooKeeper(connect, 5000, event -> states.add(event.getState()), id, password);
            Watcher.Event.KeeperState first = states.poll(PATIENCE, TimeUnit.SECONDS);
            expect(first != null, "the session was not taken over");
            ended = first == Watcher.Event.KeeperState.Expired;
            other.close();
        }
    }

    /* An empty container may be reaped at any time. */
    private static int childrenLeft(CuratorFramework client, String path) throws Exception {
        try {
            return client.getChildren().forPath(path).size();
        } catch (KeeperException.NoNodeException e) {
            return 0;
        }
    }

    /* ---- Locks. ---- */

    private static void mutex(CuratorFramework client, String path) throws Exception {
        InterProcessMutex first = new InterProcessMutex(client, path), second = new InterProcessMutex(another(), path);
        first.acquire();
        first.acquire();
        expect(!second.acquire(200, TimeUnit.MILLISECONDS), "two hold it");
        Future<?> waiter = threads.submit(() -> {
            second.acquire();
            second.release();
            return null;
        });
        become(2, () -> first.getParticipantNodes().size());
        first.release();
        expect(!waiter.isDone(), "released too early");
        first.release();
        join(waiter);
        expectEqual(0, childrenLeft(client, path));
    }

    private static void revocation(CuratorFramework client, String path) throws Exception {
        InterProcessMutex mutex = new InterProcessMutex(client, path);
        CountDownLatch asked = new CountDownLatch(1);
        mutex.makeRevocable(lock -> asked.countDown());
        mutex.acquire();
        Revoker.attemptRevoke(another(), mutex.getParticipantNodes().iterator().next());
        expect(asked.await(PATIENCE, TimeUnit.SECONDS), "not asked");
        mutex.release();
    }

    private static void mutexAfterExpiry(CuratorFramework client, String path) throws Exception {
        InterProcessMutex held = new InterProcessMutex(client, path), next = new InterProcessMutex(another(), path);
        held.acquire();
        Future<?> waiter = threads.submit(() -> {
            next.acquire();
            return null;
        });
        become(2, () -> held.getParticipantNodes().size());
        expire(client);
        join(waiter);
    }

    private static void readWriteLock(CuratorFramework client, String path) throws Exception {
        InterProcessReadWriteLock one = new InterProcessReadWriteLock(client, path), two = new InterProcessReadWriteLock(another(), path);
        one.readLock().acquire();
        expect(two.readLock().acquire(PATIENCE, TimeUnit.SECONDS), "two readers");
        expect(!two.writeLock().acquire(200, TimeUnit.MILLISECONDS), "a writer beside readers");
        two.readLock().release();
        one.readLock().release();
        expect(two.writeLock().acquire(PATIENCE, TimeUnit.SECONDS), "no writer");
        expect(!one.readLock().acquire(200, TimeUnit.MILLISECONDS), "a reader beside a writer");
        expect(two.readLock().acquire(PATIENCE, TimeUnit.SECONDS), "not downgraded");
        two.writeLock().release();
        expect(one.readLock().acquire(PATIENCE, TimeUnit.SECONDS), "no second reader");
        two.readLock().release();
        one.readLock().release();
    }

    private static void semaphore(CuratorFramework client, String path) throws Exception {
        InterProcessSemaphoreV2 one = new InterProcessSemaphoreV2(client, path, 2), two = new InterProcessSemaphoreV2(another(), path, 2);
        Collection<Lease> both = one.acquire(2);
        expect(two.acquire(200, TimeUnit.MILLISECONDS) == null, "three of two");
        one.returnAll(both);
        Lease lease = two.acquire(PATIENCE, TimeUnit.SECONDS);
        expectEqual(1, one.getParticipantNodes().size());
        two.returnLease(lease);
    }

    private static void sharedCountSemaphore(CuratorFramework client, String path) throws Exception {
        SharedCount leases = new SharedCount(client, path + "-leases", 1);
        leases.start();
        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(client, path, leases);
        semaphore.acquire();
        Future<Lease> second = threads.submit(() -> semaphore.acquire());
        leases.setCount(2);
        join(second);
        leases.close();
    }

    private static void multiLock(CuratorFramework client, String path) throws Exception {
        InterProcessMultiLock all = new InterProcessMultiLock(client, Arrays.asList(path + "/a", path + "/b"));
        InterProcessSemaphoreMutex one = new InterProcessSemaphoreMutex(another(), path + "/c");
        InterProcessMutex b = new InterProcessMutex(another(), path + "/b");
        b.acquire();
        expect(!all.acquire(200, TimeUnit.MILLISECONDS), "all though one is taken");
        b.release();
        expect(all.acquire(PATIENCE, TimeUnit.SECONDS), "not all");
        all.release();
        expect(one.acquire(PATIENCE, TimeUnit.SECONDS), "semaphore mutex");
        one.release();
    }

    /* ---- Leaders. ---- */

    private static void leaderLatch(CuratorFramework client, String path) throws Exception {
        LeaderLatch first = new LeaderLatch(client, path, "first"), second = new LeaderLatch(another(), path, "second");
        first.start();
        expect(first.await(PATIENCE, TimeUnit.SECONDS), "nobody leads");
        second.start();
        become(2, () -> first.getParticipants().size());
        expect(!second.hasLeadership(), "two lead");
        expectEqual("first", second.getLeader().getId());
        first.close();
        expect(second.await(PATIENCE, TimeUnit.SECONDS), "the second does not lead");
        cut();
        become(false, () -> second.hasLeadership() && !second.getLeader().getId().equals("second"));
        expect(second.await(PATIENCE, TimeUnit.SECONDS), "it does not lead again");
        second.close();
    }

    private static void leaderSelector(CuratorFramework client, String path) throws Exception {
        BlockingQueue<String> led = new LinkedBlockingQueue<>();
        CountDownLatch leave = new CountDownLatch(1);
        List<LeaderSelector> selectors = new ArrayList<>();
        for (CuratorFramework one : new CuratorFramework[] {client, another()}) {
            String name = "s" + selectors.size();
            LeaderSelector selector = new LeaderSelector(one, path, new LeaderSelectorListenerAdapter() {
                @Override
                public void takeLeadership(CuratorFramework ignored) throws Exception {
                    led.add(name);
                    leave.await();
                }
            });
            selector.setId(name);
            selector.start();
            selectors.add(selector);
            become(selectors.size(), () -> selector.getParticipants().size());
        }
        come(led, "s0");
        expect(led.isEmpty(), "two lead");
        expectEqual("s0", selectors.get(1).getLeader().getId());
        leave.countDown();
        come(led, "s1");
        for (LeaderSelector selector : selectors) selector.close();
    }

    /* ---- Barriers. ---- */

    private static void barrier(CuratorFramework client, String path) throws Exception {
        DistributedBarrier mine = new DistributedBarrier(client, path), theirs = new DistributedBarrier(another(), path);
        mine.setBarrier();
        expect(!theirs.waitOnBarrier(200, TimeUnit.MILLISECONDS), "it is open");
        Future<Boolean> waiter = threads.submit(() -> theirs.waitOnBarrier(PATIENCE, TimeUnit.SECONDS));
        mine.removeBarrier();
        expect(waiter.get(PATIENCE, TimeUnit.SECONDS), "it stays shut");
    }

    private static void doubleBarrier(CuratorFramework client, String path) throws Exception {
        BlockingQueue<String> steps = new LinkedBlockingQueue<>();
        List<Future<?>> members = new ArrayList<>();
        for (CuratorFramework one : new CuratorFramework[] {client, another(), another()}) {
            expect(steps.isEmpty(), "in before all are there");
            members.add(threads.submit(() -> {
                DistributedDoubleBarrier both = new DistributedDoubleBarrier(one, path, 3);
                expect(both.enter(PATIENCE, TimeUnit.SECONDS), "not in");
                steps.add("in");
                expect(both.leave(PATIENCE, TimeUnit.SECONDS), "not out");
                return null;
            }));
        }
        for (Future<?> member : members) join(member);
    }

    /* ---- Caches. ---- */

    private static void nodeCache(CuratorFramework client, String path) throws Exception {
        NodeCache cache = new NodeCache(client, path);
        cache.start(true);
        Callable<String> now = () -> cache.getCurrentData() == null ? "none" : text(cache.getCurrentData().getData());
        expectEqual("none", now.call());
        CuratorFramework other = another();
        other.create().forPath(path, bytes("1"));
        become("1", now);
        other.setData().forPath(path, bytes("2"));
        become("2", now);
        cut();
        other.setData().forPath(path, bytes("3"));
        become("3", now);
        other.delete().forPath(path);
        become("none", now);
        cache.close();
    }

    private static void pathChildrenCache(CuratorFramework client, String path) throws Exception {
        PathChildrenCache cache = new PathChildrenCache(client, path, true);
        BlockingQueue<String> said = new LinkedBlockingQueue<>();
        client.create().creatingParentsIfNeeded().forPath(path + "/a", bytes("1"));
        cache.getListenable().addListener((ignored, event) ->
                said.add(event.getType() + " " + (event.getData() == null ? "" : event.getData().getPath() + " " + text(event.getData().getData()))));
        cache.start(PathChildrenCache.StartMode.BUILD_INITIAL_CACHE);
        expectEqual("1", text(cache.getCurrentData(path + "/a").getData()));
        CuratorFramework other = another();
        other.create().forPath(path + "/b", bytes("2"));
        come(said, "CHILD_ADDED " + path + "/b 2");
        other.setData().forPath(path + "/a", bytes("3"));
        come(said, "CHILD_UPDATED " + path + "/a 3");
        cut();
        come(said, "CONNECTION_RECONNECTED ");
        other.delete().forPath(path + "/a");
        come(said, "CHILD_REMOVED " + path + "/a 3");
        cache.close();
    }

    private static void treeCache(CuratorFramework client, String path) throws Exception {
        TreeCache cache = TreeCache.newBuilder(client, path).setCreateParentNodes(true).build();
        BlockingQueue<String> said = new LinkedBlockingQueue<>();
        cache.getListenable().addListener((ignored, event) -> said.add(event.getType() + " " + (event.getData() == null ? "" : event.getData().getPath())));
        cache.start();
        come(said, "INITIALIZED ");
        CuratorFramework other = another();
        other.create().creatingParentsIfNeeded().forPath(path + "/a/b/c", bytes("deep"));
        come(said, "NODE_ADDED " + path + "/a/b/c");
        expectEqual("deep", text(cache.getCurrentData(path + "/a/b/c").getData()));
        cut();
        come(said, "CONNECTION_RECONNECTED ");
        other.setData().forPath(path + "/a/b", bytes("x"));
        come(said, "NODE_UPDATED " + path + "/a/b");
        other.delete().deletingChildrenIfNeeded().forPath(path + "/a");
        come(said, "NODE_REMOVED " + path + "/a");
        cache.close();
    }

    /* With a persistent recursive watch. */
    private static void curatorCache(CuratorFramework client, String path) throws Exception {
        BlockingQueue<String> said = new LinkedBlockingQueue<>();
        client.create().forPath(path, bytes("root"));
        CuratorCache cache = CuratorCache.build(client, path);
        cache.listenable().addListener(CuratorCacheListener.builder()
                .forCreates(node -> said.add("created " + node.getPath()))
                .forChanges((before, after) -> said.add("changed " + after.getPath() + " " + text(after.getData())))
                .forDeletes(node -> said.add("deleted " + node.getPath()))
                .forInitialized(() -> said.add("initialized")).build());
        cache.start();
        come(said, "initialized");
        CuratorFramework other = another();
        for (int i = 0; i < 3; i++) { /* The watch stays. */
            other.create().creatingParentsIfNeeded().forPath(path + "/a/b", bytes("x"));
            come(said, "created " + path + "/a/b");
            other.setData().forPath(path + "/a", bytes("y" + i));
            come(said, "changed " + path + "/a y" + i);
            other.delete().forPath(path + "/a/b");
            come(said, "deleted " + path + "/a/b");
            other.delete().forPath(path + "/a");
            come(said, "deleted " + path + "/a");
        }
        cut();
        other.create().forPath(path + "/late", bytes("z"));
        come(said, "created " + path + "/late");
        expectEqual(2, cache.size());
        cache.close();
    }

    private static void persistentWatcher(CuratorFramework client, String path) throws Exception {
        BlockingQueue<String> said = new LinkedBlockingQueue<>();
        client.create().forPath(path);
        PersistentWatcher watcher = new PersistentWatcher(client, path, false);
        watcher.getListenable().addListener(event -> said.add(event.getType() + " " + event.getPath()));
        CountDownLatch ready = new CountDownLatch(1);
        watcher.getResetListenable().addListener(ready::countDown);
        watcher.start();
        expect(ready.await(PATIENCE, TimeUnit.SECONDS), "the watch was not set");
        for (int i = 0; i < 3; i++) {
            client.create().forPath(path + "/c");
            come(said, "NodeChildrenChanged " + path);
            client.delete().forPath(path + "/c");
            come(said, "NodeChildrenChanged " + path);
            client.setData().forPath(path);
            come(said, "NodeDataChanged " + path);
        }
        watcher.close();
    }

    private static void watches(CuratorFramework client, String path) throws Exception {
        BlockingQueue<String> said = new LinkedBlockingQueue<>();
        Watcher watcher = event -> said.add(event.getType() + " " + event.getPath());
        client.create().forPath(path);
        client.watchers().add().withMode(AddWatchMode.PERSISTENT_RECURSIVE).usingWatcher(watcher).forPath(path);
        client.create().forPath(path + "/x");
        come(said, "NodeCreated " + path + "/x");
        client.watchers().remove(watcher).ofType(Watcher.WatcherType.Any).forPath(path);
        come(said, "PersistentWatchRemoved " + path);
        expectRefused(KeeperException.Code.NOWATCHER, () -> {
            client.watchers().remove(watcher).forPath(path);
            return null;
        });
        client.getData().usingWatcher(watcher).forPath(path);
        client.watchers().remove(watcher).ofType(Watcher.WatcherType.Data).forPath(path);
        come(said, "DataWatchRemoved " + path);
        client.getChildren().usingWatcher(watcher).forPath(path);
        client.delete().forPath(path + "/x");
        come(said, "NodeChildrenChanged " + path);
        expect(client.checkExists().usingWatcher(watcher).forPath(path + "/y") == null, "it is there");
        client.create().forPath(path + "/y");
        come(said, "NodeCreated " + path + "/y");
    }

    /* ---- Numbers. ---- */

    private static void sharedCount(CuratorFramework client, String path) throws Exception {
        SharedCount mine = new SharedCount(client, path, 7), theirs = new SharedCount(another(), path, 0);
        BlockingQueue<Integer> said = new LinkedBlockingQueue<>();
        mine.start();
        theirs.addListener(new SharedCountListener() {
            @Override
            public void countHasChanged(SharedCountReader reader, int count) {
                said.add(count);
            }

            @Override
            public void stateChanged(CuratorFramework ignored, ConnectionState state) {}
        });
        theirs.start();
        expectEqual(7, theirs.getCount());
        mine.setCount(8);
        come(said, 8);
        expect(theirs.trySetCount(theirs.getVersionedValue(), 9), "not set");
        become(9, mine::getCount);
        mine.close();
        theirs.close();
    }

    private static void atomicLong(CuratorFramework client, String path) throws Exception {
        List<Future<?>> runs = new ArrayList<>();
        for (CuratorFramework one : new CuratorFramework[] {client, another()}) {
            runs.add(threads.submit(() -> {
                DistributedAtomicLong number = new DistributedAtomicLong(one, path, new ExponentialBackoffRetry(1, 20),
                        PromotedToLock.builder().lockPath(path + "-lock").retryPolicy(new RetryOneTime(10)).build());
                for (int i = 0; i < 50; i++) expect(number.increment().succeeded(), "not counted");
                return null;
            }));
        }
        for (Future<?> run : runs) join(run);
        AtomicValue<Long> value = new DistributedAtomicLong(client, path, new RetryOneTime(10)).get();
        expectEqual(100L, value.postValue());
    }

    /* ---- Queues. ---- */

    private static class Texts implements QueueSerializer<String> {
        @Override
        public byte[] serialize(String item) {
            return bytes(item);
        }

        @Override
        public String deserialize(byte[] data) {
            return text(data);
        }
    }

    private static QueueConsumer<String> into(BlockingQueue<String> said) {
        return new QueueConsumer<String>() {
            @Override
            public void consumeMessage(String message) {
                said.add(message);
            }

            @Override
            public void stateChanged(CuratorFramework ignored, ConnectionState state) {}
        };
    }

    private static void queues(CuratorFramework client, String path) throws Exception {
        BlockingQueue<String> said = new LinkedBlockingQueue<>();
        DistributedQueue<String> safe = QueueBuilder.builder(another(), into(said), new Texts(), path).lockPath(path + "-lock").buildQueue();
        safe.start();
        DistributedQueue<String> producer = QueueBuilder.builder(client, null, new Texts(), path).buildQueue();
        producer.start();
        for (String item : new String[] {"1", "2", "3"}) producer.put(item);
        for (String item : new String[] {"1", "2", "3"}) come(said, item);
        safe.close();
        producer.close();

        DistributedIdQueue<String> ids = QueueBuilder.builder(client, null, new Texts(), path + "-ids").buildIdQueue();
        ids.start();
        ids.put("x", "name");
        expect(ids.flushPuts(PATIENCE, TimeUnit.SECONDS), "not put");
        expectEqual(1, ids.remove("name"));
        ids.close();
    }

    private static void orderedQueues(CuratorFramework client, String path) throws Exception {
        BlockingQueue<String> said = new LinkedBlockingQueue<>();
        DistributedPriorityQueue<String> first = QueueBuilder.builder(client, null, new Texts(), path).buildPriorityQueue(0);
        first.start();
        first.put("late", 10);
        first.put("soon", -5);
        expect(first.flushPuts(PATIENCE, TimeUnit.SECONDS), "not put");
        first.close();
        DistributedPriorityQueue<String> reader = QueueBuilder.builder(another(), into(said), new Texts(), path).buildPriorityQueue(0);
        reader.start();
        expectEqual("soon", said.poll(PATIENCE, TimeUnit.SECONDS));
        expectEqual("late", said.poll(PATIENCE, TimeUnit.SECONDS));
        reader.close();

        DistributedDelayQueue<String> delayed = QueueBuilder.builder(client, into(said), new Texts(), path + "-delayed").buildDelayQueue();
        delayed.start();
        long begin = System.currentTimeMillis();
        delayed.put("waited", begin + 300);
        come(said, "waited");
        expect(System.currentTimeMillis() >= begin + 300, "too early");
        delayed.close();
    }

    private static void simpleQueue(CuratorFramework client, String path) throws Exception {
        SimpleDistributedQueue mine = new SimpleDistributedQueue(client, path), theirs = new SimpleDistributedQueue(another(), path);
        Future<byte[]> taken = threads.submit(theirs::take);
        mine.offer(bytes("1"));
        expectEqual("1", text(taken.get(PATIENCE, TimeUnit.SECONDS)));
        mine.offer(bytes("2"));
        expectEqual("2", text(theirs.peek()));
        expectEqual("2", text(mine.poll(PATIENCE, TimeUnit.SECONDS)));
        expect(mine.poll() == null, "not empty");
    }

    /* ---- Nodes. ---- */

    private static void persistentNode(CuratorFramework client, String path) throws Exception {
        PersistentNode node = new PersistentNode(client, CreateMode.EPHEMERAL, true, path, bytes("mine"));
        node.start();
        expect(node.waitForInitialCreate(PATIENCE, TimeUnit.SECONDS), "not made");
        CuratorFramework other = another();
        long owner = other.checkExists().forPath(node.getActualPath()).getEphemeralOwner();
        other.delete().forPath(node.getActualPath());
        become(true, () -> other.checkExists().forPath(node.getActualPath()) != null);
        expire(client);
        become(true, () -> {
            Stat stat = other.checkExists().forPath(node.getActualPath());
            return stat != null && stat.getEphemeralOwner() != owner;
        });
        node.setData(bytes("new"));
        String last = node.getActualPath();
        become("new", () -> text(other.getData().forPath(last)));
        node.close();
        become(true, () -> other.checkExists().forPath(last) == null);
    }

    private static void groupMember(CuratorFramework client, String path) throws Exception {
        GroupMember one = new GroupMember(client, path, "one", bytes("1")), two = new GroupMember(another(), path, "two", bytes("2"));
        one.start();
        two.start();
        become(2, () -> one.getCurrentMembers().size());
        two.close();
        become(1, () -> one.getCurrentMembers().size());
        one.close();
    }

    private static void containersAndTtl(CuratorFramework client, String path) throws Exception {
        client.create().creatingParentContainersIfNeeded().forPath(path + "/child");
        client.delete().forPath(path + "/child");
        become(true, () -> client.checkExists().forPath(path) == null);
        client.create().withTtl(500).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath(path + "-ttl");
        String numbered = client.create().withTtl(500).withMode(CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL).forPath(path + "-n");
        become(true, () -> client.checkExists().forPath(path + "-ttl") == null && client.checkExists().forPath(numbered) == null);
        PersistentTtlNode kept = new PersistentTtlNode(client, path + "-kept", 1000, bytes("x"));
        kept.start();
        expect(kept.waitForInitialCreate(PATIENCE, TimeUnit.SECONDS), "not made");
        kept.close();
    }

    private static void nodes(CuratorFramework client, String path) throws Exception {
        Stat stat = new Stat();
        client.create().storingStatIn(stat).forPath(path, bytes("1"));
        expectEqual(1, stat.getDataLength());
        expectRefused(KeeperException.Code.NODEEXISTS, () -> client.create().forPath(path));
        expectRefused(KeeperException.Code.BADVERSION, () -> client.setData().withVersion(5).forPath(path, bytes("x")));
        expectRefused(KeeperException.Code.NONODE, () -> client.getData().forPath(path + "/none"));
        client.create().orSetData().forPath(path, bytes("2"));
        expectEqual("2", text(client.getData().storingStatIn(stat).forPath(path)));
        expectEqual(1, stat.getVersion());
        String protectedPath = client.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath(path + "/p-");
        expect(protectedPath.matches(".*/_c_[0-9a-f-]{36}-p-0000000000"), protectedPath);
        expectRefused(KeeperException.Code.NOCHILDRENFOREPHEMERALS, () -> client.create().forPath(protectedPath + "/x"));
        expectRefused(KeeperException.Code.NOTEMPTY, () -> client.delete().forPath(path));
        byte[] packed = new byte[100000];
        client.setData().compressed().forPath(path, packed);
        expect(Arrays.equals(packed, client.getData().decompressed().forPath(path)), "not what was packed");
        client.sync().forPath(path);
        client.delete().guaranteed().deletingChildrenIfNeeded().forPath(path);
        expect(client.checkExists().forPath(path) == null, "it is still there");
        CuratorFramework inside = client.usingNamespace("space" + path.substring(1));
        inside.create().forPath("/x");
        expect(client.checkExists().forPath("/space" + path.substring(1) + "/x") != null, "not in its namespace");
        ZooKeeper plain = client.getZookeeperClient().getZooKeeper();
        expectEqual(1, plain.getAllChildrenNumber("/space" + path.substring(1)));
        inside.create().withMode(CreateMode.EPHEMERAL).forPath("/e");
        expectEqual(Collections.singletonList("/space" + path.substring(1) + "/e"), plain.getEphemerals("/space" + path.substring(1)));
        expectEqual("ip", plain.whoAmI().get(0).getAuthScheme());
    }

    private static void background(CuratorFramework client, String path) throws Exception {
        BlockingQueue<String> said = new LinkedBlockingQueue<>();
        client.create().forPath(path);
        for (int i = 0; i < 500; i++) {
            client.create().inBackground((ignored, event) -> said.add(event.getType() + " " + event.getResultCode() + " " + event.getPath())).forPath(path + "/" + i);
        }
        client.getData().inBackground((ignored, event) -> said.add(event.getType() + " " + event.getResultCode())).forPath(path + "/none");
        come(said, "CREATE 0 " + path + "/499");
        come(said, "GET_DATA -101");
        expectEqual(500, client.getChildren().forPath(path).size());
    }

    private static void transactions(CuratorFramework client, String path) throws Exception {
        client.create().forPath(path, bytes("0"));
        Collection<CuratorTransactionResult> results = client.transaction().forOperations(
                client.transactionOp().check().withVersion(0).forPath(path),
                client.transactionOp().create().withMode(CreateMode.PERSISTENT_SEQUENTIAL).forPath(path + "/s-", bytes("x")),
                client.transactionOp().create().withMode(CreateMode.CONTAINER).forPath(path + "/c"),
                client.transactionOp().setData().withVersion(0).forPath(path, bytes("1")),
                client.transactionOp().delete().forPath(path + "/c"));
        List<String> said = new ArrayList<>();
        for (CuratorTransactionResult result : results) said.add(result.getType() + " " + result.getResultPath() + " " + result.getError());
        expectEqual(Arrays.asList("CHECK null 0", "CREATE " + path + "/s-0000000000 0", "CREATE null 0", "SET_DATA null 0",
                "DELETE null 0"), said); /* The path of a container is not passed on by the Java client. */
        try {
            client.transaction().forOperations(client.transactionOp().create().forPath(path + "/b"),
                    client.transactionOp().check().withVersion(9).forPath(path), client.transactionOp().create().forPath(path + "/d"));
            throw new AssertionError("it was not refused");
        } catch (KeeperException e) {
            expectEqual(KeeperException.Code.BADVERSION, e.code());
            expectEqual(3, e.getResults().size());
        }
        expect(client.checkExists().forPath(path + "/b") == null, "half of it was done");
    }

    private static void acls(CuratorFramework client, String path) throws Exception {
        CuratorFramework friend = start(builder().authorization("digest", bytes("user:word")));
        friend.create().withACL(ZooDefs.Ids.CREATOR_ALL_ACL).forPath(path, bytes("secret"));
        expectRefused(KeeperException.Code.NOAUTH, () -> client.getData().forPath(path));
        expectEqual("digest", friend.getACL().forPath(path).get(0).getId().getScheme());
        cut();
        expectEqual("secret", text(friend.getData().forPath(path)));
        friend.setACL().withVersion(0).withACL(Collections.singletonList(new ACL(ZooDefs.Perms.READ, new Id("ip", "127.0.0.0/8")))).forPath(path);
        expectEqual("secret", text(client.getData().forPath(path)));
        expectRefused(KeeperException.Code.NOAUTH, () -> friend.setData().forPath(path, bytes("x")));
        expectRefused(KeeperException.Code.INVALIDACL,
                () -> client.create().withACL(Collections.singletonList(new ACL(31, new Id("none", "x")))).forPath(path + "-x"));
    }

    private static void reconnect(CuratorFramework client, String path) throws Exception {
        BlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();
        BlockingQueue<String> said = new LinkedBlockingQueue<>();
        client.getConnectionStateListenable().addListener((ignored, state) -> states.add(state));
        long session = client.getZookeeperClient().getZooKeeper().getSessionId();
        client.create().withMode(CreateMode.EPHEMERAL).forPath(path);
        client.getData().usingWatcher((Watcher) event -> said.add(event.getType() + "")).forPath(path);
        CuratorFramework other = another();
        cut();
        come(states, ConnectionState.SUSPENDED);
        come(states, ConnectionState.RECONNECTED);
        expectEqual(session, client.getZookeeperClient().getZooKeeper().getSessionId());
        other.setData().forPath(path, bytes("x"));
        come(said, "NodeDataChanged");
        expectEqual(session, client.checkExists().forPath(path).getEphemeralOwner());
    }

    private static void expiry(CuratorFramework client, String path) throws Exception {
        BlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();
        client.getConnectionStateListenable().addListener((ignored, state) -> states.add(state));
        client.create().withMode(CreateMode.EPHEMERAL).forPath(path);
        expire(client);
        come(states, ConnectionState.LOST);
        come(states, ConnectionState.RECONNECTED);
        expect(client.checkExists().forPath(path) == null, "the ephemeral of the old session is there");
    }

    private static void configuration(CuratorFramework client, String path) throws Exception {
        expectEqual("", text(client.getConfig().forEnsemble()));
        expectRefused(KeeperException.Code.RECONFIGDISABLED, () -> client.reconfig().leaving("1").forEnsemble());
    }

    public static void main(String[] args) throws Exception {
        connect = args[0];
        Map<String, Recipe> recipes = new LinkedHashMap<>();
        recipes.put("InterProcessMutex: re-entrant, one at a time", CuratorRecipes::mutex);
        recipes.put("InterProcessMutex: the holder is asked to let go", CuratorRecipes::revocation);
        recipes.put("InterProcessMutex: the next gets in when the holder's session ends", CuratorRecipes::mutexAfterExpiry);
        recipes.put("InterProcessReadWriteLock: many readers or one writer, downgraded", CuratorRecipes::readWriteLock);
        recipes.put("InterProcessSemaphoreV2: two leases", CuratorRecipes::semaphore);
        recipes.put("InterProcessSemaphoreV2: as many leases as a SharedCount says", CuratorRecipes::sharedCountSemaphore);
        recipes.put("InterProcessMultiLock and InterProcessSemaphoreMutex", CuratorRecipes::multiLock);
        recipes.put("LeaderLatch: one after the other, also behind a cut", CuratorRecipes::leaderLatch);
        recipes.put("LeaderSelector: one after the other", CuratorRecipes::leaderSelector);
        recipes.put("DistributedBarrier: opens for who waits", CuratorRecipes::barrier);
        recipes.put("DistributedDoubleBarrier: three go in and out together", CuratorRecipes::doubleBarrier);
        recipes.put("NodeCache: also behind a cut", CuratorRecipes::nodeCache);
        recipes.put("PathChildrenCache: also behind a cut", CuratorRecipes::pathChildrenCache);
        recipes.put("TreeCache: also behind a cut", CuratorRecipes::treeCache);
        recipes.put("CuratorCache: a recursive watch stays, also behind a cut", CuratorRecipes::curatorCache);
        recipes.put("PersistentWatcher: stays", CuratorRecipes::persistentWatcher);
        recipes.put("watches: once, persistent, removed", CuratorRecipes::watches);
        recipes.put("SharedCount: is followed", CuratorRecipes::sharedCount);
        recipes.put("DistributedAtomicLong: two count, none is lost", CuratorRecipes::atomicLong);
        recipes.put("DistributedQueue with locks, DistributedIdQueue", CuratorRecipes::queues);
        recipes.put("DistributedPriorityQueue, DistributedDelayQueue", CuratorRecipes::orderedQueues);
        recipes.put("SimpleDistributedQueue", CuratorRecipes::simpleQueue);
        recipes.put("PersistentNode: is made again when deleted and when the session ends", CuratorRecipes::persistentNode);
        recipes.put("GroupMember: members come and go", CuratorRecipes::groupMember);
        recipes.put("containers and nodes with a TTL: made and reaped", CuratorRecipes::containersAndTtl);
        recipes.put("nodes: create, set, delete, versions, protection, namespaces, who am I", CuratorRecipes::nodes);
        recipes.put("background: five hundred at once, in order", CuratorRecipes::background);
        recipes.put("transactions: all or nothing, with what each did", CuratorRecipes::transactions);
        recipes.put("ACLs: digest, shown again behind a cut, ip, unknown schemes", CuratorRecipes::acls);
        recipes.put("a cut connection: same session, ephemerals and watches", CuratorRecipes::reconnect);
        recipes.put("an expired session: LOST, ephemerals gone", CuratorRecipes::expiry);
        recipes.put("configuration is empty, and reconfig refused", CuratorRecipes::configuration);

        System.out.println("1.." + recipes.size());
        int number = 0;
        for (Map.Entry<String, Recipe> recipe : recipes.entrySet()) {
            String verdict = "ok";
            try {
                recipe.getValue().run(another(), "/curator-" + number++);
            } catch (Throwable e) {
                verdict = "not ok";
                System.out.println("# " + e);
                for (StackTraceElement frame : e.getStackTrace()) {
                    if (frame.getClassName().startsWith("CuratorRecipes")) System.out.println("#   at " + frame);
                }
            }
            for (CuratorFramework client : clients) client.close();
            clients.clear();
            System.out.println(verdict + " - " + recipe.getKey());
        }
        System.exit(0); /* A recipe that failed may have left threads. */
    }
}
