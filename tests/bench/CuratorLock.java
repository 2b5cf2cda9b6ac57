/* tests/bench/CuratorLock.java ADDRESS CONTENDERS one|each MILLISECONDS - as bench-contend.c, with Curator's InterProcessMutex: a thread each. */
import java.util.ArrayList;
import java.util.List;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.ExponentialBackoffRetry;

public class CuratorLock {
    private static final int SESSION_MS = 30000, NS_PER_MS = 1000000;
    private static long startNs, endNs, tookNs, lengthNs, acquired, all;
    private static volatile boolean over;

    private static CuratorFramework connect(String address) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.newClient(address, SESSION_MS, SESSION_MS, new ExponentialBackoffRetry(100, 5));
        client.start();
        client.blockUntilConnected();
        return client;
    }

    private static synchronized void count() {
        all++;
        if (over) return;
        long now = System.nanoTime();
        if (endNs == 0 && now - startNs >= 0) {
            startNs = now;
            endNs = now + lengthNs;
        } else if (endNs != 0) {
            acquired++;
            if (now - endNs < 0) return;
            over = true;
            tookNs = now - startNs;
        }
    }

    private static void contend(CuratorFramework client, String path) {
        InterProcessMutex mutex = new InterProcessMutex(client, path);
        try {
            while (!over) {
                mutex.acquire();
                count();
                mutex.release();
            }
        } catch (Exception failed) {
            failed.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    public static void main(String[] arguments) throws Exception {
        int count = Integer.parseInt(arguments[1]);
        String path = "/curator-bench/lock-" + ProcessHandle.current().pid();
        List<CuratorFramework> clients = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < (arguments[2].equals("each") ? count : 1); i++) clients.add(connect(arguments[0]));
        lengthNs = Long.parseLong(arguments[3]) * NS_PER_MS;
        startNs = System.nanoTime() + lengthNs;
        for (int i = 0; i < count; i++) {
            CuratorFramework client = clients.get(i % clients.size());
            Thread thread = new Thread(() -> contend(client, path));
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) thread.join();
        for (CuratorFramework client : clients) client.close();
        System.out.println("ops=" + acquired + " wall_ns=" + tookNs + " all=" + all);
    }
}
