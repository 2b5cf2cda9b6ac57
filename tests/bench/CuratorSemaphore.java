/* tests/bench/CuratorSemaphore.java ADDRESS OPS LEASES - as bench-semaphore.c, with Curator's InterProcessSemaphoreV2. */
import java.util.Collection;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.retry.ExponentialBackoffRetry;

public class CuratorSemaphore {
    public static void main(String[] arguments) throws Exception {
        int operations = Integer.parseInt(arguments[1]), leases = Integer.parseInt(arguments[2]), warmUp = operations;
        CuratorFramework client = CuratorFrameworkFactory.newClient(arguments[0], new ExponentialBackoffRetry(100, 5));
        client.start();
        client.blockUntilConnected();
        InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(client, "/curator-bench/semaphore", 10);
        long began = System.nanoTime();
        for (int i = 0; i < warmUp + operations; i++) {
            if (i == warmUp) began = System.nanoTime();
            Collection<Lease> taken = semaphore.acquire(leases);
            semaphore.returnAll(taken);
        }
        System.out.println("ops=" + operations + " wall_ns=" + (System.nanoTime() - began));
        client.close();
    }
}
