/* tests/interop/CuratorQueues.java - queues. */
import java.util.Arrays;
import java.util.Iterator;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.queue.DistributedDelayQueue;
import org.apache.curator.framework.recipes.queue.DistributedIdQueue;
import org.apache.curator.framework.recipes.queue.DistributedPriorityQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.MultiItem;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.QueueSharder;
import org.apache.curator.framework.recipes.queue.QueueSharderPolicies;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.state.ConnectionState;

final class CuratorQueues {
    private static String textOrNull(byte[] data) {
        return data == null ? null : CuratorPeer.text(data);
    }

    /* put DATA, peek, poll, take MS. */
    private static CuratorPeer.Thing simple(CuratorFramework client, String path, String[] words, CuratorPeer.Teller teller) {
        SimpleDistributedQueue queue = new SimpleDistributedQueue(client, path);
        return (verb, asked) -> {
            switch (verb) {
            case "put":
                return queue.offer(CuratorPeer.bytes(asked[0])) ? "" : null;
            case "peek":
                return textOrNull(queue.peek());
            case "poll":
                return textOrNull(queue.poll());
            case "take":
                return textOrNull(queue.poll(Long.parseLong(asked[0]), TimeUnit.MILLISECONDS));
            default:
                throw new IllegalArgumentException(verb);
            }
        };
    }

    private static final QueueSerializer<String> asText = new QueueSerializer<String>() {
        @Override
        public byte[] serialize(String item) {
            return CuratorPeer.bytes(item);
        }

        @Override
        public String deserialize(byte[] data) {
            return CuratorPeer.text(data);
        }
    };

    private static MultiItem<String> several(String[] items) {
        Iterator<String> next = Arrays.asList(items).iterator();
        return () -> next.hasNext() ? next.next() : null;
    }

    /* LOCK ("-": none) ROLE ("put", "consume"). A consumer says "item DATA" and goes on when it is told to: done COUNT, fail COUNT. It can
     * be told in advance. The rest: put DATA [PRIORITY, EPOCH or ID], multi DATA..., remove ID, flush, close. */
    private static CuratorPeer.Thing queue(String kind, CuratorFramework client, String path, String[] words, CuratorPeer.Teller teller)
            throws Exception {
        Semaphore told = new Semaphore(0);
        AtomicInteger failures = new AtomicInteger();
        QueueConsumer<String> consumer = !words[1].equals("consume") ? null : new QueueConsumer<String>() {
            @Override
            public void consumeMessage(String item) throws Exception {
                teller.tell("item " + item);
                told.acquire();
                if (failures.get() > 0) {
                    failures.decrementAndGet();
                    throw new IllegalStateException("it was told to fail");
                }
            }

            @Override
            public void stateChanged(CuratorFramework ignored, ConnectionState state) {
            }
        };
        QueueBuilder<String> builder = QueueBuilder.builder(client, consumer, asText, path);
        if (!words[0].equals("-")) builder.lockPath(words[0]);
        DistributedQueue<String> plain = kind.equals("queue") ? builder.buildQueue() : null;
        DistributedIdQueue<String> ids = kind.equals("id-queue") ? builder.buildIdQueue() : null;
        DistributedPriorityQueue<String> priorities = kind.equals("priority-queue") ? builder.buildPriorityQueue(0) : null;
        DistributedDelayQueue<String> delays = kind.equals("delay-queue") ? builder.buildDelayQueue() : null;
        if (plain != null) plain.start();
        if (ids != null) ids.start();
        if (priorities != null) priorities.start();
        if (delays != null) delays.start();
        return (verb, asked) -> {
            switch (verb) {
            case "put":
                if (plain != null) plain.put(asked[0]);
                if (ids != null) ids.put(asked[0], asked[1]);
                if (priorities != null) priorities.put(asked[0], Integer.parseInt(asked[1]));
                if (delays != null) delays.put(asked[0], Long.parseLong(asked[1]));
                return "";
            case "multi":
                plain.putMulti(several(asked));
                return "";
            case "remove":
                return String.valueOf(ids.remove(asked[0]));
            case "done":
                told.release(Integer.parseInt(asked[0]));
                return "";
            case "fail":
                failures.addAndGet(Integer.parseInt(asked[0]));
                told.release(Integer.parseInt(asked[0]));
                return "";
            case "close":
                if (plain != null) plain.close();
                if (ids != null) ids.close();
                if (priorities != null) priorities.close();
                if (delays != null) delays.close();
                return "";
            default:
                throw new IllegalArgumentException(verb);
            }
        };
    }

    /* LEADER LOCK ("-": none) ROLE ("put", "consume") MAX: put DATA, shards, close. A shard is full with four items, and there are at most MAX. A
     * consumer says "item DATA", and is done with it. */
    private static CuratorPeer.Thing sharder(CuratorFramework client, String path, String[] words, CuratorPeer.Teller teller) throws Exception {
        QueueConsumer<String> consumer = !words[2].equals("consume") ? null : new QueueConsumer<String>() {
            @Override
            public void consumeMessage(String item) {
                teller.tell("item " + item);
            }

            @Override
            public void stateChanged(CuratorFramework ignored, ConnectionState state) {
            }
        };
        QueueSharderPolicies policies =
                QueueSharderPolicies.builder().newQueueThreshold(4).thresholdCheckMs(50).maxQueues(Integer.parseInt(words[3])).build();
        QueueSharder<String, DistributedQueue<String>> sharder = new QueueSharder<>(client, (owner, shard) -> {
            QueueBuilder<String> builder = QueueBuilder.builder(owner, consumer, asText, shard);
            if (!words[1].equals("-")) builder.lockPath(words[1] + shard.substring(shard.lastIndexOf('/')));
            return builder.buildQueue();
        }, path, words[0], policies);
        sharder.start();
        return (verb, asked) -> {
            switch (verb) {
            case "put":
                sharder.getQueue().put(asked[0]);
                return "";
            case "shards":
                return String.valueOf(sharder.getShardQty());
            case "close":
                sharder.close();
                return "";
            default:
                throw new IllegalArgumentException(verb);
            }
        };
    }

    static void register() {
        CuratorPeer.kinds.put("simple-queue", CuratorQueues::simple);
        CuratorPeer.kinds.put("sharder", CuratorQueues::sharder);
        for (String kind : new String[] {"queue", "id-queue", "priority-queue", "delay-queue"}) {
            CuratorPeer.kinds.put(kind, (client, path, words, teller) -> queue(kind, client, path, words, teller));
        }
    }
}
