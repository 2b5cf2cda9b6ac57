/* tests/bench/CuratorBarrier.java ADDRESS MEMBERS one|each MILLISECONDS - as bench-barrier.c, with Curator's DistributedDoubleBarrier, a new one
 * for each member and round, because it is good for one only. A thread for each member. They meet inside the process, too, before they leave and before
 * they enter again: left to themselves, members that are quick pass by the ready of the round before. */
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.retry.ExponentialBackoffRetry;

public class CuratorBarrier {
    private static final int SESSION_MS = 30000, NS_PER_MS = 1000000, PATIENCE_MS = 10000;
    private static final AtomicLong entering = new AtomicLong(), mixed = new AtomicLong();
    private static long startNs, endNs, lengthNs;
    private static volatile long lastNs, counted, all;
    private static volatile boolean over;

    private static CuratorFramework connect(String address) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.newClient(address, SESSION_MS, SESSION_MS, new ExponentialBackoffRetry(100, 5));
        client.start();
        client.blockUntilConnected();
        return client;
    }

    /* All are out. */
    private static void count() {
        long now = System.nanoTime();
        all++;
        if (endNs == 0) {
            if (now - startNs < 0) return;
            startNs = now;
            endNs = now + lengthNs;
        } else {
            counted++;
        }
        lastNs = now;
        if (now - endNs >= 0) over = true;
    }

    private static void attend(CuratorFramework client, String path, int members, CyclicBarrier inside, CyclicBarrier outside) {
        try {
            for (long round = 1; !over; round++) {
                DistributedDoubleBarrier barrier = new DistributedDoubleBarrier(client, path, members);
                entering.incrementAndGet();
                barrier.enter();
                if (entering.get() < round * members) mixed.incrementAndGet();
                inside.await();
                barrier.leave();
                outside.await();
            }
        } catch (Exception failed) {
            failed.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    public static void main(String[] arguments) throws Exception {
        int members = Integer.parseInt(arguments[1]);
        String path = "/curator-bench/barrier-" + ProcessHandle.current().pid();
        List<CuratorFramework> clients = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        CyclicBarrier inside = new CyclicBarrier(members), outside = new CyclicBarrier(members, CuratorBarrier::count);
        for (int i = 0; i < (arguments[2].equals("each") ? members : 1); i++) clients.add(connect(arguments[0]));
        lengthNs = Long.parseLong(arguments[3]) * NS_PER_MS;
        startNs = lastNs = System.nanoTime() + lengthNs;
        long giveUpNs = System.nanoTime() + 2 * lengthNs + (long)PATIENCE_MS * NS_PER_MS;
        for (int i = 0; i < members; i++) {
            CuratorFramework client = clients.get(i % clients.size());
            Thread thread = new Thread(() -> attend(client, path, members, inside, outside));
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) thread.join(Math.max(1, (giveUpNs - System.nanoTime()) / NS_PER_MS));
        System.out.println("ops=" + counted + " wall_ns=" + (lastNs - startNs) + " all=" + all + " mixed=" + mixed + " hung=" + (over ? 0 : 1));
        System.out.flush();
        if (!over) Runtime.getRuntime().halt(0);
        for (CuratorFramework client : clients) client.close();
    }
}
