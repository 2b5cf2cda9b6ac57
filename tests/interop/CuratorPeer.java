/* tests/interop/CuratorPeer.java CONNECT curator count LOCK COUNTER ROUNDS
 * tests/interop/CuratorPeer.java CONNECT curator hold LOCK INSIDE
 * tests/interop/CuratorPeer.java CONNECT curator pack LOCK LIMIT - as docent_peer.c, with Curator; it has no LIMIT. */
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.imps.GzipCompressionProvider;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.ExponentialBackoffRetry;
import org.apache.zookeeper.CreateMode;

public class CuratorPeer {
    private static CuratorFramework client;
    private static InterProcessMutex mutex;
    private static final BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    private static String textOf(String path) throws Exception {
        return new String(client.getData().forPath(path), StandardCharsets.UTF_8);
    }

    private static void acquire() throws Exception {
        if (!mutex.acquire(60, TimeUnit.SECONDS)) throw new IllegalStateException("not acquired");
    }

    private static void count(String counter, int rounds) throws Exception {
        client.blockUntilConnected();
        System.out.println("ready");
        input.readLine();
        for (int i = 0; i < rounds; i++) {
            acquire();
            try {
                int value = Integer.parseInt(textOf(counter));
                client.setData().forPath(counter, Integer.toString(value + 1).getBytes(StandardCharsets.UTF_8));
            } finally {
                mutex.release();
            }
        }
    }

    private static void hold(String inside) throws Exception {
        acquire();
        client.create().withMode(CreateMode.EPHEMERAL).forPath(inside);
        System.out.println("held");
        for (String line; (line = input.readLine()) != null;) {
            List<String> said = new ArrayList<>();
            for (String node : mutex.getParticipantNodes()) said.add(node + "=" + textOf(node));
            System.out.println(String.join(" ", said));
        }
        client.delete().forPath(inside);
        mutex.release();
    }

    private static long sumOf(byte[] data) {
        CRC32 sum = new CRC32();
        sum.update(data);
        return sum.getValue();
    }

    private static void pack() throws Exception {
        client.blockUntilConnected();
        System.out.println("ready");
        for (String line; (line = input.readLine()) != null;) {
            String[] words = line.split(" ");
            try {
                if (words[0].equals("put")) {
                    byte[] data = words[2].repeat(Integer.parseInt(words[3])).getBytes(StandardCharsets.UTF_8);
                    client.create().compressed().forPath(words[1], data);
                    System.out.println("put");
                } else {
                    byte[] data = client.getData().decompressed().forPath(words[1]);
                    System.out.printf("%d %08x%n", data.length, sumOf(data));
                }
            } catch (IOException trouble) {
                System.out.println("corrupt");
            }
        }
    }

    public static void main(String[] args) throws Exception {
        client = CuratorFrameworkFactory.builder().connectString(args[0]).sessionTimeoutMs(4000).connectionTimeoutMs(4000)
                .retryPolicy(new ExponentialBackoffRetry(100, 10)).defaultData("curator".getBytes(StandardCharsets.UTF_8))
                .compressionProvider(new GzipCompressionProvider()).build();
        client.start();
        mutex = new InterProcessMutex(client, args[3]);
        try {
            if (args[2].equals("count")) {
                count(args[4], Integer.parseInt(args[5]));
            } else if (args[2].equals("pack")) {
                pack();
            } else {
                hold(args[4]);
            }
        } finally {
            client.close(); /* Its threads would keep a failed program from ending. */
        }
    }
}
