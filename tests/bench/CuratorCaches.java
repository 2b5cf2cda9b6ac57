/* tests/bench/CuratorCaches.java LEAVES CONNECT tree|cache - as bench-cache.c, with Curator's TreeCache or CuratorCache. */
import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.cache.ChildData;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.cache.TreeCacheEvent;
import org.apache.curator.retry.ExponentialBackoffRetry;

public class CuratorCaches {
    private static final int STAMP_BYTES = 20, PATH_BYTES = 40, NUMBER_DIGITS = 6, PATIENCE_S = 60, LOAD_PATIENCE_S = 300;
    private static CuratorFramework client;
    private static TreeCache tree;
    private static CuratorCache cache;
    private static int leaves;
    private static boolean wantsTree;
    private static volatile CountDownLatch loaded;
    /* Of each leaf; 0: has not changed. */
    private static volatile long[] lags;
    private static volatile CountDownLatch left;
    private static int twice;

    private static long cpu() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static void changed(ChildData data) {
        long[] all = lags;
        String path = data.getPath();
        if (all == null || path.length() != PATH_BYTES) return;
        long when = Long.parseLong(new String(data.getData(), 0, STAMP_BYTES, StandardCharsets.US_ASCII));
        int number = Integer.parseInt(path.substring(PATH_BYTES - NUMBER_DIGITS));
        if (when == 0) return;
        synchronized (CuratorCaches.class) {
            boolean first = all[number] == 0;
            all[number] = System.nanoTime() - when; /* CLOCK_MONOTONIC, as everywhere. */
            if (first) left.countDown();
            else twice++;
        }
    }

    private static void open(String root) throws Exception {
        loaded = new CountDownLatch(1);
        if (wantsTree) {
            tree = TreeCache.newBuilder(client, root).build();
            tree.getListenable().addListener((c, event) -> {
                if (event.getType() == TreeCacheEvent.Type.INITIALIZED) loaded.countDown();
                else if (event.getType() == TreeCacheEvent.Type.NODE_UPDATED) changed(event.getData());
            });
            tree.start();
        } else {
            cache = CuratorCache.build(client, root);
            cache.listenable().addListener(CuratorCacheListener.builder().forChanges((before, after) -> changed(after))
                    .forInitialized(() -> loaded.countDown()).build());
            cache.start();
        }
    }

    private static long count(String path) {
        if (!wantsTree) return cache.size();
        long sum = 1;
        Map<String, ChildData> children = tree.getCurrentChildren(path);
        if (children == null) return 0;
        for (String name : children.keySet()) sum += count(path + "/" + name);
        return sum;
    }

    /* What is alive. */
    private static long heap() throws InterruptedException {
        Runtime runtime = Runtime.getRuntime();
        long least = Long.MAX_VALUE;
        for (int i = 0; i < 4; i++) {
            System.gc();
            Thread.sleep(100);
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }

    private static void load(String root) throws Exception {
        if (tree != null) tree.close();
        if (cache != null) cache.close();
        tree = null;
        cache = null;
        long before = heap(), wall = System.nanoTime(), cpu = cpu();
        open(root);
        boolean whole = loaded.await(LOAD_PATIENCE_S, TimeUnit.SECONDS);
        wall = System.nanoTime() - wall;
        cpu = cpu() - cpu;
        System.out.printf("nodes=%d initialized=%d heap=%d wall_ns=%d cpu_ns=%d%n", count(root), whole ? 1 : 0, heap() - before, wall, cpu);
    }

    private static void session() throws Exception {
        StringBuilder password = new StringBuilder();
        for (byte b : client.getZookeeperClient().getZooKeeper().getSessionPasswd()) password.append(String.format("%02x", b));
        System.out.printf("id=%d password=%s%n", client.getZookeeperClient().getZooKeeper().getSessionId(), password);
    }

    private static void lag(int count) throws InterruptedException {
        twice = 0;
        left = new CountDownLatch(count);
        lags = new long[leaves];
        long wall = System.nanoTime(), cpu = cpu();
        System.out.println("listening");
        left.await(PATIENCE_S, TimeUnit.SECONDS);
        wall = System.nanoTime() - wall;
        cpu = cpu() - cpu;
        long[] seen;
        synchronized (CuratorCaches.class) {
            seen = Arrays.stream(lags).filter(lag -> lag != 0).sorted().toArray();
            lags = null;
        }
        int n = seen.length;
        System.out.printf("seen=%d twice=%d wall_ns=%d cpu_ns=%d median_ns=%d p99_ns=%d max_ns=%d%n", n, twice, wall, cpu,
                n == 0 ? 0 : seen[n / 2], n == 0 ? 0 : seen[(int) (n * 99L / 100)], n == 0 ? 0 : seen[n - 1]);
    }

    public static void main(String[] args) throws Exception {
        leaves = Integer.parseInt(args[0]);
        wantsTree = args[2].equals("tree");
        String root = String.format("/docent-bench/%07d", leaves);
        client = CuratorFrameworkFactory.builder().connectString(args[1]).sessionTimeoutMs(30000).connectionTimeoutMs(15000)
                .retryPolicy(new ExponentialBackoffRetry(100, 10)).build();
        client.start();
        client.blockUntilConnected();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        System.out.println("ready");
        for (String line; (line = input.readLine()) != null;) {
            if (line.equals("load")) load(root);
            else if (line.equals("session")) session();
            else if (line.equals("count")) System.out.printf("nodes=%d%n", count(root));
            else if (line.startsWith("lag ")) lag(Integer.parseInt(line.substring(4)));
            else throw new IOException("no such command: " + line);
        }
        System.exit(0); /* Closing a cache that is at work takes as long as it likes. */
    }
}
