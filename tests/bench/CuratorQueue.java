/* tests/bench/CuratorQueue.java ADDRESS ITEMS ROUNDS THREADS - as bench-queue.c, with Curator's SimpleDistributedQueue. Prints "put=RATE take=RATE". */
import java.nio.ByteBuffer;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.ArrayList;
import java.util.List;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.retry.ExponentialBackoffRetry;

public class CuratorQueue {
    private static final int SESSION_MS = 30000, DATA_BYTES = 100;
    private static ExecutorService pool;
    private static SimpleDistributedQueue queue;
    private static int items, threads;

    private interface Step {
        void take(int number) throws Exception;
    }

    private static double seconds(Step step) throws Exception {
        List<Future<?>> working = new ArrayList<>();
        long began = System.nanoTime();
        for (int thread = 0; thread < threads; thread++) {
            int first = thread;
            working.add(pool.submit(() -> {
                for (int number = first; number < items; number += threads) step.take(number);
                return null;
            }));
        }
        for (Future<?> one : working) one.get();
        return (System.nanoTime() - began) / 1e9;
    }

    private static void put(int number) throws Exception {
        queue.offer(ByteBuffer.allocate(DATA_BYTES).putInt(number).array());
    }

    private static void take(int number) throws Exception {
        int taken = ByteBuffer.wrap(queue.take()).getInt();
        if (threads == 1 && taken != number) throw new IllegalStateException("order");
    }

    public static void main(String[] arguments) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.newClient(arguments[0], SESSION_MS, SESSION_MS, new ExponentialBackoffRetry(100, 5));
        client.start();
        client.blockUntilConnected();
        items = Integer.parseInt(arguments[1]);
        int rounds = Integer.parseInt(arguments[2]);
        threads = Integer.parseInt(arguments[3]);
        pool = Executors.newFixedThreadPool(threads);
        queue = new SimpleDistributedQueue(client, "/curator-bench/queue-" + ProcessHandle.current().pid());
        seconds(CuratorQueue::put); /* To get warm. */
        seconds(CuratorQueue::take);
        double put = 0, take = 0;
        for (int round = 0; round < rounds; round++) {
            put += seconds(CuratorQueue::put);
            take += seconds(CuratorQueue::take);
        }
        System.out.printf("put=%.0f take=%.0f%n", items * rounds / put, items * rounds / take);
        pool.shutdown();
        client.close();
    }
}
