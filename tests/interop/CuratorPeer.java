/* tests/interop/CuratorPeer.java CONNECT curator count|hold LOCK [COUNTER ROUNDS] - as docent_peer.c, with Curator. */
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.ExponentialBackoffRetry;

public class CuratorPeer {
    public static void main(String[] args) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.newClient(args[0], 4000, 4000, new ExponentialBackoffRetry(100, 10));
        client.start();
        InterProcessMutex mutex = new InterProcessMutex(client, args[3]);
        int rounds = args[2].equals("count") ? Integer.parseInt(args[5]) : 0;
        if (rounds > 0) {
            client.blockUntilConnected();
            System.out.println("ready");
            System.in.read();
        }
        for (int i = 0; i < rounds; i++) {
            if (!mutex.acquire(60, TimeUnit.SECONDS)) throw new IllegalStateException("not acquired");
            try {
                int value = Integer.parseInt(new String(client.getData().forPath(args[4]), StandardCharsets.UTF_8));
                client.setData().forPath(args[4], Integer.toString(value + 1).getBytes(StandardCharsets.UTF_8));
            } finally {
                mutex.release();
            }
        }
        if (rounds == 0) {
            if (!mutex.acquire(60, TimeUnit.SECONDS)) throw new IllegalStateException("not acquired");
            System.out.println("held");
            System.out.println(String.join(" ", mutex.getParticipantNodes()));
            while (System.in.read() >= 0) {
            }
            mutex.release();
        }
        client.close();
    }
}
